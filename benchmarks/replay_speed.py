"""Events a second of a replay: `python -m benchmarks.replay_speed [HOURS]`.

A simulated marketplace (2,000 sellers, the scenario of all poolers, seed 3) is written to Parquet, then read
by fold and detect without a score file. Wall time depends on what else the machine does; seconds of this
process' own processor time less so, but a busy neighbour still slows each of them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from poolwatch.replay.replay import Request, replay


def main() -> None:
    hours = sys.argv[1] if len(sys.argv) > 1 else "72"
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "mixed.parquet"))
        made = ["--scenario", "mixed", "--sellers", "2000", "--hours", hours, "--seed", "3", "--out", path]
        subprocess.run([sys.executable, "-m", "poolwatch", "simulate", *made], check=True)
        replay(Request([path], until_ms=_first_hour(path)))  # compiles
        rows = []
        for _ in range(3):
            wall, own = time.perf_counter(), time.process_time()
            count = replay(Request([path])).summary["events"]
            rows.append((count / (time.perf_counter() - wall), count / (time.process_time() - own)))
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print(f"{'Parquet to alerts':32} {'events/s':>10} {'per CPU s':>10}")
    for wall_rate, own_rate in sorted(rows, reverse=True):
        print(f"{f'{count:,} events':32} {wall_rate:10,.0f} {own_rate:10,.0f}")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MB at most")


def _first_hour(path: str) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        first = next(file.iter_batches(batch_size=1, columns=["time"])).column(0)
    return int(first[0].as_py()) + 3_600_000


if __name__ == "__main__":
    main()
