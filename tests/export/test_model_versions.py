"""Models of other versions load, or say why not, with both versions."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import ModelFileError
from skhep_dnn.export import _model_versions, load_model, model_metadata
from skhep_dnn.export._model_tree import nodes, type_name
from skhep_dnn.export._model_types import (
    CONSTRUCTED,
    CONTAINERS,
    TUPLES,
    functions,
    import_named,
    objects,
)
from tests.export.model_files import edited, value, with_attribute
from tests.test_common import ESTIMATORS

pytest.importorskip("skops.io", reason="models are saved by skops")

DATA = Path(__file__).parents[1] / "data"
X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.where(X[:, 0] > 0.0, "s", "b")
NETWORK = "skhep_dnn.neural_network._classifier.WeightedDNNClassifier"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture(scope="module")
def network():
    options = {"n_layers": 1, "width": 2, "max_epochs": 1, "random_state": 0}
    return WeightedDNNClassifier(**options).fit(X, Y)


def attributes(schema, name):
    """Return the nodes of the attributes of the first object of a class, and keys."""
    for found in nodes(schema):
        if type_name(found.state) == name:
            content = found.state["content"]
            return content["content"], content["key_types"]["content"]
    raise LookupError(name)


def without(attribute, name):
    def change(schema):
        found, keys = attributes(schema, name)
        del found[attribute]
        keys.pop()

    return change


def test_a_model_that_was_stored_once_loads_and_answers_as_then():
    about = json.loads((DATA / "stored_model.json").read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = load_model(DATA / "stored_model.skops")
    found = model.decision_function(pd.DataFrame(about["columns"]))
    # Other processors have other last bits.
    np.testing.assert_allclose(found, about["logit"], rtol=1e-5, atol=1e-6)
    assert (DATA / "stored_model.skops").stat().st_size < 100_000


def test_a_later_format_names_both_versions(network, path):
    def later(metadata):
        metadata["format_version"] = 2
        metadata["versions"]["skhep-dnn"] = "9.1"

    edited(network, path, metadata=later)
    for read in (load_model, model_metadata):
        with pytest.raises(ModelFileError, match=r"version 2, saved by skhep_dnn 9\.1"):
            read(path)


@pytest.mark.parametrize("name", ["new_option", "plain"])
def test_parameters_of_a_later_version_are_refused(name, network, path):
    def add(schema):
        found, keys = attributes(schema, NETWORK)
        found[name] = value(1)
        keys.append(keys[0])

    edited(network, path, schema=add, metadata=version_9)
    with pytest.raises(ModelFileError, match=rf"\['{name}'\].* skhep_dnn 9\.1.* this"):
        load_model(path)


def version_9(metadata):
    metadata["versions"]["skhep-dnn"] = "9.1"


def test_classes_that_are_gone_are_refused(network, path):
    def other(schema):
        for found in nodes(schema):
            if found.state["__class__"] == "OneCycle":
                found.state["__class__"] = "HalfCycle"

    edited(network, path, schema=other, metadata=version_9)
    with pytest.raises(ModelFileError, match=r"HalfCycle' in model.* skhep_dnn 9\.1"):
        load_model(path)


def test_a_parameter_that_is_new_takes_its_default(network, path):
    assert network.get_params()["snapshots"] is None
    edited(network, path, schema=without("snapshots", NETWORK))
    loaded = load_model(path)
    assert loaded.get_params().keys() == network.get_params().keys()
    assert loaded.snapshots is None
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))


def test_a_field_without_a_default_is_missed(network, path):
    name = "skhep_dnn.neural_network._engine.settings.TrainingSettings"
    edited(network, path, schema=without("n_numeric", name), metadata=version_9)
    with pytest.raises(ModelFileError, match=r"lacks \['n_numeric'\].* skhep_dnn 9\.1"):
        load_model(path)


def test_what_was_renamed_has_its_new_name(network, path, monkeypatch):
    def old(schema):
        for found in nodes(schema):
            if found.state["__class__"] == "OneCycle":
                found.state["__class__"] = "SingleCycle"
        found, _ = attributes(schema, NETWORK)
        found["n_networks"] = found.pop("n_members")
        found["record_"] = found.pop("_columns_of_history_")

    edited(network, path, schema=old)
    with pytest.raises(ModelFileError, match="SingleCycle"):
        load_model(path)
    schedules = "skhep_dnn.neural_network._schedules"
    monkeypatch.setitem(
        _model_versions.RENAMED, f"{schedules}.SingleCycle", f"{schedules}.OneCycle"
    )
    with pytest.raises(ModelFileError, match="n_networks"):
        load_model(path)
    names = {"n_networks": "n_members", "record_": "_columns_of_history_"}
    monkeypatch.setitem(_model_versions.RENAMED_ATTRIBUTES, NETWORK, names)
    loaded = load_model(path)
    assert loaded.history_.equals(network.history_)
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))


def test_another_version_of_scikit_learn_is_told(network, path):
    def other(metadata):
        metadata["versions"]["scikit-learn"] = "1.8.0"

    edited(network, path, metadata=other)
    with pytest.warns(InconsistentVersionWarning, match=r"from version 1\.8\.0"):
        load_model(path)

    def older(schema):
        name = "sklearn.linear_model._logistic.LogisticRegression"
        found, _ = attributes(schema, name)
        found["_sklearn_version"] = value("1.8.0")

    edited(LogisticRegression().fit(X, Y), path, schema=older)
    with pytest.warns(InconsistentVersionWarning, match=r"from version 1\.8\.0"):
        load_model(path)


def test_state_that_the_class_does_not_take_names_both_versions(network, path):
    def broken(schema):
        found, _ = attributes(schema, "skhep_dnn.neural_network._engine.net.MemberNet")
        del found["module"]["content"]["output_bias"]
        found["module"]["key_types"]["content"].pop()

    edited(network, path, schema=broken, metadata=version_9)
    with pytest.raises(ModelFileError, match=r"output_bias.* skhep_dnn 9\.1"):
        load_model(path)


def test_learned_attributes_may_have_any_name(path):
    model = LogisticRegression().fit(X, Y)
    edited(model, path, schema=with_attribute(value(3)))
    assert load_model(path).extra_ == 3


def test_every_name_that_is_trusted_stands_for_something():
    own = {name for name in objects() if name.startswith("skhep_dnn.")}
    known = own | TUPLES | CONSTRUCTED | set().union(*CONTAINERS.values())
    for name in sorted(known):
        assert isinstance(import_named(name), type) or name == "builtins.print"
    for name in sorted(functions()):
        assert callable(import_named(name))
    for name in objects():
        assert isinstance(import_named(name), type)


def test_every_estimator_of_the_package_is_known():
    kinds = {f"{type(e).__module__}.{type(e).__name__}" for e in ESTIMATORS}
    automatic = "skhep_dnn.model_selection._automl.AutoMLClassifier"
    assert kinds - objects() == {automatic}
