"""The demo: everything runs, the pooler is found, nothing is left."""

import shutil
import signal
import time
from pathlib import Path

import psutil
import pytest

from models import operations
from models.scoring.model import DEFAULT
from models.scoring.rules import SHIPPED
from streams.settings import from_environment
from tests.e2e.command import poolwatch, start


@pytest.mark.slow
def test_the_planted_pooler_is_found_and_nothing_is_left():
    told = poolwatch("demo", "--seconds", "100", timeout=400)
    assert told.returncode == 0, told.stdout + told.stderr
    for party in ("loud_a-1", "loud_b-1"):
        assert f"✔ found {party}" in told.stdout


@pytest.mark.slow
def test_its_worker_is_told_what_it_was_told_and_ctrl_c_ends_all_at_once(tmp_path):
    given = {
        "model": shutil.copy(DEFAULT, tmp_path / "own.model"),
        "rules": shutil.copytree(SHIPPED, tmp_path / "rules"),
        "operations": shutil.copy(Path(operations.__file__).with_suffix(".toml"), tmp_path / "own.toml"),
    }
    real = {"BROKER": "kafka://real:1", "PREFIX": "real", "LEDGER": str(tmp_path / "ledger"), "IDLE_S": "77"}
    demo = start(
        "demo",
        *(word for name, path in given.items() for word in (f"--{name}", path)),
        variables={f"POOLWATCH_{name}": text for name, text in real.items()},
    )
    children = []
    while not any("worker" in told(child.cmdline, []) for child in children):
        assert demo.poll() is None, demo.communicate()[1]
        time.sleep(1)
        children = psutil.Process(demo.pid).children(recursive=True)
    (worker,) = (child for child in children if "worker" in told(child.cmdline, []))
    settings = from_environment(worker.environ())
    assert {name: getattr(settings, name) for name in given} == {n: str(path) for n, path in given.items()}
    assert (settings.prefix, settings.ledger, settings.idle_s) == ("demo", "", 2)
    assert settings.broker.startswith("kafka://127.0.0.1:")
    time.sleep(3)
    demo.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, said = demo.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert "Traceback" not in said
    assert {told(child.status, psutil.STATUS_ZOMBIE) for child in children} == {psutil.STATUS_ZOMBIE}


def told(ask, gone):
    """What a process says of itself; `gone` where it has ended."""
    try:
        return ask()
    except psutil.Error:
        return gone
