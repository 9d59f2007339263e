"""Histories of touches by source, and ways to tell them to a Detect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
from hypothesis import strategies as st

from models.alerts.alerts import Alert
from models.detect.detect import Detect
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.scoring.score_rows import ScoreRows
from models.wire.links import Census, Links, Suspect
from models.wire.sightings import Sightings
from tests.models.sightings_maker import DAY_0, Touch, message

RULE = """
feature = "{feature}"
above = {above}
severity = "{severity}"
weight = 0.9
early = {early}
dedup_hours = {hours}
why = "a test"
do = "nothing"
cases = [{{ it = "over", value = 1e9, fires = true }}, {{ it = "under", value = 0, fires = false }}]
"""
MODEL = Model.load()
SUMS = [
    "throttled", "records", "bytes", "pii_records", "pii_calls", "deeds", "orders_taken",
    "orders_needed", "shadow_calls", "newcomer", "elsewhere", "foreign", "orders_old",
    "roaming",
]  # fmt: skip


def rules(folder: Path) -> RuleSet:
    """Low lines, so that small histories cross them."""
    for name, feature, above, severity, early, hours in (
        ("few", "sellers_24h", 2, "low", "true", 2),
        ("takes", "pii_records_1h", 30, "high", "true", 1),
        ("burst", "calls_5m", 12, "medium", "true", 1),
        ("week", "sellers_7d", 4, "critical", "false", 3),
    ):
        text = RULE.format(feature=feature, above=above, severity=severity, early=early, hours=hours)
        (folder / f"{name}.toml").write_text(text)
    return RuleSet.load(folder)


@dataclass(frozen=True)
class History:
    """Touches of each source, minutes rising, cut into chunks of `chunk` rows."""

    sources: tuple[tuple[Touch, ...], ...]
    chunk: int

    @property
    def touches(self) -> list[Touch]:
        return [t for source in self.sources for t in source]


GAPS = st.sampled_from(
    [0, 0, 0, 1, 1, 2, 4, 5, 6, 59, 60, 61, 700, 1_379, 1_439, 1_440, 1_441, 3_000, 9_000, 20_000]
)


@st.composite
def histories(draw: st.DrawFn, size: int = 24) -> History:
    sources = []
    for number in range(draw(st.integers(1, 2))):
        minute, touches, used = DAY_0 + draw(st.integers(0, 1_500)), [], set()
        for _ in range(draw(st.integers(1, size))):
            minute += draw(GAPS)
            # A key and a seller are of one source alone, as sellers are of one partition.
            seller = draw(st.integers(0, 4)) + 10 * number
            key = 10 * seller + draw(st.integers(0, 1))
            entity, kind, other = draw(st.integers(0, 1)), draw(st.integers(0, 1)), draw(st.integers(0, 2))
            if (entity, kind, seller, key, other, minute) in used:
                continue
            used.add((entity, kind, seller, key, other, minute))
            columns = draw(st.sets(st.sampled_from(SUMS), max_size=4))
            sums = tuple((c, draw(st.integers(1, 30))) for c in sorted(columns))
            customers = tuple(draw(st.sets(st.integers(0, 50), max_size=3)))
            calls = (("calls", draw(st.integers(1, 9))),)
            touches.append(Touch(minute, entity, seller, key, other, kind, calls + sums, customers))
            after = minute + draw(st.sampled_from([0, 0, 1, 90, 1_500]))
            if after > minute:  # a verdict on earlier calls
                used.add((entity, kind, seller, key, other, after))
                verdict = ((draw(st.sampled_from(["roaming", "orders_alone"])), 1),)
                touches.append(Touch(after, entity, seller, key, other, kind, verdict))
        sources.append(tuple(sorted(touches, key=lambda t: t.minute)))
    return History(tuple(sources), draw(st.integers(1, 6)))


def half(touch: Touch) -> Touch:
    """Totals of the chunk before it was read to its end."""
    calls = dict(touch.sums).get("calls", 1)
    if calls == 1:
        return touch
    return replace(touch, sums=tuple((c, (v + 1) // 2) for c, v in touch.sums), customers=touch.customers[:1])


def plain(history: History) -> Iterator[Sightings]:
    """Each source's chunks whole, the sources one chunk each in turn."""
    for number in range(max(len(s) for s in history.sources)):
        for source, touches in enumerate(history.sources):
            first = number * history.chunk
            if first < len(touches):
                yield told(history, source, number, first + history.chunk)


