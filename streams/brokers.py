"""The servers that demo and tests start on this machine, by one name.

Each is a context manager that ends what it started; a child also dies when its parent does.
"""

from streams.children import free_port, kill, spawn
from streams.jar_kafka import JarKafka, cache_folder, fetch_jars
from streams.mock_kafka import EmbeddedKafka
from streams.own_redis import EmbeddedRedis, redis_server

__all__ = [
    "EmbeddedKafka",
    "EmbeddedRedis",
    "JarKafka",
    "cache_folder",
    "fetch_jars",
    "free_port",
    "kill",
    "redis_server",
    "spawn",
]
