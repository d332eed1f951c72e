"""A report in a headless Chromium: on a desktop, on a phone and on paper."""

import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skhep_dnn.inspection import make_report
from tests.inspection.chromium import CHROMIUM, Chromium

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is on the path; apt-get install chromium"
)

PHONE = {"width": 390, "height": 844, "mobile": True, "scale": 2}
DESKTOP = {"width": 1280}
EVIL = '<script>document.title = "broken"</script>'
FIGURES = """
Array.from(document.images).map(i => [i.complete, i.naturalWidth, i.clientWidth, i.alt])
"""
SHOWN = """
Array.from(document.querySelectorAll("#columns tbody tr"))
     .filter(row => row.offsetParent !== null)
     .map(row => row.cells[0].textContent)
"""
TYPE = """
(() => {{
  const input = document.querySelector("#columns input[type=search]");
  input.value = {words!r};
  input.dispatchEvent(new Event("input"));
  return document.querySelector("#columns output").textContent;
}})()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with names of columns that look like a script, or are long."""
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "s"], 400)
    names = [EVIL, "mass", "mass of both jets", "pt_" + 80 * "x"]
    X = pd.DataFrame(rng.normal(size=(800, 4)), columns=names)
    X["mass"] += y == "s"
    model = LogisticRegression().fit(X, y)
    return make_report(
        model,
        X,
        y,
        X,
        y,
        path=tmp_path_factory.mktemp("browser") / "report.html",
        process=np.where(y == "s", "signal", EVIL),
        n_replicas=20,
        max_events=500,
        random_state=0,
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chromium")
    with Chromium(folder) as chromium:
        yield chromium
    shutil.rmtree(folder / "profile", ignore_errors=True)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request, browser, report):
    """The report as it is opened, without what another test left behind."""
    browser.errors.clear()
    browser.requests.clear()
    browser.open(report.path.as_uri(), **request.param)
    return browser


def test_it_opens_without_a_complaint_and_asks_for_nothing(page, report):
    assert page.errors == []
    elsewhere = [u for u in page.requests if not u.startswith(("data:", "about:"))]
    assert elsewhere == [report.path.as_uri()[:80]]
    assert page.evaluate("document.title") == "Report on LogisticRegression"


def test_all_figures_are_there(page):
    found = page.evaluate(FIGURES)
    assert len(found) == 13
    width = page.evaluate("document.documentElement.clientWidth")
    for is_complete, natural_width, shown_width, text in found:
        assert is_complete
        assert natural_width > 0
        assert 200 < shown_width <= width
        assert len(text) > 40


def test_nothing_is_wider_than_the_page(page):
    wide, width = (
        page.evaluate(f"document.documentElement.{name}Width")
        for name in ("scroll", "client")
    )
    assert wide == width


def test_the_filter_shows_rows_with_all_words(page):
    assert len(page.evaluate(SHOWN)) == 4
    assert page.evaluate(TYPE.format(words="MASS")) == "2 of 4 rows"
    assert sorted(page.evaluate(SHOWN)) == ["mass", "mass of both jets"]
    assert page.evaluate(TYPE.format(words="jets mass")) == "1 of 4 rows"
    assert page.evaluate(TYPE.format(words="no such column")) == "0 of 4 rows"
    assert page.evaluate(TYPE.format(words="")) == "4 of 4 rows"
    assert page.errors == []


def test_the_address_filters_too(browser, report):
    browser.open(f"{report.path.as_uri()}#filter=both", **DESKTOP)
    assert browser.evaluate(SHOWN) == ["mass of both jets"]


def test_parts_of_the_estimator_open_without_a_script(page):
    is_shown = "document.querySelector('.diagram .estimator-table').checkVisibility()"
    assert page.evaluate("document.querySelectorAll('.diagram button').length") == 0
    control = "document.querySelector('.diagram input[type=checkbox]')"
    before = page.evaluate(f"{control}.checked")
    page.evaluate("document.querySelector('.diagram label').click()")
    assert page.evaluate(f"{control}.checked") != before
    assert isinstance(page.evaluate(is_shown), bool)
    assert page.errors == []


def test_numbers_can_be_read_by_a_script_of_others(page, report):
    title = "JSON.parse(document.getElementById('numbers').textContent).title"
    assert page.evaluate(title) == report.numbers["title"]


def test_a_script_that_came_in_would_not_run(page):
    page.evaluate(
        "(() => { const s = document.createElement('script');"
        "s.textContent = 'document.title = \"broken\"';"
        "document.body.append(s); })()"
    )
    assert page.evaluate("document.title") == "Report on LogisticRegression"
    assert "Content Security Policy" in str(page.errors)


def test_it_can_be_printed(browser, report, tmp_path):
    browser.open(report.path.as_uri(), **DESKTOP)
    browser.pdf(tmp_path / "paper.pdf")
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF-")
    browser.page("Emulation.setEmulatedMedia", media="print")
    hidden = "getComputedStyle(document.querySelector({!r})).display"
    for part in ("nav.contents", ".filter"):
        assert browser.evaluate(hidden.format(part)) == "none"
    browser.page("Emulation.setEmulatedMedia", media="")
