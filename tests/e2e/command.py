"""The installed command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.executable).with_name("poolwatch")
COMMAND = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "poolwatch"]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without poolwatch's own settings."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("POOLWATCH_")}
    return plain | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | more


def poolwatch(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run to the end; output as text."""
    variables, limit_s = environment(**more.pop("variables", {})), more.pop("timeout", 120)
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=limit_s,
        env=variables,
        check=False,
        **more,
    )


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
