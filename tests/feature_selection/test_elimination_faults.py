"""Eliminations that are killed lose no training that has ended."""

import multiprocessing
import os
import random
import signal
import time

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skhep_dnn import BackwardEliminationSelector
from tests.feature_selection.faulty import W, X, Y, run, selector, summary

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.feature_selection.faulty"])
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a kill is a signal of POSIX")
]
N_FOLDS = 3


def trainings(folder):
    return sorted((folder / "trainings").glob("iteration_*.json"))


def n_fits(folder):
    path = folder / "fits"
    return len(path.read_text().splitlines()) if path.exists() else 0


def uninterrupted(tmp_path, **options):
    folder = tmp_path / "whole"
    folder.mkdir()
    fitted = selector(folder, **options).fit(X, Y, W)
    return summary(fitted), len(trainings(folder))


@pytest.mark.parametrize("strategy", ["retrain", "hybrid"])
def test_kills_at_random_times_lose_no_training(tmp_path, strategy):
    options = {"strategy": strategy, "n_candidates": 2}
    expected, n_trainings = uninterrupted(tmp_path, **options)
    folder = tmp_path / "killed"
    folder.mkdir()
    rng, known, result, n_kills = random.Random(1), {}, tmp_path / "result", 0
    while not result.exists():
        args = (folder, result, options)
        process = PROCESSES.Process(target=run, args=args)
        process.start()
        n_before = len(trainings(folder))
        deadline = time.monotonic() + 60
        # until a few trainings more have ended, and then at any time
        n_more = rng.randint(1, 4)
        while len(trainings(folder)) < n_before + n_more and process.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, 0.03))
        n_kills += process.is_alive()
        process.kill()
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}
        for path, stamp in known.items():  # nothing is lost or written again
            assert path.stat().st_mtime_ns == stamp
        known = {path: path.stat().st_mtime_ns for path in trainings(folder)}
    assert n_kills >= 3
    assert joblib.load(result) == expected
    assert len(known) == n_trainings
    # each kill cost the fits of one training at most
    assert n_trainings * N_FOLDS <= n_fits(folder)
    assert n_fits(folder) <= (n_trainings + n_kills) * N_FOLDS


def test_a_signal_that_can_be_caught_does_the_same(tmp_path):
    expected, _ = uninterrupted(tmp_path)
    process = PROCESSES.Process(target=run, args=(tmp_path, tmp_path / "result", {}))
    process.start()
    while len(trainings(tmp_path)) < 4:
        assert process.is_alive()
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=60)
    assert summary(selector(tmp_path).fit(X, Y, W)) == expected


def test_an_elimination_that_has_ended_trains_nothing_again(tmp_path):
    first = selector(tmp_path).fit(X, Y, W)
    done = n_fits(tmp_path)
    again = selector(tmp_path).fit(X, Y, W)
    assert n_fits(tmp_path) == done
    assert summary(again) == summary(first)
    assert again.elimination_path_["time"].tolist() == (
        first.elimination_path_["time"].tolist()
    )
    # another rule goes its own way with what there is
    auto = selector(tmp_path, n_features_to_select="auto").fit(X, Y, W)
    assert n_fits(tmp_path) == done
    assert auto.best_iteration_ < len(first.iterations_) - 1


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"X": X + 1.0}, "`X`"),
        ({"y": np.roll(Y, 1)}, "`y`"),
        ({"sample_weight": 2.0 * W}, "`fit_arguments`"),
        ({"cv": 4}, "`splits`"),
        ({"estimator": LogisticRegression(C=0.1)}, "`estimator`"),
        ({"scoring": "roc_auc"}, "`scoring`"),
        ({"groups": {"first": ["a", "b"]}}, "`groups`"),
        ({"random_state": 1}, "`seed`"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_trainings_of_something_else_are_refused(tmp_path, changes, what):
    options = {"cv": 3, "random_state": 0, "directory": tmp_path}
    sample = {"X": X, "y": Y, "sample_weight": W}
    model = LogisticRegression()
    BackwardEliminationSelector(model, n_features_to_select=5, **options).fit(**sample)
    sample |= {name: v for name, v in changes.items() if name in sample}
    options |= {name: v for name, v in changes.items() if name not in sample}
    other = BackwardEliminationSelector(**{"estimator": model, **options})
    with pytest.raises(ValueError, match=f"got another {what} in"):
        other.fit(**sample)


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_processes_write_what_one_writes(tmp_path, backend):
    (tmp_path / "two").mkdir()
    expected, _ = uninterrupted(tmp_path, n_features_to_select=5)
    with joblib.parallel_config(backend, n_jobs=2):
        two = selector(tmp_path / "two", n_features_to_select=5).fit(X, Y, W)
    assert summary(two) == expected
    names = [path.name for path in trainings(tmp_path / "two")]
    assert names == [path.name for path in trainings(tmp_path / "whole")]
