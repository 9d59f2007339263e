"""The alert page in Chromium: what comes is shown, a lost link is said and resumed, ids are harmless."""

import re
import signal
import time

import pytest
from redis.asyncio import Redis

from streams.page import api
from streams.page.server import WebServer
from streams.redis import feed_writer
from streams.redis.feed import LATEST_ALERTS
from streams.telemetry import metrics
from tests.streams.browser import Browser
from tests.streams.redis.test_feed import KEYS, one_redis, run, server, tell
from tests.streams.sample import alert, raw

pytestmark = [pytest.mark.browser, pytest.mark.redis]
__all__ = ["one_redis", "server"]

STATE = "return document.getElementById('link').dataset.state"
LIVE = f"{STATE} === 'live'"
#: The link is up, whether or not a worker has been heard of lately.
UP = "return ['live', 'idle'].includes(document.getElementById('link').dataset.state)"
TEXT = "return document.body.innerText"
EACH_ALERT = """
const view = document.getElementById('view');
view.value = 'alert';
view.dispatchEvent(new Event('input'));
"""
IDS = "return [...document.querySelectorAll('#list li')].map((item) => item.dataset.id)"
#: whether those alerts are listed, in that order
LISTED = IDS.replace("return ", "return JSON.stringify(") + ") === JSON.stringify(arguments[0])"
#: Requests are given up after a second; how many live feeds the page ever opened.
QUICK_AND_COUNTED = """
const real = AbortSignal.timeout;
AbortSignal.timeout = (ms) => real.call(AbortSignal, ms / 20);
window.feeds = 0;
window.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    window.feeds += 1;
  }
};
"""
LEAN = {"seller_ids": [], "key_ids": []}
EVIL = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>\u202eabc\x1b[2J"


class Rule:
    id, severity, weight, why, do = (
        "reads_without_need",
        "high",
        0.3,
        "Nothing is done.",
        "Suspend the keys.\nAsk the sellers.",
    )


class Heavier(Rule):
    id, weight, do = "heavier", 0.8, "Revoke the keys."


class Mild(Rule):
    id, severity, weight, do = "a_mild_one", "low", 0.9, "Have a look."


@pytest.fixture
def web(server):
    made = WebServer(server.url, prefix="test", rules=[Rule, Heavier, Mild])
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def page(server, web, browser):
    browser.go("about:blank")  # the page of the test before would go on asking for a server that has ended
    browser.complaints()
    run(tell(server, raw(1), raw(2), raw(3)))
    run(beat(server))
    browser.go(web.url)
    browser.wait(LIVE)
    browser.run(EACH_ALERT)
    browser.wait("return document.querySelectorAll('#list li').length === 3")
    return browser


async def beat(server):
    """As a worker that runs."""
    async with Redis.from_url(server.url) as redis:
        await feed_writer.beat(redis, KEYS)


async def clear(server):
    """No alert any more."""
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()


async def silence(server, seconds):
    """The last worker was heard of so long ago; None = never."""
    async with Redis.from_url(server.url) as redis:
        if seconds is None:
            return await redis.delete(KEYS.worker)
        return await redis.set(KEYS.worker, int((await redis.time())[0] - seconds) * 1000)


def ids(*numbers):
    return [alert(n)["alert_id"] for n in numbers]


def test_alerts_come_by_themselves_and_a_later_version_replaces(server, page):
    assert page.run(IDS) == ids(3, 2, 1)
    run(tell(server, raw(4), raw(2, 2, severity="low", sellers=93)))
    page.wait("return document.querySelectorAll('#list li').length === 4")
    assert page.run(IDS) == ids(4, 3, 2, 1)
    page.wait("return document.querySelectorAll('#list li')[2].innerText.includes('93 sellers')")
    assert page.run("return document.querySelectorAll('#list li')[2].innerText").startswith("Low")
    assert "New high alert" in page.run("return document.getElementById('news').textContent")
    assert page.complaints() == []


def test_one_alert_says_why_what_is_at_stake_and_what_to_do(page):
    page.run("document.querySelector('#list a').click()")
    text = page.wait("const h = document.querySelector('#detail h2'); return h && h.parentElement.innerText")
    for shown in (
        alert(3)["entity_id"],
        "99.9% of developers read that of at most 14",
        "16,204",
        "15,710 to 16,698",
        "Suspend the keys.\nAsk the sellers.",
        "usage-events [3]",
        "81,042 to 99,871",
        "Sellers: 92",
        "e-mail addresses",
        "version 1",
        "40,100\norders read, not acted on\nof 41,210 read",
        "another than its owner uses 2 of 94 keys",
        "key-00000 99%",
        "Probability for each of 1 further key",
    ):
        assert shown in text
    page.run("document.querySelector('details[data-name=sellers]').open = true")
    assert page.run("return document.querySelectorAll('details[data-name=sellers] li').length") == 92


def test_many_reasons_leave_room_for_what_to_do(server, page):
    many = [alert(8)["reasons"][0] | {"text": f"reason {n}"} for n in range(9)]
    run(tell(server, raw(8, reasons=many)))
    page.wait("return document.querySelectorAll('#list li').length === 4")
    page.run("document.querySelector('#list a').click()")
    page.wait("return document.querySelector('[data-name=reasons] summary')?.innerText === '5 more reasons'")
    shown = page.run("return document.getElementById('detail').innerText")
    assert "Reason 3" in shown
    assert "Reason 4" not in shown


@pytest.mark.parametrize("how", [{"superseded_by": alert(3)["alert_id"]}, {"withdrawn": True}])
def test_an_alert_that_counts_no_longer_is_counted_nowhere(server, web, page, how):
    run(tell(server, raw(2, 2, **how)))
    page.wait("return document.querySelectorAll('#list li').length === 2")
    assert page.run(IDS) == ids(3, 1)
    assert page.run("return document.getElementById('tally').innerText").startswith("2 alerts, 2 cases")
    assert page.run("return document.getElementById('severity-critical').innerText") == "Critical 0"
    page.run("document.getElementById('severity-critical').click()")
    page.wait("return document.getElementById('none').innerText.includes('2 alerts hidden by the filter')")
    page.go(f"{web.url}/#/alert/{ids(2)[0]}")
    page.wait("return document.getElementById('detail').innerText.includes('This alert stands no longer')")


def test_one_thing_is_to_be_done_first(server, page):
    rules = ["a_mild_one", "forest", "heavier", "reads_without_need", "unheard_of"]
    run(tell(server, raw(8, rules=rules)))
    page.wait("return document.querySelectorAll('#list li').length === 4")
    page.run("document.querySelector('#list a').click()")
    page.wait("return document.querySelector('[data-name=actions]')")
    actions = "return [...document.querySelectorAll('.action')].map((one) => one.innerText)"
    assert page.run(actions.replace("'.action'", "'.action:not(details *)'")) == [
        "Revoke the keys.\n\nheavier Nothing is done."
    ]
    page.run("document.querySelector('[data-name=actions]').open = true")
    others = page.run(actions.replace("'.action'", "'details .action'"))
    assert [text.partition("\n")[0].partition(" ")[0] for text in others] == [
        "Suspend",
        "Read",
        "Have",
        "unheard_of",
    ]
    summary = page.run("return document.querySelector('[data-name=actions] summary').innerText")
    assert summary == "What the 4 other rules say"


def test_no_worker_is_said_and_one_that_comes_is(server, web, page, monkeypatch):
    """The page promises nothing that it does not know."""
    monkeypatch.setattr(api, "PING_S", 1)  # the page asks at each ping
    watching, waiting = "A worker is watching", "Waiting for a worker"
    run(clear(server))
    run(silence(server, None))
    page.go("about:blank")
    page.go(web.url)
    page.wait(f"{STATE} === 'idle'")
    page.wait(f"{TEXT}.includes('{waiting}')")
    assert "No worker has been heard of yet: nothing is being watched" in page.run(TEXT)
    assert "No worker" in page.run("return document.getElementById('link').innerText")
    run(silence(server, 3_600))
    page.wait(f"{TEXT}.includes('No worker has been heard of since')")
    assert watching not in page.run(TEXT)
    run(beat(server))
    page.wait(LIVE)
    page.wait(f"{TEXT}.includes('{watching}')")
    assert page.run("return document.getElementById('banner').hidden")
    assert page.complaints() == []
    web.close()
    page.wait(f"{STATE} === 'lost'")
    page.wait(f"{TEXT}.includes('Whether there are alerts cannot be told')")
    shown = page.run(TEXT)
    assert "No alerts" not in shown
    assert watching not in shown
    page.go("about:blank")


def test_a_list_says_its_dates_unless_they_are_today(server, page):
    times = "return [...document.querySelectorAll('#list time')].map((one) => one.innerText)"
    assert all(text.startswith("9 Oct 2025, 0") for text in page.run(times)), page.run(times)
    today = int(time.time() * 1000)
    run(tell(server, raw(4, time=today)))
    page.wait("return document.querySelectorAll('#list li').length === 4")
    assert re.fullmatch(r"\d\d:\d\d", page.run(times)[0])


def test_filter_by_severity_kind_and_text(page):
    page.run("document.getElementById('severity-critical').focus()")
    pressed = "return [...document.querySelectorAll('.chip[aria-pressed=true]')].map((one) => one.id)"
    assert page.run(pressed) == []
    page.press("Enter")
    page.wait(LISTED, ids(2))
    assert page.run(pressed) == ["severity-critical"]
    page.run("document.getElementById('severity-low').click()")
    page.wait(LISTED, ids(3))
    assert page.run(pressed) == ["severity-low"]
    page.run("document.getElementById('severity-low').click()")
    page.wait("return document.querySelectorAll('#list li').length === 3")
    assert page.run(pressed) == []
    page.run("document.getElementById('severity-low').blur()")
    page.press("/")
    for letter in "dev-0002":
        page.press(letter)
    page.wait("return document.querySelectorAll('#list li').length === 1")
    assert page.run(IDS) == ids(2)
    for letter in "nobody":
        page.press(letter)
    page.wait("return document.getElementById('none').innerText.includes('Nothing matches')")
    page.run("document.querySelector('#none button').click()")
    page.wait("return document.querySelectorAll('#list li').length === 3")


def test_the_keyboard_is_enough(page):
    page.press("j")
    assert page.run("return document.activeElement.closest('li').dataset.id") == ids(3)[0]
    page.press("j")
    page.wait(
        "return document.querySelector('#detail h2')?.innerText === arguments[0]", alert(2)["entity_id"]
    )
    page.press("k")
    page.wait(
        "return document.querySelector('#detail h2')?.innerText === arguments[0]", alert(3)["entity_id"]
    )
    page.press("Escape")
    page.wait("return location.hash === '#/' && !document.querySelector('#detail h2')")


def test_the_focus_goes_into_the_alert_that_is_chosen_and_back(server, page):
    page.press("j")
    page.press("j")
    page.wait("return document.querySelector('#detail h2')")
    in_list = "return document.activeElement.closest('#list li')?.dataset.id === arguments[0]"
    assert page.run(in_list, ids(2)[0])
    page.press("Enter")
    page.wait("return document.activeElement.id === 'detail'")
    page.press("Tab")
    stop = page.run("return document.activeElement.outerHTML")
    run(tell(server, raw(2, 2, severity="low")))
    page.wait("return document.querySelector('#detail .badge').innerText === 'Low'")
    assert page.run("return document.activeElement.outerHTML") == stop
    page.press("Escape")
    page.wait(in_list, ids(2)[0])


def test_ids_of_callers_are_text_and_nothing_else(server, page):
    run(tell(server, raw(9, entity_id=EVIL, case=EVIL, seller_ids=[EVIL], reasons=[], rules=[EVIL])))
    page.wait("return document.querySelectorAll('#list li').length === 4")
    page.run("document.querySelector('#list a').click()")
    page.wait("return document.querySelector('#detail h2')?.innerText.startsWith('<img src=x')")
    assert page.run("return window.hurt === undefined && !document.querySelector('img[src=x], main script')")
    shown = page.run("return document.body.innerText")
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert page.complaints() == []


def test_the_policy_lets_no_foreign_script_in(page):
    page.run("document.body.append(Object.assign(document.createElement('a'), {id: 'probe'}))")
    with pytest.raises(AssertionError, match="TrustedHTML"):
        page.run("document.getElementById('probe').innerHTML = '<b>x</b>'")
    page.complaints()


def test_a_lost_server_is_said_and_the_page_goes_on_where_it_was(server, web, page):
    # told     3      4        5 3(v2)
    # server   up     down     up
    # page     live   lost     live, each once

    web.close()
    page.wait("return document.getElementById('link').dataset.state === 'lost'")
    assert "connection to poolwatch is lost" in page.run("return document.getElementById('banner').innerText")
    assert "watching" not in page.run(TEXT)
    run(tell(server, raw(4)))
    back = WebServer(server.url, prefix="test", port=web.port, rules=[Rule])
    back.start()
    try:
        page.wait(UP, seconds=60)
        run(tell(server, raw(5), raw(3, 2)))
        page.wait("return document.querySelectorAll('#list li').length === 5")
        assert page.run(IDS) == ids(5, 4, 3, 2, 1)
        assert page.run("return document.getElementById('banner').hidden")
    finally:
        page.go("about:blank")
        back.close()


def test_a_feed_that_was_cut_meanwhile_is_made_good_by_the_list(server, web, page):
    # told     3      4 5 6                6 alone is left in the feed
    # server   up     down     up
    # page     live   lost     no list     live, all of them
    async def cut():
        async with Redis.from_url(server.url) as redis:
            await redis.xtrim(KEYS.stream, maxlen=1, approximate=False)

    web.close()
    page.wait(f"{STATE} === 'lost'")
    run(tell(server, raw(4), raw(5), raw(6)))
    run(cut())
    page.block("*/api/alerts*")
    back = WebServer(server.url, prefix="test", port=web.port)
    back.start()
    try:
        page.wait(f"{TEXT}.includes('Failed to fetch')")
        page.block()
        page.wait(LISTED, ids(6, 5, 4, 3, 2, 1))
    finally:
        page.go("about:blank")
        back.close()


def test_a_server_that_hangs_is_given_up_and_followed_once(server, web, browser):
    # redis     hangs                            goes on
    # page      asks, gives up, asks twice       follows once
    browser.go("about:blank")
    script = browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=QUICK_AND_COUNTED)
    server.process.send_signal(signal.SIGSTOP)
    try:
        browser.go(web.url)
        browser.wait(f"{TEXT}.includes('signal timed out')", seconds=8)
        for _ in range(2):
            browser.run("dispatchEvent(new Event('online'))")
            time.sleep(0.1)
    finally:
        server.process.send_signal(signal.SIGCONT)
        browser.devtools("Page.removeScriptToEvaluateOnNewDocument", **script)
    browser.wait(UP)
    time.sleep(0.3)
    assert browser.run("return window.feeds") == 1
    assert metrics.LISTENERS._value.get() == 1
    browser.go("about:blank")