def told(history: History, source: int, chunk: int, until: int, *, halved: bool = False) -> Sightings:
    """The totals of a chunk up to touch `until`, and the watermark then; `halved`: the last is half read."""
    touches = history.sources[source]
    end = min(until, (chunk + 1) * history.chunk, len(touches))
    part = list(touches[chunk * history.chunk : end])
    following = touches[end - 1].minute if halved or end >= len(touches) else touches[end].minute
    if halved:
        part[-1] = half(part[-1])
    return message(part, source=source, chunk=chunk, watermark_minute=following)


@st.composite
def tellings(draw: st.DrawFn, history: History) -> list[Sightings | str]:
    """Messages in pieces, halves, repeated, sources in any order; between them what a worker may do."""
    ways = []
    for source, touches in enumerate(history.sources):
        way: list[Sightings | str] = []
        for until in range(1, len(touches) + 1):
            chunk = (until - 1) // history.chunk
            last = until in (len(touches), (chunk + 1) * history.chunk)
            way.extend(
                told(history, source, chunk, until, halved=halved)
                for halved in (True, False)
                if draw(st.booleans()) or (last and not halved)
            )
        ways.append(way)
    out: list[Sightings | str] = []
    done: list[Sightings] = []
    while any(ways):
        way = draw(st.sampled_from([w for w in ways if w]))
        nxt = way.pop(0)
        out.append(nxt)
        done.append(nxt)
        if draw(st.integers(0, 3)) == 0:
            out.append(draw(st.sampled_from(done)))
        out.append(draw(st.sampled_from(["close", "close", "preview", "crash", "nothing"])))
    return out


@dataclass
class Outcome:
    """Last version of each alert that stands, score rows by (time, kind, id), all that was told, and what
    actors heard: suspects by (minute, entity), censuses of more than nobody by minute."""

    alerts: dict[str, Alert]
    scores: dict[tuple[int, str, str], tuple[float, ...]]
    told: list[Alert]
    suspects: dict[tuple[int, str], Suspect] = field(default_factory=dict)
    census: dict[int, Census] = field(default_factory=dict)

    def hear(self, links: Links) -> None:
        for told in links.suspects:
            possible = told.alert and msgspec.structs.replace(told.alert, evidence=[])
            self.suspects[told.minute, told.entity] = msgspec.structs.replace(told, alert=possible)
        self.census |= {c.minute: c for c in links.census if c.keys or c.origins}


def outcome(detect: Detect, rules: RuleSet, way: list[Sightings | str]) -> Outcome:
    sources = 1 + max(m.source for m in way if isinstance(m, Sightings))
    alerts: list[Alert] = []
    scores: dict[tuple[int, str, str], tuple[float, ...]] = {}
    found = Outcome({}, scores, alerts)
    pages: dict[str, bytes] = {}
    for step in way:
        if isinstance(step, Sightings):
            detect.add(step)
        elif step == "close":
            done = detect.close()
            keep(done.scores, scores)
            found.hear(done.links)
            alerts += done.alerts
        elif step == "preview":
            alerts += detect.preview()
        elif step == "crash":
            for name, page in detect.changed().items():
                pages.pop(name, None)
                if page is not None:
                    pages[name] = page
            detect = Detect(sources, rules, MODEL, scores=True)
            detect.restore(pages)
            detect.changed()
    done = detect.finish()
    keep(done.scores, scores)
    found.hear(done.links)
    alerts += done.alerts
    last: dict[str, Alert] = {}
    for alert in alerts:
        assert alert.alert_id not in last or last[alert.alert_id].version < alert.version
        last[alert.alert_id] = alert
    found.alerts = {k: a for k, a in last.items() if a.superseded_by is None}
    return found


def keep(rows: ScoreRows | None, scores: dict[tuple[int, str, str], tuple[float, ...]]) -> None:
    if rows is None:
        return
    for n in range(len(rows)):
        key = (int(rows.time[n]), rows.entity_kind[n], rows.entity_id[n])
        assert key not in scores, "a minute was judged twice"
        scores[key] = (float(rows.score[n]), *np.asarray(rows.features[n]).tolist())


def bare(alerts: dict[str, Alert]) -> dict[str, Alert]:
    """Without evidence: it depends on what was read, not on what happened."""
    return {k: msgspec.structs.replace(a, evidence=[]) for k, a in alerts.items()}
