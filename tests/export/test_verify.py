"""A verification: what was changed or seen fails, and what is right does not."""

import json
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import DataFileError, VerificationError
from skhep_dnn.export import Manifest, make_manifest, verify_export
from skhep_dnn.export._fold_rule import FoldRule
from skhep_dnn.export._manifest import FileRecord, SeenRecord
from skhep_dnn.export._seen_events import SeenEvents
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.model_selection import EventNumberKFold, SignificanceThresholdClassifier
from tests.export.stand_in import StandIn, export, flip_byte, open_stand_in

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skhep_dnn.exceptions.{name}")
    for name in ("LowStatisticsWarning", "MeanCombinationWarning")
]

N = 400
EVENTS = make_gaussian_events(2 * N, random_state=0)
X = EVENTS.data[:N].assign(EventId=np.arange(N) * 7)
Y, W = EVENTS.target[:N], EVENTS.sample_weight[:N]
NEW = EVENTS.data[N:].assign(EventId=10_000 + np.arange(N))
Y_NEW, W_NEW = EVENTS.target[N:], EVENTS.sample_weight[N:]
COLUMNS = X.columns[:-1]


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr("skhep_dnn.export._verify.open_exported", open_stand_in)


def cross_fit(**options):
    options = {"cv": 3, "event_number": "EventId", **options}
    return CrossFitClassifier(LogisticRegression(), **options)


FITTED = cross_fit().fit(X, Y, sample_weight=np.abs(W))
SINGLE = LogisticRegression().fit(X[COLUMNS], Y)


@pytest.fixture
def exported(tmp_path):
    path = tmp_path / "model.bin"
    export(FITTED, path, X, y=Y, sample_weight=W, threshold=0.5)
    return path


@pytest.fixture
def single(tmp_path):
    path = tmp_path / "single.bin"
    export(SINGLE, path, X[COLUMNS], y=Y, sample_weight=W)
    return path


def status(verification):
    return {check.name: check.status for check in verification.checks}


def detail(verification, name):
    (found,) = [c.detail for c in verification.checks if c.name == name]
    return found


def test_the_training_events(exported):
    result = verify_export(exported, X, Y, W, training=True)
    assert result.raise_if_failed() is result
    assert status(result) == {
        "manifest": "passed",
        "model.bin": "passed",
        "model.bin.seen.npz": "passed",
        "fold rule": "passed",
        "events of the fit": "passed",
        "threshold": "passed",
        "table": "passed",
        "folds": "passed",
        "unseen": "passed",
        "scores": "passed",
        "figures of merit": "passed",
        "at the threshold": "passed",
        "versions": "passed",
    }
    assert detail(result, "unseen") == (
        "none of 400 events is scored by a model that has seen it, 400 of them are of "
        "the fit"
    )
    auc = weighted_roc_auc(Y, FITTED.oof_decision_function_, W)
    told = detail(result, "figures of merit").split("roc_auc ")[1]
    assert float(told) == pytest.approx(auc, abs=2e-5)
    assert str(result).endswith("is verified: 13 checks passed")


def test_without_events(exported, single):
    result = verify_export(exported)
    assert result.passed
    assert status(result)["events of the fit"] == "passed"
    assert status(result)["events"] == "not checked"
    assert verify_export(single).passed


def test_new_events_and_mixtures(exported):
    result = verify_export(exported, NEW, Y_NEW, W_NEW)
    assert result.passed
    assert status(result)["table"] == "told"
    assert detail(result, "table").endswith("0 of 400 are known from the fit")
    assert status(result)["figures of merit"] == "not checked"
    mixed = pd.concat([NEW[:50], X[:20]])
    result = verify_export(exported, mixed)
    assert result.passed
    assert detail(result, "table").endswith("20 of 70 are known from the fit")
    failed = verify_export(exported, mixed, training=True)
    assert [check.name for check in failed.failed] == ["table"]


