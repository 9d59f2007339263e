"""A judged row of an entity -> what its alert tells. Reads the state; touches the alert given to it only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import links, owner
from models import members as met
from models.alert_book import Crossing
from models.alerts import (
    ACTOR,
    KEY_OWNERS_LISTED,
    LISTED,
    Alert,
    Customers,
    Evidence,
    KeyOwner,
    Unneeded,
    worst,
)
from models.columns import (
    COLUMN,
    DAY,
    F64,
    I64,
    KEY,
    OTHER,
    SELLER,
    WEEK_COLUMN,
    WEEK_NAME,
    WINDOW_NAMES,
    View,
    window_start,
)
from models.events import PII_CLASSES
from models.judge import FOREST, FOREST_SEVERITY, Verdict, reasons
from models.key_facts import key_facts
from models.meetings import LOG_COLUMNS
from models.minutes import MINUTE_MS
from models.model import Model
from models.names import Names
from models.rules import RuleSet
from models.sightings import DEVELOPER, ENTITY_KINDS
from models.sketch import bounds
from models.state import State

_NO_LOG = np.empty((0, LOG_COLUMNS), np.int64)
#: Of alerts without a threshold: the forest's and those of a party.
PLAIN_WINDOW, PLAIN_DEDUP_HOURS, ACTOR_SEVERITY = "24h", 24, "medium"


@dataclass(slots=True)
class Judged:
    """Rows of minutes closed together (or, in preview, of open ones), and where they come from.

    entities, minutes  int64[n]: rows of the entity table, minutes closed
    log                int64[., LOG_COLUMNS]: meetings of the batch, to look back at a minute within it
    """

    view: View
    entities: I64
    minutes: I64
    matrix: F64
    verdict: Verdict
    log: I64
    preview: bool = False


class Teller:
    """Makes crossings of judged rows, and fills alerts."""

    def __init__(self, state: State, names: Names, rules: RuleSet, model: Model) -> None:
        self._state, self._names, self._rules, self._model = state, names, rules, model
        self._rule = {rule.id: rule for rule in rules.rules}

    def id_of(self, entity: int) -> str:
        """Text of an entity's id."""
        return self._names[int(self._state.entities.table.rows["hash"][entity])]

    def ordered(self, judged: Judged, rows: I64) -> list[int]:
        """Rows int64[k] by minute, kind and entity id: the same however they came."""
        ids = map(self.id_of, judged.entities[rows].tolist())
        keyed = zip(
            judged.minutes[rows].tolist(), judged.view.kinds[rows].tolist(), ids, rows.tolist(), strict=True
        )
        return [n for *_, n in sorted(keyed)]

    def crossing(self, judged: Judged, n: int, fired: list[str]) -> Crossing:
        """Row n, over the lines of `fired`."""
        rules = [self._rule[name] for name in fired if name != FOREST]
        severities = [r.severity for r in rules]
        hours = [r.dedup_hours for r in rules]
        if FOREST in fired:
            severities.append(FOREST_SEVERITY)
            hours.append(PLAIN_DEDUP_HOURS)
        return Crossing(
            kind=ENTITY_KINDS[judged.view.kinds[n]],
            id=self.id_of(int(judged.entities[n])),
            minute=int(judged.minutes[n]),
            score=float(judged.verdict.score[n]),
            severity=worst(severities),
            rules=fired,
            quiet_minutes=round(60 * max(hours)),
            certain=any(r.early for r in rules),
        )

    def fill(self, alert: Alert, judged: Judged, n: int, rules: list[str] | None = None) -> None:
        """Tell in `alert` what holds at row n: reasons, members, sums of its rules' longest window.

        rules   those that it had at row n; None = as they are
        """
        window = max((self._window(rule) for rule in rules or alert.rules), key=WINDOW_NAMES.index)
        kind, minute = int(judged.view.kinds[n]), int(judged.minutes[n])
        alert.reasons = reasons(kind, judged.matrix[n], self._rules, self._model)
        self._fill_members(alert, judged, n, window)
        self._fill_sums(alert, judged.view, n, window)
        alert.window_end = (minute + 1) * MINUTE_MS
        alert.window_start = window_start(minute, window) * MINUTE_MS
        places = met.evidence_of(self._state, int(judged.entities[n]))
        alert.evidence = [Evidence(source, first, last) for source, first, last in places]

    def key_rows(self, entity: int, minute: int) -> list[dict[str, object]]:
        """Each key that entity row `entity` met in the week up to `minute`, as of now; none where places are
        not told."""
        row = self._state.entities.table.rows[entity]
        kind, name = int(row["kind"]), self.id_of(entity)
        facts = key_facts(self._state, entity, minute, _NO_LOG)
        if not len(facts) or not any(map(tells_place, [name] if kind else self._origins(entity, minute))):
            return []
        likely = owner.probability(kind, facts)
        found = [
            {
                "entity_kind": ENTITY_KINDS[kind],
                "entity_id": name,
                "key_id": key,
                "probability": round(float(likely[n]), 3),
                "evidence": owner.evidence(facts, n),
                "elsewhere": bool(facts.elsewhere[n]),
                "foreign": bool(facts.foreign[n]),
                "dug": bool(facts.dug[n]),
                "orders_read": int(facts.taken[n]),
                "orders_acted_on": int(facts.needed[n]),
                "company": int(facts.company[n]),
            }
            for n, key in enumerate(self._names.texts(facts.keys))
        ]
        return sorted(found, key=lambda told: str(told["key_id"]))

    def _origins(self, entity: int, minute: int) -> list[str]:
        hashes, kinds = met.members(self._state, entity, minute, WEEK_NAME, _NO_LOG)
        return self._names.texts(hashes[kinds == OTHER])

    def suspicion(self, judged: Judged, n: int) -> Crossing:
        """Row n, over no line, as it would cross if the evidence of its party were added."""
        return Crossing(
            kind=ENTITY_KINDS[judged.view.kinds[n]],
            id=self.id_of(int(judged.entities[n])),
            minute=int(judged.minutes[n]),
            score=float(judged.verdict.score[n]),
            severity=ACTOR_SEVERITY,
            rules=[ACTOR],
            quiet_minutes=60 * PLAIN_DEDUP_HOURS,
            certain=False,
        )

    def suspect(self, judged: Judged, n: int, alert_id: str, possible: Alert | None = None) -> links.Suspect:
        """What actors are to know of row n. possible: what might be told of it, where it is over no line."""
        entity, minute = int(judged.entities[n]), int(judged.minutes[n])
        members = met.members(self._state, entity, minute, "24h", judged.log)
        return links.Suspect(
            ENTITY_KINDS[judged.view.kinds[n]],
            self.id_of(entity),
            alert_id,
            minute,
            *links.keys_told(members),
            *links.times_told(self._state, entity, minute),
            float(judged.verdict.evidence[n]),
            float(judged.view.of("keys_foreign", DAY)[n] / max(1.0, judged.view.of("keys", DAY)[n])),
            possible,
            float(judged.verdict.hints[n]),
        )

    def _window(self, rule: str) -> str:
        return PLAIN_WINDOW if rule in (FOREST, ACTOR) else self._rule[rule].window

    def _fill_members(self, alert: Alert, judged: Judged, n: int, window: str) -> None:
        entity, minute = int(judged.entities[n]), int(judged.minutes[n])
        hashes, kinds = met.members(self._state, entity, minute, window, judged.log, preview=judged.preview)
        listed = []
        for member in range(3):
            ids = sorted(self._names.texts(hashes[kinds == member]))
            listed.append((len(ids), ids[:LISTED]))
        alert.sellers, alert.seller_ids = listed[SELLER]
        alert.keys, alert.key_ids = listed[KEY]
        itself, others = (1, [alert.entity_id]), listed[2]
        developers, origins = (itself, others) if judged.view.kinds[n] == DEVELOPER else (others, itself)
        alert.developers, alert.developer_ids = developers
        alert.origins, alert.origin_ids = origins
        self._fill_owners(alert, judged, n, hashes[kinds == KEY])

    def _fill_owners(self, alert: Alert, judged: Judged, n: int, keys: npt.NDArray[np.uint64]) -> None:
        """Whose hand is on each of the alert's keys: the likeliest to be another's first."""
        alert.key_owners, alert.keys_borrowed = [], 0
        if not any(map(tells_place, alert.origin_ids)):
            return
        entity, minute = int(judged.entities[n]), int(judged.minutes[n])
        facts = key_facts(self._state, entity, minute, judged.log)
        facts = facts.of(np.isin(facts.keys, keys))
        likely = owner.probability(int(judged.view.kinds[n]), facts)
        alert.keys_borrowed = int(np.sum(likely >= 0.5))
        names = self._names.texts(facts.keys)
        order = sorted(range(len(facts)), key=lambda i: (-likely[i], names[i]))
        alert.key_owners = [
            KeyOwner(names[i], round(float(likely[i]), 3), owner.evidence(facts, i))
            for i in order[:KEY_OWNERS_LISTED]
        ]

    def _fill_sums(self, alert: Alert, view: View, n: int, window: str) -> None:
        if window == WEEK_NAME:
            sums = {name: int(view.week[n, place]) for name, place in WEEK_COLUMN.items()}
        else:
            row = view.windows[n, WINDOW_NAMES.index(window)]
            sums = {name: int(row[place]) for name, place in COLUMN.items()}
        alert.calls, alert.records = sums["calls"], sums["records"]
        taken = sums["orders_taken"]
        alert.unneeded = Unneeded(max(taken - sums["orders_needed"], 0), taken) if taken else None
        alert.pii = {name: sums[f"pii_{name}"] for name in PII_CLASSES if sums[f"pii_{name}"]}
        exposed = float(view.customers[n])
        alert.customers = Customers(*bounds(exposed)) if exposed > 0 else None


def tells_place(origin_id: str) -> bool:
    """Address and client are known: whether a key is used in two places can be told."""
    return origin_id.startswith(("ip:", "net:")) and "|" in origin_id
