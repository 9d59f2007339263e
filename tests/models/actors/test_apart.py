"""Pairs known to be apart: a file as a person writes it, and what is refused."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.actors.apart import load, parse
from models.errors import ConfigError
from models.wire.sightings import ENTITY_KINDS

ENTITIES = st.builds("{}:{}".format, st.sampled_from(ENTITY_KINDS), st.text(min_size=1))


def test_pairs_are_read_in_their_order(tmp_path):
    path = tmp_path / "apart.toml"
    path.write_text(
        """pairs = [
          ["developer:dev-1", "origin:ip:10.0.0.1|tls:t13d"],   # an agency and its client
          ["origin:ip:10.0.0.1", "origin:net:10.0.1.0/24"],
        ]"""
    )
    assert load(path) == (
        ("developer:dev-1", "origin:ip:10.0.0.1|tls:t13d"),
        ("origin:ip:10.0.0.1", "origin:net:10.0.1.0/24"),
    )
    path.write_text("pairs = []")
    assert load(path) == load("") == load(None) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pairs = [", "not TOML: .*; the form is pairs ="),
        ("", "no list of pairs in it"),
        ("pairs = 3", "no list of pairs in it"),
        ("pair = []", "unknown setting 'pair'"),
        ("pairs = ['developer:a']", "pair 1: must be two entities"),
        ("pairs = [['developer:a', 'developer:b'], ['developer:a']]", "pair 2: must be two entities"),
        ("pairs = [['developer:a', 'developer:b', 'developer:c']]", "pair 1: must be two entities"),
        ("pairs = [['developer:a', 7]]", "pair 1: 7 is no text"),
        ("pairs = [['developer:a', 'developer:a']]", "pair 1: the same entity twice, 'developer:a'"),
        (
            "pairs = [['developer:a', 'dev-2']]",
            "pair 1: 'dev-2' is no entity; write developer:ID or origin:ID",
        ),
        ("pairs = [['developer:a', 'seller:b']]", "pair 1: 'seller:b' is no entity"),
        ("pairs = [['developer:', 'developer:b']]", "pair 1: 'developer:' is no entity"),
    ],
)
def test_a_wrong_file_says_where_and_how(tmp_path, text, says):
    path = tmp_path / "apart.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# M\xfcller")
    with pytest.raises(ConfigError, match=r"latin\.toml: not TOML"):
        load(tmp_path / "latin.toml")


VALUES = st.recursive(st.text() | st.integers() | ENTITIES, lambda inner: st.lists(inner, max_size=3))


@given(VALUES)
def test_whatever_is_written_is_pairs_or_one_clear_line(value):
    text = f"pairs = {toml(value)}"
    assert tomllib.loads(text) == {"pairs": value}
    try:
        said = [list(pair) for pair in parse(text, "apart.toml")]
    except ConfigError as error:
        said = str(error)
    assert said == value or (said.startswith("apart.toml: ") and "\n" not in said)


def toml(value):
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return "".join(('"', *(f"\\U{ord(c):08x}" for c in value), '"')) if isinstance(value, str) else str(value)
