"""Figures of an evaluation -> Markdown, the text of docs/detection.md. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Figures = Mapping[str, Any]
RANKED = ("developers", "origins", "parties")


def spread(values: Iterable[Any], form: Callable[[float], str]) -> str:
    """`mean (least..most)` of what could be measured; a dash where nothing could."""
    known = [float(v) for v in values if v is not None and math.isfinite(v)]
    if not known:
        return "–"
    mean = form(sum(known) / len(known))
    low, high = form(min(known)), form(max(known))
    return mean if low == high else f"{mean} ({low}..{high})"


def two(value: float) -> str:
    return f"{value:.2f}"


def four(value: float) -> str:
    return f"{value:.4f}"


def hours(value: float) -> str:
    return f"{value:.1f}"


def percent(value: float) -> str:
    return f"{100 * value:.0f}%" if value >= 0.1 or value == 0 else f"{100 * value:.1f}%"


def as_markdown(result: Figures) -> str:
    """The whole page. `result` is what `evaluate` gives, or {"runs": {name: figures}}."""
    runs = list(result["runs"].values())
    parts = [_head(result), _methods(runs)]
    if all("alerts" in run for run in runs):
        parts += [_alerts(runs), _scenarios(runs), _reasons(runs), _populations(result["runs"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(result: Figures) -> str:
    if "command" not in result:
        return "# Detection, measured"
    tuned, reported = set(result["tuned_on"]), result["reported_on"]
    both = [s for s in reported if s in tuned]
    discipline = f"Tuned on seeds {_list(sorted(tuned))}; the figures are of seeds {_list(reported)}, " + (
        f"**of which {_list(both)} were tuned on**." if both else "none of which was tuned on."
    )
    moved = (
        f"; the simulator's numbers moved by up to {percent(result['perturb'])}" if result["perturb"] else ""
    )
    size = f"{result['sellers']:,} sellers, {result['developers']:,} developers, {result['hours']} h{moved}"
    return f"""# Detection, measured

Scenario `{result["scenario"]}`: {size}.
{discipline} Model: {result["model"]}. Undetected poolers are part of the history that is judged.

```
{result["command"]}
```

Everything counts entities and parties, never events. An entity's score is its highest of the span;
entities without a score count as 0; ties are grouped; the developers that a pooler robs are left out.
Each figure is the mean over the seeds, with least and most. ECOD needs PyOD, the extra `rivals`
(`.venv/bin/pip install pyod`); without it the command tells the rest."""


def _list(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _methods(runs: list[Figures]) -> str:
    names = list(dict.fromkeys(name for run in runs for name in run["methods"]))
    if not names:
        return ""
    head = ["method", *(f"AP, {kind}" for kind in RANKED), "precision at 20", "recall at .1 / day"]
    head += ["recall at 1 / day", "hours to detection", "taken before"]
    rows = []
    for name in names:
        found = [run["methods"][name] for run in runs if name in run["methods"]]
        skipped = next((f["skipped"] for f in found if "skipped" in f), None)
        if skipped:
            rows.append([name, skipped, *[""] * (len(head) - 2)])
            continue
        rows.append(
            [
                f"**{name}**" if name == "poolwatch" else name,
                *(spread((f.get(kind, {}).get("average_precision") for f in found), two) for kind in RANKED),
                spread((f["parties"]["precision_at_20"] for f in found), two),
                spread((f["parties"]["recall_at_0.1_a_day"] for f in found), two),
                spread((f["parties"]["recall_at_1_a_day"] for f in found), two),
                spread((f["at_1_a_day"].get("median_hours") for f in found), hours),
                spread((f["at_1_a_day"].get("share_before") for f in found), percent),
            ]
        )
    return f"""## Beside plain methods

AP = average precision. Recall, hours and customers are over parties, at the line that .1 or 1 benign entity a
day is above (hours and customers: at 1 a day). Misses count as the whole span, and with all that was taken.

