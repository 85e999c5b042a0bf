"""Normal forms: what may be taken off a PO, a style or a colour, and what may not."""

from __future__ import annotations

import pytest
from recon.matching.normalise import Normaliser, plain_style


@pytest.fixture
def normaliser():
    return Normaliser(["PO", "P.O.", "PURCHASE ORDER", "ORDER"], {"NAVY": ("NVY", "NV"), "LIGHT GREY": ("LT GRY",)})


@pytest.mark.parametrize(
    ("found", "base", "suffix"),
    [
        ("123", "123", ""),
        ("PO#0123-1", "123", "1"),
        ("P.O. 123", "123", ""),
        ("P.O 123", "123", ""),
        ("PO123", "123", ""),
        ("PO NO. 0123", "123", ""),
        ("PURCHASE ORDER: 123", "123", ""),
        ("#123", "123", ""),
        ("123 A", "123", "A"),
        ("123-01", "123", "1"),
        ("123 / 2", "123", "2"),
        ("4500012345", "4500012345", ""),
        ("4500-012345", "4500-012345", ""),
        ("12-3", "12-3", ""),  # what is left would be no number of an order
        ("123-456", "123-456", ""),
        ("POLO7", "POLO7", ""),  # a word that begins like the prefix
        ("STOCK", "STOCK", ""),
        ("PO", "PO", ""),
        ("000", "0", ""),
    ],
)
def test_a_po_is_taken_apart(normaliser, found, base, suffix):
    assert normaliser.po(found) == (base, suffix)


def test_without_prefixes_in_the_rules_none_is_taken_off():
    assert Normaliser([], {}).po("PO 123") == ("PO-123", "")


@pytest.mark.parametrize(
    ("found", "code", "name"),
    [
        ("NAVY", "", "NAVY"),
        ("05 - NAVY", "5", "NAVY"),
        ("05 NVY", "5", "NAVY"),
        ("NVY", "", "NAVY"),
        ("NAVY (410)", "410", "NAVY"),
        ("NAVY-410", "410", "NAVY"),
        ("LT GRY", "", "LIGHT GREY"),
        ("NV/WHITE", "", "NAVY WHITE"),
        ("NVY-NAVY", "", "NAVY"),
        ("BLUE 2", "", "BLUE 2"),  # a shade, not a code
        ("410", "", "410"),
        ("---", "", "---"),
    ],
)
def test_a_colour_is_taken_apart(normaliser, found, code, name):
    assert normaliser.color(found) == (code, name)


@pytest.mark.parametrize(
    ("style", "color", "color_code", "bare"),
    [
        ("AB-1234-NVY", "NAVY", None, "AB1234"),
        ("AB1234 NAVY", "05 - NVY", None, "AB1234"),
        ("AB1234-05", "5 - NAVY", None, "AB1234"),
        ("AB1234-410", "NAVY", "410", "AB1234"),
        ("AB1234-BLK", "NAVY", None, None),  # another colour's name belongs to the style
        ("AB1234-2", "NAVY", None, None),
        ("AB-NAVY", "NAVY", None, None),  # too little would be left to be a style
        ("AB1234", "NAVY", "410", None),
    ],
)
def test_a_style_loses_its_own_colour_at_its_end_and_nothing_else(normaliser, style, color, color_code, bare):
    assert normaliser.bare_style(style, color, color_code) == bare


@pytest.mark.parametrize(("style", "plain"), [("AB-12.34/X", "AB1234X"), ("AB 1234", "AB1234"), ("--", "--")])
def test_a_plain_style_has_no_punctuation(style, plain):
    assert plain_style(style) == plain
