"""Those of whom cases are made, as they were last told. Pure: touches its own tables only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from models.memory.pages import Pages
from models.minutes import DAY_MINUTES
from models.wire.links import Suspect

#: A suspect is compared, and its alerts keep their place in a case, so long after it was last over a line.
SUSPECT_MINUTES = 7 * DAY_MINUTES
#: Suspects kept: those over a line, bystanders last, of each the newest. They are compared pair by pair.
SUSPECTS = 512
_NEVER = 2**62


class _Kept(msgspec.Struct):
    suspect: Suspect
    since: int | None


class Suspects:
    """Suspects by entity.

    since  minute in which each that was over a line was so first
    """

    def __init__(self) -> None:
        self._of: dict[str, Suspect] = {}
        self.since: dict[str, int] = {}
        self._dirty: set[str] = set()  # changed since the last snapshot

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __contains__(self, entity: object) -> bool:
        return entity in self._of

    def __getitem__(self, entity: str) -> Suspect:
        return self._of[entity]

    def all(self) -> list[Suspect]:
        """In the order in which they came."""
        return list(self._of.values())

    def see(self, suspect: Suspect) -> bool:
        """Enter what was told of one. Whether it is over a line, and was not before."""
        entity, standing = suspect.entity, self._of.get(suspect.entity)
        if not suspect.bystander or standing is None or standing.bystander:
            self._of[entity] = suspect  # what spoke against it stands for its week
        self._dirty.add(entity)
        if not suspect.over or entity in self.since:
            return False
        self.since[entity] = suspect.minute
        return True

    def first(self, party: Sequence[str]) -> str:
        """The member that was over a line first."""
        return min(party, key=lambda name: (self.since.get(name, _NEVER), name))

    def forget(self, minute: int) -> None:
        """Let go of what is old by event time, or beyond what is kept."""
        newest = sorted(self._of.values(), key=_worth)[:SUSPECTS]
        kept = {s.entity: s for s in newest if s.minute > minute - SUSPECT_MINUTES}
        self._dirty.update(self._of.keys() - kept.keys())
        self._of = kept
        self.since = {name: since for name, since in self.since.items() if name in kept}

    def moved(self) -> None:
        """Forget evidence: it names a replay's places."""
        self._of = {name: _moved(suspect) for name, suspect in self._of.items()}
        self._dirty.update(self._of)

    def changed(self) -> Pages:
        """Pages that changed since the last call, one for each suspect."""
        pages: Pages = {}
        for name in sorted(self._dirty):
            suspect = self._of.get(name)
            page = None if suspect is None else msgspec.msgpack.encode(_Kept(suspect, self.since.get(name)))
            pages[f"suspect/{name}"] = page
        self._dirty.clear()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        own = (page for name, page in pages.items() if name.startswith("suspect/"))
        kept = [msgspec.msgpack.decode(page, type=_Kept) for page in own]
        self._of = {one.suspect.entity: one.suspect for one in kept}
        self.since = {one.suspect.entity: one.since for one in kept if one.since is not None}
        self._dirty = set()


def _worth(suspect: Suspect) -> tuple[bool, bool, int, str]:
    """Order in which suspects are kept."""
    return not suspect.over, suspect.bystander, -suspect.minute, suspect.entity


def _moved(suspect: Suspect) -> Suspect:
    if suspect.alert is None:
        return suspect
    return msgspec.structs.replace(suspect, alert=msgspec.structs.replace(suspect.alert, evidence=[]))
