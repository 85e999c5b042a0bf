"""How one text may have become another: edits told by kind, sizes never by likeness."""

from __future__ import annotations

import numpy as np
import pytest
from recon.matching import levels, spelling
from recon.matching.spelling import color_way, near, size_way, way


@pytest.mark.parametrize(
    ("carton", "order", "found"),
    [
        ("45OOO12345", "4500012345", levels.LOOKS_ALIKE),
        ("45 0001 2345", "4500012345", levels.LOOKS_ALIKE),
        ("450001234", "4500012345", levels.DROPPED),
        ("45000123455", "4500012345", levels.ADDED),
        ("4500013245", "4500012345", levels.SWAPPED),
        ("4500012346", "4500012345", levels.DIGIT),
        ("FX-1042", "FH-1042", levels.LETTER),
        ("4500012345-SS26", "4500012345", levels.CONTAINED),
        ("12345", "4500012345", levels.CONTAINED),
        ("4500912745", "4500012345", levels.TWO_SIGNS),
        ("SO7712", "4500012345", levels.UNLIKE),
        ("12", "13", levels.UNLIKE),  # of so short a number one digit wrong leaves nothing
    ],
)
def test_edits_of_a_number_are_told_by_kind(carton, order, found):
    assert way(carton, order) == found


@pytest.mark.parametrize(
    ("carton", "order", "found"),
    [
        ("HEATHER NAVY", "NAVY HEATHER", levels.LOOKS_ALIKE),
        ("HTHR GRY", "HEATHER GREY", levels.SHORTENED),
        ("BURG", "BURGUNDY", levels.SHORTENED),
        ("NAYV", "NAVY", levels.SWAPPED),
        ("NAVYY", "NAVY", levels.ADDED),
        ("SEA MOSS", "SEA MIST", levels.ALIKE),
        ("NAVY STRIPE", "NAVY", levels.ALIKE),
        ("BLOCK 1", "BLOCK 2", levels.ALIKE),  # a digit in a colour is a name
        ("ROSE", "NAVY", levels.UNLIKE),
    ],
)
def test_colours_are_misspelt_or_shortened_word_by_word(carton, order, found):
    assert color_way(carton, order) == found


@pytest.mark.parametrize(
    ("carton", "order", "found"),
    [
        ("LG", "L", levels.READ_AS),
        ("XXLG", "XXL", levels.READ_AS),
        ("6", "06/XS", levels.READ_AS),
        ("30-32", "30X32", levels.READ_AS),
        ("T3", "3T", levels.READ_AS),
        ("AGE 3", "3Y", levels.READ_AS),
        ("XL", "XXL", levels.ANOTHER),
        ("XL", "L", levels.ANOTHER),
        ("10", "12", levels.ANOTHER),
        ("3M", "3Y", levels.UNLIKE),
        ("2X", "2XL", levels.UNLIKE),  # the rules settle that, by customer
        ("34D", "34DD", levels.UNLIKE),
    ],
)
def test_sizes_are_read_never_compared_by_likeness(carton, order, found):
    assert size_way(carton, order) == found


def test_neighbours_are_found_without_comparing_all():
    cartons = np.array(["4500012354", "450001234", "45OO012345", "99", "1230000000"], dtype=object)
    orders = np.array(["4500012345", "4500012346", "8800000000"], dtype=object)
    mine, theirs = near(cartons, orders)
    assert {(0, 0), (1, 0), (1, 1), (2, 0)} <= set(zip(mine.tolist(), theirs.tolist(), strict=True))
    assert not {3, 4} & set(mine.tolist())


def test_a_number_among_the_customers_own_could_be_the_next_of_them():
    texts = np.array([f"45000123{n:02}" for n in range(0, 60, 3)] + ["4500012301", "4500912300", "X1"], dtype=object)
    numbering = spelling.Numbering(texts, np.arange(20))
    asked = np.array([20, 21, 22])
    assert numbering.could_be_next(asked, np.array([0, 0, 0])).tolist() == [True, False, False]
    few = spelling.Numbering(texts, np.array([0]))
    assert few.could_be_next(np.array([20]), np.array([0])).tolist() == [True]  # nobody can tell how dense they are
