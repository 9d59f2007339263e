"""The table of settings: environment, flags, refusals, and the manual made from it."""

import re
from pathlib import Path

import pytest

from models.errors import ConfigError
from streams.settings import SETTINGS, Settings, bootstrap_of, from_environment, manual, shown, to_environment


def test_flags_win_over_environment_and_environment_over_defaults():
    environment = {"POOLWATCH_SNAPSHOT_S": "7.5", "POOLWATCH_PARTITIONS": "12"}
    settings = from_environment(environment, partitions=24, redis=None)
    assert (settings.snapshot_s, settings.partitions, settings.redis) == (7.5, 24, Settings().redis)


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"POOLWATCH_PARTITIONS": "many"}, "POOLWATCH_PARTITIONS 'many': must be a number"),
        ({"POOLWATCH_PARTITIONS": "0"}, "partitions 0: must be above 0"),
        ({"POOLWATCH_MARK_MS": "0"}, "mark_ms 0: must be above 0"),
        ({"POOLWATCH_FEED_DAYS": "-1"}, "feed_days -1: must be above 0"),
        ({"POOLWATCH_SNAPSHOT_S": "nan"}, "snapshot_s nan: must be above 0"),
        ({"POOLWATCH_HEARTBEAT_S": "5"}, "heartbeat_s 5: at most a third of session_s 8"),
        ({"POOLWATCH_BROKER": "kafka"}, "write kafka://HOST:PORT"),
        ({"POOLWATCH_BROKER": "http://a:1"}, "write kafka://HOST:PORT"),
        ({"POOLWATCH_SECURITY": "none"}, "security 'none'"),
        ({"POOLWATCH_SASL_MECHANISM": "GSSAPI"}, "sasl_mechanism 'GSSAPI': one of PLAIN, SCRAM"),
    ],
)
def test_wrong_values_are_refused_by_name(environment, word):
    with pytest.raises(ConfigError, match=word):
        from_environment(environment)


def test_settings_are_the_same_out_of_the_environment_that_they_make():
    settings = Settings(broker="kafka://a:1,b:2", snapshot_s=0.5, partitions=3, sasl_password="a b=c")
    assert from_environment(to_environment(settings)) == settings


def test_unknown_setting_is_refused():
    with pytest.raises(ConfigError, match="no setting 'brokre'"):
        from_environment({}, brokre="x")


def test_several_brokers_and_the_prefix():
    assert bootstrap_of("kafka://a:1,b:2/topic") == "a:1,b:2"
    assert Settings(prefix="eu").name("alerts") == "eu.alerts"
    assert Settings().name("alerts") == "alerts"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://:s3cret@h:6379/0", "redis://h:6379/0"),
        ("rediss://user:s3@cret@h:6379/0", "rediss://h:6379/0"),
        ("redis://h/0?db=1&password=s3cret", "redis://h/0"),
        ("redis://:s3/cret#s3cret@h/0", "redis://h/0"),
        ("unix://user@/run/redis.sock?password=s3cret", "unix:///run/redis.sock"),
        (":s3cret@h:6379", "h:6379"),
        ("redis://:s3cret?@h/0", "(an address that may hold a password)"),
        ("redis://h/0?password=s3cret@h", "(an address that may hold a password)"),
    ],
)
def test_an_address_is_shown_without_its_password(url, told):
    assert shown(url) == told


@pytest.mark.parametrize("url", ["kafka://user:s3cret@h:9092", "kafka://h:1,user:s3cret@i:2/topic"])
def test_a_broker_with_a_password_is_refused_without_telling_it(url):
    with pytest.raises(ConfigError, match="sasl_password") as error:
        Settings(broker=url)
    assert "s3cret" not in str(error.value)


def test_manual_is_up_to_date_and_names_every_setting():
    shown = Path("docs/settings.md").read_text()
    assert shown == manual(), "run: python -m streams.settings > docs/settings.md"
    assert all(f"`POOLWATCH_{name.upper()}`" in shown and text for name, _, text in SETTINGS)


def test_every_setting_is_used():
    rooms = Path(__file__).parents[2]
    text = "".join(p.read_text() for room in ("streams", "poolwatch") for p in (rooms / room).rglob("*.py"))
    unused = [name for name, _, _ in SETTINGS if not re.search(rf"settings\.{name}\b", text)]
    assert not unused
