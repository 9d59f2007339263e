"""A path in; a file that is there whole or not at all out. Touches files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator

from models.errors import PoolwatchError


@contextlib.contextmanager
def atomic_path(path: str) -> Iterator[str]:
    """A path to write to; it becomes `path` when the block ends well, else it is gone.

    A device or pipe (/dev/stdout) is written to as it is. PoolwatchError naming `path` where writing fails.
    """
    with clear_write_errors(path):
        if _is_stream(path):
            yield path
            return
        folder, name = os.path.split(os.path.abspath(path))
        handle, partial = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
        os.close(handle)
        try:
            yield partial
            os.chmod(partial, 0o666 & ~_umask())
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise


@contextlib.contextmanager
def clear_write_errors(path: str) -> Iterator[None]:
    """Turns what the system says of writing into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PoolwatchError(f"{path}: disk full; free some space and run again") from error
        raise PoolwatchError(f"{path}: cannot be written ({error.strerror or error})") from error


def _is_stream(path: str) -> bool:
    """Whether nothing can take its place. /dev/stdout is a regular file to `stat` where it is sent to one."""
    if path.startswith(("/dev/std", "/dev/fd/")):
        return True
    return os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
