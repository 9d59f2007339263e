"""Nothing -> a real Apache Kafka on this machine, from Maven's jars. Touches processes and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from models.errors import PoolwatchError
from streams.brokers.children import free_port, kill, spawn, stop, wait_until

KAFKA_VERSION = "4.0.1"
LOG4J_VERSION = "2.24.3"

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
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
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

    also        protocols to listen by, beside PLAINTEXT, each on a port of its own: `url_by`
    properties  lines for server.properties that those need
    """

    def __init__(
        self,
        folder: Path | None = None,
        heap_mb: int = 384,
        also: Sequence[str] = (),
        properties: str = "",
    ) -> None:
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="poolwatch-kafka-")
        self.folder = folder or Path(self._scratch.name if self._scratch else "")
        self.heap_mb = heap_mb
        self.port = free_port()
        self._ports = {"PLAINTEXT": self.port, **{protocol: free_port() for protocol in also}}
        self._properties = properties
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    def url_by(self, protocol: str) -> str:
        """Its address for one of the protocols that it listens by."""
        return f"kafka://127.0.0.1:{self._ports[protocol]}"

    def __enter__(self) -> Self:
        jars = fetch_jars()
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        listeners = ",".join(f"{protocol}://127.0.0.1:{port}" for protocol, port in self._ports.items())
        server = _SERVER.format(listeners=listeners, controller=free_port(), folder=self.folder)
        properties.write_text(server + self._properties)
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
        cluster = f"--cluster-id={_base64(identity)}"  # one word: the id may begin with a dash
        format_it = [*self._java, "kafka.tools.StorageTool", "format", cluster, "-c", str(properties)]
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
        wait_until(self._answers, self.process, "Kafka", log, limit_s=90)

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
        kill(self.process)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody needs this broker's data again: no grace.
        stop(self.process, grace_s=0.2 if self._scratch else 10)
        if self._scratch:
            self._scratch.cleanup()


def _base64(identity: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(identity).decode().rstrip("=")
