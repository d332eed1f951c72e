"""Models in one file without pickle: what comes back, and what is refused at saving."""

import json
import threading
import zipfile

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import Callback, EarlyStopping

from skhep_dnn import BackwardEliminationSelector, BoostedDNN, SymmetryAugmenter
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.exceptions import ModelFileError, UntrustedTypeError
from skhep_dnn.export import load_model, model_metadata, save_model
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.model_selection import (
    AutoMLClassifier,
    OptunaSearchCV,
    SignificanceThresholdClassifier,
)
from skhep_dnn.neural_network import (
    ExponentialAverage,
    FeatureSplit,
    FocalLoss,
    StochasticWeightAverage,
    WeightedDNNClassifier,
)
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import CartesianMomenta, InvariantFeatures, SymmetryAligner
from tests.model_selection import fake_automl

pytest.importorskip("skops.io", reason="models are saved by skops")

pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning"),
    pytest.mark.filterwarnings("ignore:.*skops.*:DeprecationWarning"),
]


def small(**options):
    """Network that trains in no time."""
    parameters = {"n_layers": 1, "width": 3, "max_epochs": 2, "random_state": 0}
    return WeightedDNNClassifier(**{**parameters, **options})


def trees(**options):
    """Boosted trees of few bins, which are quick."""
    return HistGradientBoostingClassifier(max_iter=3, max_bins=31, **options)


def gaussian():
    """Return events of two classes, with columns of categories."""
    events = make_gaussian_events(400, random_state=0)
    rows = np.arange(400)
    X = events.data.assign(channel=np.array(["e", "mu"])[rows % 2], jets=rows % 3)
    return X, events.target, np.abs(events.sample_weight)


NUMBERS = ["x0", "x1", "x2", "x3"]
MODELS = {
    "network": small(),
    "folds": small(n_members=2, cv=2, validation_fraction=0.3),
    "callable parts": small(
        snapshots="sse",
        schedule="cosine_restarts",
        validation_fraction=0.3,
        max_epochs=4,
        loss=FocalLoss(),
        feature_groups=FeatureSplit(wide=[0], width=2),
    ),
    "steps averaged": small(averaging=ExponentialAverage(), batch_norm=True),
    "states averaged": small(
        averaging=StochasticWeightAverage(start=1), validation_fraction=0.3
    ),
    "other optimiser": small(optimizer="sgd", activation="prelu", momentum=0.5),
    "quantiles": small(
        numeric_scaling="quantile", numeric_embedding="piecewise_linear"
    ),
    "stopped": small(callbacks=[EarlyStopping(monitor="train_loss")]),
    "gradient": BoostedDNN(
        small(), n_estimators=2, init=LogisticRegression(), random_state=0
    ),
    "vote": BoostedDNN(trees(), method="vote", n_estimators=2, random_state=0),
    "reweight": BoostedDNN(small(), method="reweight", n_estimators=2, random_state=0),
    "folds by hand": CrossFitClassifier(LogisticRegression(), cv=np.arange(400) % 3),
    "folds of trees": CrossFitClassifier(trees(), cv=2),
    "mean of folds": CrossFitClassifier(small(), cv=2),
    "cut": SignificanceThresholdClassifier(
        LogisticRegression(), cv=3, min_n_eff=1.0, n_replicas=3, random_state=0
    ),
    "search": OptunaSearchCV(
        small(), {"width": (2, 4)}, n_trials=2, cv=2, random_state=0
    ),
    "pipeline": make_weighted_pipeline(StandardScaler(), small()),
    "elimination": BackwardEliminationSelector(LogisticRegression(), random_state=0),
    "separation": SeparationSelector(),
    "steps": make_pipeline(
        QuantileTransformer(n_quantiles=10),
        PolynomialFeatures(),
        SGDClassifier(loss="log_loss", random_state=0),
    ),
    "function": make_pipeline(FunctionTransformer(np.exp), LogisticRegression()),
    "forest": RandomForestClassifier(3, max_depth=3, random_state=0),
    "boosted trees": trees(),
    "older boosted trees": GradientBoostingClassifier(n_estimators=2, random_state=0),
    "bagged": BaggingClassifier(max_features=0.5, n_estimators=2, random_state=0),
    "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
    "blend": VotingClassifier(
        [("trees", DecisionTreeClassifier(max_depth=2)), ("network", small())],
        voting="soft",
    ),
    "grid": GridSearchCV(small(), {"width": [2, 3]}, cv=2, scoring="roc_auc"),
}


def answers(model, X):
    """Return all answers of a model."""
    methods = ("predict_proba", "decision_function", "predict", "transform")
    return {m: np.asarray(getattr(model, m)(X)) for m in methods if hasattr(model, m)}


