"""The alert server on a real Redis: API, live feed, health, and what it refuses."""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from models.errors import PoolwatchError
from streams.page.api import LISTENERS_MOST, PAGE_MOST, PING_S, WORKER_SILENT_MS, create_app
from streams.page.server import WebServer
from streams.redis import feed_writer
from streams.redis.feed import LATEST_ALERTS, Feed
from tests.streams.redis.test_feed import KEYS, listened, one_redis, run, server, tell
from tests.streams.sample import alert, raw

pytestmark = pytest.mark.redis
__all__ = ["one_redis", "server"]


@pytest.fixture
def web(server):
    made = WebServer(server.url, prefix="test")
    made.start()
    with httpx.Client(base_url=made.url, timeout=30, trust_env=False) as client:
        yield client
    made.close()


def events(client, count, headers=None, after="0", got=None):
    """The first `count` server-sent events, comments and pings left out, as (event, id, data); into `got`."""
    got = [] if got is None else got
    with client.stream("GET", "/api/stream", params={"after": after}, headers=headers or {}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name in ("event", "id", "data"):
                fields[name] = value
            elif not line and fields:
                if fields.get("event") != "ping":
                    got.append((fields["event"], fields.get("id"), fields["data"]))
                fields = {}
                if len(got) == count:
                    return got
    return got


def test_newest_version_of_each_alert_with_filters_and_pages(server, web):
    run(tell(server, *[raw(n) for n in range(10)], raw(3, 5)))
    ids = [one["alert_id"] for one in web.get("/api/alerts").json()["alerts"]]
    assert sorted(ids) == [alert(n)["alert_id"] for n in range(10)]
    found = web.get("/api/alerts", params={"severity": ["low", "high"], "kind": "origin"}).json()["alerts"]
    assert found == [alert(7), alert(3, 5)]
    first = web.get("/api/alerts", params={"limit": 6}).json()
    rest = web.get("/api/alerts", params={"limit": 6, "skip": first["next"]}).json()
    assert [one["alert_id"] for one in first["alerts"] + rest["alerts"]] == ids
    assert rest["next"] is None
    since = web.get("/api/alerts", params={"since": "2025-10-09T09:50:00+00:00"}).json()["alerts"]
    assert {one["alert_id"] for one in since} == {alert(8)["alert_id"], alert(9)["alert_id"]}
    assert web.get(f"/api/alerts/{alert(3)['alert_id']}").json() == alert(3, 5)
    case = web.get("/api/alerts", params={"case": "case-0002"}).json()["alerts"]
    assert len(case) == 3


def test_what_counts_no_longer_is_left_out_unless_asked_for(server, web):
    gone = [raw(2, 2, superseded_by=alert(1)["alert_id"]), raw(3, 2, withdrawn=True)]
    run(tell(server, raw(1), raw(2), raw(3), *gone))
    assert web.get("/api/alerts").json()["alerts"] == [alert(1)]
    assert len(web.get("/api/alerts", params={"replaced": True}).json()["alerts"]) == 3
    assert web.get(f"/api/alerts/{alert(2)['alert_id']}").json()["superseded_by"] == alert(1)["alert_id"]


def test_whether_a_worker_runs_is_told(server, web):
    async def say(ago_ms=0):
        async with Redis.from_url(server.url) as redis:
            await feed_writer.beat(redis, KEYS)
            said = int(await redis.get(KEYS.worker)) - ago_ms
            await redis.set(KEYS.worker, said)
            return said

    assert web.get("/api/worker").json() == {"runs": False, "heard": None}
    said = run(say())
    assert web.get("/api/worker").json() == {"runs": True, "heard": said}
    assert abs(said / 1000 - time.time()) < 60
    said = run(say(WORKER_SILENT_MS))
    assert web.get("/api/worker").json() == {"runs": False, "heard": said}


def test_the_live_feed_resumes_without_losing_or_doubling(server, web):
    # told      1 2 3            4
    # listener  1 2 | away | 3   4
    run(tell(server, raw(1), raw(2), raw(3)))
    first = events(web, 2)
    assert [json.loads(data)["alert_id"] for _, _, data in first] == [
        alert(1)["alert_id"],
        alert(2)["alert_id"],
    ]
    teller = threading.Timer(0.5, lambda: run(tell(server, raw(4))))
    teller.start()
    later = events(web, 2, {"Last-Event-ID": first[-1][1]}, after="$")
    teller.join()
    assert [json.loads(data) for _, _, data in later] == [alert(3), alert(4)]


def test_a_position_from_the_list_continues_there(server, web):
    run(tell(server, raw(1), raw(2)))
    place = web.get("/api/alerts").json()["position"]
    run(tell(server, raw(2, 2)))
    assert [json.loads(data) for _, _, data in events(web, 1, after=place)] == [alert(2, 2)]


def test_a_feed_that_was_cut_says_so(server, web):
    run(tell(server, raw(1)))
    assert events(web, 2, {"Last-Event-ID": "5-0"})[0][0] == "cut"


def until(ready, limit_s=60):
    """Wait for it."""
    end = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_redis_away_is_said_and_healed(server, web):
    assert web.get("/healthz").json() == {"redis": "ok"}
    run(tell(server, raw(1)))
    place = web.get("/api/alerts").json()["position"]
    heard = []
    listener = threading.Thread(target=events, args=(web, 3), kwargs={"after": place, "got": heard})
    listener.start()
    run(listened(server))
    server.kill()
    until(lambda: web.get("/healthz").status_code == 503)
    answer = web.get("/api/alerts")
    assert answer.status_code == 503
    assert "redis" in answer.json()["detail"]
    server.start()
    until(lambda: [name for name, _, _ in heard] == ["lost", "back"])
    run(tell(server, raw(2)))
    listener.join(60)
    assert [name for name, _, _ in heard] == ["lost", "back", "alert"]
    assert web.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/alerts?severity=huge", 422, "severity"),
        ("/api/alerts?kind=seller", 422, "kind: Input should be 'developer', 'origin' or 'actor'"),
        ("/api/alerts?limit=0&skip=x", 422, "limit"),
        ("/api/alerts?since=yesterday", 422, "since"),
        ("/api/alerts/none", 404, "no such alert"),
        ("/api/stream?after=now", 422, "feed position"),
        ("/docs", 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_named(web, path, status, says):
    answer = web.get(path)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/static/%2e%2e/api.py", "/static/..%2fapi.py", "/static/../api.py"])
def test_nothing_but_the_static_files_is_served(web, path):
    with socket.create_connection((web.base_url.host, web.base_url.port)) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"import" not in answer


def test_so_many_live_feeds_are_open_at_most(web):
    with contextlib.ExitStack() as feeds:
        opened = [feeds.enter_context(web.stream("GET", "/api/stream")) for _ in range(LISTENERS_MOST)]
        lines = [feed.iter_lines() for feed in opened]
        assert all(next(line) for line in lines)
        with web.stream("GET", "/api/stream") as refused:
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert refused.read() == b'{"detail":"%d live feeds are open already"}' % LISTENERS_MOST
        opened[0].close()

        def there_is_room():
            with web.stream("GET", "/api/stream") as feed:
                return feed.status_code == 200

        until(there_is_room)


def test_feeds_that_come_at_once_do_not_pass_the_limit(web):
    answered = asyncio.Barrier(LISTENERS_MOST + 20)

    async def ask(client):
        async with client.stream("GET", "/api/stream") as answer:
            await answered.wait()  # open while the others ask
            return answer.status_code

    async def ask_together():
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=web.base_url, timeout=30, trust_env=False, limits=limits
        ) as client:
            return await asyncio.gather(*(ask(client) for _ in range(answered.parties)))

    assert sorted(asyncio.run(ask_together())) == [200] * LISTENERS_MOST + [503] * 20


def test_the_api_is_documented():
    told = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    for path, methods in create_app(Feed("redis://127.0.0.1:1/0")).openapi()["paths"].items():
        names = {parameter["name"] for parameter in methods["get"].get("parameters", ())}
        for name in (path, *names):
            assert name.lower() in re.findall(r"`([^`]+)`", told.lower()) or name == "alert_id", name
    for limit in (LATEST_ALERTS, PAGE_MOST, LISTENERS_MOST, PING_S, WORKER_SILENT_MS // 1000):
        assert re.search(rf"\b{limit:,}\b", told), limit


def test_every_answer_carries_the_security_headers(web):
    for path in ("/", "/static/app.js", "/api/alerts", "/nothing", "/metrics"):
        headers = web.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_foreign_name_for_this_machine_is_refused(web):
    assert web.get("/api/alerts", headers={"Host": "evil.example"}).status_code == 421
    assert web.get("/api/alerts", headers={"Host": "localhost:1"}).status_code == 200
    assert web.get("/api/alerts", headers={"Host": "[::1]:1"}).status_code == 200


def test_metrics_are_served(web):
    web.get("/api/alerts")
    text = web.get("/metrics").text
    assert 'poolwatch_http_requests_total{route="/static",status="503"} 0.0' in text
    assert 'poolwatch_http_requests_total{route="/api/alerts",status="200"}' in text
    assert "poolwatch_feed_listeners" in text


@pytest.mark.slow
def test_closing_ends_open_feeds_soon(server):
    made = WebServer(server.url, prefix="test")
    made.start()
    with httpx.Client(base_url=made.url, timeout=30, trust_env=False) as client:
        listener = threading.Thread(target=lambda: _until_cut(client))
        listener.start()
        run(listened(server))
        begun = time.monotonic()
        made.close()
        assert time.monotonic() - begun < 10
        listener.join()


def _until_cut(client):
    with contextlib.suppress(httpx.TransportError), client.stream("GET", "/api/stream") as answer:
        for _ in answer.iter_raw():
            pass


def test_a_taken_port_is_one_clear_line(server):
    made = WebServer(server.url)
    with pytest.raises(PoolwatchError, match="--port"):
        WebServer(server.url, port=made.port)
    made.close()


@pytest.mark.slow
def test_a_feed_that_is_open_at_the_end_is_cut_off_without_a_word(server, capfd):
    made = WebServer(server.url, prefix="test")
    made.start()
    with (
        httpx.Client(base_url=made.url, timeout=30, trust_env=False) as client,
        client.stream("GET", "/api/stream") as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        made.close()
        with contextlib.suppress(httpx.RemoteProtocolError):
            assert not any(line.startswith("data: {") for line in lines)
    told = capfd.readouterr()
    assert "ERROR" not in told.err + told.out
    assert "Traceback" not in told.err + told.out
