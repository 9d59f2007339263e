"""A judged row -> what its entity's alert tells: reasons, members, sums. Touches the alert given only."""

from __future__ import annotations

from models.alerts.alerts import ACTOR, LISTED, Alert, Customers, Evidence, Reason, Unneeded
from models.events import PII_CLASSES
from models.keys.owners import KeyOwners
from models.memory.names import Names
from models.minutes import MINUTE_MS
from models.scoring.judge import FOREST
from models.scoring.judged import Judged
from models.scoring.model import Model
from models.scoring.reasons import bystander_reasons, reasons
from models.scoring.rules import RuleSet
from models.windows import members as met
from models.windows.columns import (
    COLUMN,
    KEY,
    SELLER,
    WEEK_COLUMN,
    WEEK_NAME,
    WINDOW_NAMES,
    View,
    window_start,
)
from models.windows.sketch import bounds
from models.windows.state import State
from models.wire.sightings import DEVELOPER

#: Window that the forest's alerts and those of a party tell of: they have no threshold's.
PLAIN_WINDOW = "24h"


class AlertFiller:
    """Fills alerts with what the state holds of their entities."""

    def __init__(
        self, state: State, names: Names, key_owners: KeyOwners, rules: RuleSet, model: Model
    ) -> None:
        self._state, self._names, self._key_owners = state, names, key_owners
        self._rules, self._model = rules, model
        self._window = {FOREST: PLAIN_WINDOW, ACTOR: PLAIN_WINDOW}
        self._window |= {rule.id: rule.window for rule in rules.rules}

    def fill(self, alert: Alert, judged: Judged, n: int, rules: list[str] | None = None) -> None:
        """Tell in `alert` what holds at row n, its sums and members in its rules' longest window.

        rules   those that it had at row n; None = as they are
        """
        longest = max((self._window[rule] for rule in rules or alert.rules), key=WINDOW_NAMES.index)
        window = judged.window(n, longest)
        alert.window_end = (judged.minute(n) + 1) * MINUTE_MS
        alert.window_start = window_start(judged.minute(n), window) * MINUTE_MS
        alert.reasons = self._reasons(judged, n)
        self._fill_members(alert, judged, n, window)
        _fill_sums(alert, judged.view, n, window)
        places = met.evidence_of(self._state, judged.entity(n))
        alert.evidence = [Evidence(source, first, last) for source, first, last in places]

    def _reasons(self, judged: Judged, n: int) -> list[Reason]:
        kind, row = int(judged.view.kinds[n]), judged.matrix[n]
        if judged.verdict.bystander[n]:
            return bystander_reasons(kind, row, self._model)
        return reasons(kind, row, self._rules, self._model)

    def _fill_members(self, alert: Alert, judged: Judged, n: int, window: str) -> None:
        """Sellers, keys and whoever else the entity met in `window`."""
        hashes, kinds = met.members(
            self._state, judged.entity(n), judged.minute(n), window, judged.log, preview=judged.preview
        )
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
        self._key_owners.fill(alert, judged, n, hashes[kinds == KEY])


def _fill_sums(alert: Alert, view: View, n: int, window: str) -> None:
    """Calls, orders and personal data read in `window`; customers of 24 hours."""
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
