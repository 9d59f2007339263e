"""Command line in; exit code out: 0 done, 1 it ran and failed, 2 wrong usage. Errors are one line each."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence

import typer

from models.errors import PoolwatchError
from poolwatch.commands import app

INTERRUPTED = 130  # what a shell reports for Ctrl-C


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Exit code of one command; whatever goes wrong is one line on standard error."""
    try:
        code = app(list(arguments), prog_name="poolwatch", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("POOLWATCH_DEBUG"):
            traceback.print_exc()
        print(f"poolwatch: {one_line(error)}", file=sys.stderr)
        return error.exit_code if isinstance(error, (PoolwatchError, typer.TyperException)) else 1
    return code if isinstance(code, int) else 0


def one_line(error: Exception) -> str:
    """What happened, in one line, with the remedy where one is known."""
    if isinstance(error, PoolwatchError):
        return " ".join(str(error).split())
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        name = context.command_path if context else "poolwatch"
        return " ".join(error.format_message().split()) + f" (see `{name} --help`)"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{error.filename or 'output'}: disk full; free some space and run again"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return f"unexpected {type(error).__name__}: {error} (POOLWATCH_DEBUG=1 shows where)"


if __name__ == "__main__":
    main()
