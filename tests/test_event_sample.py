"""Samples of events: what is checked, and how they are split."""

import numpy as np
import pandas as pd
import pytest

from skhep_dnn._event_sample import (
    check_event_sample,
    check_two_classes,
    has_validation_sample,
    hold_out,
)
from skhep_dnn.exceptions import MissingWeightsError, WeightsError

Y = np.array(["b"] * 40 + ["s"] * 20)
X = np.arange(120.0).reshape(60, 2)


def check(y=Y, sample_weight=None, groups=None, **options):
    return check_event_sample(
        X, y, sample_weight, groups, estimator="Classifier", **options
    )


def test_a_sample_knows_its_labels_and_weights():
    sample = check(pd.Series(Y, index=np.arange(60)[::-1]))
    assert len(sample) == 60
    assert not sample.is_weighted
    assert sample.y.tolist() == Y.tolist()
    assert sample.sample_weight.tolist() == [1.0] * 60
    assert sample.groups is None
    part = check(sample_weight=np.arange(60.0), groups=Y).take(np.array([59, 3]))
    assert part.X.tolist() == [[118.0, 119.0], [6.0, 7.0]]
    assert part.y.tolist() == ["s", "b"]
    assert part.sample_weight.tolist() == [59.0, 3.0]
    assert part.groups.tolist() == ["s", "b"]
    assert part.is_weighted


def test_known_classes_keep_their_codes():
    sample = check(Y[40:].repeat(3), classes=np.array(["a", "b", "s"]))
    assert set(sample.targets.codes.tolist()) == {2}
    with pytest.raises(ValueError, match=r"`y_val` must hold the labels \['s'\], got"):
        check(classes=np.array(["s"]), suffix="_val")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": None}, "This Classifier estimator requires y to be passed"),
        ({"y": X[:, 0] / 7.0}, "Unknown label type"),
        ({"y": Y[1:]}, "inconsistent numbers of samples"),
        ({"groups": Y[1:]}, "inconsistent numbers of samples"),
        ({"sample_weight": np.zeros(60)}, "a weight other than zero"),
    ],
)
def test_what_does_not_fit_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        check(**options)


def test_one_class_is_no_classification():
    with pytest.raises(WeightsError, match=r"one class: \['s'\]"):
        check_two_classes(np.array(["s"]))
    check_two_classes(np.array(["b", "s"]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((None, None, Y), "`sample_weight_val` must come with"),
        ((X, None, None), "`y_val` must not be None"),
        ((None, Y, None), "`X_val` must not be None"),
    ],
)
def test_a_validation_sample_must_be_whole(parts, message):
    with pytest.raises(ValueError, match=message):
        has_validation_sample(*parts, is_weighted=False)


def test_a_validation_sample_is_recognised():
    assert has_validation_sample(X, Y, None, is_weighted=False)
    assert not has_validation_sample(None, None, None, is_weighted=True)


def test_weights_of_a_validation_sample_come_with_those_of_the_training():
    with pytest.raises(MissingWeightsError, match=r"numpy.ones\(len\(y_val\)\)"):
        has_validation_sample(X, Y, None, is_weighted=True)
    assert has_validation_sample(X, Y, np.ones(len(Y)), is_weighted=True)
    assert has_validation_sample(X, Y, np.ones(len(Y)), is_weighted=False)


@pytest.mark.parametrize(("fraction", "n_held"), [(0.25, 15), (0.2, 12), (7, 7)])
def test_each_stratum_gives_the_same_share(fraction, n_held):
    train, held = hold_out(Y, None, fraction, seed=1)
    assert sorted([*train, *held]) == list(range(60))
    assert len(held) == n_held
    assert np.count_nonzero(Y[held] == "s") == pytest.approx(n_held / 3, abs=1.0)
    assert train.tolist() == sorted(train)
    again, other = hold_out(Y, None, fraction, 1), hold_out(Y, None, fraction, 2)
    assert held.tolist() == again[1].tolist() != other[1].tolist()


def test_a_small_share_is_at_least_one_event_of_each_stratum():
    _, held = hold_out(Y, None, 0.001, seed=0)
    assert sorted(Y[held]) == ["b", "s"]


def test_groups_are_held_out_as_a_whole():
    groups = np.repeat(np.arange(20), 3)[::-1]
    train, held = hold_out(Y, groups, 0.3, seed=3)
    assert not set(groups[train]) & set(groups[held])
    assert len(set(groups[held])) == 6


@pytest.mark.parametrize(
    ("groups", "what"), [(None, "60 events"), (np.arange(60) // 30, "2 groups")]
)
def test_too_few_for_both_sides_are_an_error(groups, what):
    with pytest.raises(ValueError, match=f"of every class on both .* 0.99 of {what}"):
        hold_out(Y, groups, 0.99, seed=0)
