"""What is in a report, that it is right, and that no text of the user breaks it."""

import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import BackwardEliminationSelector, WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import (
    RefitCutWarning,
    UndefinedSignificanceWarning,
    WeightsError,
)
from skhep_dnn.inspection import Report, make_report
from skhep_dnn.metrics import (
    EfficiencyAt,
    RejectionAt,
    SignificanceAt,
    VariedSample,
    balanced_log_loss,
    bootstrap,
    metric_with_error,
    optimal_binning,
    overtraining_test,
    profile_significance,
    significance_scan,
    weighted_roc_auc,
)
from skhep_dnn.model_selection import SignificanceThresholdClassifier
from skhep_dnn.weights import effective_sample_size

# The toys are small; that a report says so has a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore:The error of a score must come")

EVIL = "<script>alert(1)</script>"
END = '</script><img src=x onerror="alert(2)">'
NAMES = [EVIL, "$p_T$ & 'q'", "50% $_", END]
SMALL = {"n_replicas": 20, "max_events": 500, "random_state": 0}


def events(seed, n=1200, labels=("b", "s")):
    """Return a table with four columns, labels and weights, one in ten negative."""
    rng = np.random.default_rng(seed)
    code = np.arange(n) % len(labels)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=NAMES)
    X[EVIL] += 1.5 * code
    X[END] += 0.5 * code
    w = rng.exponential(size=n) * np.where(code == 0, 10.0, 0.5)
    w[rng.random(n) < 0.1] *= -0.5
    return X, np.asarray(labels)[code], w


class Page(HTMLParser):
    """Elements of a page, as a browser would see them."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self._inside = [], {}, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = [*self._inside[-30:], len(self.elements) - 1]

    def handle_data(self, data):
        if self._inside:
            own = self._inside[-1]
            self.texts[own] = self.texts.get(own, "") + data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def text_of(self, tag):
        return [
            self.texts.get(k, "").strip()
            for k, (name, _) in enumerate(self.elements)
            if name == tag
        ]


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A report whose names try to become a part of the page."""
    X, y, w = events(0, labels=("b </script>", EVIL))
    X_test, y_test, w_test = events(1, labels=("b </script>", EVIL))
    process = np.where(y_test == EVIL, "$H$ & <b>", np.where(w_test > 5, END, "100% $"))
    model = LogisticRegression().fit(X, y, sample_weight=np.abs(w))
    report = make_report(
        model,
        X,
        y,
        X_test,
        y_test,
        w,
        w_test,
        process=process,
        data=X_test[:100],
        path=tmp_path_factory.mktemp("evil") / "report.html",
        pos_label=EVIL,
        title=f"A title {END}",
        **SMALL,
    )
    return report, model, (X, y, w), (X_test, y_test, w_test), process


@pytest.fixture(scope="module")
def evil_page(evil):
    return Page(evil[0].path.read_text(encoding="utf-8"))


def test_texts_of_the_user_become_no_elements(evil_page):
    own = [attrs.get("type") for attrs in evil_page.all("script")]
    assert own == ["application/json", None]
    assert not evil_page.all("iframe")
    assert not [a for _, a in evil_page.elements if any(k[:2] == "on" for k in a)]
    assert all(a["src"].startswith("data:image/") for a in evil_page.all("img"))


def test_texts_of_the_user_are_shown_as_they_are(evil_page):
    rows = evil_page.text_of("th")
    for name in NAMES:
        assert name in rows
    assert {END, "$H$ & <b>", "100% $"} <= set(rows)
    assert evil_page.text_of("title") == [f"A title {END}"]


def test_nothing_comes_from_elsewhere(evil_page):
    assert not evil_page.all("base")
    assert [a["href"] for a in evil_page.all("link")] == ["data:,"]
    (policy,) = [a for a in evil_page.all("meta") if "http-equiv" in a]
    assert policy["content"].startswith("default-src 'none'; img-src data:")
    for attrs in evil_page.all("a"):
        assert attrs["href"].startswith(("#", "https://scikit-learn.org/"))


def test_numbers_in_the_page_are_those_beside_it(evil, evil_page):
    report = evil[0]
    beside = json.loads(report.json_path.read_text(encoding="utf-8"))
    (inside,) = [
        json.loads(evil_page.texts[k])
        for k, (tag, attrs) in enumerate(evil_page.elements)
        if tag == "script" and attrs.get("id") == "numbers"
    ]
    assert inside == beside == report.numbers
    assert report.json_path == report.path.with_suffix(".json")


