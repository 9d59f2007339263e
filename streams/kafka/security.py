"""Settings -> how each Kafka client talks to a broker that asks who is there. Touches ssl_ca."""

from __future__ import annotations

import ssl
from typing import Any

from models.errors import ConfigError
from streams.settings import Settings


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
