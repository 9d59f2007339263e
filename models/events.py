"""A batch of accepted usage events as columns. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.dtypes import I32, I64, U8, U64

#: Classes of personal data, and the bit of each in `Events.pii`, a byte.
PII_CLASSES = ("name", "address", "phone", "email", "purchase", "tax")
PII_BITS = {name: 1 << i for i, name in enumerate(PII_CLASSES)}


@dataclass(frozen=True, slots=True)
class Events:
    """n accepted events of one source partition, in source order.

    Ids are 64-bit hashes (models.hashing); `names` has the text of each developer, seller, key and
    origin hash of this batch. Lists are flat: event i has `orders[order_start[i]:order_start[i + 1]]`.
    """

    offset: I64  # place in the source partition (in a replay: running number)
    time_ms: I64
    event: U64
    developer: U64
    seller: U64
    key: U64
    origin: U64
    client: U64  # TLS fingerprint, else user-agent product, else 0: what the caller runs on
    network: U64  # IPv4 /24 or IPv6 /48, else 0: where the caller stands
    operation: npt.NDArray[np.int16]  # index in Operations
    status: npt.NDArray[np.int16]
    records: I64
    bytes: I64
    pii: U8  # PII_BITS
    orders: U64
    order_start: I32  # [n + 1]
    customers: U64
    customer_start: I32  # [n + 1]
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.offset)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that breaks a rule: where in the batch's source, and why. Never its content."""

    offset: int
    reason: str
