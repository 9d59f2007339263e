"""A scenario in; its events to a file or topic at a set rate, its truth to files. Touches files, Kafka."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from models.errors import ConfigError
from poolwatch.progress import Bar
from simulators import perturb, scenario, write
from simulators import report as page
from simulators.marketplace import Marketplace
from streams.files.atomic import atomic_path
from streams.inputs.inputs import Input
from streams.settings import Settings

BATCH_ROWS = 2_000
ENDINGS = {".parquet": write.to_parquet, ".jsonl": write.to_jsonl}


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make; None = as the scenario says."""

    scenario: str
    seed: int
    hours: float | None = None
    sellers: int | None = None
    developers: int | None = None
    perturb: float = 0.0

    def market(self) -> Marketplace:
        """The marketplace. ConfigError: no such scenario."""
        if self.perturb:
            perturb.move(self.perturb, self.seed)
        return Marketplace(scenario.load(self.scenario), self.seed, self.hours, self.sellers, self.developers)


def simulate(
    wish: Wish,
    out: str,
    settings: Settings,
    labels: str | None = None,
    took: str | None = None,
    rate: float | None = None,
    report: str | None = None,
) -> None:
    """Write events, labels and what was taken. ConfigError, PoolwatchError: one clear line.

    A file is there whole or not at all: a history cut short looks like any other.
    """
    market, begun = wish.market(), time.perf_counter()
    try:
        with Bar("simulate", market.end_ms - market.start_ms) as bar:
            if out.startswith("kafka://"):
                tables = paced(market, rate) if rate else batches(market)
                count = to_kafka(shown(tables, market, bar), out, settings)
            else:
                count = to_file(shown(paced(market, rate) if rate else market, market, bar), out)
    except KeyboardInterrupt:
        left = "what was sent stays there" if out.startswith("kafka://") else "nothing is written"
        print(f"poolwatch: {out}: interrupted, {left}", file=sys.stderr)
        raise
    seconds = time.perf_counter() - begun
    print(f"poolwatch: {out}: {count:,} events ({count / seconds:,.0f}/s)", file=sys.stderr)
    if labels:
        with atomic_path(labels) as partial:
            write.to_labels(market.labels(), partial)
    if took:
        with atomic_path(took) as partial:
            write.to_taken(market.taken.table(), partial)
    if report:
        with atomic_path(report) as partial:
            write.to_text(page.html(market), partial)


def to_file(tables: Iterable[pa.Table], out: str) -> int:
    """Write the events to a file, device or standard output (-); how many."""
    to = next((to for ending, to in ENDINGS.items() if out.endswith(ending)), None)
    if to is None and out != "-" and not out.startswith("/dev/"):
        raise ConfigError(f"--out {out}: give FILE.jsonl, FILE.parquet or kafka://HOST:PORT/TOPIC")
    with atomic_path("/dev/stdout" if out == "-" else out) as partial:
        return (to or write.to_jsonl)(tables, partial)


def shown(tables: Iterable[pa.Table], market: Marketplace, bar: Bar) -> Iterator[pa.Table]:
    """The same events of the market; the bar tells how far they are."""
    count = 0
    for table in tables:
        yield table
        count += table.num_rows
        if table.num_rows:
            bar.show(table["time"][-1].as_py() - market.start_ms, f"{count:,} events")


def to_kafka(tables: Iterable[pa.Table], url: str, settings: Settings) -> int:
    """Send each event with its seller_id as key; how many. PoolwatchError: no broker, not delivered."""
    from streams.kafka.producer import FastProducer

    place = Input(url, "kafka")
    if not place.topic:
        raise ConfigError(f"--out {url}: a topic is named as kafka://HOST:PORT/TOPIC")
    with FastProducer(replace(settings, broker=f"kafka://{place.broker}"), place.topic) as producer:
        for table in tables:
            producer.send(keyed(table))
        return producer.sent


def keyed(table: pa.Table) -> Iterator[tuple[bytes, bytes]]:
    """(seller_id, JSON) of each event."""
    sellers = table["seller_id"].to_pylist()
    for seller, line in zip(sellers, write.lines(table).to_pylist(), strict=True):
        yield seller.encode(), line.rstrip("\n").encode()


def batches(tables: Iterable[pa.Table], rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
    """The same events, at most `rows` at a time."""
    for table in tables:
        for first in range(0, table.num_rows, rows):
            yield table.slice(first, rows)


def paced(tables: Iterable[pa.Table], rate: float) -> Iterator[pa.Table]:
    """The same events, `rate` a second: the n-th comes n / rate seconds after the start, or later."""
    begun, told = time.monotonic(), 0
    for batch in batches(tables, max(1, min(BATCH_ROWS, int(rate / 10)))):
        told += batch.num_rows
        time.sleep(max(0.0, begun + told / rate - time.monotonic()))
        yield batch