def again(model, path, X, **options):
    """Save a model and load it; compare all its answers, bit by bit."""
    save_model(model, path, overwrite=True, **options)
    loaded = load_model(path, **options)
    expected = answers(model, X)
    assert expected
    for name, found in answers(loaded, X).items():
        np.testing.assert_array_equal(found, expected[name])
    return loaded


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.mark.parametrize("name", list(MODELS))
def test_predictions_come_back_bit_by_bit(name, path):
    X, y, w = gaussian()
    model = clone(MODELS[name])
    weights = {} if name in ("steps", "function") else {"sample_weight": w}
    if name == "folds by hand":
        weights = {"sample_weight": w}
    model.fit(X[NUMBERS], y, **weights)
    loaded = again(model, path, X[NUMBERS])
    for table in ("history_", "weight_report_", "boosting_path_", "iterations_"):
        if hasattr(model, table):
            assert getattr(loaded, table).equals(getattr(model, table))
    first = path.read_bytes()
    save_model(model, path, overwrite=True)
    assert path.read_bytes() == first
    save_model(loaded, path, overwrite=True)
    assert len(path.read_bytes()) == len(first)


def test_categories(path):
    X, y, w = gaussian()
    columns = ["channel", "jets"]
    again(small(categorical_features=columns).fit(X, y, w), path, X)
    encoder = ColumnTransformer([("codes", OneHotEncoder(), columns)])
    again(make_pipeline(encoder, trees()).fit(X, y), path, X)
    X = X.astype({"channel": "category"})
    again(trees().fit(X, y, w), path, X)


def test_a_model_for_each_event_number(path):
    X, y, w = gaussian()
    X = X[NUMBERS].assign(EventId=np.arange(400))
    models = CrossFitClassifier(LogisticRegression(), event_number="EventId")
    loaded = again(models.fit(X, y, w), path, X)
    assert loaded.fold_report_.equals(models.fold_report_)


