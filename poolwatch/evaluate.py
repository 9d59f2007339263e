"""Events, labels, scores, alerts -> figures of poolwatch and of plain rivals. Reads files, runs poolwatch.

`measure` takes files of any origin; `evaluate` makes them first: simulate and replay, once a seed.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ConfigError, PoolwatchError
from models.operations import Operations
from models.truth import Truth
from models.yardstick import (
    FALSE_RATES,
    HOUR_MS,
    Take,
    alert_figures,
    detection_figures,
    detections,
    rank_all,
    ranking_figures,
)
from poolwatch.detection_page import as_markdown
from poolwatch.evidence import ScoreFile, read_alerts, read_labels, read_take
from poolwatch.exposure import EventPass
from poolwatch.rivals import all_rivals

#: Seeds that features, thresholds and calibration were tuned on; figures are reported on others.
TUNED_SEEDS = (1, 2, 3)
REPORTED_SEEDS = (11, 12, 13, 14, 15)
POOLWATCH = "poolwatch"
KINDS = ("developer", "origin")


@dataclass(frozen=True, slots=True)
class Given:
    """Files to measure. Without `events` there are no rivals, and what was taken is known from `take` alone.

    alerts: a file, or the alerts themselves.
    from_ms, until_ms: score rows and alerts outside do not count (a warm-up, say).
    span_ms: first and last event time, where neither events nor scores tell.
    """

    labels: Path
    events: Path | None = None
    scores: Path | None = None
    alerts: Path | Sequence[Mapping[str, Any]] | None = None
    take: Path | None = None
    operations: Path | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    span_ms: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Truth, span and take of one set of files."""

    truth: Truth
    days: float
    take: Take


def measure(given: Given, rivals: bool = True, seed: int = 0) -> dict[str, Any]:
    """All figures of one set of files, NaN = not measurable. PoolwatchError, ConfigError: one line."""
    case = _case(given)
    figures: dict[str, Any] = {
        "days": case.days,
        "poolers": len(case.truth.parties),
        "customers_taken": sum(len(times) for times in case.take.values()),
        "methods": {},
    }
    methods = figures["methods"]
    if given.scores:
        methods[POOLWATCH] = _method(case, ScoreFile(given.scores, given.from_ms, given.until_ms), KINDS)
    if given.alerts is not None:
        alerts = read_alerts(given.alerts) if isinstance(given.alerts, Path) else given.alerts
        figures["alerts"] = alert_figures(case.truth, _within(alerts, given), case.take, case.days)
    if given.events and rivals:
        for rival in all_rivals(given.events, Operations.load(given.operations), seed):
            if rival.rows is None:
                methods[rival.name] = {"skipped": rival.skipped}
            else:
                rows = ScoreFile(rival.rows, given.from_ms, given.until_ms)
                methods[rival.name] = _method(case, rows, rival.kinds)
    return figures


def _case(given: Given) -> Case:
    truth = read_labels(given.labels)
    take = read_take(given.take) if given.take else {}
    if given.events:
        seen = EventPass(truth).read(given.events)
        first, last = seen.first_ms, seen.last_ms
        take = take or seen.take()
        truth = truth.with_labels(seen.own_addresses())
    elif given.span_ms or given.scores:
        first, last = given.span_ms or ScoreFile(given.scores).span_ms() or (0, 0)
    else:
        raise ConfigError("the span is unknown: give --events or --scores")
    first, last = max(first, given.from_ms or first), min(last, given.until_ms or last)
    hours = last // HOUR_MS + 1 - first // HOUR_MS  # whole hours: nobody's last call ends a span on the dot
    return Case(truth, hours / 24, take)


def _within(alerts: Iterable[Mapping[str, Any]], given: Given) -> list[Mapping[str, Any]]:
    low, high = given.from_ms or -math.inf, given.until_ms or math.inf
    return [a for a in alerts if a.get("last_seen", a["time"]) > low and a["time"] <= high]


def _method(case: Case, scores: ScoreFile, kinds: Sequence[str]) -> dict[str, Any]:
    """Ranking figures per kind and over parties; delay and exposure at the lines of the false rates."""
    rankings = rank_all(case.truth, scores.highest(), kinds)
    figures: dict[str, Any] = {name: ranking_figures(r, case.days) for name, r in rankings.items()}
    for rate in FALSE_RATES:
        line = figures["parties"][f"line_at_{rate:g}_a_day"]
        found = detections(case.truth, scores.signs(case.truth, line, kinds), case.take)
        figures[f"at_{rate:g}_a_day"] = detection_figures(found)
    return figures


