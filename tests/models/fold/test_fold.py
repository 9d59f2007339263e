"""What fold tells of a partition's history: any cut alike, and each fact where a timeline shows it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batches import part
from models.decode.decode import Decoder
from models.errors import ConfigError, PoolwatchError
from models.fold.fold import Fold, split_at_chunks
from models.fold.state import FoldLimits
from models.hashing import hash_text
from models.memory.pool import HIGH
from models.memory.tables import PAGE_SHIFT
from models.operations import Operations
from tests.models.timelines import (
    DAY,
    HOUR,
    MINUTE,
    POOLER,
    START_MS,
    decoded,
    deed,
    event,
    folded,
    read,
    sums,
    total,
)

TOOL_ORIGIN = "ip:203.0.113.7|tls:t-tool"
POOL_ORIGIN = "ip:198.51.100.9|tls:t-pool"
OPERATIONS = Operations.load()


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, object]]:
    """A partition with silences, late records, repeats, far clocks, reads and deeds."""
    size = draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    out: list[dict[str, object]] = []
    now = 0
    for n in range(size):
        now += int(
            rng.choice([0, 500, 40_000, 3 * MINUTE, 2 * HOUR, 26 * HOUR], p=[0.2, 0.4, 0.2, 0.15, 0.03, 0.02])
        )
        at = now - int(rng.choice([0, 30_000, 90_000, -30 * DAY], p=[0.7, 0.2, 0.08, 0.02]))
        who = POOLER if rng.random() < 0.4 else {}
        make = deed if rng.random() < 0.3 else read
        orders = [f"o{i}" for i in rng.integers(0, 12, rng.integers(0, 4))]
        number = n if rng.random() < 0.9 else int(rng.integers(0, n + 1))
        seller = f"shop{rng.integers(0, 3)}"
        out.append(make(number, at, orders, **who, seller_id=seller, customers=[f"c{i}" for i in orders]))
    return out


def everything(fold: Fold) -> dict[str, bytes | None]:
    """The state's pages, all that are used."""
    for table in fold._state.tables:
        used = int(table.table.meta[HIGH])
        table.table.dirty[: -(-used // (1 << PAGE_SHIFT))] = 1
    return fold.changed()


@settings(max_examples=20, deadline=None)
@given(records=histories(), data=st.data())
def test_batching_never_shows(records, data):
    """Any cut into batches gives the same rows, late and ahead records, customers and state."""
    first = data.draw(st.sampled_from([0, 4096 - 20]))
    events = decoded(records, first)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=6)))

    def run(bounds):
        fold = Fold(0, OPERATIONS)
        parts = []
        for a, b in zip([0, *bounds], [*bounds, len(records)], strict=True):
            parts += [fold.step(p) for p in split_at_chunks(part(events, a, b))]
        parts.append(fold.finish())
        customers = {
            (p.sightings.chunk, int(p.sightings.rows[int(c["row"])]["entity"]), int(c["customer"]))
            for p in parts
            for c in p.sightings.customers
        }
        tallies = [sum(p.duplicates for p in parts), sum(p.late for p in parts)]
        return sums(parts), customers, tallies, [r for p in parts for r in p.ahead], everything(fold)

    assert run(cuts) == run([])


@settings(max_examples=20, deadline=None)
@given(records=histories(), size=st.integers(1, 9))
def test_every_record_is_told_as_one_thing_when_it_is_decided(records, size):
    events, fold, settled = decoded(records), Fold(0, OPERATIONS), 0
    for at in range(0, len(records), size):
        step = fold.step(part(events, at, min(at + size, len(records))))
        outcomes = [step.accepted, step.duplicates, step.late, len(step.ahead)]
        assert min(outcomes) >= 0
        settled += sum(outcomes)
        assert settled + len(fold.pending_ms) == min(at + size, len(records))


@settings(max_examples=12, deadline=None)
@given(records=histories(), at=st.integers(0, 90))
def test_a_restored_fold_goes_on_alike(records, at):
    """Snapshots between chunks, the last over the first, then the rest of the history."""
    # offsets: every record a chunk of its own, so that any record may be followed by a snapshot
    events = decoded(records)
    events = part(events, 0, len(events))
    events.offset[:] = np.arange(len(events)) * 4096
    fold, pages = Fold(0, OPERATIONS), {}
    for i in range(min(at, len(records))):
        fold.step(part(events, i, i + 1))
        if i % 7 == 0:
            pages.update(fold.changed())
    pages.update(fold.changed())
    again = Fold(0, OPERATIONS)
    again.restore(pages)
    for i in range(min(at, len(records)), len(records)):
        one = part(events, i, i + 1)
        assert sums([fold.step(one)]) == sums([again.step(one)])
    assert sums([fold.finish()]) == sums([again.finish()])
    assert everything(fold) == everything(again)
    assert fold.watermark_ms == again.watermark_ms


def test_every_call_counts_for_its_developer_and_its_origin():
    _, parts = folded([event(n, n * 1000, status=s, bytes=7) for n, s in enumerate([200, 403, 429, 500])])
    for entity, kind in (("tool", "developer"), (TOOL_ORIGIN, "origin")):
        got = [total(parts, name, entity, kind) for name in ("calls", "failures", "throttled", "bytes")]
        assert got == [4, 2, 1, 7]


def test_no_origin_no_origin_row():
    _, parts = folded([event(n, n, source_ip=None, tls_fingerprint=None) for n in range(3)])
    assert {key[2] for key in sums(parts)} == {0}


def test_personal_data_is_counted_in_records():
    _, parts = folded(
        [event(1, 0, pii=["name", "purchase"], records=5), event(2, 1, pii=["purchase"], records=3)]
    )
    names = ("pii_name", "pii_purchase", "pii_records", "pii_calls", "records")
    assert [total(parts, n, "tool") for n in names] == [5, 8, 5, 1, 8]


