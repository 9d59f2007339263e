"""Ids in; the partition that carries them out. Pure: the same numbers as Kafka's default partitioner."""

from __future__ import annotations

import numpy as np

from models.dtypes import I64
from models.events import Events

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed, 0 .. 2**32 - 1.

    source  org.apache.kafka.common.utils.Utils.murmur2
    """
    h = (0x9747B28C ^ len(data)) & _MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """0 .. partitions - 1: where Kafka's default partitioner puts a message with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class SellerPartitions:
    """Remembers each seller's partition: its id's text is hashed once."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._known: dict[int, int] = {}

    def of(self, events: Events) -> I64:
        """int64[n]: the partition of usage-events in which each event belongs."""
        sellers, inverse = np.unique(events.seller, return_inverse=True)
        known, names = self._known, events.names
        for seller in sellers.tolist():
            if seller not in known:
                known[seller] = partition_of(names[seller].encode(), self._partitions)
        return np.array([known[s] for s in sellers.tolist()], np.int64)[inverse]
