"""Who trains and validates on what, and which events stay untouched."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit

from skhep_dnn._event_sample import EventSample, Targets
from skhep_dnn.neural_network._preparation.member_splits import (
    Split,
    SplitRules,
    member_splits,
    untouched_events,
)
from skhep_dnn.neural_network._preparation.sample import Sample

N = 60
Y = np.array(["b"] * 40 + ["s"] * 20)


def split(n_members, cv=None, fraction=None, *, on_fold=False, seed=1, present=None):
    """Split sixty events, those of all that were passed which are present."""
    events = EventSample(
        X=np.zeros((N, 1)),
        targets=Targets((Y == "s").astype(np.intp), np.array(["b", "s"]), np.ones(N)),
        groups=None,
        is_weighted=False,
    )
    sample = Sample(
        events,
        columns=np.zeros((N, 1), dtype=np.float32),
        present=np.ones(N, dtype=np.bool_) if present is None else present,
    )
    return member_splits(
        sample,
        SplitRules(cv, on_fold, fraction, None),
        None,
        seeds=list(range(10, 10 + n_members)),
        fold_seed=seed,
    )


def test_without_validation_every_member_trains_on_everything():
    for train, valid, _ in split(2):
        assert train.tolist() == list(range(N))
        assert valid is None


def test_folds_are_stratified_and_shuffled_and_member_k_validates_on_fold_k():
    splits = split(7, cv=4, on_fold=True)
    held_out = [set(valid.tolist()) for _, valid, _ in splits]
    assert set().union(*held_out[:4]) == set(range(N))
    assert sum(map(len, held_out[:4])) == N
    assert held_out[4:] == held_out[:3]
    for train, valid, _ in splits:
        assert sorted([*train, *valid]) == list(range(N))
        assert np.count_nonzero(Y[valid] == "s") == 5
    assert held_out[0] != set(range(15))
    others = split(7, cv=4, on_fold=True, seed=2)
    assert held_out != [set(valid.tolist()) for _, valid, _ in others]


def test_a_fold_that_is_not_validated_on_stays_untouched():
    splits = split(5, cv=3)
    on_fold = split(5, cv=3, on_fold=True)
    untouched = untouched_events(splits, N)
    for own, other, rows in zip(splits, on_fold, untouched, strict=True):
        assert own.valid is None
        np.testing.assert_array_equal(own.train, other.train)
        np.testing.assert_array_equal(rows, other.valid)
    assert not any(len(rows) for rows in untouched_events(on_fold, N))


def test_events_that_a_member_neither_trains_nor_validates_on_are_untouched():
    splits = [
        Split(np.array([0, 3]), np.array([1])),
        Split(np.array([4, 2]), None),
        Split(np.arange(5), None),
    ]
    untouched = [rows.tolist() for rows in untouched_events(splits, 5)]
    assert untouched == [[2, 4], [0, 1, 3], []]


@pytest.mark.parametrize("n_folds", [2, np.int64(3)])
def test_the_folds_depend_on_their_seed_alone(n_folds):
    one, many = split(1, cv=n_folds, on_fold=True), split(5, cv=n_folds, on_fold=True)
    np.testing.assert_array_equal(one[0].valid, many[0].valid)


def test_validation_fraction_holds_out_another_stratified_share_for_each_member():
    splits = split(3, fraction=0.3)
    for train, valid, _ in splits:
        assert sorted([*train, *valid]) == list(range(N))
        assert len(valid) == 18
        assert np.count_nonzero(Y[valid] == "s") == 6
    assert len({tuple(valid) for _, valid, _ in splits}) == 3


def test_with_folds_and_a_fraction_the_fold_stays_untouched():
    splits = split(6, cv=3, fraction=0.25)
    untouched = untouched_events(splits, N)
    for (train, valid, _), (_, fold, _), rows in zip(
        splits, split(6, cv=3, on_fold=True), untouched, strict=True
    ):
        assert sorted([*train, *valid, *fold]) == list(range(N))
        assert len(valid) == 10
        np.testing.assert_array_equal(rows, fold)


def test_a_splitter_and_its_folds_as_positions_are_the_same():
    folds = list(KFold(3, shuffle=True, random_state=5).split(np.zeros(N)))
    test_fold = np.empty(N, dtype=int)
    for number, (_, test) in enumerate(folds):
        test_fold[test] = number
    expected = split(3, cv=KFold(3, shuffle=True, random_state=5), on_fold=True)
    for cv in (folds, iter(folds), PredefinedSplit(test_fold)):
        for got, wanted in zip(split(3, cv=cv, on_fold=True), expected, strict=True):
            np.testing.assert_array_equal(got.train, wanted.train)
            np.testing.assert_array_equal(got.valid, wanted.valid)


@pytest.mark.parametrize("kind", ["positions", "masks", "splitter"])
def test_positions_mean_the_events_that_were_passed(kind):
    # 90 events were passed, of which the odd ones below 60 are absent
    number = np.arange(90)
    is_present = (number >= 60) | (number % 2 == 0)
    present = np.flatnonzero(is_present)
    cv = [(number[30:], number[:30]), (number[:30], number[30:])]
    if kind == "masks":
        cv = [tuple(np.isin(number, part) for part in fold) for fold in cv]
    elif kind == "splitter":
        cv = PredefinedSplit(np.repeat([0, 1, 1], 30))
    first, second = split(2, cv=cv, on_fold=True, present=is_present)
    assert present[first.valid].tolist() == list(range(0, 30, 2))
    assert present[first.train].tolist() == [*range(30, 60, 2), *range(60, 90)]
    assert present[second.train].tolist() == list(range(0, 30, 2))


def test_a_splitter_that_needs_groups_is_refused_by_scikit_learn():
    with pytest.raises(ValueError, match="groups"):
        split(2, cv=GroupKFold(2))


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_fraction_keeps_every_class_on_both_sides_or_is_an_error(fraction):
    if fraction == 0.01:
        _, valid, _ = split(1, fraction=fraction)[0]
        assert sorted(Y[valid]) == ["b", "s"]
    else:
        with pytest.raises(ValueError, match=r"both sides, got 0.99 of 60 events"):
            split(1, fraction=fraction)
