"""What is remembered of an order is small and bounded, and the documentation says how small."""

from pathlib import Path

from models.fold.state import ORDER, FoldLimits

#: Places of an index that is a third full, 12 bytes each: its emptiest.
INDEX_BYTES = 36


def test_the_documentation_says_days_and_bytes_of_an_order():
    told = " ".join(Path("docs/operations.md").read_text().split())
    limits, size = FoldLimits(), ORDER.itemsize + INDEX_BYTES
    days = limits.order_minutes // 1_440
    assert f"{size} bytes an order for {days} days (at most {limits.orders_most:,}" in told
    assert f"remembers an order for {days} days after it was first read, {size} bytes at most each" in told
