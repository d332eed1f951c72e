"""Every benchmark runs: `--quick`, with a table and one line of JSON."""

import importlib
import json
import re
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit, softmax

from benchmarks.bench_latency import break_even
from benchmarks.common.out_of_fold import Run, dnn, pooled_scores
from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.samples import NOT_FEATURES, thinned
from benchmarks.common.signed_events import SIGNED_TABLES, draw_signs, split_events
from benchmarks.common.tables import TABLES, chosen_tables
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events
from skhep_dnn.metrics import (
    balanced_log_loss_from_logits,
    paired_bootstrap,
    weighted_roc_auc,
)

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SCRIPTS = [*sorted(path.stem for path in FOLDER.glob("bench_*.py")), "higgsml_study"]
PEERS = {
    "bench_best_score": "lightgbm",
    "bench_defaults": "plotnine",
    "bench_event_efficiency": "lightgbm",
    "bench_negative_weights": "lightgbm",
    "bench_other_networks": "lightgbm",
    "bench_public_data": "plotnine",
    "bench_quality": "lightgbm",
    "bench_tables": "lightgbm",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_benchmark_runs(name):
    peer = PEERS.get(name)
    if peer is not None and find_spec(peer) is None:
        pytest.skip(f"{peer}, which this benchmark needs, is in the group `bench` only")
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick"]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    *table, last = result.stdout.splitlines()
    assert len(table) > 1
    assert json.loads(last)["benchmark"]


def test_the_readme_has_a_row_for_each_script():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE) == SCRIPTS


def test_events_that_are_quoted_choose_no_cut():
    pytest.importorskip("lightgbm")
    best_score = importlib.import_module("benchmarks.bench_best_score")
    train, test = best_score.halves(make_higgs_events(1_000, random_state=0), 200)
    assert (len(train.target), len(test.target)) == (800, 200)
    both = pd.concat([train.data, test.data])
    assert len(both.drop_duplicates()) == 1_000
    for part in (train, test):
        of_signal = part.sample_weight[part.target == "s"].sum()
        assert of_signal == pytest.approx(691.99)

    def fit(X, *_):
        mass = X["DER_mass_vis"].mean()
        return lambda X_new: -np.abs(X_new["DER_mass_vis"].to_numpy() - mass)

    (quoted,) = best_score.quoted(fit, train, test, seeds=1)
    (other,) = best_score.quoted(fit, train, thinned(test, 2), seeds=1)
    assert quoted.cut == other.cut
    np.testing.assert_array_equal(quoted.scores[::2], other.scores)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_what_a_comparison_needs(name):
    if name == "diamonds":
        pytest.importorskip("plotnine")
    events = TABLES[name](200)
    n_events = len(events.target)
    assert 200 <= n_events < 400
    assert len(events.data) == len(events.sample_weight) == n_events
    assert events.sample_weight.min() > 0
    assert len(np.unique(events.target)) == (10 if name == "digits" else 2)
    categorical = set(events.categorical or [])
    numbers = events.data.select_dtypes("number")
    assert categorical <= set(events.data)
    assert set(events.data) - categorical <= set(numbers)
    assert not set(events.data) & {*NOT_FEATURES, "cut", "Weight", "EventId"}
    assert not (numbers == -999.0).any().any()
    if events.augmenter is not None:
        events.augmenter.fit(events.data)


def test_tables_are_chosen_by_name():
    assert chosen_tables("all") == list(TABLES)
    assert chosen_tables("digits,higgsml") == ["digits", "higgsml"]
    with pytest.raises(ValueError, match=r"got \['no_table'\]. Choose of them"):
        chosen_tables("digits,no_table")


