"""Links and alerts of every sightings partition -> alerts by case. Pure: touches its own state only.

An alert is told at once, in the case known so far. When every partition has closed a minute, its evidence is
applied, in an order of its own: so cases do not depend on how partitions interleave. Where the case of an
alert changes, the alert is told again, one version higher. Members of a party are judged by what speaks
against all of them: those over no line are alerted on where one of them is over a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from models.actors.inbox import Evidence, Inbox, Standing
from models.actors.lifts import Lifts
from models.actors.likeness import Common
from models.actors.party import Link, components, find
from models.actors.published import PublishedAlerts
from models.actors.raised import Raised
from models.actors.suspects import SUSPECT_MINUTES, Suspects
from models.actors.together import judged_together
from models.alerts.alerts import Alert
from models.errors import ConfigError
from models.memory.pages import Pages
from models.minutes import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS, hour_ends
from models.wire.links import Census, Links, Suspect

#: A link that the evidence no longer carries fades after this.
LINK_MINUTES = 2 * DAY_MINUTES
#: Sentences told of a link in an alert.
SENTENCES = 3
NO_LINKS = msgspec.msgpack.encode([])
STATE_VERSION = 4


class _Meta(msgspec.Struct):
    version: int
    applied: int
    hour: int
    standing: list[Standing]
    waiting: list[Suspect]
    counting: list[tuple[int, Census]]


class _Why:
    """case: of each entity; links: of all. With whom of its case an entity is linked, and why."""

    def __init__(self, case: Mapping[str, str], links: Iterable[Link]) -> None:
        self.case = case
        self._of: dict[str, list[tuple[Link, str]]] = {}
        for link in sorted(links):
            for entity, other in ((link.a, link.b), (link.b, link.a)):
                if case.get(entity) == case.get(other):
                    self._of.setdefault(entity, []).append((link, other))

    def of(self, entity: str) -> dict[str, str]:
        """Sentences of its strongest links, by the other's name."""
        return {other: f"with {other}: {link.text}" for link, other in self._of.get(entity, [])[:SENTENCES]}


