"""Environment and flags -> `Settings`: the one table of settings. Touches nothing."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from models.errors import ConfigError

ENVIRONMENT_PREFIX = "POOLWATCH_"


def setting(default: Any, help_text: str) -> Any:
    """One entry of the table: its name is the field's, its default and help stand beside it."""
    return field(default=default, metadata={"help": help_text})


#: Settings that are one of a few words.
_ONE_OF = {
    "security": ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
    "sasl_mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    "compression": ("producer", "uncompressed", "lz4", "zstd", "gzip", "snappy"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting. ConfigError where a value makes no sense."""

    broker: str = setting(
        "kafka://127.0.0.1:9092", "Kafka to read from and write to; several as HOST:PORT,HOST:PORT"
    )
    redis: str = setting("redis://127.0.0.1:6379/0", "Redis for snapshots and the alert feed")
    prefix: str = setting(
        "", "`NAME.` is put before every topic, group and Redis key, so that two systems share a cluster"
    )
    model: str = setting("", "model file; empty = the one shipped with the package")
    rules: str = setting("", "threshold file or folder; empty = those shipped with the package")
    operations: str = setting("", "operation table; empty = the one shipped with the package")
    apart: str = setting(
        "", "TOML file of entities known to be different parties, which never share a case; empty = none"
    )
    partitions: int = setting(8, "partitions of each topic that is created")
    replication: int = setting(1, "copies of each topic that is created; 3 in production")
    retention_h: int = setting(
        168, "hours that usage-events, sightings, links and dead letters are kept in Kafka"
    )
    alerts_retention_h: int = setting(2160, "hours that the topic alerts is kept")
    compression: str = setting(
        "lz4", f"compression of the topics that are created: {', '.join(_ONE_OF['compression'])}"
    )
    security: str = setting("plaintext", f"how to talk to Kafka: {', '.join(_ONE_OF['security'])}")
    sasl_mechanism: str = setting("PLAIN", f"with sasl_*: {', '.join(_ONE_OF['sasl_mechanism'])}")
    sasl_user: str = setting("", "with sasl_*: the user")
    sasl_password: str = setting("", "with sasl_*: the password")
    ssl_ca: str = setting("", "with ssl: file of the certificate authority; empty = the system's")
    snapshot_s: float = setting(5.0, "seconds between two snapshots of one partition")
    idle_s: float = setting(
        10.0, "seconds of silence after which a source that is read to its end holds nothing back"
    )
    mark_ms: int = setting(
        200, "a watermark goes to every sightings partition at least this often while it moves"
    )
    poll_records: int = setting(8192, "records of one partition that are handled at once, at most")
    fetch_kb: int = setting(
        4096,
        "KB asked of a partition at once; of a backlog, 768 takes a sixth less memory and a fifth more time",
    )
    session_s: float = setting(8.0, "seconds without a heartbeat after which a worker loses its partitions")
    heartbeat_s: float = setting(2.0, "seconds between heartbeats")
    wait_s: float = setting(2.0, "seconds before Kafka or Redis is tried again when one is away")
    feed_length: int = setting(100_000, "alerts kept in the Redis Stream, about")
    feed_days: int = setting(90, "days that an alert's last version is kept in Redis")
    ledger: str = setting(
        "", "folder for the exposure ledger: who saw whose customers, a file a day; empty = none is kept"
    )
    ledger_days: int = setting(400, "days that the exposure ledger is kept")
    metrics_port: int = setting(0, "port of the worker's Prometheus metrics; 0 = none")
    metrics_host: str = setting("127.0.0.1", "address that the worker's Prometheus metrics listen on")
    host: str = setting("127.0.0.1", "address that `serve` listens on")
    port: int = setting(8321, "port that `serve` listens on")

    def __post_init__(self) -> None:
        # Two lost heartbeats must not cost the partition: a rebalance stalls all workers.
        if 3 * self.heartbeat_s > self.session_s:
            raise ConfigError(
                f"heartbeat_s {self.heartbeat_s:g}: at most a third of session_s {self.session_s:g}"
            )
        for name in (
            "partitions",
            "replication",
            "retention_h",
            "poll_records",
            "fetch_kb",
            "feed_length",
            "snapshot_s",
            "idle_s",
            "mark_ms",
            "wait_s",
            "heartbeat_s",
            "alerts_retention_h",
            "feed_days",
            "ledger_days",
        ):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} {getattr(self, name)}: must be above 0")
        for name in ("port", "metrics_port"):
            if not 0 <= getattr(self, name) <= 65_535:
                raise ConfigError(f"{name} {getattr(self, name)}: must be 0-65535")
        for name, allowed in _ONE_OF.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} {getattr(self, name)!r}: one of {', '.join(allowed)}")
        self.bootstrap  # noqa: B018  refuses a broker that is no address

    @property
    def bootstrap(self) -> str:
        """HOST:PORT,... of the broker. ConfigError where `broker` is none."""
        return bootstrap_of(self.broker)

    def name(self, plain: str) -> str:
        """A topic, group or Redis key with the prefix before it."""
        return f"{self.prefix}.{plain}" if self.prefix else plain


