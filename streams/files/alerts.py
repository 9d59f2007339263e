"""Alerts in, version after version; a file with the last version of each out, by time. Touches that file."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from models.alerts.alerts import SEVERITIES, Alert
from streams.files.atomic import atomic_path, clear_write_errors


class LastAlerts:
    """The last version of each alert, as the contract has it."""

    def __init__(self) -> None:
        self._last: dict[str, Alert] = {}

    def add(self, alerts: Iterable[Alert]) -> None:
        """Keep each alert unless a later version is known."""
        for alert in alerts:
            known = self._last.get(alert.alert_id)
            if known is None or known.version <= alert.version:
                self._last[alert.alert_id] = alert

    def all(self) -> list[Alert]:
        """By time, then id."""
        return sorted(self._last.values(), key=lambda alert: (alert.time, alert.alert_id))

    def standing(self) -> list[Alert]:
        """Those that still count, by time, then id."""
        return [alert for alert in self.all() if alert.stands]

    def by_severity(self) -> dict[str, int]:
        """Count of each severity, none left out, of alerts that still count."""
        counts = Counter(alert.severity for alert in self._last.values() if alert.stands)
        return {severity: counts[severity] for severity in SEVERITIES}

    def __len__(self) -> int:
        return sum(alert.stands for alert in self._last.values())


@contextlib.contextmanager
def lines_file(path: str) -> Iterator[Callable[[Sequence[Any]], None]]:
    """A function that writes records, one JSON object a line; the file is there whole or not at all.

    PoolwatchError where it cannot be written.
    """
    encode = msgspec.json.Encoder().encode_lines

    def add(records: Sequence[Any]) -> None:
        with clear_write_errors(path):
            file.write(encode(records))

    with atomic_path(path) as partial, open(partial, "wb") as file:
        yield add
