"""Whose hand is on each key of an entity: rows for a file, and an alert's list. Reads the state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.alerts.alerts import KEY_OWNERS_LISTED, Alert, KeyOwner
from models.dtypes import U64
from models.keys import owner
from models.keys.facts import KeyFacts, key_facts
from models.memory.names import Names
from models.origin import tells_place
from models.scoring.judged import NO_LOG, Judged
from models.windows import members as met
from models.windows.columns import OTHER, WEEK_NAME
from models.windows.state import State
from models.wire.sightings import DEVELOPER, ENTITY_KINDS


class KeyOwners:
    """Asks models.keys about the keys of entities. Where no place of an entity is known, nothing is said."""

    def __init__(self, state: State, names: Names) -> None:
        self._state, self._names = state, names

    def rows(self, minute: int) -> Iterator[list[dict[str, object]]]:
        """Of each entity, by kind and id, the keys that it met in the week up to `minute`, as of now."""
        table = self._state.entities.table.rows
        used = np.flatnonzero(table["key"] != 0)
        ids = self._names.texts(table["hash"][used])
        for kind, name, entity in sorted(zip(table["kind"][used].tolist(), ids, used.tolist(), strict=True)):
            yield self._rows_of(entity, kind, name, minute)

    def fill(self, alert: Alert, judged: Judged, n: int, keys: U64) -> None:
        """Tell of the alert's keys, whose hashes are `keys`: the likeliest to be another's first."""
        alert.key_owners, alert.keys_borrowed = [], 0
        if not any(map(tells_place, alert.origin_ids)):
            return
        facts = key_facts(self._state, judged.entity(n), judged.minute(n), judged.log)
        facts = facts.of(np.isin(facts.keys, keys))
        likely = owner.probability(int(judged.view.kinds[n]), facts)
        alert.keys_borrowed = int(np.sum(likely >= 0.5))
        names = self._names.texts(facts.keys)
        order = sorted(range(len(facts)), key=lambda i: (-likely[i], names[i]))
        alert.key_owners = [
            KeyOwner(names[i], round(float(likely[i]), 3), owner.evidence(facts, i))
            for i in order[:KEY_OWNERS_LISTED]
        ]

    def _rows_of(self, entity: int, kind: int, name: str, minute: int) -> list[dict[str, object]]:
        facts = key_facts(self._state, entity, minute, NO_LOG)
        if not len(facts):
            return []
        origins = self._origins(entity, minute) if kind == DEVELOPER else [name]
        if not any(map(tells_place, origins)):
            return []
        likely = owner.probability(kind, facts)
        who = {"entity_kind": ENTITY_KINDS[kind], "entity_id": name}
        keys = sorted((key, n) for n, key in enumerate(self._names.texts(facts.keys)))
        return [
            {**who, "key_id": key, "probability": round(float(likely[n]), 3), **_said(facts, n)}
            for key, n in keys
        ]

    def _origins(self, entity: int, minute: int) -> list[str]:
        hashes, kinds = met.members(self._state, entity, minute, WEEK_NAME, NO_LOG)
        return self._names.texts(hashes[kinds == OTHER])


def _said(facts: KeyFacts, n: int) -> dict[str, object]:
    """What a row tells of key n beside the probability."""
    return {
        "evidence": owner.evidence(facts, n),
        "elsewhere": bool(facts.elsewhere[n]),
        "foreign": bool(facts.foreign[n]),
        "dug": bool(facts.dug[n]),
        "roaming": bool(facts.roaming[n]),
        "orders_read": int(facts.taken[n]),
        "orders_acted_on": int(facts.needed[n]),
        "company": int(facts.company[n]),
    }