def test_a_lost_redis_is_said_and_healed(server, page):
    server.kill()
    page.wait("return document.getElementById('link').dataset.state === 'redis'")
    server.start()
    page.wait(UP, seconds=60)
    run(tell(server, raw(6)))
    page.wait("return document.querySelectorAll('#list li').length === 4")
    assert page.run(IDS) == ids(6, 3, 2, 1)


def test_a_thousand_alerts_at_once(server, page):
    begun = time.monotonic()
    run(tell(server, *[raw(n, **LEAN) for n in range(10, 1_010)]))
    page.wait("return document.getElementById('tally').textContent.startsWith('1,003 alerts')", seconds=60)
    assert time.monotonic() - begun < 60
    assert page.run("return document.querySelectorAll('#list li').length") == 200  # the rest on demand
    page.run("document.getElementById('older').click()")
    page.wait("return document.querySelectorAll('#list li').length === 400")


@pytest.mark.parametrize("name", ["nothing", ".", "a%2Fb"])
def test_a_link_to_an_alert_that_is_gone(web, page, name):
    page.go(f"{web.url}/#/alert/{name}")
    page.wait(
        "return document.getElementById('detail').innerText.includes('No such alert is kept, or no longer')"
    )
    assert page.run(IDS) == ids(3, 2, 1)