def test_a_variation_is_the_same_event(exported, tmp_path):
    varied = X.assign(**{COLUMNS[0]: 1.03 * X[COLUMNS[0]]})
    result = verify_export(exported, varied, Y, W)
    assert result.passed
    assert detail(result, "table").endswith("400 of 400 are known from the fit")
    # Of one model, known by its numbers, the variation was seen, too.
    path = tmp_path / "numbered.bin"
    export(SINGLE, path, X[COLUMNS], y=Y, event_number=X["EventId"])
    result = verify_export(
        path, varied[COLUMNS][:9], event_number=varied["EventId"][:9]
    )
    assert detail(result, "unseen").startswith("9 of 9 events are scored")


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda frame: frame.sample(frac=1.0, axis=1, random_state=0),
        lambda frame: frame.astype(dict.fromkeys(COLUMNS, "f4")),
    ],
    ids=["pandas", "polars", "pyarrow", "order", "float32"],
)
def test_tables_of_any_kind(exported, convert):
    result = verify_export(exported, convert(X), Y, W, training=True)
    assert "training events of the manifest, in their" in detail(result, "table")
    assert result.passed


def test_another_order_of_the_rows(exported):
    rows = np.random.default_rng(0).permutation(N)
    result = verify_export(exported, X.iloc[rows], np.array(Y)[rows], W[rows])
    assert result.passed
    assert "in another order" in detail(result, "table")
    assert status(result)["figures of merit"] == "passed"


def test_arrays_without_names(tmp_path):
    array = X.to_numpy()
    model = cross_fit(event_number=X.shape[1] - 1).fit(array, Y, np.abs(W))
    path = tmp_path / "model.bin"
    manifest = export(model, path, array, y=Y, sample_weight=W)
    assert not manifest.is_named
    assert manifest.number_columns == [str(X.shape[1] - 1)]
    assert verify_export(path, array, Y, W, training=True).passed
    assert verify_export(path, X, Y, W, training=True).passed