def test_figures_of_merit_are_those_of_the_metrics(evil):
    report, model, _, (X, y, w), _ = evil
    found = report.numbers["signals"][EVIL]["metrics"]
    score, p = model.decision_function(X), model.predict_proba(X)[:, 0]
    # "<" sorts before "b": the signal is the first class.
    assert list(model.classes_) == [EVIL, "b </script>"]
    area = weighted_roc_auc(y, -score, w, pos_label=EVIL)
    loss = balanced_log_loss(y, p, w, pos_label=EVIL)
    assert found["roc_auc"]["value"] == pytest.approx(area)
    assert found["balanced_log_loss"]["value"] == pytest.approx(loss)
    replicas = bootstrap("roc_auc", y == EVIL, -score, w, random_state=0)
    assert found["roc_auc"]["error"] == pytest.approx(replicas.error, rel=0.2)


def test_every_figure_at_the_cut_has_the_error_of_the_bootstrap(evil):
    report, model, _, (X, y, w), _ = evil
    found = report.numbers["signals"][EVIL]["metrics"]
    score, cuts = -model.decision_function(X), found["cut"]["values"]
    is_signal = y == EVIL
    passed = score > max(cuts)
    for key, metric in (
        ("signal_efficiency", EfficiencyAt(0.0)),
        ("background_efficiency", EfficiencyAt(0.0, of="background")),
        ("rejection", RejectionAt(0.0)),
        ("significance", SignificanceAt(0.0)),
    ):
        # Of one of the two cuts, which are near each other.
        side = np.where(passed, 1.0, -1.0)
        near = metric_with_error(metric, is_signal, side, w, random_state=0)
        assert found[key]["value"] == pytest.approx(near.value, rel=0.5), key
        assert found[key]["error"] == pytest.approx(near.error, rel=0.7), key
        assert found[key]["error"] > 0
    assert found["rejection"]["value"] == pytest.approx(
        1 / found["background_efficiency"]["value"]
    )
    separation = metric_with_error(
        "separation", is_signal, score, w, n_replicas=20, random_state=0
    )
    assert found["separation"]["value"] == pytest.approx(separation.value)
    assert found["separation"]["error"] == pytest.approx(separation.error)


def test_few_events_are_told(evil):
    messages = evil[0].numbers["warnings"]["messages"]
    assert any("must come from at least 50 effective events" in m for m in messages)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_without_selected_background_the_rejection_is_undefined(tmp_path):
    X, y, w = events(0, 400)
    w = np.abs(w)
    model = LogisticRegression().fit(X, y)
    cut = np.nextafter(model.decision_function(X)[y == "b"].max(), np.inf)
    options = {"threshold": cut, "b_reg": 1.0, **SMALL}
    path = tmp_path / "a.html"
    with pytest.warns(UndefinedSignificanceWarning, match="the rejection is nan"):
        report = make_report(model, X, y, X, y, w, w, path=path, **options)
    found = report.numbers["signals"]["s"]["metrics"]
    assert found["rejection"] == {"value": None, "error": None}
    assert found["background_efficiency"] == {"value": 0.0, "error": 0.0}
    assert found["signal_efficiency"]["error"] > 0.0


def test_cuts_of_the_halves_are_not_chosen_on_what_they_select(evil):
    report, model, _, (X, y, w), _ = evil
    found = report.numbers["signals"][EVIL]["metrics"]
    cuts = found["cut"]["values"]
    assert len(cuts) == 2
    assert "chosen on the other half" in found["cut"]["origin"]
    scan = significance_scan(y, -model.decision_function(X), w, pos_label=EVIL)
    low, high = sorted([scan.at(cuts[0]).s, scan.at(cuts[1]).s])
    assert low <= found["s"]["value"] <= high


