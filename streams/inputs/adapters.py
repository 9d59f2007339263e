"""Records of other logs in; usage events of the contract out, as JSON. What cannot be one is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec

from models.errors import BadRecord
from models.events import Rejected

Record = dict[str, Any]

#: What decoding raises of bytes that are no JSON, or nested deeper than any record is.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Adapter(ABC):
    """How records of one foreign form become usage events. A form overrides `event`, and what it must."""

    name = ""
    #: endings of files that are one document of many records
    documents: tuple[str, ...] = ()

    @abstractmethod
    def event(self, record: Record) -> Record:
        """The usage event of one record. BadRecord where it has none."""

    def within(self, document: Any) -> list[Any] | None:
        """The records in a parsed document (or line); None where it is not of this form."""
        return [document] if isinstance(document, dict) else None

    def columns(self, names: list[str], where: str) -> list[str]:  # noqa: ARG002
        """Of a table's columns those that `event` reads. ConfigError where one is needed and not there."""
        return names

    def order(self, record: Any) -> Any:  # noqa: ARG002
        """What sorts the records of a document by time; the same for all = leave their order."""
        return 0

    def document(self, data: bytes) -> list[Any] | None:
        """All records of a document, by time; None where it is none of this form."""
        try:
            records = self.within(msgspec.json.decode(data))
            return None if records is None else sorted(records, key=self.order)
        except NOT_JSON:
            return None

    def parse(
        self, lines: Sequence[bytes], places: Sequence[int]
    ) -> tuple[list[Any], list[int], list[Rejected]]:
        """Records of JSON lines, the place of each, and the lines that are not of this form."""
        records: list[Any] = []
        where: list[int] = []
        rejected = []
        for line, place in zip(lines, places, strict=True):
            try:
                found = self.within(msgspec.json.decode(line))
            except NOT_JSON:
                rejected.append(Rejected(place, "not JSON"))
                continue
            if found is None:
                rejected.append(Rejected(place, f"not a {self.name} record"))
                continue
            records += found
            where += [place] * len(found)
        return records, where, rejected

    def convert(
        self, records: Sequence[Any], places: Sequence[int]
    ) -> tuple[list[bytes], list[int], list[Rejected]]:
        """JSON of the usage events, the place of each, and the records that have none."""
        values, kept, rejected = [], [], []
        for record, place in zip(records, places, strict=True):
            try:
                if not isinstance(record, dict):
                    raise BadRecord(f"not a {self.name} record")
                values.append(msgspec.json.encode(self.event(record)))
                kept.append(place)
            except BadRecord as error:
                rejected.append(Rejected(place, str(error)))
            except RecursionError:  # it could just be decoded, and not be written again
                rejected.append(Rejected(place, "nested too deep"))
        return values, kept, rejected
