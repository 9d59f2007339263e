"""`poolwatch serve`: alert page, API and live feed of one Redis."""

from __future__ import annotations

import sys

import typer

from poolwatch import options


def command(
    context: typer.Context,
    redis: str = options.setting("redis"),
    host: str = options.setting("host"),
    port: int = options.setting("port"),
    rules: str = options.setting("rules"),
    prefix: str = options.setting("prefix"),
) -> None:
    """Show the alerts on a page, as JSON and as server-sent events."""
    settings = options.settings(context)
    import asyncio

    from models.scoring.rules import RuleSet
    from streams.page.server import WebServer
    from streams.redis.feed import Feed

    async def check() -> None:
        feed = Feed(settings.redis, settings.prefix)
        try:
            await feed.check()
        finally:
            await feed.close()

    asyncio.run(check())
    texts = RuleSet.load(settings.rules).rules
    server = WebServer(
        settings.redis, prefix=settings.prefix, host=settings.host, port=settings.port, rules=texts
    )
    print(f"poolwatch: alerts at {server.url} (Ctrl-C ends)", file=sys.stderr)
    server.run()
