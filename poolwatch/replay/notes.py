"""What was read of a history -> what its reader should know before trusting the result, a line each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.scoring.missing import NOTABLE

if TYPE_CHECKING:
    from poolwatch.replay.pipeline import Pipeline


def notes(pipeline: Pipeline, accepted: int) -> list[str]:
    """Of what came late, what never came, and operations that the table does not list; [] = nothing odd.

    accepted  events that count
    """
    if not accepted:
        return []
    late = ""
    if notably_late(pipeline.late, accepted):
        late = (
            f"{pipeline.late:,} late ({pipeline.late / accepted:.1%}): each over a minute behind what came "
            "before it, and counted when it came; little is found so: sort the input by time"
        )
    off = pipeline.off.said()
    told = [late, f"{off} (docs/inputs.md)" if off else "", pipeline.came.unlisted().said()]
    return [line for line in told if line]


def notably_late(late: int, accepted: int) -> bool:
    """Whether a history is out of order, and not only here and there."""
    return late > NOTABLE * accepted