class Actors:
    """Cases over all sightings partitions.

    apart  pairs of entities (kind:id) that somebody knows to be different parties: never one case
    lifts  is told which scores the evidence of parties lifts
    """

    def __init__(
        self, partitions: int, apart: Iterable[tuple[str, str]] = (), lifts: Lifts | None = None
    ) -> None:
        self._apart = frozenset((min(pair), max(pair)) for pair in apart)
        self._lifts = lifts
        self._inbox = Inbox(partitions)
        self._applied, self._hour = -1, -1
        self._suspects = Suspects()
        self._raised = Raised()
        self._links: dict[tuple[str, str], tuple[int, Link]] = {}  # minute in which it was last found
        self._judged = False  # links may have changed since the last snapshot
        self._published = PublishedAlerts()

    def __len__(self) -> int:
        """Suspects kept."""
        return len(self._suspects)

    @property
    def closed_to_ms(self) -> int:
        """End of the newest minute that every partition has told; 0 = none."""
        return (self._applied + 1) * MINUTE_MS

    def add(self, partition: int, links: Links, alerts: Sequence[Alert]) -> list[Alert]:
        """What one close of a partition told. What to tell now; telling one again changes nothing.

        ConfigError for a partition that there is not.
        """
        partitions = len(self._inbox.standing)
        if not 0 <= partition < partitions:
            raise ConfigError(
                f"links of sightings partition {partition}, but there were said to be {partitions}: "
                "start the workers anew"
            )
        self._inbox.put(partition, links)
        out = [placed for alert in alerts for placed in self._published.publish(alert)]
        return out + self._advance()

    def moved(self) -> None:
        """The partitions go on at other positions: a replay hands over to a worker."""
        self._inbox.moved()
        self._suspects.moved()
        self._published.moved()

    def _advance(self) -> list[Alert]:
        """Apply what every partition has told whole, minute by minute, and judge."""
        until = self._inbox.complete()
        out: list[Alert] = []
        for minute, evidence in self._inbox.take(until, first=self._applied + 1):
            out += self._hours(minute)
            new, stood_for = self._apply(evidence)
            out += stood_for
            if new:
                out += self._judge(minute, timed=False)
        if until > self._applied:
            out += self._hours(until + 1)
            self._applied = until
        return out + self._due(None) if self._inbox.idle else out

    def _apply(self, items: Sequence[Evidence]) -> tuple[bool, list[Alert]]:
        """Whether a suspect is newly over a line, or an alert of one; alerts for which its own stand now."""
        new, out = False, []
        for item in items:
            if not isinstance(item, Suspect):
                partition, census = item
                self._inbox.standing[partition].census = census
                continue
            new |= self._suspects.see(item)
            if not item.over:
                continue
            out += [self._published.end(alert) for alert in self._raised.stood_for(item)]
            new |= self._published.open(item.alert_id, item.entity, item.minute)
        return new, out

    def _hours(self, minute: int) -> list[Alert]:
        """Judge at each end of an hour up to the beginning of `minute`, and forget what is old."""
        out: list[Alert] = []
        hour = minute - minute % HOUR_MINUTES
        if self._suspects:
            for end in hour_ends(self._hour, hour, SUSPECT_MINUTES + HOUR_MINUTES):
                out += self._due(end - 1)
                self._forget(end)
                out += self._judge(end - 1, timed=True)
        self._hour = max(hour, self._hour)
        return out

    def _due(self, minute: int | None) -> list[Alert]:
        """Later versions of raised alerts that were held back for a while."""
        return [placed for alert in self._raised.due(minute) for placed in self._published.publish(alert)]

    def _judge(self, minute: int, *, timed: bool) -> list[Alert]:
        """Find links anew, and the parties that follow; alerts whose case changed."""
        self._judged = True
        common = Common([s.census for s in self._inbox.standing if s.census])
        for link in find(self._suspects.all(), common, timed=timed):
            self._links[link.a, link.b] = (minute, link)
        parties = components(sorted(self._suspects), [link for _, link in self._links.values()], self._apart)
        case: dict[str, str] = {}
        for party in parties:
            case |= dict.fromkeys(party, self._suspects.first(party))
        why = _Why(case, [link for _, link in self._links.values()])
        return self._lift(parties, why, minute) + self._published.move(case, why.of)

    def _lift(self, parties: Sequence[Sequence[str]], why: _Why, minute: int) -> list[Alert]:
        """Judge the members of each party together; alerts of those who are over no line."""
        out: list[Alert] = []
        lifted: dict[tuple[str, str], float] = {}
        for party in parties:
            members, score = judged_together([self._suspects[name] for name in party], self._suspects.since)
            for member in members:
                lifted[member.kind, member.id] = score
                entity = member.entity
                for alert in self._raised.alerts_of(member, score, minute):
                    case = why.case[entity]
                    out += self._published.publish_raised(alert, entity, case, minute, why.of(entity))
        if self._lifts is not None:
            self._lifts.stand(minute, lifted)
        return out

    def _forget(self, minute: int) -> None:
        """Let go of what is old by event time, or beyond what is kept."""
        self._suspects.forget(minute)
        self._raised.sweep(minute)
        self._links = {
            pair: (found, link)
            for pair, (found, link) in self._links.items()
            if found > minute - LINK_MINUTES and pair[0] in self._suspects and pair[1] in self._suspects
        }
        self._published.forget(minute - SUSPECT_MINUTES)

    def changed(self) -> Pages:
        """Pages that changed since the last call: one for each suspect and alert, one for links, one for the
        rest."""
        meta = _Meta(
            STATE_VERSION,
            self._applied,
            self._hour,
            self._inbox.standing,
            self._inbox.suspects,
            self._inbox.censuses,
        )
        pages: Pages = {"actors": msgspec.msgpack.encode(meta)}
        if self._judged:
            pages["links"] = msgspec.msgpack.encode(list(self._links.values()))
        self._judged = False
        return pages | self._suspects.changed() | self._raised.changed() | self._published.changed()

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold. ConfigError where they are of another version or number of partitions."""
        try:
            meta = msgspec.msgpack.decode(pages["actors"], type=_Meta)
        except (KeyError, msgspec.DecodeError) as error:
            raise ConfigError(f"snapshot: no state of actors in it ({error}); delete it and replay") from None
        partitions = len(self._inbox.standing)
        if meta.version != STATE_VERSION or len(meta.standing) != partitions:
            raise ConfigError(
                f"snapshot: actors of version {meta.version}, {len(meta.standing)} partitions; this is "
                f"{STATE_VERSION}, {partitions}; delete it and replay"
            )
        self._inbox.restore(meta.standing, meta.waiting, meta.counting)
        self._applied, self._hour = meta.applied, meta.hour
        self._suspects.restore(pages)
        self._raised.restore(pages)
        self._published.restore(pages)
        links = msgspec.msgpack.decode(pages.get("links", NO_LINKS), type=list[tuple[int, Link]])
        self._links = {(link.a, link.b): (found, link) for found, link in links}
        self._judged = False