@pytest.mark.parametrize(
    "model",
    [
        small(augmenter=SymmetryAugmenter()),
        SymmetryAveragedClassifier(small(), n_copies=2, random_state=0),
        SymmetryAligner(),
        CartesianMomenta(),
        InvariantFeatures(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_knows_momenta(model, path):
    events = make_higgs_events(400, random_state=0)
    X, w = events.data.fillna(0.0), np.abs(events.sample_weight)
    weights = {"sample_weight": w} if hasattr(model, "predict") else {}
    again(clone(model).fit(X, events.target, **weights), path, X)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_training_goes_on_with_the_same_bits(optimizer, path):
    X, y, w = gaussian()
    X = X[NUMBERS].to_numpy()
    model = small(n_members=2, optimizer=optimizer, dropout=0.2, max_epochs=4)
    model.partial_fit(X, y, sample_weight=w)
    loaded = again(model, path, X)
    for _ in range(2):
        model.partial_fit(X, y, sample_weight=w)
        loaded.partial_fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    before = model.predict_proba(X)
    model.set_params(warm_start=True).fit(X, y, w)
    loaded.set_params(warm_start=True).fit(X, y, w)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert (model.predict_proba(X) != before).any()


def test_a_search_goes_on_in_memory(path):
    X, y, w = gaussian()
    search = clone(MODELS["search"]).fit(X[NUMBERS], y, sample_weight=w)
    loaded = again(search, path, X[NUMBERS])
    assert loaded.best_params_ == search.best_params_
    assert [t.value for t in loaded.study_.trials] == [
        t.value for t in search.study_.trials
    ]


def test_metadata_are_read_without_the_model(path):
    X, y, w = gaussian()
    save_model(small().fit(X[NUMBERS], y, w), path)
    metadata = model_metadata(path)
    assert metadata["class"] == (
        "skhep_dnn.neural_network._classifier.WeightedDNNClassifier"
    )
    assert metadata["feature_names"] == NUMBERS
    assert metadata["n_features"] == len(NUMBERS)
    assert metadata["classes"] == ["b", "s"]
    assert metadata["format_version"] == 1
    assert set(metadata["versions"]) >= {"skhep-dnn", "scikit-learn", "torch", "numpy"}
    assert "skhep_dnn.neural_network._engine.net.MemberNet" in metadata["types"]
    with zipfile.ZipFile(path) as file:  # which anyone can read
        assert json.loads(file.read("metadata.json")) == metadata


def test_a_file_is_replaced_when_told_and_whole_or_as_before(path, monkeypatch):
    X, y, _ = gaussian()
    model = LogisticRegression().fit(X[NUMBERS], y)
    save_model(model, path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_model(model, path)
    with pytest.raises(NotFittedError):
        save_model(LogisticRegression(), path, overwrite=True)

    def no_space(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", no_space)
    with pytest.raises(OSError, match="No space left"):
        save_model(model.set_params(C=2.0), path, overwrite=True)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


class Own(Callback):
    """Callback of a user."""


class Doubled(TransformerMixin, BaseEstimator):
    """Transformer of a user."""

    def fit(self, X, y=None):  # noqa: ARG002
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return 2.0 * np.asarray(X)


class OwnLoss:
    """Loss of a user."""

    def __call__(self, logit, target):
        return (logit - target) ** 2


@pytest.mark.parametrize(
    ("model", "place", "kind"),
    [
        (small(callbacks=[Own()]), r"model\.callbacks\[0\]", "Own"),
        (small(loss=OwnLoss()), r"model\.loss", "OwnLoss"),
        (
            make_pipeline(FunctionTransformer(lambda X: X), LogisticRegression()),
            r"model\.steps\[0\]\[1\]\.func",
            "<lambda>",
        ),
        (
            make_pipeline(Doubled(), LogisticRegression()),
            r"model\.steps\[0\]\[1\]",
            "Doubled",
        ),
    ],
    ids=["callback", "loss", "lambda", "transformer"],
)
def test_classes_of_users_are_refused_with_their_place(model, place, kind, path):
    X, y, _ = gaussian()
    model.fit(X[NUMBERS], y)
    with pytest.raises(UntrustedTypeError, match=rf"{kind}' in {place}") as caught:
        save_model(model, path)
    assert "trusted=" in str(caught.value)
    assert not path.exists()


def test_classes_of_users_are_trusted_by_name(path):
    X, y, _ = gaussian()
    model = make_pipeline(Doubled(), LogisticRegression()).fit(X[NUMBERS], y)
    name = f"{Doubled.__module__}.Doubled"
    again(model, path, X[NUMBERS], trusted=[name])
    with pytest.raises(UntrustedTypeError, match=r"Doubled' in model\.steps") as caught:
        load_model(path)
    assert f"trusted=['{name}']" in str(caught.value)


def test_models_of_other_libraries_need_trust(path):
    lightgbm = pytest.importorskip("lightgbm")
    X, y, w = gaussian()
    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1)
    model.fit(X[NUMBERS], y, sample_weight=w)
    with pytest.raises(UntrustedTypeError, match=r"lightgbm\.basic\.Booster"):
        save_model(model, path)
    names = ["lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
    again(model, path, X[NUMBERS], trusted=names)


@pytest.mark.parametrize("value", [threading.Lock(), {"a": [1, threading.Lock()]}])
def test_what_has_no_state_is_refused(value, path):
    X, y, _ = gaussian()
    model = LogisticRegression().fit(X[NUMBERS], y)
    model.extra_ = value
    with pytest.raises(UntrustedTypeError, match=r"_thread\.lock.* in model\.extra_"):
        save_model(model, path)


@pytest.mark.parametrize("value", [{True: 1, False: 2}, {None: 1}, {(1, 2): 3}])
def test_what_would_not_come_back_is_refused(value, path):
    X, y, _ = gaussian()
    model = LogisticRegression().fit(X[NUMBERS], y)
    model.extra_ = value
    with pytest.raises((ModelFileError, UntrustedTypeError), match=r"model\.extra_"):
        save_model(model, path)
    model.extra_ = model
    with pytest.raises(ModelFileError, match="refer to itself"):
        save_model(model, path)


@pytest.mark.parametrize("storage", ["sqlite:///{}/trials.db", "{}/trials.journal"])
def test_a_study_elsewhere_is_refused_with_a_way_out(storage, tmp_path):
    X, y, _ = gaussian()
    search = OptunaSearchCV(
        LogisticRegression(),
        {"C": (0.1, 1.0)},
        n_trials=1,
        cv=2,
        storage=storage.format(tmp_path),
        random_state=0,
    ).fit(X[NUMBERS], y)
    with pytest.raises(UntrustedTypeError, match="best_estimator_"):
        save_model(search, tmp_path / "model.skops")
    again(search.best_estimator_, tmp_path / "model.skops", X[NUMBERS])


def test_automatic_models_keep_their_files_and_are_refused(path, monkeypatch):
    fake_automl.install(monkeypatch)
    X, y, _ = gaussian()
    model = AutoMLClassifier(random_state=0).fit(X[NUMBERS], y)
    with pytest.raises(UntrustedTypeError, match="ResultsFolder"):
        save_model(model, path)


def test_skops_is_named_where_it_is_missing(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skops.io", None)
    X, y, _ = gaussian()
    with pytest.raises(ImportError, match=r"skhep-dnn\[skops\]"):
        save_model(LogisticRegression().fit(X[NUMBERS], y), path)
