"""Residuals, calibration, and a model file that can be trusted from anywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigError
from models.scoring import model_file
from models.scoring.features import FEATURE, FEATURES
from models.scoring.model import Model
from models.training import bootstrap
from tests.models import naive_model

MODEL = Model.load()
CONTENT = model_file.encode(MODEL)
HEAD = len(model_file.MAGIC) + model_file.DIGEST_BYTES
ROWS = next(bootstrap.rows(seed=9))[3]


def test_a_saved_model_is_the_same_model(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "a.model")
    again = Model.load(tmp_path / "a.model")
    assert again.hash == MODEL.hash
    assert (tmp_path / "a.model").read_bytes() == CONTENT
    for kind, back in zip(MODEL.kinds, again.kinds, strict=True):
        assert kind is not None
        assert back is not None
        assert (kind.unusual(ROWS[:200]) == back.unusual(ROWS[:200])).all()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused(data: st.DataObject) -> None:
    damaged = bytearray(CONTENT[: data.draw(st.integers(0, len(CONTENT)), "length")])
    for place in data.draw(st.lists(st.integers(0, max(len(damaged) - 1, 0)), max_size=3, unique=True)):
        if damaged:
            damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    if bytes(damaged) != CONTENT:
        with pytest.raises(ConfigError, match=r"^x\.model: .*train anew"):
            model_file.decode(bytes(damaged), "x.model")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_forged_file_is_refused_or_judges_without_harm(data: st.DataObject) -> None:
    """The digest is right, so that only the checks of the content stand between a forger and the walk."""
    body = bytearray(CONTENT[HEAD:])
    near_header = st.integers(0, 3_000)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(near_header | st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    try:
        forged = model_file.decode(model_file.seal(bytes(body)), "x.model")
    except ConfigError as refused:
        assert str(refused).startswith("x.model: ")  # noqa: PT017
        return
    for kind in forged.kinds:
        if kind is not None:
            unusual = kind.unusual(ROWS[:20])
            assert ((unusual >= 0) & (unusual <= 1)).all()


def test_a_model_of_other_features_is_refused_by_name() -> None:
    body = CONTENT[HEAD:].replace(b"keys_throttled_1h", b"keys_throttled_9h")
    with pytest.raises(ConfigError, match=r"knows keys_throttled_9h and lacks keys_throttled_1h.*train anew"):
        model_file.decode(model_file.seal(body), "x.model")


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="poolwatch train INPUT --model"):
        Model.load(tmp_path / "none.model")
    with pytest.raises(ConfigError, match="choose another"):
        MODEL.save(tmp_path / "no" / "folder.model")


def test_residuals_equal_the_plain_ones() -> None:
    for kind in MODEL.kinds:
        assert kind is not None
        compiled = kind.residuals(ROWS[:40])
        for i, j in np.ndindex(compiled.shape):
            assert compiled[i, j] == pytest.approx(naive_model.residual(kind, ROWS[i], j), abs=1e-4)


def test_the_largest_are_not_odd_for_being_large() -> None:
    """An entity ten times larger in everything than the largest seen has no larger residuals than it."""
    kind = MODEL.kinds[0]
    assert kind is not None
    giant = ROWS[ROWS[:, FEATURE["sellers_24h"]].argmax()][None, :].copy()
    counts = np.array([f.unit not in ("share", "times") for f in FEATURES])
    grown = np.where(counts, giant * 10, giant)
    # Counts of a few grow a little faster than log(1 + x) of the size, which is within a spread.
    assert (kind.residuals(grown) <= kind.residuals(giant) + 1.0).all()


def test_less_than_typical_is_never_unusual() -> None:
    kind = MODEL.kinds[0]
    assert kind is not None
    typical = np.median(ROWS, axis=0, keepdims=True)
    less = typical * 0.5
    for name in ("sellers_24h", "calls_24h"):
        less[0, FEATURE[name]] = typical[0, FEATURE[name]]
    assert (kind.residuals(less) <= kind.residuals(typical)).all()


def test_each_nine_halves_what_lacks() -> None:
    kind = MODEL.kinds[0]
    assert kind is not None
    probe = replace(kind, scale=np.array([0.30, 0.35, 0.40, 0.45, 0.50, 0.60]))
    assert probe.nines(np.array([0.45, 0.60])) == pytest.approx([1.0, 2.0])
    ascending = probe.nines(np.linspace(0, 1, 50))
    assert (np.diff(ascending) >= 0).all()
    assert ascending[-1] > 3
