"""Around every answer of the alert server: security headers, its count, names not served. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.telemetry import metrics

#: Ids in alerts are chosen by callers: nothing but this server's own files may run or be fetched.
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Puts the security headers on every answer, counts it, and refuses names that are not this server's.

    A page elsewhere whose name is made to point at 127.0.0.1 would else read the alerts (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
                route = getattr(scope.get("route"), "path", "other")
                metrics.REQUESTS.labels(route, str(message["status"])).inc()
            await send(message)

        if self._hosts and _host(scope) not in self._hosts:
            text = "This name is not served here. Open it as localhost, or start poolwatch serve with --host."
            return await JSONResponse({"detail": text}, 421)(scope, receive, guarded)
        return await self._app(scope, receive, guarded)


def _host(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    try:
        return urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return ""
