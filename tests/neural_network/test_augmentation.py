"""Symmetries: random in training, averaged in validation and prediction."""

import copy

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from skorch.callbacks import Callback

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.metrics import balanced_log_loss_from_logits
from skhep_dnn.preprocessing import SymmetryAugmenter

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

EVENTS = make_higgs_events(400, random_state=3)
OTHERS = make_higgs_events(150, random_state=4)
ANGLES = ["PRI_tau_phi", "PRI_lep_phi"]


class Inputs(Callback):
    """Keep the scaled inputs of all training batches."""

    def __init__(self):
        self.inputs = []

    def on_batch_begin(self, net, batch=None, training=False, **_):  # noqa: ARG002
        """Keep a batch."""
        if training:
            self.inputs.append(batch.inputs.clone())


def fit(model, sample=EVENTS, **arguments):
    return model.fit(
        sample.data, sample.target, sample_weight=sample.sample_weight, **arguments
    )


def used_events(model, member=0):
    """Raw values of the columns of each use of an event in training, sorted by pt."""
    module = model.net_.module_
    inputs = torch.cat(model.callbacks_[0][0][1].inputs, 1)[member].double()
    scale = module.inputs.inverse_scale[member].double()
    raw = (inputs / scale + module.inputs.center[member].double()).numpy()
    columns = [EVENTS.data.columns[i] for i in model.encoder_.numeric_]
    values = {name: raw[:, k] for k, name in enumerate(columns)}
    order = np.argsort(values["PRI_tau_pt"], kind="stable")
    return {name: value[order] for name, value in values.items()}


@pytest.fixture(scope="module")
def trained(make_model):
    model = make_model(
        augmenter=SymmetryAugmenter(),
        categorical_features=["PRI_jet_num"],
        callbacks=[Inputs()],
        max_epochs=2,
        batch_size=40,  # no batch is filled up
    )
    return fit(model)


def test_two_uses_of_an_event_differ_in_angles_and_agree_in_invariants(trained):
    used = used_events(trained)
    truth = EVENTS.data.sort_values("PRI_tau_pt", kind="stable")
    first, second = ({k: v[i::2] for k, v in used.items()} for i in (0, 1))
    for name in ("PRI_tau_pt", "PRI_lep_pt", "DER_mass_vis", "DER_deltar_tau_lep"):
        for use in (first, second):
            np.testing.assert_allclose(use[name], truth[name], rtol=1e-3, atol=1e-3)
    for name in ANGLES:
        differ = np.abs(first[name] - second[name]) > 1e-3
        assert differ.mean() > 0.99
    # azimuths are uniform, and the difference of two is kept up to its sign
    assert np.abs(used["PRI_lep_phi"]).max() < np.pi + 1e-4
    assert np.cos(used["PRI_lep_phi"]).mean() == pytest.approx(0.0, abs=0.1)
    opening = truth["PRI_tau_phi"] - truth["PRI_lep_phi"]
    for use in (first, second):
        got = np.cos(use["PRI_tau_phi"] - use["PRI_lep_phi"])
        np.testing.assert_allclose(got, np.cos(opening), atol=2e-3)
    flipped = first["PRI_tau_eta"] * truth["PRI_tau_eta"] < 0.0
    assert 0.4 < flipped.mean() < 0.6


def test_a_prediction_is_the_mean_over_the_fixed_variants(make_model):
    options = {"n_members": 2, "categorical_features": ["PRI_jet_num"]}
    model = fit(make_model(augmenter=SymmetryAugmenter(), **options))
    plain = copy.deepcopy(model)
    plain.net_.module_.kernel = None
    variants = list(model.augmenter_.variants(OTHERS.data))
    assert len(variants) == 8
    each = [plain.predict_proba(X)[:, 1] for X in variants]
    assert np.std(each, axis=0).max() > 1e-4
    np.testing.assert_allclose(
        model.decision_function(OTHERS.data), logit(np.mean(each, axis=0)), rtol=1e-4
    )
    for X in variants:
        np.testing.assert_allclose(
            model.decision_function(X), model.decision_function(OTHERS.data), atol=1e-4
        )


