"""Model <-> file. Safe from anywhere: no code in it, all arrays checked. Touches model files only.

File: MAGIC, SHA-256 of the rest, header length (uint32), msgpack header, arrays in `_layout`'s order;
little-endian.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import fields
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from models.errors import ConfigError
from models.scoring import forest as forests
from models.scoring.features import FEATURE_NAMES, FEATURES
from models.scoring.forest import Forest
from models.scoring.model import KNOTS, QUANTILES, RANKS, KindModel, Model
from models.wire.sightings import ENTITY_KINDS

MAGIC = b"POOLMDL1"
DIGEST_BYTES = 32
LIMIT_BYTES = 64 << 20  # a hundred trees take 1 MB; what is larger is no model of ours
MAX_NODES, MAX_TREES, MAX_HEADER_BYTES = 1_000_000, 1_000, 1 << 20


def digest(model: Model) -> str:
    """16 hex digits of the content."""
    return hashlib.sha256(_body(model)).hexdigest()[:16]


def read(file: Path) -> Model:
    """Model of a file. ConfigError: missing, damaged, of other features; with the remedy."""
    try:
        with file.open("rb") as stream:
            content = stream.read(LIMIT_BYTES + 1)
    except OSError as error:
        remedy = f"make one with: poolwatch train INPUT --model {file}"
        raise ConfigError(f"{file}: {error.strerror}; {remedy}") from None
    return decode(content, str(file))


def write(model: Model, file: Path) -> None:
    """Write the file whole or not at all. ConfigError where it cannot be written."""
    part = file.with_name(file.name + ".part")
    try:
        part.write_bytes(encode(model))
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(f"{file}: {error.strerror}; choose another --model file") from None


def encode(model: Model) -> bytes:
    """The file's bytes; the same model gives the same bytes."""
    return seal(_body(model))


def seal(body: bytes) -> bytes:
    """Magic and digest before a body."""
    return MAGIC + hashlib.sha256(body).digest() + body


class _KindHeader(msgspec.Struct, forbid_unknown_fields=True):
    rows: int
    entities: int
    sample_rows: int
    nodes: int
    trees: int


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    features: list[str]
    off: list[str]
    from_ms: int
    until_ms: int
    rows: int
    seed: int
    kinds: list[_KindHeader | None]


def _layout(nodes: int, trees: int) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, type and shape of a kind's arrays, in file order."""
    f, k = len(FEATURES), KNOTS
    return [
        ("used", "|b1", (f,)),
        ("knots", "<f8", (2, k)),
        ("typical", "<f8", (2, f, k)),
        ("spread", "<f8", (f,)),
        ("quantiles", "<f8", (f, len(QUANTILES))),
        ("scale", "<f8", (len(RANKS),)),
        ("feature", "<i4", (nodes,)),
        ("threshold", "<f8", (nodes,)),
        ("left", "<i4", (nodes,)),
        ("right", "<i4", (nodes,)),
        ("length", "<f8", (nodes,)),
        ("roots", "<i4", (trees,)),
    ]


def _body(model: Model) -> bytes:
    headers: list[_KindHeader | None] = []
    arrays: list[bytes] = []
    for kind in model.kinds:
        if kind is None:
            headers.append(None)
            continue
        nodes, trees = len(kind.forest.feature), len(kind.forest.roots)
        headers.append(_KindHeader(kind.rows, kind.entities, kind.forest.sample_rows, nodes, trees))
        for name, dtype, _ in _layout(nodes, trees):
            array = getattr(kind, name) if hasattr(kind, name) else getattr(kind.forest, name)
            arrays.append(np.ascontiguousarray(array, dtype).tobytes())
    names = list(FEATURE_NAMES)
    header = msgspec.msgpack.encode(
        _Header(names, list(model.off), model.from_ms, model.until_ms, model.rows, model.seed, headers)
    )
    return struct.pack("<I", len(header)) + header + b"".join(arrays)


