"""Foreign records -> usage events: what is kept, what stands in, what is told as unusable."""

import glob
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from models.decode.decode import Decoder
from models.errors import ConfigError
from models.hashing import hash_text
from models.operations import Operations
from streams.inputs.cloudtrail import CloudTrail, status
from streams.inputs.forms import adapter
from streams.inputs.inputs import Input
from streams.inputs.mapping import Mapping
from streams.inputs.readers import Reader
from streams.inputs.tables import as_records
from tests.missing import CLOUDTRAIL, needs_cloudtrail

RECORD = {
    "userIdentity": {
        "type": "IAMUser",
        "arn": "arn:aws:iam::1:user/a",
        "accessKeyId": "K1",
        "accountId": "1",
    },
    "eventTime": "2023-07-10T12:00:01Z",
    "eventName": "GetObject",
    "sourceIPAddress": "203.0.113.7",
    "userAgent": "aws-cli/2",
    "eventID": "e1",
    "recipientAccountId": "1",
}


def one(record, form):
    values, _, rejected = form.convert([record], [1])
    return (json.loads(values[0]) if values else None), [r.reason for r in rejected]


def test_a_cloudtrail_record_becomes_a_usage_event():
    assert one(RECORD, CloudTrail()) == (
        {
            "event_id": "e1",
            "time": "2023-07-10T12:00:01Z",
            "developer_id": "arn:aws:iam::1:user/a",
            "seller_id": "1",
            "key_id": "K1",
            "operation": "GetObject",
            "status": 200,
            "source_ip": "203.0.113.7",
            "user_agent": "aws-cli/2",
        },
        [],
    )


@pytest.mark.parametrize(
    ("identity", "developer", "key"),
    [
        ({"arn": "arn:x", "accessKeyId": "K"}, "arn:x", "K"),
        ({"arn": "arn:x"}, "arn:x", "none:arn:x"),
        ({"invokedBy": "ec2.amazonaws.com"}, "ec2.amazonaws.com", "none:ec2.amazonaws.com"),
        ({"principalId": "AIDA", "accessKeyId": "K"}, "AIDA", "K"),
    ],
)
def test_who_acts_and_with_which_key(identity, developer, key):
    event, _ = one(RECORD | {"userIdentity": identity}, CloudTrail())
    assert (event["developer_id"], event["key_id"]) == (developer, key)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, 200),
        ("AccessDenied", 403),
        ("AccessDeniedException", 403),
        ("Client.UnauthorizedOperation", 403),
        ("ThrottlingException", 429),
        ("Throttling", 429),
        ("NoSuchBucketPolicy", 400),
    ],
)
def test_status_of_an_error_code(code, expected):
    assert status(code) == expected


def test_a_service_that_calls_for_somebody_is_no_origin():
    event, _ = one(RECORD | {"sourceIPAddress": "cloudtrail.amazonaws.com"}, CloudTrail())
    assert not {"source_ip", "user_agent"} & set(event)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"userIdentity": None}, "userIdentity names no principal (arn, invokedBy or principalId)"),
        ({"eventID": None}, "no eventID"),
        ({"recipientAccountId": None, "userIdentity": {"arn": "x"}}, "no recipientAccountId"),
    ],
)
def test_a_record_that_cannot_be_an_event_is_told(change, reason):
    assert one(RECORD | change, CloudTrail()) == (None, [reason])


def test_records_come_by_time_whatever_the_file_does():
    later, sooner = RECORD | {"eventTime": "2023-07-10T12:00:09Z"}, RECORD
    found = CloudTrail().document(json.dumps({"Records": [later, sooner, "odd"]}).encode())
    assert found == ["odd", sooner, later]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"a": 1}', b"\xff"])
def test_a_file_that_is_no_cloudtrail_is_none(data):
    assert CloudTrail().document(data) is None


def test_lines_hold_one_record_or_many():
    lines = [json.dumps(RECORD).encode(), json.dumps({"Records": [RECORD, RECORD]}).encode(), b"{", b"1"]
    records, places, rejected = CloudTrail().parse(lines, [1, 2, 3, 4])
    assert (len(records), places) == (3, [1, 2, 2])
    assert [(r.offset, r.reason) for r in rejected] == [(3, "not JSON"), (4, "not a cloudtrail record")]