def test_validation_judges_the_mean_over_the_variants(make_model):
    model = make_model(augmenter=SymmetryAugmenter(), max_epochs=3)
    fit(
        model,
        X_val=OTHERS.data,
        y_val=OTHERS.target,
        sample_weight_val=OTHERS.sample_weight,
    )
    score = model.decision_function(OTHERS.data)
    loss = balanced_log_loss_from_logits(OTHERS.target, score, OTHERS.sample_weight)
    assert model.best_loss_[0] == pytest.approx(loss, rel=1e-5)


def test_without_an_augmenter_another_model_is_learnt(make_model):
    plain = fit(make_model())
    augmented = fit(make_model(augmenter=SymmetryAugmenter()))
    difference = plain.decision_function(OTHERS.data) - augmented.decision_function(
        OTHERS.data
    )
    assert np.abs(difference).max() > 0.01
    assert plain.augmenter_ is None


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_same_seed_gives_the_same_bits_for_any_number_of_jobs(
    make_model, n_classes
):
    y = np.arange(400) % n_classes
    options = {"n_members": 2, "augmenter": SymmetryAugmenter(), "max_epochs": 1}
    scores = [
        make_model(n_jobs=n_jobs, **options)
        .fit(EVENTS.data, y)
        .decision_function(OTHERS.data)
        for n_jobs in (None, 2)
    ]
    np.testing.assert_array_equal(*scores)
    assert scores[0].shape == ((150,) if n_classes == 2 else (150, 3))


def test_members_are_transformed_independently_of_their_neighbours(make_model):
    options = {"augmenter": SymmetryAugmenter(), "dropout": 0.2, "max_epochs": 2}
    small, large = (
        fit(make_model(n_members=n, **options)).net_.module_.state_dict()
        for n in (1, 5)
    )
    for name, value in small.items():
        torch.testing.assert_close(large[name][:1], value, rtol=1e-3, atol=1e-4)


def test_marked_values_stay_undefined(make_model):
    X = EVENTS.data.fillna(-999.0)
    options = {"augmenter": SymmetryAugmenter(), "random_state": 1}
    marked = make_model(missing_values=-999.0, **options)
    marked.fit(X, EVENTS.target, EVENTS.sample_weight)
    assert marked.augmenter_.missing_values == -999.0
    assert np.isnan(marked.augmenter.missing_values)
    undefined = fit(make_model(**options))
    np.testing.assert_allclose(
        marked.decision_function(OTHERS.data.fillna(-999.0)),
        undefined.decision_function(OTHERS.data),
        rtol=1e-4,
        atol=1e-5,
    )


def test_columns_keep_their_meaning_beside_categories(make_model):
    # the network has the categories last, so that all columns after them move
    X = EVENTS.data[["PRI_jet_num", *EVENTS.data.columns.drop("PRI_jet_num")]]
    model = make_model(
        augmenter=SymmetryAugmenter(), categorical_features=["PRI_jet_num"]
    )
    model.fit(X, EVENTS.target, EVENTS.sample_weight)
    score = model.decision_function(X)
    for variant in model.augmenter_.variants(X):
        np.testing.assert_allclose(model.decision_function(variant), score, atol=1e-4)
    assert np.ptp(expit(score)) > 0.1


def test_parts_of_a_stream_are_augmented(make_model):
    options = {"augmenter": SymmetryAugmenter(), "dropout": 0.1}
    whole = fit(make_model(max_epochs=2, **options))
    parts = make_model(max_epochs=2, **options)
    for _ in range(2):
        parts.partial_fit(
            EVENTS.data, EVENTS.target, sample_weight=EVENTS.sample_weight
        )
    np.testing.assert_array_equal(
        parts.decision_function(OTHERS.data), whole.decision_function(OTHERS.data)
    )


def test_a_wrong_declaration_is_refused_before_training(make_model):
    model = make_model(augmenter=SymmetryAugmenter(cylindrical=[["a", "b", "c"]]))
    with pytest.raises(ValueError, match="'a'"):
        fit(model)
    assert not hasattr(model, "net_")