def test_what_does_not_come_is_said_and_asked_for_again(server, web, page):
    run(tell(server, *[raw(n, **LEAN) for n in range(10, 211)]))
    page.wait("return document.getElementById('tally').textContent.startsWith('204 alerts')")
    page.block("*/api/rules", "*/api/alerts/*")
    page.go("about:blank")
    page.go(f"{web.url}/#/alert/{ids(1)[0]}")  # too old for the first page of the list
    page.wait(f"{TEXT}.includes('The alert did not come (Failed to fetch); it is asked for again.')")
    page.block("*/api/rules")
    page.wait(f"{TEXT}.includes('What to do has not come from the server yet')")
    assert page.run("return document.getElementById('banner').hidden")
    page.block()
    page.wait(f"{TEXT}.includes('Suspend the keys.')")


def test_older_alerts_come_on_demand_and_are_not_counted_before(server, web, page):
    older = "Older alerts are neither counted nor searched until shown."
    run(tell(server, *[raw(n, **LEAN) for n in range(10, 400)]))
    page.go("about:blank")
    page.go(web.url)
    page.run(EACH_ALERT)
    tally = "return document.getElementById('tally').innerText"
    page.wait(f"{tally} === arguments[0]", f"200 alerts, 68 cases. Times are UTC. {older}")
    box = "const box = document.getElementById('search');"
    search = f"{box} box.value = arguments[0]; box.dispatchEvent(new Event('input'))"
    page.run(search, "dev-0002")
    page.wait("return document.getElementById('none').innerText.includes(arguments[0])", older)
    page.run(search, "")
    page.block("*/api/alerts*")
    page.run("document.getElementById('older').click()")
    failed = "return document.getElementById('failed').innerText"
    page.wait(f"{failed} === 'Older alerts did not come (Failed to fetch). Try again.'")
    assert page.run("return document.getElementById('banner').hidden")
    page.block()
    page.run("document.getElementById('older').click()")
    page.wait(f"{tally} === '393 alerts, 133 cases. Times are UTC.'")
    assert page.run("return document.getElementById('failed').hidden")
    page.run(search, "dev-0002")
    page.wait(LISTED, ids(2))


