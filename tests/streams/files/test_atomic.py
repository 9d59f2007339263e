"""A file is there whole or not at all."""

import os
import subprocess
import sys

import pytest

from models.errors import PoolwatchError
from streams.files.atomic import atomic_path


def write(path, text):
    with atomic_path(path) as partial, open(partial, "w") as file:
        file.write(text)


def test_a_failure_leaves_what_was_there(tmp_path):
    path = str(tmp_path / "out")
    write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write(path, "new" * 100_000 + "\ud800")
    assert (tmp_path / "out").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_disk_full_is_one_line():
    with pytest.raises(PoolwatchError, match=r"^/dev/full: disk full; free some space and run again$"):
        write("/dev/full", "x")


def test_no_such_folder_is_told(tmp_path):
    with pytest.raises(PoolwatchError, match="cannot be written"):
        write(str(tmp_path / "none" / "out"), "x")


def test_standard_output_that_goes_to_a_file_is_written_to_as_it_is(tmp_path):
    code = (
        "from streams.files.atomic import atomic_path\n"
        "with atomic_path('/dev/stdout') as p: open(p, 'w').write(p)"
    )
    with open(tmp_path / "out", "w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "/dev/stdout"
