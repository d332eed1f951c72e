"""Who trains and validates on what, and with which weights."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit

from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.neural_network._splits import Targets, member_splits, weigh_members
from skhep_dnn.weights import training_weights, validation_weights

N = 60
Y = np.array(["b"] * 40 + ["s"] * 20)
OPTIONS = {
    "negative_weights": "keep",
    "max_weight": None,
    "class_weight": "balanced",
    "signal_weight": 1.0,
    "pos_label": None,
}


def split(n_members, cv=None, fraction=None, fold_seed=1, position=None):
    return member_splits(
        np.zeros((N, 1)),
        Y,
        n_members=n_members,
        cv=cv,
        position=np.arange(N) if position is None else position,
        validation_fraction=fraction,
        seeds=list(range(10, 10 + n_members)),
        fold_seed=fold_seed,
    )


def targets(weights):
    return Targets((Y == "s").astype(np.intp), np.array(["b", "s"]), weights)


def test_without_validation_every_member_trains_on_everything():
    for train, valid in split(2):
        assert train.tolist() == list(range(N))
        assert valid is None


def test_folds_are_stratified_and_shuffled_and_member_k_validates_on_fold_k():
    splits = split(7, cv=4)
    held_out = [set(valid.tolist()) for _, valid in splits]
    assert set().union(*held_out[:4]) == set(range(N))
    assert sum(map(len, held_out[:4])) == N
    assert held_out[4:] == held_out[:3]
    for train, valid in splits:
        assert sorted([*train, *valid]) == list(range(N))
        assert np.count_nonzero(Y[valid] == "s") == 5
    assert held_out[0] != set(range(15))
    assert held_out != [set(v.tolist()) for _, v in split(7, cv=4, fold_seed=2)]


@pytest.mark.parametrize("n_folds", [2, np.int64(3)])
def test_the_folds_depend_on_their_seed_alone(n_folds):
    one, many = split(1, cv=n_folds), split(5, cv=n_folds)
    np.testing.assert_array_equal(one[0][1], many[0][1])


def test_validation_fraction_holds_out_another_stratified_share_for_each_member():
    splits = split(3, fraction=0.3)
    for train, valid in splits:
        assert sorted([*train, *valid]) == list(range(N))
        assert len(valid) == 18
        assert np.count_nonzero(Y[valid] == "s") == 6
    assert len({tuple(valid) for _, valid in splits}) == 3


def test_with_folds_and_a_fraction_the_fold_stays_untouched():
    for (train, valid), (_, fold) in zip(
        split(6, cv=3, fraction=0.25), split(6, cv=3), strict=True
    ):
        assert sorted([*train, *valid, *fold]) == list(range(N))
        assert len(valid) == 10


def test_a_splitter_and_its_folds_as_positions_are_the_same():
    folds = list(KFold(3, shuffle=True, random_state=5).split(np.zeros(N)))
    test_fold = np.empty(N, dtype=int)
    for number, (_, test) in enumerate(folds):
        test_fold[test] = number
    expected = split(3, cv=KFold(3, shuffle=True, random_state=5))
    for cv in (folds, iter(folds), PredefinedSplit(test_fold)):
        for got, wanted in zip(split(3, cv=cv), expected, strict=True):
            np.testing.assert_array_equal(got[0], wanted[0])
            np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.parametrize("as_splitter", [False, True])
def test_positions_mean_the_events_that_were_passed(as_splitter):
    # 90 events were passed, of which the odd ones below 60 are absent
    present = np.array([i for i in range(90) if i >= 60 or i % 2 == 0])
    position = np.full(90, -1)
    position[present] = np.arange(60)
    cv = [(np.arange(30, 90), np.arange(0, 30)), (np.arange(0, 30), np.arange(30, 90))]
    if as_splitter:
        cv = PredefinedSplit(np.repeat([0, 1, 1], 30))
    first, second = split(2, cv=cv, position=position)
    assert present[first[1]].tolist() == list(range(0, 30, 2))
    assert present[first[0]].tolist() == [*range(30, 60, 2), *range(60, 90)]
    assert present[second[0]].tolist() == list(range(0, 30, 2))


def test_a_splitter_that_needs_groups_is_refused_by_scikit_learn():
    with pytest.raises(ValueError, match="groups"):
        split(2, cv=GroupKFold(2))


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_fraction_keeps_every_class_on_both_sides_or_is_an_error(fraction):
    if fraction == 0.01:
        _, valid = split(1, fraction=fraction)[0]
        assert sorted(Y[valid]) == ["b", "s"]
    else:
        with pytest.raises(ValueError, match=r"both sides, got 0.99 of 60 events"):
            split(1, fraction=fraction)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_each_member_weighs_its_own_events():
    weights = np.random.default_rng(0).exponential(size=N)
    weights[5] = -0.3
    splits = split(3, cv=3)
    members = weigh_members(splits, targets(weights), OPTIONS)
    for k, (train, valid) in enumerate(splits):
        np.testing.assert_array_equal(members.training[k].index, train)
        np.testing.assert_array_equal(
            members.training[k].weights,
            training_weights(Y[train], weights[train]).weights,
        )
        np.testing.assert_array_equal(members.validation[k].index, valid)
        np.testing.assert_array_equal(
            members.validation[k].weights, validation_weights(Y[valid], weights[valid])
        )


def test_policy_cap_and_signal_weight_act_on_training_only():
    weights = np.ones(N)
    weights[[0, 1]] = -0.5, 5.0
    options = OPTIONS | {
        "negative_weights": "zero",
        "max_weight": 2.0,
        "signal_weight": 3.0,
    }
    everything = [(np.arange(N), np.arange(N))]
    members = weigh_members(everything, targets(weights), options)
    assert 0 not in members.training[0].index
    plain = weigh_members(everything, targets(weights), OPTIONS)
    np.testing.assert_array_equal(
        members.validation[0].weights, plain.validation[0].weights
    )
    assert members.validation[0].weights[0] < 0.0
    assert (members.training[0].weights != plain.training[0].weights[1:]).any()


def test_an_explicit_sample_serves_all_members():
    explicit = targets(np.linspace(0.5, 1.5, N))
    members = weigh_members(split(3), targets(np.ones(N)), OPTIONS, explicit)
    for sample in members.validation:
        assert sample.index.tolist() == list(range(N))
        np.testing.assert_array_equal(
            sample.weights, validation_weights(Y, explicit.sample_weight)
        )


def test_the_report_tells_yields_and_effective_events_of_each_sample():
    weights = np.where(Y == "s", 0.1, 2.0)
    weights[0] = -2.0
    report = weigh_members(split(2, cv=2), targets(weights), OPTIONS).report
    assert len(report) == 2 * 2 * 2
    by_sample = report.groupby(["member", "class"])["yield"].sum().tolist()
    assert by_sample == pytest.approx([76.0, 2.0] * 2)
    signal = report[report["class"] == "s"]
    assert signal["n_events"].tolist() == [10] * 4
    assert signal["n_eff"].tolist() == pytest.approx([10.0] * 4)
    assert signal["largest_share"].tolist() == pytest.approx([0.1] * 4)
    background = report[report["class"] == "b"]
    assert background["negative_fraction"].max() == pytest.approx(1 / 20)
    assert background["n_eff"].min() == pytest.approx(18**2 / 20)


def test_few_effective_events_warn_once_of_the_poorest_class_and_member():
    weights = np.ones(N)
    weights[Y == "s"] = [1.0] * 8 + [0.001] * 12
    splits = split(3, cv=3)
    with pytest.warns(LowStatisticsWarning) as caught:
        members = weigh_members(splits, targets(weights), OPTIONS)
    assert len(caught) == 1
    poorest = members.report.loc[members.report["n_eff"].idxmin()]
    assert str(caught[0].message).startswith(
        f"Class 's' has {poorest['n_eff']:.1f} effective events in the validation "
        f"sample of member {poorest['member']}"
    )


def test_a_validation_class_without_a_positive_sum_is_an_error():
    weights = np.ones(N)
    weights[55:] = -0.1
    weigh_members([(np.arange(N), np.arange(55))], targets(weights), OPTIONS)
    splits = [(np.arange(N), np.r_[:40, 55:N])]
    with pytest.raises(WeightsError, match=r"got -0.5 for class 's'"):
        weigh_members(splits, targets(weights), OPTIONS)
