"""Settings -> how each Kafka client talks to a broker that asks who is there; what a broker has against it.
Touches the certificate file, and Kafka where it refused."""

from __future__ import annotations

import ssl
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from models.errors import ConfigError
from streams.settings import ENVIRONMENT_PREFIX, Settings

REFUSAL_TRIES = 4
#: What librdkafka says -> the settings that are wrong.
_MEND = {
    sign: ", ".join(ENVIRONMENT_PREFIX + name.upper() for name in names)
    for sign, names in {
        "SASL": ("security", "sasl_mechanism", "sasl_user", "sasl_password"),
        "SSL handshake failed": ("security", "ssl_ca"),
    }.items()
}


def client_security(settings: Settings) -> dict[str, Any]:
    """Arguments for kafka-python and aiokafka that say how to talk to the broker."""
    if settings.security == "plaintext":
        return {}
    security: dict[str, Any] = {"security_protocol": settings.security.upper()}
    if settings.security.startswith("sasl"):
        security |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_user,
            "sasl_plain_password": settings.sasl_password,
        }
    if settings.security.endswith("ssl"):
        security["ssl_context"] = _context(settings.ssl_ca)
    return security


def librdkafka_security(settings: Settings) -> dict[str, Any]:
    """As `client_security`, in librdkafka's words."""
    if settings.security == "plaintext":
        return {}
    words: dict[str, Any] = {"security.protocol": settings.security.upper()}
    if settings.security.startswith("sasl"):
        words |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.sasl_user,
            "sasl.password": settings.sasl_password,
        }
    if settings.security.endswith("ssl") and settings.ssl_ca:
        _context(settings.ssl_ca)
        words["ssl.ca.location"] = settings.ssl_ca
    return words


def _context(ssl_ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ssl_ca or None)
    except OSError as error:
        raise ConfigError(f"ssl_ca {ssl_ca}: no certificates there ({error.strerror or error})") from None


def refused(settings: Settings) -> ConfigError | None:
    """What the broker has against who asks, or against how; None = nothing is heard of it within seconds.

    For when no answer came: librdkafka alone tells a wrong password from a broker that is away.
    """
    if settings.security == "plaintext":
        return None
    said: list[KafkaError] = []
    words = {"bootstrap.servers": settings.bootstrap, "log_level": 0, "error_cb": said.append}
    probe = Producer({**words, **librdkafka_security(settings)})
    for _ in range(REFUSAL_TRIES):
        try:
            probe.list_topics(timeout=1)
            return None
        except KafkaException:
            probe.poll(0)
        for error in said:
            _, _, text = error.str().partition("bootstrap: ")
            for sign, names in _MEND.items():
                if sign in text:
                    return ConfigError(f"{settings.broker}: {text.partition(' (after')[0]}; mend {names}")
    return None
