"""Every poolwatch command that the documents show exists, with the options shown."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from poolwatch.commands import app
from streams.settings import ENVIRONMENT_PREFIX, SETTINGS

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.M | re.S)
KNOWN = get_command(app).commands


def shown():
    """(document, words of one shown command)."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in FENCE.findall(page.read_text() if page.exists() else ""):
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r"[|;&]+", line.removeprefix("$ ").partition(" #")[0]):
                    words = shlex.split(part, comments=True)
                    if words and words[0].rpartition("/")[2] == "poolwatch":
                        yield page.name, words[1:]


@pytest.mark.parametrize(("page", "words"), list(shown()) or [("", ["replay"])])
def test_a_shown_command_exists(page, words):
    name = next(word for word in words if not word.startswith("-"))
    assert name in KNOWN, f"{page}: no command {name}"
    options = {option for parameter in KNOWN[name].params for option in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"{page}: {name} has no {word}"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
)
def test_a_shown_module_exists(page):
    for name in re.findall(r"python -m (\w+(?:\.\w+)*)", page.read_text()):
        assert find_spec(name), f"{page.name}: no module {name}"


def test_the_architecture_names_every_module():
    page = (ROOT / "docs" / "architecture.md").read_text()
    for room in ("models", "streams", "simulators", "poolwatch"):
        table = page[page.index(f"| {room}/ ") :].partition("\n\n")[0].splitlines()[2:]
        rows = [[cell.strip() for cell in row.split("|")[1:3]] for row in table]
        told = {f"{folder}{name}" for folder, names in rows for name in re.findall(r"\w+", names)}
        alike = tuple(folder for folder, names in rows if names == "…")
        files = [file.relative_to(ROOT / room) for file in (ROOT / room).rglob("*.py")]
        modules = {file.with_suffix("").as_posix() for file in files if not file.name.startswith("__")}
        modules = {module for module in modules if not module.startswith(alike)}
        assert modules == told, f"docs/architecture.md, {room}/: {sorted(modules ^ told)}"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_option_says_what_it_does():
    for name, command in KNOWN.items():
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}: no help"


def test_a_setting_is_shown_as_the_table_has_it():
    table = {name: text for name, _, text in SETTINGS}
    for command in KNOWN.values():
        for parameter in command.params:
            if ENVIRONMENT_PREFIX in (parameter.help or ""):
                assert table[parameter.name][1:] in parameter.help
