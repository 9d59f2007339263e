"""docs/keys.md tells the weights that are in force."""

from pathlib import Path

from poolwatch.evaluation.keys_page import weights_table


def test_the_page_has_the_weights():
    assert weights_table() in Path("docs/keys.md").read_text()