def test_yields_of_processes_add_up(evil):
    report, _, _, (_, _, w), process = evil
    yields = report.numbers["signals"][EVIL]["yields"]
    assert set(yields) == {*np.unique(process), "all signal", "all background"}
    for name in np.unique(process):
        own = w[process == name]
        assert yields[name]["yield"]["value"] == pytest.approx(own.sum())
        assert yields[name]["yield"]["error"] == pytest.approx(np.sqrt((own**2).sum()))
    both = ("all signal", "all background")
    for key in ("yield", "selected"):
        total = sum(yields[name][key]["value"] for name in both)
        parts = sum(yields[name][key]["value"] for name in np.unique(process))
        assert parts == pytest.approx(total)
    metrics = report.numbers["signals"][EVIL]["metrics"]
    assert yields["all signal"]["selected"] == pytest.approx(metrics["s"])


def test_events_have_sums_and_effective_numbers(evil):
    report, _, (_, y, w), _, _ = evil
    own = w[y == EVIL]
    found = report.numbers["events"]["training"][EVIL]
    assert found["n_events"] == len(own)
    assert found["sum_w"]["value"] == pytest.approx(own.sum())
    assert found["negative_fraction"] == pytest.approx((own < 0).mean())
    assert found["n_eff"] == pytest.approx(effective_sample_size(own))
    assert found["n_eff_training"] == pytest.approx(effective_sample_size(np.abs(own)))
    assert "n_eff_training" not in report.numbers["events"]["test"][EVIL]


def test_data_are_hidden_from_the_cut_on(evil):
    report, model, _, (X, _, _), _ = evil
    found = report.numbers["signals"][EVIL]["processes"]
    cut = min(report.numbers["signals"][EVIL]["metrics"]["cut"]["values"])
    assert found["blind_from"] == cut
    score = -model.decision_function(X[:100])
    for entry in found["bins"]:
        low = -np.inf if entry["low"] == "-inf" else entry["low"]
        high = np.inf if entry["high"] == "inf" else entry["high"]
        if high > cut:
            assert entry["observed"] is None
        else:
            assert entry["observed"] == ((score >= low) & (score < high)).sum()
    assert found["bins"][0]["observed"] is not None


def test_processes_in_bins_add_up_to_the_yields(evil, evil_page):
    report, _, _, (_, _, w), process = evil
    bins = report.numbers["signals"][EVIL]["processes"]["bins"]
    assert sum(entry["expected"]["value"] for entry in bins) == pytest.approx(w.sum())
    squares = sum(entry["expected"]["error"] ** 2 for entry in bins)
    assert squares == pytest.approx((w**2).sum())
    shown = [
        float(sum(e["processes"][n]["value"] for e in bins))
        for n in bins[0]["processes"]
    ]
    expected = [w[process == name].sum() for name in np.unique(process)]
    assert sorted(shown) == pytest.approx(sorted(expected))
    assert any(
        t.startswith("Stacked dist") for t in [a["alt"] for a in evil_page.all("img")]
    )


def test_a_process_of_both_classes_is_two(tmp_path):
    (X, y, w), path = events(0, 600), tmp_path / "a.html"
    model = LogisticRegression().fit(X, y)
    process = np.where(np.arange(600) % 3, "Z", "tt")
    report = make_report(model, X, y, X, y, w, w, process=process, path=path, **SMALL)
    found = report.numbers["signals"]["s"]
    names = {"Z (signal)", "Z (background)", "tt (signal)", "tt (background)"}
    assert set(found["processes"]["bins"][0]["processes"]) == names
    rows = found["working_points"]["all events"]["yields"]
    own = w[(y == "s") & (process == "Z")]
    assert rows["Z (signal)"]["value"] == pytest.approx(own.sum())
    assert found["processes"]["bins"][0]["observed"] is None


def test_working_points_keep_their_share_of_the_signal(evil):
    report, model, _, (X, y, w), _ = evil
    points = report.numbers["signals"][EVIL]["working_points"]
    own, score = y == EVIL, -model.decision_function(X)
    for share in (0.8, 0.5, 0.2):
        point = points[f"{100 * share:.0f} % of the signal"]
        passed = score >= point["threshold"]
        assert w[own & passed].sum() / w[own].sum() == pytest.approx(share, abs=0.03)
        background = point["yields"]["background"]
        assert background["value"] == pytest.approx(w[~own & passed].sum())


def test_efficiency_of_the_column_that_separates_best(evil):
    found = evil[0].numbers["signals"][EVIL]
    (name,) = found["efficiency"]
    assert name == EVIL
    entry = found["efficiency"][EVIL]["signal"]
    total = found["metrics"]["signal_efficiency"]["value"]
    # Without the few events that are beyond the bins.
    assert entry["efficiency"]["value"] == pytest.approx(total, rel=0.01)
    assert found["efficiency"][EVIL]["background"]["p_value"] < 1e-3


