"""The manual names every field of a usage event, as the decoder takes it."""

from pathlib import Path

import msgspec

from models.decode.decode import Decoder, _Record
from models.decode.fields import REQUIRED, RULES
from models.events import PII_CLASSES
from models.field_table import DEFAULTS, MEANINGS, table
from models.operations import Operations
from models.scoring.features import FEATURES

ROWS = {line.split("`")[1]: line for line in table().splitlines()[2:]}
EVENT = {
    "event_id": "e",
    "time": 1_772_409_600_000,
    "developer_id": "d",
    "seller_id": "s",
    "key_id": "k",
    "operation": "getOrders",
    "status": 200,
}


def taken(**changes):
    """The events of one record, and why it was rejected."""
    record = {name: value for name, value in (EVENT | changes).items() if value is not ...}
    events, rejected = Decoder(Operations.load()).records([msgspec.json.encode(record)], [0])
    return events, [one.reason for one in rejected]


def test_the_manual_holds_the_table() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "inputs.md").read_text()
    assert table() in manual, "put what `python -m models.field_table` prints into docs/inputs.md"


def test_it_names_what_the_decoder_reads() -> None:
    fields = set(_Record.__struct_fields__)
    assert set(ROWS) == set(RULES) == set(MEANINGS) == fields
    assert {feature.needs for feature in FEATURES} - {""} <= fields
    assert all(f"`{name}`" in ROWS["pii"] for name in PII_CLASSES)


def test_absent_is_as_the_table_says() -> None:
    for name in ROWS:
        _, rejected = taken(**{name: ...})
        assert rejected == ([f"{name} is missing"] if name in REQUIRED else []), name
        assert ("**rejected**" in ROWS[name]) == (name in REQUIRED)
    events, _ = taken()
    assert set(DEFAULTS) == {"records", "bytes", "pii"}
    assert (events.records[0], events.bytes[0], events.pii[0]) == (0, 0, 0)
