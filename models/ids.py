"""Id texts -> hashes, each text hashed once; the contract's rules in words. Pure; its memory is bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.events import PII_CLASSES
from models.hashing import hash_text
from models.lists import ID_MAX_BYTES
from models.origin import origin

U64 = npt.NDArray[np.uint64]

#: 2000-01-01 and 2100-01-01: what lies outside is seconds, microseconds or a broken clock.
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
RECORDS_MAX = 2**31 - 1
BYTES_MAX = 2**50

#: Texts remembered before all are forgotten and learnt anew: some 150 bytes each.
MOST_TEXTS = 1_000_000

_ID = f"a string of 1 to {ID_MAX_BYTES} bytes"
RULES = {
    "event_id": _ID,
    "time": "integer milliseconds since 1970 or an RFC 3339 string with its offset, from 2000 to 2099",
    "developer_id": _ID,
    "seller_id": _ID,
    "key_id": _ID,
    "operation": "a string of 1 to 256 characters",
    "status": "an integer 100-599",
    "records": f"an integer 0-{RECORDS_MAX}",
    "bytes": f"an integer 0-{BYTES_MAX}",
    "pii": f"a list out of {', '.join(PII_CLASSES)}",
    "customers": "a list of strings",
    "orders": "a list of strings",
    "source_ip": f"a string of at most {ID_MAX_BYTES} bytes",
    "user_agent": "a string",
    "tls_fingerprint": f"a string of at most {ID_MAX_BYTES} bytes",
    "marketplace": "a string",
}


def pii_bits(classes: Sequence[str]) -> int:
    """Bits of `Events.pii`; -1 where a class is not known."""
    bits = 0
    for name in classes:
        if name not in PII_CLASSES:
            return -1
        bits |= 1 << PII_CLASSES.index(name)
    return bits


class Ids:
    """Hashes of the texts met so far."""

    def __init__(self) -> None:
        self._hash: dict[str, int] = {}
        self._place: dict[tuple[str | None, str | None, str | None], tuple[int, int, int, str]] = {}

    def one(self, text: str) -> int:
        """Hash of an id; 0 where it is empty, too long or not valid Unicode."""
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return 0
        if not 0 < size <= ID_MAX_BYTES:
            return 0
        if len(self._hash) >= MOST_TEXTS:
            self._hash.clear()
        found = self._hash[text] = hash_text(text)
        return found

    def column(self, column: Sequence[str], names: dict[int, str], broken: dict[int, str], field: str) -> U64:
        """Hashes of a column of required ids; fills `names`, and `broken` with {row: reason}."""
        known = self._hash
        out = [known.get(text) or self.one(text) for text in column]
        names.update(zip(out, column, strict=True))
        if 0 in names:
            del names[0]
            for i, found in enumerate(out):
                if not found:
                    broken.setdefault(i, f"{field} must be {RULES[field]}")
        return np.array(out, np.uint64)

    def places(
        self,
        ips: Sequence[str | None],
        agents: Sequence[str | None],
        prints: Sequence[str | None],
        names: dict[int, str],
        broken: dict[int, str],
    ) -> tuple[U64, U64, U64]:
        """(origin, client, network) hashes; 0 where an event tells none."""
        known = self._place
        rows = [known.get(at) or self.place(at) for at in zip(ips, agents, prints, strict=True)]
        if not rows:
            empty = np.empty(0, np.uint64)
            return empty, empty, empty
        origins, clients, networks, texts = zip(*rows, strict=True)
        names.update(zip(origins, texts, strict=True))
        names.pop(0, None)
        out = np.array(origins, np.uint64)
        if _REJECTED in texts:
            for i, text in enumerate(texts):
                if text == _REJECTED:
                    broken.setdefault(i, f"source_ip and tls_fingerprint must be {RULES['source_ip']}")
        return out, np.array(clients, np.uint64), np.array(networks, np.uint64)

    def place(self, at: tuple[str | None, str | None, str | None]) -> tuple[int, int, int, str]:
        """(origin, client, network, origin id) of (source_ip, user_agent, tls_fingerprint)."""
        if len(self._place) >= MOST_TEXTS // 4:
            self._place.clear()
        try:
            text, client, network = origin(*at)
            if any(len(part.encode()) > ID_MAX_BYTES for part in (at[0] or "", at[2] or "")):
                return 0, 0, 0, _REJECTED
            found = (*(hash_text(part) if part else 0 for part in (text, client, network)), text)
        except UnicodeEncodeError:
            return 0, 0, 0, _REJECTED
        self._place[at] = found  # type: ignore[assignment]
        return found  # type: ignore[return-value]


_REJECTED = "\0"
