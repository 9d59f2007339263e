"""A Parquet of events -> sums by developer, address, seller, key, hour, for the plain rivals. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.dtypes import I64, Bools
from models.minutes import HOUR_MS
from models.operations import WRITE, Operations
from poolwatch.evaluation.evidence import batches, milliseconds

COLUMNS = (
    "time",
    "developer_id",
    "seller_id",
    "key_id",
    "operation",
    "records",
    "bytes",
    "pii",
    "source_ip",
)
NEEDED = COLUMNS[:5]
IDENTIFYING = ("name", "address", "phone", "email", "tax")
SUMS = ("calls", "records", "bytes", "pii_calls", "pii_records", "writes")
#: Sums are merged when this many rows have gathered.
MERGE_ROWS = 4_000_000


class Ids:
    """Texts of one column as small whole numbers; a missing one is -1."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def codes(self, column: pa.ChunkedArray) -> I64:
        encoded = column.combine_chunks().cast(pa.string()).dictionary_encode()
        codes = [self._codes.setdefault(text, len(self._codes)) for text in encoded.dictionary.to_pylist()]
        table = np.array([*codes, -1], np.int64)
        coded: I64 = table[encoded.indices.fill_null(len(codes)).to_numpy(zero_copy_only=False)]
        return coded

    @property
    def texts(self) -> list[str]:
        return list(self._codes)


@dataclass(frozen=True, slots=True)
class Cube:
    """Sums per (developer, address, seller, key, hour): int64 columns. hour = time in ms // 3,600,000."""

    columns: dict[str, I64]
    developers: list[str]
    addresses: list[str]

    def names(self, kind: str) -> list[str]:
        return self.developers if kind == "developer" else [f"ip:{a}" for a in self.addresses]

    def by(self, kind: str) -> dict[str, I64]:
        """The columns, `entity` being the developer or the address; rows without one are left out."""
        entity = self.columns["developer" if kind == "developer" else "address"]
        return {name: column[entity >= 0] for name, column in {**self.columns, "entity": entity}.items()}


def build_cube(path: Path, operations: Operations) -> Cube:
    """Sum the events of a Parquet file or folder; `operations` tells which of them write."""
    keys = ("developer", "address", "seller", "key", "hour")
    ids = {name: Ids() for name in keys[:4]}
    held: list[pa.Table] = []
    for batch in batches(path, COLUMNS, NEEDED):
        held.append(summed(pa.table(_cells(pa.table(batch), ids, operations)), keys))
        if sum(t.num_rows for t in held) > MERGE_ROWS:
            held = [summed(pa.concat_tables(held), keys)]
    total = summed(pa.concat_tables(held), keys)
    columns = {name: total[name].to_numpy().astype(np.int64) for name in total.column_names}
    return Cube(columns, ids["developer"].texts, ids["address"].texts)


def _cells(table: pa.Table, ids: dict[str, Ids], operations: Operations) -> dict[str, I64]:
    n = table.num_rows

    def whole(name: str) -> I64:
        if name not in table.column_names:
            return np.zeros(n, np.int64)
        return np.asarray(table[name].combine_chunks().fill_null(0).to_numpy(zero_copy_only=False), np.int64)

    missing = pa.chunked_array([pa.nulls(n, pa.string())])
    personal = _carries(table["pii"], IDENTIFYING) if "pii" in table.column_names else np.zeros(n, np.bool_)
    names = table["operation"].cast(pa.string())
    writing = [
        name
        for name in names.unique().to_pylist()
        if name and operations[operations.index(name)].kind == WRITE
    ]
    written = pc.is_in(names, pa.array(writing, pa.string())).to_numpy()
    return {
        "developer": ids["developer"].codes(table["developer_id"]),
        "address": ids["address"].codes(table["source_ip"] if "source_ip" in table.column_names else missing),
        "seller": ids["seller"].codes(table["seller_id"]),
        "key": ids["key"].codes(table["key_id"]),
        "hour": milliseconds(table["time"].combine_chunks()) // HOUR_MS,
        "calls": np.ones(n, np.int64),
        "records": whole("records"),
        "bytes": whole("bytes"),
        "pii_calls": personal.astype(np.int64),
        "pii_records": whole("records") * personal,
        "writes": written.astype(np.int64),
    }


def _carries(lists: pa.ChunkedArray, wanted: Iterable[str]) -> Bools:
    """Which of the lists hold one of the wanted texts."""
    flat = lists.combine_chunks()
    hits = pc.is_in(pc.list_flatten(flat).cast(pa.string()), pa.array(wanted, pa.string()))
    rows = pc.list_parent_indices(flat).filter(hits).to_numpy()
    found = np.zeros(len(flat), np.bool_)
    found[rows] = True
    return found


def summed(table: pa.Table, keys: Iterable[str]) -> pa.Table:
    """Group by the keys and add up the rest."""
    sums = [name for name in SUMS if name in table.column_names]
    total = table.group_by(list(keys)).aggregate([(name, "sum") for name in sums])
    return total.rename_columns([name.removesuffix("_sum") for name in total.column_names])
