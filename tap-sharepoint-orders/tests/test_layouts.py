"""The header rows of fourteen real order lists, read back cell for cell."""

import json
from pathlib import Path

import pytest

LAYOUTS = json.loads(Path(__file__).with_name("layouts.json").read_text())


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout["layout"] for layout in LAYOUTS])
def test_every_cell_of_a_real_layout_comes_back_under_its_header(tmp_path, save, read, layout):
    columns = layout["columns"]
    unit, total = columns.index("UNIT OF MEASURE"), columns.index("TOTAL QTY")
    rows = [
        [row * 1000 + n if unit < n < total else f"{name} {row}" for n, name in enumerate(columns)]
        for row in range(1, 4)
    ]
    # As Excel keeps them: a header that is a number is a number.
    header = [int(name) if name.isdigit() else name for name in columns]

    found = read(save(tmp_path / "a.xlsx", {"MASTER": [["title"], header, *rows]}))

    assert found.header.names == tuple(columns)
    for number, row in enumerate(rows, 3):
        cells, sizes = found.rows[number]
        pairs = [[name, value] for name, value in zip(columns, row, strict=True)]
        assert sizes == pairs[unit + 1 : total]
        assert cells == pairs[: unit + 1] + pairs[total:]
    assert found.table.qty == sum(sum(row[unit + 1 : total]) for row in rows)
