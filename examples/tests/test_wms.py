from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from made_sample import AS_OF, Made

PACKED = [
    "Customer",
    "Customer_PO",
    "Season",
    "cartonid",
    "Pack_Date",
    "Shipping_Method",
    "shippingCountry",
    "Style",
    "Color",
    "Size",
    "SKUBarcode",
    "Stock_Age",
    "Qty",
]
SHIPPED = [
    "Customer",
    "CartonID",
    "Customer_PO",
    "Season",
    "Shipped_Date",
    "Style",
    "Color",
    "Size",
    "SKUBarcode",
    "Shipping_Method",
    "shippingCountry",
    "Qty",
]
KEY = ("Customer", "Customer_PO", "Style", "Color", "Size")
FULFIL = ("fulfil_customer", "fulfil_customer_po", "fulfil_style", "fulfil_color", "fulfil_size")
ORDER = ("order_customer", "order_customer_po", "order_style", "order_color", "order_size")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def views(made: Made) -> Iterator[dict[str, list[Row]]]:
    with closing(sqlite3.connect(made.folder / "wms.db")) as database:
        database.row_factory = sqlite3.Row
        yield {
            view: [dict(row) for row in database.execute(f"SELECT * FROM {view}")]  # noqa: S608
            for view in ("v_packed_products", "v_shipped", "v_master_order_list")
        }


def test_the_views_have_the_columns_of_the_warehouse(views: dict[str, list[Row]]) -> None:
    assert list(views["v_packed_products"][0]) == PACKED
    assert list(views["v_shipped"][0]) == SHIPPED
    wide = list(views["v_master_order_list"][0])
    assert wide[:10] == [
        "Customer",
        "Customer_PO",
        "Customer_Alt_PO",
        "Season",
        "AAG_Season",
        "Style",
        "Color",
        "Category",
        "Pattern_ID",
        "UNIT OF MEASURE",
    ]
    assert wide[-1] == "TOTAL QTY"
    assert {"XS", "XXL", "3XL", "O/S"} <= set(wide[10:-1])


def test_rows_and_units_of_the_carton_views_are_those_of_the_truth(made: Made, views: dict[str, list[Row]]) -> None:
    wms = made.truth["wms"]
    packed, shipped = views["v_packed_products"], views["v_shipped"]
    assert (len(packed), sum(r["Qty"] for r in packed)) == (wms["packed_rows"], wms["packed_units"])
    assert (len(shipped), sum(r["Qty"] for r in shipped)) == (wms["shipped_rows"], wms["shipped_units"])
    assert 15_000 <= len(packed) + len(shipped) <= 20_000
    assert all(row["Qty"] > 0 for row in packed + shipped)


def test_what_stands_in_both_views_is_counted_once(made: Made, views: dict[str, list[Row]]) -> None:
    shipped = {(row["CartonID"], row["SKUBarcode"]): row["Qty"] for row in views["v_shipped"]}
    both = [row for row in views["v_packed_products"] if (row["cartonid"], row["SKUBarcode"]) in shipped]
    in_part = [row for row in both if shipped[row["cartonid"], row["SKUBarcode"]] < row["Qty"]]
    wms = made.truth["wms"]
    assert (len(both) - len(in_part), len(in_part)) == (wms["shipped_since"]["rows"], wms["shipped_in_part"]["rows"])
    assert len(in_part) >= 5
    gone = sum(min(row["Qty"], shipped[row["cartonid"], row["SKUBarcode"]]) for row in both)
    assert sum(row["Qty"] for row in views["v_packed_products"]) - gone == wms["packed_units_still_there"]


def test_some_rows_are_equal_in_every_column_and_some_have_no_date(made: Made, views: dict[str, list[Row]]) -> None:
    identical = undated = 0
    for view, day in (("v_packed_products", "Pack_Date"), ("v_shipped", "Shipped_Date")):
        counts = Counter(tuple(row.values()) for row in views[view])
        identical += sum(count - 1 for count in counts.values())
        undated += sum(row[day] is None for row in views[view])
    # A pair that lost a date on one side is no longer equal.
    assert made.truth["wms"]["identical_rows"] - 3 <= identical <= made.truth["wms"]["identical_rows"]
    assert identical >= 10
    assert undated == made.truth["wms"]["undated_rows"]


def test_dates_are_iso_days_before_the_sample_and_packing_is_within_its_window(views: dict[str, list[Row]]) -> None:
    packed = [date.fromisoformat(row["Pack_Date"]) for row in views["v_packed_products"] if row["Pack_Date"]]
    shipped = [date.fromisoformat(row["Shipped_Date"]) for row in views["v_shipped"] if row["Shipped_Date"]]
    assert max(packed + shipped) < AS_OF
    assert (AS_OF - min(packed)).days < 180
    assert (AS_OF - min(shipped)).days > 180


def test_the_truth_names_every_key_of_the_carton_views_and_no_other(made: Made, views: dict[str, list[Row]]) -> None:
    found = {tuple(row[name] for name in KEY) for view in ("v_packed_products", "v_shipped") for row in views[view]}
    named = [tuple(key[name] for name in FULFIL) for key in made.keys]
    assert len(named) == len(set(named))
    assert set(named) == found


def test_every_key_that_has_an_order_leads_to_one_that_is_there(made: Made, views: dict[str, list[Row]]) -> None:
    orders = {key for book in made.order_lists.values() for key in book.keys}
    for row in views["v_master_order_list"]:
        orders |= {
            (row["Customer"], row["Customer_PO"], row["Style"], row["Color"], size)
            for size in list(row)[10:-1]
            if row[size]
        }
    for key in made.keys:
        order = tuple(key[name] for name in ORDER)
        no_order = key["corruption"] in {"stranger", "incomplete"}
        assert (order == ("",) * 5) == no_order
        assert no_order or order in orders, key


