"""Customers by hour: the estimate is that of plain registers, however few or many, whatever was restored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.detect.detect import Detect
from models.scoring.features import FEATURE
from models.scoring.rules import RuleSet
from models.windows.layout import FEW
from models.windows.sketch import PRECISION, REGISTERS, estimate
from tests.models.detect_tries import MODEL
from tests.models.sightings_maker import DAY_0, Touch, message, name


def plain(customers) -> float:
    """Registers filled one by one, as HyperLogLog is defined."""
    registers = np.zeros(REGISTERS, np.uint8)
    for customer in customers:
        value = name("c", customer)[0]
        rest = f"{value >> PRECISION:0{64 - PRECISION}b}"
        height = len(rest) - len(rest.rstrip("0")) + 1
        registers[value % REGISTERS] = max(registers[value % REGISTERS], height)
    return float(estimate(registers))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    visits=st.lists(
        # hour, minute of it, first customer, how many
        st.tuples(
            st.integers(0, 30),
            st.integers(0, 59),
            st.integers(0, 400),
            st.sampled_from((1, 5, FEW - 1, FEW, FEW + 1, 300)),
        ),
        min_size=1,
        max_size=8,
    ),
    restarts=st.sets(st.integers(0, 8)),
)
def test_the_estimate_is_that_of_plain_registers(visits, restarts) -> None:
    detect = Detect(1, RuleSet.load(), MODEL, scores=True)
    met: dict[int, set[int]] = {}
    pages: dict[str, bytes] = {}
    minutes = sorted({DAY_0 + 60 * hour + minute for hour, minute, *_ in visits})
    for chunk, minute in enumerate(minutes):
        came = {
            c
            for h, m, first, many in visits
            if DAY_0 + 60 * h + m == minute
            for c in range(first, first + many)
        }
        met.setdefault(minute // 60, set()).update(came)
        touch = Touch(minute, 1, 1, 1, customers=tuple(sorted(came)))
        detect.add(message([touch], chunk=chunk, watermark_minute=minute + 1))
        rows = detect.close().scores
        wanted = plain({c for hour, those in met.items() if hour > minute // 60 - 24 for c in those})
        assert rows.features[:, FEATURE["customers_24h"]] == pytest.approx([wanted])
        for page, content in detect.changed().items():
            pages.pop(page, None) if content is None else pages.update({page: content})
        if chunk in restarts:
            detect = Detect(1, RuleSet.load(), MODEL, scores=True)
            detect.restore(pages)
