"""How far a long run is, on standard error; nothing where that is no terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar:
    """One bar. size: what is to be read in all, 0 = unknown."""

    def __init__(self, title: str, size: int) -> None:
        columns = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
        ]
        if size:
            columns += [TextColumn("{task.percentage:3.0f}%"), TimeRemainingColumn()]
        self._bar = Progress(
            *columns,
            TimeElapsedColumn(),
            console=Console(file=sys.stderr),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(title, total=size or None, said="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, position: int, said: str) -> None:
        """`position` of the whole is read; `said` stands beside the bar."""
        self._bar.update(self._task, completed=position or None, said=said)