def test_what_the_server_keeps_the_page_holds(server, page):
    """Beyond it the oldest go, so that the list has no hole and an end."""
    last = LATEST_ALERTS + 600
    run(tell(server, *[raw(n, **LEAN) for n in range(10, last + 1)]))
    page.wait("return document.querySelector('#list li').dataset.id === arguments[0]", ids(last)[0])
    tally = page.run("return document.getElementById('tally').textContent")
    assert LATEST_ALERTS <= int(tally.split()[0].replace(",", "")) <= LATEST_ALERTS + 500
    assert tally.endswith(" Times are UTC.")


def test_phone_width_shows_one_thing_at_a_time(server, web):
    run(tell(server, raw(1, entity_id="dev-" + "x" * 300)))
    phone = Browser(390, 844)
    try:
        phone.go(web.url)
        phone.wait("return document.querySelectorAll('#list li').length === 1")
        wide = "return document.documentElement.scrollWidth <= innerWidth"
        assert phone.run(wide)
        phone.run("document.querySelector('#list a').click()")
        phone.wait("return document.querySelector('#detail h2')")
        assert phone.run("return getComputedStyle(document.getElementById('pane')).display") == "none"
        assert phone.run(wide)
        phone.run("document.querySelector('.back').click()")
        phone.wait("return getComputedStyle(document.getElementById('pane')).display !== 'none'")
    finally:
        phone.close()