@pytest.mark.parametrize("field", ["eventID", "errorCode", "sourceIPAddress"])
def test_a_deeply_nested_line_costs_itself_alone(field):
    """Some are too deep to be decoded, some only to be told again."""
    good = json.dumps(RECORD).encode()
    for depth in (10, 500, *range(900, 1_000), 5_000):
        nested = b'"%s": %s%s' % (field.encode(), b"[" * depth, b"]" * depth)
        hostile = json.dumps(RECORD | {field: 0}).encode().replace(b'"%s": 0' % field.encode(), nested)
        records, places, unread = CloudTrail().parse([hostile, good], [1, 2])
        _, kept, unfit = CloudTrail().convert(records, places)
        assert sorted([*kept, *(r.offset for r in (*unread, *unfit))]) == [1, 2]
        assert kept[-1] == 2
    assert CloudTrail().document(hostile) is None


def test_a_time_beyond_all_bounds_does_not_stop_a_document(tmp_path):
    mapping = mapped(tmp_path, '[fields]\ntime = "t"\n')
    assert mapping.document(b'[{"t": %s}]' % (b"9" * 400)) is not None


@needs_cloudtrail
def test_no_record_of_the_real_sample_is_lost():
    form, total, principals = CloudTrail(), 0, {}
    for name in glob.glob(f"{CLOUDTRAIL}/*.json"):
        records = form.document(Path(name).read_bytes())
        values, _, rejected = form.convert(records, range(len(records)))
        assert rejected == []
        for event in map(json.loads, values):
            total += 1
            principals.setdefault(event["developer_id"].rpartition("/")[2], set()).add(event["key_id"])
    assert total == 2900
    assert {k: len(v) for k, v in principals.items() if len(v) > 2} == {"bert-jan": 109, "benjamin": 17}


MAPPING = """
records = "data.calls"
[fields]
event_id = "id"
time = { path = "at.0", format = "s" }
developer_id = { path = ["app.name"] }
seller_id = { value = "s1" }
key_id = "key"
operation = { path = "op", values = { "GET /orders" = "getOrders" } }
status = { path = "code", default = 200 }
pii = { path = "classes", split = "," }
"""


def mapped(tmp_path, text=MAPPING):
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    return Mapping.load(str(path))


def test_a_mapping_follows_paths_constants_defaults_and_lists(tmp_path):
    form = mapped(tmp_path)
    record = {
        "id": "e",
        "at": [1.5],
        "app.name": "d",
        "key": "k",
        "op": "GET /orders",
        "classes": "name, phone",
        "records": 3,
    }
    (found,) = form.document(json.dumps({"data": {"calls": [record]}}).encode())
    assert one(found, form)[0] == {
        "event_id": "e",
        "time": 1500,
        "developer_id": "d",
        "seller_id": "s1",
        "key_id": "k",
        "operation": "getOrders",
        "status": 200,
        "pii": ["name", "phone"],
        "records": 3,  # not mapped: read under its own name
    }


