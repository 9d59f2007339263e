"""What a test needs and this machine lacks."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

#: A folder of real CloudTrail logs: somebody else's, so they are not in the repository.
CLOUDTRAIL = os.environ.get("POOLWATCH_SAMPLES", "../shared/data") + "/cloudtrail"
needs_cloudtrail = pytest.mark.skipif(
    not Path(CLOUDTRAIL).is_dir(), reason="NOT TESTED: no real CloudTrail logs; give POOLWATCH_SAMPLES=FOLDER"
)


def missing(what: str) -> NoReturn:
    """Skip the test and say why; under CI=true nothing may be skipped, and it fails."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NOT TESTED: {what}")
