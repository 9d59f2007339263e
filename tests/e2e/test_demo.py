"""The demo: everything runs, the pooler is found, nothing is left."""

import signal
import time

import psutil
import pytest

from tests.e2e.command import poolwatch, start


@pytest.mark.slow
def test_the_planted_pooler_is_found_and_nothing_is_left():
    told = poolwatch("demo", "--seconds", "100", timeout=400)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "loud_a-1" in told.stdout or "one developer with many sellers' keys" in told.stdout


@pytest.mark.slow
def test_ctrl_c_ends_all_at_once():
    demo = start("demo")
    children = []
    while not any("worker" in told(child.cmdline, []) for child in children):
        assert demo.poll() is None, demo.communicate()[1]
        time.sleep(1)
        children = psutil.Process(demo.pid).children(recursive=True)
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