#: Scheme, user and password, place, options (Redis takes a password there too).
_ADDRESS = re.compile(r"(\w+://)?(?:[^?]*@)?([^?@]*)(?:\?[^@]*)?")


#: How to mend an address that Redis' client cannot read.
REDIS_FORM = "write redis://HOST:PORT/0, or redis://:PASSWORD@HOST:PORT/0 with / ? # @ as %2F %3F %23 %40"


def shown(url: str) -> str:
    """An address for messages and logs: no user, no password, no options."""
    parts = _ADDRESS.fullmatch(url)
    return (parts[1] or "") + parts[2] if parts else "(an address that may hold a password)"


def bootstrap_of(url: str) -> str:
    """`kafka://HOST:PORT,...` -> `HOST:PORT,...`. ConfigError where it is no such address.

    A password in it is none to Kafka's clients, and would be told in every message: refused.
    """
    if "@" in url:
        raise ConfigError(f"broker {shown(url)}: user and password are sasl_user and sasl_password")
    hosts = url.removeprefix("kafka://").split("/")[0].split(",")
    for host in hosts:
        try:
            parts = urlsplit(f"//{host}")
            good = (
                bool(parts.hostname) and parts.port is not None and "://" not in url.removeprefix("kafka://")
            )
        except ValueError:
            good = False
        if not good:
            raise ConfigError(f"broker {url!r}: write kafka://HOST:PORT")
    return ",".join(hosts)


#: The table: (name, default, help) of each setting, in order.
SETTINGS = tuple((f.name, f.default, f.metadata["help"]) for f in dataclasses.fields(Settings))


def from_environment(environment: Mapping[str, str], **given: Any) -> Settings:
    """Settings from flags (`given`; None = not given), else POOLWATCH_*, else defaults.

    ConfigError: wrong value.
    """
    known = {name: type(default) for name, default, _ in SETTINGS}
    values: dict[str, Any] = {}
    for name, kind in known.items():
        text = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if text is not None:
            values[name] = _convert(ENVIRONMENT_PREFIX + name.upper(), kind, text)
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"no setting {name!r}; see docs/settings.md")
        if value is not None:
            values[name] = _convert(name, known[name], value)
    return Settings(**values)


def to_environment(settings: Settings) -> dict[str, str]:
    """POOLWATCH_* of which `from_environment` makes the same settings."""
    return {ENVIRONMENT_PREFIX + name.upper(): str(getattr(settings, name)) for name, _, _ in SETTINGS}


def _convert(name: str, kind: type, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"{name} {value!r}: must be a number") from None


def manual() -> str:
    """docs/settings.md, made from the table."""
    lines = [
        "# Settings",
        "",
        "Each is an environment variable (`POOLWATCH_SNAPSHOT_S=10`). Those that `poolwatch COMMAND --help`",
        "lists are flags of that command too (`--snapshot-s 10`); the flag wins. Made by",
        "`python -m streams.settings > docs/settings.md`.",
        "",
        "| setting | environment | default | |",
        "|---|---|---|---|",
    ]
    for name, default, text in SETTINGS:
        shown = f"`{default:g}`" if isinstance(default, float) else f"`{default}`" if default != "" else ""
        lines.append(f"| `{name}` | `{ENVIRONMENT_PREFIX}{name.upper()}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(manual(), end="")