{_table(head, rows)}"""


def _alerts(runs: list[Figures]) -> str:
    found = [run["alerts"] for run in runs]
    rows = [
        ["poolers found", spread((f.get("recall") for f in found), percent)],
        ["alerted entities that are a pooler's", spread((f["precision"] for f in found), percent)],
        ["false entities a day", spread((f["false_a_day"] for f in found), two)],
        ["false parties a day", spread((f["false_parties_a_day"] for f in found), two)],
        ["median hours to detection", spread((f.get("median_hours") for f in found), hours)],
        ["customers taken before, of all", spread((f.get("share_before") for f in found), percent)],
        [
            "customers taken before, median pooler",
            spread((f.get("median_share_before") for f in found), percent),
        ],
    ]
    keys = [run["keys"] for run in runs if "keys" in run]
    if keys:
        rows += [
            [
                "stolen keys told as another's (.5 or above)",
                spread((f["stolen_told"] for f in keys), percent),
            ],
            ["owners' keys told so", spread((f["owned_told"] for f in keys), percent)],
            ["Brier score of the keys' probability", spread((f["brier"] for f in keys), four)],
        ]
    for text, name in (
        ("pairs of entities in one case that are one party's", "pair_precision"),
        ("pairs of one party's entities that are in one case", "pair_recall"),
        ("poolers of several alerted entities that are one case", "whole"),
    ):
        rows.append([text, spread((f["cases"][name] for f in found if "cases" in f), percent)])
    return "## The alerts as they are raised\n\n" + _table(["figure", "value"], rows)


def _scenarios(runs: list[Figures]) -> str:
    names = sorted({name for run in runs for name in run["alerts"]["scenarios"]})
    rows = []
    for name in names:
        found = [run["alerts"]["scenarios"][name] for run in runs if name in run["alerts"]["scenarios"]]
        rows.append(
            [
                name,
                f"{sum(f['found'] for f in found)} of {sum(f['parties'] for f in found)}",
                spread((f["median_hours"] for f in found), hours),
                spread((f["share_before"] for f in found), percent),
            ]
        )
    head = ["how the pooler hides", "found", "hours to detection", "taken before"]
    return "## By scenario\n\n" + _table(head, rows) if rows else ""


def _reasons(runs: list[Figures]) -> str:
    found = [run["alerts"].get("reasons", {}) for run in runs]
    rows = []
    for name in sorted({name for figures in found for name in figures}):
        some = [figures[name] for figures in found if name in figures]
        first: Counter[str] = Counter()
        for figures in some:
            first.update(figures["first"])
        poolers, told, alerts, alerts_told = (
            sum(f[k] for f in some) for k in ("poolers", "told", "alerts", "alerts_told")
        )
        shown = ", ".join(topic for topic, _ in first.most_common(3))
        rows.append([name, f"{told} of {poolers}", percent(alerts_told / alerts), shown])
    head = ["how the pooler hides", "poolers whose alert tells it", "of all their alerts", "told first"]
    if not rows:
        return ""
    return f"""## What the reasons say

Do the top three reasons contain what the scenario does (`expect` of simulators/poolers)? Judged by a pooler's
alert of highest score, then by all of its alerts. A reason stands for its topic: `dug` for sellers_dug_24h.

{_table(head, rows)}"""


def _populations(runs: Mapping[str, Figures]) -> str:
    names = sorted({name for run in runs.values() for name in run["alerts"]["populations"]})
    rows = []
    for name in names:
        found = {s: run["alerts"]["populations"].get(name) for s, run in runs.items()}
        members = sum(f["members"] for f in found.values() if f)
        flagged = [f"{x} (seed {s})" for s, f in found.items() if f for x in f["names"]]
        parties = sum(f["flagged"] for f in found.values() if f)
        share = percent(parties / members) if members else "–"
        shown = ", ".join(flagged[:12]) + (f" and {len(flagged) - 12} more" if len(flagged) > 12 else "")
        rows.append([name, str(members), str(parties), share, shown])
    head = ["look-alikes", "parties", "flagged", "share", "by which entities"]
    return "## Who was flagged by mistake\n\n" + _table(head, rows) if rows else ""