@dataclass(frozen=True, slots=True)
class Plan:
    """What `evaluate` simulates and replays. perturb: by what share the simulator's numbers are moved."""

    scenario: str = "mixed"
    seeds: tuple[int, ...] = REPORTED_SEEDS
    hours: int = 72
    sellers: int = 2_000
    developers: int = 300
    model: str | None = None
    rules: str | None = None
    perturb: float = 0.0
    rivals: bool = True
    keep: Path | None = None  # folder where the files of each seed stay


def evaluate(plan: Plan) -> dict[str, Any]:
    """Simulate, replay and measure each seed in turn. PoolwatchError: the step that failed."""
    runs = {}
    for seed in plan.seeds:
        with tempfile.TemporaryDirectory(prefix="poolwatch-evaluate-") as scratch:
            folder = plan.keep / f"{plan.scenario}-{seed}" if plan.keep else Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            print(f"seed {seed}: simulate, replay, measure", file=sys.stderr)
            runs[str(seed)] = measure(make(plan, seed, folder), plan.rivals, seed)
    return {
        "scenario": plan.scenario,
        "hours": plan.hours,
        "sellers": plan.sellers,
        "developers": plan.developers,
        "perturb": plan.perturb,
        "model": plan.model or "shipped",
        "tuned_on": list(TUNED_SEEDS),
        "reported_on": list(plan.seeds),
        "command": command_of(plan),
        "runs": runs,
    }


def make(plan: Plan, seed: int, folder: Path) -> Given:
    """Simulate one seed and replay it into `folder`."""
    given = Given(
        events=folder / "events.parquet",
        labels=folder / "labels.jsonl",
        take=folder / "take.parquet",
        scores=folder / "scores.parquet",
        alerts=folder / "alerts.jsonl",
    )
    simulate: list[object] = [
        "simulators",
        "--scenario",
        plan.scenario,
        "--seed",
        seed,
        "--hours",
        plan.hours,
    ]
    simulate += ["--sellers", plan.sellers, "--developers", plan.developers, "--perturb", plan.perturb]
    _run([*simulate, "--out", given.events, "--labels", given.labels, "--took", given.take])
    replay: list[object] = [
        "poolwatch",
        "replay",
        given.events,
        "--scores",
        given.scores,
        "--alerts",
        given.alerts,
    ]
    for name, value in (("--model", plan.model), ("--rules", plan.rules)):
        replay += [name, value] if value else []
    _run(replay)
    return given


def _run(arguments: Sequence[object]) -> None:
    """Run `python -m ...` in a process of its own, so that its memory is given back."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise PoolwatchError(
            " ".join(map(str, arguments[:2])) + f" failed: {lines[-1] if lines else done.returncode}"
        )


def command_of(plan: Plan) -> str:
    """The command line that makes these figures again."""
    seeds = ",".join(map(str, plan.seeds))
    text = f"poolwatch evaluate --scenario {plan.scenario} --seeds {seeds} --hours {plan.hours}"
    text += f" --sellers {plan.sellers} --developers {plan.developers}"
    for name in ("model", "rules", "perturb"):
        if getattr(plan, name):
            text += f" --{name} {getattr(plan, name)}"
    return text


def parse_seeds(text: str) -> tuple[int, ...]:
    """`1,2,5-7` -> (1, 2, 5, 6, 7); ConfigError where it is none."""
    seeds: list[int] = []
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        if not low.isdigit() or (high and not high.isdigit()):
            raise ConfigError(f"--seeds {text}: give whole numbers, e.g. 1,2,5-7")
        seeds += range(int(low), int(high or low) + 1)
    return tuple(dict.fromkeys(seeds))


def plain(value: Any) -> Any:
    """The same without what JSON has no word for: NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m poolwatch.evaluate`: figures of given files, as JSON on standard output or as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m poolwatch.evaluate", description=main.__doc__)
    for name in ("events", "labels", "scores", "alerts", "take", "operations"):
        parser.add_argument(f"--{name}", type=Path, required=name == "labels", metavar="FILE")
    parser.add_argument("--from", dest="from_ms", type=int, metavar="MS")
    parser.add_argument("--until", dest="until_ms", type=int, metavar="MS")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    options = vars(parser.parse_args(arguments))
    rivals, markdown = not options.pop("no_rivals"), options.pop("markdown")
    try:
        figures = measure(Given(**options), rivals)
    except PoolwatchError as error:
        print(f"poolwatch: {error}", file=sys.stderr)
        return error.exit_code
    print(as_markdown({"runs": {"given": figures}}) if markdown else json.dumps(plain(figures), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
