"""What a stream lacks: optional fields that never came, operations that the table does not list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.events import Events
from models.operations import KINDS, READ, REPORT, WRITE, Operations
from models.scoring.features import FEATURES
from models.scoring.rules import RuleSet

#: From this share on, what is odd about a stream is told with its remedy.
NOTABLE = 0.01
#: Operations told by name, and the longest name told whole: it is the caller's word.
SHOWN, NAME_MOST = 3, 40

#: Optional fields that features need, the most telling first; what is above 0 where one came.
_FIELDS: dict[str, Callable[[Events], Any]] = {
    "orders": lambda e: len(e.orders),
    "pii": lambda e: e.pii,
    "records": lambda e: e.records,
    "source_ip": lambda e: e.network,
    "customers": lambda e: len(e.customers),
    "bytes": lambda e: e.bytes,
}


@dataclass(frozen=True, slots=True)
class Off:
    """What says nothing, because what it needs never came. fields: those that never came at all."""

    fields: tuple[str, ...]
    features: tuple[str, ...]
    rules: tuple[str, ...]
    of_rules: int

    def said(self) -> str:
        """One line; "" where nothing is off."""
        if not self.features:
            return ""
        needs = dict.fromkeys(f.needs for f in FEATURES if f.name in self.features)
        why = f"{', '.join(self.fields)} never came"
        if not self.fields:
            why = f"nothing came of {', '.join(n for n in _FIELDS if n in needs)} that counts"
        rules = f" and {len(self.rules)} of {self.of_rules} rules" if self.rules else ""
        return f"{why}, which switches off {len(self.features)} of {len(FEATURES)} features{rules}"


def switched_off(features: Collection[str], missing: Collection[str], rules: RuleSet) -> Off:
    """What these features being off means. missing: fields that never came; those that none of them needs
    are left out."""
    off = tuple(f.name for f in FEATURES if f.name in features)
    needs = {f.needs for f in FEATURES if f.name in features}
    silent = tuple(r.id for r in rules.rules if any(FEATURES[c].name in features for c in r.columns))
    return Off(tuple(f for f in _FIELDS if f in missing and f in needs), off, silent, len(rules.rules))


def needing(missing: Collection[str]) -> tuple[str, ...]:
    """Features that are off where these fields never come."""
    return tuple(f.name for f in FEATURES if f.needs in missing)


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Calls of operations that the table does not list, out of all; calls by name, most first, and by what
    the names were taken for."""

    calls: int
    of: int
    names: dict[str, int]
    kinds: dict[str, int]

    def said(self) -> str:
        """One line; "" where they are few."""
        if self.calls <= NOTABLE * self.of:
            return ""
        told = [_shown(name) for name in list(self.names)[:SHOWN]]
        more = f" and {len(self.names) - SHOWN:,} more" if len(self.names) > SHOWN else ""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.items() if count)
        return (
            f"{self.calls:,} of {self.of:,} calls are of operations that no table lists "
            f"({', '.join(told)}{more}); by their names taken for {kinds}; list yours: --operations FILE"
        )


def _shown(name: str) -> str:
    """A caller's word, safe to show."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return text if len(text) <= NAME_MOST else text[: NAME_MOST - 1] + "…"


class Came:
    """What came so far."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._calls = np.zeros(0, np.int64)
        self._fields: set[str] = set()

    def add(self, events: Events) -> None:
        """Meet a batch."""
        for name, of in _FIELDS.items():
            if name not in self._fields and np.any(of(events)):
                self._fields.add(name)
        calls = np.bincount(events.operation, minlength=len(self._operations))
        calls[: len(self._calls)] += self._calls
        self._calls = calls

    @property
    def calls(self) -> int:
        """Events met."""
        return int(self._calls.sum())

    @property
    def missing(self) -> tuple[str, ...]:
        """Optional fields that never came."""
        return tuple(name for name in _FIELDS if name not in self._fields)

    def unlisted(self) -> Unlisted:
        """Calls of operations that the table does not list."""
        met = np.flatnonzero(self._calls)
        met = met[~self._operations.listed(met)]
        met = met[np.argsort(-self._calls[met], kind="stable")]
        calls = self._calls[met]
        kind = self._operations.columns()[0][met]
        said = {"reads": READ, "writes": WRITE, "reports": REPORT, "none of these": KINDS.index("other")}
        names: dict[str, int] = {}
        for place, count in zip(met.tolist(), calls.tolist(), strict=True):
            name = self._operations[place].name or "others"
            names[name] = names.get(name, 0) + count
        return Unlisted(
            int(calls.sum()),
            self.calls,
            names,
            {name: int(calls[kind == k].sum()) for name, k in said.items()},
        )
