"""A broker that asks who is there, or speaks TLS: each command gets through, and says who was refused."""

import signal
import subprocess
import time

import pytest
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from streams.brokers.jar_kafka import JarKafka
from streams.settings import Settings
from tests.e2e.chaos import read_all
from tests.e2e.command import poolwatch, start

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

USER, PASSWORD = "poolwatch", "only-for-tests"
LIMIT_S = 60
ACCOUNT = {"POOLWATCH_SASL_USER": USER, "POOLWATCH_SASL_PASSWORD": PASSWORD}
# how to talk -> the settings that say so; CA = the broker's certificate
WAYS = {
    "SASL_PLAINTEXT": {"POOLWATCH_SASL_MECHANISM": "PLAIN", **ACCOUNT},
    "SASL_SSL": {"POOLWATCH_SASL_MECHANISM": "SCRAM-SHA-256", "POOLWATCH_SSL_CA": "CA", **ACCOUNT},
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(key store, certificate) of 127.0.0.1, signed by itself; Java's own tool makes them."""
    folder = tmp_path_factory.mktemp("certificate")
    store, told = folder / "store.p12", folder / "broker.pem"
    common = ["-keystore", store, "-storepass", PASSWORD, "-alias", "broker"]
    name = ["-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-ext", "bc=ca:true"]
    for command in (
        ["-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", "-validity", "2", *name],
        ["-exportcert", "-rfc", "-file", told],
    ):
        subprocess.run(["keytool", *command, *common], check=True, capture_output=True)
    return store, told


@pytest.fixture(scope="module")
def guarded(certificate):
    """A Kafka that listens in each of WAYS, and in plain text for the test itself."""
    login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    properties = f"""
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl_plaintext.plain.sasl.jaas.config={login}
listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram}
listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-256
ssl.keystore.type=PKCS12
ssl.keystore.location={certificate[0]}
ssl.keystore.password={PASSWORD}
"""
    with JarKafka(also=list(WAYS), properties=properties) as kafka:
        account = UserScramCredentialUpsertion(
            USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), PASSWORD.encode()
        )
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        for future in admin.alter_user_scram_credentials([account]).values():
            future.result(20)
        yield kafka


@pytest.fixture
def ask(guarded, certificate, redis_url, prefix):
    """Run a command, or start it, that talks to the broker in one of WAYS."""

    def words(way, **other):
        told = {name: str(certificate[1]) if value == "CA" else value for name, value in WAYS[way].items()}
        return told | {
            "POOLWATCH_BROKER": guarded.url_by(way),
            "POOLWATCH_SECURITY": way.lower(),
            "POOLWATCH_REDIS": redis_url,
            "POOLWATCH_PREFIX": prefix,
            **other,
        }

    def run(way, *arguments, **other):
        return poolwatch(*arguments, variables=words(way, **other), timeout=LIMIT_S)

    run.words = words
    return run


@pytest.mark.parametrize("way", WAYS)
def test_every_command_gets_through(way, ask, guarded, prefix):
    topic = f"{guarded.url_by(way)}/{prefix}.usage-events"
    market = ("--scenario", "normal", "--seed", "1", "--hours", "2", "--sellers", "40", "--developers", "10")
    for command in (("topics", "--partitions", "2"), ("simulate", *market, "--out", topic), ("doctor",)):
        told = ask(way, *command)
        assert told.returncode == 0, (command, told.stdout, told.stderr)
    assert "key is seller_id in" in told.stdout, "the doctor reads events as well"
    assert ask(way, "replay", topic, "--partitions", "2").returncode == 0
    sightings = f"{prefix}.sightings"
    worker = start("worker", "--idle-s", "1", variables=ask.words(way))
    try:
        end = time.monotonic() + LIMIT_S
        while not read_all(Settings(broker=guarded.url), sightings):
            assert worker.poll() is None, worker.communicate()[1]
            assert time.monotonic() < end, "the worker folded nothing"
            time.sleep(0.5)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        _, said = worker.communicate()
    assert "Traceback" not in said
    assert "away" not in said


def refused(told, broker, *words):
    """One line that says so, and ends with what to mend."""
    line = told.stderr.splitlines()[-1]
    assert told.returncode == 2, told.stderr
    assert line.startswith(f"poolwatch: {broker}: "), told.stderr
    for word in words:
        assert word in line
    assert "Traceback" not in told.stderr
    return told.stderr.count("\n") == 1


def test_a_wrong_password_is_one_clear_line(ask, guarded, prefix):
    broker = guarded.url_by("SASL_PLAINTEXT")
    topic = f"{broker}/{prefix}.usage-events"
    words = ("Invalid username or password", "POOLWATCH_SASL_PASSWORD")
    for command in (("topics",), ("simulate", "--scenario", "normal", "--out", topic)):
        assert refused(ask("SASL_PLAINTEXT", *command, POOLWATCH_SASL_PASSWORD="wrong"), broker, *words)
    # The worker has said by then that it loads compiled code.
    refused(ask("SASL_PLAINTEXT", "worker", POOLWATCH_SASL_PASSWORD="wrong"), broker, *words)


def test_a_certificate_that_nobody_vouches_for_is_one_clear_line(ask, guarded, tmp_path):
    words = ("certificate verify failed", "POOLWATCH_SSL_CA")
    assert refused(ask("SASL_SSL", "topics", POOLWATCH_SSL_CA=""), guarded.url_by("SASL_SSL"), *words)
    none = tmp_path / "none.pem"
    told = ask("SASL_SSL", "topics", POOLWATCH_SSL_CA=str(none))
    assert told.returncode == 2
    assert told.stderr == f"poolwatch: ssl_ca {none}: no certificates there (No such file or directory)\n"
