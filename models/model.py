"""What an entity of a kind and size usually does, and the forest over what exceeds it. Touches model files only.

File: magic, SHA-256 of the rest, header length, msgpack header, arrays. No code in it: safe from anywhere.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from models import forest as forests
from models.errors import ConfigError
from models.features import FEATURES
from models.forest import F32, F64, Forest
from models.sightings import ENTITY_KINDS

DEFAULT = Path(__file__).parent / "default.model"
MAGIC = b"POOLMDL1"
LIMIT_BYTES = 64 << 20  # a hundred trees take 1 MB; what is larger is no model of ours
MAX_NODES, MAX_TREES, MAX_HEADER_BYTES = 1_000_000, 1_000, 1 << 20

#: What an entity's size is: residuals are taken against these, so that size alone is never unusual.
SIZES = ("sellers_24h", "calls_24h")
KNOTS = 12  # places on each size curve
#: Shares of entities that the sentences quote.
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.995, 0.999)
#: Shares of entities that the forest's scale is told at.
RANKS = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99)
RESIDUAL_LIMIT = 50.0  # float32 keeps its steps, and one feature cannot outshout the rest
_SIZE_COLUMNS = np.array([[f.name for f in FEATURES].index(s) for s in SIZES])
_COLUMNS = len(FEATURES)


@dataclass(frozen=True, slots=True, eq=False)
class KindModel:
    """One kind of entity. Values are taken as log(1 + value).

    rows, entities    trained on
    used      bool[features]            columns that the forest sees
    knots     float64[2, KNOTS]         sizes (by SIZES) at which the curves are told, ascending
    typical   float64[2, features, KNOTS]  median at that size, never falling
    spread    float64[features]         how far the upper tenth lies above what is typical, > 0
    quantiles float64[features, len(QUANTILES)]  of the entities' highest values, as they are
    scale     float64[len(RANKS)]       of the entities' highest forest scores, ascending
    """

    rows: int
    entities: int
    used: npt.NDArray[np.bool_]
    knots: F64
    typical: F64
    spread: F64
    quantiles: F64
    scale: F64
    forest: Forest

    def residuals(self, matrix: F64) -> F32:
        """How much more than typical at this size, in spreads: float32[n, features], 0 = typical or less."""
        return _residuals(
            np.ascontiguousarray(matrix), _SIZE_COLUMNS, self.used, self.knots, self.typical, self.spread
        )

    def nines(self, scores: F64) -> F64:
        """Forest scores as the rarity of such an entity: 1 = one in ten, 2 = one in a hundred, and on."""
        known = -np.log10(1.0 - np.array(RANKS))
        per_score = (known[-1] - known[1]) / max(self.scale[-1] - self.scale[1], 1e-6)
        beyond = np.maximum(scores - self.scale[-1], 0.0) * per_score
        return np.interp(scores, self.scale, known) + beyond

    def unusual(self, matrix: F64) -> F64:
        """Calibrated forest score float64[n], 0..1, higher = more anomalous: each nine halves what lacks to 1."""
        return 1.0 - np.exp2(-self.nines(forests.score(self.forest, self.residuals(matrix))))


@dataclass(frozen=True, eq=False)
class Model:
    """All that was learnt. `kinds` follows ENTITY_KINDS; None = no such entity in the history.

    off   features that the forest does without, since what they need never came in training
    from_ms, until_ms, rows, seed   what it was trained on
    """

    kinds: tuple[KindModel | None, ...]
    off: tuple[str, ...]
    from_ms: int
    until_ms: int
    rows: int
    seed: int

    @cached_property
    def hash(self) -> str:
        """Version: 16 hex digits of the content."""
        return hashlib.sha256(_body(self)).hexdigest()[:16]

    @classmethod
    def load(cls, path: str | Path | None = None) -> Model:
        """Model of a file, None = the one shipped. ConfigError: missing, damaged, or of other features."""
        file = DEFAULT if path is None else Path(path)
        try:
            with file.open("rb") as stream:
                content = stream.read(LIMIT_BYTES + 1)
        except OSError as error:
            raise ConfigError(
                f"{file}: {error.strerror}; make one with: poolwatch train INPUT --model {file}"
            ) from None
        return decode(content, str(file))

    def save(self, path: str | Path) -> None:
        """Write the file whole or not at all. ConfigError where it cannot be written."""
        body = _body(self)
        file = Path(path)
        part = file.with_name(file.name + ".part")
        try:
            part.write_bytes(MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(part, file)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ConfigError(f"{file}: {error.strerror}; choose another --model file") from None


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
    f, k = _COLUMNS, KNOTS
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
    names = [f.name for f in FEATURES]
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
    digest, body = content[8:40], content[40:]
    if hashlib.sha256(body).digest() != digest:
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
    names = [f.name for f in FEATURES]
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
    return forests.flaw(kind.forest, _COLUMNS)


@njit(cache=True)
def _residuals(matrix, size_columns, used, knots, typical, spread):  # type: ignore[no-untyped-def]
    """Residuals float32[n, features]. Plain twin: tests/models/naive_model.py.

    What both sizes explain is not unusual: the higher of the two curves is typical. Past its last
    knot a curve rises with size one to one, so that the largest are never odd for being large.
    """
    n, columns = matrix.shape
    last = knots.shape[1] - 1
    out = np.zeros((n, columns), np.float32)
    place = np.zeros(2, np.int64)
    part = np.zeros(2)
    beyond = np.zeros(2)
    for r in range(n):
        for s in range(2):
            size = np.log1p(max(matrix[r, size_columns[s]], 0.0))
            k = min(max(np.searchsorted(knots[s], size) - 1, 0), last - 1)
            place[s] = k
            part[s] = min(max((size - knots[s, k]) / (knots[s, k + 1] - knots[s, k]), 0.0), 1.0)
            beyond[s] = max(size - knots[s, last], 0.0)
        for c in range(columns):
            if not used[c] or not matrix[r, c] > 0.0:
                continue
            usual = 0.0
            for s in range(2):
                if c != size_columns[s]:
                    k = place[s]
                    low = typical[s, c, k]
                    usual = max(usual, low + part[s] * (typical[s, c, k + 1] - low) + beyond[s])
            excess = (np.log1p(matrix[r, c]) - usual) / spread[c]
            out[r, c] = min(max(excess, 0.0), RESIDUAL_LIMIT)
    return out
