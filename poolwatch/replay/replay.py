"""History in; alerts, scores, dead letters, a summary out, by the code that runs live. Touches files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from models.actors import apart
from models.alerts.alerts import case_of
from models.decode.decode import Decoder
from models.errors import PoolwatchError
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.scoring.score_rows import ScoreRows
from poolwatch.progress import Bar
from poolwatch.replay.evidence_index import EvidenceIndex
from poolwatch.replay.pipeline import Pipeline, Stepped
from poolwatch.replay.summary import summary_of
from poolwatch.words import plain
from streams.files import ledger as ledger_files
from streams.files.alerts import LastAlerts, lines_file
from streams.files.scores import scores_file
from streams.inputs.forms import adapter
from streams.inputs.merge import Merged, gathered
from streams.inputs.sources import open_history
from streams.settings import Settings

STEP_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """What to replay and where to put what comes out; None = not asked for.

    settings  partitions, model, rules, operations, apart, ledger, as of a worker
    goes_on   a worker goes on with the state: the last minutes are left open for what is still to come
    """

    inputs: list[str]
    settings: Settings = field(default_factory=Settings)
    form: str | None = None
    mapping: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    alerts: str | None = None
    scores: str | None = None
    keys: str | None = None
    dead_letters: str | None = None
    candidate: str | None = None
    candidate_scores: str | None = None
    goes_on: bool = False


@dataclass(slots=True)
class Replayed:
    """What a replay found.

    summary       as `--json` prints it
    candidate     the other model's alerts
    next_offsets  (broker, topic, partition) -> offset after what was read of Kafka
    """

    summary: dict[str, Any]
    alerts: list[dict[str, Any]]
    pipeline: Pipeline
    candidate: list[dict[str, Any]] | None = None
    next_offsets: dict[tuple[str, str, int], int] = field(default_factory=dict)


def replay(request: Request) -> Replayed:
    """Run the history through fold and detect. PoolwatchError, ConfigError: one clear line."""
    return Run(request).run()


class Run:
    """One reading of a history, to its end once.

    scores  make score rows, whether they are kept or not
    model   in place of the settings' model
    """

    def __init__(self, request: Request, scores: bool = False, model: Model | None = None) -> None:
        self.request, self.begun = request, time.perf_counter()
        settings = request.settings
        operations = Operations.load(settings.operations)
        self.rules = RuleSet.load(settings.rules)
        self.models = [model or Model.load(settings.model)]
        if request.candidate:
            self.models.append(Model.load(request.candidate))
        self.apart = apart.load(settings.apart)
        self.pipeline = Pipeline(
            settings.partitions,
            operations,
            self.rules,
            self.models,
            scores or request.scores is not None,
            bool(settings.ledger),
            self.apart,
        )
        self.history = open_history(
            request.inputs,
            Decoder(operations),
            adapter(request.form, request.mapping),
            request.from_ms,
            request.until_ms,
            lambda name: print(f"poolwatch: {name}: skipped, none of the kinds of input", file=sys.stderr),
        )
        self.evidence = EvidenceIndex(self.history.places, settings.partitions)
        self.last = [LastAlerts() for _ in self.models]
        self.rejected: Counter[str] = Counter()
        self.add_scores: list[Callable[[ScoreRows], None] | None] = []
        self.add_dead: Callable[[Sequence[Any]], None] | None = None
        self.read = 0
        self.position: dict[int, int] = {}

    def run(self) -> Replayed:
        wish = self.request
        with contextlib.ExitStack() as stack:
            add_alerts = stack.enter_context(lines_file(wish.alerts)) if wish.alerts else None
            for path in (wish.scores, wish.candidate_scores)[: len(self.models)]:
                self.add_scores.append(stack.enter_context(scores_file(path)) if path else None)
            self._keep_letters(stack)
            for stepped in self._steps("replay"):
                self._keep(stepped)
            alerts = self._told(self.last[0])
            self._say_unheard(alerts)
            if add_alerts:
                add_alerts(alerts)
            if wish.keys:
                add_keys = stack.enter_context(lines_file(wish.keys))
                for keys in self.pipeline.key_rows():
                    add_keys(keys)
        other = self._told(self.last[1]) if wish.candidate else None
        return Replayed(summary_of(self), alerts, self.pipeline, other, self.history.next_offsets())

    def score_rows(self) -> Iterator[ScoreRows]:
        """The history's score rows alone, as they are made; its dead letters are kept."""
        with contextlib.ExitStack() as stack:
            self._keep_letters(stack)
            for stepped in self._steps("read"):
                self._reject(stepped)
                for closed in stepped.closed[0]:
                    if closed.scores is not None:
                        yield closed.scores

    def _keep_letters(self, stack: contextlib.ExitStack) -> None:
        if self.request.dead_letters:
            self.add_dead = stack.enter_context(lines_file(self.request.dead_letters))

    def _steps(self, title: str) -> Iterator[Stepped]:
        """What each step gives. PoolwatchError where there is no history."""
        with Bar(title, self.history.size) as bar:
            for merged in gathered(self.history.read(), STEP_ROWS):
                self.read += len(merged.rejected) + len(merged.events)
                for source, record in merged.rejected:
                    self._dead(self.evidence.item(source, record.offset, record.offset), record.reason)
                if len(merged.events):
                    yield self._step(merged)
                bar.show(self._position(merged), f"{self.read:,} events, {len(self.last[0])} alerts")
        if not self.read:
            raise PoolwatchError(
                f"{' '.join(self.request.inputs)}: no event in it, or none within --from..--until"
            )
        if not self.request.goes_on:
            yield self.pipeline.finish()

    def _step(self, merged: Merged) -> Stepped:
        events = merged.events
        stepped = self.pipeline.step(events)
        for partition, first_offset, rows in stepped.spans:
            self.evidence.add(partition, first_offset, merged.source[rows], events.offset[rows])
        return stepped

    def _dead(self, place: dict[str, Any], reason: str) -> None:
        self.rejected[reason] += 1
        if self.add_dead:
            self.add_dead([place | {"reason": reason}])

    def _reject(self, stepped: Stepped) -> None:
        for p, record in stepped.ahead:
            self._dead(self.evidence.place(p, record.offset), record.reason)

    def _keep(self, stepped: Stepped) -> None:
        self._reject(stepped)
        settings = self.request.settings
        if settings.ledger:
            for partition, item in enumerate(stepped.closed[0]):
                ledger_files.write(settings.ledger, partition, item.ledger, settings.ledger_days)
        for last, of_model in zip(self.last, stepped.closed, strict=True):
            for item in of_model:
                last.add(item.alerts)
        for add, of_model in zip(self.add_scores, stepped.closed, strict=True):
            for item in of_model:
                if add and item.scores is not None:
                    add(item.scores)

    def _told(self, last: LastAlerts) -> list[dict[str, Any]]:
        told = (msgspec.to_builtins(alert) for alert in last.all())
        return [alert | {"evidence": self.evidence.told(alert["evidence"])} for alert in told]

    def _say_unheard(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """A name that is misspelt would change nothing, and silently."""
        heard = {case_of(alert["entity_kind"], alert["entity_id"]) for alert in alerts}
        unheard = [name for pair in self.apart for name in pair if name not in heard]
        if unheard:
            more = f" or {len(unheard) - 1:,} others" if len(unheard) > 1 else ""
            said = f"no alert of {plain(unheard[0])}{more} in this history"
            print(f"poolwatch: {self.request.settings.apart}: {said}", file=sys.stderr)

    def _position(self, merged: Merged) -> int:
        self.position.update(merged.position)
        return sum(self.position.values())
