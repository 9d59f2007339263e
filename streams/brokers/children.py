"""A command -> a process of our own, that dies with us. Touches processes."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from models.errors import PoolwatchError

PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """In the child, before exec: the kernel ends it when the parent is gone, however that went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def spawn(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child that dies with its parent (Linux); its words go to `log`.

    The kernel means the thread that called: call it from one that lives as long as the child shall.
    """
    hook = _die_with_parent if os.uname().sysname == "Linux" else None
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=None if environment is None else dict(environment),
            preexec_fn=hook,
            start_new_session=True,  # Ctrl-C reaches us first, and we end the child in order
        )


def wait_until(
    ready: Callable[[], bool], child: subprocess.Popen[bytes], what: str, log: Path, limit_s: float
) -> None:
    """Wait until `ready`. PoolwatchError, with the child's last words: it ended, or `limit_s` are over."""
    end = time.monotonic() + limit_s
    while not ready():
        if child.poll() is not None or time.monotonic() > end:
            tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise PoolwatchError(f"{what} did not start: {tail[0][:300]} (log: {log})")
        time.sleep(0.05)


def stop(child: subprocess.Popen[bytes] | None, grace_s: float) -> None:
    """End a child: asked first, after `grace_s` not any more."""
    if child is None or child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        kill(child)


def kill(child: subprocess.Popen[bytes] | None) -> None:
    """SIGKILL: end a child at once, as a crash would."""
    if child is not None and child.poll() is None:
        child.kill()
        child.wait()