def test_bins_are_not_chosen_on_the_events_that_fill_them(evil):
    report, model, (X, y, w), (X_test, y_test, w_test), process = evil
    found = report.numbers["signals"][EVIL]["binned"]
    scale = np.where(
        y == EVIL,
        w_test[y_test == EVIL].sum() / w[y == EVIL].sum(),
        w_test[y_test != EVIL].sum() / w[y != EVIL].sum(),
    )
    chosen = optimal_binning(
        y, -model.decision_function(X), w * scale, pos_label=EVIL, min_n_eff=25.0
    )
    filled = chosen.evaluate(
        y_test,
        -model.decision_function(X_test),
        w_test,
        pos_label=EVIL,
        process=process,
    )
    assert found["significance"]["value"] == pytest.approx(filled.z)
    assert found["b"] == pytest.approx(filled.b.tolist())
    assert 0 < found["significance"]["error"] < 0.5 * filled.z
    alone = found["significance_without_mc_errors"]["value"]
    assert alone > found["significance"]["value"]
    assert "training events" in found["origin"]


def test_all_variations_are_in_the_significance(tmp_path):
    (X, y, w), (X_test, y_test, w_test) = events(0), events(1)
    w, w_test = np.abs(w), np.abs(w_test)
    process = np.where(y_test == "s", "H", np.where(X_test["50% $_"] > 0, "Z", "top"))
    model = LogisticRegression().fit(X, y)
    score = model.decision_function(X_test)
    scale = (VariedSample(1.05 * score), VariedSample(0.95 * score))
    report = make_report(
        model, X, y, X_test, y_test, w, w_test,
        process=process, path=tmp_path / "a.html",
        normalisations={"lumi": 0.1, "xsec": {"top": 0.2}},
        variations={"scale": scale, "pileup": w_test * (1 + 0.1 * (score > 0))},
        variables=["50% $_", 3],
        **SMALL,
    )  # fmt: skip
    signal = report.numbers["signals"]["s"]
    found = signal["binned"]["with_variations"]
    assert list(found) == ["lumi", "xsec", "scale", "pileup", "all"]
    plain = signal["binned"]["significance"]["value"]
    assert found["all"] < min(v for k, v in found.items() if k != "all") < plain
    s, b = (np.asarray(signal["binned"][k]) for k in ("s", "b"))
    bins = np.digitize(score, [float(e) for e in signal["binned"]["edges"]][1:-1])
    w2 = np.bincount(bins, np.where(y_test == "b", w_test, 0.0) ** 2)
    z = profile_significance(s, b, variations=[(1.1 * b, 0.9 * b)], sum_w2_b=w2)
    assert found["lumi"] == pytest.approx(z, rel=1e-6)
    assert f"with all variations {found['all']:.4g}" in str(report)
    assert list(signal["efficiency"]) == ["50% $_", END]


def test_out_of_fold_scores_choose_the_bins(tmp_path):
    X, y, w = events(0, 600)
    X["EventId"] = np.arange(600)
    model = CrossFitClassifier(LogisticRegression(), event_number="EventId", cv=2)
    model.fit(X, y, sample_weight=np.abs(w))
    w = np.abs(w)
    report = make_report(model, X, y, X, y, w, w, path=tmp_path / "a.html", **SMALL)
    found = report.numbers["signals"]["s"]["binned"]
    assert found["origin"] == "the out-of-fold scores of the training events"
    chosen = optimal_binning(y, model.oof_decision_function_, w, min_n_eff=25.0)
    assert found["edges"][1:-1] == pytest.approx(chosen.edges[1:-1].tolist())


def test_hidden_data_change_nothing_in_the_report(tmp_path):
    X, y, w = events(0, 600)
    model = LogisticRegression().fit(X, y)
    score = model.decision_function(X)
    pages = []
    for data in (X, X[score < 0.5]):  # with and without what is hidden
        options = {"threshold": 0.4, "data": data, **SMALL}
        report = make_report(
            model, X, y, X, y, w, w, path=tmp_path / "a.html", **options
        )
        text = report.path.read_text(encoding="utf-8")
        text = text.replace(report.numbers["software"]["created"], "")
        pages.append(re.sub(r"sk-(container|estimator)-id-\d+", "", text))
    assert pages[0] == pages[1]


