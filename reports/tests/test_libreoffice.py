"""The workbook in another program than the one it was written for: LibreOffice opens it and finds the same values."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def convert(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Convert a file with LibreOffice, under a profile of its own."""
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.fail("LibreOffice is not installed: apt-get install libreoffice-calc, or deselect with -m 'not slow'.")

    def run(source: Path, kind: str) -> Path:
        target = tmp_path / "converted"
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        arguments = [soffice, profile, "--headless", "--convert-to", kind, "--outdir", str(target), str(source)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=240, check=False)
        made = target / f"{source.stem}.{kind}"
        assert made.is_file(), done.stderr
        assert "error" not in done.stderr.lower(), done.stderr
        return made

    return run


def values(path: Path) -> dict[tuple[str, str], Any]:
    book = openpyxl.load_workbook(path, data_only=True)
    found = {
        (sheet.title, cell.coordinate): round(cell.value, 9) if isinstance(cell.value, float) else cell.value
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    }
    book.close()
    return found


def links(path: Path) -> dict[tuple[str, str], str]:
    book = openpyxl.load_workbook(path)
    found = {
        (sheet.title, cell.coordinate): cell.hyperlink.location.replace("'", "").replace("$", "")
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.hyperlink is not None
    }
    book.close()
    return found


def test_every_value_and_link_survives_libreoffice(
    monday: Any, report: Callable[[], Any], report_path: Path, convert: Callable[[Path, str], Path]
) -> None:
    monday.order("HISTORY", "=1+1", "<r>x</r>", "_x0041_", " M ", ordered=12, status="UNFULFILLED")
    monday.order("A[]:*?/\\Z", "007", "1E5", "3-4", "🧦", ordered=12, status="UNFULFILLED")
    report()
    made = convert(report_path, "xlsx")
    assert values(made) == values(report_path)
    assert links(made) == links(report_path)


@pytest.mark.usefixtures("monday")
def test_the_workbook_prints(
    report: Callable[[], Any], report_path: Path, convert: Callable[[Path, str], Path]
) -> None:
    report()
    assert convert(report_path, "pdf").read_bytes().startswith(b"%PDF")
