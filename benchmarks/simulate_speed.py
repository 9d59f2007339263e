"""Events a second that the simulator makes on one core: as tables, to Parquet, to JSON lines; and its memory.

python -m benchmarks.simulate_speed [--scenario NAME] [--hours H] [--sellers N]
Seconds are processor seconds of this process (user and system), so that other load does not count.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numba
import pyarrow as pa

from simulators import scenario, write
from simulators.marketplace import Marketplace


def main() -> None:
    """Print one line a sink."""
    parser = argparse.ArgumentParser(description="Speed of the simulator.")
    parser.add_argument("--scenario", default="mixed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--sellers", type=int)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    numba.set_num_threads(1)
    mix = scenario.load(options.scenario)
    for _ in Marketplace(mix, 1, 1, 50, 20):  # compiled before the clock starts
        pass

    def tables():
        return Marketplace(mix, options.seed, options.hours, options.sellers)

    with tempfile.TemporaryDirectory() as folder:
        sinks = {
            "tables": lambda: sum(table.num_rows for table in tables()),
            "parquet": lambda: write.to_parquet(tables(), Path(folder) / "a.parquet"),
            "jsonl": lambda: write.to_jsonl(tables(), Path(folder) / "a.jsonl"),
        }
        for name, sink in sinks.items():
            begun = time.process_time()
            count = sink()
            seconds = time.process_time() - begun
            print(f"{name:<8} {count:>12,} events  {seconds:7.1f} s  {count / seconds:>10,.0f} events/s")
    print(f"memory   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB at most")


if __name__ == "__main__":
    main()
