"""What the windows mean, at any cost: each feature counted anew from all touches."""

from __future__ import annotations

import itertools

from tests.models.sightings_maker import Touch

WINDOWS = {"5m": 5, "1h": 60, "24h": 1_440}
DAY = 1_440


def total(touches: list[Touch], column: str) -> int:
    return sum(dict(t.sums).get(column, 0) for t in touches)


def having(touches: list[Touch], column: str) -> list[Touch]:
    return [t for t in touches if dict(t.sums).get(column, 0) > 0]


def unneeded(touches: list[Touch], now: int) -> int:
    """Sellers that were found unneeded in a minute of the last 24 hours, and not found otherwise since."""
    out = 0
    for seller in {t.seller for t in touches}:
        taken = needed = 0
        marked, last_day = None, 0
        for minute in sorted({t.minute for t in touches}):
            now_touches = [t for t in touches if t.minute == minute and t.seller == seller]
            if not now_touches:
                continue
            before = remembered([t for t in touches if t.minute <= minute])
            logged = any(total(before, c) for c in ("orders_taken", "orders_needed", "orders_again"))
            if last_day <= minute // DAY - 8:
                taken = needed = 0  # forgotten
            if having(now_touches, "calls"):
                last_day = minute // DAY
            taken += total(now_touches, "orders_taken" if logged else "pii_calls")
            needed += total(now_touches, "orders_needed" if logged else "deeds")
            if not (taken >= 10 and needed * 20 < taken):
                marked = None
            elif having(now_touches, "pii_calls") or having(now_touches, "orders_taken"):
                marked = minute
        out += marked is not None and marked > now - DAY
    return out


def remembered(touches: list[Touch]) -> list[Touch]:
    """Since the entity was last silent for so long that it was forgotten."""
    days = sorted({t.minute // DAY for t in touches})
    gaps = [later for earlier, later in itertools.pairwise(days) if earlier <= later - 8]
    return [t for t in touches if not gaps or t.minute // DAY >= gaps[-1]]


def dug(touches: list[Touch], first: int, now: int) -> int:
    """Sellers whose old orders were read from minute `first` on, and for whom nothing was done since: what is
    done in minute `now` counts from the next one on."""
    out = 0
    for seller in {t.seller for t in touches}:
        theirs = [t for t in touches if t.seller == seller]
        digs = [t.minute for t in having(theirs, "orders_old") + having(theirs, "orders_stale")]
        deeds = [t.minute for t in having(theirs, "deeds") if t.minute < now]
        out += bool(digs) and max(digs) >= first and not any(m > max(digs) for m in deeds)
    return out


def handovers(touches: list[Touch], minute: int) -> int:
    """Of one minute: keys refused now or a minute ago, for which as many silent keys set in at most."""

    def keys(first: int, last: int, column: str = "calls") -> set[int]:
        return {t.key for t in having(touches, column) if first <= t.minute <= last}

    refused = keys(minute - 1, minute, "throttled")
    started = keys(minute, minute) - keys(minute - 5, minute - 1)
    return min(len(refused), len(started))


def features(touches: list[Touch], now: int) -> dict[str, float]:
    """Of one entity's touches, at the close of minute `now`."""
    touches = [t for t in touches if t.minute <= now]
    inside = {name: [t for t in touches if t.minute > now - span] for name, span in WINDOWS.items()}
    week = [t for t in touches if t.minute // DAY > now // DAY - 7]
    out: dict[str, float] = {}
    for name, part in inside.items():
        out[f"calls_{name}"] = total(part, "calls")
        out[f"records_{name}"] = total(part, "records")
        out[f"pii_records_{name}"] = total(part, "pii_records")
        out[f"bytes_{name}"] = total(part, "bytes")
        met = having(part, "calls")
        out[f"sellers_{name}"] = len({t.seller for t in met})
        out[f"keys_{name}"] = len({t.key for t in met})
        out[f"developers_{name}"] = out[f"origins_{name}"] = len({t.other for t in met})
        out[f"sellers_pii_{name}"] = len({t.seller for t in having(part, "pii_calls")})
        out[f"sellers_shadow_{name}"] = len({t.seller for t in having(part, "shadow_calls")})
        out[f"sellers_new_{name}"] = len({t.seller for t in having(part, "newcomer")})
        out[f"keys_throttled_{name}"] = len({t.key for t in having(part, "throttled")})
        roaming = len({t.key for t in having(part, "roaming")})
        out[f"keys_roaming_{name}"] = roaming if 2 * out[f"developers_{name}"] >= out[f"keys_{name}"] else 0
        out[f"keys_foreign_{name}"] = len({t.key for t in having(part, "foreign")})
    out["sellers_7d"] = len({t.seller for t in having(week, "calls")})
    out["sellers_pii_7d"] = len({t.seller for t in having(week, "pii_calls")})
    out["sellers_shadow_7d"] = len({t.seller for t in having(week, "shadow_calls")})
    out["sellers_new_7d"] = len({t.seller for t in having(week, "newcomer")})
    out["pii_records_7d"] = total(week, "pii_records")
    out["sellers_dug_1h"], out["sellers_dug_24h"] = (
        dug(touches, now - 59, now),
        dug(touches, now - DAY + 1, now),
    )
    out["sellers_dug_7d"] = dug(touches, (now // DAY - 6) * DAY, now)
    worked_for = len({t.seller for t in having(week, "deeds")})
    idle = max(out["sellers_pii_7d"] - worked_for, 0)
    out["idle_share_7d"] = idle / max(out["sellers_pii_7d"], 1)
    out["sellers_fronted_7d"] = max(out["sellers_dug_7d"] - idle, 0)
    out["sellers_feigned_24h"] = max(out["sellers_shadow_24h"] - idle, 0)
    out["written_share_24h"] = total(inside["24h"], "writes") / max(out["calls_24h"], 1)
    out["sellers_unneeded_24h"] = unneeded(touches, now)
    out["handovers_24h"] = sum(handovers(touches, m) for m in {t.minute for t in inside["24h"]})
    out["activity_24h"] = len({t.minute for t in inside["24h"]}) / DAY
    days = {t.minute // DAY for t in having(week, "calls")} - {now // DAY}
    met = sum(len({t.seller for t in having(week, "calls") if t.minute // DAY == d}) for d in days)
    usual = met / len(days) if days else 0.0
    out["growth_sellers"] = (out["sellers_24h"] + 5) / (usual + 5) if days else 1.0
    return out
