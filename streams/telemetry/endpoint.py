"""The metrics over HTTP, on loopback unless told otherwise. Decides nothing."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from models.errors import PoolwatchError
from streams.telemetry.metrics import REGISTRY


class Server:
    """A running metrics endpoint; `port` is the real one where 0 was asked for."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server, self._thread = server, thread
        self.port: int = server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(port: int, host: str = "127.0.0.1") -> Server:
    """Serve /metrics in a thread until `close()`. PoolwatchError where the port is taken."""
    try:
        return Server(*start_http_server(port, host, registry=REGISTRY))
    except OSError as error:
        raise PoolwatchError(
            f"metrics: cannot listen on {host}:{port} ({error.strerror}); choose another with --metrics-port"
        ) from None
