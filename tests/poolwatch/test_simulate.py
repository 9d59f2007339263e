"""A simulated history is there whole or not at all, and says so."""

import contextlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from models.errors import PoolwatchError
from poolwatch import simulate
from poolwatch.simulate import Wish
from streams.kafka.topics import ensure
from streams.settings import Settings, bootstrap_of

WISH = Wish("normal", 5, 3, 200, 30)


class Broken(RuntimeError):
    pass


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, Broken])
def test_what_is_cut_short_leaves_no_file(tmp_path, capsys, monkeypatch, name, error):
    def cut(tables, *_):
        yield next(iter(tables))
        raise error

    monkeypatch.setattr(simulate, "shown", cut)
    with pytest.raises(error):
        simulate.simulate(WISH, str(tmp_path / name), Settings())
    assert os.listdir(tmp_path) == []
    said = f"poolwatch: {tmp_path / name}: interrupted, nothing is written\n"
    assert capsys.readouterr().err == (said if error is KeyboardInterrupt else "")


SMALL = Wish("normal", 5, 1, 100, 20)


def test_a_rate_changes_when_not_what(tmp_path):
    at_once, paced = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    simulate.simulate(SMALL, str(at_once), Settings())
    rate = len(at_once.read_text().splitlines())
    begun = time.monotonic()
    simulate.simulate(SMALL, str(paced), Settings(), rate=rate)
    assert time.monotonic() - begun >= 1.0
    assert paced.read_bytes() == at_once.read_bytes()


@pytest.mark.kafka
def test_a_rate_holds_in_kafka_too_and_without_bursts(kafka_url, prefix):
    settings = Settings(broker=kafka_url, prefix=prefix, partitions=1)
    ensure(settings)
    began = 1000 * time.time()
    simulate.simulate(SMALL, f"{kafka_url}/{prefix}.usage-events", settings, rate=300)
    times = np.array(written(kafka_url, f"{prefix}.usage-events"))
    # A busy machine may be late, and then catches up; nothing is ever sent before it is due.
    assert (times >= began + 1000 / 300 * np.arange(len(times))).all()
    assert len(np.unique(times // 100)) > 5


def written(kafka_url, topic):
    """When each message of partition 0 was sent, in ms."""
    consumer = Consumer({"bootstrap.servers": bootstrap_of(kafka_url), "group.id": "written"})
    with contextlib.closing(consumer):
        consumer.assign([TopicPartition(topic, 0, 0)])
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        return [message.timestamp()[1] for message in consumer.consume(end, timeout=20)]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    for name in ("a.parquet", "a.jsonl"):
        out = str(tmp_path / "none" / name)
        with pytest.raises(PoolwatchError, match=r"none/a\.\w+: cannot be written"):
            simulate.simulate(WISH, out, Settings())


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal_only(tmp_path, capfd):
    import pty

    parent, child = pty.openpty()
    command = [sys.executable, "-m", "poolwatch", "simulate", "--scenario", "normal", "--hours", "2"]
    command += ["--sellers", "200", "--developers", "30", "--out", str(tmp_path / "a.parquet")]
    subprocess.run(command, stderr=child, env=os.environ | {"TERM": "xterm"}, check=True)
    os.close(child)
    assert b"simulate" in os.read(parent, 100_000)
    os.close(parent)
    simulate.simulate(WISH, str(tmp_path / "b.parquet"), Settings())
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"poolwatch: {tmp_path}/b.parquet: ")
