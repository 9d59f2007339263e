"""Links between suspects: found where one party stands behind, at the stated rate where none does."""

from __future__ import annotations

import numpy as np
from scipy import stats

from models.actors.crowd import coincidences
from models.actors.likeness import Common
from models.actors.party import FALSE_LINKS, Link, components, find
from tests.models.suspects import HOUR_0, census, suspect

MARKET = Common([census(HOUR_0, 6_000, {"tls:popular": 1_000, "tls:rare": 3}, origins=4_000)] * 2)


def parties(suspects, common=MARKET):
    """Parties of more than one, as sets."""
    found = components([s.entity for s in suspects], find(suspects, common))
    return sorted(sorted(party) for party in found if len(party) > 1)


def test_coincidences_are_those_of_the_product():
    rng = np.random.default_rng(5)
    for n, places in ((1, 0), (3, 7), (20, 300)):
        a, b = ((rng.random((n, places)) < 0.2).astype(np.uint8) for _ in range(2))
        assert (coincidences(a, b) == a.astype(int) @ b.T.astype(int)).all()


def test_rotating_addresses_use_the_same_keys():
    keys = np.random.default_rng(1).choice(40, (12, 8))
    rotating = [suspect(f"origin:ip:{n}|tls:popular", keys[n]) for n in range(12)]
    strangers = [suspect(f"origin:ip:9.{n}|tls:popular", [f"{n}-{k}" for k in range(8)]) for n in range(12)]
    assert parties(rotating + strangers) == [sorted(s.entity for s in rotating)]


def test_nothing_is_told_of_keys_before_their_number_is_known():
    assert not parties([suspect(f"origin:ip:{n}", range(30)) for n in range(2)], Common([]))


def test_a_developer_is_joined_with_the_origins_that_serve_it_and_hardly_anyone_else():
    app = suspect("developer:app", range(50))
    origins = [suspect(f"origin:ip:{n}|tls:popular", range(25 * n, 25 * n + 30)) for n in range(2)]
    assert parties([app, *origins]) == [
        ["developer:app", "origin:ip:0|tls:popular", "origin:ip:1|tls:popular"]
    ]


def test_accounts_split_over_one_machine_are_one_party():
    split = [suspect(f"developer:app{n}", range(9 * n, 9 * n + 9)) for n in range(5)]
    machine = suspect("origin:ip:1|tls:popular", range(45))
    assert parties([*split, machine]) == [sorted([machine.entity, *(s.entity for s in split)])]


def bystander(name, keys):
    """A developer that only reads, and against whom nothing else speaks."""
    return suspect(f"developer:{name}", keys, evidence=0.0, over=False)


def test_a_bystander_comes_with_those_whose_machine_it_shares():
    split = [suspect(f"developer:app{n}", range(9 * n, 9 * n + 9)) for n in range(2)]
    third, stranger = bystander("app2", range(18, 27)), bystander("dashboard", range(100, 130))
    machine = suspect("origin:ip:1|tls:popular", range(27))
    everyone = sorted(s.entity for s in [*split, third, machine])
    assert parties([*split, third, stranger, machine]) == [everyone]
    # not where nothing is proven of the machine, nor where the keys there are mostly others'
    under = suspect("origin:ip:1|tls:popular", range(27), evidence=0.3, over=False)
    assert parties([*split, third, under]) == [sorted(s.entity for s in [*split, under])]
    shared = suspect("origin:ip:1|tls:popular", range(60))
    assert parties([*split, third, shared]) == []


def test_a_machine_over_a_line_convicts_the_bystanders_that_fill_it():
    split = [bystander(f"app{n}", range(9 * n, 9 * n + 9)) for n in range(4)]
    machine = suspect("origin:ip:1|tls:popular", range(36))
    assert parties([*split, machine]) == [sorted(s.entity for s in [*split, machine])]
    assert parties([*split[:3], machine]) == []  # a quarter of its keys are somebody else's
    foreign = suspect("origin:ip:1|tls:popular", range(36), foreign=1.0)  # a thief's
    assert parties([*split, foreign]) == []


def test_one_bystander_on_its_own_machine_is_joined_with_nobody():
    dashboard, machine = bystander("dashboard", range(20)), suspect("origin:ip:1|tls:rare", range(20))
    assert parties([dashboard, machine]) == []


def test_bystanders_are_compared_with_nobody():
    lockstep = [HOUR_0 - 600 + 17 * n for n in range(20)]
    loud = [suspect(f"developer:{n}", [n, n + 10, n + 20], active=lockstep) for n in range(2)]
    silent = [
        suspect(f"developer:q{n}", [n + 50, n + 60, n + 70], active=lockstep, evidence=0.0, over=False)
        for n in range(2)
    ]
    assert parties(loud) != []
    assert parties(loud + silent) == parties(loud)
    assert parties(silent) == []


