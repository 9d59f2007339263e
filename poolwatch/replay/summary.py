"""A replay's counts and alerts -> its summary, as `--json` prints it. Pure but for the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from poolwatch.replay.notes import notes

if TYPE_CHECKING:
    from poolwatch.replay.replay import Run

NAMED = 20  # operations that the table does not list, by name


def summary_of(run: Run) -> dict[str, Any]:
    """What was read and found so far, as `--json` prints it."""
    pipeline, seconds = run.pipeline, time.perf_counter() - run.begun
    accepted = run.read - sum(run.rejected.values()) - pipeline.duplicates
    off, unlisted = pipeline.off, pipeline.came.unlisted()
    return {
        "inputs": len(run.history.inputs),
        "events": run.read,
        "accepted": accepted,
        "rejected": dict(run.rejected.most_common()),
        "dead_letters": run.request.dead_letters,
        "duplicates": pipeline.duplicates,
        "late": pipeline.late,
        "alerts": run.last[0].by_severity(),
        "replaced": len(run.last[0].all()) - len(run.last[0]),
        "cases": len({alert.case for alert in run.last[0].standing()}),
        "entities": len(pipeline.entities),
        "from": pipeline.first_ms,
        "until": pipeline.last_ms,
        "seconds": round(seconds, 3),
        "events_per_s": round(run.read / seconds) if seconds else 0,
        "model": run.models[0].hash,
        "rule_set": run.rules.hash,
        "off": {"fields": off.fields, "features": off.features, "rules": off.rules},
        "unlisted": {"calls": unlisted.calls, "operations": dict(list(unlisted.names.items())[:NAMED])},
        "notes": notes(pipeline, accepted),
        **({"candidate": _compared(run)} if run.request.candidate else {}),
    }


def _compared(run: Run) -> dict[str, Any]:
    """What the candidate model would have changed."""
    now, then = ({alert.alert_id for alert in last.standing()} for last in run.last)
    return {
        "model": run.models[1].hash,
        "alerts": run.last[1].by_severity(),
        "same": len(now & then),
        "gone": sorted(now - then),
        "new": sorted(then - now),
    }
