"""A command's terminal, at its end, to an SVG: `python docs/picture.py OUT.svg COMMAND...`. Needs tmux.

What is drawn is what a real terminal showed; only the characters become vectors.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 110, 60


def captured(command: list[str]) -> str:
    """The last screen of a command, with its colours."""
    with tempfile.TemporaryDirectory(prefix="poolwatch-picture-") as folder:
        tmux = ["tmux", "-S", f"{folder}/tmux", "-f", "/dev/null"]
        line = f"{shlex.join(command)}; {shlex.join([*tmux, 'wait-for', '-S', 'ended'])}; sleep 60"
        environment = {**os.environ, "COLORTERM": "truecolor", "TERM": "xterm-256color"}
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        subprocess.run([*tmux, "new-session", "-d", *size, line], check=True, env=environment)
        try:
            subprocess.run([*tmux, "wait-for", "ended"], check=True)
            capture = [*tmux, "capture-pane", "-p", "-e"]
            return subprocess.run(capture, check=True, capture_output=True, text=True).stdout
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)


def svg(screen: str, title: str) -> str:
    """The screen as SVG; no font is fetched from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), end="")
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.S)
    return console.export_svg(title=title, code_format=form)


if __name__ == "__main__":
    out, *wanted = sys.argv[1:]
    Path(out).write_text(svg(captured(wanted), " ".join(["poolwatch", *wanted[1:]])))
