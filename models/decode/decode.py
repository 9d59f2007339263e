"""Raw JSON records, Arrow tables -> `Events` and `Rejected`. Pure; remembers id texts and hashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.batches import join, take
from models.decode.fields import BYTES_MAX, EARLIEST_MS, LATEST_MS, RECORDS_MAX, RULES, pii_bits, time_ms_of
from models.decode.ids import Ids, hash_ids
from models.decode.lists import hash_lists
from models.decode.table import TableDecoder
from models.dtypes import I32, I64, U8, U64
from models.events import Events, Rejected
from models.operations import Operations

_Time = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, lt=LATEST_MS)]
_Status = Annotated[int, msgspec.Meta(ge=100, le=599)]
_Records = Annotated[int, msgspec.Meta(ge=0, le=RECORDS_MAX)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=BYTES_MAX)]
_NONE = msgspec.Raw(b"")
#: Decoded at once: few enough that they stay in the cache while columns are made of them.
BLOCK_RECORDS = 512


class _Record(msgspec.Struct, gc=False):
    """The contract's usage event as it stands in JSON. Lists stay raw; null means absent."""

    event_id: str
    time: _Time | str
    developer_id: str
    seller_id: str
    key_id: str
    operation: str
    status: _Status
    records: _Records | None = 0
    bytes: _Bytes | None = 0
    pii: msgspec.Raw = _NONE
    customers: msgspec.Raw = _NONE
    orders: msgspec.Raw = _NONE
    source_ip: str | None = None
    user_agent: str | None = None
    tls_fingerprint: str | None = None
    marketplace: str | None = None


_FIELDS = _Record.__struct_fields__

_PATH = re.compile(r"`\$\.(\w+)")
_MISSING = re.compile(r"missing required field `(\w+)`")


def _why(error: Exception) -> str:
    """The rule that a record breaks, worded without its content."""
    if not isinstance(error, msgspec.ValidationError):
        return "record must be one JSON object in UTF-8"
    missing = _MISSING.search(str(error))
    if missing:
        return f"{missing[1]} is missing"
    path = _PATH.search(str(error))
    if path and path[1] in RULES:
        return f"{path[1]} must be {RULES[path[1]]}"
    return "record must be one JSON object with the fields of a usage event"


