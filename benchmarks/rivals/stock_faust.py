"""A stock Faust agent that does nothing. Prints `first` and `last` with wall and CPU seconds.

arguments: HOST:PORT topic events
"""

import os
import resource
import sys
import time

import faust


def tell(word):
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # Faust takes sys.stdout away
    os.write(1, f"{word} {time.time()} {usage.ru_utime + usage.ru_stime}\n".encode())


bootstrap, topic_name, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
app = faust.App(
    "bench-faust",
    broker=f"kafka://{bootstrap}",
    autodiscover=False,
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    stream_wait_empty=False,
    consumer_auto_offset_reset="earliest",
)
topic = app.topic(topic_name, value_type=bytes, value_serializer="raw")
seen = 0


@app.agent(topic)
async def nothing(stream):
    global seen
    async for _ in stream:
        seen += 1
        if seen == 1:
            tell("first")
        if seen == wanted:
            tell("last")
            os._exit(0)


if __name__ == "__main__":
    sys.argv = ["faust", "worker", "--without-web", "-l", "error"]
    app.main()
