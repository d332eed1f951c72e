"""With which weights each member trains and validates, and the report of them."""

from dataclasses import replace

import numpy as np
import pytest

from skhep_dnn._event_sample import Targets
from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.neural_network._preparation.member_splits import Split
from skhep_dnn.neural_network._preparation.members import WeightRules, weigh_members
from skhep_dnn.weights import training_weights, validation_weights

N = 60
Y = np.array(["b"] * 40 + ["s"] * 20)
RULES = WeightRules(
    negative_weights="keep",
    max_weight=None,
    class_weight="balanced",
    signal_weight=1.0,
    pos_label=None,
)


def folds(n_folds):
    """Every member validates on another fold, which has its share of both classes."""
    fold = np.arange(N) % n_folds
    return [
        Split(np.flatnonzero(fold != k), np.flatnonzero(fold == k))
        for k in range(n_folds)
    ]


ALL, HALVES, THIRDS = Split(np.arange(N), None), folds(2), folds(3)


def targets(weights):
    return Targets((Y == "s").astype(np.intp), np.array(["b", "s"]), weights)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_each_member_weighs_its_own_events():
    weights = np.random.default_rng(0).exponential(size=N)
    weights[5] = -0.3
    members = weigh_members(THIRDS, targets(weights), RULES)
    for k, (train, valid, _) in enumerate(THIRDS):
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
    rules = replace(RULES, negative_weights="zero", max_weight=2.0, signal_weight=3.0)
    everything = [Split(np.arange(N), np.arange(N))]
    members = weigh_members(everything, targets(weights), rules)
    assert 0 not in members.training[0].index
    plain = weigh_members(everything, targets(weights), RULES)
    np.testing.assert_array_equal(
        members.validation[0].weights, plain.validation[0].weights
    )
    assert members.validation[0].weights[0] < 0.0
    assert (members.training[0].weights != plain.training[0].weights[1:]).any()


def test_an_explicit_sample_serves_all_members():
    explicit = targets(np.linspace(0.5, 1.5, N))
    members = weigh_members([ALL] * 3, targets(np.ones(N)), RULES, explicit)
    for sample in members.validation:
        assert sample.index.tolist() == list(range(N))
        np.testing.assert_array_equal(
            sample.weights, validation_weights(Y, explicit.sample_weight)
        )


def test_the_report_tells_yields_and_effective_events_of_each_sample():
    weights = np.where(Y == "s", 0.1, 2.0)
    weights[0] = -2.0
    report = weigh_members(HALVES, targets(weights), RULES).report
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
    with pytest.warns(LowStatisticsWarning) as caught:
        members = weigh_members(THIRDS, targets(weights), RULES)
    assert len(caught) == 1
    poorest = members.report.loc[members.report["n_eff"].idxmin()]
    assert str(caught[0].message).startswith(
        f"Class 's' has {poorest['n_eff']:.1f} effective events in the validation "
        f"sample of member {poorest['member']}"
    )


def test_a_validation_class_without_a_positive_sum_is_an_error():
    weights = np.ones(N)
    weights[55:] = -0.1
    weigh_members([Split(np.arange(N), np.arange(55))], targets(weights), RULES)
    splits = [ALL, Split(np.arange(N), np.r_[:40, 55:N])]
    with pytest.raises(
        WeightsError,
        match=r"In the validation sample of member 1: .* got -0.5 for class 's'",
    ):
        weigh_members(splits, targets(weights), RULES)
