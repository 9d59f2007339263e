"""Settings -> what a broker that gave no answer has against who asks, or how. Touches Kafka only."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException, Producer

from models.errors import ConfigError
from streams.kafka.security import librdkafka_security
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
