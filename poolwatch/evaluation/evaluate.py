"""Seeds -> marketplaces simulated, replayed, measured. Runs simulator and poolwatch; touches files it makes.

`python -m poolwatch.evaluation.evaluate` measures files that are given, whoever made them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import PoolwatchError
from poolwatch.evaluation.detection_page import as_markdown
from poolwatch.evaluation.measure import Given, for_json, measure
from poolwatch.evaluation.mistakes import mistakes
from poolwatch.evaluation.seeds import REPORTED, TUNED, parse_seeds
from streams.files.atomic import atomic_path


@dataclass(frozen=True, slots=True)
class Plan:
    """What `evaluate` simulates and replays. perturb: by what share the simulator's numbers are moved."""

    scenario: str = "mixed"
    seeds: tuple[int, ...] = parse_seeds(REPORTED)
    hours: int = 72
    sellers: int = 2_000
    developers: int = 300
    model: str = ""
    rules: str = ""
    perturb: float = 0.0
    rivals: bool = True
    keep: Path | None = None  # folder where the files of each seed stay


def evaluate(plan: Plan, markdown: str | None = None) -> dict[str, Any]:
    """Simulate, replay and measure each seed in turn. PoolwatchError: the step that failed.

    markdown  where the page goes, as the command that makes it again has it
    """
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
        "tuned_on": list(parse_seeds(TUNED)),
        "reported_on": list(plan.seeds),
        "command": command_of(plan, markdown),
        "runs": runs,
    }


def evaluate_to(plan: Plan, markdown: str | None = None, figures: str | None = None) -> tuple[str, str]:
    """Evaluate; give the page and the figures (one line of JSON), written where asked for too."""
    result = evaluate(plan, markdown)
    page, told = as_markdown(result), json.dumps(for_json(result)) + "\n"
    for path, text in ((markdown, page), (figures, told)):
        if path:
            with atomic_path(path) as partial:
                Path(partial).write_text(text, encoding="utf-8")
    return page, told


def make(plan: Plan, seed: int, folder: Path) -> Given:
    """Simulate one seed and replay it into `folder`."""
    given = Given(
        events=folder / "events.parquet",
        labels=folder / "labels.jsonl",
        take=folder / "take.parquet",
        scores=folder / "scores.parquet",
        alerts=folder / "alerts.jsonl",
        keys=folder / "keys.jsonl",
    )
    simulate: list[object] = [
        "poolwatch",
        "simulate",
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
        "--keys",
        given.keys,
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


def command_of(plan: Plan, markdown: str | None = None) -> str:
    """The command line that makes these figures again."""
    seeds = ",".join(map(str, plan.seeds))
    text = f"poolwatch evaluate --scenario {plan.scenario} --seeds {seeds} --hours {plan.hours}"
    text += f" --sellers {plan.sellers} --developers {plan.developers}"
    for name in ("model", "rules", "perturb"):
        if getattr(plan, name):
            text += f" --{name} {getattr(plan, name)}"
    text += "" if plan.rivals else " --no-rivals"
    return f"{text} --markdown {markdown}" if markdown else text


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m poolwatch.evaluation.evaluate`: figures of given files, as JSON or Markdown."""
    parser = argparse.ArgumentParser(prog="python -m poolwatch.evaluation.evaluate", description=main.__doc__)
    for name in ("events", "labels", "scores", "alerts", "take", "keys", "operations"):
        parser.add_argument(f"--{name}", type=Path, required=name == "labels", metavar="FILE")
    parser.add_argument("--from", dest="from_ms", type=int, metavar="MS")
    parser.add_argument("--until", dest="until_ms", type=int, metavar="MS")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument(
        "--mistakes", action="store_true", help="who was flagged wrongly, missed or late, and why"
    )
    options = vars(parser.parse_args(arguments))
    rivals, markdown = not options.pop("no_rivals"), options.pop("markdown")
    wrong = options.pop("mistakes")
    try:
        if wrong:
            print(mistakes(Given(**options)), end="")
            return 0
        figures = measure(Given(**options), rivals)
    except PoolwatchError as error:
        print(f"poolwatch: {error}", file=sys.stderr)
        return error.exit_code
    print(as_markdown({"runs": {"given": figures}}) if markdown else json.dumps(for_json(figures), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
