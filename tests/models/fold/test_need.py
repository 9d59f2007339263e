"""What is remembered of an order is small and bounded, and the documentation says how small."""

import re
from pathlib import Path

from models.fold.layout import ORDER
from models.fold.state import FoldLimits

DOCS = Path(__file__).parents[3] / "docs"
#: Places of an index that is a third full, 12 bytes each: its emptiest.
INDEX_BYTES = 36
#: Tables grow by a quarter (models/memory/pool.py): so many rows may be free.
FREE = 1.25


def test_the_documentation_says_days_and_bytes_of_an_order() -> None:
    limits, row = FoldLimits(), ORDER.itemsize + INDEX_BYTES
    days, most = limits.order_minutes // 1_440, f"at most {limits.orders_most:,}"
    measured = re.search(
        rf"remembered order, {days} days and {most} a partition kept \| (\d+)", told("benchmarks.md")
    )
    assert measured is not None
    size = int(measured[1])
    assert row <= size <= row * FREE
    assert f"{size} bytes an order for {days} days ({most}" in told("operations.md")
    assert f"remembers an order for {days} days after it was first read, {size} bytes each" in told(
        "operations.md"
    )


def told(page: str) -> str:
    return " ".join((DOCS / page).read_text().split())
