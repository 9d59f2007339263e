"""A simulated history is there whole or not at all, and says so."""

import os
import subprocess
import sys

import pytest

from models.errors import PoolwatchError
from poolwatch import simulate
from poolwatch.simulate import Wish
from streams.settings import Settings

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
