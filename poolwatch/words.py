"""An alert -> what a person reads in a terminal. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from models.alerts.cases import counted
from models.minutes import MINUTE_MS

COLOURS = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
#: Control, zero-width and direction characters: in a caller's id they could forge what a person reads.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
Alert = Mapping[str, Any]


def plain(text: str) -> str:
    """Text that a caller may have chosen, safe to show: what cannot be seen becomes a visible mark."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def clock(ms: int) -> str:
    """Event time, to the minute."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%d %b %H:%M")


def severity(alert: Alert) -> Text:
    name = plain(alert["severity"])
    return Text(f" {name} ", COLOURS.get(name, ""))


def gist(alert: Alert) -> str:
    """What an alert says, in one sentence."""
    reasons = alert.get("reasons") or [{"text": f"score {alert['score']:.2f}"}]
    text = plain(reasons[0]["text"])
    return text[:1].upper() + text[1:]


def stakes(alert: Alert) -> str:
    """Sellers, customers, records, orders not acted on and borrowed keys in a few words."""
    parts = [f"{alert['sellers']:,} sellers"]
    if customers := alert.get("customers"):
        parts.append(f"about {round(customers['estimate']):,} customers")
    parts.append(f"{alert['records']:,} records")
    if unneeded := alert.get("unneeded"):
        parts.append(f"{unneeded['orders']:,} of {unneeded['of']:,} orders read and not acted on")
    if borrowed := alert.get("keys_borrowed"):
        parts.append(f"{borrowed:,} of {alert['keys']:,} keys likely not in their owner's hand")
    return ", ".join(parts)


def update(alert: Alert) -> str:
    """What a later version says beside the first; "" of a first version."""
    if alert.get("superseded_by"):
        return f"stands no longer: alert {plain(alert['superseded_by'])} tells it from its beginning"
    if alert.get("withdrawn"):
        return "stands no longer: told early, and over no line when its minute closed"
    if alert["version"] == 1:
        return ""
    minutes = counted(alert["count"], "minute")
    return f"update {alert['version']}: over the line for {minutes}, last {clock(alert['last_seen'])}"


def line(alert: Alert) -> str:
    """An alert as one plain line; a later version says that it is one."""
    who = f"{alert['entity_kind']} {plain(alert['entity_id'])}"
    later = update(alert)
    said = f"[{later}] " if later else ""
    return (
        f"{clock(alert['time'])}  {plain(alert['severity']):8}  {who}  {said}{gist(alert)} ({stakes(alert)})"
    )


def span(ms: float) -> str:
    """A length of time in the unit that suits it."""
    minutes = ms / MINUTE_MS
    if minutes < 1:
        return f"{ms / 1000:.0f} s"
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"
