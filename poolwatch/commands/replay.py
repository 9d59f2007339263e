"""`poolwatch replay`: options in; poolwatch.replay, its summary on standard output."""

from __future__ import annotations

import msgspec
import typer

from models.errors import ConfigError
from poolwatch import options


def command(
    context: typer.Context,
    inputs: list[str] = options.INPUTS,
    model: str = options.setting("model"),
    rules: str = options.setting("rules"),
    operations: str = options.setting("operations"),
    apart: str = options.setting("apart"),
    from_: str = options.FROM,
    until: str = options.UNTIL,
    form: str = options.FORMAT,
    mapping: str = options.MAPPING,
    alerts: str = typer.Option(None, metavar="FILE.jsonl", help="Where to put the alerts"),
    scores: str = typer.Option(None, metavar="FILE.parquet", help="Where to put a row per entity and minute"),
    keys: str = typer.Option(
        None, metavar="FILE.jsonl", help="Where to put whether a key's owner calls, per entity and key"
    ),
    dead_letters: str = options.DEAD_LETTERS,
    candidate: str = typer.Option(None, metavar="MODEL", help="A second model: what would it have changed?"),
    labels: str = typer.Option(None, metavar="FILE.jsonl", help="Who pools and who does not: adds figures"),
    report: str = typer.Option(None, metavar="FILE.html", help="Where to put a report to look at"),
    ledger: str = options.setting("ledger"),
    ledger_days: int = options.setting("ledger_days"),
    partitions: int = typer.Option(
        None, min=1, help="Partitions to run as; with --state, as many as the topics have"
    ),
    state: str = typer.Option(
        None, metavar="redis://...", help="Leave the state there, so that workers of --broker start warm"
    ),
    publish: bool = typer.Option(
        False, help="With --state: tell the alerts to their topic and the feed, as workers would have"
    ),
    broker: str = options.setting("broker"),
    prefix: str = options.setting("prefix"),
    as_json: bool = options.JSON,
) -> None:
    """Run history through the very code that runs live."""
    settings = options.settings(context, redis=state)
    from poolwatch.replay.replay import Request
    from poolwatch.replay.view import show
    from poolwatch.report.replay import Wanted, replay_and_judge

    request = Request(
        inputs=inputs,
        settings=settings,
        form=form,
        mapping=mapping,
        from_ms=options.time_ms(from_, "--from"),
        until_ms=options.time_ms(until, "--until"),
        alerts=alerts,
        scores=scores,
        keys=keys,
        dead_letters=dead_letters,
        candidate=candidate,
        goes_on=bool(state),
    )
    if publish and not state:
        raise ConfigError("--publish: give --state redis://... too")
    if state:
        from poolwatch.replay.handover import check, hand_over, tell

        check(settings)
    replayed = replay_and_judge(request, Wanted(labels, report))
    if state:
        hand_over(replayed.pipeline, settings, replayed.next_offsets)
    if publish:
        tell([(alert["alert_id"], msgspec.json.encode(alert)) for alert in replayed.alerts], settings)
    show(replayed.summary, replayed.alerts, as_json)
    if not replayed.summary["accepted"]:
        raise typer.Exit(1)