def test_overtraining_is_the_gap_with_its_error(evil):
    report, model, (X, y, w), _, _ = evil
    found = report.numbers["signals"][EVIL]["overtraining"]["roc_auc"]
    train = weighted_roc_auc(y, -model.decision_function(X), w, pos_label=EVIL)
    assert found["train"]["value"] == pytest.approx(train)
    gap = found["train"]["value"] - found["test"]["value"]
    assert found["gap"]["value"] == pytest.approx(gap)
    errors = [found[key]["error"] for key in ("train", "test")]
    assert found["gap"]["error"] == pytest.approx(np.hypot(*errors))


def test_overtraining_tells_different_from_worse(evil, evil_page):
    report, model, (X, y, w), (X_test, y_test, w_test), _ = evil
    found = report.numbers["signals"][EVIL]["overtraining"]
    expected = overtraining_test(
        y,
        -model.decision_function(X),
        y_test,
        -model.decision_function(X_test),
        w,
        w_test,
        n_permutations=999,
        pos_label=EVIL,
        random_state=1,
    )
    assert found["n_permutations"] == 999
    for kind, sample in expected.samples.items():
        own = found["two_samples"][kind]
        assert own["ks_distance"] == pytest.approx(sample.ks_distance)
        assert own["p_value"] == pytest.approx(sample.p_value, abs=0.08)
    assert found["is_worse"] == expected.is_worse
    assert any("no meaning with negative" in text for text in evil_page.text_of("p"))


def test_a_tree_that_learnt_by_heart_is_worse(tmp_path):
    (X, y, _), (X_test, y_test, _) = events(0), events(1)
    tree = DecisionTreeClassifier(min_samples_leaf=3, random_state=0).fit(X, y)
    report = make_report(
        tree, X, y, X_test, y_test, path=tmp_path / "a.html", threshold=0.5, **SMALL
    )
    found = report.numbers["signals"]["s"]["overtraining"]
    assert found["is_worse"]
    assert found["roc_auc"]["gap"]["value"] > 5 * found["roc_auc"]["gap"]["error"]
    assert found["two_samples"]["signal"]["p_value"] < 0.01
    assert "Worse on the test events" in report.path.read_text(encoding="utf-8")


def test_columns_have_importance_and_separation(evil):
    columns = evil[0].numbers["signals"][EVIL]["columns"]
    assert next(iter(columns)) == EVIL  # the largest first
    assert set(columns) == set(NAMES)
    assert columns[EVIL]["separation"]["value"] > 0.2
    assert abs(columns["50% $_"]["separation"]["value"]) < 0.1


def test_figures_say_their_numbers(evil, evil_page):
    texts = [attrs["alt"] for attrs in evil_page.all("img")]
    assert len(texts) == 13
    area = evil[0].numbers["signals"][EVIL]["metrics"]["roc_auc"]["value"]
    assert any(
        text.startswith(f"ROC curve of the test events, area {area:.2f}")
        for text in texts
    )
    assert all(re.search(r"\d", text) for text in texts)
    kinds = {
        re.match(r"data:image/([a-z+]+);", a["src"])[1] for a in evil_page.all("img")
    }
    assert kinds <= {"svg+xml", "webp"}


def test_versions_seeds_and_configuration(evil):
    numbers = evil[0].numbers
    assert {"python", "skhep-dnn", "scikit-learn"} <= set(
        numbers["software"]["versions"]
    )
    assert numbers["software"]["seeds"] == {
        "random_state": "None",
        "(this report)": "0",
    }
    assert numbers["configuration"]["columns"] == NAMES
    assert numbers["configuration"]["parameters"] == {}


def test_print_is_a_few_rounded_lines(evil):
    lines = str(evil[0]).splitlines()
    assert lines[0] == f"A title {END}"
    name, figure = re.escape(EVIL), r"-?\S+ ± \S+"
    for line, expected in zip(
        lines[1:-1],
        (
            rf"{name}: AUC {figure}, balanced log-loss {figure}",
            rf"{name}: Asimov significance {figure} at the cut \S+ and \S+",
            rf"{name}: binned significance {figure}, with Monte Carlo errors {figure}",
            rf"{name}: AUC of train minus test {figure}, (not significantly )?worse",
        ),
        strict=True,
    ):
        assert re.fullmatch(expected, line)
    assert lines[-1].startswith("written to")
    assert isinstance(evil[0], Report)


