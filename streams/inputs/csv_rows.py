"""A CSV file's bytes in; its rows as tables of text, with their lines, and what is no row, out.

A block in which each line is a row goes through Arrow at once. Any other goes row by row through the csv
module: a row that is none costs itself alone. Touches the stream that it is given.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from models.dtypes import I64
from models.errors import PoolwatchError
from models.events import Rejected
from streams.inputs.lines import LINE_BYTES, whole_lines

#: What may part the cells: the one that makes most columns of the header.
DELIMITERS = ",;\t|"
#: A cell of more lines is taken for a quote that is not closed.
MOST_LINES = 100

csv.field_size_limit(LINE_BYTES)  # the module's own limit is below that of a list of orders


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a block. table: text, null where empty; lines: where each begins, the header's being 1."""

    table: pa.Table
    lines: I64
    rejected: list[Rejected]


def csv_rows(stream: IO[bytes], where: str, choose: Callable[[list[str]], Sequence[str]]) -> Iterator[Rows]:
    """All rows of a file, block by block; none of an empty file. PoolwatchError where it is no CSV.

    choose  the columns that are wanted, of those in the header
    """
    blocks = whole_lines(stream)
    first = next(blocks, b"")
    begun = first.lstrip(b"\r\n")
    head, _, data = begun.partition(b"\n")
    if not head.strip():
        return
    delimiter, names = _header(head.removesuffix(b"\r"), where)
    form = _Form(delimiter, len(names), {name: names.index(name) for name in choose(names) or names[:1]})
    line, rest = 2 + first[: len(first) - len(begun)].count(b"\n"), b""
    for block in itertools.chain([data] if data else [], blocks):
        rows, taken, rest = form.rows(rest + block, line, last=False)
        line += taken
        yield rows
    if rest:
        yield form.rows(rest, line, last=True)[0]


def _header(head: bytes, where: str) -> tuple[str, list[str]]:
    """(delimiter, names of the columns)."""
    try:
        text = head.decode()
        if "\0" in text or len(text) > LINE_BYTES:
            raise ValueError
        cells = {delimiter: next(csv.reader([text], delimiter=delimiter)) for delimiter in DELIMITERS}
    except (ValueError, csv.Error):
        raise PoolwatchError(
            f"{where}: its first line does not name columns in UTF-8; save it as CSV in UTF-8"
        ) from None
    delimiter = max(DELIMITERS, key=lambda d: len(cells[d]))
    return delimiter, cells[delimiter]


@dataclass(frozen=True, slots=True)
class _Form:
    """How rows are written. wanted: {name: place among the `columns` cells of a row}."""

    delimiter: str
    columns: int
    wanted: dict[str, int]

    def rows(self, data: bytes, line: int, last: bool) -> tuple[Rows, int, bytes]:
        """(rows, lines taken, what the next block may go on with) of whole lines, the first being `line`."""
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        table = self._at_once(data)
        if table is not None:
            return Rows(table, np.arange(line, line + len(table)), []), len(table), b""
        return self._one_by_one(data, line, last)

    def _at_once(self, data: bytes) -> pa.Table | None:
        """The table; None where a line is no row, or a row has several lines."""
        if len(data) > LINE_BYTES or b"\r" in data or not _is_utf_8(data):
            return None
        # A row of empty cells after the last: an open quote swallows it.
        end = b"" if data.endswith(b"\n") else b"\n"
        data = b"".join((data, end, self.delimiter.encode() * (self.columns - 1), b"\n"))
        places = [str(i) for i in range(self.columns)]
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(data),
                pa_csv.ReadOptions(column_names=places, block_size=len(data) + 1, use_threads=False),
                pa_csv.ParseOptions(delimiter=self.delimiter),
                pa_csv.ConvertOptions(
                    include_columns=[str(i) for i in self.wanted.values()],
                    column_types=dict.fromkeys(places, pa.string()),
                    strings_can_be_null=True,
                    null_values=[""],
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if len(table) != np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")):
            return None
        return table.rename_columns(list(self.wanted)).slice(0, len(table) - 1)

    def _one_by_one(self, data: bytes, line: int, last: bool) -> tuple[Rows, int, bytes]:
        lines = data.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
        found = _Found()
        at = 0
        while at < len(lines):
            row = self._row(lines, at)
            if row.open and not last and sum(map(len, lines[at:])) < LINE_BYTES:
                break
            found.add(row, line + at)
            at += row.lines
        table = {
            name: pa.array([cells[place] or None for cells in found.rows], pa.string())
            for name, place in self.wanted.items()
        }
        rest = "\n".join(lines[at:] + [""] * data.endswith(b"\n")) if at < len(lines) else ""
        rows = Rows(pa.table(table), np.array(found.lines, np.int64), found.rejected)
        return rows, at, rest.encode("utf-8", "surrogateescape")

    def _row(self, lines: list[str], at: int) -> _Row:
        """The row that begins at lines[at]."""
        text = lines[at]
        if 4 * len(text) > LINE_BYTES and len(text.encode("utf-8", "surrogateescape")) > LINE_BYTES:
            return _Row(reason=f"row is longer than {LINE_BYTES >> 20} MiB")
        if not _is_unicode(text):
            return _Row(reason="row must be in UTF-8")
        if '"' not in text:
            return self._checked(text.split(self.delimiter) if text.strip(" ") else [])
        reader = csv.reader([text, ""], delimiter=self.delimiter)
        cells = next(reader)
        if reader.line_num == 1:
            return self._checked(cells)
        return self._several(lines[at : at + MOST_LINES], at + MOST_LINES > len(lines))

    def _checked(self, cells: list[str], lines: int = 1) -> _Row:
        fits = not cells or len(cells) == self.columns
        return _Row(cells, lines, "" if fits else "wrong number of columns")

    def _several(self, lines: list[str], cut: bool) -> _Row:
        """The row of which a cell has several lines; if no such row can be meant, its first is none.

        cut  more lines may come
        """
        reader = csv.reader((f"{line}\n" for line in lines), delimiter=self.delimiter, strict=True)
        try:
            cells = next(reader)
            if len(cells) == self.columns and all(map(_is_unicode, cells)):
                return _Row(cells, reader.line_num)
        except csv.Error:
            pass
        return _Row(reason="a quote is not closed", open=cut and reader.line_num == len(lines))


@dataclass(frozen=True, slots=True)
class _Row:
    """cells: none of a line that holds none; reason: why it is no row; open: lines to come might mend it."""

    cells: list[str] = field(default_factory=list)
    lines: int = 1
    reason: str = ""
    open: bool = False


@dataclass(slots=True)
class _Found:
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def add(self, row: _Row, line: int) -> None:
        if row.reason:
            self.rejected.append(Rejected(line, row.reason))
        elif row.cells:
            self.rows.append(row.cells)
            self.lines.append(line)


def _is_utf_8(data: bytes) -> bool:
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _is_unicode(text: str) -> bool:
    """False where bytes that are no UTF-8 were kept as surrogates."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
