"""Files of ONNX that are verified by their manifest, run by onnxruntime."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import (
    ExportedClassifier,
    Manifest,
    make_manifest,
    to_onnx,
    verify_export,
)
from skhep_dnn.model_selection import EventNumberKFold, SignificanceThresholdClassifier

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skhep_dnn.exceptions.{name}")
    for name in ("LowStatisticsWarning", "MeanCombinationWarning")
]

N = 600
EVENTS = make_gaussian_events(2 * N, random_state=1)
# Numbers that a float64 does not keep apart.
RUN, EVENT = np.arange(N) % 3 + 2**40, 2**60 + np.arange(N)
X = EVENTS.data[:N].assign(run=RUN, event=EVENT)
Y, W = EVENTS.target[:N], EVENTS.sample_weight[:N]
COLUMNS = X.columns[:-2]
NEW = EVENTS.data[N:].assign(run=7, event=np.arange(N))


def network():
    return WeightedDNNClassifier(
        n_layers=1, width=8, max_epochs=2, random_state=0, negative_weights="abs"
    )


def cross_fit(**options):
    options = {"cv": EventNumberKFold(3), "event_number": ["run", "event"], **options}
    return CrossFitClassifier(network(), **options)


@pytest.fixture(scope="module")
def model():
    return cross_fit().fit(X, Y, sample_weight=W)


def status(verification):
    return {check.name: check.status for check in verification.checks}


def export(model, path, table, *, y=Y, w=W, **options):
    made = to_onnx(model, path, table, y, w, **options)
    assert made.manifest.name == f"{path.name}.manifest.json"
    return Manifest.read(path)


ALL_PASSED = {
    *["manifest", "model.onnx", "model.onnx.seen.npz", "fold rule"],
    *["events of the fit", "threshold", "table", "folds", "unseen", "scores"],
    *["figures of merit", "at the threshold", "versions"],
}


@pytest.mark.parametrize(
    "cut",
    [
        {"threshold": 0.6},
        {"threshold": 0.2, "response_method": "decision_function"},
    ],
    ids=["probability", "logit"],
)
def test_folds(model, tmp_path, cut):
    path = tmp_path / "model.onnx"
    manifest = export(model, path, X, **cut)
    assert manifest.self_test["n_wrong_folds"] == 0
    result = verify_export(path, X, Y, W, training=True)
    assert status(result) == dict.fromkeys(ALL_PASSED, "passed")
    assert verify_export(path).passed
    assert verify_export(path, pd.concat([NEW, X[:50]])).passed


def test_numbers_beside_the_table(tmp_path):
    for numbers in (EVENT, np.column_stack([RUN, EVENT])):
        model = cross_fit(event_number=None)
        model.fit(X[COLUMNS], Y, W, event_number=numbers)
        path = tmp_path / f"model{numbers.ndim}.onnx"
        export(model, path, X[COLUMNS], event_number=numbers)
        result = verify_export(path, X[COLUMNS], Y, W, numbers, training=True)
        assert "failed" not in status(result).values()
        assert status(result)["folds"] == status(result)["scores"] == "passed"
        assert status(verify_export(path))["events of the fit"] == "passed"


def test_arrays(tmp_path):
    array = X[COLUMNS].assign(event=np.arange(N)).to_numpy()
    model = cross_fit(event_number=len(COLUMNS)).fit(array, Y, W)
    path = tmp_path / "model.onnx"
    export(model, path, array)
    result = verify_export(path, array, Y, W, training=True)
    assert "failed" not in status(result).values()
    assert status(result)["events of the fit"] == "passed"
    assert status(result)["figures of merit"] == "passed"


def test_a_single_model(tmp_path):
    path = tmp_path / "model.onnx"
    model = network().fit(X[COLUMNS], Y, W)
    of_test = NEW[COLUMNS], EVENTS.target[N:], EVENTS.sample_weight[N:]
    names = "X_test", "y_test", "sample_weight_test"
    export(model, path, X[COLUMNS], **dict(zip(names, of_test, strict=True)))
    result = verify_export(path, *of_test)
    assert result.passed
    assert status(result)["figures of merit"] == "passed"
    result = verify_export(path, X[COLUMNS], Y, W)
    assert [check.name for check in result.failed] == ["unseen"]
    assert status(result)["scores"] == "passed"


def test_a_threshold_that_was_chosen(tmp_path):
    cut = SignificanceThresholdClassifier(cross_fit(), n_replicas=0, min_n_eff=5.0)
    cut.fit(X, Y, sample_weight=np.abs(W))
    path = tmp_path / "model.onnx"
    manifest = export(cut, path, X, w=np.abs(W))
    assert manifest.threshold == cut.best_threshold_
    exported = ExportedClassifier(path)
    assert exported.threshold_ == cut.best_threshold_
    assert (exported.predict(X) == cut.predict(X)).all()
    result = verify_export(path, X, Y, np.abs(W), training=True)
    assert status(result) == dict.fromkeys(ALL_PASSED, "passed")


def test_a_cut_on_several_classes(tmp_path):
    y = np.random.default_rng(0).choice(["a", "b", "c"], N)
    cut = SignificanceThresholdClassifier(
        cross_fit(), pos_label=["a", "b"], n_replicas=0, min_n_eff=5.0
    ).fit(X, y)
    path = tmp_path / "model.onnx"
    to_onnx(cut, path, X, y)
    assert Manifest.read(path).signal == ["a", "b"]
    # The cut is the score of an event, whose last digits decide.
    clear = abs(cut.signal_score(X) - cut.best_threshold_) > 1e-5
    assert clear.mean() > 0.99
    found = ExportedClassifier(path).predict(X)
    np.testing.assert_array_equal(found[clear], cut.predict(X)[clear])
    assert verify_export(path, X, y, training=True).passed


def test_several_classes_and_categories(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], N)
    table = X.assign(
        channel=pd.Categorical(rng.choice(["e", "mu", None], N)), u=rng.normal(size=N)
    )
    table["u"] += (y == "a") - 1.0 * (y == "c")
    model = cross_fit().set_params(estimator__categorical_features=["channel"])
    model.fit(table, y)
    path = tmp_path / "model.onnx"
    export(model, path, table, y=y, w=None)
    result = verify_export(path, table, y, training=True)
    assert "failed" not in status(result).values()
    for name in ("events of the fit", "scores", "figures of merit"):
        assert status(result)[name] == "passed"


def swap_folds(path):
    """Exchange the models of two folds in a file, by the order of the rule's result."""
    file = onnx.load(path)
    changed = 0
    for node in file.graph.node:
        if "fold" in node.output:
            node.output[0] = "fold_before"
            changed += 1
    assert changed == 1
    one = onnx.helper.make_tensor("one_more", onnx.TensorProto.INT64, [1], [1])
    three = onnx.helper.make_tensor("n_folds", onnx.TensorProto.INT64, [1], [3])
    file.graph.initializer.extend([one, three])
    file.graph.node.extend(
        [
            onnx.helper.make_node("Add", ["fold_before", "one_more"], ["fold_more"]),
            onnx.helper.make_node("Mod", ["fold_more", "n_folds"], ["fold"]),
        ]
    )
    path.write_bytes(file.SerializeToString())


