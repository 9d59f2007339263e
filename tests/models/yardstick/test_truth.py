"""Who is who: origins agree part by part, exact labels first."""

import pytest

from models.errors import ConfigError
from models.yardstick.truth import Truth, parse_label, parts_of
from tests.models.made_labels import label


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ("ip:203.0.113.7", "net:203.0.113.0/24", True),
        ("ip:203.0.113.7", "net:203.0.112.0/24", False),
        ("ip:203.0.113.7|tls:A", "ip:203.0.113.7|tls:B", False),
        ("ip:203.0.113.7|tls:A", "ip:203.0.113.7|ua:x", True),
        ("ip:203.0.113.7|ua:x", "ip:203.0.113.7|ua:y", False),
        ("tls:A|ua:x", "ip:203.0.113.7|tls:A", True),
        ("ua:x", "ip:203.0.113.7|ua:x", False),
        ("net:2001:db8::/48|tls:A", "ip:2001:db8::1", True),
        ("ip:2001:db8::1", "ip:203.0.113.7", False),
        ("ip:not-an-address", "ip:203.0.113.7", False),
    ],
)
def test_parts_decide(a, b, agree):
    assert parts_of(a).agrees(parts_of(b)) is agree
    assert parts_of(b).agrees(parts_of(a)) is agree
    labelled = Truth([label("origin", a, party="p")])
    assert [x.party for x in labelled.standing("origin", b)] == (["p"] if agree else [])


def test_exact_label_outranks_a_wider_one():
    truth = Truth(
        [
            label("origin", "net:203.0.113.0/24", party="pooler"),
            label("origin", "ip:203.0.113.9", "benign", party="shop"),
        ]
    )
    assert truth.standing("origin", "ip:203.0.113.9")[0].party == "shop"
    assert truth.standing("origin", "ip:203.0.113.8")[0].party == "pooler"


def test_a_popular_fingerprint_is_nobodys():
    pooler = label("origin", "ip:203.0.113.7|tls:SDK", party="pooler")
    assert Truth([pooler]).standing("origin", "tls:SDK")
    shop = label("origin", "ip:198.51.100.1|tls:SDK", "benign", party="shop")
    assert not Truth([pooler, shop]).standing("origin", "tls:SDK")


def test_worse_label_wins_and_parties_span_all_their_labels():
    truth = Truth(
        [
            label("developer", "d", "benign", party="d"),
            label("developer", "d", party="p", start=5, end=9),
            label("developer", "e", party="p", start=2, end=7),
        ]
    )
    assert [x.label for x in truth.standing("developer", "d")] == ["aggregator"]
    assert (truth.parties["p"].start_ms, truth.parties["p"].end_ms) == (2, 9)


@pytest.mark.parametrize(
    ("change", "word"), [({"label": "bad"}, "label must"), ({"start": "x"}, "start and end")]
)
def test_bad_label_is_named(change, word):
    good = {"entity_kind": "developer", "entity_id": "d", "label": "benign", "party": "d", "scenario": "s"}
    good |= {"start": 0, "end": 1}
    assert parse_label(good, "f:1").population == "s"
    with pytest.raises(ConfigError, match=f"f:2: {word}"):
        parse_label({**good, **change}, "f:2")
    with pytest.raises(ConfigError, match="a label needs party"):
        parse_label({k: v for k, v in good.items() if k != "party"}, "f:3")
