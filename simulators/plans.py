"""Calls wished -> calls answered: a token bucket per (seller, application, operation). State: the buckets."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.dtypes import F64, I64, U8
from simulators.calls import BURST, ONCE, OPERATIONS, RATE_PER_MS, WAITS, Rows

#: A caller gives a call up after so many slices without a token.
TRIES_MOST = 6


@njit(cache=True)
def _grant(
    bucket: I64, op: I64, time: F64, flags: I64, rate: F64, burst: F64, tokens: F64, asked: F64,
    end_ms: float, when: I64, refused: U8,
) -> None:  # fmt: skip
    """Walk calls sorted by (bucket, time). when[i] = time of the answer (>= end_ms: not in this slice);
    refused[i] = 1 where the call was first answered 429; when = -1: refused for good.

    Plainly: a bucket holds `burst` tokens, gains `rate` a ms; an answer takes one; who finds none waits.
    """
    line = 0.0
    for i in range(len(bucket)):
        b = bucket[i]
        if i == 0 or bucket[i - 1] != b:
            line = 0.0
        now = max(time[i], line)
        if now < asked[b]:
            now = asked[b]
        if now >= end_ms:  # behind one that waits into the next slice
            when[i] = np.int64(now)
            refused[i] = 1 if flags[i] & 1 == 0 else 0
            continue
        have = min(burst[op[i]], tokens[b] + (now - asked[b]) * rate[op[i]])
        if have >= 1.0:
            tokens[b] = have - 1.0
            asked[b] = now
            when[i] = np.int64(now)
            refused[i] = 1 if now > time[i] and flags[i] & 1 == 0 else 0
            continue
        if flags[i] & 2:
            when[i] = -1
            refused[i] = 1
            continue
        free = np.ceil(now + (1.0 - have) / rate[op[i]])
        refused[i] = 1 if flags[i] & 1 == 0 else 0
        if free >= end_ms:
            when[i] = np.int64(free)
            line = free  # all behind it wait too
            continue
        tokens[b] = 0.0
        asked[b] = free
        line = free
        when[i] = np.int64(free)


class Buckets:
    """Buckets of every link (seller, application) and operation; full at first."""

    def __init__(self, links: int) -> None:
        kinds = len(OPERATIONS)
        self.tokens = np.tile(BURST, links)
        self.asked = np.zeros(links * kinds)
        self.kinds = kinds

    def answer(self, wished: Rows, end_ms: int) -> tuple[Rows, Rows]:
        """(answered before end_ms, in no order; carried over). A 429 is a row that returns nothing."""
        assert WAITS | ONCE << 2 == 9  # the bits that `_grant` tests
        bucket = wished["link"].astype(np.int64) * self.kinds + wished["op"]
        begin = int(wished["time"].min()) if len(wished) else 0
        order = np.argsort((bucket << 32) + (wished["time"] - begin), kind="stable")
        calls, bucket = wished[order], bucket[order]
        when = np.zeros(len(calls), np.int64)
        refused = np.zeros(len(calls), np.uint8)
        _grant(
            bucket,
            calls["op"].astype(np.int64),
            calls["time"].astype(np.float64),
            calls["flags"].astype(np.int64),
            RATE_PER_MS,
            BURST,
            self.tokens,
            self.asked,
            float(end_ms),
            when,
            refused,
        )
        told = (refused == 1) & ((when < 0) | (calls["tries"] == 0))
        throttled = _throttled(calls[told])
        late = when >= end_ms
        carried = calls[late]
        carried["time"] = when[late]
        carried["tries"] += 1
        answered = calls[(when >= 0) & ~late]
        answered["time"] = when[(when >= 0) & ~late]
        return np.concatenate([answered, throttled]), carried[carried["tries"] <= TRIES_MOST]


def _throttled(calls: Rows) -> Rows:
    told = calls.copy()
    told["status"], told["count"], told["records"], told["pii"] = 429, 0, 0, 0
    return told
