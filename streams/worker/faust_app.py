"""Settings -> a Faust app that hands batches of records on as they are."""

from __future__ import annotations

from typing import Any

import faust

from streams.kafka.security import client_security
from streams.settings import Settings

#: Batches queued before an agent; a batch may have `poll_records` records.
QUEUED_BATCHES = 8


class Batches(faust.Schema[Any, Any]):
    """Hands a batch on as it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        return message.value


def faust_app(settings: Settings) -> Any:
    """An app of the worker's group, without agents."""
    return faust.App(
        settings.name("poolwatch"),
        broker=[f"kafka://{host}" for host in settings.bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        stream_buffer_maxsize=QUEUED_BATCHES,
        broker_session_timeout=settings.session_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_request_timeout=max(30.0, 2 * settings.session_s),
        broker_max_poll_records=settings.poll_records,
        broker_max_poll_interval=3_600.0,
        broker_check_crcs=False,  # TCP and the broker checked them; 3% of a core
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=settings.fetch_kb * 1024,
    )


def _credentials(settings: Settings) -> Any:
    security = client_security(settings)
    if not security:
        return None
    context = security.get("ssl_context")
    if settings.security == "ssl":
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        mechanism=settings.sasl_mechanism,
        username=settings.sasl_user,
        password=settings.sasl_password,
        ssl_context=context,
    )
