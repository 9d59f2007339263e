"""Judged rows -> what actors are to know of them; a partition's census. Reads the state only."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.alerts.alerts import Alert
from models.compiled import leaf
from models.memory.names import Names
from models.memory.pool import HIGH
from models.minutes import DAY_MINUTES
from models.scoring.features import FEATURE
from models.scoring.judged import Judged
from models.windows import members as met
from models.windows.arena import MINUTE, NEXT, at, cell_value, whole
from models.windows.columns import COLUMN, DAY, KEY
from models.windows.state import State
from models.wire.links import ACTIVE_MINUTES, CLIENTS, SAMPLE, Census, Suspect, client_of
from models.wire.sightings import DEVELOPER, ORIGIN

_THROTTLED = COLUMN["throttled"]
_ROAMING = FEATURE["keys_roaming_24h"]


def suspect(state: State, judged: Judged, n: int, alert_id: str, possible: Alert | None = None) -> Suspect:
    """What actors are to know of row n. possible: what might be told of it, where it is over no line."""
    entity, minute = judged.entity(n), judged.minute(n)
    hashes, kinds = met.members(state, entity, minute, judged.window(n, "24h"), judged.log)
    keys = np.sort(hashes[kinds == KEY])
    active, throttled = _times(state, entity, minute)
    keys_24h, foreign_24h = (float(judged.view.of(name, DAY)[n]) for name in ("keys", "keys_foreign"))
    # Where a client roams, or came to a key with a home, is no home of it.
    not_home = max(foreign_24h, float(judged.matrix[n, _ROAMING]))
    return Suspect(
        kind=judged.kind(n),
        id=judged.id(n),
        alert_id=alert_id,
        minute=minute,
        key_count=len(keys),
        keys=keys[:SAMPLE].tobytes(),
        active=active,
        throttled=throttled,
        evidence=float(judged.verdict.evidence[n]),
        foreign=not_home / max(1.0, keys_24h),
        alert=possible,
        hints=float(judged.verdict.hints[n]),
    )


def _times(state: State, e: int, minute: int) -> tuple[bytes, bytes]:
    """Minutes in which entity row e was active and throttled, as bits that end with `minute`."""
    active, throttled = (np.zeros(ACTIVE_MINUTES, np.uint8) for _ in range(2))
    _activity(state.tables, np.int64(e), np.int64(minute), np.int64(_THROTTLED), active, throttled)
    return np.packbits(active).tobytes(), np.packbits(throttled).tobytes()


@leaf
def _activity(t: Any, e: Any, minute: Any, throttled_column: Any, active: Any, throttled: Any) -> None:
    """Set active, throttled uint8[n] where entity row e was, in the n minutes that end with `minute`."""
    n = len(active)
    place = t.tails[e, DAY]
    while place:
        i = at(t.arena, place)
        since = np.int64(t.arena.words[i + MINUTE]) - (minute - n + 1)
        if since >= n:
            break
        if since >= 0:
            active[since] = 1
            throttled[since] = cell_value(t.arena.words, i, throttled_column) > 0
        place = whole(t.arena, np.uint32(t.arena.words[i + NEXT]))


def census(state: State, names: Names, minute: int) -> Census:
    """Of a partition that has closed every minute up to `minute` and none after."""
    entities = state.entities.table.rows[: state.entities.table.meta[HIGH]]
    pairs = state.pairs.table.rows[: state.pairs.table.meta[HIGH]]
    mine = (pairs["key"] != 0) & (pairs["kind"] == KEY) & (pairs["day"][:, 0] > minute // DAY_MINUTES - 6)
    mine[mine] = entities["kind"][pairs["entity"][mine]] == DEVELOPER
    at_home = (
        (entities["key"] != 0) & (entities["kind"] == ORIGIN) & (entities["minute"] > minute - DAY_MINUTES)
    )
    day = state.tables.sums[: len(entities), DAY]
    at_home &= day[:, COLUMN["keys"]] > day[:, COLUMN["keys_foreign"]]
    origins = names.texts(entities["hash"][at_home].tolist())
    clients, counts = np.unique(
        np.array([client_of(text) for text in origins], np.uint64), return_counts=True
    )
    if len(clients) > CLIENTS:
        most = np.sort(np.lexsort((clients, -counts))[:CLIENTS])
        clients, counts = clients[most], counts[most]
    return Census(minute, int(mine.sum()), len(origins), clients.tobytes(), counts.astype(np.int64).tobytes())