def test_no_figure_stays_open(evil):
    assert plt.get_fignums() == []


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """A report on a scaled, selected and tuned classifier with a cut."""
    (X, y, w), test = events(0, 900), events(1, 900)
    X.columns = test[0].columns = ["$\\frac{$", "a_b", "c", "d"]
    plain = LogisticRegression().fit(X, y, sample_weight=np.abs(w))
    selector = BackwardEliminationSelector(
        LogisticRegression(), scoring="roc_auc", cv=2, random_state=0
    )
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=2)
    steps = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        selector,
        SignificanceThresholdClassifier(
            search, cv=3, refit=True, n_replicas=0, min_n_eff=5.0
        ),
    )
    with pytest.warns(RefitCutWarning):
        model = steps.fit(
            X,
            y,
            backwardeliminationselector__sample_weight=np.abs(w),
            significancethresholdclassifier__sample_weight=np.abs(w),
        )
    report = make_report(
        model,
        X,
        y,
        test[0],
        test[1],
        w,
        test[2],
        path=tmp_path_factory.mktemp("staged") / "report.htm",
        stages={"before tuning": plain},
        kind="ams",
        verbose=1,
        **SMALL,
    )
    return report, model, test


def test_stages_have_a_row_and_a_figure(staged):
    report, model, _ = staged
    stages = report.numbers["signals"]["s"]["stages"]
    assert list(stages) == [
        "before tuning",
        "BackwardEliminationSelector",
        "GridSearchCV",
        "SignificanceThresholdClassifier",
        "final estimator",
    ]
    selection = stages["BackwardEliminationSelector"]
    assert selection["support"] == model[1].get_support().tolist()
    assert selection["roc_auc"] == stages["final estimator"]["roc_auc"]
    for name in ("before tuning", "GridSearchCV", "final estimator"):
        assert 0.5 < stages[name]["roc_auc"]["value"] < 1.0
    page = Page(report.path.read_text(encoding="utf-8"))
    captions = page.text_of("figcaption")
    assert "before tuning: score of the test events." in captions
    assert "final estimator: score of the test events." in captions


def test_the_cut_of_the_estimator_is_taken_and_named(staged):
    report, model, (X, y, w) = staged
    cut = model[-1].best_threshold_
    found = report.numbers["signals"]["s"]["metrics"]
    assert found["cut"]["values"] == [cut]
    assert found["cut"]["origin"].startswith("chosen by the SignificanceThresholdCl")
    score = model.decision_function(X)
    z = SignificanceAt(cut, kind="ams")(y, score, w)
    assert found["significance"]["value"] == pytest.approx(z)


def test_changed_parameters_of_all_parts(staged):
    changed = staged[0].numbers["configuration"]["parameters"]
    assert changed["significancethresholdclassifier__min_n_eff"] == "5.0"
    assert changed["backwardeliminationselector__cv"] == "2"
    name = "significancethresholdclassifier__estimator__param_grid"
    assert "0.01" in changed[name]
    assert not any(name.endswith("steps") for name in changed)


def test_out_of_fold_scores_judge_a_stage(tmp_path):
    X, y, w = events(0, 600)
    X["EventId"] = np.arange(600)
    model = CrossFitClassifier(LogisticRegression(), event_number="EventId", cv=2)
    model.fit(X, y, sample_weight=np.abs(w))
    report = make_report(model, X, y, X, y, w, w, path=tmp_path / "a.html", **SMALL)
    found = report.numbers["signals"]["s"]["stages"]["CrossFitClassifier"]["roc_auc"]
    area = weighted_roc_auc(y, model.oof_decision_function_, w)
    assert found["value"] == pytest.approx(area)
    page = Page(report.path.read_text(encoding="utf-8"))
    caption = "CrossFitClassifier: score of the training, out-of-fold events."
    assert caption in page.text_of("figcaption")


