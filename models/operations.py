"""Name of an operation -> what it does: read, write, report; which writes are deeds. Pure but for `load`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import U8, Bools
from models.errors import ConfigError
from models.events import PII_CLASSES

READ, WRITE, REPORT, OTHER = 0, 1, 2, 3
KINDS = ("read", "write", "report", "other")
#: Bits of what a write does: a deed; one where the call carries orders; after the parcel; for many orders.
DEED, DEED_OF_ORDERS, AFTER, MANY = 1, 2, 4, 8

#: Names met that no table lists are told by name up to here: they are the caller's word.
MOST_INFERRED = 8_192

_READ_VERBS = r"(get|list|search|describe|head|lookup|query|scan|select|read|fetch|download|export|batchGet)"
_WRITE_VERBS = (
    r"(create|update|confirm|put|submit|send|delete|post|patch|cancel|upload|add|remove|set|modify|attach|detach"
    r"|purchase|acknowledge|refund|return|ship|fulfil|fulfill|mark|print|buy|pay|issue|request|answer|reply|respond"
    r"|message|notify|solicit|accept|reject|approve|register|sync|import|batchWrite|batchPut|start|stop|run|terminate|enable|disable|associate|tag|untag)"
)
_AFTER = ("invoice", "message", "messaging", "solicit", "review", "feedback", "refund", "warranty")
#: What may be said of a deed, beside that it is one.
_OF_DEEDS = ("after", "many")
_VERB_END = r"(?![a-z])"  # `address` does not begin with the verb `add`


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    needs   classes of personal data it may return
    deed    justifies having read them
    after   a deed that others than the one who sends the parcels do: invoices, letters, refunds
    many    a deed that may stand for many orders and name none: a feed
    """

    name: str
    kind: int
    needs: tuple[str, ...] = ()
    deed: bool = False
    after: bool = False
    many: bool = False
    inferred: bool = False


#: What an operation that no table lists may mean; each has the same place in every table.
INFERRED = (
    *(Operation("", kind, inferred=True) for kind in (OTHER, READ, WRITE, REPORT)),
    Operation("", WRITE, after=True, inferred=True),
)


@lru_cache(maxsize=MOST_INFERRED)
def infer(name: str) -> Operation:
    """What the name alone says of an operation that no table lists: its verb decides, `Report` before all.
    One of INFERRED.

    An inferred write counts as a deed where the call carries `orders` (models.fold): nobody else's
    write about an order should look like none.
    """
    if "report" in name.lower():
        kind = REPORT
    elif _begins(_READ_VERBS, name):
        kind = READ
    elif _begins(_WRITE_VERBS, name):
        kind = WRITE
    else:
        kind = OTHER
    after = kind == WRITE and any(word in name.lower() for word in _AFTER)
    return Operation("", kind, after=after, inferred=True)


def _begins(verbs: str, name: str) -> bool:
    head = name[:1].lower() + name[1:]
    return re.match(verbs + _VERB_END, head) is not None


class Operations:
    """What may be inferred, then the table, then names met beside it, so that they can be told by name."""

    def __init__(self, table: Iterable[Operation]) -> None:
        self._list: list[Operation] = list(INFERRED)
        self._index: dict[str, int] = {}
        for operation in table:
            self._enter(operation)
        self._known = len(self._list)
        self._columns: tuple[U8, U8] | None = None

    def _enter(self, operation: Operation) -> int:
        index = self._index[operation.name] = len(self._list)
        self._list.append(operation)
        self._columns = None
        return index

    def index(self, name: str) -> int:
        """Place of `name`, 0 .. 32,767. What is there depends on the name and the table alone; a name that
        the table does not list has a place of its own, or its meaning's where there are too many."""
        found = self._index.get(name)
        if found is not None:
            return found
        meaning = infer(name)
        if len(self._list) - self._known >= MOST_INFERRED:
            return INFERRED.index(meaning)
        return self._enter(replace(meaning, name=name))

    def lasting(self, index: int) -> int:
        """Place of the same meaning in every process with this table."""
        return index if index < self._known else INFERRED.index(replace(self._list[index], name=""))

    def __getitem__(self, index: int) -> Operation:
        return self._list[index]

    def __len__(self) -> int:
        return len(self._list)

    def listed(self, index: npt.NDArray[np.intp]) -> Bools:
        """bool[n]: whether the table lists the operations at these places."""
        return (index >= len(INFERRED)) & (index < self._known)

    def columns(self) -> tuple[U8, U8]:
        """(kind uint8[n], deed uint8[n]) by index; deed has the bits above."""
        if self._columns is None:
            kind = np.array([o.kind for o in self._list], np.uint8)
            deed = [
                (DEED if o.deed else DEED_OF_ORDERS if o.inferred and o.kind == WRITE else 0)
                | (AFTER if o.after else 0)
                | (MANY if o.many else 0)
                for o in self._list
            ]
            self._columns = kind, np.array(deed, np.uint8)
        return self._columns

    @classmethod
    def load(cls, path: str | Path | None = None) -> Operations:
        """The table of a TOML file; none, empty = the one shipped. ConfigError: file, place, remedy."""
        path = Path(path) if path else Path(__file__).with_name("operations.toml")
        try:
            groups = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror}); give a readable TOML file"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not TOML: {error}; see models/operations.toml for the form") from None
        return cls(_checked(path, groups))


def _checked(path: Path, groups: dict[str, Any]) -> list[Operation]:
    table: dict[str, Operation] = {}
    for group, entries in groups.items():
        if not isinstance(entries, dict):
            raise ConfigError(
                f"{path}: [{group}] must be a table of operations, e.g. getOrders = {{ kind = 'read' }}"
            )
        for name, entry in entries.items():
            if name in table:
                raise ConfigError(f"{path}: [{group}] {name}: listed twice; keep one")
            table[name] = _entry(f"{path}: [{group}] {name}", name, entry)
    if not table:
        raise ConfigError(f"{path}: no operation in it; see models/operations.toml for the form")
    if len(table) > 16_384:
        raise ConfigError(
            f"{path}: {len(table)} operations, at most 16,384; drop those that are never called"
        )
    return list(table.values())


def _entry(place: str, name: str, entry: Any) -> Operation:
    if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
        raise ConfigError(f"{place}: kind must be one of {', '.join(KINDS)}")
    if unknown := sorted(set(entry) - {"kind", "needs", "deed", *_OF_DEEDS}):
        known = ", ".join(("kind", "needs", "deed", *_OF_DEEDS))
        raise ConfigError(f"{place}: unknown setting {unknown[0]!r}; known are {known}")
    needs, deed = entry.get("needs", []), entry.get("deed", False)
    if not isinstance(needs, list) or any(c not in PII_CLASSES for c in needs):
        raise ConfigError(f"{place}: needs must list classes out of {', '.join(PII_CLASSES)}")
    if not isinstance(deed, bool) or (deed and entry["kind"] != "write"):
        raise ConfigError(f"{place}: deed must be true or false, and true for a write only")
    told = {name: entry.get(name, False) for name in _OF_DEEDS}
    for name_of, value in told.items():
        if not isinstance(value, bool) or (value and not deed):
            raise ConfigError(f"{place}: {name_of} must be true or false, and true for a deed only")
    return Operation(name, KINDS.index(entry["kind"]), tuple(needs), deed, **told)
