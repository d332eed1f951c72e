"""Headers of C++ that are verified by their manifest, compiled by the system."""

import shutil

import numpy as np
import pandas as pd
import pytest

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import make_manifest, to_cpp, verify_export

pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
]
needs_compiler = pytest.mark.skipif(
    shutil.which("c++") is None, reason="no compiler of C++ is installed"
)

N = 300
EVENTS = make_gaussian_events(N, random_state=1)
X = EVENTS.data.assign(run=np.arange(N) % 3 + 2**40, event=2**60 + np.arange(N))
Y, W = EVENTS.target, EVENTS.sample_weight
COLUMNS = X.columns[:-2]


def network():
    return WeightedDNNClassifier(
        n_layers=1, width=8, max_epochs=2, random_state=0, negative_weights="abs"
    )


@pytest.fixture(scope="module")
def model():
    model = CrossFitClassifier(network(), cv=3, event_number=["run", "event"])
    return model.fit(X, Y, sample_weight=W)


def status(verification):
    return {check.name: check.status for check in verification.checks}


def export(model, path, table, *, y=None, sample_weight=None, **options):
    options = {"threshold": 0.6, **options}
    return to_cpp(model, path, table, y, sample_weight, **options)


@needs_compiler
@pytest.mark.parametrize("threshold", [None, 0.6])
def test_folds(model, tmp_path, threshold):
    path = tmp_path / "model.hpp"
    export(model, path, X, y=Y, sample_weight=W, threshold=threshold)
    result = verify_export(path, X, Y, W, training=True)
    assert set(status(result).values()) == {"passed"}
    assert {"folds", "scores", "figures of merit"} < set(status(result))


@needs_compiler
def test_numbers_beside_an_array(tmp_path):
    array, numbers = X[COLUMNS].to_numpy(), X["event"].to_numpy()
    model = CrossFitClassifier(network(), cv=3).fit(array, Y, W, event_number=numbers)
    path = tmp_path / "model.h"
    export(model, path, array, event_number=numbers, y=Y, sample_weight=W)
    result = verify_export(path, array, Y, W, numbers, training=True)
    assert set(status(result).values()) == {"passed"}


@needs_compiler
def test_a_single_model(tmp_path):
    path = tmp_path / "model.hh"
    export(network().fit(X[COLUMNS], Y, W), path, X[COLUMNS])
    result = verify_export(path, X[COLUMNS])
    assert [check.name for check in result.failed] == ["unseen"]
    assert status(result)["scores"] == status(result)["threshold"] == "passed"


@needs_compiler
def test_three_classes(tmp_path):
    y = np.random.default_rng(0).choice(["a", "b", "c"], N)
    path = tmp_path / "model.hxx"
    model = CrossFitClassifier(network(), cv=3, event_number=["run", "event"])
    export(model.fit(X, y), path, X, y=y, threshold=None)
    assert set(status(verify_export(path, X, y)).values()) == {"passed"}


@needs_compiler
def test_a_rule_that_was_changed_is_found(model, tmp_path):
    path = tmp_path / "model.hpp"
    to_cpp(model, path, X)
    text = path.read_text()
    assert text.count("314159265") == 2  # of the scores, and of the fold alone
    path.write_text(text.replace("314159265", "314159266"))
    make_manifest(model, path, X, y=Y, sample_weight=W).write(path)
    failed = {check.name for check in verify_export(path, X, Y, W).failed}
    assert failed >= {"events of the fit", "folds", "unseen", "scores"}


def reasons(result):
    return {c.name: c.detail for c in result.checks if c.status == "not checked"}


def test_what_is_not_run(model, tmp_path, monkeypatch):
    path = tmp_path / "model.hpp"
    export(model, path, X, y=Y, sample_weight=W)
    result = verify_export(path, X, run=False)
    assert result.passed
    assert reasons(result)["folds"] == "it was not to be run"
    assert status(result)["unseen"] == "passed"
    monkeypatch.setattr("shutil.which", lambda _name: None)
    result = verify_export(path, X)
    assert result.passed
    assert "A compiler of C++ must be there" in reasons(result)["scores"]


@needs_compiler
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("struct Nothing {};", "must have been written by `to_cpp`"),
        (None, "must compile"),
    ],
)
def test_a_header_that_is_none(model, tmp_path, text, told):
    path = tmp_path / "model.hpp"
    to_cpp(model, path, X)
    path.write_text(text or path.read_text() + "\nint broken(")
    make_manifest(model, path, X).write(path)
    assert told in reasons(verify_export(path, X))["folds"]


@needs_compiler
def test_codes_of_categories_are_not_guessed(tmp_path):
    table = X.assign(channel=pd.Categorical(np.tile(["e", "mu", "tau"], N // 3)))
    model = CrossFitClassifier(
        network().set_params(categorical_features=["channel"]),
        cv=3,
        event_number=["run", "event"],
    )
    path = tmp_path / "model.hpp"
    export(model.fit(table, Y, W), path, table)
    result = verify_export(path, table)
    assert result.passed
    assert "codes of categories in 'channel'" in reasons(result)["scores"]