def decode(content: bytes, where: str) -> Model:
    """Model of a file's bytes, whoever made them. ConfigError opens with `where`."""
    again = "fetch it again, or train anew: poolwatch train INPUT --model FILE"
    if len(content) > LIMIT_BYTES:
        raise ConfigError(f"{where}: larger than {LIMIT_BYTES >> 20} MB, no poolwatch model; {again}")
    if content[: len(MAGIC)] != MAGIC:
        raise ConfigError(f"{where}: not a model of this version of poolwatch; {again}")
    body = content[len(MAGIC) + DIGEST_BYTES :]
    if hashlib.sha256(body).digest() != content[len(MAGIC) : len(MAGIC) + DIGEST_BYTES]:
        raise ConfigError(f"{where}: truncated or damaged; {again}")
    try:
        (size,) = struct.unpack_from("<I", body)
        if size > MAX_HEADER_BYTES:
            raise ValueError("header too long")
        header = msgspec.msgpack.decode(body[4 : 4 + size], type=_Header)
    except (struct.error, ValueError, msgspec.DecodeError) as error:
        raise ConfigError(f"{where}: header cannot be read ({error}); {again}") from None
    _match_features(header.features, where)
    return _model(header, body[4 + size :], where, again)


def _match_features(features: list[str], where: str) -> None:
    names = list(FEATURE_NAMES)
    if features == names:
        return
    gone = [n for n in features if n not in names]
    new = [n for n in names if n not in features]
    told = [f"knows {gone[0]}"] if gone else []
    told += [f"lacks {new[0]}"] if new else []
    what = " and ".join(told) or "has another order"
    raise ConfigError(
        f"{where}: made for other features (it {what}); train anew: poolwatch train INPUT --model FILE"
    )


def _model(header: _Header, data: bytes, where: str, again: str) -> Model:
    if len(header.kinds) != len(ENTITY_KINDS):
        raise ConfigError(f"{where}: made for other kinds of entity; {again}")
    kinds: list[KindModel | None] = []
    place = 0
    for name, h in zip(ENTITY_KINDS, header.kinds, strict=True):
        if h is None:
            kinds.append(None)
            continue
        if not (0 < h.nodes <= MAX_NODES and 0 < h.trees <= MAX_TREES):
            raise ConfigError(f"{where}: {name}: size of the forest out of range; {again}")
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for array, dtype, shape in _layout(h.nodes, h.trees):
            count = int(np.prod(shape))
            size = count * np.dtype(dtype).itemsize
            if place + size > len(data):
                raise ConfigError(f"{where}: {name}: arrays cut short; {again}")
            arrays[array] = np.frombuffer(data, dtype, count, place).reshape(shape)
            place += size
        kind = _kind(h, arrays)
        if flaw := _flaw(kind):
            raise ConfigError(f"{where}: {name}: {flaw}; {again}")
        kinds.append(kind)
    if place != len(data):
        raise ConfigError(f"{where}: more data than its header tells; {again}")
    return Model(tuple(kinds), tuple(header.off), header.from_ms, header.until_ms, header.rows, header.seed)


def _kind(h: _KindHeader, arrays: dict[str, npt.NDArray[np.generic]]) -> KindModel:
    # View of bytes 0 or 1 only: any other byte is not a truth value.
    used = arrays.pop("used").view(np.uint8) != 0
    names = [f.name for f in fields(Forest) if f.name != "sample_rows"]
    forest = Forest(**{n: arrays.pop(n) for n in names}, sample_rows=h.sample_rows)  # type: ignore[arg-type]
    return KindModel(rows=h.rows, entities=h.entities, used=used, forest=forest, **arrays)  # type: ignore[arg-type]


def _flaw(kind: KindModel) -> str | None:
    for name in ("knots", "typical", "spread", "quantiles", "scale"):
        array = getattr(kind, name)
        if not np.isfinite(array).all() or np.any(np.abs(array) > 1e18):
            return f"{name}: a number out of range"
    if (
        np.any(np.diff(kind.knots, axis=1) <= 0)
        or np.any(kind.spread <= 0)
        or np.any(np.diff(kind.scale) <= 0)
    ):
        return "a scale that does not ascend"
    if kind.rows < 0 or kind.entities < 0:
        return "a count below 0"
    return forests.flaw(kind.forest, len(FEATURES))
