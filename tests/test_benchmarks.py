"""Every benchmark runs: `--quick`, with a table and one line of JSON."""

import importlib
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.bench_latency import break_even
from benchmarks.common.out_of_fold import dnn, pooled_scores
from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.samples import thinned
from benchmarks.common.signed_events import SIGNED_TABLES, draw_signs, split_events
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
    "bench_negative_weights": "lightgbm",
    "bench_quality": "lightgbm",
    "bench_public_data": "plotnine",
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
