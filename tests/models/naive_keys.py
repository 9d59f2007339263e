"""What is meant by the facts about a key, at any cost: counted anew from all touches."""

from __future__ import annotations

from tests.models.naive_windows import DAY, having, remembered, total
from tests.models.sightings_maker import Touch

Facts = tuple[bool, bool, bool, bool, int, int, int]


def facts(touches: list[Touch], now: int) -> dict[int, Facts]:
    """Of one entity's touches up to minute `now`: key -> elsewhere, foreign, dug, roaming, taken, needed,
    company."""
    touches = [t for t in touches if t.minute <= now]
    verdicts = [t for t in touches if t.minute // DAY > now // DAY - 7]
    week = having(verdicts, "calls")
    known: dict[int, tuple[bool, bool, bool, bool, int, int]] = {}
    for key in {t.key for t in week}:
        mine = [t for t in verdicts if t.key == key]
        signs = (bool(having(mine, column)) for column in ("elsewhere", "foreign", "orders_old", "roaming"))
        known[key] = (*signs, *orders(touches, key))  # type: ignore[assignment]
    away = {k: f or r or (e and taken > 20 * needed) for k, (e, f, _, r, taken, needed) in known.items()}
    others = len({t.other for t in week}) - 1
    is_origin = bool(week) and week[0].kind == 1
    return {
        k: (*told, min(sum(away.values()) - away[k], others) if is_origin else 0) for k, told in known.items()
    }


def orders(touches: list[Touch], key: int) -> tuple[int, int]:
    """Orders taken and acted on with the key since it was last silent for eight days."""
    taken = needed = last = 0
    for minute in sorted({t.minute for t in touches}):
        now = [t for t in having(touches, "calls") if t.minute == minute and t.key == key]
        if not now:
            continue
        if minute // DAY - last >= 8:
            taken = needed = 0
        last = minute // DAY
        before = remembered([t for t in touches if t.minute <= minute])
        logged = any(total(before, c) for c in ("orders_taken", "orders_needed", "orders_again"))
        taken += total(now, "orders_taken" if logged else "pii_calls")
        needed += total(now, "orders_needed" if logged else "deeds")
    return taken, needed
