"""Cases: what the alerts of a party hold together, and how well parties were told apart."""

from __future__ import annotations

from models.alerts.cases import Total, cases
from models.yardstick.cases import case_figures
from models.yardstick.truth import BENIGN, VICTIM, Truth
from tests.models.made_labels import label


def alert(entity, case, **changes):
    kind, _, name = entity.partition(":")
    listed = {
        "developer_ids": [name] if kind == "developer" else [],
        "origin_ids": [],
        "key_ids": [],
        "seller_ids": [],
    }
    listed |= {field: value for field, value in changes.items() if field in listed}
    counts = {field.replace("_ids", "s"): len(ids) for field, ids in listed.items()}
    made = {
        "alert_id": entity,
        "entity_kind": kind,
        "entity_id": name,
        "case": case,
        "severity": "low",
        "score": 0.8,
        "time": 60_000,
        "first_seen": 60_000,
        "last_seen": 120_000,
        "customers": None,
    }
    return made | counts | listed | changes


def test_a_case_holds_what_its_alerts_list_together():
    alerts = [
        alert("developer:app", "developer:app", key_ids=["k1", "k2"], origin_ids=["o1", "o2"], score=0.9),
        alert(
            "origin:o1",
            "developer:app",
            key_ids=["k2", "k3"],
            origin_ids=["o1"],
            developer_ids=["app", "shop"],
            seller_ids=["s"],
            severity="high",
            customers={"estimate": 20, "low": 17, "high": 23},
            last_seen=600_000,
            links=["with developer:app: as I say"],
        ),
        alert("developer:gone", "developer:gone", superseded_by="x"),
    ]
    (case,) = cases(alerts)
    assert [a["entity_id"] for a in case.alerts] == ["app", "o1"]
    assert (case.severity, case.score, case.first_seen, case.last_seen) == ("high", 0.9, 60_000, 600_000)
    assert (case.developers, case.origins) == (Total(1), Total(2))
    assert (case.keys, case.sellers, case.customers) == (Total(3), Total(1), 17)
    assert case.links == ["with developer:app: as I say"]
    assert case.summary() == "1 developer, 2 origins, 3 keys, 1 seller, at least 17 customers"


def test_a_cut_list_is_not_taken_for_all():
    own = {"key_ids": ["k1", "k2"], "seller_ids": ["s1"]}
    cut = alert("developer:app", "c", **own, keys=700, sellers=600, origin_ids=["o1"], origins=3)
    assert cases([cut])[0].summary() == "1 developer, 3 origins, 700 keys, 600 sellers"
    whole = alert("developer:too", "c", key_ids=["k3"], origin_ids=["o2"])
    (case,) = cases([cut, whole])
    assert case.summary() == "2 developers, at least 3 origins, at least 700 keys, at least 600 sellers"
    assert (case.keys, case.sellers) == (Total(700, exact=False), Total(600, exact=False))


def test_lists_that_are_cut_may_still_hold_more_together_than_each_counts():
    keys = [[f"{name}{n}" for n in range(3)] for name in "ab"]
    (case,) = cases([alert(f"developer:{n}", "c", key_ids=ids, keys=4) for n, ids in enumerate(keys)])
    assert case.keys == Total(6, exact=False)


TRUTH = Truth(
    [
        *(label("origin", f"ip:192.0.2.{n}|tls:p", party="p") for n in range(4)),
        label("developer", "q", party="q"),
        label("origin", "ip:198.51.100.1|tls:q", party="q"),
        label("developer", "shop", VICTIM, party="p"),
        label("developer", "good", BENIGN, party="good"),
    ]
)
P = [f"origin:ip:192.0.2.{n}|tls:p" for n in range(4)]
Q = ["developer:q", "origin:ip:198.51.100.1|tls:q"]


def figures(**case_of):
    names = {name: case for case, members in case_of.items() for name in members}
    return case_figures(TRUTH, [alert(name, case) for name, case in names.items()])


def test_figures_of_cases_that_are_the_parties():
    found = figures(a=P, b=Q, c=["developer:shop"], d=["developer:good"])
    assert found == {"cases": 4, "pair_precision": 1.0, "pair_recall": 1.0, "whole": 1.0, "mixed": 0}


def test_figures_of_a_party_in_parts_and_of_a_case_of_two():
    # p's 6 pairs: 2 in one case each; the case of p and q: 1 + 1 right of 6 pairs
    found = figures(a=P[:2], b=[*P[2:], *Q])
    assert found == {"cases": 2, "pair_precision": 3 / 7, "pair_recall": 3 / 7, "whole": 0.5, "mixed": 1}


def test_a_victim_put_with_its_thief_is_a_fault():
    assert figures(a=[P[0], "developer:shop"])["pair_precision"] == 0.0


def test_nothing_to_pair():
    found = figures(a=P[:1])
    assert found == {"cases": 1, "pair_precision": None, "pair_recall": None, "whole": None, "mixed": 0}