def test_what_a_victim_shares_with_its_thief_joins_nobody():
    # its own application, of one key, alerted for whatever reason
    thief = suspect("origin:ip:1|tls:popular", range(40))
    victims = [suspect(f"developer:shop{n}", [n]) for n in range(3)]
    homes = [suspect(f"origin:ip:7.{n}|tls:popular", [n]) for n in range(3)]
    assert parties([thief, *victims, *homes]) == []


def test_shared_keys_join_no_hands_that_are_two():
    def keys_of(one, other, **differing):
        a = suspect(one, range(30))
        return parties([a, suspect(other, range(30), **differing)])

    here = "origin:ip:198.51.100.7|tls:popular"
    assert keys_of(here, "origin:ip:203.0.113.9|tls:popular") != []  # one client on another network
    assert keys_of(here, "origin:ip:198.51.100.9|tls:rare") != []  # another client on one network
    assert keys_of(here, "origin:ip:203.0.113.9|tls:rare") == []  # a tool, and the books of its clients
    assert keys_of(here, "origin:ip:203.0.113.9|tls:popular", foreign=0.9) == []  # its thief


def test_a_home_of_two_keys_is_joined_by_them_with_nobody_but_where_they_are_foreign_to_both():
    homes = [f"origin:ip:7.0.{n}.1|tls:popular" for n in range(3)]
    assert parties([suspect(name, range(2)) for name in homes]) == []
    assert parties([suspect(name, range(2), foreign=1.0) for name in homes]) == [homes]


def test_a_console_is_not_the_party_of_those_who_use_it():
    console = suspect("developer:console", range(900))
    insiders = [suspect(f"origin:ip:10.0.0.{n}|tls:popular", range(60 * n, 60 * n + 60)) for n in range(2)]
    assert parties([console, *insiders]) == []


def test_tenants_of_a_shared_address_are_not_one_party():
    # two who pool among twenty: the address is alerted on, but they fill a third of it
    tenants = [suspect(f"developer:app{n}", range(20 * n, 20 * n + 20)) for n in range(2)]
    address = suspect("origin:ip:1|tls:popular", [*range(40), *range(1_000, 1_080)])
    assert parties([*tenants, address]) == []


def test_a_fingerprint_joins_only_where_it_is_rare_and_of_suspects():
    def two(client):
        return [suspect(f"origin:ip:{n}|{client}", [f"{client}{n}{k}" for k in range(9)]) for n in range(2)]

    assert parties(two("tls:popular")) == []
    assert len(parties(two("tls:own"))) == 1
    assert parties(two("tls:rare")) == []  # six have it, two of them suspects
    assert parties([suspect(f"origin:ip:{n}|ua:own", [n]) for n in range(2)]) == []  # the caller's word
    small = Common([census(HOUR_0, 1_500, {"tls:popular": 250, "tls:few": 2}, origins=900)])
    crowd = [suspect(f"origin:ip:{n}|tls:own", [n]) for n in range(9)]
    crowd += [suspect(f"origin:ip:7.{n}|tls:popular", [f"p{n}"]) for n in range(9)]
    crowd += [suspect(f"origin:ip:8.{n}|tls:few", [f"f{n}"]) for n in range(2)]
    assert parties(crowd, small) == [sorted(s.entity for s in crowd[:9])]  # two may have it by accident


def test_a_hundred_places_of_one_party_do_not_make_its_client_rare():
    market = Common([census(HOUR_0, 1_500, {"tls:popular": 120}, origins=900)])
    rotating = [suspect(f"origin:ip:5.{n}|tls:popular", range(6)) for n in range(100)]
    strangers = [suspect(f"origin:ip:6.{n}|tls:popular", range(90 * n, 90 * n + 9)) for n in range(1, 4)]
    assert parties([*rotating, *strangers], market) == [sorted(s.entity for s in rotating)]


def test_places_away_from_home_are_none_of_those_at_home_that_make_a_client_common():
    market = Common([census(HOUR_0, 1_500, {"tls:popular": 36}, origins=600)])
    proxies = [suspect(f"origin:ip:5.{n}|tls:popular", [n % 12], foreign=1.0) for n in range(80)]
    tools = [suspect(f"origin:ip:6.{n}|tls:popular", range(90 * n, 90 * n + 9)) for n in range(1, 3)]
    assert not any("origin:ip:6." in name for party in parties([*proxies, *tools], market) for name in party)


