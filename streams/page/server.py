"""The alert page on a socket of its own. Decides nothing."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Sequence

import uvicorn

from models.errors import PoolwatchError
from models.scoring.rules import Rule
from streams.page.api import create_app
from streams.redis.feed import Feed


class WebServer:
    """The page on a socket of its own. The port is taken at once, so that `url` is true from the start."""

    def __init__(
        self,
        redis: str,
        *,
        prefix: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        rules: Sequence[Rule] = (),
    ) -> None:
        """PoolwatchError where the port is taken; ConfigError where the Redis address is none."""
        feed = Feed(redis, prefix)
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        shown = "localhost" if _is_any(host) else f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}"
        app = create_app(feed, rules, ("localhost", "127.0.0.1", "::1", host) if _is_loopback(host) else ())
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        self._server.run(sockets=[self._socket])

    def start(self) -> None:
        """Serve in a thread until `close()`."""
        self._thread = threading.Thread(target=self.run, name="alert page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; open feeds are cut off within a second, which uvicorn would call an error."""
        log = logging.getLogger("uvicorn.error")
        before = log.level
        log.setLevel(logging.CRITICAL)
        self._server.should_exit = True
        if self._thread:
            self._thread.join()
        log.setLevel(before)
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
        return made
    except OSError as error:
        raise PoolwatchError(
            f"page: cannot listen on {host}:{port} ({error.strerror}); try another --port"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")
