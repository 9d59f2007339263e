"""Feature rows -> what parts a pooler from who has a good reason. Orders alerts, raises none. Pure.

Who reads the past of several sellers and acts on next to none of it crosses the lines, whatever for: lenders,
tax exports, migrations and start-ups do it too. Each of these hints told them from poolers better than chance
on marketplaces made by others, and none well enough to raise an alert or to keep one back (docs/rules.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.dtypes import F64
from models.scoring.features import FEATURE


@dataclass(frozen=True, slots=True)
class Hint:
    """A feature that speaks for pooling: not at `none`, with one nat at `whole`, between them with a part.

    logarithmic  in proportion to the logarithm: for counts
    """

    feature: str
    none: float
    whole: float
    why: str
    logarithmic: bool = False

    def of(self, matrix: F64) -> F64:
        """float64[n], 0..1, of float64[n, features]."""
        value, none, whole = matrix[:, FEATURE[self.feature]], self.none, self.whole
        if self.logarithmic:
            value, none, whole = np.log(np.maximum(value, 1.0)), np.log(none), np.log(whole)
        return np.asarray(np.clip((value - none) / (whole - none), 0.0, 1.0))


HINTS = (
    Hint(
        "dug_share_7d",
        0.9,
        0.6,
        "it comes for new orders too: an export or an audit reads the past and is done",
    ),
    Hint(
        "pii_phone_24h",
        100,
        30_000,
        "it takes telephone numbers: books, taxes and credit need none",
        logarithmic=True,
    ),
    Hint("shadow_share_24h", 0.4, 0.9, "others do the work of nearly all sellers that it reads"),
    Hint(
        "reads_without_deeds_24h",
        0.94,
        1.0,
        "it acts on nothing, where a tool that catches up acts on little",
    ),
)


def hints(matrix: F64) -> F64:
    """float64[n], 0..len(HINTS), in nats: how much speaks for pooling rather than for a good reason."""
    return np.asarray(np.sum([hint.of(matrix) for hint in HINTS], axis=0))


def table() -> str:
    """The hints as Markdown; docs/rules.md holds this text."""
    lines = ["| feature | none at | one nat at | because |", "|---|---|---|---|"]
    lines += [f"| {h.feature} | {h.none:,g} | {h.whole:,g} | {h.why} |" for h in HINTS]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(table(), end="")