def test_strangers_are_made_of_parts_that_are_real_elsewhere(made: Made) -> None:
    real = {name: {key[f"order_{name}"] for key in made.keys} for name in ("customer_po", "style", "color", "size")}
    strangers = [key for key in made.keys if key["corruption"] == "stranger"]
    of_real_parts = [k for k in strangers if all(k[f"fulfil_{name}"] in values for name, values in real.items())]
    assert len(of_real_parts) > len(strangers) / 2
    orders = {tuple(key[name] for name in ORDER[1:]) for key in made.keys}
    assert not [k for k in strangers if tuple(k[name] for name in FULFIL[1:]) in orders]


def test_keys_depart_from_their_orders_in_the_shares_asked_for(made: Made) -> None:
    kinds = Counter(key["corruption"] for key in made.keys)
    assert kinds == made.truth["fulfilment_keys"]["by_corruption"]
    total = kinds.total()
    misspelt = kinds["po_misspelt"] + kinds["style_misspelt"] + kinds["row_typo"]
    plain = kinds["exact"] + kinds["alias_customer"]
    no_order = kinds["stranger"] + kinds["incomplete"]
    resolvable = total - plain - misspelt - no_order - kinds["unlisted_customer"]
    assert 0.07 <= misspelt / total <= 0.09
    assert 0.035 <= kinds["stranger"] / total <= 0.045
    assert 0.18 <= resolvable / total <= 0.22
    assert min(kinds.values()) >= 10


def test_a_misspelt_po_is_misspelt_as_a_whole_and_is_nobody_elses(made: Made) -> None:
    spellings: dict[tuple[str, str], set[str]] = {}
    pos = {(key["order_customer"], key["order_customer_po"]) for key in made.keys}
    misspelt = [key for key in made.keys if key["corruption"] == "po_misspelt"]
    for key in misspelt:
        spellings.setdefault((key["order_customer"], key["order_customer_po"]), set()).add(key["fulfil_customer_po"])
        assert (key["order_customer"], key["fulfil_customer_po"]) not in pos
    assert all(len(wrong) == 1 for wrong in spellings.values())
    assert len(misspelt) > 5 * len(spellings)


def test_pos_and_styles_are_sequential(made: Made) -> None:
    pos = sorted({int(k["order_customer_po"]) for k in made.keys if k["order_customer"] == "CINDERPATH ATHLETICS"})
    assert max(after - before for before, after in pairwise(pos)) <= 3
    assert len(pos) > 12


def test_orders_are_over_and_short_filled_unfilled_and_not_yet_due(made: Made, views: dict[str, list[Row]]) -> None:
    ordered: Counter[tuple[str, ...]] = Counter()
    due: list[date] = []
    for book in made.order_lists.values():
        ordered.update(book.keys)
        column = book.columns["EX FACTORY DATE"]
        due += [row[column].date() for row in book.rows.values() if column in row]
    units: Counter[tuple[str, ...]] = Counter()
    for view in ("v_packed_products", "v_shipped"):
        for row in views[view]:
            units[tuple(row[name] for name in KEY)] += row["Qty"]
    filled: Counter[tuple[str, ...]] = Counter()
    for key in made.keys:
        filled[tuple(key[name] for name in ORDER)] += units[tuple(key[name] for name in FULFIL)]
    shares = [filled[key] / ordered[key] for key in ordered if key in filled]
    assert sum(share > 1.05 for share in shares) > 100
    assert sum(share < 0.95 for share in shares) > 300
    assert sum(share == 1 for share in shares) > 3000
    assert len([key for key in ordered if key not in filled]) > 1000
    assert sum(day > AS_OF for day in due) > 500


def test_two_customers_stand_in_workbook_and_view_with_a_few_quantities_differing(
    made: Made, views: dict[str, list[Row]]
) -> None:
    names = {"FERNHOLLOW (US)": "FERNHOLLOW", "TIDEWICK INTIMATES": "TIDEWICK INTIMATES"}
    in_view: Counter[tuple[str, ...]] = Counter()
    alone = set()
    for row in views["v_master_order_list"]:
        if row["Customer"] not in names:
            alone.add(row["Customer"])
            continue
        for size in list(row)[10:-1]:
            if row[size]:
                key = (names[row["Customer"]], row["Customer_PO"], row["Style"], row["Color"], size)
                in_view[key] += row[size]
    in_list: Counter[tuple[str, ...]] = Counter()
    for book in made.order_lists.values():
        in_list.update({key: n for key, n in book.keys.items() if key[0] in names.values()})
    assert alone == {"HOLLOWAY THREAD CO", "DRIFTGLASS"}
    differing = {key for key in in_view if in_view[key] != in_list[key]}
    listed = made.truth["view_of_orders"]["differing_quantities"]
    assert differing == {(d["customer"], d["po"], d["style"], d["color"], d["size"]) for d in listed}
    assert len(differing) == 12


def test_units_ordered_are_those_of_the_workbooks_and_of_the_view_for_who_has_none(
    made: Made, views: dict[str, list[Row]]
) -> None:
    from_books = sum(book.units["ordered_units"] for book in made.order_lists.values())
    alone = {"HOLLOWAY THREAD CO", "DRIFTGLASS"}
    from_view = sum(row["TOTAL QTY"] for row in views["v_master_order_list"] if row["Customer"] in alone)
    assert made.truth["orders"]["ordered_units"] == from_books + from_view
