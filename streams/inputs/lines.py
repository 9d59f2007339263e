"""A file's bytes in; blocks of whole lines, in UTF-8, out. Touches the stream that it is given."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from typing import IO

LINE_BYTES = 1 << 24  # a longer line is no event: it must not fill the memory
READ_BYTES = 1 << 22
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """The stream in UTF-8, without the byte order mark that some programs put first.

    UTF-16 with its mark, as Excel and PowerShell write it, is made UTF-8.
    """
    read = iter(lambda: stream.read(READ_BYTES), b"")
    first = next(read, b"")
    if first.startswith(_UTF_16):
        decode = codecs.getincrementaldecoder("utf-16")("replace").decode
        return (decode(data).encode() for data in itertools.chain([first], read))
    return itertools.chain([first.removeprefix(codecs.BOM_UTF8)], read)


def whole_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Blocks that end where a line does, or the file. Of a line beyond LINE_BYTES its middle is left out."""
    rest, carriage_returns = b"", False
    for i, data in enumerate(pieces(stream)):
        if i == 0:
            carriage_returns = b"\r" in data and b"\n" not in data  # "CSV (Macintosh)"
        if carriage_returns:
            data = data.replace(b"\r", b"\n")
        end = data.rfind(b"\n") + 1
        if end:
            yield b"".join((rest, memoryview(data)[:end]))
            rest = data[end:]
        else:
            rest = (rest + data)[: LINE_BYTES + 1]
    if rest:
        yield rest


def line_blocks(stream: IO[bytes], rows: int) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first line, from 1; at most `rows` lines)."""
    first = 1
    for block in whole_lines(stream):
        lines = block.removesuffix(b"\n").split(b"\n")
        for i in range(0, len(lines), rows):
            yield first + i, lines[i : i + rows]
        first += len(lines)
