"""The feature table: each feature once, with name, unit, sentence and formula. View in, matrix out. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from models.dtypes import F64
from models.scoring.formulas import (
    beyond_tax,
    beyond_tax_week,
    dug,
    dug_week,
    feigned,
    fronted,
    growth,
    idle_share,
    just_handled,
    read_only,
    roaming,
    share,
    siblings,
    unneeded,
    unneeded_week,
)
from models.windows.columns import DAY, HOUR, WEEK_NAME, WINDOW_MINUTES, WINDOW_NAMES, View
from models.wire.sightings import DEVELOPER, ENTITY_KINDS, ORIGIN


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the matrix.

    text     a sentence part; {value} is the value (shares are worded in per cent by `sentence`)
    window   5m, 1h, 24h or 7d (whole UTC days)
    of       the formula: float64[n] from a view of n entities
    needs    optional event field without which it says nothing
    kinds    entity kinds that it means something for; 0 for the others
    rising   cannot fall while a minute is open, so that a threshold on it may fire before the close
    told     may stand among an alert's reasons; no, where nearly everyone has it and only its absence tells
    """

    name: str
    unit: str
    text: str
    meaning: str
    window: str
    of: Callable[[View], F64]
    needs: str = ""
    kinds: tuple[int, ...] = (DEVELOPER, ORIGIN)
    rising: bool = False
    told: bool = True

    def sentence(self, value: float) -> str:
        """The value in words."""
        shown = 100 * value if self.unit == "share" else value
        said = self.text.format(value=shown)
        if said.startswith("1 "):  # "1 old order", "1 seller's customers"
            one = self.unit.removesuffix("s")
            said = re.sub(rf"^1 (\w+ )?{one}s\b", rf"1 \1{one}", said).replace(f"{one}' ", f"{one}'s ")
        return said


_SPOKEN = {"5m": "5 minutes", "1h": "an hour", "24h": "24 hours", "7d": "7 days"}


def _sum(column: str, window: str) -> Callable[[View], F64]:
    """The column's sum or distinct count over a window."""
    if window == WEEK_NAME:
        return lambda v: v.over_week(column)
    place = WINDOW_NAMES.index(window)
    return lambda v: v.of(column, place)


def _counts(
    column: str,
    windows: str,
    unit: str,
    said: str,
    meaning: str,
    *,
    of: str = "",
    needs: str = "",
    kinds: tuple[int, ...] = (DEVELOPER, ORIGIN),
) -> Iterator[Feature]:
    """A plain sum or distinct count, over each of the windows ("1h 24h 7d"): column_window."""
    for window in windows.split():
        yield Feature(
            f"{column}_{window}",
            unit,
            f"{{value:,.0f}} {said} in {_SPOKEN[window]}",
            meaning,
            window,
            _sum(of or column, window),
            needs,
            kinds,
            rising=window != WEEK_NAME,
        )


def _classes(**told: tuple[str, str]) -> Iterator[Feature]:
    """Records of each class of personal data: how they are spoken of, and what they are."""
    for name, (said, meaning) in told.items():
        yield from _counts(f"pii_{name}", "24h", "records", f"records {said}", meaning, needs="pii")


def _day_share(name: str, said: str, meaning: str, part: str, whole: str, *, needs: str) -> Feature:
    """Share of one 24-hour sum in another."""
    return Feature(
        name,
        "share",
        f"{{value:.0f}}% {said}",
        meaning,
        "24h",
        lambda v: share(v.of(part, DAY), v.of(whole, DAY)),
        needs,
    )


