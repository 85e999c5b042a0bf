"""The hazards of order lists, each as what it does to a sheet of any layout.

A hazard adds rows and columns of its own, so that all of them can stand in one workbook. Those of files and of whole
libraries (a copy, a listing that shrank, a bad version at nine o'clock) are reconcile's to judge, and tested there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tests.order_lists.cells import CUSTOMER, Cell, missing, money, pieces, refused, unreadable
from tests.order_lists.sheets import Sheet

Alter = Callable[[Sheet], object]


@dataclass(frozen=True)
class Hazard:
    """A hazard of order lists.

    Attributes:
        name: what it is.
        alter: puts it into a sheet.
        alone: why it cannot stand in one workbook with the others, if it cannot.
    """

    name: str
    alter: Alter
    alone: str | None


HAZARDS: Final[list[Hazard]] = []


def hazard(alone: str | None = None) -> Callable[[Alter], Alter]:
    """Declare a hazard."""

    def declare(alter: Alter) -> Alter:
        HAZARDS.append(Hazard(alter.__name__.replace("_", " "), alter, alone))
        return alter

    return declare


SPELLINGS: Final = {
    "XXS": "XXS",
    "XXL": "XXL",
    "2XL/3XL": "2XL/3XL",
    "1X": "1X",
    "2X": "2X",
    "3X": "3X",
    "32C": "32C",
    "34DDD": "34DDD",
    "30x32": "30X32",
    "30/32": "30X32",
    "28-30L": "28-30L",
    "06/XS": "06/XS",
    "S(6-8)": "S(6-8)",
    "3/6 MTHS": "3-6M",
    "0-3M": "0-3M",
    "2T": "2T",
    "3-4": "3-4",
    "12/13": "12-13",
    "0w": "0W",
    "1Y": "1Y",
    "OS": "ONE SIZE",
    "ONE SIZE": "ONE SIZE",
    "One_Sz": "ONE SIZE",
    "O/S": "ONE SIZE",
}
"""Spellings of sizes as planners type them, and their canonical ones."""


@hazard()
def sizes_in_every_spelling(sheet: Sheet) -> None:
    columns = [sheet.add_size(typed, typed, size) for typed, size in SPELLINGS.items()]
    sheet.order({column: pieces(number) for number, column in enumerate(columns, 1)})
    sheet.order({column: pieces(number) for number, column in enumerate(columns[::2], 1)})


@hazard()
def size_headers_that_excel_turned_into_a_date(sheet: Sheet) -> None:
    first, middle = sheet.run[0], sheet.run[len(sheet.run) // 2]
    columns = [
        sheet.add_size(date(2026, 3, 4), "3-4", before=first),
        sheet.add_size(datetime(2026, 12, 13), "12-13", before=middle),
        sheet.add_size(date(2026, 10, 12), "10-12"),
    ]
    sheet.order({column: pieces(number) for number, column in enumerate(columns, 5)})


@hazard()
def size_headers_that_are_numbers(sheet: Sheet) -> None:
    columns = [
        sheet.add_size(62, "62", before=sheet.run[0]),
        sheet.add_size(64.0, "64"),
        sheet.add_size("66.0", "66.0", "66"),
        sheet.add_size(34.5, "34.5"),
    ]
    sheet.order({column: pieces(number) for number, column in enumerate(columns, 5)})


@hazard()
def a_header_misspelt(sheet: Sheet) -> None:
    warehouse = sheet.named("DESTINATION WAREHOUSE")
    warehouse.typed = warehouse.name = "DESTINATION WAREHUOSE"
    warehouse.field = None
    sheet.add("COUNTRY OF ORIGN", "COUNTRY OF ORIGN")
    sheet.order()


@hazard()
def headers_nobody_has_seen(sheet: Sheet) -> None:
    size = sheet.add_size("LONG TORSO 9", "LONG TORSO 9", "LONG TORSO 9", before=sheet.run[-1])
    mood = sheet.add("∆ OF MOOD", "∆ OF MOOD")
    sheet.order({size: pieces(7), mood: Cell("fine")})


@hazard()
def the_same_header_twice(sheet: Sheet) -> None:
    po, notes, total = sheet.of("customer_po"), sheet.of("notes"), sheet.of("total_qty")
    second_po, second_notes, second_total = (
        sheet.add(f"{column.typed} ", column.name, column.field) for column in (po, notes, total)
    )
    sheet.order({second_po: Cell("other", aside=True), second_notes: Cell("more", aside=True)})
    # The second one counts where only it says anything.
    sheet.order({po: missing("TBC", aside=True), second_po: Cell("PO 7")})
    sheet.order({second_notes: Cell("the only note")}, notes=None)
    sheet.order({second_total: Cell(1, aside=True)})


@hazard()
def the_same_size_twice(sheet: Sheet) -> None:
    first, last = sheet.run[0], sheet.run[-1]
    again = sheet.add_size(first.typed, first.name, first.size)
    also = sheet.add_size(last.typed, last.name, last.size, before=first)
    sheet.order({again: pieces(40), also: pieces(50)})
    sheet.order({again: Cell(0, fate="zero")})
    sheet.order({first: refused(-1, "negative", -1), again: refused(-2, "negative", -2)})


@hazard()
def columns_without_a_name(sheet: Sheet) -> None:
    size = sheet.add_size(None, None, before=sheet.run[-1])
    other = sheet.add("  ", None)
    sheet.order({size: pieces(9), other: Cell("see mail")})


@hazard()
def a_header_merged_over_two_columns(sheet: Sheet) -> None:
    shop, more = sheet.add("SHOPS", "SHOPS"), sheet.add(None, None)
    sheet.order({shop: Cell("north"), more: Cell("south")})
    sheet.merged.append((None, shop, None, more))


@hazard()
def a_title_and_a_note_above_the_header(sheet: Sheet) -> None:
    sheet.above = [["ORDERS OF BRAND ZED"], [], [None, "note", "read me"]]


@hazard()
def a_second_order_list_below(sheet: Sheet) -> None:
    header = [column.typed for column in sheet.columns]
    sheet.below += [[], [], ["CANCELLED"], header, ["a-9", *[9] * len(header)]]


@hazard()
def a_table_of_another_kind_below(sheet: Sheet) -> None:
    sheet.below += [[], [], ["SIZE CHART"], ["SIZE", "CHEST", "WAIST"], ["S", 90, 70], ["M", 95, 75]]


@hazard()
def quantities_as_text(sheet: Sheet) -> None:
    texts = {"12 ": 12, "1,200": 1200, "12 pcs": 12, "1 200": 1200, "28.0": 28, " 7 EA": 7}
    sheet.order(sheet.spread([pieces(text, read) for text, read in texts.items()]))
    sheet.order(sheet.spread([pieces("3 units", 3)]), total_qty=None)


@hazard()
def words_for_no_quantity(sheet: Sheet) -> None:
    words = ["-", "TBC", "N/A", "NONE", "null", " NaN "]
    sheet.order(sheet.spread([Cell(word, fate="blank") for word in words]))


@hazard()
def quantities_of_zero_and_empty_ones(sheet: Sheet) -> None:
    empty = Cell(None), Cell("  ", sent=None), Cell("\u00a0", sent=None)
    sheet.order(sheet.spread([Cell(0, fate="zero"), Cell("0", fate="zero"), *empty, Cell(0.0, sent=0, fate="zero")]))
    row = sheet.order(dict.fromkeys(sheet.run, Cell(0, fate="zero")))
    assert row.cells[sheet.of("total_qty")].typed == 0


@hazard()
def quantities_that_are_negative(sheet: Sheet) -> None:
    sheet.order(sheet.spread([refused(-5, "negative", -5), refused("-6", "negative", -6), refused(-1, "negative", -1)]))


@hazard()
def quantities_with_a_fraction(sheet: Sheet) -> None:
    sheet.order(sheet.spread([refused(2.5, "fractional"), refused("2.50", "fractional"), refused(-0.25, "fractional")]))


@hazard()
def quantities_nobody_can_read(sheet: Sheet) -> None:
    odd = [refused(typed, "unreadable") for typed in ("x", "1.200", "12/13", True, "1.5e3")]
    sheet.order(sheet.spread([*odd, refused(date(2026, 3, 4), "unreadable", sent="2026-03-04")]))


@hazard()
def error_cells_as_quantities(sheet: Sheet) -> None:
    sheet.order(sheet.spread([Cell("#N/A", fate="blank", finding="error_cell")] * 2))
    sheet.order(sheet.spread([refused(error, "unreadable") for error in ("#REF!", "#DIV/0!", "#VALUE!", "#NAME?")]))


@hazard()
def quantities_that_are_formulas(sheet: Sheet) -> None:
    lost = "=SUM(A1,A2)"
    cells = [
        pieces(12, formula="=6+6"),
        pieces("14 ", 14, formula='="14"'),
        Cell("#N/A", formula="=NA()", fate="blank", finding="error_cell"),
        refused("#REF!", "unreadable", formula="=#REF!+1"),
        refused(None, "unreadable", formula=lost, sent=lost),
        refused(7.5, "fractional", formula="=15/2"),
        Cell("", sent=None, formula='=""'),
    ]
    sheet.order(sheet.spread(cells))


@hazard()
def a_total_that_is_not_the_sum(sheet: Sheet) -> None:
    sheet.order(total_qty=Cell(7, kept=7))
    sheet.order(total_qty=Cell(0, kept=0))
    sheet.order(total_qty=Cell("1,001 pcs", kept=1001))
    sheet.order(total_qty=Cell(-3, kept=-3))
    # What no line is made of belongs to no sum, but what can be read does.
    sheet.order(sheet.spread([refused(-5, "negative", -5)]), total_qty=Cell(5, kept=5))


@hazard()
def a_total_nobody_can_read(sheet: Sheet) -> None:
    for typed in ("#REF!", "see mail", 12.5):
        sheet.order(total_qty=unreadable(typed, "total_qty_unreadable"))
    for typed in ("#N/A", "-", "TBC"):
        sheet.order(total_qty=Cell(typed, kept=None))
    sheet.order(total_qty=None)


@hazard()
def a_total_that_is_a_formula(sheet: Sheet) -> None:
    row = sheet.order()
    row.cells[sheet.of("total_qty")].formula = "=SUM(A1:A9)"
    sheet.order(total_qty=Cell(8, kept=8, formula="=4+4"))
    sheet.order(total_qty=unreadable(None, "total_qty_unreadable", formula="=SUM(B1)", sent="=SUM(B1)"))
    sheet.order(total_qty=unreadable("#REF!", "total_qty_unreadable", formula="=#REF!+1"))
    sheet.order(total_qty=Cell("#N/A", kept=None, formula="=NA()"))


@hazard()
def dates_nobody_can_read(sheet: Sheet) -> None:
    sheet.order(
        ordered_on=unreadable("04/03/2026", "unreadable_date:ordered_on"),
        ex_factory_on=unreadable("ASAP", "unreadable_date:ex_factory_on"),
        eta_on=unreadable(True, "unreadable_date:eta_on"),
    )
    sheet.order(
        ordered_on=Cell(46100, kept="2026-03-19"),
        ex_factory_on=Cell("TBC", kept=None),
        eta_on=unreadable("#REF!", "unreadable_date:eta_on"),
    )


@hazard()
def prices_nobody_can_read(sheet: Sheet) -> None:
    sheet.order(
        customer_price=unreadable("POA", "unreadable_money:customer_price"),
        final_fob_usd=unreadable("1.2.3", "unreadable_money:final_fob_usd"),
    )
    sheet.order(customer_price=money("US$ 1,012.50", "1012.5000"), final_fob_usd=money(4.12345, "4.1235"))
    sheet.order(
        customer_price=Cell("#N/A", kept=None), final_fob_usd=unreadable("#VALUE!", "unreadable_money:final_fob_usd")
    )


@hazard()
def words_for_nothing_in_the_fields_that_name_an_order(sheet: Sheet) -> None:
    sheet.order(
        order_number=missing("#N/A"),
        customer_po=missing("NONE"),
        customer_alt_po=missing(" - ", kept="-"),
        style=missing("N/A"),
        pattern_id=missing("null"),
        alias_item=missing("NaN"),
        color=missing("Tbc"),
    )
    sheet.order(customer_po=None, style=None, color=None)


@hazard()
def blanks_line_breaks_and_wide_letters_in_text(sheet: Sheet) -> None:
    sheet.order(
        customer_po=Cell("po\n 12", canonical="PO 12"),
        style=Cell(" st\u00a0 9 ", kept="st\u00a0 9", canonical="ST 9"),
        color=Cell("Ｎａｖｙ", canonical="NAVY"),
    )


@hazard()
def rows_empty_in_every_field_that_matters(sheet: Sheet) -> None:
    planner = sheet.named("PLANNER")
    sheet.bare("empty_row", {planner: Cell("someone")}, notes=Cell("left over"), category=Cell("Tops"))
    sheet.bare("empty_row", sheet.spread([Cell(0, fate="zero"), Cell("-", fate="blank")]), customer=Cell(CUSTOMER))
    sheet.bare("empty_row", customer=Cell(CUSTOMER), customer_po=missing("TBC"), total_qty=Cell(0, kept=0))


@hazard()
def blank_rows_in_between(sheet: Sheet) -> None:
    sheet.bare("blank")
    sheet.bare("blank", notes=Cell("  ", sent=None))
    sheet.order()
    sheet.bare("blank")
    sheet.order()


@hazard()
def subtotal_rows(sheet: Sheet) -> None:
    sums = dict.fromkeys(sheet.run, pieces(33))
    sheet.bare("subtotal", dict(sums), order_number=Cell("TOTAL"))
    sheet.bare("subtotal", dict(sums), notes=Cell("Grand Total:"), total_qty=Cell(99, kept=99))
    sheet.bare("subtotal", {**sums, sheet.named("PLANNER"): Cell("Sub total of March")}, customer=Cell(CUSTOMER))
    sheet.bare("subtotal", {**sums, sheet.run[0]: refused("Total", "unreadable")})
    # An order line may well have the word in it.
    sheet.order(style=Cell("Total look 5"), notes=Cell("total recall"))


@hazard()
def hidden_and_filtered_rows(sheet: Sheet) -> None:
    sheet.order().hidden = True
    sheet.order()
    sheet.filtered = True


@hazard()
def a_used_range_far_below_the_last_row(sheet: Sheet) -> None:
    # A million such rows are tested with the tap, once.
    sheet.used_to = 2_000


@hazard()
def a_dimension_smaller_than_the_content(sheet: Sheet) -> None:
    sheet.dimension = "A1:B2"


@hazard()
def other_sheets_that_could_be_the_one(sheet: Sheet) -> None:
    header = [column.typed for column in sheet.columns]
    old = ["a-8", *[8] * (len(header) - 1)]
    sheet.beside = {"MASTER 2025": [header, old, old, old], "Sheet1": [header, old]}


@hazard()
def order_types_that_are_cancelled_or_active(sheet: Sheet) -> None:
    sheet.order(order_type=Cell("CANCELLED"))
    sheet.order(order_type=Cell("Active "))
    sheet.order(order_type=None)


@hazard()
def the_same_line_twice(sheet: Sheet) -> None:
    first = sheet.order(sheet.spread([pieces(1)]))
    again = sheet.bare("order")
    again.cells = dict(first.cells)


@hazard()
def a_blank_customer_where_the_sheet_has_one_other_name(sheet: Sheet) -> None:
    sheet.order(customer=None).filled = CUSTOMER
    sheet.order(customer=Cell("  ", sent=None)).filled = CUSTOMER


@hazard()
def a_customer_merged_over_its_rows(sheet: Sheet) -> None:
    first, second, third = sheet.order(), sheet.order(customer=None), sheet.order(customer=None)
    second.filled = third.filled = CUSTOMER
    sheet.merged.append((first, sheet.of("customer"), third, sheet.of("customer")))


@hazard(alone="two names leave nobody to fill a blank one with")
def a_blank_customer_beside_two_names(sheet: Sheet) -> None:
    sheet.order(customer=Cell("Brand Yew"))
    sheet.order(customer=None).fate = "customer_unknown"
    cells = [refused(-5, "negative", -5), refused("x", "unreadable"), Cell("-", fate="blank")]
    sheet.order(sheet.spread(cells), customer=Cell("  ", sent=None), style=missing("N/A")).fate = "customer_unknown"


@hazard()
def a_customer_in_other_letters(sheet: Sheet) -> None:
    sheet.order(customer=Cell(" brand \n ZED", kept="brand \n ZED", canonical="BRAND ZED"))
    sheet.order(customer=None).filled = CUSTOMER


@hazard()
def a_customer_said_to_be_nobody(sheet: Sheet) -> None:
    for word in ("N/A", "TBC"):
        sheet.order(customer=missing(word)).filled = CUSTOMER


@hazard()
def a_subtotal_under_the_customers(sheet: Sheet) -> None:
    for label in (f"{CUSTOMER} Total", "Grand Total"):
        sheet.bare("subtotal", dict.fromkeys(sheet.run, pieces(33)), customer=Cell(label))
    sheet.order(customer=None).filled = CUSTOMER


# Last: it changes the headers that the others brought, too.
@hazard()
def headers_in_other_letters_with_blanks_and_line_breaks(sheet: Sheet) -> None:
    for column in sheet.columns:
        if isinstance(column.typed, str) and column.name:
            column.name = column.typed.strip().lower().replace(" ", " \n", 1)
            column.typed = f" {column.name}\n "
    sheet.order()


def put_all(sheet: Sheet) -> None:
    """Put in every hazard that can stand beside the others."""
    for one in HAZARDS:
        if not one.alone:
            one.alter(sheet)
