"""Id texts -> hashes, each text hashed once. Pure; its memory is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from models.decode.fields import RULES
from models.decode.lists import ID_MAX_BYTES
from models.dtypes import U64
from models.hashing import hash_ranges
from models.origin import origin

#: Texts remembered before all are forgotten and learnt anew: some 150 bytes each.
MOST_TEXTS = 1_000_000

#: source_ip, user_agent, tls_fingerprint.
_At = tuple[str | None, str | None, str | None]
#: Hashes of origin, client and network, 0 = none; the origin's id.
_Place = tuple[int, int, int, str]
_REJECTED = "\0"
_NOWHERE: _Place = (0, 0, 0, _REJECTED)


def hash_ids(texts: Sequence[str]) -> U64:
    """uint64[n] hashes, all at once over the joined bytes; 0: no id (empty, too long, no Unicode)."""
    if not len(texts):
        return np.empty(0, np.uint64)
    joined = "".join(texts)
    if joined.isascii():
        data, sizes = joined.encode(), np.fromiter(map(len, texts), np.int64, len(texts))
    else:
        parts = [_utf8(text) for text in texts]
        data, sizes = b"".join(parts), np.fromiter(map(len, parts), np.int64, len(parts))
    ends = np.cumsum(sizes)
    hashes: U64 = hash_ranges(np.frombuffer(data, np.uint8), ends - sizes, ends)
    hashes[(sizes == 0) | (sizes > ID_MAX_BYTES)] = 0
    return hashes


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return b""


class Ids:
    """Hashes of the texts met so far."""

    def __init__(self) -> None:
        self._hash: dict[str, int] = {}
        self._place: dict[_At, _Place] = {}

    def column(self, column: Sequence[str], names: dict[int, str], broken: dict[int, str], field: str) -> U64:
        """Hashes of a column of required ids; fills `names`, and `broken` with {row: reason}."""
        known = self._hash
        out = list(map(known.get, column))
        if None in out:
            fresh = set(column).difference(known)
            if len(known) + len(fresh) > MOST_TEXTS:
                known.clear()
                fresh = set(column)
            texts = list(fresh)
            known.update((t, h) for t, h in zip(texts, hash_ids(texts).tolist(), strict=True) if h)
            out = list(map(known.get, column, repeat(0)))
        names.update(zip(out, column, strict=True))  # type: ignore[arg-type]
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
        where = list(zip(ips, agents, prints, strict=True))
        if not where:
            empty = np.empty(0, np.uint64)
            return empty, empty, empty
        known = self._place
        rows = list(map(known.get, where))
        if None in rows:
            fresh = set(where).difference(known)
            if len(known) + len(fresh) > MOST_TEXTS // 4:
                known.clear()
                fresh = set(where)
            known.update(_places(list(fresh)))
            rows = list(map(known.get, where, repeat(_NOWHERE)))
        origins, clients, networks, texts = zip(*rows, strict=True)
        names.update(zip(origins, texts, strict=True))
        names.pop(0, None)
        if _REJECTED in texts:
            for i, text in enumerate(texts):
                if text == _REJECTED:
                    broken.setdefault(i, f"source_ip and tls_fingerprint must be {RULES['source_ip']}")
        return np.array(origins, np.uint64), np.array(clients, np.uint64), np.array(networks, np.uint64)


def _places(where: Sequence[_At]) -> dict[_At, _Place]:
    """What each tells; those that break the rule are left out."""
    good, texts = [], []
    for at in where:
        try:
            parts = origin(*at)
            if any(len(part.encode()) > ID_MAX_BYTES for part in (at[0] or "", at[2] or "")):
                continue
            "".join(parts).encode()
        except UnicodeEncodeError:
            continue
        good.append(at)
        texts.append(parts)
    if not good:
        return {}
    flat = [part.encode() for parts in texts for part in parts]
    ends = np.cumsum(np.fromiter(map(len, flat), np.int64, len(flat)))
    starts = np.concatenate(([0], ends[:-1]))
    hashes = hash_ranges(np.frombuffer(b"".join(flat) or b"\0", np.uint8), starts, ends)
    hashes[starts == ends] = 0
    return {
        at: (*of, parts[0]) for at, parts, of in zip(good, texts, hashes.reshape(-1, 3).tolist(), strict=True)
    }
