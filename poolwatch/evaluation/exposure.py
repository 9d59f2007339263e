"""Files of events and the truth -> what poolers took and when, the span, poolers' addresses. Reads only.

One pass by blocks; what is kept grows with addresses and with poolers' customers, not with events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import PoolwatchError
from models.yardstick.truth import AGGREGATOR, BENIGN, Label, Truth
from models.yardstick.yardstick import Take
from poolwatch.evaluation.evidence import accepted
from streams.inputs.adapters import Adapter

WHO = ("developer_id", "source_ip", "user_agent", "tls_fingerprint")


class EventPass:
    """One pass over events: span, what poolers took, and addresses that are mostly a labelled pooler's."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self.first_ms, self.last_ms, self.events = 1 << 62, -1, 0
        self._first_taken: dict[str, dict[str, int]] = defaultdict(dict)
        self._calls: dict[str, int] = defaultdict(int)
        self._by_party: dict[str, dict[Label, int]] = defaultdict(lambda: defaultdict(int))

    def read(self, inputs: Path | Sequence[str], adapter: Adapter | None = None) -> EventPass:
        """Go through the events. PoolwatchError where there are none, or a file cannot be read."""
        names = [str(inputs)] if isinstance(inputs, Path) else inputs
        for table in accepted(names, (*WHO, "customers"), adapter):
            self._add(table)
        if not self.events:
            raise PoolwatchError(f"{' '.join(names)}: holds no events")
        return self

    def take(self) -> Take:
        """Customers in answered calls of each pooler's entities, within its span."""
        return {p: np.sort(np.array(list(c.values()), np.int64)) for p, c in self._first_taken.items()}

    def own_addresses(self) -> list[Label]:
        """Labels for addresses, in none yet, from which one labelled developer's party makes most calls."""
        labels = []
        for address, parties in self._by_party.items():
            owner, calls = max(parties.items(), key=lambda item: item[1])
            known = self._truth.standing("origin", f"ip:{address}")
            told = any(x.label == AGGREGATOR for x in known) or (known and owner.label == BENIGN)
            if 2 * calls > self._calls[address] and not told:
                labels.append(replace(owner, entity_kind="origin", entity_id=f"ip:{address}"))
        return labels

    def _add(self, table: pa.Table) -> None:
        time = table["time"].to_numpy()
        if not len(time):
            return
        self.events += len(time)
        self.first_ms, self.last_ms = min(self.first_ms, int(time.min())), max(self.last_ms, int(time.max()))
        who = [name for name in WHO if name in table.column_names]
        groups = table.group_by(who).aggregate([([], "count_all")]).to_pylist()
        keys = {tuple(g[n] for n in who): self._parties(g) for g in groups}
        for group in groups:
            self._count(group, keys[tuple(group[n] for n in who)])
        wanted = {key: parties for key, parties in keys.items() if parties}
        if wanted:
            self._take(table, who, wanted)

    def _parties(self, group: Mapping[str, Any]) -> list[str]:
        labels = self._truth.standing("developer", group["developer_id"] or "")
        address, tls = group.get("source_ip"), group.get("tls_fingerprint")
        if address or tls:
            parts = [f"ip:{address}" if address else "", f"tls:{tls}" if tls else ""]
            labels = labels + self._truth.standing("origin", "|".join(p for p in parts if p))
        return sorted({x.party for x in labels if x.label == AGGREGATOR})

    def _count(self, group: Mapping[str, Any], parties: list[str]) -> None:
        address = group.get("source_ip")
        if not address:
            return
        self._calls[address] += group["count_all"]
        owners = [self._truth.parties[party].labels[0] for party in parties]
        if not owners:
            labels = self._truth.standing("developer", group["developer_id"] or "")
            owners = [x for x in labels[:1] if x.label == BENIGN]
        for owner in owners:
            self._by_party[address][owner] += group["count_all"]

    def _take(self, table: pa.Table, who: list[str], wanted: Mapping[tuple[Any, ...], list[str]]) -> None:
        if "customers" not in table.column_names:
            return
        ok = pc.and_(pc.greater_equal(table["status"], 200), pc.less(table["status"], 300))
        rough = pc.is_in(table[who[0]], pa.array({k[0] for k in wanted}, pa.string()))
        for row in table.filter(pc.and_(ok, rough)).to_pylist():
            for name in wanted.get(tuple(row[n] for n in who), ()):
                party = self._truth.parties[name]
                if row["customers"] and party.start_ms <= row["time"] <= party.end_ms:
                    taken = self._first_taken[name]
                    for customer in row["customers"]:
                        taken[customer] = min(row["time"], taken.get(customer, row["time"]))