def test_a_case_is_one_thing(server, page):
    """The alerts of a party are a line, and each tells what they hold together and why it belongs to them."""
    own = {"case": "developer:dev-0006", "seller_ids": ["s1"], "sellers": 1, "key_ids": ["k1"], "keys": 1}
    other = own | {"seller_ids": ["s1", "s2"], "sellers": 2, "key_ids": ["k2"], "developer_ids": ["shop"]}
    run(tell(server, raw(6, **own), raw(7, links=["with developer:dev-0006: <b>as</b> I say"], **other)))
    page.wait("return document.querySelectorAll('#list li').length === 5")
    page.run(EACH_ALERT.replace("'alert'", "'case'"))
    page.wait("return document.querySelectorAll('#list li').length === 3")  # 1 and 2 are a case, 3 another
    shown = page.run("return document.querySelector('#list li').innerText")
    holds = (
        "1 developer, 2 origins, acting as 1 other developer, 2 keys, 2 sellers, at least 15,710 customers"
    )
    assert f"2 alerts of one party: {holds}" in shown
    page.run("document.querySelector('#list a').click()")
    page.wait("return document.querySelector('details[data-name=links]')")
    page.run("document.querySelector('details[data-name=links]').open = true")
    why = f"{alert(7)['entity_id']} with developer:dev-0006: <b>as</b> I say"
    page.wait("return document.getElementById('detail').innerText.includes(arguments[0])", why)
    assert f"2 alerts: {holds}." in page.run("return document.getElementById('detail').innerText")
    assert page.run("return document.querySelectorAll('#detail .siblings li').length") == 1
    run(tell(server, raw(6, 2, **own | {"keys": 700, "sellers": 600, "key_ids": ["k1", "k3"]})))
    later = holds.replace("2 keys, 2 sellers", "at least 700 keys, at least 600 sellers")
    page.wait(
        "return document.getElementById('detail').innerText.includes(arguments[0])", f"2 alerts: {later}."
    )
    assert f"2 alerts of one party: {later}" in page.run(
        "return document.querySelector('#list li').innerText"
    )
    assert page.complaints() == []
