"""Key rows -> docs/keys.md: whose hand is on the key, how that is told, and how often it is right. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from models.keys.owner import WEIGHTS, Weights
from models.wire.sightings import ENTITY_KINDS
from poolwatch.evaluation.key_rows import KeyRows, brier, groups, reliability

EDGES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)

_HEAD = """# Whose hand is on the key

Made by `python -m poolwatch.evaluation.key_check > docs/keys.md`.

For each key of an alert (`key_owners`, `keys_borrowed`), and for all keys of a history (`poolwatch replay
--keys FILE.jsonl`), the probability that another than its owner calls. The owner is the seller, or the
application that the seller authorised, that used the key from its home before. Of an origin it is asked
whether the caller there is not the owner; of a developer, whether another is among those who call with its
key.

Whoever collects keys under an application of his own (one developer_id, many sellers) owns these keys: the
sellers authorised him. Their probability is low, and that he pools is said by the rest of the alert. A key
that is used from one place alone, or that was stolen before the log began and never used by its owner
since, cannot be told from an owner's.

Everything comes from what is remembered of the last seven UTC days in a row that detection keeps anyway (no
bytes added); nothing is told where events lack address or client (TLS fingerprint or user agent).

A logistic model; each sign is 0..1, none lowers the probability as it grows, and no probability exceeds
.99:

{weights}

Weights: ridge logistic regression on seeds {fitted} of the scenarios {scenarios} (`python -m
poolwatch.evaluation.key_check --fit`), each key counted once. Of the keys checked below {base} are stolen,
many more than in life: where you know your own share s, add ln(s / (1 - s)) - ln({share:.3f} / {rest:.3f})
to the log-odds. Whether another party works for the seller (shadow calls) was tried too, and adds nothing
beside these signs.

With the simulator's numbers moved by up to 30% (`--perturb 0.3 --seeds 321,322`) the Brier scores were
.0063 for developers and .0034 for origins.
"""


def as_markdown(
    rows: KeyRows, fitted: Sequence[int], checked: Sequence[int], scenarios: Sequence[str], sellers: int
) -> str:
    """The whole page."""
    share = float(np.average(rows.stolen, weights=rows.weight))
    head = _HEAD.format(
        weights=weights_table(),
        fitted=", ".join(map(str, fitted)),
        scenarios=" and ".join(f"`{name}`" for name in scenarios),
        base=f"{100 * share:.1f}%",
        share=share,
        rest=1 - share,
    )
    seeds = ", ".join(map(str, checked))
    parts = [head, f"## Checked on seeds {seeds}\n\n{sellers:,} sellers, 72 h, as of the end of the history."]
    for kind, name in enumerate(ENTITY_KINDS):
        parts.append(_kind(name, rows.of(rows.kind == kind)))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def weights_table() -> str:
    """The weights in force, and what each is for."""
    names = [field.name for field in fields(Weights)]
    values = ([f"{getattr(w, name):.2f}" for w in WEIGHTS] for name in names)
    return _table(
        ["sign", *(f"weight, {kind}" for kind in ENTITY_KINDS), "when in full"],
        [[name, *told, _SAYS[name]] for name, told in zip(names, values, strict=True)],
    )


_SAYS = {
    "base": "without any sign",
    "elsewhere": "used from another client on another network within a day",
    "undone": "as elsewhere, and no orders are acted on with it here",
    "foreign": "as elsewhere, and this place came more than a day after one that goes on",
    "dug": "elsewhere or in company, orders are read that nobody had touched, or that were long finished",
    "idle": "elsewhere or in company, many orders are read and none acted on",
    "roaming": "a client that only reads uses it from ever other networks, here too (origins only)",
    "company": "31 other keys here are away from their homes, of as many developers (origins only)",
}


def _kind(name: str, rows: KeyRows) -> str:
    share = float(np.average(rows.stolen, weights=rows.weight))
    bins = [
        [f"{b['from']:g} to {min(b['to'], 1):g}", f"{b['keys']:,.0f}", f"{b['told']:.3f}", f"{b['true']:.3f}"]
        for b in reliability(rows, EDGES)
    ]
    found = [
        [
            f"**{g['group']}**" if g["stolen"] else g["group"],
            f"{g['keys']:,.0f}",
            f"{g['mean']:.3f}",
            f"{g['highest']:.3f}",
            f"{100 * g['borrowed']:.0f}%",
        ]
        for g in groups(rows)
    ]
    return f"""### Keys of {name}s

Brier score {brier(rows):.4f}; to say {share:.3f} of every key would get {share * (1 - share):.4f}.

{_table(["probability told", "keys", "mean told", "truly another"], bins)}

{_table(["who (bold: stolen keys)", "keys", "mean", "highest", "at .5 or above"], found)}"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
