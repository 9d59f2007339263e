"""The alert page and its API: alerts from the Redis feed as JSON and server-sent events. Decides nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Header, HTTPException, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from models.alerts.alerts import SEVERITIES
from models.errors import ConfigError, PoolwatchError
from models.scoring.advice import advice
from models.scoring.rules import Rule
from streams.page.guard import Guard
from streams.redis.feed import Back, Cut, Entry, Feed, Head, Lost, position
from streams.telemetry import metrics
from streams.times import time_ms

STATIC = Path(__file__).parent / "static"
LISTENERS_MOST = 64
PAGE_MOST = 500
PING_S = 10
RETRY_MS = 1_000
#: A worker says every few seconds that it runs (streams.worker); some may be lost while Redis is slow.
WORKER_SILENT_MS = 20_000


class LiveFeed(EventSourceResponse):
    """A feed that stays open, refused where LISTENERS_MOST are open already; counted while it is answered."""

    listening = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if LiveFeed.listening >= LISTENERS_MOST:
            text = f"{LISTENERS_MOST} live feeds are open already"
            return await JSONResponse({"detail": text}, 503, {"Retry-After": "5"})(scope, receive, send)
        try:
            self._count(1)
            await super().__call__(scope, receive, send)
        finally:
            self._count(-1)

    @staticmethod
    def _count(more: int) -> None:
        LiveFeed.listening += more
        metrics.LISTENERS.set(LiveFeed.listening)


def create_app(feed: Feed, rules: Sequence[Rule] = (), hosts: Iterable[str] = ()) -> FastAPI:
    """The application. `hosts`: the names it answers to; empty = any."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await feed.close()

    app = FastAPI(title="poolwatch", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard, hosts=hosts)
    _add_alerts(app, feed)
    _add_stream(app, feed)
    _add_rest(app, feed, rules)
    for route in app.routes:
        for status in ("200", "503"):
            metrics.REQUESTS.labels(getattr(route, "path", "other"), status)  # at 0 until one is answered
    return app


def _add_alerts(app: FastAPI, feed: Feed) -> None:
    @app.exception_handler(RedisError)
    async def away(_: object, error: Exception) -> Response:
        metrics.ERRORS.labels("redis").inc()
        return JSONResponse({"detail": f"redis {feed.url}: {error}"}, 503, {"Retry-After": "2"})

    @app.exception_handler(RequestValidationError)
    async def wrong(_: object, error: RequestValidationError) -> Response:
        said = (f"{one['loc'][1]}: {one['msg']}" for one in error.errors())
        return JSONResponse({"detail": "; ".join(said)}, 422)

    @app.get("/api/alerts")
    async def alerts(
        severity: Annotated[list[Literal["low", "medium", "high", "critical"]] | None, Query()] = None,
        kind: Literal["developer", "origin", "actor"] | None = None,
        case: str | None = None,
        since: str = "0",
        skip: Annotated[int, Query(ge=0, le=100_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 50,
        replaced: bool = False,
    ) -> Response:
        """Newest version of each alert, last seen first. `position`: where the live feed goes on.

        `replaced`: also those that count no longer, as another stands for them or they were withdrawn.
        """
        severities = frozenset(severity or SEVERITIES)

        def wanted(head: Head) -> bool:
            fits = head.severity in severities and kind in (None, head.entity_kind)
            return fits and case in (None, head.case) and (replaced or head.stands)

        try:
            since_ms = time_ms(since.replace(" ", "+"), "since")  # an unescaped + of a query
        except ConfigError as error:
            raise HTTPException(422, str(error)) from None
        place = await feed.end()  # first: what comes between is told twice, never lost
        found = await feed.latest(wanted, since_ms=since_ms, skip=skip, limit=limit + 1)
        more = skip + limit if len(found) > limit else None
        body = b'{"position":%b,"next":%b,"alerts":[%b]}' % (
            msgspec.json.encode(place),
            msgspec.json.encode(more),
            b",".join(found[:limit]),
        )
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    @app.get("/api/alerts/{alert_id}")
    async def alert(alert_id: str) -> Response:
        """Newest version of one alert."""
        raw = await feed.alert(alert_id)
        if raw is None:
            raise HTTPException(404, "no such alert is kept")
        return Response(raw, media_type="application/json", headers={"Cache-Control": "no-store"})


def _add_stream(app: FastAPI, feed: Feed) -> None:
    async def events(after: str) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="poolwatch alerts", retry=RETRY_MS)
        async for thing in feed.follow(after):
            yield _event(thing)

    @app.get("/api/stream")
    async def stream(after: str = "$", last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Server-sent events: `alert` (its id: the position), `lost` and `back` (Redis), `cut`, `ping`.

        Begins after `Last-Event-ID`, else after `after`: 0, $ (only what comes) or a position.
        """
        try:
            place = position(last_event_id or after)
        except ConfigError as error:
            raise HTTPException(422, str(error)) from None
        return LiveFeed(
            events(place),
            ping=PING_S,
            ping_message_factory=lambda: ServerSentEvent("1", event="ping"),
            send_timeout=30,  # a reader that takes nothing is let go; it comes back with its Last-Event-ID
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _event(thing: Entry | Lost | Back | Cut) -> ServerSentEvent:
    match thing:
        case Entry(id=place, raw=raw):
            metrics.FEED_SENT.inc()
            return ServerSentEvent(raw.decode(), event="alert", id=place)
        case Lost(reason=reason):
            metrics.ERRORS.labels("redis").inc()
            return ServerSentEvent(reason, event="lost")
        case Back():
            return ServerSentEvent("1", event="back")
        case Cut():
            return ServerSentEvent("1", event="cut")


def _add_rest(app: FastAPI, feed: Feed, rules: Sequence[Rule]) -> None:
    texts = {rule: dataclasses.asdict(said) for rule, said in advice(rules).items()}

    @app.get("/api/rules")
    async def rule_texts() -> Response:
        """Why each rule exists and what to do when it fires."""
        return JSONResponse(texts)

    @app.get("/api/worker")
    async def worker() -> Response:
        """`heard`: when a worker last said that it runs (ms; null = never). `runs`: that was just now."""
        heard, now = await feed.heard()
        runs = heard is not None and now - heard < WORKER_SILENT_MS
        return JSONResponse({"runs": runs, "heard": heard}, headers={"Cache-Control": "no-store"})

    @app.get("/healthz")
    async def health() -> Response:
        """200 while Redis answers, else 503."""
        try:
            async with asyncio.timeout(3):
                await feed.check()
        except (PoolwatchError, TimeoutError) as error:
            return JSONResponse({"redis": str(error) or "no answer within 3 s"}, 503)
        return JSONResponse({"redis": "ok"})

    @app.get("/metrics")
    async def measured() -> Response:
        return Response(generate_latest(metrics.REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", StaticFiles(directory=STATIC))
