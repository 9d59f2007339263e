"""Names against a dict, and through their pages."""

from hypothesis import given, settings
from hypothesis import strategies as st

from models.memory.names import PAGE_NAMES, Names

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
BATCHES = st.lists(st.dictionaries(st.integers(1, 2**64 - 1), TEXTS, max_size=9), max_size=6)


@settings(max_examples=40, deadline=None)
@given(BATCHES, st.integers(1, 2**64 - 1))
def test_names_are_a_dict_that_keeps_the_first(batches, stranger):
    names, plain = Names(), {}
    for batch in batches:
        for value in batch:
            assert names[value] == plain.get(value, f"{value:016x}")
        told = names.add(batch)
        assert told == [text for value, text in batch.items() if value not in plain]
        plain = batch | plain
        assert names.texts(batch) == [plain[value] for value in batch]
    assert len(names) == len(plain)
    assert names[stranger] == plain.get(stranger, f"{stranger:016x}")
    again = Names()
    again.restore({name: page for name, page in names.changed().items() if page is not None})
    assert again.texts(plain) == list(plain.values())


def test_pages_are_told_when_they_change_and_when_they_go():
    names = Names()
    names.add({value: f"a name of {value} bytes or so" for value in range(1, 3 * PAGE_NAMES)})
    assert names.changed().keys() == {"names/0", "names/1", "names/2"}
    names.add({9_999_999: "last"})
    assert names.changed().keys() == {"names/2"}
    assert names.changed() == {}
    names.keep({5, 9_999_999})
    assert (len(names), names[5], names[6]) == (2, "a name of 5 bytes or so", f"{6:016x}")
    pages = names.changed()
    assert [name for name, page in pages.items() if page is None] == ["names/1", "names/2"]
    again = Names()
    again.restore({name: page for name, page in pages.items() if page is not None})
    assert (len(again), again[9_999_999]) == (2, "last")
