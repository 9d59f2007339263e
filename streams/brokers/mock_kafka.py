"""Topics -> a Kafka broker inside this process, for demo and quick tests. Touches loopback."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from models.errors import PoolwatchError


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
