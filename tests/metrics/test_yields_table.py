"""Yields per process and working point: brute force, sums, texts of three kinds."""

from html.parser import HTMLParser

import numpy as np
import pytest

from skhep_dnn.metrics import significance_scan, yields_table


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    process = rng.choice(["ggH", "VBF", "Z", "W & t_t", "<script>"], size=2000)
    y = np.where(np.isin(process, ["ggH", "VBF"]), "s", "b")
    score = rng.random(2000) + 0.3 * (y == "s")
    weight = rng.exponential(size=2000) * np.where(rng.random(2000) < 0.1, -1.0, 1.0)
    weight *= np.where(process == "Z", 100.0, 1.0)
    return y, score, weight, process


def test_every_number_by_brute_force(events):
    y, score, weight, process = events
    cuts = {"loose": 0.4, "tight": 0.9}
    table = yields_table(y, score, weight, thresholds=cuts, process=process)
    frame = table.to_frame()
    assert table.selections == ["all events", "loose", "tight"]
    for row in frame.itertuples():
        own = process == row.process
        if row.is_sum:
            own = y == row.kind[0]
        passed = own & (score >= row.threshold)
        w, all_w = weight[passed], weight[own]
        total = frame.loc[row.Index, "yield"]
        assert total == pytest.approx(w.sum())
        assert row.error == pytest.approx(np.sqrt(np.square(w).sum()))
        assert row.n_eff == pytest.approx(w.sum() ** 2 / np.square(w).sum())
        assert row.n_events == len(w)
        e = w.sum() / all_w.sum()
        rest = np.square(all_w).sum() - np.square(w).sum()
        variance = (1 - e) ** 2 * np.square(w).sum() + e**2 * rest
        assert row.efficiency == pytest.approx(e)
        error = np.sqrt(variance) / all_w.sum()
        assert row.efficiency_error == pytest.approx(error, abs=1e-12)


def test_rows_are_sorted_by_yield_and_sums_follow_their_class(events):
    y, score, weight, process = events
    table = yields_table(y, score, weight, process=process)
    signal = table.kinds.index("background")
    assert table.kinds == ["signal"] * signal + ["background"] * 4
    assert table.processes[signal - 1] == "signal"
    assert table.processes[-1] == "background"
    assert table.processes[signal] == "Z"
    assert table.is_sum.nonzero()[0].tolist() == [signal - 1, len(table.kinds) - 1]
    for last, first in ((signal - 1, 0), (len(table.kinds) - 1, signal)):
        assert table.yields[last] == pytest.approx(table.yields[first:last].sum(axis=0))


def test_working_points_have_the_yields_of_the_scan(events):
    y, score, weight, process = events
    point = significance_scan(y, score, weight).at(0.8)
    table = yields_table(y, score, weight, thresholds=point, process=process)
    assert table.thresholds.tolist() == [-np.inf, 0.8]
    assert table.selections[1] == "score >= 0.8"
    sums = table.is_sum.nonzero()[0]
    assert table.yields[sums, 1] == pytest.approx([point.s, point.b])
    assert table.error[sums, 1] == pytest.approx([point.s_error, point.b_error])
    assert table.n_eff[sums, 1] == pytest.approx([point.n_eff_s, point.n_eff_b])
    assert table.efficiency[sums, 1] == pytest.approx(
        [point.signal_efficiency, point.background_efficiency]
    )
    near = yields_table(y, score, thresholds=[0.123456, 0.123457])
    assert near.selections[1:] == ["score >= 0.123456", "score >= 0.123457"]


class Cells(HTMLParser):
    """Collects the texts and tags of a page."""

    def __init__(self):
        super().__init__()
        self.texts, self.tags = [], set()

    def handle_starttag(self, tag, _attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_names_are_text_in_html_and_latex(events):
    y, score, weight, process = events
    table = yields_table(y, score, weight, thresholds={"<b>&": 0.4}, process=process)
    page = Cells()
    page.feed(table.to_html())
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    for text in (*table.processes, *table.selections, *table.cells().ravel()):
        assert text in page.texts
    latex = table.to_latex()
    assert r"W \& t\_t & $" in latex
    assert r"\textless{}script\textgreater{} & $" in latex
    assert latex.count(r" \pm ") == table.yields.size
    assert latex.count(r"\midrule") == 2
    assert latex.splitlines()[0] == r"\begin{tabular}{lrr}"


def test_numbers_have_two_digits_of_their_error():
    y = np.r_[np.zeros(4), 1]
    w = [123456.0, 0.0, 996.0, 0.0, 0.0625]
    table = yields_table(y, [0.0, 0.0, 1.0, 1.0, 1.0], w, thresholds=[0.5])
    assert table.cells().tolist() == [
        ["0.062 ± 0.062", "0.062 ± 0.062"],
        ["120 000 ± 120 000", "1 000 ± 1 000"],
    ]
    assert table.cells("efficiencies")[1].tolist() == ["100", "0.8 ± 1.1"]
    assert table.cells("n_eff")[1].tolist() == ["1", "1"]
    assert r"120\,000 \pm 120\,000" in table.to_latex()
    none = yields_table([0, 1], [0.0, 1.0], thresholds=[2.0])
    assert none.cells()[0].tolist() == ["1.0 ± 1.0", "0"]
    assert str(none).splitlines()[0].split() == ["all", "events", "score", ">=", "2"]


def test_errors(events):
    y, score, weight, process = events
    with pytest.raises(ValueError, match=r"both, got .* events of \['signal'\]"):
        yields_table(y, score, weight, process=["signal"] * 2000)
    with pytest.raises(ValueError, match="`process` must have a name for each of the"):
        yields_table(y, score, weight, process=process[:5])
    with pytest.raises(ValueError, match="`thresholds` must be numbers, got nan"):
        yields_table(y, score, weight, thresholds=np.nan)
    with pytest.raises(ValueError, match="must not be called 'all events'"):
        yields_table(y, score, weight, thresholds={"all events": 0.1})
    with pytest.raises(ValueError, match="`content` must be"):
        yields_table(y, score, weight).cells("significance")
