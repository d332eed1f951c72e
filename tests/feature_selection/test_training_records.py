"""Trainings in files: to the bit, whole, and of one elimination."""

import json

import numpy as np
import pytest

from skhep_dnn.exceptions import DataFileError
from skhep_dnn.feature_selection._subset_training import Subset, Training
from skhep_dnn.feature_selection._training_records import TrainingRecords

CLASSES = np.array(["b", "s"])
SUBSET = Subset("iteration_001_candidate_004", (0, 2), 1, ((0,), (2,)))


def opened(directory, *, seed=1, new_seed=5, classes=CLASSES, **own):
    own = {"X": "abc", "estimator": "def", **own}
    return TrainingRecords.open(
        directory, classes=classes, own=own, seed=seed, new_seed=new_seed
    )


def training(predict=CLASSES):
    rng = np.random.default_rng(0)
    return Training(
        [
            {"predict_proba": rng.random((7, 2)), "predict": predict[[0, 1, 1]]},
            {"predict_proba": rng.random((0, 2)), "predict": predict[[]]},
        ],
        CLASSES,
        0.1 + 0.2,
        rng.normal(size=(2, 2)),
    )


@pytest.mark.parametrize(
    "labels",
    [CLASSES, CLASSES.astype(object), np.array([3, 5])],
    ids=["str", "object", "int"],
)
def test_what_is_written_comes_back_to_the_bit(tmp_path, labels):
    records, _ = opened(tmp_path)
    assert records.load(SUBSET) is None
    expected = training(labels)
    records.save(SUBSET, expected)
    found = records.load(SUBSET)
    for got, want in zip(found.responses, expected.responses, strict=True):
        assert got.keys() == want.keys()
        for method in want:
            np.testing.assert_array_equal(got[method], want[method])
            assert got[method].dtype == want[method].dtype
    np.testing.assert_array_equal(found.importances, expected.importances)
    np.testing.assert_array_equal(found.classes, CLASSES)
    assert found.seconds == expected.seconds
    (path,) = tmp_path.glob("iteration_*.json")
    stored = json.loads(path.read_text())
    assert path.name.startswith("iteration_001_candidate_004_columns_")
    assert path.name.endswith("_seed_1.json")
    assert stored["training"] == SUBSET.label
    assert (stored["columns"], stored["seed"], stored["n_folds"]) == ([0, 2], 1, 2)


def test_another_seed_or_set_of_columns_is_another_training(tmp_path):
    records, _ = opened(tmp_path)
    records.save(SUBSET, training())
    for other in (
        Subset(SUBSET.label, (0, 2), 0),
        Subset(SUBSET.label, (0, 1), 1),
        Subset("iteration_002_candidate_004", (0, 2), 1),
        Subset(SUBSET.label, (0, 2), 1, ((2,),)),
    ):
        assert records.load(other) is None
    assert records.load(Subset(SUBSET.label, (0, 2), 1)) is not None


def test_without_a_directory_nothing_is_kept():
    records, seed = opened(None, seed=None)
    records.save(SUBSET, training())
    assert records.load(SUBSET) is None
    assert seed == 5
    assert opened(None, seed=0)[1] == 0


def test_regressors_have_no_classes(tmp_path):
    records, _ = opened(tmp_path, classes=None)
    expected = Training([{"predict": np.arange(3.0)}], None, 1.0)
    records.save(SUBSET, expected)
    found = records.load(Subset(SUBSET.label, (0, 2), 1))
    assert found.classes is None
    np.testing.assert_array_equal(found.responses[0]["predict"], np.arange(3.0))


def test_a_drawn_seed_is_taken_again(tmp_path):
    assert opened(tmp_path, seed=None, new_seed=7)[1] == 7
    assert opened(tmp_path, seed=None, new_seed=8)[1] == 7
    assert opened(tmp_path, seed=7)[1] == 7
    with pytest.raises(ValueError, match="got another `seed`"):
        opened(tmp_path, seed=8)


def test_another_elimination_is_refused(tmp_path):
    opened(tmp_path)
    with pytest.raises(ValueError, match="got another `X` and `estimator` in"):
        opened(tmp_path, X="other", estimator="other")


def test_a_file_that_was_broken_is_named(tmp_path):
    records, _ = opened(tmp_path)
    records.save(SUBSET, training())
    (path,) = tmp_path.glob("iteration_*.json")
    path.write_text(path.read_text()[:-30])
    with pytest.raises(DataFileError, match="must be a file of JSON as it was written"):
        records.load(SUBSET)


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(OSError, match=r"`directory` must be a directory.*Pass"):
            TrainingRecords.open(place, classes=None, own={}, seed=0, new_seed=0)
