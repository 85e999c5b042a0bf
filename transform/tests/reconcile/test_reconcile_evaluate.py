"""Measuring matches against links that are known to be true."""

from __future__ import annotations

import csv
import json

import pytest
from recon.evaluate import LABELS, THRESHOLDS, LabelsError, evaluate

CARTON = ("AC-WMS", "1234", "AB1", "NAVY", "M")
ORDER = ("Acme Inc", "1234", "AB1", "NAVY", "M")


def other(five, **changes):
    names = ("customer", "po", "style", "color", "size")
    return tuple(changes.get(name, value) for name, value in zip(names, five, strict=True))


@pytest.fixture
def labelled(warehouse, tmp_path):
    """A reconciled warehouse and a way to write labels of it."""
    warehouse.workbook("a.xlsx", [(*ORDER, 10), (*other(ORDER, size="XXL"), 10), (*other(ORDER, po="9", style="P"), 5)])
    cartons = [CARTON, other(CARTON, po="PO 1234"), other(CARTON, size="2X"), other(CARTON, po="9999")]
    warehouse.packed([(*five, 1, {"carton_id": f"C{n}"}) for n, five in enumerate(cartons)])
    warehouse.reconcile()

    def write(*rows):
        path = tmp_path / "labels.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([LABELS, *rows])
        return path

    return warehouse, write


def test_precision_and_recall_are_told_overall_by_corruption_and_by_pass(labelled):
    warehouse, write = labelled
    nothing = ("",) * 5
    path = write(
        (*CARTON, *ORDER, "none"),
        (*other(CARTON, po="PO 1234"), *ORDER, "po_prefix"),
        (*other(CARTON, size="2X"), *other(ORDER, size="xxl"), "size_spelling"),  # folded as published
        (*other(CARTON, po="9999"), *other(ORDER, po="9", style="P"), "po_typo"),  # not found
        (*other(CARTON, po="PO 1234"), *ORDER, "po_prefix"),  # twice is once
        (*other(CARTON, po="UNSEEN"), *nothing, "stranger"),
    )

    found = evaluate(warehouse.engine, warehouse.rules, path)

    assert (found.overall.keys, found.overall.true_links, found.overall.links, found.overall.right) == (5, 4, 3, 3)
    assert (found.overall.precision, found.overall.recall) == (1.0, 0.75)
    assert found.overall.f1 == pytest.approx(6 / 7)
    assert found.unknown == 1
    by_corruption = {score.name: (score.links, score.right) for score in found.by_corruption}
    assert by_corruption == {
        "none": (1, 1),
        "po_prefix": (1, 1),
        "size_spelling": (1, 1),
        "po_typo": (0, 0),
        "stranger": (0, 0),
    }
    assert {score.name: score.right for score in found.by_pass} == {"exact": 2, "po_normalised": 1}
    assert "0.7500" in str(found)
    assert "1 labelled keys are not among the published ones." in str(found)


def test_a_stranger_that_was_linked_costs_precision_not_recall(labelled):
    warehouse, write = labelled
    found = evaluate(
        warehouse.engine,
        warehouse.rules,
        write((*CARTON, *("",) * 5, "stranger"), (*other(CARTON, po="PO 1234"), *ORDER, "none")),
    )
    assert (found.overall.precision, found.overall.recall) == (0.5, 1.0)


def test_labels_that_lack_a_column_are_refused_by_name(labelled, tmp_path):
    warehouse, _ = labelled
    path = tmp_path / "bad.csv"
    path.write_text("fulfil_customer\nACME\n", encoding="utf-8")
    with pytest.raises(LabelsError, match=r"bad\.csv: has no column fulfil_customer_po, "):
        evaluate(warehouse.engine, warehouse.rules, path)
    with pytest.raises(LabelsError, match="cannot be read"):
        evaluate(warehouse.engine, warehouse.rules, tmp_path / "none.csv")


def test_bands_tell_how_far_a_score_can_be_trusted_and_the_sweep_what_a_threshold_costs(warehouse, tmp_path):
    sizes = ("S", "M", "L", "XL")
    warehouse.workbook(
        "a.xlsx", [("Acme Inc", "4500012345", "AB1", "NAVY", size, 10 + n) for n, size in enumerate(sizes)]
    )
    warehouse.packed([("AC-WMS", "450001234", "AB1", "NAVY", size, 10 + n) for n, size in enumerate(sizes)])
    warehouse.reconcile()
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="", encoding="utf-8") as file:
        rows = [
            ("AC-WMS", "450001234", "AB1", "NAVY", size, "Acme Inc", "4500012345", "AB1", "NAVY", size, "po_typo")
            for size in sizes[:3]
        ]
        csv.writer(file).writerows([LABELS, *rows, (*rows[0][:4], "XL", *("",) * 5, "stranger")])

    found = evaluate(warehouse.engine, warehouse.rules, labels)

    assert {score.name: (score.links, score.right) for score in found.reliability} == {"99 to under 100": (4, 3)}
    assert {score.links for score in found.sweep} == {4}
    assert {score.name for score in found.by_pass} == {"po_dropped"}
    assert "99 to under 100" in str(found)


def test_the_sweep_links_candidates_below_the_threshold(warehouse, tmp_path):
    warehouse.workbook("a.xlsx", [("Acme Inc", "4500012345", "AB1", "NAVY", "M", 10)])
    warehouse.packed([("AC-WMS", "4500012346", "AB1", "NAVY", "M", 10)])
    warehouse.reconcile()
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="", encoding="utf-8") as file:
        key = ("AB1", "NAVY", "M")
        csv.writer(file).writerows([LABELS, ("AC-WMS", "4500012346", *key, "Acme Inc", "4500012345", *key, "po_typo")])

    found = evaluate(warehouse.engine, warehouse.rules, labels)

    assert found.overall.links == 0
    assert found.reliability == ()
    (candidate,) = warehouse.rows("recon_match")
    best = json.loads(candidate["candidates"])[0]["score"]
    assert {int(score.name): score.right for score in found.sweep} == {
        threshold: int(threshold <= best) for threshold in THRESHOLDS
    }
