"""`poolwatch feed`: alerts from the Redis feed to a terminal or, as JSON lines, to a pipe."""

from __future__ import annotations

import asyncio
import sys

from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.alerts import cases
from models.errors import PoolwatchError
from poolwatch import words
from streams.redis.feed import Back, Cut, Entry, Feed, Lost, order, position

#: How many past alerts a feed that is given no position begins with.
RECENT = 10


def follow(
    redis: str, prefix: str = "", after: str | None = None, *, as_json: bool = False, once: bool = False
) -> None:
    """Show alerts after a position (0, $, an id; None = the newest few), then each as it comes, until Ctrl-C.

    once     end when what is there has been shown
    raises   ConfigError: no such position; PoolwatchError: Redis does not answer at the start
    """
    start = None if after is None else position(after)
    asyncio.run(_follow(redis, prefix, start, _Lines() if as_json else _Rows(), once))


async def _follow(redis: str, prefix: str, after: str | None, out: _Lines | _Rows, once: bool) -> None:
    feed = Feed(redis, prefix)
    try:
        await feed.check()
        end = await feed.end()
        start = after if after is not None else await feed.recent(RECENT)
        if once and (start == "$" or order(start) >= order(end)):
            return
        async for thing in feed.follow(start):
            match thing:
                case Entry():
                    out.show(thing)
                    if once and order(thing.id) >= order(end):
                        return
                case Lost(reason=reason):
                    _say(f"{reason}; trying again")
                case Back():
                    _say("the feed is back")
                case Cut():
                    _say(f"entries after {start} are gone; what is left follows")
    except RedisError as error:
        raise PoolwatchError(f"redis {feed.url}: {error}") from None
    finally:
        await feed.close()


def _say(text: str) -> None:
    print(f"poolwatch: {text}", file=sys.stderr, flush=True)


class _Lines:
    """One JSON object a line: the alert, and `feed_id`, from where `--from` goes on."""

    def show(self, entry: Entry) -> None:
        sys.stdout.buffer.write(entry.raw.rstrip()[:-1] + b',"feed_id":"%b"}\n' % entry.id.encode())
        sys.stdout.buffer.flush()


class _Rows:
    """A table that grows; plain lines where the output is no terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._begun = False

    def show(self, entry: Entry) -> None:
        alert = entry.alert()
        if not self._console.is_terminal:
            print(words.line(alert), flush=True)
            return
        if not self._begun:
            self._console.print(
                self._row("time (UTC)", Text("severity"), "who", Text("what", "bold"), "bold")
            )
            self._begun = True
        stands, later = cases.stands(alert), words.update(alert)
        what = Text() if later else Text(words.gist(alert))
        what.append(later, "dim")
        what.append(f"\n{words.stakes(alert)}" if stands else "", "dim")
        who = f"{alert['entity_kind']}\n{words.plain(alert['entity_id'])}"
        self._console.print(self._row(words.clock(alert["time"]), words.severity(alert), who, what))

    def _row(self, when: str, severity: Text, who: str, what: Text, style: str = "") -> Table:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=12)
        table.add_column(width=10)
        table.add_column(ratio=2, overflow="fold")
        table.add_column(ratio=5)
        table.add_row(Text(when, style), severity, Text(who, style), what)
        return table
