"""The fictional brands of the sample: how each numbers its orders, which workbook it keeps, what is wrong in it.

The names of hazards are those of ``hazards.py``; the names under which the warehouse knows a brand are explained
by ``config/customers.yml``, all but one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

HeaderCell = str | int | date | None


@dataclass(frozen=True)
class Brand:
    """One customer of the sample.

    Attributes:
        name: its name in its workbook, and the canonical one in ``config/customers.yml``.
        po: format of its PO numbers, which are sequential from ``first_po``.
        style: format of its styles, sequential from ``first_style``.
        layout: the header row of its workbook; ``None``: no workbook, its orders stand in the WMS view alone.
        path: its workbook under ``order_lists/``.
        weight: its share of the rows, relative to the other brands.
        alt_po: format of its alternate PO numbers; ``None``: it uses none.
        po_as_number: the workbook holds its PO numbers as numbers.
        colour_codes: whether its colour codes are digits or letters.
        carton: units in a full carton.
        wms_names: its names in the carton views, one a PO.
        unlisted_name: one more such name, which ``config/customers.yml`` does not know.
        view_name: its name in the view of orders; ``None``: its orders do not stand there.
        second_name: a second name in its sheet.
        extra_sizes: size columns that its workbook has beside the layout's.
        headers: header cells that its workbook spells in another way, by layout header.
        hazards: what is wrong in its workbook.
    """

    name: str
    po: str
    first_po: int
    style: str
    first_style: int
    layout: str | None = None
    path: str | None = None
    weight: float = 1.0
    alt_po: str | None = None
    po_as_number: bool = False
    colour_codes: Literal["digits", "letters"] = "digits"
    carton: int = 36
    wms_names: tuple[str, ...] = ()
    unlisted_name: str | None = None
    view_name: str | None = None
    second_name: str | None = None
    extra_sizes: tuple[str, ...] = ()
    headers: Mapping[str, HeaderCell] = field(default_factory=dict)
    hazards: tuple[str, ...] = ()


# Excel reads a header typed as 3-4 as a day of the current year; the year says nothing.
_KIDS_HEADERS: Final[dict[str, HeaderCell]] = {
    "3-4": date(2025, 3, 4),
    "5-6": date(2025, 5, 6),
    "7-8": date(2025, 7, 8),
    "10-12": date(2025, 10, 12),
    "12-13": date(2025, 12, 13),
}
_WAISTS: Final[dict[str, HeaderCell]] = {
    str(n): n for n in (26, 27, 28, 29, 30, 31, 32, 33, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60)
}

WORKBOOK_BRANDS: Final[tuple[Brand, ...]] = (
    Brand(
        name="FERNHOLLOW",
        layout="L01",
        path="Womenswear/FERNHOLLOW ORDER LIST.xlsx",
        weight=1.4,
        po="45000{n:05d}",
        first_po=12301,
        alt_po="FHX{n:06d}",
        style="FH-{n}",
        first_style=1041,
        wms_names=("FERNHOLLOW",),
        view_name="FERNHOLLOW (US)",
        hazards=("text_number", "text_thousands", "dash", "fractional", "total_mismatch"),
    ),
    Brand(
        name="BRACKEN & VALE",
        layout="L02",
        path="Childrenswear/BRACKEN & VALE ORDER LIST.xlsx",
        weight=1.3,
        po="{n:06d}",
        first_po=204401,
        style="BV{n}",
        first_style=2041,
        wms_names=("BRACKEN AND VALE LTD",),
        extra_sizes=("3-4", "5-6", "7-8", "10-12", "12-13"),
        headers=_KIDS_HEADERS,
    ),
    Brand(
        name="TIDEWICK INTIMATES",
        layout="L03",
        path="Womenswear/TIDEWICK INTIMATES ORDER LIST.xlsm",
        weight=1.2,
        po="TW{n:05d}",
        first_po=31001,
        alt_po="{n:08d}",
        style="TI.{n}",
        first_style=3041,
        colour_codes="letters",
        carton=48,
        wms_names=("TIDEWICK INTIMATES",),
        view_name="TIDEWICK INTIMATES",
        headers={"PO NUMBER": "PO NUMBER ", "CUSTOMER STYLE": "CUSTOMER STYLE  "},
        hazards=("text_number", "to_be_confirmed"),
    ),
    Brand(
        name="OAKSPINDLE",
        layout="L04",
        path="Menswear and denim/OAKSPINDLE ORDER LIST.xlsx",
        po="{n:08d}",
        first_po=87401,
        style="OS{n}",
        first_style=4041,
        wms_names=("OAKSPINDLE",),
        unlisted_name="OAKSPINDLE TRADING INC",
        extra_sizes=("SMS",),
        hazards=("blank_rows", "empty_rows", "total_mismatch"),
    ),
    Brand(
        name="GRANITE FOLD DENIM",
        layout="L05",
        path="Menswear and denim/GRANITE FOLD DENIM ORDER LIST.xlsm",
        weight=1.3,
        po="47001{n:05d}",
        first_po=20331,
        po_as_number=True,
        alt_po="GF-{n:05d}",
        style="{n}",
        first_style=60411,
        carton=24,
        wms_names=("GRANITE FOLD DENIM", "GRANITE FOLD"),
        headers=_WAISTS,
        hazards=("filtered_rows", "text_number", "text_with_unit", "unreadable"),
    ),
    Brand(
        name="COPPERLARK",
        layout="L06",
        path="Menswear and denim/COPPERLARK ORDER LIST.xlsx",
        po="CL-{n:05d}",
        first_po=17201,
        style="CL{n}M",
        first_style=711,
        colour_codes="letters",
        carton=24,
        wms_names=("COPPERLARK",),
        extra_sizes=("30x32", "32x32", "34x32", "36x32"),
        headers={"COUNTRY OF ORIGIN": "COUNTRY OF ORIGN", "VALIDATION2": "VALIDATION"},
        hazards=("subtotal_rows", "blank_rows"),
    ),
    Brand(
        name="WRENFIELD STUDIO",
        layout="L07",
        path="Womenswear/WRENFIELD STUDIO ORDER LIST.xlsx",
        po="{n}",
        first_po=61001,
        style="WS-{n}",
        first_style=5041,
        wms_names=("WRENFIELD STUDIO",),
        second_name="WRENFIELD STUDIO OUTLET",
        hazards=("title_rows", "blank_customer_of_two", "text_number"),
    ),
    Brand(
        name="VELLUM ROSE",
        layout="L08",
        path="Womenswear/VELLUM ROSE ORDER LIST.xlsx",
        po="VR{n:06d}",
        first_po=4101,
        alt_po="{n:07d}",
        style="VR {n}",
        first_style=8041,
        carton=48,
        wms_names=("VELLUM ROSE",),
        extra_sizes=("1X", "2X", "3X"),
        headers={"CUSTOMER NAME": "Customer Name", "TOTAL QTY": "Total Qty"},
        hazards=("negative", "error_value"),
    ),
    Brand(
        name="PALE HERON",
        layout="L09",
        path="Womenswear/PALE HERON ORDER LIST.xlsx",
        weight=0.8,
        po="100{n:05d}",
        first_po=55101,
        style="PH-{n}-W",
        first_style=901,
        wms_names=("WEB STORE 7",),
        headers={"Column2": None},
        hazards=("unnamed_column", "blank_customer"),
    ),
    Brand(
        name="QUILLMARK ACTIVE",
        layout="L10",
        path="QUILLMARK ACTIVE ORDER LIST.xlsx",
        weight=0.9,
        po="{n:07d}",
        first_po=45101,
        style="QM{n}",
        first_style=6041,
        wms_names=("QUILLMARK",),
        hazards=("total_formula", "total_mismatch"),
    ),
    Brand(
        name="SALTPINE",
        layout="L11",
        path="SALTPINE ORDER LIST.xlsx",
        weight=0.7,
        po="SP-{n:04d}",
        first_po=2041,
        style="SP{n}K",
        first_style=311,
        colour_codes="letters",
        wms_names=("SALTPINE",),
        headers={"XL": "XL "},
        hazards=("second_table", "text_number"),
    ),
    Brand(
        name="NORTHFELL OUTDOOR",
        layout="L12",
        path="Menswear and denim/NORTHFELL OUTDOOR ORDER LIST.xlsx",
        weight=1.2,
        po="{n}",
        first_po=5500401,
        po_as_number=True,
        alt_po="NF{n:05d}",
        style="NF-{n}",
        first_style=7041,
        wms_names=("NORTHFELL OUTDOOR", "NORTHFELL"),
        headers={"CUSTOMER COLOUR DESCRIPTION": "CUSTOMER COLOUR\nDESCRIPTION"},
        hazards=("hidden_rows", "text_thousands"),
    ),
    Brand(
        name="CINDERPATH ATHLETICS",
        layout="L13",
        path="CINDERPATH ATHLETICS ORDER LIST.xlsx",
        po="{n}",
        first_po=880401,
        alt_po="CA{n:05d}",
        style="CA-{n}",
        first_style=9041,
        wms_names=("CINDERPATH ATHLETICS",),
        headers={"UNIT OF MEASURE": "Unit of Measure "},
        hazards=("empty_rows", "text_number", "fractional"),
    ),
    Brand(
        name="LANTERN & LOOM",
        layout="L14",
        path="Womenswear/LANTERN & LOOM ORDER LIST.xlsx",
        weight=0.8,
        po="LL{n:05d}",
        first_po=70301,
        style="LL-{n}",
        first_style=2401,
        wms_names=("LANTERN & LOOM",),
        hazards=("subtotal_rows", "dash", "hidden_rows"),
    ),
)

VIEW_BRANDS: Final[tuple[Brand, ...]] = (
    Brand(
        name="HOLLOWAY THREAD CO",
        po="HT-{n:05d}",
        first_po=66101,
        alt_po="{n:09d}",
        style="HT{n}",
        first_style=1241,
        wms_names=("HOLLOWAY THREAD",),
        view_name="HOLLOWAY THREAD CO",
    ),
    Brand(
        name="DRIFTGLASS",
        po="70{n:05d}",
        first_po=31201,
        style="DG-{n}",
        first_style=3341,
        wms_names=("DRIFTGLASS",),
        view_name="DRIFTGLASS",
    ),
)

VIEW_SIZES: Final = ("XS", "S", "M", "L", "XL", "XXL", "O/S")
"""The size run of the brands that have no workbook."""

COPIED_BRAND: Final = "OAKSPINDLE"
"""Its workbook lies about a second time, with one cell changed."""

CHANGED_BRAND: Final = "BRACKEN & VALE"
"""Its workbook is the one that ``--change`` changes: no view or copy holds its orders as well."""

LEAST_CUSTOMERS: Final = 4
"""The first four brands hold what every run must show: the view, the copy, the samples, the unlisted name."""