@pytest.mark.parametrize(
    ("form", "written", "ms"),
    [
        ("ms", 1_700_000_000_001, 1_700_000_000_001),
        ("us", 1_700_000_000_001_000, 1_700_000_000_001),
        ("rfc3339", "2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("%d/%b/%Y:%H:%M:%S %z", "14/Nov/2023:23:13:20 +0100", 1_700_000_000_000),
        ("%Y-%m-%d %H:%M:%S", "2023-11-14 22:13:20", 1_700_000_000_000),
    ],
)
def test_time_formats(tmp_path, form, written, ms):
    mapping = mapped(tmp_path, f'[fields]\ntime = {{ path = "t", format = "{form}" }}\n')
    assert mapping.event({"t": written})["time"] == ms


def test_a_time_that_is_not_as_said_costs_the_record_alone(tmp_path):
    mapping = mapped(tmp_path, '[fields]\ntime = { path = "t", format = "%Y" }\n')
    assert one({"t": "soon"}, mapping) == (None, ["time is not written as its format says"])


OWN = """
[fields]
developer_id = "app"
seller_id = "shop"
orders = "order_ids"
bytes = { path = "size", default = 7 }
"""
TABLE = {
    "event_id": ["e1", "e2"],
    "time": [1_772_409_600_000, 1_772_409_601_000],
    "app": [7, 8],
    "shop": ["000001", "1000001"],
    "key_id": ["k", "k"],
    "operation": ["getOrders", "getOrders"],
    "status": [200, 99],
    "order_ids": [[11, 12], [13]],
}


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_ids_numbers_and_lists_of_every_form_are_mapped_alike(tmp_path, form):
    mapping, path, table = mapped(tmp_path, OWN), tmp_path / f"a.{form}", pa.table(TABLE)
    if form == "parquet":
        pq.write_table(table, path)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        texts = pc.binary_join(table["order_ids"].cast(pa.list_(pa.string())), ";")
        pa_csv.write_csv(table.set_column(7, "order_ids", texts), path)
    decoder = Decoder(Operations.load())
    block = next(Reader(decoder, mapping).blocks(Input(str(path), form, size=path.stat().st_size)))
    events = block.events
    assert [r.reason for r in block.rejected] == ["status must be an integer 100-599"]
    assert events.names[int(events.developer[0])] == "7"
    assert events.names[int(events.seller[0])] == "000001"
    assert events.orders.tolist() == [hash_text("11"), hash_text("12")]
    assert events.bytes.tolist() == [7]


@pytest.mark.parametrize("owned", [True, False], ids=["mapped", "own names"])
def test_a_parquet_as_data_frames_write_it(tmp_path, owned):
    # Times to the nanosecond, whole numbers as floats, NaN where a number is missing.
    app = "app" if owned else "developer_id"
    table = pa.table(
        {
            "event_id": ["e1", "e2", "e3"],
            "time": pa.array([1_772_409_600_000_000_123 + n for n in range(3)], pa.timestamp("ns", "UTC")),
            app: ["a"] * 3,
            "seller_id": ["s"] * 3,
            "key_id": ["k"] * 3,
            "operation": ["getOrders"] * 3,
            "status": [200.0, 200.0, float("nan")],
            "records": [5.0, float("nan"), 1.0],
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    mapping = mapped(tmp_path, '[fields]\ndeveloper_id = "app"\n') if owned else None
    reader = Reader(Decoder(Operations.load()), mapping)
    block = next(reader.blocks(Input(str(path), "parquet", size=path.stat().st_size)))
    assert block.events.time_ms.tolist() == [1_772_409_600_000] * 2
    assert block.events.records.tolist() == [5, 0]
    assert [r.offset for r in block.rejected] == [2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            'orders = "orders_ids"',
            'no column "orders_ids" for orders of .*mapping.toml; did you mean "order_ids"',
        ),
        ('key_id = "keyid"', 'no column "keyid" for key_id'),
        ('orders = "order.ids"', 'no column "order" for orders'),
        ('seller_id = "the.shop"', r'a name with a dot in it is written path = \["the.shop"\]'),
    ],
)
def test_a_column_that_a_table_has_not_is_named(tmp_path, changed, message):
    name = changed.partition(" ")[0]
    kept = "".join(f"{line}\n" for line in OWN.splitlines() if not line.startswith(name))
    with pytest.raises(ConfigError, match=f"a.csv: .*{message}"):
        mapped(tmp_path, kept + changed + "\n").columns([*TABLE, "the.shop"], "a.csv")


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("s", "UTC")])
def test_a_timestamp_needs_no_format(tmp_path, kind):
    mapping = mapped(tmp_path, '[fields]\ntime = "at"\n')
    table = pa.table({"at": pa.array([1_700_000_000], pa.timestamp("s")).cast(kind)})
    assert mapping.event(as_records(table)[0])["time"] == 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[fields]\nseler_id = 'x'", 'seler_id: no such field; did you mean "seller_id"?'),
        ("[fields]\ntime = { format = 's' }", 'time: give "PATH", or a table with path or value'),
        ("[fields]\ntime = { pat = 's' }", 'time: no setting "pat"; did you mean "path"?'),
        ("[fields]\ntime = { path = 5 }", "time: path must be text or a list, not a number"),
        ("[fields]\ntime = { path = [1] }", "time: path[0] must be text, not a number"),
        ("[fields]\ntime = { path = 't', format = 5 }", "time: format must be text, not a number"),
        ("[fields]\norders = { path = 'o', split = 5 }", "orders: split must be text, not a number"),
        ("[fields]\nkey_id = { path = 'k', values = 'a' }", "key_id: values must be a table, not text"),
        ("[fields]\nkey_id = 5", "key_id: it must be a table, not a number"),
        ("records = 5\n[fields]", "records must be text or a list, not a number"),
        ("[fields]\ntime = { path = 't', format = 'soon' }", "time: format is s, ms, us, ns, rfc3339 or"),
        ("[fields]\nkey_id = { path = 'k', split = ',' }", "key_id: split is for lists"),
        ("[field]\n", 'no setting "field"; did you mean "fields"?'),
        ("records = 'a'", "fields is missing; docs/inputs.md says what it is"),
        ("fields = [", "mapping.toml: "),
    ],
)
def test_a_wrong_mapping_says_where_and_how_to_mend(tmp_path, text, message):
    with pytest.raises(ConfigError, match=r"mapping\.toml") as error:
        mapped(tmp_path, text)
    assert message in str(error.value)


def test_formats_are_known_by_name():
    assert adapter(None, None) is None
    assert adapter("cloudtrail", None).name == "cloudtrail"
    with pytest.raises(ConfigError, match="cloudtrail"):
        adapter("clodtrail", None)
    with pytest.raises(ConfigError, match="not both"):
        adapter("cloudtrail", "m.toml")
