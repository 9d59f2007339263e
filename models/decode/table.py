"""Arrow tables (Parquet files) -> `Events` and `Rejected`, column by column. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.batches import take
from models.decode.arrow import cast_each, hash_strings, is_text, readable, text_times
from models.decode.fields import (
    BYTES_MAX,
    EARLIEST_MS,
    LATEST_MS,
    RECORDS_MAX,
    REQUIRED,
    RULES,
    pii_bits,
)
from models.decode.ids import Ids
from models.decode.lists import ID_MAX_BYTES, LIST_MAX_IDS
from models.dtypes import I32, I64, U8, U64, Bools
from models.events import Events, Rejected
from models.operations import Operations

Mask = Bools


class _Broken:
    """The first rule that each row breaks."""

    def __init__(self, rows: int) -> None:
        self.reason: list[str] = []
        self.which = np.full(rows, -1, np.int32)

    def add(self, rows: Mask, reason: str) -> None:
        if rows.any():
            self.which[rows & (self.which < 0)] = len(self.reason)
            self.reason.append(reason)


class TableDecoder:
    """One table at a time; shares the ids of its Decoder."""

    def __init__(self, operations: Operations, ids: Ids) -> None:
        self._operations, self._ids = operations, ids

    def table(self, table: pa.Table, first_offset: int) -> tuple[Events, list[Rejected]]:
        """Events of `table`, row i at `first_offset` + i, and the rows that break a rule."""
        broken = _Broken(len(table))
        self._table, self._broken = table, broken
        for name in REQUIRED:
            if name not in table.column_names:
                broken.add(np.ones(len(table), bool), f"{name} is missing")
        names: dict[int, str] = {}
        columns: dict[str, Any] = {
            "offset": np.arange(first_offset, first_offset + len(table), dtype=np.int64),
            "time_ms": self._times(),
            "event": self._text_hashes("event_id"),
            **{f: self._ids_of(f"{f}_id", names) for f in ("developer", "seller", "key")},
            **dict(zip(("origin", "client", "network"), self._places(names), strict=True)),
            "operation": self._operation(),
            "status": self._ints("status", 100, 599, required=True).astype(np.int16),
            "records": self._ints("records", 0, RECORDS_MAX),
            "bytes": self._ints("bytes", 0, BYTES_MAX),
            "pii": self._pii(),
        }
        columns["orders"], columns["order_start"] = self._lists("orders")
        columns["customers"], columns["customer_start"] = self._lists("customers")
        events = Events(**columns, names=names)
        wrong = np.flatnonzero(broken.which >= 0)
        if not len(wrong):
            return events, []
        rejected = [Rejected(first_offset + i, broken.reason[broken.which[i]]) for i in wrong.tolist()]
        return take(events, np.flatnonzero(broken.which < 0)), rejected

    def _column(self, name: str) -> pa.Array | None:
        if name not in self._table.column_names:
            return None
        column = self._table.column(name)
        chunk = column.combine_chunks()
        if isinstance(chunk, pa.ChunkedArray):
            chunk = chunk.chunk(0) if chunk.num_chunks == 1 else pa.concat_arrays(chunk.chunks)
        if chunk.null_count == len(chunk) and name not in REQUIRED:
            return None
        return chunk

    def _cast(self, name: str, to: pa.DataType) -> pa.Array | None:
        """The column as `to`, null where a cell does not fit; None, all broken, if of another nature."""
        column = self._column(name)
        if column is None:
            return None
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_floating(column.type):  # pandas writes NaN for what is missing
            column = pc.if_else(pc.is_nan(column), None, column)
        other = pa.types.is_boolean(column.type)  # true is not 1
        other |= pa.types.is_large_string(to) and not is_text(column.type)
        try:
            fitting = None if other else cast_each(column, to)
        except pa.ArrowNotImplementedError:  # lists, structures: no cell fits
            fitting = None
        if fitting is None:
            self._broken.add(np.ones(len(column), bool), f"{name} must be {RULES[name]}")
            return None
        unfit = np.asarray(column.is_valid()) & np.asarray(fitting.is_null())
        self._broken.add(unfit, f"{name} must be {RULES[name]}")
        return fitting

    def _ints(self, name: str, least: int, most: int, required: bool = False) -> I64:
        column = self._cast(name, pa.int64())
        if column is None:
            return np.full(len(self._table), least, np.int64)
        missing = np.asarray(column.is_null())
        values: I64 = np.asarray(column.fill_null(least))
        wrong = (values < least) | (values > most)
        self._broken.add(wrong | missing if required else wrong, f"{name} must be {RULES[name]}")
        return np.where(wrong, least, values)

    def _times(self) -> I64:
        column = self._column("time")
        empty = np.zeros(len(self._table), np.int64)
        if column is None:
            return empty
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_timestamp(column.type):
            column = (
                pc.floor_temporal(column, unit="millisecond")
                .cast(pa.timestamp("ms", column.type.tz))
                .cast(pa.int64())
            )
        elif is_text(column.type):
            column = text_times(column)
        elif not pa.types.is_integer(column.type):
            self._broken.add(np.ones(len(column), bool), f"time must be {RULES['time']}")
            return empty
        try:
            values: I64 = np.asarray(column.cast(pa.int64()).fill_null(-1))
        except pa.ArrowInvalid:
            values = np.array(
                [v if v is not None and 0 < v < LATEST_MS else -1 for v in column.to_pylist()], np.int64
            )
        wrong = (values < EARLIEST_MS) | (values >= LATEST_MS)
        self._broken.add(wrong, f"time must be {RULES['time']}")
        return values

    def _text_hashes(self, name: str) -> U64:
        column = self._cast(name, pa.large_string())
        if column is None:
            return np.zeros(len(self._table), np.uint64)
        hashes, sizes = hash_strings(column)
        wrong = (sizes == 0) | (sizes > ID_MAX_BYTES) | np.asarray(column.is_null())
        self._broken.add(wrong, f"{name} must be {RULES[name]}")
        return hashes

    def _coded(self, name: str) -> tuple[I64, pa.Array]:
        """(code of each row, its text by code): each distinct text is met once. null is code 0."""
        column = self._column(name)
        if column is not None and not pa.types.is_dictionary(column.type):
            column = self._cast(name, pa.large_string())
        if column is None:
            return np.zeros(len(self._table), np.int64), pa.nulls(1, pa.large_string())
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        codes = np.asarray(column.indices.cast(pa.int64()).fill_null(-1)) + 1
        texts = column.dictionary
        if len(texts) > len(codes):  # a dictionary of the whole file: what this batch uses will do
            used = np.unique(codes[codes > 0])
            small = np.zeros(len(texts) + 1, np.int64)
            small[used] = np.arange(1, len(used) + 1)
            codes, texts = small[codes], texts.take(pa.array(used - 1))
        texts = (
            texts.cast(pa.large_string()) if is_text(texts.type) else pa.nulls(len(texts), pa.large_string())
        )
        texts = pa.concat_arrays([pa.nulls(1, pa.large_string()), texts])
        clean = readable(texts)
        garbled = np.asarray(clean.is_null()) & np.asarray(texts.is_valid())
        self._broken.add(garbled[codes], f"{name} must be {RULES[name]}")
        return codes, clean

    def _ids_of(self, name: str, names: dict[int, str]) -> U64:
        codes, texts = self._coded(name)
        by_code, sizes = hash_strings(texts)
        by_code[(sizes == 0) | (sizes > ID_MAX_BYTES) | np.asarray(texts.is_null())] = 0
        names.update(zip(by_code.tolist(), texts.to_pylist(), strict=True))
        names.pop(0, None)
        hashes = by_code[codes]
        self._broken.add(hashes == 0, f"{name} must be {RULES[name]}")
        return hashes

    def _operation(self) -> npt.NDArray[np.int16]:
        codes, coded = self._coded("operation")
        texts = coded.to_pylist()
        fits = np.array([isinstance(t, str) and 0 < len(t) <= 256 for t in texts])
        self._broken.add(~fits[codes], f"operation must be {RULES['operation']}")
        index = self._operations.index
        by_code = [index(t) if ok and t else 0 for t, ok in zip(texts, fits.tolist(), strict=True)]
        return np.array(by_code, np.int16)[codes]

    def _places(self, names: dict[int, str]) -> tuple[U64, U64, U64]:
        parts = [self._coded(name) for name in ("source_ip", "user_agent", "tls_fingerprint")]
        (ip, ips), (agent, agents), (tls, prints) = ((codes, texts.to_pylist()) for codes, texts in parts)
        combined = (ip * len(agents) + agent) * len(prints) + tls
        distinct, inverse = np.unique(combined, return_inverse=True)
        at = distinct // len(prints)
        wrong: dict[int, str] = {}
        columns = (
            [ips[i] for i in (at // len(agents)).tolist()],
            [agents[i] for i in (at % len(agents)).tolist()],
            [prints[i] for i in (distinct % len(prints)).tolist()],
        )
        origin, client, network = self._ids.places(*columns, names, wrong)
        for i, reason in wrong.items():
            self._broken.add(inverse == i, reason)
        return origin[inverse], client[inverse], network[inverse]

    def _list_parts(self, name: str) -> tuple[pa.Array, I64] | None:
        """(values as large_string, int64[n + 1] starts)."""
        column = self._column(name)
        if column is None:
            return None
        kind = column.type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not (
            is_text(kind.value_type)
            or pa.types.is_dictionary(kind.value_type)
            or pa.types.is_null(kind.value_type)
        ):
            self._broken.add(np.asarray(column.is_valid()), f"{name} must be {RULES[name]}")
            return None
        counts = np.asarray(pc.list_value_length(column).fill_null(0)).astype(np.int64)
        values = column.flatten()
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        return values.cast(pa.large_string()), np.concatenate(([0], np.cumsum(counts)))

    def _lists(self, name: str) -> tuple[U64, I32]:
        """(hashes of all lists, int32[n + 1] starts)."""
        parts = self._list_parts(name)
        if parts is None:
            return np.empty(0, np.uint64), np.zeros(len(self._table) + 1, np.int32)
        values, start = parts
        hashes, sizes = hash_strings(values)
        wrong = (sizes == 0) | (sizes > ID_MAX_BYTES) | np.asarray(values.is_null())
        rows = np.repeat(np.arange(len(start) - 1), np.diff(start))
        bad = np.zeros(len(start) - 1, bool)
        bad[rows[wrong]] = True
        self._broken.add(
            bad | (np.diff(start) > LIST_MAX_IDS), f"{name} must list strings of 1 to {ID_MAX_BYTES} bytes"
        )
        return hashes, start.astype(np.int32)

    def _pii(self) -> U8:
        parts = self._list_parts("pii")
        out = np.zeros(len(self._table), np.uint8)
        if parts is None:
            return out
        values, start = parts
        codes = values.dictionary_encode()
        bits = [
            pii_bits([text]) if text is not None else -1 for text in readable(codes.dictionary).to_pylist()
        ]
        of_value = np.array([*bits, -1], np.int64)[np.asarray(codes.indices.cast(pa.int64()).fill_null(-1))]
        rows = np.repeat(np.arange(len(out)), np.diff(start))
        bad = np.zeros(len(out), bool)
        bad[rows[of_value < 0]] = True
        self._broken.add(bad, f"pii must be {RULES['pii']}")
        np.bitwise_or.at(out, rows[of_value >= 0], of_value[of_value >= 0].astype(np.uint8))
        return out