def test_searches_show_what_was_tried(tmp_path):
    X, y, w = events(0, 600)
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0, 100.0]}, cv=2)
    search.fit(X, y, sample_weight=np.abs(w))
    report = make_report(search, X, y, X, y, path=tmp_path / "a.html", **SMALL)
    stages = report.numbers["signals"]["s"]["stages"]
    assert stages["GridSearchCV"]["n_candidates"] == 3
    assert stages["GridSearchCV"]["best_params"] == {
        "C": repr(search.best_params_["C"])
    }
    assert ">GridSearchCV: what was tried<" in report.path.read_text(encoding="utf-8")
    assert report.numbers["events"]["test"]["s"]["sum_w"]["value"] == 300.0


def test_each_of_several_classes_is_a_signal(tmp_path):
    labels = ("VBF", "W", "ggH")
    (X, y, w), (X_test, y_test, w_test) = (events(k, 900, labels) for k in (0, 1))
    model = LogisticRegression().fit(X, y, sample_weight=np.abs(w))
    report = make_report(
        model, X, y, X_test, y_test, w, w_test, path=tmp_path / "a.html", **SMALL
    )
    assert list(report.numbers["signals"]) == list(labels)
    assert set(report.numbers["classes"]["efficiency"]) == set(labels)
    for label in labels:
        p = model.predict_proba(X_test)[:, labels.index(label)]
        found = report.numbers["signals"][label]["metrics"]["roc_auc"]["value"]
        area = weighted_roc_auc(y_test == label, p, w_test)
        assert found == pytest.approx(area)
    page = Page(report.path.read_text(encoding="utf-8"))
    anchors = [attrs["id"] for attrs in page.all("section")]
    assert len(anchors) == len(set(anchors))
    assert {"metrics-0", "metrics-1", "metrics-2"} <= set(anchors)
    joint = make_report(
        model,
        X,
        y,
        X_test,
        y_test,
        w,
        w_test,
        path=tmp_path / "b.html",
        pos_label=["VBF", "ggH"],
        signal_yield=10.0,
        **SMALL,
    )
    (name,) = joint.numbers["signals"]
    assert name == "VBF + ggH"
    yields = joint.numbers["signals"][name]["yields"]
    assert yields["all signal"]["yield"]["value"] == pytest.approx(10.0)
    match = "`threshold` must belong to one signal, got 0.0"
    with pytest.raises(ValueError, match=match):
        make_report(model, X, y, X, y, path=tmp_path / "a.html", threshold=0.0)


def test_a_network_shows_its_training(tmp_path):
    X, y, w = events(0, 600)
    X.columns = ["a", "b", "c", "d"]
    model = WeightedDNNClassifier(
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        n_layers=1,
        width=8,
        max_epochs=2,
        random_state=3,
    ).fit(X, y, w)
    report = make_report(
        model, X, y, X, y, w, w, path=tmp_path / "a.html", threshold=0.25, **SMALL
    )
    assert report.numbers["training"]["n_epochs"] == 2
    assert report.numbers["training"]["n_members"] == 1
    own = model.weight_report_
    n_eff = own[own["class"] == "s"]["n_eff"].iloc[0]
    found = report.numbers["events"]["training"]["s"]["n_eff_training"]
    assert found == pytest.approx(n_eff)
    metrics = report.numbers["signals"]["s"]["metrics"]
    assert metrics["cut"] == {"values": [0.25], "origin": "given to the report"}
    assert report.numbers["software"]["seeds"]["random_state"] == "3"


def test_without_probabilities_and_without_a_cut(tmp_path):
    X, y, w = events(0, 400)
    model = LinearSVC().fit(X, y)
    with pytest.warns(UndefinedSignificanceWarning, match="admissible"):
        report = make_report(
            model, X, y, X, y, w, w, path=tmp_path / "a.html", min_n_eff=1e6, **SMALL
        )
    found = report.numbers["signals"]["s"]
    assert found["metrics"]["cut"] is None
    assert "balanced_log_loss" not in found["metrics"]
    assert "calibration" not in found
    assert "selected" not in found["yields"]["all signal"]
    assert str(report).splitlines()[2] == "s: no cut"
    assert found["binned"] == {}
    assert "efficiency" not in found
    assert "admissible" in report.numbers["warnings"]["messages"][0]
    with pytest.raises(ValueError, match="`blind` must be a score or None where"):
        make_report(
            *(model, X, y, X, y, w, w),
            data=X,
            path=tmp_path / "a.html",
            min_n_eff=1e6,
            **SMALL,
        )


