"""What the ledger is meant to hold of an entity's day, at any cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


def below(values: Iterable[int], level: int) -> set[int]:
    return {value for value in values if value < 1 << (32 - level)}


def least_level(values: set[int], at_least: int, most: int) -> int:
    return next(j for j in range(at_least, 33) if len(below(values, j)) <= most)


def held(
    entries: Mapping[Entry, set[int]], entry_most: int, day_most: int
) -> dict[Entry, tuple[int, list[int]]]:
    """entries: all customers of each -> (level, sample) of each that is kept."""
    for level in range(33):
        levels = {e: least_level(values, level, entry_most) for e, values in entries.items()}
        kept = {e: below(values, levels[e]) for e, values in entries.items()}
        if sum(entry_most if levels[e] > level else len(kept[e]) for e in entries) <= day_most:
            return {e: (levels[e], sorted(kept[e])) for e in entries if kept[e] or levels[e] > level}
    raise AssertionError("unreachable: nothing lies below the last level")
