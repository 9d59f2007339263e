"""Ranges of orders -> the calls that list them: pages and reports. Pure."""

from __future__ import annotations

import numpy as np

from models.dtypes import I64, U8
from simulators import chance
from simulators.calls import OP, PAGE_ORDERS, PURCHASE, ROW, Rows, expand, rows


def pages(link: I64, time: I64, first: I64, count: I64, classes: U8, gap_ms: int) -> Rows:
    """getOrders over [first, first + count) of each link, `gap_ms` apart, a page at least; a token before."""
    owner, place = expand(np.maximum(-(-count // PAGE_ORDERS), 1))
    low = first[owner] + place * PAGE_ORDERS
    size = np.minimum(count[owner] - place * PAGE_ORDERS, PAGE_ORDERS)
    personal = classes[owner] > 0
    seen = np.where(size > 0, classes[owner] | PURCHASE, 0)
    listed = rows(
        time[owner] + place * gap_ms,
        link[owner],
        OP["getOrders"],
        first=low,
        count=np.maximum(size, 0),
        pii=seen,
    )
    start = (place == 0) & personal
    tokens = rows(time[owner][start] - 400, link[owner][start], OP["createRestrictedDataToken"])
    return np.concatenate([tokens, listed])


def report(seed: int, link: I64, time: I64, first: I64, count: I64, classes: U8) -> Rows:
    """createReport, getReport until ready, getReportDocument over [first, first + count) of each link."""
    if not len(link):
        return np.zeros(0, ROW)
    ready = time + (60_000 + 400_000 * chance.uniform(seed, link, time)).astype(np.int64)
    return np.concatenate(
        [
            rows(time, link, OP["createReport"]),
            rows((time + ready) // 2, link, OP["getReport"]),
            rows(ready, link, OP["getReport"]),
            rows(
                ready + 1_500,
                link,
                OP["getReportDocument"],
                first=first,
                count=count,
                pii=np.where(count > 0, classes, 0),
            ),
        ]
    )
