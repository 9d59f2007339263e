"""INPUT arguments in; the files and topics that they mean out, with their kinds. Touches folder listings."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from models.errors import ConfigError, PoolwatchError
from streams.settings import shown

KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".csv": "csv"}
PACKED = ("", ".gz", ".zst")
HELP = "give .jsonl, .jsonl.gz, .jsonl.zst, .parquet or .csv files, a folder or glob of them, - or kafka://HOST:PORT/TOPIC"


@dataclass(frozen=True, slots=True)
class Input:
    """One file, topic or the standard input. kind: jsonl, parquet, csv, kafka, or document (an adapter's)."""

    name: str
    kind: str
    packing: str = ""  # "", ".gz", ".zst"
    size: int = 0  # bytes, where known

    @property
    def broker(self) -> str:
        return urlsplit(self.name).netloc

    @property
    def topic(self) -> str:
        return urlsplit(self.name).path.strip("/")


def find_inputs(
    arguments: Sequence[str], skipped: Callable[[str], None], documents: tuple[str, ...] = ()
) -> list[Input]:
    """What the arguments mean, each file once. ConfigError where one means nothing that can be read.

    skipped    is told of files that are none of the kinds: the first of each ending, and how many more
    documents  further endings that the adapter in use reads, such as ".json"
    """
    found: dict[str, Input] = {}
    others: dict[str, list[str]] = {}
    for argument in arguments:
        for item in _find(
            argument, lambda name: others.setdefault(_ending(name), []).append(name), documents
        ):
            found.setdefault(os.path.realpath(item.name) if item.kind != "kafka" else item.name, item)
    if not found:
        hint = _hint(" ".join(others))
        raise ConfigError(f"{' '.join(arguments) or 'INPUT'}: nothing to read; {hint}")
    for names in others.values():
        skipped(names[0] + (f" and {len(names) - 1:,} more of its kind" if len(names) > 1 else ""))
    return list(found.values())


def _ending(name: str) -> str:
    stem, last = os.path.splitext(name.lower())
    return os.path.splitext(stem)[1] + last if last in PACKED else last


def _find(argument: str, skipped: Callable[[str], object], documents: tuple[str, ...]) -> list[Input]:
    if argument == "-":
        return [Input("-", "jsonl")]
    if argument.startswith("kafka://"):
        item = Input(argument, "kafka")
        if not item.broker or not item.topic:
            raise ConfigError(f"{shown(argument)}: a topic is named as kafka://HOST:PORT/TOPIC")
        return [item]
    if os.path.isdir(argument):
        return _known(_walk(argument), skipped, documents)
    if os.path.exists(argument):
        known = _known([argument], None, documents)
        if not known:
            raise ConfigError(f"{argument}: not a kind of file that can be read; {_hint(argument)}")
        return known
    if glob.has_magic(argument):
        names = sorted(glob.glob(argument, recursive=True))
        return [i for name in names for i in _known(_walk(name), skipped, documents)]
    raise PoolwatchError(f"{argument}: no such file or folder")


def _walk(name: str) -> list[str]:
    if not os.path.isdir(name):
        return [name]
    return [
        os.path.join(folder, file)
        for folder, folders, files in os.walk(name)
        if folders.sort() is None
        for file in sorted(files)
        if not file.startswith(".")
    ]


def _known(
    names: Sequence[str], skipped: Callable[[str], object] | None, documents: tuple[str, ...]
) -> list[Input]:
    items = []
    for name in names:
        kind, packing = _kind(name, documents)
        if kind:
            items.append(Input(name, kind, packing, os.path.getsize(name)))
        elif skipped:
            skipped(name)
    return items


def _kind(name: str, documents: tuple[str, ...]) -> tuple[str | None, str]:
    lower = name.lower()
    for packing in PACKED[::-1]:
        if not lower.endswith(packing):
            continue
        stem = lower[: len(lower) - len(packing)]
        for ending, kind in KINDS.items():
            if stem.endswith(ending) and (kind == "jsonl" or not packing):
                return kind, packing
        if documents and stem.endswith(documents):
            return "document", packing
    return None, ""


def _hint(names: str) -> str:
    if ".json" in names.lower():
        return "JSON lines end in .jsonl; for CloudTrail files add --format cloudtrail"
    return HELP
