"""Alerts as the contract has them, for tests of the feed, the page and the terminal."""

import json
from typing import Any

from models.minutes import MINUTE_MS

START_MS = 1_760_000_040_000

PLAIN = (
    (
        "sellers_pii_24h",
        "24h",
        92.0,
        3.0,
        "personal data of 92 sellers' customers read in 24 h; 99.9% of developers read that of at most 14",
    ),
    (
        "need_gap_24h",
        "24h",
        41_210.0,
        120.0,
        "41,210 orders' personal data read with no shipment or answer that needs it",
    ),
    ("sellers_new_7d", "7d", 31.0, 1.0, "31 sellers joined this week"),
)


def alert(number: int = 0, version: int = 1, **changes: Any) -> dict[str, Any]:
    """Alert `number` of a made-up day, in a version; `changes` replace fields."""
    raised = START_MS + number * 7 * MINUTE_MS
    sellers = [f"seller-{n:05d}" for n in range(92)]
    place = f"net:203.0.{number % 256}.0/24|tls:ja4-{number}|ua:okhttp"
    made = {
        "alert_id": f"{number:016x}",
        "time": raised,
        "version": version,
        "entity_kind": ("developer", "origin")[number % 2],
        "entity_id": (f"dev-{number:04d}", place)[number % 2],
        "severity": ("high", "medium", "critical", "low")[number % 4],
        "score": round(0.97 - 0.01 * (number % 30), 3),
        "case": f"case-{number // 3:04d}",
        "rules": ["reads_without_need", "forest"],
        "reasons": [
            {
                "feature": f,
                "window": w,
                "value": v,
                "typical": t,
                "contribution": round(0.5 / (i + 1), 3),
                "text": text,
            }
            for i, (f, w, v, t, text) in enumerate(PLAIN)
        ],
        "sellers": 92,
        "keys": 94,
        "developers": 1,
        "origins": 1,
        "seller_ids": sellers,
        "key_ids": [f"key-{n:05d}" for n in range(94)],
        "developer_ids": [f"dev-{number:04d}"],
        "origin_ids": [place],
        "customers": {"estimate": 16_204, "low": 15_710, "high": 16_698},
        "records": 41_210,
        "pii": {"name": 41_210, "address": 40_022, "phone": 12_000, "email": 39_120, "purchase": 41_210},
        "unneeded": {"orders": 40_100, "of": 41_210},
        "keys_borrowed": 2,
        "key_owners": [
            {
                "key": f"key-{n:05d}",
                "probability": p,
                "evidence": f"used from its home and elsewhere; {n} orders read",
            }
            for n, p in enumerate((0.99, 0.72, 0.31, 0.02))
        ],
        "window_start": raised - 1440 * MINUTE_MS,
        "window_end": raised,
        "first_seen": raised,
        "last_seen": raised + (version - 1) * 5 * MINUTE_MS,
        "count": version,
        "model": "3f2a9c0d11aa22bb",
        "rule_set": "77aa00bb11cc22dd",
        "evidence": [{"topic": "usage-events", "partition": 3, "first": 81_042, "last": 99_871}],
    }
    return made | changes


def raw(number: int = 0, version: int = 1, **changes: Any) -> bytes:
    """The same as JSON."""
    return json.dumps(alert(number, version, **changes)).encode()