def test_duplicates_count_once_within_the_horizon():
    # time s   0    30    120   121
    # id       a    a     b     a      the horizon of 60 s of the stream's time has passed
    before = [event(90 + n, 0) for n in range(3)]
    _, parts = folded([*before, event(1, 0), event(1, 30_000), event(2, 120_000), event(1, 121_000)])
    assert sum(p.duplicates for p in parts) == 1
    assert total(parts, "calls", "tool") == 3 + 3


def test_the_duplicate_filter_is_bounded_and_says_so():
    records = [event(n, n) for n in (*range(30), 0)]
    fold, parts = folded(records, FoldLimits(duplicates_most=10))
    assert fold.counts()["seen_rows"] == 10
    assert fold.counts()["duplicates_forgotten"] == 21
    assert total(parts, "calls", "tool") == 31


def test_late_records_enter_the_newest_minute():
    # minute   0   5   1(late)
    _, parts = folded([event(1, 0), event(2, 5 * MINUTE), event(3, MINUTE)])
    assert sum(p.late for p in parts) == 1
    calls = {key[-1] - START_MS // MINUTE: row["calls"] for key, row in sums(parts).items() if key[2] == 0}
    assert calls == {0: 1, 5: 2}


def test_orders_needed_and_alone():
    # hour         0      24       31          49
    # tool         looks  o1       ships o1, looks for more
    # pooler              o2                   (a day later: alone)
    _, parts = folded(
        [
            event(0, 0),
            read(1, 24 * HOUR, ["o1"]),
            read(2, 24 * HOUR + 1000, ["o2"], **POOLER),
            deed(3, 31 * HOUR, ["o1"]),
            event(4, 31 * HOUR + 1),
            event(5, 49 * HOUR),
            event(6, 49 * HOUR + 1),
        ]
    )
    assert [total(parts, "orders_needed", who) for who in ("tool", "pooler")] == [1, 0]
    assert [total(parts, "orders_alone", who) for who in ("tool", "pooler")] == [0, 1]
    assert total(parts, "orders_alone", POOL_ORIGIN, "origin") == 1
    assert total(parts, "orders_needed", TOOL_ORIGIN, "origin") == 1


def test_what_is_read_in_a_sellers_first_day_may_be_a_tools_usual_round():
    # hour         0      23           31           49
    # tool         looks  (backup: o2) ships, looks for more
    backup = read(2, 23 * HOUR, ["o2"], **POOLER)
    rest = [deed(3, 31 * HOUR, ["o1"]), event(4, 31 * HOUR + 1), event(5, 49 * HOUR), event(6, 49 * HOUR + 1)]
    _, parts = folded([event(0, 0), backup, *rest])
    assert total(parts, "orders_alone", "pooler") == 0


def test_orders_followed_handled_and_again():
    # minute       0       1         2       3        4
    # tool         o1,o2             ships o1
    # pooler               o1,o2             o1       (again)
    # clerk                                           o1 (handled)
    clerk = {**POOLER, "developer_id": "clerk"}
    _, parts = folded(
        [
            read(1, 0, ["o1", "o2"]),
            read(2, MINUTE, ["o1", "o2"], **POOLER),
            deed(3, 2 * MINUTE, ["o1"]),
            read(4, 3 * MINUTE, ["o1"], **POOLER),
            read(5, 4 * MINUTE, ["o1"], **clerk),
        ]
    )
    names = ("orders_taken", "orders_followed", "orders_again", "orders_handled")
    assert [total(parts, n, "tool") for n in names] == [2, 0, 0, 0]
    assert [total(parts, n, "pooler") for n in names] == [2, 2, 1, 0]
    assert [total(parts, n, "clerk") for n in names] == [1, 0, 0, 1]


def test_the_sellers_own_tool_on_two_addresses_follows_nobody():
    second = {"source_ip": "203.0.113.8"}
    _, parts = folded([read(1, 0, ["o1"]), read(2, 1, ["o1"], **second), read(3, 2, ["o2"])])
    origin = "ip:203.0.113.8|tls:t-tool"
    assert total(parts, "orders_taken", origin, "origin") == 0  # what one address read, the tool has read
    assert total(parts, "orders_again", origin, "origin") == 1
    assert total(parts, "orders_followed", origin, "origin") == 0


def test_the_pooler_behind_the_sellers_own_key_follows():
    stolen = {**POOLER, "developer_id": "tool", "key_id": "key"}
    _, parts = folded([read(1, 0, ["o1"]), read(2, 1, ["o1"], **stolen), read(3, 2, ["o2"])])
    assert total(parts, "orders_followed", POOL_ORIGIN, "origin") == 1
    assert total(parts, "orders_followed", "tool") == 0


SHIPS = [
    deed(n, n * HOUR, [f"d{n}"]) for n in range(30)
]  # the tool, every hour of the first day and six more


def digs(count: int, at: int = 30 * HOUR, **other: Any) -> list[dict[str, Any]]:
    """Identifying reads of orders that nobody has touched, one a minute."""
    who = {**POOLER, **other}
    return [read(1000 + at // MINUTE + n, at + n * MINUTE, [f"o{at}-{n}"], **who) for n in range(count)]


@pytest.mark.parametrize(
    ("classes", "dug"),
    [(["name", "address", "tax"], 0), (["name", "tax", "email"], 12), (["phone", "tax"], 12), (["name"], 12)],
)
def test_who_reads_tax_numbers_without_telephone_and_email_writes_invoices_and_digs_nothing(classes, dug):
    told = [{**call, "pii": classes} for call in digs(12)]
    more, tool = digs(1, 30 * HOUR + 20 * MINUTE), event(99, 31 * HOUR)
    _, parts = folded(in_time([*SHIPS, *told, *more, tool]))
    assert total(parts, "orders_old", "pooler") == dug + 1
    assert total(parts, "orders_taken", "pooler") == 13


def test_shadow_and_newcomer():
    # hour       0 ... 29           30                  30:05
    # tool       ships o hourly                         looks for new orders
    # pooler                        reads 12 old orders, acts on none
    _, parts = folded(in_time([*SHIPS, *digs(12), event(99, 30 * HOUR + 5 * MINUTE)]))
    assert total(parts, "newcomer", "pooler") == 1
    assert total(parts, "shadow_calls", "pooler") == 3  # from the tenth order on
    assert total(parts, "orders_old", "pooler") == 12  # the first nine too
    assert total(parts, "shadow_calls", "tool") == 0
    assert total(parts, "shadow_calls", POOL_ORIGIN, "origin") == 3
    assert total(parts, "orders_old", POOL_ORIGIN, "origin") == 12


def worked(hours: int) -> list[dict[str, Any]]:
    """The tool reads an order each hour, and ships it half an hour later."""
    read_ = [read(n, n * HOUR, [f"d{n}"]) for n in range(hours)]
    return in_time([*read_, *(deed(500 + n, n * HOUR + 30 * MINUTE, [f"d{n}"]) for n in range(hours))])


@pytest.mark.parametrize(("since", "days"), [(0, 2), (30, 1)])
def test_orders_are_dug_up_beyond_what_the_seller_gets(since, days):
    # hour       0 ... 71           since                     60:00
    # tool       reads and ships an order hourly: 24 a day
    # pooler                        reads an untouched order  reads 200
    first = read(900, since * HOUR + MINUTE, ["first"], **POOLER)
    _, parts = folded(in_time([*worked(72), first, *digs(200, 60 * HOUR)]))
    # to those that came with the log as many are allowed as two days bring: the tool may not read them all
    allowed = 24 * days * (1 + 200 / (24 * 60))  # a day's, and those of the 200 minutes that it takes
    assert total(parts, "orders_old", "pooler") == pytest.approx(200 - allowed, abs=4)


def test_who_reads_each_new_order_before_the_tool_digs_up_nothing():
    # hour       0 ... 71
    # screen     reads each order a minute before the tool does
    screen = [read(900 + n, n * HOUR - MINUTE, [f"d{n}"], **POOLER) for n in range(30, 72)]
    _, parts = folded(in_time([*worked(72), *screen]))
    assert total(parts, "orders_taken", "pooler") == 42
    assert total(parts, "orders_old", "pooler") == 0


def test_where_a_log_begins_on_a_sunday_the_weekends_orders_are_new():
    # hour       0 ... 35                          36 ... 71
    # screen     reads each order first            the same
    # tool       reads an order hourly             and ships it an hour later, those of the weekend at 36
    tool = [read(n, n * HOUR, [f"d{n}"]) for n in range(72)]
    parcels = [deed(500 + n, max(36, n + 1) * HOUR + n, [f"d{n}"]) for n in range(71)]
    screen = [read(900 + n, n * HOUR - MINUTE, [f"d{n}"], **POOLER) for n in range(1, 72)]
    _, parts = folded(in_time([*tool, *parcels, *screen]))
    assert total(parts, "orders_taken", "pooler") == 71
    assert total(parts, "orders_old", "pooler") == 0


def test_who_came_with_the_log_may_read_as_many_new_orders_as_parcels_go():
    # hour       0 ... 71
    # tool       ships two orders an hour of before the log, looks for new ones
    # screen     reads a new order each hour, that the tool has not read yet
    parcels = [deed(500 + n, n * HOUR // 2, [f"before-{n}"]) for n in range(142)]
    looks = [event(2000 + n, n * HOUR + 7 * MINUTE) for n in range(72)]
    screen = [read(900 + n, n * HOUR, [f"d{n}"], **POOLER) for n in range(72)]
    last = read(990, 71 * HOUR + 9 * MINUTE, ["before-141"])
    _, parts = folded(in_time([*parcels, *looks, *screen, last]))
    assert total(parts, "orders_old", "pooler") == 0


@pytest.mark.parametrize("hours", [14, 72])
@pytest.mark.parametrize(("pages", "dug"), [(14, 0), (30, 3_000 - 60 * 24)])
def test_who_was_there_when_the_log_began_dug_if_it_took_more_than_two_months_bring(pages, dug, hours):
    # hour       0 ... 9                               12 ... 13 (a day as half of it is) or 71
    # tool       reads and ships an order hourly: 24 a day, so 1,440 in 60 days
    # pooler     pages of a hundred untouched orders   reads what the tool has read
    past = [
        read(1_000 + n, n * 20 * MINUTE, [f"old-{n}-{i}" for i in range(100)], **POOLER) for n in range(pages)
    ]
    follows = [read(2_000 + n, n * HOUR + MINUTE, [f"d{n}"], **POOLER) for n in range(12, hours)]
    _, parts = folded(in_time([*worked(hours), *past, *follows]))
    assert total(parts, "orders_old", "pooler") == pytest.approx(dug, abs=120)  # an order of half a day's


@pytest.mark.parametrize(("pages", "dug"), [(10, 0), (40, 4_000 - 60 * 30)])
def test_what_a_tool_read_before_its_first_deed_is_what_the_seller_gets(pages, dug):
    # hour       0 ... 9                                11        12 ... 16 (20 orders till then: 30 a day)
    # tool       reads two orders hourly                a feed    looks hourly
    # other      a hundred untouched orders at a time             what the tool has read
    tool = [read(n, n * HOUR, [f"d{n}-{i}" for i in range(2)]) for n in range(10)]
    feed = event(500, 11 * HOUR, operation="createFeed")
    looks = [event(600 + n, n * HOUR) for n in range(12, 17)]
    past = [
        read(900 + n, 1 + n * 10 * MINUTE, [f"o{n}-{i}" for i in range(100)], **POOLER) for n in range(pages)
    ]
    follows = [read(990 + n, (13 + n) * HOUR, [f"d{n}-0"], **POOLER) for n in range(3)]
    _, parts = folded(in_time([*tool, feed, *looks, *past, *follows]))
    assert total(parts, "orders_old", "pooler") == pytest.approx(dug, abs=200)


def test_what_is_weighed_at_anothers_deed_is_in_the_next_snapshot():
    # hour       0        1          23       24:20
    # tool       hourly                       ships: a day is known
    # 300 shops  are read, so that the pooler's pair lies in a page that the tool does not touch
    # pooler              reads 40
    past = read(900, HOUR, [f"old-{n}" for n in range(40)], **POOLER)
    others = [read(1_000 + n, MINUTE + n, [f"x{n}"], seller_id=f"shop{n}") for n in range(300)]
    records = in_time([*worked(24), past, *others, deed(950, 24 * HOUR + 20 * MINUTE, ["d23"])])
    events = decoded(records)
    events.offset[:] = np.arange(len(events)) * 4096  # a snapshot may follow each
    fold = Fold(0, OPERATIONS)
    for at in range(len(events) - 1):
        fold.step(part(events, at, at + 1))
    pages = fold.changed()
    fold.step(part(events, len(events) - 1, len(events)))
    pages |= fold.changed()
    again = Fold(0, OPERATIONS)
    again.restore(pages)
    assert everything(fold) == everything(again)


@pytest.mark.parametrize(("later", "dug"), [(0, True), (20, False)])
def test_orders_that_others_had_read_before_a_newcomer_came_are_old_too(later, dug):
    # hour       0 ... 71                   40           40 + later
    # mirror     at 2: reads 200 orders
    # newcomer                              reads one    reads the same 200
    mirror = read(901, 2 * HOUR, [f"m{n}" for n in range(200)], developer_id="mirror", tls_fingerprint="t-m")
    came = read(902, 40 * HOUR + MINUTE, ["d39"], **POOLER)
    took = read(903, (40 + later) * HOUR + 2 * MINUTE, [f"m{n}" for n in range(200)], **POOLER)
    _, parts = folded(in_time([*worked(72), mirror, came, took]))
    assert (total(parts, "orders_old", "pooler") > 150) == dug


def test_old_orders_that_are_invoiced_are_not_held_against_a_tool():
    # hour       0 ... 29           30                                              32
    # tool       ships o hourly                                                     looks for new orders
    # biller                        reads 12 old orders, invoices ten of them
    bills = [
        event(800 + n, 30 * HOUR + (20 + n) * MINUTE, operation="submitInvoice", orders=[f"o{30 * HOUR}-{n}"])
        | POOLER
        for n in range(10)
    ]
    late = read(890, 33 * HOUR, ["d29"], **POOLER)
    _, parts = folded(in_time([*SHIPS, *digs(12), *bills, event(99, 32 * HOUR), late]))
    assert total(parts, "orders_old", "pooler") <= 2


@pytest.mark.parametrize(("about", "needed", "shadow"), [("past-{}", 30, False), ("x{}", 0, True)])
def test_letters_about_orders_that_nobody_remembers_are_about_such_as_it_read_before(about, needed, shadow):
    # hour       0 ... 35
    # tool       reads and ships an order hourly, and ships another
    # letters    reads the one, from hour 5 on, and writes about an order of weeks ago, or about the other
    others = [deed(3_000 + n, n * HOUR + 5 * MINUTE, [f"x{n}"]) for n in range(36)]
    reads = [read(900 + n, n * HOUR + 40 * MINUTE, [f"d{n}"], **POOLER) for n in range(5, 35)]
    letters = [
        event(1_800 + n, n * HOUR + 50 * MINUTE, operation="sendMessage", orders=[about.format(n)]) | POOLER
        for n in range(5, 35)
    ]
    _, parts = folded(in_time([*worked(36), *others, *reads, *letters]))
    assert total(parts, "orders_needed", "pooler") == needed
    assert (total(parts, "shadow_calls", "pooler") > 0) == shadow


def test_an_order_an_address_is_digging_too_where_the_developer_digs():
    # hour       0 ... 29           30                  30:05   30:06
    # tool       ships o hourly                         looks
    # pooler                        reads 20 old orders, each from another address
    calls = [{**call, "source_ip": f"198.51.100.{n}"} for n, call in enumerate(digs(20))]
    _, parts = folded(in_time([*SHIPS, *calls, event(99, 30 * HOUR + 5 * MINUTE)]))
    told = [total(parts, "orders_old", f"ip:198.51.100.{n}|tls:t-pool", "origin") for n in range(20)]
    assert told == [0] * 9 + [1] * 11  # from the developer's tenth order on
    assert total(parts, "orders_old", "pooler") == 20


def in_time(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda r: r["time"])


@pytest.mark.parametrize(
    ("after", "dug"),
    [
        ([], 0),  # silence: the seller may have moved to the newcomer
        ([deed(99, 32 * HOUR, ["d29"])], 0),  # the old tool ships what it had
        ([deed(99, 32 * HOUR, ["new"])], 12),  # it acts on an order of today
        ([event(99, 32 * HOUR)], 12),  # it looks for new orders
        ([event(99, 32 * HOUR, status=403)], 0),  # it was locked out
        ([event(99, 32 * HOUR, developer_id="repricer", tls_fingerprint="t-rep")], 0),  # works on no orders
    ],
)
def test_what_a_newcomer_digs_up_is_told_once_the_earlier_handler_is_seen_to_go_on(after, dug):
    # hour       0 ... 29           30                     32
    # tool       ships o hourly                            (after)
    # newcomer                      reads 12 old orders
    _, parts = folded([*SHIPS, *digs(12), *after])
    assert total(parts, "orders_old", "pooler") == dug
    assert total(parts, "orders_old", POOL_ORIGIN, "origin") == dug


BILLER = {"developer_id": "biller", "source_ip": "192.0.2.5", "tls_fingerprint": "t-bill", "key_id": "key3"}


def billed(n: int) -> list[dict[str, Any]]:
    """The order d`n` of hour n is invoiced two hours later, by another tool."""
    at = (n + 2) * HOUR
    return [
        read(5000 + n, at, [f"d{n}"], **BILLER),
        event(6000 + n, at + MINUTE, operation="submitInvoice", orders=[f"d{n}"], **BILLER),
    ]


@pytest.mark.parametrize(("stays", "dug"), [(True, 12), (False, 0)])
def test_where_the_sellers_tool_falls_silent_others_who_go_on_prove_nothing(stays, dug):
    # hour       0 ... 29               30:20                  31 ... 40
    # tool       ships an order hourly                         goes on, or not
    # biller     invoices each order    ...                    goes on, on what turned up before and after
    # newcomer                          reads 12 old orders    reads each new order
    tool = [deed(n, n * HOUR, [f"d{n}"]) for n in range(41 if stays else 30)]
    new = [read(7000 + n, n * HOUR + MINUTE, [f"d{n}"], **POOLER) for n in range(31, 41)]
    bills = [record for n in range(41) for record in billed(n)]
    _, parts = folded(in_time([*tool, *digs(12, 30 * HOUR + 20 * MINUTE), *new, *bills]))
    assert total(parts, "orders_old", "pooler") == dug


def test_who_reads_every_order_first_digs_up_nothing_though_another_one_invoices():
    # hour       0 ... 59
    # tool       reads an order hourly, acts on none
    # biller     invoices each order two hours later
    tool = [read(n, n * HOUR, [f"d{n}"]) for n in range(60)]
    _, parts = folded(in_time([*tool, *(record for n in range(60) for record in billed(n))]))
    assert total(parts, "shadow_calls", "tool") == 0
    assert total(parts, "orders_old", "tool") == 0


@pytest.mark.parametrize(("again", "dug", "new"), [(1, 24, 1), (6, 0, 0)])
def test_a_report_now_and_then_is_bookkeeping_but_who_pools_comes_back(again, dug, new):
    # day        0 ... 9          1.25                    2.25 or 7.25
    # tool       ships hourly
    # pooler                      a report of 12 orders   another 12
    tool = [deed(n, n * HOUR, [f"d{n}"]) for n in range(216)]
    reports = [
        read(
            1000 + day,
            30 * HOUR + day * DAY,
            [f"o{day}-{n}" for n in range(12)],
            **{**POOLER, "operation": "getReportDocument"},
        )
        for day in (0, again)
    ]
    _, parts = folded(in_time([*tool, *reports]))
    assert total(parts, "orders_old", "pooler") == dug
    assert total(parts, "newcomer", "pooler") == new


def test_a_report_in_a_sellers_first_day_is_no_newcomers_whenever_the_next_one_comes():
    # hour       0 ... 29        5         29
    # tool       ships hourly
    # books                      report    report
    books = {**POOLER, "operation": "getReportDocument"}
    reports = [read(1000 + h, h * HOUR + MINUTE, [f"o{h}-{n}" for n in range(12)], **books) for h in (5, 29)]
    _, parts = folded(in_time([*SHIPS, *reports]))
    assert total(parts, "newcomer", "pooler") == 0


def test_nothing_is_held_against_a_newcomer_that_has_become_the_handler():
    # hour       0 ... 29        30             31             33
    # tool       ships hourly                                  looks once more
    # newcomer                   reads 12       acts on six
    mine = [deed(500 + n, 31 * HOUR + n, [f"o{30 * HOUR}-{n}"], **POOLER) for n in range(6)]
    _, parts = folded([*SHIPS, *digs(12), *mine, event(99, 33 * HOUR)])
    assert total(parts, "orders_old", "pooler") == 0


@pytest.mark.parametrize(("share", "dug"), [(4, True), (1, False)])
def test_a_deed_for_one_order_in_four_is_chaff_a_day_after_its_coming(share, dug):
    # day        0        1.25            2.5                           3.75
    # tool       ships hourly, all the time
    # newcomer            reads, acts     40 old orders; acts on 1 in `share`   12 more
    tool = [deed(n, n * HOUR, [f"d{n}"]) for n in range(95)]
    first = [*digs(12), deed(2000, 30 * HOUR + 40 * MINUTE, [f"o{30 * HOUR}-0"], **POOLER)]
    later = digs(40, 60 * HOUR)
    acts = [
        deed(3000 + n, 61 * HOUR + n, [f"o{60 * HOUR}-{n}"], **POOLER) for n in range(40) if n % share == 0
    ]
    _, parts = folded(in_time([*tool, *first, *later, *acts, *digs(12, 90 * HOUR)]))
    late = [
        row["orders_old"]
        for key, row in sums(parts).items()
        if key[3] == hash_text("pooler") and key[-1] >= (START_MS + 86 * HOUR) // MINUTE
    ]
    assert (sum(late) > 0) == dug


@pytest.mark.parametrize(("ships", "dug"), [(False, True), (True, False)])
def test_a_newcomer_that_acts_on_few_while_others_send_the_parcels_handles_nothing(ships, dug):
    # hour       0 ... 29          30 ... 45
    # tool       ships hourly      ships on, or looks for new orders
    # newcomer                     60 old orders; confirms three of them, and ships the new ones, or not
    old = digs(60)
    chaff = [deed(4000 + n, 31 * HOUR + n, [f"o{30 * HOUR}-{n}"], **POOLER) for n in range(3)]
    hours = range(30, 46)
    if ships:
        goes_on = [event(n, n * HOUR + MINUTE) for n in hours]
        goes_on += [read(5000 + n, n * HOUR, [f"d{n}"], **POOLER) for n in hours]
        goes_on += [deed(6000 + n, n * HOUR + 2, [f"d{n}"], **POOLER) for n in hours]
    else:
        goes_on = [deed(n, n * HOUR, [f"d{n}"]) for n in hours]
    last = read(7000, 46 * HOUR, [f"l{n}" for n in range(12)], **POOLER)
    _, parts = folded(in_time([*SHIPS, *old, *chaff, *goes_on, last, event(99, 47 * HOUR)]))
    assert (total(parts, "orders_old", "pooler") > 40) == dug


@pytest.mark.parametrize(("acts", "counted"), [(4, 0), (15, 9)])
def test_chaff_is_no_deed_until_it_is_a_part_of_the_work(acts, counted):
    # hour       0 ...              30              50
    # tool       ships hourly, all the time: 20 parcels since the newcomer came
    # newcomer                      60 old orders   confirms some of them: fewer than a third of 20 is chaff
    tool = [deed(n, n * HOUR, [f"d{n}"]) for n in range(50)]
    confirms = [deed(4000 + n, 50 * HOUR + n, [f"o{30 * HOUR}-{n}"], **POOLER) for n in range(acts)]
    _, parts = folded(in_time([*tool, *digs(60), *confirms]))
    assert total(parts, "writes", "pooler") == acts
    assert total(parts, "deeds", "pooler") == counted
    assert total(parts, "deeds", "tool") == 50


@pytest.mark.parametrize(("came", "left"), [(0, 12), (40, 0)])
def test_orders_that_a_tool_has_left_when_its_seller_moved_stayed_alone_for_no_other_reason(came, left):
    # hour       0                 came ...       30            72
    # old tool   looks hourly                     reads 12
    # new tool                     ships hourly
    looks = [read(n, n * HOUR, [f"d{n}"], **POOLER) for n in range(30)]
    rest = read(900, 30 * HOUR + MINUTE, [f"r{n}" for n in range(12)], **POOLER)
    tool = [deed(1000 + n, n * HOUR + 2, [f"d{n}"]) for n in range(came, 73)]
    _, parts = folded(in_time([*looks, rest, *tool]))
    assert total(parts, "orders_alone", "pooler") == left


@pytest.mark.parametrize(
    ("operation", "orders", "dug"),
    [
        ("confirmShipment", [f"o{60 * HOUR}-0"], True),
        ("confirmShipment", [], True),  # it names no order: one all the same
        ("createFeed", [], False),  # as many as you like
    ],
)
def test_a_deed_that_names_no_order_stands_for_one_and_a_feed_for_many(operation, orders, dug):
    # day        0        2.5                            2.6       3.75
    # tool       ships hourly, all the time
    # pooler              40 new orders, after the tool  a deed    12 old orders
    tool = [deed(n, n * HOUR, [f"d{n}"]) for n in range(95)]
    after = [read(2000 + n, 30 * HOUR + n * HOUR + MINUTE, [f"d{30 + n}"], **POOLER) for n in range(40)]
    acts = event(3000, 71 * HOUR + 2 * MINUTE, operation=operation, orders=orders, **POOLER)
    _, parts = folded(in_time([*tool, *after, acts, *digs(12, 90 * HOUR)]))
    assert (total(parts, "orders_old", "pooler") > 5) == dug


READS = [read(3_000 + n, n * HOUR + 5, [f"d{n}"]) for n in range(30)]


def home(number, client="t-proxy"):
    return {"source_ip": f"198.{51 + number}.100.9", "tls_fingerprint": client, "developer_id": "tool"}


def roaming(*calls, works=(READS, SHIPS)):
    """Calls told as roaming, of each home that `home` makes."""
    _, parts = folded(in_time([*(call for part in works for call in part), *calls]))
    return [total(parts, "roaming", f"ip:198.{51 + n}.100.9|tls:t-proxy", "origin") for n in range(4)]


def test_a_client_that_only_reads_from_three_networks_roams_and_its_first_places_are_told_too():
    # hour       0 ... 29               30     31     32     33
    # tool       reads, ships hourly
    # key                               home0  home1  home2  home2
    calls = [read(900 + n, (10 + n) * HOUR + n, [f"x{n}"], **home(min(n, 2))) for n in range(4)]
    assert roaming(*calls[:2]) == [0, 0, 0, 0]
    assert roaming(*calls[:3]) == [1, 1, 1, 0]
    assert roaming(*calls) == [1, 1, 2, 0]


def test_who_writes_who_comes_slowly_and_who_is_alone_with_the_key_does_not_roam():
    calls = [read(900 + n, (10 + n) * HOUR + n, [f"x{n}"], **home(n)) for n in range(3)]
    writes = event(990, 10 * HOUR + 2, operation="confirmShipment", orders=["x0"], **home(0))
    assert roaming(*calls, writes) == [0, 0, 0, 0]
    slowly = [read(900 + n, n * 28 * HOUR + n, [f"x{n}"], **home(n)) for n in range(3)]
    more = [deed(2_000 + n, (30 + n) * HOUR + 2, []) for n in range(40)]
    again = [read(2_100 + n, (30 + n) * HOUR + 3, []) for n in range(40)]
    assert roaming(*slowly, works=(READS, SHIPS, more, again)) == [0, 0, 0, 0]
    assert roaming(*calls, works=()) == [0, 0, 0, 0]


def test_a_client_does_not_roam_where_one_only_reads_and_one_only_writes_or_work_ended_before_it_came():
    calls = [read(900 + n, (10 + n) * HOUR + n, [f"x{n}"], **home(n)) for n in range(3)]
    assert roaming(*calls, works=(SHIPS,)) == [0, 0, 0, 0]  # a tool that reads here and writes there
    assert roaming(*calls, works=(READS[:10], SHIPS[:10])) == [0, 0, 0, 0]  # it moved


def test_where_others_only_read_too_one_network_more_is_asked_for():
    calls = [read(900 + n, (10 + n) * HOUR + n, [f"x{n}"], **home(n)) for n in range(4)]
    assert roaming(*calls[:3], works=(READS,)) == [0, 0, 0, 0]
    assert roaming(*calls, works=(READS,)) == [1, 1, 1, 1]
    assert roaming(*calls, works=(READS[:10],)) == [0, 0, 0, 0]  # it moved


def test_who_wrote_from_a_place_that_is_forgotten_does_not_roam():
    # hour       0 ... 69               30              31 ... 36            40     41     42
    # tool       reads, ships hourly
    # staff                             home9: ships    others, six homes    home0  home1  home2
    works = [deed(n, n * HOUR, [f"d{n}"]) for n in range(70)]
    works += [read(3_000 + n, n * HOUR + 5, [f"d{n}"]) for n in range(70)]
    ships = event(9_000, 30 * HOUR, operation="confirmShipment", orders=["x"], **home(9))
    others = [read(9_100 + n, (31 + n) * HOUR, [f"y{n}"], **home(20 + n, "t-other")) for n in range(6)]
    staff = [read(9_200 + n, (40 + n) * HOUR, [f"x{n}"], **home(n)) for n in range(3)]
    assert roaming(*others, *staff, works=(works,)) == [1, 1, 1, 0]
    assert roaming(ships, *others, *staff, works=(works,)) == [0, 0, 0, 0]


def test_two_readers_who_both_come_from_ever_other_networks_prove_nothing():
    calls = [read(900 + n, (10 + n) * HOUR + n, [f"x{n}"], **home(n)) for n in range(4)]
    lists = [read(950 + n, (10 + n) * HOUR + 9, [f"x{n}"], **home(10 + n, "t-other")) for n in range(4)]
    assert roaming(*calls, *lists, works=()) == [0, 0, 0, 0]
    assert roaming(*calls, *lists[:2], lists[3] | home(11, "t-other"), works=()) == [1, 1, 1, 1]
    assert all(roaming(*calls, *lists, works=(READS, SHIPS)))


def test_addresses_of_one_network_are_one_place_and_each_is_told():
    same = {"source_ip": "198.53.100.10"}  # beside home 2
    calls = [read(900 + n, (10 + n) * HOUR + n, [f"x{n}"], **home(n)) for n in range(3)]
    calls += [read(910, 14 * HOUR, ["y"], **{**home(2), **same})]
    _, parts = folded(in_time([*READS, *SHIPS, *calls]))
    assert total(parts, "roaming", "ip:198.53.100.10|tls:t-proxy", "origin") == 1
    assert total(parts, "roaming", "ip:198.53.100.9|tls:t-proxy", "origin") == 1


def test_many_that_roam_fill_a_chunk_beyond_two_rows_a_record():
    shops = [{"seller_id": f"s{n}", "key_id": f"k{n}"} for n in range(580)]
    ways = [*(home(n) for n in range(4)), {}, {"operation": "confirmShipment"}, home(4)]
    calls = [
        read(580 * step + n, step * MINUTE, [f"{step}-{n}"], **shop, **way)
        for step, way in enumerate(ways)
        for n, shop in enumerate(shops)
    ]
    _, parts = folded(in_time(calls))
    assert len(calls) < 4_096
    for n in range(5):
        assert total(parts, "roaming", f"ip:198.{51 + n}.100.9|tls:t-proxy", "origin") == len(shops)


def test_elsewhere_and_foreign():
    # day        0        2
    # key at     home     home, pool
    stolen = {**POOLER, "key_id": "key"}
    records = [event(n, n * HOUR) for n in range(48)]
    _, parts = folded([*records, event(99, 48 * HOUR, **stolen), event(100, 48 * HOUR + 1)])
    assert total(parts, "elsewhere", "pooler") == 1
    assert total(parts, "foreign", "pooler") == 1
    assert total(parts, "elsewhere", "tool") == 1  # the owner, too, is now one of two
    assert total(parts, "foreign", "tool") == 0


def test_offhours():
    # the shop ships at 10-11 UTC for six days; a read at 3 UTC is out of hours, one at 10 is not
    records = [deed(d * 10 + n, d * DAY + 10 * HOUR + n, [f"d{d}{n}"]) for d in range(6) for n in range(10)]
    records += [
        read(900, 6 * DAY + 3 * HOUR, ["a", "b"], **POOLER),
        read(901, 6 * DAY + 10 * HOUR, ["c"], **POOLER),
    ]
    _, parts = folded(records)
    assert total(parts, "offhours", "pooler") == 2


@pytest.mark.parametrize("first", [True, False])
def test_one_clock_years_ahead_moves_nothing(first):
    records = [event(n, n * 1000) for n in range(40)]
    records.insert(0 if first else 20, event(99, 70 * 365 * DAY))
    fold, parts = folded(records)
    assert [len(p.ahead) for p in parts] == [1, 0]
    assert total(parts, "calls", "tool") == 40
    assert fold.watermark_ms == START_MS + 39_000 - MINUTE
    assert sum(p.late for p in parts) == 0


def test_one_clock_in_ten_wrong_moves_nothing():
    rng = np.random.default_rng(1)
    wrong = rng.random(2000) < 0.1
    records = [event(n, n * 1000 + (5 * HOUR if w else 0)) for n, w in enumerate(wrong)]
    fold, parts = folded(records)
    assert total(parts, "calls", "tool") == int((~wrong).sum())
    assert sum(len(p.ahead) for p in parts) == int(wrong.sum())
    assert fold.counts()["ahead"] == int(wrong.sum())


@settings(max_examples=20, deadline=None)
@given(gaps=st.lists(st.integers(0, 400 * HOUR), min_size=1, max_size=80))
def test_silence_of_any_length_loses_nothing(gaps):
    times = np.cumsum(gaps).tolist()
    times.append(times[-1] + 1)  # `finish` rejects a lone last record more than a week ahead
    fold, parts = folded([event(n, at) for n, at in enumerate(times)])
    assert sum(len(p.ahead) for p in parts) == 0
    assert total(parts, "calls", "tool") == len(times)
    minutes = {key[-1] for key in sums(parts) if key[2] == 0}
    assert minutes == {(START_MS + at) // MINUTE for at in times}
    assert fold.watermark_ms == START_MS + times[-1] - MINUTE


def test_what_is_held_means_the_same_in_another_process():
    # after a silence a call that no table lists is held; a worker that never met its name goes on with it
    names = Operations.load()
    [names.index(f"met before {n}") for n in range(3)]
    calls = [event(n, n) for n in range(3)] + [event(3, 5 * HOUR, operation="sendGift", orders=["o"])]
    values = [json.dumps(r).encode() for r in calls]
    fold = Fold(0, names)
    fold.step(Decoder(names).records(values, range(4))[0])
    again = Fold(0, Operations.load())
    again.restore({name: page for name, page in fold.changed().items() if page is not None})
    told = again.step(decoded([event(n, 5 * HOUR + n) for n in range(4, 24)], 4))
    assert total([told], "calls", "tool") == 21
    assert total([told], "writes", "tool") == 1


def test_orders_are_bounded_and_the_oldest_go_first():
    fold, parts = folded([read(n, n, [f"o{n % 60}"]) for n in range(120)], FoldLimits(orders_most=50))
    assert fold.counts()["orders_rows"] == 50
    assert fold.counts()["orders_forgotten"] == 70
    assert total(parts, "orders_taken", "tool") == 120


def test_the_silent_are_forgotten():
    records = [read(n, n, [f"o{n}"], seller_id=f"s{n}", key_id=f"k{n}") for n in range(50)]
    fold, _ = folded([*records, *[event(100 + n, 40 * DAY + n) for n in range(20)]])
    counts = fold.counts()
    assert [counts[f"{t}_rows"] for t in ("orders", "pairs", "sellers", "keys")] == [0, 0, 1, 1]


def test_the_silent_are_forgotten_though_every_midnight_is_quiet():
    fold = Fold(0, OPERATIONS)
    calls = [
        event(n, (n // 23) * DAY + (1 + n % 23) * HOUR, seller_id=f"s{n}", key_id=f"k{n}")
        for n in range(1380)
    ]
    for part_of_chunk in split_at_chunks(decoded(calls)):
        fold.step(part_of_chunk)
    counts = fold.counts()  # of 60 days, at most those of 30 and of the day that began with the sweep
    assert max(counts["sellers_rows"], counts["keys_rows"]) <= 31 * 23


def test_a_day_of_lonely_orders_at_once_needs_more_rows_than_a_chunk():
    records = [event(n, n, seller_id=f"s{n}") for n in range(4000)]
    records += [
        read(5_000 + n, DAY + n, [f"o{n}-{i}" for i in range(3)], seller_id=f"s{n}") for n in range(4000)
    ]
    shipper = {**POOLER, "developer_id": "shipper"}
    records += [deed(10_000 + n, 31 * HOUR + n, ["d"], seller_id=f"s{n}", **shipper) for n in range(4000)]
    _, parts = folded([*records, *[event(90_000 + n, 54 * HOUR + n) for n in range(20)]])
    assert total(parts, "orders_alone", "tool") == 12_000


def test_what_comes_again_from_the_source_changes_nothing():
    fold = Fold(0, OPERATIONS)
    events = decoded([read(n, n, [f"o{n}"]) for n in range(10)])
    fold.step(events)
    state = everything(fold)
    again = fold.step(events)
    assert len(again.sightings.rows) == 0
    assert again.duplicates == 0
    assert everything(fold) == state


def test_names_come_with_the_rows():
    _, parts = folded([event(n, n) for n in range(5)])
    names = {text for p in parts for text in p.sightings.names.values()}
    assert names == {"tool", "shop", "key", TOOL_ORIGIN}


def names_of(folded):
    return set(folded.sightings.names.values())


def test_names_come_once_an_hour():
    # hour       0              1          2
    # tool       shop   shop    shop
    # other             shop2
    # a new Fold (or a restored one) cannot know what was told: it tells again
    fold = Fold(0, OPERATIONS)
    steps = [
        [event(n, n) for n in range(4)],
        [event(10, 60_000), event(11, 61_000, seller_id="shop2")],
        [event(12, 62_000, seller_id="shop2")],
        [event(13, HOUR)],
    ]
    told, offset = [], 0
    for step in steps:
        told.append(names_of(fold.step(decoded(step, offset))))
        offset += len(step)
    first = {"tool", "shop", "key", TOOL_ORIGIN}
    assert told == [first, (first - {"shop"}) | {"shop2"}, set(), first]
    pages = {name: page for name, page in fold.changed().items() if page is not None}
    again = decoded([event(14, HOUR + 1)], offset)
    assert names_of(fold.step(again)) == set()
    fold = Fold(0, OPERATIONS)
    fold.restore(pages)
    assert names_of(fold.step(again)) == first


def test_more_names_than_are_remembered_come_again():
    fold = Fold(0, OPERATIONS)
    records = [event(n, n, seller_id=f"s{n % 40_000}") for n in range(80_000)]  # of two entities
    told = [names_of(fold.step(part)) for part in split_at_chunks(decoded(records))]
    assert {f"s{n}" for n in range(40_000)} <= set().union(*told[:10])
    assert 40_000 < sum(map(len, told)) <= 80_000 + 3 * len(told)


def test_one_step_takes_one_chunk():
    events = decoded([event(n, n) for n in range(3)], first_offset=4094)
    with pytest.raises(PoolwatchError, match="split_at_chunks"):
        Fold(0, OPERATIONS).step(events)
    assert [len(p) for p in split_at_chunks(events)] == [2, 1]


def test_a_snapshot_of_another_version_is_refused():
    fold = Fold(0, OPERATIONS)
    pages = fold.changed()
    pages["fold/clock"] = b"\x63" + pages["fold/clock"][1:]
    with pytest.raises(ConfigError, match="version 99"):
        Fold(0, OPERATIONS).restore(pages)


def test_a_snapshot_costs_what_changed():
    fold = Fold(0, OPERATIONS)
    decoder = Decoder(OPERATIONS)
    rows = [read(n, n, [f"o{n}"], seller_id=f"s{n}") for n in range(4096)]
    fold.step(decoder.records([json.dumps(r).encode() for r in rows], range(4096))[0])
    whole = sum(len(p or b"") for p in fold.changed().values())
    fold.step(decoder.records([json.dumps(read(9999, 4097, ["o1"])).encode()], [4096])[0])
    assert sum(len(p or b"") for p in fold.changed().values()) < whole / 10
