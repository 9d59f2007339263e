"""`python -m streams.brokers`: a real Kafka and a Redis to try things with, until Ctrl-C.

Each is a context manager that ends what it started; a child also dies when its parent does.
"""

import signal
import sys
import time

from models.errors import PoolwatchError
from streams.brokers.jar_kafka import JarKafka
from streams.brokers.own_redis import EmbeddedRedis


def _run() -> None:
    """Print where they are, as a shell takes it, and wait for the end."""
    for ends in (signal.SIGINT, signal.SIGTERM):  # a shell that starts it with & has SIGINT ignored
        signal.signal(ends, signal.default_int_handler)
    try:
        with JarKafka() as kafka, EmbeddedRedis() as redis:
            print(f"export POOLWATCH_BROKER={kafka.url} POOLWATCH_REDIS={redis.url}", flush=True)
            print("both run until Ctrl-C, and keep nothing", file=sys.stderr)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return
    except PoolwatchError as error:
        sys.exit(f"poolwatch: {error}")


if __name__ == "__main__":
    _run()
