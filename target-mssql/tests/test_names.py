"""Names are kept as found; what a database cannot hold is changed by one rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_mssql.errors import LoadError
from target_mssql.names import ORDER_COLUMN, column_names, suffixed, table_name
from target_mssql.types import utf16_units

NAMES = st.text(alphabet=st.sampled_from("aAbB ∆[]'\"%ſS🎽"), min_size=1, max_size=6).filter(lambda name: name.strip())


@given(st.lists(NAMES, unique=True, max_size=8), st.lists(NAMES, unique_by=str.casefold, max_size=3), st.randoms())
def test_each_property_has_a_column_of_its_own_whatever_their_order(names, existing, chance):
    found = column_names("s", names, existing, 128)
    shuffled = list(names)
    chance.shuffle(shuffled)
    assert column_names("s", shuffled, existing, 128) == found
    assert len({column.casefold().rstrip(" ") for column in found.values()}) == len(names)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=6), st.data())
def test_a_property_keeps_its_column_when_others_leave(names, data):
    first = column_names("s", names, [], 128)
    some = data.draw(st.lists(st.sampled_from(names), unique=True))
    assert column_names("s", some, first.values(), 128) == {name: first[name] for name in some}


def test_a_name_that_fits_is_not_touched():
    names = ["AAG ORDER NUMBER", "∆", "a]b[", "select", "8", " x "]
    assert column_names("s", names, [], 128) == {name: name for name in names}


@pytest.mark.parametrize("name", ["x" * 129, "🎽" * 65])
def test_a_name_too_long_keeps_its_beginning(name):
    short = table_name(name, 128)
    assert utf16_units(short) <= 128
    assert short == suffixed(name, 128)
    assert name.startswith(short[:-9])
    assert table_name(name + "y", 128) != short


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", ORDER_COLUMN])
def test_a_name_that_no_database_holds_is_refused(name):
    with pytest.raises(LoadError, match="stream_maps"):
        column_names("s", [name], [], 128)
