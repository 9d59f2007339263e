"""Suspects and censuses for tests, from plain sets and lists of minutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from models.alerts.alerts import Alert, alert_id_of
from models.hashing import hash_text
from models.minutes import MINUTE_MS
from models.wire.links import ACTIVE_MINUTES, SAMPLE, Census, Suspect, client_of

HOUR_0 = 28_333_440  # a UTC midnight, in minutes


def hashes(keys: Iterable[object]) -> np.ndarray:
    return np.unique(np.array([hash_text(str(key)) for key in keys], np.uint64))


def bits(minute: int, active: Iterable[int]) -> bytes:
    told = np.zeros(ACTIVE_MINUTES, np.uint8)
    places = np.array(sorted(set(active)), np.int64) - (minute - ACTIVE_MINUTES + 1)
    told[places[(places >= 0) & (places < ACTIVE_MINUTES)]] = 1
    return np.packbits(told).tobytes()


def suspect(
    entity: str,
    keys: Iterable[object],
    minute: int = HOUR_0,
    *,
    active: Iterable[int] = (),
    throttled: Iterable[int] = (),
    since: int | None = None,
    evidence: float = 0.9,
    over: bool = True,
    foreign: float = 0.0,
) -> Suspect:
    """`entity` as kind:id; its alert began in minute `since` (now), or is possible."""
    kind, _, name = entity.partition(":")
    told = hashes(keys)
    alert_id = alert_id_of(kind, name, minute if since is None else since)
    times = bits(minute, active), bits(minute, throttled)
    known = len(told), told[:SAMPLE].tobytes()
    one = Suspect(kind, name, alert_id, minute, *known, *times, evidence, foreign)
    return one if over else msgspec.structs.replace(one, alert=alert(one))


def census(minute: int, keys: int, clients: Mapping[str, int] = {}, origins: int = 0) -> Census:
    """clients: origin id with the fingerprint -> origins."""
    found = sorted((client_of(f"ip:0|{name}"), count) for name, count in clients.items())
    told = np.array([c for c, _ in found], np.uint64), np.array([n for _, n in found], np.int64)
    return Census(minute, keys, origins or sum(clients.values()), told[0].tobytes(), told[1].tobytes())


def alert(told: Suspect, version: int = 1) -> Alert:
    """Version `version` of the alert that a suspect has open, last over the line in its minute."""
    time = (told.minute + 1) * MINUTE_MS
    return Alert(
        alert_id=told.alert_id,
        time=time,
        version=version,
        entity_kind=told.kind,
        entity_id=told.id,
        severity="high",
        score=0.9,
        case=told.entity,
        rules=["rule"],
        first_seen=time,
        last_seen=time,
        count=version,
        model="m",
        rule_set="r",
    )
