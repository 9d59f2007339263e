"""Feature name -> topic: what it is about, whatever its window and measure. Pure.

Several features measure one thing, over an hour, a day and a week, as a count and as a share. A person who
reads why an alert was raised wants each thing once.
"""

from __future__ import annotations

from functools import cache

#: Words of a name that say how something is measured, not what.
_MEASURES = {"sellers", "orders", "keys", "calls", "records", "share", "5m", "1h", "24h", "7d"}
#: A key that is used in two places, one that came to a second, and what is read there: one thing. So is what
#: is dug up, of whomever.
_SAME = {"elsewhere": "foreign", "roaming": "foreign", "dug_of_new": "dug", "fronted": "dug"}


@cache
def topic(feature: str) -> str:
    """`dug` of sellers_dug_24h and dug_share_7d; a plain count is a topic too: `sellers` of sellers_24h."""
    words = feature.split("_")
    told = "_".join(word for word in words if word not in _MEASURES) or words[0]
    return _SAME.get(told, told)
