"""`poolwatch worker`: live detection; many of them share the partitions."""

from __future__ import annotations

import typer

from poolwatch import options


def command(
    context: typer.Context,
    broker: str = options.setting("broker"),
    redis: str = options.setting("redis"),
    model: str = options.setting("model"),
    rules: str = options.setting("rules"),
    operations: str = options.setting("operations"),
    apart: str = options.setting("apart"),
    prefix: str = options.setting("prefix"),
    partitions: int = options.setting("partitions"),
    snapshot_s: float = options.setting("snapshot_s"),
    idle_s: float = options.setting("idle_s"),
    metrics_port: int = options.setting("metrics_port"),
    ledger: str = options.setting("ledger"),
    ledger_days: int = options.setting("ledger_days"),
) -> None:
    """Detect live: usage events in, alerts out."""
    settings = options.settings(context)
    import asyncio
    import logging
    import signal

    from streams.worker import worker

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await worker.run(settings, stop)

    asyncio.run(run())