def test_run_and_event_numbers_beside_the_table(tmp_path):
    numbers = np.column_stack([np.arange(N) % 3, np.arange(N) // 3])
    model = cross_fit(event_number=None)
    model.fit(X[COLUMNS], Y, np.abs(W), event_number=numbers)
    path = tmp_path / "model.bin"
    export(model, path, X[COLUMNS], y=Y, event_number=numbers)
    result = verify_export(path, X[COLUMNS], Y, event_number=numbers, training=True)
    assert result.passed
    assert verify_export(path).passed
    with pytest.raises(ValueError, match="`event_number` must be passed where"):
        verify_export(path, X[COLUMNS])
    # The same events under the numbers of each other are not those of the fit.
    with pytest.raises(ValueError, match="events with other folds or scores"):
        make_manifest(model, path, X[COLUMNS], event_number=numbers[::-1])


@pytest.mark.parametrize("rule", ["hash", "modulo"])
def test_other_rules(tmp_path, rule):
    salt = 5 if rule == "hash" else 0
    cv = EventNumberKFold(4, rule=rule, salt=salt)
    model = cross_fit(cv=cv).fit(X, Y, np.abs(W))
    manifest = export(model, tmp_path / "model.bin", X, y=Y)
    pairs = np.column_stack([np.zeros(N, dtype=np.int64), X["EventId"]])
    np.testing.assert_array_equal(manifest.fold_rule.folds(pairs), model.fold_)
    assert verify_export(tmp_path / "model.bin", X, Y).passed


# What is changed.


def test_each_byte_of_the_manifest_counts(exported):
    place = exported.with_name("model.bin.manifest.json")
    content = place.read_bytes()
    positions = {0, 1, content.index(b" "), len(content) - 1}
    positions |= set(np.random.default_rng(0).integers(0, len(content), 60).tolist())
    for position in positions:
        flip_byte(place, position)
        result = verify_export(exported, X, Y, W)
        assert [check.name for check in result.failed] == ["manifest"]
        place.write_bytes(content)
    assert verify_export(exported).passed


def test_a_manifest_that_was_written_anew_needs_its_hash(exported):
    kept = Manifest.read(exported).sha256
    assert verify_export(exported, sha256=kept).passed
    manifest = make_manifest(FITTED, exported, X, y=Y, sample_weight=W, threshold=0.4)
    manifest.write(exported)
    result = verify_export(exported, sha256=kept)
    assert {check.name for check in result.failed} == {"manifest", "threshold"}
    with pytest.raises(VerificationError, match=r"(?s)expected .*0\.5 in the exported"):
        result.raise_if_failed()


@pytest.mark.parametrize("name", ["model.bin", "model.bin.seen.npz"])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_a_changed_byte_of_a_file(exported, name, place):
    file = exported.with_name(name)
    flip_byte(file, int(place * file.stat().st_size))
    result = verify_export(exported, X, Y, W)
    assert [check.name for check in result.failed] == [name]
    assert "was exported" in detail(result, name)
    if name == "model.bin":  # a file that was changed is not run
        assert detail(result, "folds") == "the exported file was changed"
        assert "by the rule of the manifest" in detail(result, "unseen")


def test_files_that_are_shorter_or_missing(exported):
    seen = exported.with_name("model.bin.seen.npz")
    seen.write_bytes(seen.read_bytes()[:-1])
    assert "bytes" in detail(verify_export(exported), "model.bin.seen.npz")
    seen.unlink()
    result = verify_export(exported, X)
    assert detail(result, "model.bin.seen.npz") == "the file is missing"
    assert status(result)["unseen"] == "not checked"
    exported.with_name("model.bin.manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match="must have its manifest beside it"):
        verify_export(exported)
    exported.unlink()
    with pytest.raises(FileNotFoundError, match="must be an exported file"):
        verify_export(exported)


def test_seen_events_of_another_fit(exported):
    """Two files that fit each other, and a fold that does not fit the rule."""
    manifest = Manifest.read(exported)
    model = joblib.load(exported).model
    moved = cross_fit().fit(X, Y, np.abs(W))
    assert (moved.fold_ == model.fold_).all()
    moved.fold_[7] = (moved.fold_[7] + 1) % 3
    with pytest.raises(ValueError, match="must be those of the fit"):
        make_manifest(moved, exported, X, y=Y)
    # As one who does not check would have written it:
    seen = {
        "known_by": "numbers",
        "identities": np.column_stack([0 * X["EventId"], X["EventId"]]),
        "held_out": moved.fold_,
    }
    write_seen(manifest, exported, seen)
    result = verify_export(exported, X, Y, W)
    assert {check.name for check in result.failed} == {
        "fold rule",
        "events of the fit",
        "unseen",
    }
    assert "row 7 (run 0, event 49)" in detail(result, "unseen")
    assert "run 0, event 49" in detail(result, "events of the fit")


def write_seen(manifest, path, seen):
    made = SeenEvents.of(*seen.values())
    content = made.to_bytes()
    record = SeenRecord(
        FileRecord.of(manifest.seen.file.name, content), "numbers", len(made)
    )
    replace(manifest, seen=record, seen_content=content).write(path)


# What was seen.


def test_models_that_are_swapped(tmp_path):
    path = tmp_path / "model.bin"
    export(FITTED, path, X, y=Y, sample_weight=W, shift=1)
    result = verify_export(path, X, Y, W)
    failed = {check.name for check in result.failed}
    assert failed == {
        *["events of the fit", "folds", "unseen", "scores", "figures of merit"]
    }
    assert "400 of 400 events are scored by a model" in detail(result, "unseen")
    # It needs no events, and new ones have been seen by none.
    assert not verify_export(path).passed
    assert status(verify_export(path, NEW))["unseen"] == "passed"


def test_two_fold_models_that_are_exchanged(exported):
    """The rule is right, and two models stand at the place of each other."""
    file = joblib.load(exported)
    file.model.estimators_[:2] = file.model.estimators_[1::-1]
    file.model._models.models[:2] = file.model._models.models[1::-1]
    joblib.dump(file, exported)
    manifest = make_manifest_unchecked(exported)
    manifest.write(exported)
    result = verify_export(exported, X, Y, W)
    assert {c.name for c in result.failed} >= {"scores", "figures of merit"}
    assert status(result)["unseen"] == "passed"  # by their places it would be right


def make_manifest_unchecked(exported):
    """A manifest of the right models, for a file whose models were exchanged."""
    return make_manifest(FITTED, exported, X, y=Y, sample_weight=W, threshold=0.5)


def test_one_event_in_another_fold(exported):
    moved = X.assign(EventId=X["EventId"].where(np.arange(N) != 3, 10_001))
    result = verify_export(exported, moved, Y, W)
    # It has another number now, and is another event.
    assert result.passed
    assert "399 of 400" in detail(result, "table")


def test_a_training_event_among_new_ones(single):
    mixed = pd.concat([NEW[:30], X[11:12], NEW[30:]])[COLUMNS]
    result = verify_export(single, mixed)
    assert [check.name for check in result.failed] == ["unseen"]
    assert detail(result, "unseen").endswith("that has seen them: row 30")
    with pytest.raises(VerificationError, match="seen them: row 30"):
        result.raise_if_failed()
    # The next float is another event.
    moved = mixed.copy()
    moved.iloc[30, 0] = np.nextafter(np.float32(moved.iloc[30, 0]), np.float32(9e9))
    assert verify_export(single, moved).passed
    many = verify_export(single, X[COLUMNS], Y, W)
    assert "rows 0, 1, 2, 3, 4 and 395 more" in detail(many, "unseen")


@pytest.mark.parametrize("numbers", [None, "EventId"])
@pytest.mark.parametrize("cv", [3, RepeatedStratifiedKFold(n_splits=2, n_repeats=2)])
def test_the_mean_has_seen_all(tmp_path, numbers, cv):
    if numbers is not None:
        cv = 3
    model = cross_fit(event_number=numbers, combine="mean", cv=cv)
    own = X if numbers else X[COLUMNS]
    model.fit(own, Y, np.abs(W))
    manifest = export(model, tmp_path / "model.bin", own, y=Y)
    assert manifest.fold_rule.scored_by == "mean"
    assert manifest.training.metrics == {}
    assert "each training event was seen" in manifest.training.no_metrics
    new = NEW if numbers else NEW[COLUMNS]
    assert verify_export(tmp_path / "model.bin", new).passed
    mixed = pd.concat([new[:4], own[:2]])
    result = verify_export(tmp_path / "model.bin", mixed)
    assert detail(result, "unseen").startswith("2 of 6 events")


def test_copies_of_a_number_are_one_event(tmp_path):
    copies = pd.concat([X, X.assign(**{COLUMNS[0]: X[COLUMNS[0]] + 1.0})])
    labels, weights = np.tile(Y, 2), np.tile(W, 2)
    model = cross_fit().fit(copies, labels, np.abs(weights))
    manifest = export(model, tmp_path / "model.bin", copies, y=labels)
    assert manifest.seen.n_events == N
    assert manifest.training.n_events == 2 * N
    assert verify_export(tmp_path / "model.bin", copies, labels, training=True).passed


def test_a_class_without_weights_was_not_seen(tmp_path):
    labels = np.array(Y, dtype=object)
    labels[:10] = "data"
    weights = np.abs(W)
    weights[:10] = 0.0
    labels = labels.astype(str)
    model = cross_fit().fit(X, labels, weights)
    manifest = export(model, tmp_path / "model.bin", X, y=labels, sample_weight=weights)
    assert manifest.seen.n_events == N - 10
    assert [record.label for record in manifest.training.classes] == sorted(
        set(labels.tolist())
    )
    result = verify_export(tmp_path / "model.bin", X, labels, weights)
    assert result.passed
    assert "390 of them are of the fit" in detail(result, "unseen")
    # One of a known class that weighs nothing counts as seen.
    light = LogisticRegression().fit(X[COLUMNS], Y)
    manifest = export(light, tmp_path / "one.bin", X[COLUMNS], y=labels)
    assert manifest.seen.n_events == N - 10


# Figures of merit.


def test_labels_and_weights_must_be_those_of_the_fit(exported):
    labels = np.array(Y)
    labels[:2] = labels[1::-1] if labels[0] != labels[1] else labels[-2:][::-1]
    labels = np.roll(np.array(Y), 1)
    result = verify_export(exported, X, labels, W)
    assert "not those of the manifest" in detail(result, "figures of merit")
    weights = W.copy()
    weights[5] *= 1.001
    assert not verify_export(exported, X, Y, weights).passed
    # Without them there is nothing to compare, and this is told.
    for given in [(X,), (X, Y)]:
        result = verify_export(exported, *given)
        assert result.passed
        assert status(result)["figures of merit"] == "not checked"
    assert detail(result, "figures of merit") == "no weights were passed"


def test_scores_that_are_not_those_of_the_model(exported):
    file = joblib.load(exported)
    for model in file.model.estimators_:
        model.coef_ = model.coef_ * np.array([[1.0, *[0.9] * (len(COLUMNS) - 1)]])
    joblib.dump(file, exported)
    make_manifest_unchecked(exported).write(exported)
    result = verify_export(exported, X, Y, W)
    failed = {check.name for check in result.failed}
    assert failed >= {"scores", "figures of merit"}
    assert "in the manifest" in detail(result, "figures of merit")


def test_a_test_sample(tmp_path):
    path = tmp_path / "single.bin"
    of_test = {"X_test": NEW[COLUMNS], "y_test": Y_NEW, "sample_weight_test": W_NEW}
    manifest = export(SINGLE, path, X[COLUMNS], y=Y, threshold=0.0, **of_test)
    auc = weighted_roc_auc(Y_NEW, SINGLE.decision_function(NEW[COLUMNS]), W_NEW)
    assert manifest.test.metrics["roc_auc"].value == pytest.approx(auc)
    result = verify_export(path, NEW[COLUMNS], Y_NEW, W_NEW)
    assert result.passed
    assert "the test sample of the manifest" in detail(result, "table")
    assert status(result)["figures of merit"] == "passed"
    assert status(result)["at the threshold"] == "passed"
    with pytest.raises(
        ValueError, match=r"must be events that no model.*such as row 1"
    ):
        make_manifest(
            SINGLE, path, X[COLUMNS], X_test=pd.concat([NEW[:1], X[:1]])[COLUMNS]
        )
    # Of folds a training event may be in it.
    make_manifest(FITTED, path, X, X_test=pd.concat([NEW[:1], X[:1]]))


def test_several_classes(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.choice(["a", "b", "c"], N)
    table = pd.DataFrame(rng.normal(size=(N, 2)), columns=["u", "v"])
    table["u"] += (labels == "a") - 1.0 * (labels == "c")
    table["EventId"] = np.arange(N)
    model = cross_fit().fit(table, labels)
    path = tmp_path / "model.bin"
    manifest = export(model, path, table, y=labels)
    assert set(manifest.training.metrics) == {"roc_auc_ovr", "balanced_log_loss"}
    assert verify_export(path, table, labels, training=True).passed
    options = {"y": labels, "threshold": 0.1, "pos_label": ["a", "b"]}
    manifest = export(model, path, table, **options)
    assert set(manifest.training.metrics) >= {"roc_auc", "roc_auc_ovr"}
    result = verify_export(path, table, labels)
    assert status(result)["at the threshold"] == "passed"
    assert result.passed
    with pytest.raises(ValueError, match="`pos_label` must name the signal where"):
        make_manifest(model, path, table, y=labels, threshold=0.1)


def test_a_model_without_probabilities(tmp_path):
    model = CrossFitClassifier(LinearSVC(), cv=3, event_number="EventId").fit(X, Y)
    path = tmp_path / "model.bin"
    path.write_bytes(b"exported")
    manifest = make_manifest(model, path, X, y=Y)
    assert list(manifest.training.metrics) == ["roc_auc"]


# What is inside of what.


def test_the_cut_of_a_threshold_classifier(tmp_path):
    cut = SignificanceThresholdClassifier(cross_fit(), n_replicas=0, min_n_eff=5.0)
    cut.fit(X, Y, sample_weight=np.abs(W))
    path = tmp_path / "model.bin"
    path.write_bytes(b"exported")
    manifest = make_manifest(cut, path, X, y=Y, sample_weight=np.abs(W))
    assert manifest.threshold == cut.best_threshold_
    assert manifest.fold_rule.scored_by == "fold"
    selected = manifest.training.at_threshold
    assert selected.s == pytest.approx(cut.working_point_.s)
    assert selected.b == pytest.approx(cut.working_point_.b)
    z = selected.significances["asimov"]
    assert z.value == pytest.approx(cut.best_score_)
    assert z.error > 0.0
    mean = SignificanceThresholdClassifier(
        LogisticRegression(), n_replicas=0, min_n_eff=5.0
    ).fit(X[COLUMNS], Y, sample_weight=np.abs(W))
    manifest = make_manifest(mean, path, X[COLUMNS], y=Y)
    assert (manifest.fold_rule.scored_by, manifest.fold_rule.n_folds) == ("mean", 5)


def test_what_learns_before_the_folds_has_seen_all(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"exported")
    scaler = StandardScaler().set_output(transform="pandas")
    leaky = make_pipeline(scaler, cross_fit(event_number=None))
    name = "crossfitclassifier__event_number"
    leaky.fit(X[COLUMNS], Y, **{name: X["EventId"]})
    manifest = make_manifest(leaky, path, X[COLUMNS], y=Y, event_number=X["EventId"])
    manifest.write(path)
    assert manifest.fold_rule.scored_by == "fold"
    assert manifest.training.metrics == {}
    result = verify_export(path, run=False)
    assert result.passed
    assert detail(result, "fold rule") == "all models have seen each event of the fit"
    given = {"event_number": X["EventId"], "run": False}
    result = verify_export(path, X[COLUMNS], **given)
    assert "400 of 400 events are scored by" in detail(result, "unseen")
    clean = make_pipeline(FunctionTransformer(), cross_fit()).fit(X, Y)
    assert make_manifest(clean, path, X, y=Y).fold_rule.scored_by == "fold"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grid = GridSearchCV(cross_fit(), {"estimator__C": [0.1, 1.0]}, cv=2).fit(X, Y)
    assert make_manifest(grid, path, X, y=Y).fold_rule.scored_by == "fold"


# The manifest itself.


def test_what_it_says(exported, tmp_path):
    manifest = Manifest.read(exported)
    assert manifest == make_manifest(
        FITTED, exported, X, y=Y, sample_weight=W, threshold=0.5
    )
    assert [column.name for column in manifest.columns] == list(X.columns)
    assert manifest.columns[-1].dtype == "int64"
    assert manifest.number_columns == ["EventId"]
    assert manifest.classes == np.unique(Y).tolist()
    assert manifest.signal == [manifest.classes[1]]
    assert manifest.model.name == "skhep_dnn.ensemble._cross_fit.CrossFitClassifier"
    assert manifest.model.parameters["estimator__C"] == "1.0"
    assert manifest.model.parameters["estimator"] == "LogisticRegression(...)"
    assert {"python", "numpy", "torch", "skhep-dnn"} <= set(manifest.versions)
    for record in manifest.training.classes:
        own = W[np.array(Y) == record.label]
        assert record.n_events == len(own)
        assert record.sum_w == pytest.approx(own.sum())
        assert record.sum_w2 == pytest.approx(np.sum(own**2))
    content = json.loads(exported.with_name("model.bin.manifest.json").read_text())
    assert content["fold_rule"]["moduli"] == [2_147_483_647, 2_147_483_629]
    assert "h = y * y % P * x % P" in content["fold_rule"]["text"]
    with pytest.raises(ValueError, match="Only a manifest that `make_manifest` has"):
        manifest.write(exported)
    made = make_manifest(FITTED, exported, X)
    with pytest.raises(ValueError, match=r"must be the exported file 'model\.bin'"):
        made.write(tmp_path / "other.bin")


def test_units_and_self_test(tmp_path):
    path = tmp_path / "model.bin"
    found = {"n_events": np.int64(1000), "max_difference": np.float32(0.5)}
    units = {COLUMNS[0]: "GeV"}
    export(FITTED, path, X, y=Y, units=units, self_test=found)
    manifest = Manifest.read(path)
    assert manifest.self_test == {"n_events": 1000, "max_difference": 0.5}
    assert [column.unit for column in manifest.columns][:2] == ["GeV", None]
    with pytest.raises(ValueError, match=r"`units` must be of columns.*\['mass'\]"):
        make_manifest(FITTED, path, X, units={"mass": "GeV"})


def test_parameters_are_the_same_in_every_process(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"exported")
    folds = np.arange(N) % 3
    model = cross_fit(event_number=None, cv=folds).fit(X[COLUMNS], Y)
    step = make_pipeline(FunctionTransformer(np.tanh), model)
    parameters = make_manifest(step, path, X[COLUMNS]).model.parameters
    assert parameters["functiontransformer__func"] == "<ufunc 'tanh'>"
    assert "ndarray of shape (400,), SHA-256" in parameters["crossfitclassifier__cv"]
    assert " at 0x" not in json.dumps(dict(parameters))


def test_events_that_are_not_those_of_the_fit(tmp_path):
    path = tmp_path / "model.bin"
    with pytest.raises(FileNotFoundError, match="`path` must be the exported file"):
        make_manifest(FITTED, path, X)
    path.write_bytes(b"exported")
    with pytest.raises(ValueError, match="must be the 400 events of the fit, got 399"):
        make_manifest(FITTED, path, X[1:])
    for other in (X.iloc[::-1], X.assign(**{COLUMNS[0]: 0.0})):
        with pytest.raises(ValueError, match="with other folds or scores"):
            make_manifest(FITTED, path, other)
    with pytest.raises(ValueError, match="one label for each of the 400 events"):
        make_manifest(FITTED, path, X, y=Y[1:])


def test_another_schema(exported):
    manifest = Manifest.read(exported)
    content = exported.with_name("model.bin.seen.npz").read_bytes()
    replace(manifest, schema=99, seen_content=content).write(exported)
    result = verify_export(exported)
    assert "must have the schema 1, got 99" in detail(result, "manifest")
    replace(manifest, classes=None, training=None, seen_content=content).write(exported)
    result = verify_export(exported)
    assert "must have the parts of schema 1, got others" in detail(result, "manifest")


@pytest.mark.parametrize("text", ["[1, 2]", "{", "\xff", ""])
def test_a_manifest_that_is_none(exported, text):
    place = exported.with_name("model.bin.manifest.json")
    place.write_bytes(text.encode("latin-1"))
    result = verify_export(exported)
    assert "A manifest must be" in detail(result, "manifest")
    with pytest.raises(DataFileError, match="A manifest must be"):
        Manifest.read(place)


def test_seen_events_that_are_none(exported):
    """With a manifest that fits them, so that their hash is right."""
    manifest = Manifest.read(exported)
    place = exported.with_name(manifest.seen.file.name)
    for content, told in [
        (b"none", "must be an npz archive as it was exported"),
        (place.read_bytes(), "400 events, 401 were in the fit"),
    ]:
        record = FileRecord.of(manifest.seen.file.name, content)
        seen = SeenRecord(record, "numbers", 401)
        replace(manifest, seen=seen, seen_content=content).write(exported)
        result = verify_export(exported, X)
        assert told in detail(result, "model.bin.seen.npz")
        assert status(result)["fold rule"] == "not checked"
        assert status(result)["unseen"] == "not checked"


def test_a_model_without_a_decision_function(tmp_path):
    trees = RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0)
    model = cross_fit().set_params(estimator=trees).fit(X, Y, sample_weight=np.abs(W))
    assert not hasattr(trees, "decision_function")
    manifest = export(model, tmp_path / "model.bin", X, y=Y, sample_weight=W)
    auc = weighted_roc_auc(Y, model.oof_decision_function_, W)
    assert manifest.training.metrics["roc_auc"].value == pytest.approx(auc)
    assert verify_export(tmp_path / "model.bin", X, Y, W, training=True).passed
    single = RandomForestClassifier(n_estimators=5, random_state=0).fit(X[COLUMNS], Y)
    path = tmp_path / "single.bin"
    path.write_bytes(b"exported")
    of_test = {"X_test": NEW[COLUMNS], "y_test": Y_NEW}
    manifest = make_manifest(single, path, X[COLUMNS], **of_test)
    auc = weighted_roc_auc(Y_NEW, single.predict_proba(NEW[COLUMNS])[:, 1])
    assert manifest.test.metrics["roc_auc"].value == pytest.approx(auc)


def test_frozen_models_and_searches_are_looked_into(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"exported")
    frozen = FrozenEstimator(FITTED)
    assert make_manifest(frozen, path, X, y=Y).fold_rule.scored_by == "fold"
    beside = cross_fit(event_number=None)
    numbers = X["EventId"].to_numpy()
    beside.fit(X[COLUMNS], Y, np.abs(W), event_number=numbers)
    step = make_pipeline("passthrough", None, FunctionTransformer(), beside)
    manifest = make_manifest(step, path, X[COLUMNS], y=Y, event_number=numbers)
    assert manifest.fold_rule.scored_by == "fold"
    assert manifest.training.metrics["roc_auc"].value > 0.5


def test_a_rule_without_numbers_has_no_folds():
    with pytest.raises(ValueError, match="select the model, got the rule of 'single'"):
        FoldRule.of_single().folds(np.zeros((1, 2), dtype=np.int64))


def test_versions_are_told(exported):
    manifest = Manifest.read(exported)
    content = exported.with_name("model.bin.seen.npz").read_bytes()
    versions = {**manifest.versions, "numpy": "1.0", "cupy": "13"}
    replace(manifest, versions=versions, seen_content=content).write(exported)
    result = verify_export(exported)
    assert result.passed
    assert status(result)["versions"] == "told"
    assert "cupy is missing (13 at the export)" in detail(result, "versions")
    assert "(1.0 at the export)" in detail(result, "versions")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.column_stack([Y, Y]), "must be one-dimensional"),
        (
            np.array([None, *Y[1:]], dtype=object),
            "a label for each event, got 1 of 400",
        ),
    ],
)
def test_labels_that_are_none_are_named(exported, labels, message):
    with pytest.raises(ValueError, match=message):
        make_manifest(FITTED, exported, X, y=labels)
    with pytest.raises(ValueError, match=message):
        verify_export(exported, X, labels)


def test_several_files(tmp_path):
    paths = [tmp_path / f"model_{k}.bin" for k in range(3)]
    for path in paths:
        joblib.dump(StandIn(FITTED), path)
    manifest = make_manifest(FITTED, paths, X, y=Y)
    manifest.write(paths[0])
    assert [file.name for file in manifest.files] == [path.name for path in paths]
    flip_byte(paths[2], 5)
    result = verify_export(paths[0])
    assert [check.name for check in result.failed] == ["model_2.bin"]