def test_same_seed_same_numbers(tmp_path):
    X, y, w = events(0, 400)
    model = LogisticRegression().fit(X, y)
    texts = []
    for _ in range(2):
        report = make_report(model, X, y, X, y, w, w, path=tmp_path / "a.html", **SMALL)
        text = report.path.read_text(encoding="utf-8")
        texts.append(text.replace(report.numbers["software"]["created"], ""))
        report.numbers["software"].pop("created")
    assert re.sub(r"sk-(container|estimator)-id-\d+", "", texts[0]) == re.sub(
        r"sk-(container|estimator)-id-\d+", "", texts[1]
    )


def test_an_error_leaves_the_older_report(tmp_path, monkeypatch):
    X, y, w = events(0, 400)
    model = LogisticRegression().fit(X, y)
    path = tmp_path / "report.html"
    path.write_text("older")
    (tmp_path / "report.json").write_text("{}")
    target = "skhep_dnn.inspection._report.files.os.fsync"
    monkeypatch.setattr(target, lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        make_report(model, X, y, X, y, w, w, path=path, **SMALL)
    assert path.read_text() == "older"
    assert (tmp_path / "report.json").read_text() == "{}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert plt.get_fignums() == []


def test_what_is_wrong_is_named(tmp_path):
    X, y, w = events(0, 200)
    model = LogisticRegression().fit(X, y)
    path = tmp_path / "a.html"

    def refused(match, *args, error=ValueError, **options):
        given = {"path": path, **options}
        with pytest.raises(error, match=match):
            make_report(model, *(args or (X, y, X, y)), **given)

    refused("`path` must end in '.html', got 'a.json'", path="a.json")
    missing = tmp_path / "none" / "a.html"
    refused("`path` must be in a folder", path=missing, error=FileNotFoundError)
    refused("`n_replicas` must be an integer of at least 2, got 1", n_replicas=1)
    refused("`max_events` must be an integer of at least 100", max_events=5)
    refused("`blind` must be 'cut', a score or None, got 'all'", blind="all")
    refused("`threshold` must be a WorkingPoint, a number or None", threshold="best")
    refused("`min_n_eff` must be at least 0", min_n_eff=-1.0)
    refused("`variables` must be", variables=["nothing"])
    refused("`variations` must be at the yields", variations={"a": w}, signal_yield=9.0)
    refused("`process` must have one name for each of the 200", process=["a"])
    refused("`y_test` must have one label for each of the 200", X, y, X, y[:5])
    refused("`y_train` must have labels of the classes", X, np.repeat("x", 200), X, y)
    refused("`sample_weight_train` must be given", sample_weight_test=w)
    bad = np.where(y == "s", -1.0, 1.0)
    refused(
        "must sum to more than 0",
        error=WeightsError,
        sample_weight_train=w,
        sample_weight_test=bad,
    )
    assert not path.exists()


def test_matplotlib_is_asked_for(tmp_path, monkeypatch):
    X, y, _ = events(0, 200)
    monkeypatch.setattr("skhep_dnn.inspection._make_report.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"pip install \"skhep-dnn\[plot\]\""):
        make_report(LogisticRegression().fit(X, y), X, y, X, y)


@pytest.mark.parametrize("class_weight", ["balanced", None])
def test_probabilities_are_calibrated_at_both_priors(tmp_path, class_weight):
    rng = np.random.default_rng(0)
    n = 20_000
    y = np.where(rng.random(n) < 0.5, "s", "b")
    X = rng.normal(size=(n, 1)) + 1.5 * (y == "s")[:, np.newaxis]
    w = np.where(y == "s", 0.02, 1.0)
    half = np.arange(n) < n // 2
    model = LogisticRegression(class_weight=class_weight)
    model.fit(X[half], y[half], sample_weight=w[half])
    report = make_report(
        model,
        X[half],
        y[half],
        X[~half],
        y[~half],
        w[half],
        w[~half],
        path=tmp_path / "report.html",
        n_replicas=20,
        random_state=0,
    )
    found = report.numbers["signals"]["s"]["calibration"]
    for curve in found.values():
        share, error = np.array(curve["share"]), np.array(curve["error"])
        pulls = (share - np.array(curve["probability"])) / error
        assert np.nanmean(np.square(pulls)) < 3.0
    assert max(found["physical"]["probability"]) < 0.5