def test_a_fingerprint_joins_no_home_of_keys_with_places_that_are_foreign_to_theirs():
    homes = [suspect(f"origin:ip:{n}|tls:own", [n], foreign=1.0) for n in range(9)]
    exits = [suspect(f"origin:ip:9.{n}|tls:own", range(90 + 9 * n, 99 + 9 * n)) for n in range(2)]
    joined = [sorted(s.entity for s in side) for side in (homes, exits)]
    assert sorted(parties([*homes, *exits])) == sorted(joined)


def test_a_client_that_uses_a_key_from_one_foreign_place_after_the_other_is_one_party():
    def home(n, key, client="tls:popular", foreign=1.0):
        return suspect(f"origin:ip:{n}.0.0.1|{client}", [key], foreign=foreign)

    moving = [home(n, "stolen") for n in range(1, 4)]
    assert parties(moving) == [sorted(s.entity for s in moving)]
    assert parties([home(1, "stolen"), home(2, "another")]) == []
    assert parties([home(1, "stolen"), home(2, "stolen", "tls:other")]) == []  # another thief, or the owner
    assert parties([home(n, "own", foreign=0.0) for n in (1, 2)]) == []  # an owner's two homes


def visits(rng, rate, hours=20):
    """Minutes of visits of 1 to 4 minutes, at random times of a working day."""
    begins = np.flatnonzero(rng.random(60 * hours) < rate)
    return [HOUR_0 - 60 * hours + b + k for b in begins for k in range(int(rng.integers(1, 5)))]


def test_keys_used_together_in_turn_or_after_a_refusal_are_of_one_hand():
    rng = np.random.default_rng(3)
    led = visits(rng, 0.04)
    other = {m for m in led if m - 1 not in led}
    turn = {m + 1 for m in led if m + 1 not in led}
    for following, throttled, word in (
        (other, (), "within the same minute"),
        (turn, (), "fell silent"),
        ({m + 5 for m in led[::4]}, [m + 4 for m in led[::4]], "refused"),
    ):
        a = suspect("developer:a", range(9), active=led, throttled=throttled)
        b = suspect("developer:b", range(20, 29), active=following)
        (link,) = find([a, b], MARKET)
        assert word in link.text
        assert link.chance < 1e-3


def test_a_common_timetable_proves_nothing():
    cron = [HOUR_0 - 60 * h + m for h in range(20) for m in range(0, 60, 10)]
    suspects = [suspect(f"developer:{n}", [n], active=cron) for n in range(9)]
    hourly = [HOUR_0 - 60 * h for h in range(20)]
    suspects += [suspect(f"developer:h{n}", [f"h{n}"], active=hourly) for n in range(9)]
    assert parties(suspects) == []


def test_false_links_stay_at_the_stated_rate_where_nobody_belongs_together():
    """Independent suspects: keys of large sellers likelier, one working day, timetables, common clients."""
    rng, wrong, markets = np.random.default_rng(1), 0, 40
    sizes = rng.lognormal(0, 1.0, 6_000) ** 0.4
    for _ in range(markets):
        suspects = []
        for n in range(30):
            count = int(rng.integers(1, 60))
            keys = rng.choice(6_000, count, replace=False, p=sizes / sizes.sum())
            active = visits(rng, rng.uniform(0.01, 0.2), hours=int(rng.integers(8, 20)))
            if n % 4 == 0:
                active = [HOUR_0 - 5 * m for m in range(200)]
            client = "tls:popular" if rng.random() < 0.5 else f"tls:{n}"
            kind = "origin" if n % 2 else "developer"
            name = f"origin:ip:{n}|{client}" if n % 2 else f"{kind}:{n}"
            suspects.append(suspect(name, keys, active=active, throttled=active[::7]))
        wrong += any(link.chance > 0 for link in find(suspects, MARKET))
    # The rate of markets with any false link is the false discovery rate, as no link is true.
    assert wrong <= stats.binom.ppf(0.999, markets, FALSE_LINKS)


def test_known_strangers_are_kept_apart_by_leaving_out_the_weakest_link():
    # a - b - c - d, where a and d are known to be apart
    links = [Link(1e-9, "a", "b", ""), Link(1e-4, "b", "c", ""), Link(1e-7, "c", "d", "")]
    assert sorted(components("abcd", links)) == [["a", "b", "c", "d"]]
    assert sorted(components("abcd", links, frozenset({("a", "d")}))) == [["a", "b"], ["c", "d"]]


def test_a_large_suspects_sample_of_keys_tells_the_overlap():
    large = suspect("origin:ip:1|tls:popular", range(5_000))
    part = suspect("origin:ip:2|tls:popular", range(2_000, 2_600))
    market = Common([census(HOUR_0, 100_000)])
    (link,) = find([large, part], market)
    seen = int(link.text.split(" of the")[0].replace(",", ""))
    assert 400 < seen < 850  # of 600
    assert find([large, suspect("origin:ip:3|tls:popular", range(90_000, 90_600))], market) == []
