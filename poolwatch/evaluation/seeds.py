"""Which seeds were tuned on, and which figures are reported on; a list of seeds in words -> numbers. Pure."""

from __future__ import annotations

from models.errors import ConfigError

#: Features, thresholds and calibration were tuned on these; figures are reported on others.
TUNED = "1-3,11,21-29,31,33,34,41,51,52,61-64,71-73,81,82,118,125,127,128,161,162,165,172,173,182,183"
REPORTED = "211-215"


def parse_seeds(text: str) -> tuple[int, ...]:
    """`1,2,5-7` -> (1, 2, 5, 6, 7); ConfigError where it is none."""
    seeds: list[int] = []
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        if not low.isdigit() or (high and not high.isdigit()):
            raise ConfigError(f"--seeds {text}: give whole numbers, e.g. 1,2,5-7")
        seeds += range(int(low), int(high or low) + 1)
    if not seeds:
        raise ConfigError(f"--seeds {text}: no seed is in it; give the lower first, e.g. 5-7")
    return tuple(dict.fromkeys(seeds))
