"""Hash -> id text, for what alerts and scores name. Touches its own state only."""

from __future__ import annotations

import msgspec

from models.pages import Pages

#: Names of a page.
PAGE_NAMES = 1_024


class Names:
    """Texts of the hashes that came, in order of coming."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._order: list[int] = []
        self._told, self._pages = 0, 0

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, value: int) -> str:
        """The text; the hash in hexadecimal where it never came."""
        return self._texts.get(value) or f"{value:016x}"

    def add(self, names: dict[int, str]) -> list[str]:
        """Keep what is new, and give it back."""
        known = self._texts
        new = [value for value in names if value not in known]
        told = [names[value] for value in new]
        known.update(zip(new, told, strict=True))
        self._order.extend(new)
        return told

    def keep(self, known: set[int]) -> None:
        """Forget the others, once half are."""
        if 2 * len(known) > len(self._order):
            return
        self._order = [value for value in self._order if value in known]
        self._texts = {value: self._texts[value] for value in self._order}
        self._told = 0

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        pages: Pages = {}
        count = -(-len(self._order) // PAGE_NAMES)
        if self._told < len(self._order) or self._pages > count:
            for page in range(self._told // PAGE_NAMES, count):
                part = self._order[page * PAGE_NAMES : (page + 1) * PAGE_NAMES]
                pages[f"names/{page}"] = msgspec.msgpack.encode([(v, self._texts[v]) for v in part])
            pages |= {f"names/{page}": None for page in range(count, self._pages)}
        self._told, self._pages = len(self._order), count
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        self.__init__()  # type: ignore[misc]
        while content := pages.get(f"names/{self._pages}"):
            for value, text in msgspec.msgpack.decode(content, type=list[tuple[int, str]]):
                self._texts[value] = text
                self._order.append(value)
            self._pages += 1
        self._told = len(self._order)