class Decoder:
    """Turns records into events; keeps hashes of the ids it met (bounded)."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self._ids = Ids()
        self._pii: dict[bytes, int] = {b"": 0, b"null": 0, b"[]": 0}
        self._decode: Callable[[bytes], _Record] = msgspec.json.Decoder(_Record).decode

    def table(self, table: pa.Table, first_offset: int) -> tuple[Events, list[Rejected]]:
        """Events of an Arrow table with the contract's columns; row i has offset `first_offset` + i."""
        return TableDecoder(self.operations, self._ids).table(table, first_offset)

    def records(self, values: Sequence[bytes], offsets: Sequence[int]) -> tuple[Events, list[Rejected]]:
        """Events of JSON records, in order, and those rejected, by offset. Never raises for content."""
        if len(values) <= BLOCK_RECORDS:
            return self._block(values, offsets)
        starts = range(0, len(values), BLOCK_RECORDS)
        blocks = [self._block(values[i : i + BLOCK_RECORDS], offsets[i : i + BLOCK_RECORDS]) for i in starts]
        return join([events for events, _ in blocks]), [r for _, rejected in blocks for r in rejected]

    def _block(self, values: Sequence[bytes], offsets: Sequence[int]) -> tuple[Events, list[Rejected]]:
        decode = self._decode
        rejected: list[Rejected] = []
        records: list[_Record] = []
        kept: list[int] = []
        for offset, value in zip(offsets, values, strict=True):
            try:
                records.append(decode(value))
                kept.append(offset)
            except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as error:
                rejected.append(Rejected(offset, _why(error)))
        events, broken = self._columns(records, kept)
        if broken:
            events = take(events, np.array([i for i in range(len(kept)) if i not in broken], np.intp))
            rejected += [Rejected(kept[i], reason) for i, reason in broken.items()]
            rejected.sort(key=lambda r: r.offset)
        return events, rejected

    def _columns(self, records: list[_Record], offsets: list[int]) -> tuple[Events, dict[int, str]]:
        """Columns of records, and {record: reason} of those that break a rule that types cannot hold."""
        rows = list(zip(*map(msgspec.structs.astuple, records), strict=True)) or [()] * len(_FIELDS)
        column: dict[str, Sequence[Any]] = dict(zip(_FIELDS, rows, strict=True))
        broken: dict[int, str] = {}
        names: dict[int, str] = {}
        ids = {
            f: self._ids.column(column[f], names, broken, f) for f in ("developer_id", "seller_id", "key_id")
        }
        places = (column["source_ip"], column["user_agent"], column["tls_fingerprint"])
        origin, client, network = self._ids.places(*places, names, broken)
        order_hash, order_start = self._list(column["orders"], "orders", broken)
        customer_hash, customer_start = self._list(column["customers"], "customers", broken)
        events = Events(
            offset=np.array(offsets, np.int64),
            time_ms=self._times(column["time"], broken),
            event=_event_hashes(column["event_id"], broken),
            developer=ids["developer_id"],
            seller=ids["seller_id"],
            key=ids["key_id"],
            origin=origin,
            client=client,
            network=network,
            operation=self._operations(column["operation"], broken),
            status=np.array(column["status"], np.int16),
            records=_numbers(column["records"]),
            bytes=_numbers(column["bytes"]),
            pii=self._pii_column(column["pii"], broken),
            orders=order_hash,
            order_start=order_start,
            customers=customer_hash,
            customer_start=customer_start,
            names=names,
        )
        return events, broken

    def _times(self, column: Sequence[int | str], broken: dict[int, str]) -> I64:
        if str not in set(map(type, column)):
            return np.fromiter(column, np.int64, len(column))
        out = [t if isinstance(t, int) else time_ms_of(t) for t in column]
        for i, ms in enumerate(out):
            if ms < 0:
                broken.setdefault(i, f"time must be {RULES['time']}")
        return np.array(out, np.int64)

    def _operations(self, column: Sequence[str], broken: dict[int, str]) -> npt.NDArray[np.int16]:
        index = self.operations.index
        for i, name in enumerate(column):
            if not 0 < len(name) <= 256:
                broken.setdefault(i, f"operation must be {RULES['operation']}")
        return np.fromiter((index(name) for name in column), np.int16, len(column))

    def _pii_column(self, column: Sequence[Any], broken: dict[int, str]) -> U8:
        known, out = self._pii, bytearray(len(column))
        for i, raw in enumerate(column):
            if raw is _NONE:
                continue
            text = bytes(raw)
            bits = known.get(text)
            if bits is None:
                bits = _pii_bits(text)
                if bits < 0:
                    broken.setdefault(i, f"pii must be {RULES['pii']}")
                    continue
                if len(known) < 4096:  # as many spellings of 64 sets as one will meet
                    known[text] = bits
            out[i] = bits
        return np.frombuffer(bytes(out), np.uint8)

    def _list(self, column: Sequence[Any], field: str, broken: dict[int, str]) -> tuple[U64, I32]:
        start = np.zeros(len(column) + 1, np.int32)
        where = [i for i, raw in enumerate(column) if raw is not _NONE]
        if not where:
            return np.empty(0, np.uint64), start
        hashes, counts, odd = hash_lists([column[i] for i in where])
        for i, rule in odd.items():
            broken.setdefault(where[i], f"{field} {rule}")
        start[np.array(where) + 1] = counts
        return hashes, np.cumsum(start, dtype=np.int32)


def _pii_bits(text: bytes) -> int:
    try:
        return pii_bits(msgspec.json.decode(text, type=list[str]))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return -1


def _numbers(column: Sequence[int | None]) -> I64:
    try:
        return np.fromiter(column, np.int64, len(column))
    except TypeError:  # a null
        return np.array([v or 0 for v in column], np.int64)


def _event_hashes(column: Sequence[str], broken: dict[int, str]) -> U64:
    """Hashes of ids that are each new."""
    hashes = hash_ids(column)
    for i in np.flatnonzero(hashes == 0).tolist():
        broken.setdefault(i, f"event_id must be {RULES['event_id']}")
    return hashes