def test_a_shifted_fold_rule_is_found(model, tmp_path):
    path = tmp_path / "model.onnx"
    to_onnx(model, path, X)
    swap_folds(path)
    # A manifest that fits the file, by one who does not look at it.
    make_manifest(model, path, X, y=Y, sample_weight=W).write(path)
    result = verify_export(path, X)
    assert {c.name for c in result.failed} == {"events of the fit", "folds", "unseen"}
    assert {c.name for c in verify_export(path).failed} == {"events of the fit"}


def test_another_model_in_the_file_is_found(model, tmp_path):
    other = cross_fit().set_params(estimator__random_state=1).fit(X, Y, W)
    path = tmp_path / "model.onnx"
    to_onnx(other, path, X)
    make_manifest(model, path, X, y=Y, sample_weight=W).write(path)
    result = verify_export(path, X)
    assert [check.name for check in result.failed] == ["scores"]


def test_a_file_with_other_folds_than_the_manifest_says(model, tmp_path):
    path, inputs = tmp_path / "model.onnx", X[COLUMNS]
    single = network().fit(inputs, Y, W)
    to_onnx(single, path, inputs)
    make_manifest(model, path, X, y=Y, sample_weight=W).write(path)
    failed = {c.name: c.detail for c in verify_export(path, X).failed}
    assert failed == {
        "models": "the exported file has one model, the manifest has folds"
    }
    to_onnx(model, path, X, overwrite=True)
    make_manifest(single, path, inputs).write(path)
    failed = {c.name: c.detail for c in verify_export(path, NEW).failed}
    assert failed == {"models": "the exported file has folds, the manifest has none"}


def test_another_threshold_in_the_file_is_found(model, tmp_path):
    path = tmp_path / "model.onnx"
    to_onnx(model, path, X, threshold=0.6)
    make_manifest(model, path, X, y=Y, sample_weight=W, threshold=0.7).write(path)
    failed = {check.name: check.detail for check in verify_export(path).failed}
    assert failed == {"threshold": "0.6 in the exported file, expected 0.7"}


def test_files_that_nothing_runs(model, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    export(model, path, X)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = verify_export(path, X)
    assert result.passed
    reasons = {c.name: c.detail for c in result.checks if c.status == "not checked"}
    assert "onnxruntime must be installed" in reasons["folds"]
    assert status(result)["unseen"] == "passed"
    other = tmp_path / "other.onnx"
    other.write_bytes(b"none")
    make_manifest(model, other, X).write(other)
    monkeypatch.undo()
    result = verify_export(other)
    reasons = {c.name: c.detail for c in result.checks if c.status == "not checked"}
    assert "must be one of ONNX" in reasons["threshold"]


def test_one_file_for_each_fold(model, tmp_path):
    made = to_onnx(model, tmp_path / "model.onnx", X, Y, W, profile="basic")
    assert len(Manifest.read(made.paths[0]).files) == 3
    result = verify_export(made.paths[0], X)
    assert result.passed
    reasons = {c.name: c.detail for c in result.checks if c.status == "not checked"}
    assert reasons["folds"] == "the files have a model each, and none chooses one"
    assert json.loads((tmp_path / "model_fold0.onnx.manifest.json").read_text())