FEATURES: tuple[Feature, ...] = (
    # How many it acts for.
    *_counts("sellers", "1h 24h 7d", "sellers", "sellers", "distinct sellers called for"),
    *_counts("keys", "1h 24h", "keys", "keys", "distinct keys used"),
    Feature(
        "keys_per_seller_24h", "keys", "{value:,.0f} keys for each of its sellers in 24 hours",
        "distinct keys over distinct sellers", "24h",
        lambda v: v.of("keys", DAY) / np.maximum(v.of("sellers", DAY), 1),
    ),
    *_counts(
        "origins", "24h", "origins", "origins",
        "distinct places it calls from", of="others", kinds=(DEVELOPER,), needs="source_ip",
    ),
    *_counts(
        "developers", "1h 24h", "developers", "developers",
        "distinct developers that call from here", of="others", kinds=(ORIGIN,),
    ),
    Feature(
        "siblings_24h", "developers", "{value:,.0f} developers call from here, each for a few sellers",
        "distinct developers that call from here, where they have 2.5 to 25 sellers each; else 0", "24h",
        siblings, kinds=(ORIGIN,),
    ),
    # How much it takes.
    *_counts("calls", "5m 1h 24h", "calls", "calls", "all calls"),
    *_counts(
        "records", "1h 24h", "records", "records",
        "order and customer records returned", needs="records",
    ),
    *_counts("bytes", "24h", "bytes", "bytes", "size of the answers", needs="bytes"),
    *_counts(
        "pii_records", "1h 24h 7d", "records", "identifying records",
        "records that identify a person", needs="pii",
    ),
    *_classes(
        name=("with names", "records that carried a name"),
        address=("with addresses", "records with an address"),
        phone=("with phone numbers", "records that carried a phone number"),
        email=("with e-mail addresses", "records that carried an e-mail address"),
        purchase=("of purchases", "records of what was bought"),
        tax=("with tax numbers", "records with a tax number"),
    ),
    Feature(
        "beyond_tax_share_24h", "share", "{value:.0f}% of its identifying records are more than an invoice",
        "1 less records with a tax number and no telephone number or e-mail, over identifying ones", "24h",
        beyond_tax, "pii", told=False,
    ),
    Feature(
        "beyond_tax_share_7d", "share",
        "{value:.0f}% of its identifying records of 7 days are more than an invoice",
        "as above, of a week", "7d", beyond_tax_week, "pii", told=False,
    ),
    Feature(
        "customers_24h", "customers", "{value:,.0f} customers exposed in 24 hours",
        "distinct customers in the answers, estimated", "24h", lambda v: v.customers, "customers",
    ),
    Feature(
        "records_per_seller_24h", "records", "{value:,.0f} records for each of its sellers in 24 hours",
        "records over distinct sellers", "24h",
        lambda v: v.of("records", DAY) / (v.of("sellers", DAY) + 1), "records",
    ),
    # Whose customers it reads, and whether it has business with them.
    *_counts(
        "sellers_pii", "1h 24h 7d", "sellers", "sellers' customers read",
        "of identifying records", needs="pii",
    ),
    Feature(
        "sellers_read_only_24h", "sellers", "{value:,.0f} sellers in 24 hours whose customers it only read",
        "sellers of identifying records less those for whom something was done that needs them", "24h",
        read_only, "pii",
    ),
    Feature(
        "idle_share_7d", "share", "it did nothing for {value:.0f}% of the sellers it read in 7 days",
        "sellers of identifying records less those for whom something was done, over the former", "7d",
        idle_share, "pii",
    ),
    *_counts(
        "sellers_shadow", "1h 24h 7d", "sellers", "sellers read whose orders another party handles",
        "sellers that another party works for, and this entity only reads", needs="orders",
    ),
    Feature(
        "sellers_feigned_24h", "sellers",
        "{value:,.0f} sellers for whom it acts now and then, while another party does their work",
        "shadowed sellers of a day, less those of a week for whom it did nothing: at least so many are both",
        "24h", feigned, "orders",
    ),
    _day_share(
        "shadow_share_24h", "of its identifying reads concern sellers that another party works for",
        "shadow calls over identifying calls", "shadow_calls", "pii_calls", needs="orders",
    ),
    *_counts(
        "sellers_new", "1h 24h 7d", "sellers", "established sellers read for the first time",
        "sellers known for a day before this entity first read their customers", needs="pii",
    ),
    Feature(
        "sellers_new_share_7d", "share", "{value:.0f}% of the sellers it called for in 7 days are new to it",
        "established sellers read for the first time, over sellers called for and two more", "7d",
        lambda v: np.minimum(share(v.over_week("sellers_new"), v.over_week("sellers"), 2.0), 1.0), "pii",
    ),
    *_counts(
        "sellers_dug", "1h 24h 7d", "sellers", "sellers whose old orders it digs up",
        "shadowed sellers of whom old orders were read, and nothing done since", needs="orders",
    ),
    Feature(
        "sellers_fronted_7d", "sellers", "{value:,.0f} sellers that it acts for, and digs up all the same",
        "sellers dug up, less those read for whom nothing was done: at least so many are both",
        "7d", fronted, "orders",
    ),
    *_counts(
        "sellers_alone", "24h", "sellers", "sellers of whose orders it read some that concerned nobody else",
        "sellers handled by another, of whom orders read a day before stayed untouched", needs="orders",
    ),
    Feature(
        "sellers_alone_share_24h", "share",
        "{value:.0f}% of the sellers it read have orders that it read and nobody else touched in a day",
        "sellers of orders that stayed untouched, over sellers of identifying records", "24h",
        lambda v: share(v.of("sellers_alone", DAY), v.of("sellers_pii", DAY)), "orders",
    ),
    Feature(
        "sellers_dug_share_24h", "share", "it digs up old orders of {value:.0f}% of the sellers it read",
        "sellers dug up, over sellers of identifying records and two more", "24h",
        lambda v: share(v.of("sellers_dug", DAY), v.of("sellers_pii", DAY), 2.0), "orders",
    ),
    Feature(
        "dug_of_new_7d", "share",
        "{value:.0f}% as many sellers dug up in 7 days as it came to, while others go on working for them",
        "sellers dug up over established sellers read for the first time, and two more", "7d",
        lambda v: np.minimum(v.over_week("sellers_dug") / (v.over_week("sellers_new") + 2.0), 1.0), "orders",
    ),
    Feature(
        "orders_dug_24h", "orders", "{value:,.0f} old orders read in 24 hours",
        "shadow orders beyond what sellers get: untouched, or older than its coming; dealt with long before",
        "24h", dug, "orders",
    ),
    Feature(
        "dug_share_24h", "share", "{value:.0f}% of the orders it read were old",
        "old shadow orders, as above, over orders taken", "24h",
        lambda v: np.minimum(share(dug(v), v.of("orders_taken", DAY)), 1.0), "orders",
    ),
    Feature(
        "dug_share_7d", "share", "{value:.0f}% of the orders read in 7 days were old",
        "old shadow orders, as above, over orders taken", "7d",
        lambda v: np.minimum(share(dug_week(v), v.over_week("orders_taken")), 1.0),
        "orders",
    ),
    Feature(
        "orders_alone_24h", "orders", "{value:,.0f} orders it had read stayed untouched by all others",
        "orders taken a day before the last 24 hours that nobody touched since", "24h",
        lambda v: v.of("orders_alone", DAY), "orders",
    ),
    Feature(
        "alone_share_24h", "share", "{value:.0f}% as many orders stayed untouched as it read in 24 hours",
        "orders that nobody touched in a day, over orders taken", "24h",
        lambda v: np.minimum(share(v.of("orders_alone", DAY), v.of("orders_taken", DAY)), 1.0), "orders",
    ),
    Feature(
        "sellers_unneeded_24h", "sellers",
        "{value:,.0f} sellers in 24 hours whose orders it reads and next to never acts on",
        "sellers of whom 10 orders were taken and fewer than 1 in 20 acted on", "24h",
        lambda v: v.of("sellers_unneeded", DAY), "pii",
    ),
    # What it does about the orders.
    *_counts(
        "orders_taken", "24h", "orders", "orders read",
        "orders read for the first time", needs="orders",
    ),
    Feature(
        "orders_unneeded_24h", "orders", "{value:,.0f} orders read in 24 hours and not acted on",
        "orders taken less orders acted on", "24h", unneeded, "orders",
    ),
    Feature(
        "orders_unneeded_7d", "orders", "{value:,.0f} orders read in 7 days and not acted on",
        "orders taken less orders acted on", "7d", unneeded_week, "orders",
    ),
    Feature(
        "unneeded_share_24h", "share", "{value:.0f}% of the orders it read in 24 hours were not acted on",
        "orders not acted on over orders taken", "24h",
        lambda v: share(unneeded(v), v.of("orders_taken", DAY)), "orders",
    ),
    Feature(
        "unneeded_share_7d", "share", "{value:.0f}% of the orders it read in 7 days were not acted on",
        "orders not acted on over orders taken", "7d",
        lambda v: share(unneeded_week(v), v.over_week("orders_taken")), "orders",
    ),
    _day_share(
        "handled_share_24h", "of the orders it read had already been dealt with by somebody else",
        "orders taken after another party's write", "orders_handled", "orders_taken", needs="orders",
    ),
    Feature(
        "open_share_24h", "share", "{value:.0f}% of the orders it read nobody else had dealt with of late",
        "1 less orders acted on by another in the two days before they were taken, over orders taken", "24h",
        lambda v: 1.0 - np.minimum(share(just_handled(v), v.of("orders_taken", DAY)), 1.0), "orders",
    ),
    _day_share(
        "followed_share_24h", "of the orders it read had just been read by somebody else",
        "orders taken after another party's read", "orders_followed", "orders_taken", needs="orders",
    ),
    Feature(
        "again_share_24h", "share", "{value:.0f}% of its order reads repeat earlier ones",
        "orders read again over all order reads", "24h",
        lambda v: share(v.of("orders_again", DAY), v.of("orders_again", DAY) + v.of("orders_taken", DAY)),
        "orders",
    ),
    Feature(
        "reads_without_deeds_24h", "share", "{value:.0f}% of its identifying reads led to nothing",
        "identifying calls less writes that justify them, over identifying calls", "24h",
        lambda v: share(v.of("pii_calls", DAY) - v.of("deeds", DAY), v.of("pii_calls", DAY), 2.0), "pii",
    ),
    Feature(
        "reads_without_writes_24h", "share", "{value:.0f}% of its calls only read",
        "calls less writes, over calls", "24h",
        lambda v: share(v.of("calls", DAY) - v.of("writes", DAY), v.of("calls", DAY)),
    ),
    Feature(
        "written_share_24h", "share", "{value:.0f}% of its calls write", "writes over calls", "24h",
        lambda v: share(v.of("writes", DAY), v.of("calls", DAY)), told=False,
    ),
    # How it reads.
    *_counts(
        "report_records", "24h", "records", "records taken by report",
        "records in reports", needs="records",
    ),
    _day_share(
        "report_share_24h", "of its records came by report", "records in reports over records",
        "report_records", "records", needs="records",
    ),
    Feature(
        "throttled_share_1h", "share", "{value:.0f}% of its calls in an hour were refused as too many",
        "calls answered 429 over calls", "1h",
        lambda v: share(v.of("throttled", HOUR), v.of("calls", HOUR)),
    ),
    Feature(
        "failed_share_1h", "share", "{value:.0f}% of its calls in an hour failed",
        "calls answered 400 or above, except 429, over calls", "1h",
        lambda v: share(v.of("failures", HOUR), v.of("calls", HOUR)),
    ),
    *_counts("keys_throttled", "1h", "keys", "keys refused as calling too often", "keys answered 429"),
    Feature(
        "handovers_24h", "times", "{value:,.0f} times in 24 hours another key took over when one was refused",
        "times a key was answered 429 and, within a minute, a key silent for 5 minutes began to call", "24h",
        lambda v: v.of("handovers", DAY),
    ),
    *_counts(
        "keys_elsewhere", "24h", "keys", "keys in use elsewhere",
        "keys used within a day from two clients on two networks", needs="source_ip",
    ),
    Feature(
        "keys_elsewhere_share_24h", "share", "{value:.0f}% of its keys are in use elsewhere",
        "such keys over keys, and two more", "24h",
        lambda v: share(v.of("keys_elsewhere", DAY), v.of("keys", DAY), 2.0), "source_ip",
    ),
    *_counts(
        "keys_foreign", "24h", "keys", "keys whose established place is another",
        "keys that were established elsewhere", needs="source_ip",
    ),
    Feature(
        "foreign_share_24h", "share", "{value:.0f}% of its calls use keys established elsewhere",
        "calls with keys established elsewhere over calls, and two more", "24h",
        lambda v: share(v.of("foreign", DAY), v.of("calls", DAY), 2.0), "source_ip",
    ),
    Feature(
        "keys_roaming_24h", "keys", "{value:,.0f} keys used from ever other networks, only to read",
        "keys only read with from three networks as others work; 0 where developers have more than two each",
        "24h", roaming, "source_ip", (ORIGIN,),
    ),
    _day_share(
        "offhours_share_24h", "of its identifying records were read while the seller's side sleeps",
        "identifying records in the seller's silent hours over identifying records", "offhours",
        "pii_records", needs="pii",
    ),
    Feature(
        "activity_24h", "share", "active in {value:.0f}% of the minutes of 24 hours",
        "active minutes over minutes", "24h", lambda v: v.of("minutes", DAY) / WINDOW_MINUTES[DAY],
    ),
    # Against its own past.
    Feature(
        "days_before", "days", "active on {value:.0f} of the six days before",
        "UTC days before today on which it was active: what it took had time to be acted on", "7d",
        lambda v: v.of_past("days"),
    ),
    Feature(
        "growth_sellers", "times", "{value:.1f} times as many sellers in 24 hours as on its own days before",
        "distinct sellers in 24 hours over the mean of its active days of the week before", "24h",
        lambda v: growth(v, "sellers", 5.0),
    ),
    Feature(
        "growth_sellers_pii", "times", "{value:.1f} times as many sellers' customers read as on days before",
        "sellers of identifying records in 24 hours over the mean of its active days before", "24h",
        lambda v: growth(v, "sellers_pii", 5.0), "pii",
    ),
    Feature(
        "growth_records", "times", "{value:.1f} times as many records in 24 hours as on its own days before",
        "records in 24 hours over the mean of its active days of the week before", "24h",
        lambda v: growth(v, "records", 100.0), "records",
    ),
)  # fmt: skip
FEATURE_NAMES = tuple(f.name for f in FEATURES)
FEATURE = {f.name: place for place, f in enumerate(FEATURES)}
assert len(FEATURE) == len(FEATURES), "a feature is named twice"
assert {f.window for f in FEATURES} == set(WINDOW_NAMES) == set(_SPOKEN)


def matrix(view: View) -> F64:
    """float64[n, FEATURES]: the formulas in the table's order; finite, never below 0."""
    out = np.zeros((len(view), len(FEATURES)))
    for place, feature in enumerate(FEATURES):
        values = feature.of(view)
        if len(feature.kinds) < len(ENTITY_KINDS):
            values = np.where(np.isin(view.kinds, feature.kinds), values, 0.0)
        out[:, place] = values
    return out


def table() -> str:
    """The table as Markdown; docs/features.md is this text."""
    lines = [
        "# Features",
        "",
        "Made by `python -m models.scoring.features > docs/features.md`. One row per entity and active",
        "minute; higher is more anomalous. Windows end with the minute; 7d: whole UTC days, today and six",
        "before.",
        "",
        "| feature | unit | window | of | needs | early | meaning |",
        "|---|---|---|---|---|---|---|",
    ]
    for f in FEATURES:
        kinds = "all" if len(f.kinds) == len(ENTITY_KINDS) else ", ".join(ENTITY_KINDS[k] for k in f.kinds)
        early = "yes" if f.rising else ""
        lines.append(f"| {f.name} | {f.unit} | {f.window} | {kinds} | {f.needs} | {early} | {f.meaning} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(table(), end="")
