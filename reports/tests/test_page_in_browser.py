"""The page in a real browser, Debian's Chromium: search, sort, keyboard, dark, narrow, paper, and axe-core's rules."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # `make test-all` installs the driver, `make test` does without
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

Open = Callable[..., Any]
A4_MM = (210, 297)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("Chromium is not installed: apt-get install chromium, or deselect with -m 'not slow'.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, monday: Any, invoke: Callable[..., Any], tmp_path: Path) -> Iterator[Open]:
    """Write the page and open it from disk; nothing may be said on the console or asked of the network."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def show(path: Path | None = None, **options: Any) -> Page:
        if path is None:
            monday.save()
            result = invoke("page")
            assert result.exit_code == 0, result.output
            path = tmp_path / "reports" / "order-audit.html"
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert said == []
    assert {url for url in asked if not url.startswith("file:")} == set()
    assert len(asked) == len(contexts)


def column(page: Page, caption: str, number: int) -> list[str]:
    """Give the visible cells of a column, from 1."""
    cells = page.locator(f"table:has(#{caption}) tbody tr:visible > :nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_search_finds_rows_by_any_of_their_words(open_page: Open) -> None:
    page = open_page()
    rows = len(column(page, "exceptions-caption", 1))
    assert page.locator("#found").inner_text() == f"{rows} of {rows} shown"
    page.get_by_label("Search").fill("copper unfulfilled")
    found = column(page, "exceptions-caption", 2)
    assert 0 < len(found) < rows
    assert set(found) == {"COPPER & OAK"}
    assert page.locator("#found").inner_text() == f"{len(found)} of {rows} shown"
    page.get_by_label("Search").fill("no such thing")
    assert page.get_by_text("Nothing matches.").is_visible()
    page.get_by_label("Search").fill("")
    page.locator("#what").select_option("NO ORDER")
    assert set(column(page, "exceptions-caption", 1)) == {"NO ORDER"}
    page.get_by_label("Search").press("Enter")
    assert set(column(page, "exceptions-caption", 1)) == {"NO ORDER"}


def test_a_table_is_sorted_by_keyboard_and_says_so(open_page: Open) -> None:
    page = open_page()
    page.locator("#what").focus()
    header = page.locator("#exceptions-table th", has_text="Days late")
    # The table's scroll box, then one stop a column.
    for _ in range(1 + 6):
        page.keyboard.press("Tab")
    assert header.locator("button").evaluate("button => button === document.activeElement")
    assert header.locator("button").evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    days = column(page, "exceptions-caption", 6)
    numbers = [int(text) for text in days if text]
    assert numbers == sorted(numbers, reverse=True)
    assert days[: len(numbers)] == [str(number) for number in numbers]
    page.keyboard.press("Space")
    assert header.get_attribute("aria-sort") == "ascending"
    days = column(page, "exceptions-caption", 6)
    assert days[: len(numbers)] == [str(number) for number in reversed(numbers)]
    page.locator("#exceptions-table th button", has_text="Customer").click()
    assert header.get_attribute("aria-sort") is None
    names = [name for name in column(page, "exceptions-caption", 2) if name]
    assert names == sorted(names)


def test_every_control_is_reached_and_seen_by_keyboard(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        kind, outline = page.evaluate(
            "(() => { const one = document.activeElement; "
            "return [one.tagName + '.' + (one.id || one.className), getComputedStyle(one).outlineStyle]; })()"
        )
        if kind.startswith("BODY"):
            break
        assert outline in ("solid", "auto"), kind
        reached.add(kind.partition(".")[0])
    assert reached == {"A", "BUTTON", "DIV", "INPUT", "SELECT", "SUMMARY"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 380])
def test_axe_finds_nothing_wrong(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.locator("summary").click()
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def test_dark_is_dark(open_page: Open) -> None:
    light, dark = (
        open_page(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    )
    assert sum(map(int, re.findall(r"\d+", light))) > 700
    assert sum(map(int, re.findall(r"\d+", dark))) < 100


def test_a_telephone_scrolls_tables_and_never_the_page(open_page: Open) -> None:
    page = open_page(viewport={"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    shown = page.locator("figure svg:visible").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert len(shown) == 6
    assert max(shown) <= 348


def test_everything_but_search_is_there_without_a_script(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert not page.get_by_label("Search").is_visible()
    assert page.locator("svg:visible").count() == 6
    assert page.locator("#exceptions-table tbody tr:visible").count() > 20
    assert page.locator("thead button").count() == 0


def test_pictures_have_the_colours_of_the_page(open_page: Open) -> None:
    page = open_page()
    fills = page.locator(".wide svg [fill^='var']").evaluate_all("all => all.map(one => getComputedStyle(one).fill)")
    assert len(set(fills)) >= 5
    assert "rgb(0, 0, 0)" not in fills


def test_it_prints_on_a4_without_what_only_a_screen_needs(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    printed = page.pdf(prefer_css_page_size=True)
    boxes = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed))
    ((width, height),) = boxes
    assert (float(width) / 72 * 25.4, float(height) / 72 * 25.4) == pytest.approx(A4_MM, abs=1)
    page.emulate_media(media="print")
    for gone in (".tools", "nav", "details"):
        assert not page.locator(gone).first.is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')") == "#1b2430"
    # A table's width on paper: what overflows is cut off there.
    page.set_viewport_size({"width": 703, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 703


def test_hostile_text_from_a_source_stays_text(open_page: Open, monday: Any) -> None:
    monday.order(
        "<img src=x onerror=alert(1)>",
        "</td><script>alert(1)</script>",
        "A",
        None,
        "M",
        ordered=9000,
        status="UNFULFILLED",
    )
    page = open_page()
    assert "<img src=x onerror=alert(1)>" in column(page, "exceptions-caption", 2)
    assert page.locator("img").count() == 0
    assert page.locator(".wide svg", has_text="<img src=x").count() == 1
