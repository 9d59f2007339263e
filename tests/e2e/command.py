"""The installed command, run as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.executable).with_name("poolwatch")
COMMAND = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "poolwatch"]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without poolwatch's own settings."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("POOLWATCH_")}
    return plain | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONFAULTHANDLER": "1"} | more


def poolwatch(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run to the end; output as text. What has not ended in `timeout` seconds says where it is."""
    limit_s = more.pop("timeout", 120)
    process = start(*arguments, **more)
    try:
        out, said = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler tells every thread's stack
        out, said = process.communicate(timeout=30)
        pytest.fail(f"{arguments} has not ended in {limit_s} s\n{out}\n{said}")
    return subprocess.CompletedProcess(process.args, process.returncode, out, said)


def start(*arguments: str, **more: object) -> subprocess.Popen[str]:
    """Start it and go on."""
    variables = environment(**more.pop("variables", {}))
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
        **more,
    )
