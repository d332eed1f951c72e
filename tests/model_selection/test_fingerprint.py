"""Hashes that tell two searches apart, and not two runs of one."""

import pytest
import sklearn
from sklearn.metrics import make_scorer, roc_auc_score

from skhep_dnn.metrics import make_significance_scorer, weighted_scorer
from skhep_dnn.model_selection import SearchSpace, search_space
from skhep_dnn.model_selection._fingerprint import fingerprint


def layers(low):
    """Return the same function of the trial, defined anew."""

    def function(trial):
        n_layers = trial.suggest_int("n_layers", 1, 3)
        return {"sizes": [trial.suggest_int(f"{k}", low, 64) for k in range(n_layers)]}

    return function


def scorer(sign):
    def auc(y_true, y_score, sample_weight=None):
        return roc_auc_score(y_true, y_score, sample_weight=sample_weight)

    return make_scorer(auc, greater_is_better=sign, response_method="predict_proba")


def requesting(weights):
    with sklearn.config_context(enable_metadata_routing=True):
        return scorer(sign=True).set_score_request(sample_weight=weights)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: layers(8), id="function"),
        pytest.param(lambda: SearchSpace(layers(8)), id="space"),
        pytest.param(lambda: search_space("tH", prefix="dnn__"), id="prefixed space"),
        pytest.param(lambda: scorer(sign=True), id="scorer"),
        pytest.param(lambda: requesting(weights=True), id="requesting scorer"),
        pytest.param(lambda: weighted_scorer("roc_auc"), id="weighted scorer"),
        pytest.param(lambda: make_significance_scorer("asimov"), id="significance"),
        pytest.param(lambda: {"a": scorer(sign=True), "b": "accuracy"}, id="several"),
    ],
)
def test_functions_of_a_function_are_the_same_in_each_run(make):
    assert fingerprint(part=make()) == fingerprint(part=make())


def test_other_scorers_are_told_apart():
    scorers = [
        scorer(sign=True),
        scorer(sign=False),
        requesting(weights=True),
        requesting(weights=False),
        weighted_scorer("roc_auc"),
        weighted_scorer("accuracy"),
        make_significance_scorer("ams"),
        make_significance_scorer("asimov"),
    ]
    assert len({fingerprint(part=one)["part"] for one in scorers}) == len(scorers)
