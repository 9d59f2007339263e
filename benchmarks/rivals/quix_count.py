"""quixstreams counting one key per developer in its state. Prints `first` and `last` with wall and CPU s.

arguments: HOST:PORT topic events folder-for-state
"""

import os
import resource
import sys
import time

from quixstreams import Application

bootstrap, topic_name, wanted, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
seen = 0


def tell(word):
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(word, time.time(), usage.ru_utime + usage.ru_stime, flush=True)


def count(value, state):
    global seen
    seen += 1
    if seen == 1:
        tell("first")
    elif seen == wanted:
        tell("last")
        os._exit(0)
    key = value["developer_id"]
    state.set(key, state.get(key, 0) + 1)
    return value


app = Application(
    broker_address=bootstrap,
    consumer_group="bench-quix",
    auto_offset_reset="earliest",
    state_dir=folder,
    loglevel="ERROR",
)
app.dataframe(app.topic(topic_name, value_deserializer="json")).update(count, stateful=True)
app.run()
