"""Labels in few words, for tests."""

from models.yardstick.truth import AGGREGATOR, Label


def label(kind, entity, role=AGGREGATOR, party="p", scenario="loud", start=0, end=86_400_000, population=""):
    """A label; one day long unless told."""
    return Label(kind, entity, role, party, scenario, start, end, population or scenario)
