"""What a test needs and this machine lacks."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test and say why; under CI=true nothing may be skipped, and it fails."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NOT TESTED: {what}")
