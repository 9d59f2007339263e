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
    time.sleep(12)
    children = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, said = demo.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert "Traceback" not in said
    assert children
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
