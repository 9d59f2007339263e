"""Hash -> id text, for what alerts and scores name. Touches its own state only.

Texts lie end to end in one array: some 60 bytes a name, where a dict of strings takes 250.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from models.compiled import leaf
from models.memory.arrays import zeros
from models.memory.pages import Pages
from models.memory.tables import find, insert, new_index, reindex

#: Names of a page.
PAGE_NAMES = 1_024
#: Texts of entities, met at every crossing, that are kept at hand as they are.
AT_HAND = 10_000


@leaf
def _places(keys: Any, slots: Any, values: Any, out: Any) -> int:
    """Place of each of uint64[n] into int32[n], -1 = unknown; how many are unknown."""
    unknown = 0
    for i in range(len(values)):
        out[i] = find(keys, slots, values[i]) if values[i] != 0 else -1
        unknown += out[i] < 0
    return unknown


@leaf
def _enter(keys: Any, slots: Any, values: Any, first: int) -> None:
    for i in range(len(values)):
        insert(keys, slots, values[i], first + i)


class Names:
    """Texts of the hashes that came, in order of coming."""

    def __init__(self) -> None:
        self._count = self._saved = self._pages = 0
        self._index = new_index(PAGE_NAMES)
        self._hashes = np.zeros(PAGE_NAMES, np.uint64)
        self._ends = np.zeros(PAGE_NAMES + 1, np.int64)  # of text i: _ends[i + 1]
        self._bytes = np.zeros(32 * PAGE_NAMES, np.uint8)
        self._at_hand: dict[int, str] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def held_bytes(self) -> int:
        """Memory held."""
        return sum(int(a.nbytes) for a in (*self._index, self._hashes, self._ends, self._bytes))

    def __getitem__(self, value: int) -> str:
        """The text; the hash in hexadecimal where it never came."""
        known = self._at_hand.get(value)
        if known is None:
            if len(self._at_hand) >= AT_HAND:
                self._at_hand.clear()
            known = self._at_hand[value] = self.texts([value])[0]
        return known

    def texts(self, values: Iterable[int]) -> list[str]:
        """The text of each, as by `[]`."""
        hashes = np.fromiter(values, np.uint64)
        places = self._found(hashes)[0]
        starts, ends = self._ends[places].tolist(), self._ends[places + 1].tolist()
        text_bytes = memoryview(self._bytes)  # type: ignore[arg-type]
        return [
            str(text_bytes[start:end], "utf-8") if place >= 0 else f"{value:016x}"
            for value, place, start, end in zip(hashes.tolist(), places.tolist(), starts, ends, strict=True)
        ]

    def add(self, names: dict[int, str]) -> list[str]:
        """Keep what is new, and give it back."""
        values = np.fromiter(names, np.uint64, len(names))
        places, unknown = self._found(values)
        if not unknown:
            return []
        new = values[(places < 0) & (values != 0)]
        texts = [names[value] for value in new.tolist()]
        self._append(new, texts)
        return texts

    def _found(self, values: Any) -> tuple[Any, int]:
        places = np.empty(len(values), np.int32)
        return places, _places(*self._index, values, places)

    def _append(self, hashes: Any, texts: list[str]) -> None:
        parts = [text.encode() for text in texts]
        first, last = self._count, self._count + len(parts)
        start = int(self._ends[first])
        ends = start + np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
        self._reserve(last, int(ends[-1]) if len(ends) else start)
        self._hashes[first:last], self._ends[first + 1 : last + 1] = hashes, ends
        self._bytes[start : self._ends[last]] = np.frombuffer(b"".join(parts), np.uint8)
        _enter(*self._index, self._hashes[first:last], first)
        self._count = last
        for value in hashes.tolist():
            self._at_hand.pop(value, None)  # it stood there as a number

    def _reserve(self, names: int, size: int) -> None:
        if names > len(self._hashes):
            more = max(names, len(self._hashes) * 5 // 4)
            self._hashes, self._ends = _longer(self._hashes, more), _longer(self._ends, more + 1)
        if size > len(self._bytes):
            self._bytes = _longer(self._bytes, max(size, len(self._bytes) * 5 // 4))
        if 3 * names > 2 * len(self._index[0]):
            index = new_index(names)
            reindex(*self._index, *index)
            self._index = index

    def keep(self, known: set[int]) -> None:
        """Forget the others, once half are."""
        if 2 * len(known) > self._count:
            return
        left = [value for value in self._hashes[: self._count].tolist() if value in known]
        texts, pages = self.texts(left), self._pages
        self.__init__()  # type: ignore[misc]
        self._append(np.array(left, np.uint64), texts)
        self._pages = pages

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        pages: Pages = {}
        count = -(-self._count // PAGE_NAMES)
        if self._saved < self._count or self._pages > count:
            for page in range(self._saved // PAGE_NAMES, count):
                part = self._hashes[page * PAGE_NAMES : min((page + 1) * PAGE_NAMES, self._count)].tolist()
                pages[f"names/{page}"] = msgspec.msgpack.encode(
                    list(zip(part, self.texts(part), strict=True))
                )
            pages |= {f"names/{page}": None for page in range(count, self._pages)}
        self._saved, self._pages = self._count, count
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        self.__init__()  # type: ignore[misc]
        while content := pages.get(f"names/{self._pages}"):
            page = msgspec.msgpack.decode(content, type=list[tuple[int, str]])
            self._append(np.array([v for v, _ in page], np.uint64), [text for _, text in page])
            self._pages += 1
        self._saved = self._count


def _longer(array: Any, size: int) -> Any:
    longer = zeros(size, array.dtype)
    longer[: len(array)] = array
    return longer