def test_logits_of_trees_are_those_of_the_probabilities():
    trees = pytest.importorskip("benchmarks.common.trees")
    raw = np.random.default_rng(0).normal(size=(5, 3))
    p = softmax(raw, axis=1)
    np.testing.assert_allclose(trees.one_against_rest(raw), logit(p))
    np.testing.assert_array_equal(trees.one_against_rest(raw[:, 0]), raw[:, 0])


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_settings_of_trees_are_stored_for_each_table(tmp_path):
    trees = pytest.importorskip("benchmarks.common.trees")
    for name in trees.SPACES:
        for table in TABLES:
            assert trees.stored_settings(name, table)
    path = tmp_path / "stored.json"
    for table in ("digits", "breast_cancer"):
        trees.store_trials(table, TABLES[table](60), 2, path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    for name, part in stored.items():
        assert len(part["settings"]) == 2
        losses = part["losses"]["digits"]
        best = part["settings"][int(np.argmin(losses))]
        assert trees.stored_settings(name, "digits", path) == best
    with pytest.raises(ValueError, match="got none of 'tmva'"):
        trees.stored_settings("LightGBM", "tmva", path)


def test_a_verdict_is_about_the_best_of_the_trees():
    tables = pytest.importorskip("benchmarks.bench_tables")

    def row(auc, loss, auc_error=0.001, loss_error=0.001):
        cells = {"AUC": (auc, auc_error), "log-loss": (loss, loss_error)}
        return {
            figure: {
                "value": value,
                "difference": value - (0.9 if figure == "AUC" else 0.4),
                "paired error": 0.6 * error,
                "seed error": 0.8 * error,
            }
            for figure, (value, error) in cells.items()
        }

    rows = {
        "network": row(0.9, 0.4),
        "network before": row(0.95, 0.3),
        "good": row(0.897, 0.397),
        "better": row(0.9019, 0.405),
    }
    found = tables.verdicts(rows)
    assert {k: v["best"] for k, v in found.items()} == {
        "AUC": "better",
        "log-loss": "good",
    }
    assert found["AUC"]["difference"] == pytest.approx(-0.0019)
    assert found["AUC"]["error"] == pytest.approx(0.001)
    assert not found["AUC"]["worse by two errors"]
    assert found["log-loss"]["difference"] == pytest.approx(0.003)
    assert found["log-loss"]["worse by two errors"]


def test_kept_scores_are_read_again(tmp_path):
    tables = pytest.importorskip("benchmarks.bench_tables")
    events = TABLES["breast_cancer"](60)
    calls = []

    def make(events, seeds):
        calls.append(seeds)
        n_events = len(events.target)
        return [Run(np.full(n_events, k), np.zeros(n_events), k) for k in range(seeds)]

    for seeds in (2, 1, 2, 3):
        runs = tables.kept(tmp_path, "table, network one", events, seeds, make)
        assert [run.seconds for run in runs] == list(range(seeds))
        assert all(run.scores[0] == k for k, run in enumerate(runs))
    assert calls == [2, 3]
    tables.kept(tmp_path, "table, network two", events, 1, make)
    assert tables.other_networks(tmp_path, "table", "two") == ["one"]
    changed = TABLES["breast_cancer"](61)
    tables.kept(tmp_path, "table, network one", changed, 1, make)
    assert calls == [2, 3, 1, 1]


def test_events_needed_lie_on_the_learning_curve():
    efficiency = pytest.importorskip("benchmarks.bench_event_efficiency")
    sizes, losses = [1_000, 2_000, 4_000, 8_000], [0.5, 0.45, 0.46, 0.4]
    needed = partial(efficiency.events_needed, sizes, losses)
    assert needed(0.5) == (pytest.approx(1_000), False)
    assert needed(0.6) == (pytest.approx(1_000), False)
    assert needed(0.475) == (pytest.approx(1_000 * 2**0.5), False)
    assert needed(0.425) == (pytest.approx(4_000 * 2**0.5), False)
    # beyond the end by the fall of 0.05 in two doublings
    assert needed(0.375) == (pytest.approx(16_000), True)
    assert efficiency.events_needed(sizes, [0.5] * 4, 0.4) == (
        pytest.approx(80_000),
        True,
    )
    assert needed(0.1) == (pytest.approx(80_000), True)


def test_unseen_events_are_the_same_in_all_draws():
    efficiency = pytest.importorskip("benchmarks.bench_event_efficiency")
    events = make_higgs_events(1_500, random_state=0)
    parts = [efficiency.drawn(events, 500, (200, 500, 1_000), k) for k in range(2)]
    (unseen, samples), (same, others) = parts
    pd.testing.assert_frame_equal(unseen.data, same.data)
    assert [len(samples[n].target) for n in (200, 500, 1_000)] == [200, 500, 1_000]
    both = pd.concat([unseen.data, samples[1_000].data])
    assert len(both.drop_duplicates()) == 1_500
    assert not samples[200].data.equals(others[200].data)
    nested = samples[500].data.merge(samples[200].data, how="inner")
    assert len(nested) == 200


def test_break_even_lies_where_the_gain_passes_one():
    assert break_even({100: (1.0, 2.0), 400: (1.0, 0.5)}) == pytest.approx(159, abs=1)
    assert break_even({100: (1.0, 0.9), 400: (1.0, 0.5)}) == 100
    assert break_even({100: (1.0, 0.9), 400: (1.0, 1.1)}) is None
    assert break_even({1: (1.0, 0.9), 2: (1.0, 1.1), 4: (1.0, 0.9)}) > 2


def allocated_bytes(n_bytes):
    with PeakMemory() as peak:
        np.ones(n_bytes, dtype=np.uint8)
    return peak.total


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_sees_what_was_freed_again():
    total = in_fresh_process(allocated_bytes, 200_000_000)
    assert total == pytest.approx(200_000_000, rel=0.05)


@pytest.mark.slow
def test_processes_do_not_change_scores():
    events = thinned(make_gaussian_events(1_000, random_state=0), 2)
    fit = dnn(n_members=2, max_epochs=2, n_layers=2, width=8)
    one, two = (pooled_scores(fit, events, 1, n_jobs)[0] for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.fold, two.fold)


def signed_toy():
    return split_events(SIGNED_TABLES["gaussian_phase_space"](6_000), 2_000, 4_000)


def test_drawn_signs_have_the_true_weights_as_their_mean():
    train, judged = signed_toy()
    assert (len(train.target), len(judged.target)) == (2_000, 4_000)
    rng = np.random.default_rng(0)
    draws = np.array([draw_signs(train, rng) for _ in range(400)])
    error = draws.std(axis=0) / np.sqrt(400)
    pulls = (draws.mean(axis=0) - train.weight_true) / error
    assert np.abs(pulls).max() < 5.0
    assert pulls.std() == pytest.approx(1.0, abs=0.1)
    shares = (draws < 0.0).mean(axis=0)
    assert np.abs(shares - train.p_negative).max() < 5.0 * 0.5 / np.sqrt(400)


def test_figures_of_the_benchmark_of_negative_weights_and_their_errors():
    pytest.importorskip("lightgbm")
    bench = importlib.import_module("benchmarks.bench_negative_weights")
    _, judged = signed_toy()
    x = judged.data.to_numpy()
    scores = {"a": np.round(2.0 * x[:, 0], 1), "b": x.sum(axis=1)}
    runs = {name: bench.judge(judged, score) for name, score in scores.items()}
    row = bench.summary([runs["b"]], [runs["a"]], None)
    for name, metric in (
        ("AUC", weighted_roc_auc),
        ("log-loss", balanced_log_loss_from_logits),
    ):
        expected = paired_bootstrap(
            metric,
            judged.target,
            scores["b"],
            scores["a"],
            judged.weight_true,
            n_replicas=400,
            random_state=0,
        )
        assert runs["b"].figures[name] == pytest.approx(expected.value_a)
        assert row[name]["difference"] == pytest.approx(expected.difference, abs=1e-5)
        assert row[name]["error"] == pytest.approx(expected.error, rel=0.15)


def test_sums_of_wrong_weights_are_found():
    pytest.importorskip("lightgbm")
    bench = importlib.import_module("benchmarks.bench_negative_weights")
    train, judged = signed_toy()
    drawn = bench.Drawn(train, draw_signs(train, np.random.default_rng(0)), 0)
    columns = bench.binnings(train, judged)
    assert len(columns) == 4

    def smallest_p(weights):
        found = bench.sums_p_values(drawn, weights, columns)
        assert len(found) == 8  # two classes
        return np.min(list(found.values()), axis=0)

    assert (smallest_p(train.weight_true) == 1.0).all()
    assert smallest_p(drawn.signed)[0] > 0.01
    absolute = np.abs(drawn.signed)
    for label in ("s", "b"):
        of_class = train.target == label
        absolute[of_class] *= drawn.signed[of_class].sum() / absolute[of_class].sum()
    assert (smallest_p(absolute) < 1e-4).all()
