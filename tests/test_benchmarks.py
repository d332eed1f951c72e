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
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SCRIPTS = [*sorted(path.stem for path in FOLDER.glob("bench_*.py")), "higgsml_study"]
PEERS = {
    "bench_best_score": "lightgbm",
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
