"""Arrays of foreign byte order, as files of other machines give them, and masked ones.

Everything public that takes events gets the same numbers in another form, and must
return the same result; what a mask hides is undefined, or refused.
"""

import inspect
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import has_fit_parameter

from skhep_dnn import (
    WeightedDNNClassifier,
    export,
    feature_selection,
    metrics,
    model_selection,
    neural_network,
    weights,
)
from skhep_dnn._arrays import native_order, refuse_mask, without_mask
from skhep_dnn._tables import native_events, native_values
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import LowStatisticsWarning, UndefinedSignificanceWarning
from skhep_dnn.feature_selection import (
    compare_after_cut,
    mutual_dependence,
    weighted_correlation,
    weighted_spearman,
)
from skhep_dnn.inspection import (
    BlockRelianceDisplay,
    DiscriminantDisplay,
    RankCorrelationDisplay,
    SignificanceScanDisplay,
    WeightedRocCurveDisplay,
    make_report,
    weighted_permutation_importance,
)
from skhep_dnn.model_selection import (
    EventNumberKFold,
    OptunaSearchCV,
    compare_classifiers,
    cross_validate_pooled,
    network_size,
    seed_spread,
)
from skhep_dnn.neural_network import (
    FeatureSplit,
    Member,
    TrainingSettings,
    block_reliance,
    bottleneck_outputs,
    fit_together,
    fit_with_offset,
    refined_weights,
    train_members,
)
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)
from skhep_dnn.weights import (
    effective_sample_size,
    scale_to_yields,
    to_physical_prior,
    training_weights,
    validation_weights,
)
from tests.model_selection import fake_automl
from tests.test_common import ESTIMATORS

# Samples are small here, and their models poor.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skhep_dnn.exceptions.{name}")
    for name in (
        "ChangedWeightsWarning",
        "LowStatisticsWarning",
        "MeanCombinationWarning",
        "UndefinedSignificanceWarning",
    )
] + [pytest.mark.filterwarnings("ignore:The groups parameter is ignored")]


@pytest.fixture(autouse=True)
def automl(monkeypatch):
    fake_automl.install(monkeypatch)


N = 120
RNG = np.random.default_rng(7)
Y = np.arange(N) % 2
COLUMNS = {
    "a": np.round(20.0 + RNG.exponential(30.0, size=N)),
    "b": np.round(RNG.uniform(-3.0, 3.0, size=N)),
    "c": np.round(10.0 * (RNG.normal(size=N) + 1.5 * Y)),
    "d": RNG.integers(0, 3, size=N),
}
X = np.column_stack(list(COLUMNS.values()))
W = np.where(Y == 1, 0.5, 2.0) * RNG.uniform(0.5, 1.5, size=N)
W[4] = 0.0
SCORE = RNG.normal(size=N) + Y
GROUPS = np.arange(N) // 4 * 2 + Y  # of one class each


class Sample(NamedTuple):
    """All that belongs to the events, in one form."""

    X: object
    y: object
    w: object
    groups: object
    score: object


def sample(kind, order):
    """Return the events as arrays or frames, native or not; of whole numbers."""
    y = Y.astype(f"{order}i8")
    w, score = W.astype(f"{order}f8"), SCORE.astype(f"{order}f8")
    groups = GROUPS.astype(f"{order}i4")
    if kind == "frame":
        dtypes = dict(zip(COLUMNS, ["f4", "f8", "f8", "i4"], strict=True))
        table = {name: COLUMNS[name].astype(order + d) for name, d in dtypes.items()}
        frame = pd.DataFrame(table, index=np.arange(N).astype(f"{order}i8"))
        others = [pd.Series(v, index=frame.index) for v in (y, w, groups, score)]
        return Sample(frame, *others)
    y = np.where(Y == 1, "s", "b").astype(f"{order}U1") if kind == "f4" else y
    return Sample(X.astype(order + kind), y, w, groups, score)


KINDS = ["f4", "f8", "i4", "frame"]
NETWORK = WeightedDNNClassifier(
    n_layers=1, width=8, dropout=0.0, max_epochs=2, batch_size=32, random_state=0
)
SETTINGS = {
    "categories, strata, scoring": {
        "categorical_features": [3],
        "stratify": [3],
        "scoring": "roc_auc",
        "validation_fraction": 0.3,
    },
    "folds of groups": {"cv": 2, "n_members": 2},
    "two paths": {"feature_groups": FeatureSplit([2, 3], kind="bottleneck")},
    "augmented": {
        "augmenter": SymmetryAugmenter(
            cylindrical=None, cartesian=[(0, 2)], leading=0, reflections="y"
        )
    },
}
MODELS = [
    *ESTIMATORS,
    *(clone(NETWORK).set_params(**settings) for settings in SETTINGS.values()),
    make_weighted_pipeline(StandardScaler(), LogisticRegression()),
]
NAMES = [f"{k}-{type(model).__name__}" for k, model in enumerate(ESTIMATORS)] + [
    *SETTINGS,
    "pipeline",
]


def of_regression(model):
    inner = getattr(model, "estimator", None)
    return inner is not None and is_regressor(inner)


def _is_open_seed(name, value):
    return name.split("__")[-1] == "random_state" and value is None


def fitted(model, events):
    """Return a model that was given all it takes, with seeds."""
    model = clone(model)
    open_seeds = {k: 0 for k, v in model.get_params().items() if _is_open_seed(k, v)}
    model.set_params(**open_seeds)
    if of_regression(model):
        events = events._replace(y=native_values(events.score, "y"))
    given = {"sample_weight": events.w, "groups": events.groups}
    takes = {k: v for k, v in given.items() if has_fit_parameter(model, k)}
    return model.fit(events.X, events.y, **takes)


def responses(model, events):
    """Return all that a model says of events, by method."""
    methods = ("decision_function", "predict_proba", "predict", "transform")
    found = {m: getattr(model, m)(events.X) for m in methods if hasattr(model, m)}
    if is_classifier(model) and not isinstance(model, OptunaSearchCV | Pipeline):
        found["score"] = model.score(events.X, events.y, events.w)
    return found


def assert_same(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(found[name], value)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, pd.DataFrame | pd.Series):
        assert_same(found.to_numpy(), expected.to_numpy())
    else:
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("kind", ["f8", "frame"])
@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_estimators_take_a_foreign_byte_order(model, kind):
    if kind == "frame" and "reflections" in str(model):
        kind = "f4"
    native, foreign = sample(kind, "<"), sample(kind, ">")
    own = fitted(model, native)
    assert_same(responses(own, foreign), responses(own, native))
    assert_same(responses(fitted(model, foreign), foreign), responses(own, native))


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_takes_every_dtype(kind):
    model = clone(NETWORK).set_params(**SETTINGS["categories, strata, scoring"])
    native, foreign = sample(kind, "<"), sample(kind, ">")
    expected = fitted(model, native).decision_function(native.X)
    assert_same(fitted(model, foreign).decision_function(foreign.X), expected)


def validated(of):
    valid = (of.X[:60], of.y[:60], of.w[:60])
    model = clone(NETWORK).set_params(scoring="roc_auc")
    return model.fit(of.X, of.y, of.w, *valid).decision_function(of.X)


def in_parts(of):
    model = clone(NETWORK)
    for _ in range(2):
        model.partial_fit(of.X, of.y, np.unique(of.y), of.w)
    return model.decision_function(of.X)


def with_offset(of):
    model = fit_with_offset(
        clone(NETWORK), of.X, of.y, offset=of.score, sample_weight=of.w
    )
    return model.decision_function(of.X)


def together(of):
    part = {"X": of.X, "y": of.y, "sample_weight": of.w}
    models = fit_together([clone(NETWORK), clone(NETWORK)], [part] * 2)
    return [model.decision_function(of.X) for model in models]


def members(of):
    member = Member(
        rows=of.groups, weights=of.w + 1.0, network_seed=0, order_seed=of.y[1]
    )
    training = train_members(
        TrainingSettings(n_numeric=4, max_epochs=1), [member], of.X, of.y
    )
    return training.run().logits(of.X)


def reliance(of):
    model = clone(NETWORK).set_params(**SETTINGS["two paths"])
    model.fit(of.X, of.y, of.w)
    return [f(model, of.X) for f in (block_reliance, bottleneck_outputs)]


def by_number(of):
    model = CrossFitClassifier(LogisticRegression(max_iter=500), cv=3)
    model.fit(of.X, of.y, of.w, event_number=of.groups)
    return model.decision_function(of.X, event_number=of.groups)


def searched(of):
    search = OptunaSearchCV(
        LogisticRegression(max_iter=500),
        {"C": [0.1, 1.0]},
        n_trials=2,
        cv=EventNumberKFold(2),
        random_state=0,
    )
    search.fit(of.X, of.y, sample_weight=of.w, groups=of.groups)
    return [search.predict_proba(of.X), search.best_score_]


def pooled(of):
    result = cross_validate_pooled(
        LogisticRegression(max_iter=500),
        of.X,
        of.y,
        sample_weight=of.w,
        groups=of.groups,
        cv=EventNumberKFold(2),
        scoring="roc_auc",
        n_replicas=3,
    )
    return [score.value for score in result.scores.values()]


def folds(of):
    splitter = EventNumberKFold(3)
    parts = [test for _, test in splitter.split(of.X, groups=of.groups)]
    report = splitter.report(None, of.y, of.w, groups=of.groups)
    by_column = EventNumberKFold(2, column=3).fold_numbers(of.X)
    return [*parts, report.to_numpy(), by_column]


def importance(of):
    model = clone(NETWORK).fit(of.X, of.y, of.w)
    result = weighted_permutation_importance(
        model, of.X, of.y, of.w, n_repeats=2, random_state=0
    )
    comparison = compare_after_cut(
        LogisticRegression(max_iter=500),
        of.X,
        of.y,
        of.w,
        importance=result,
        cut=float(np.sort(result.importances_mean)[1]),
        cv=2,
        n_replicas=3,
        random_state=0,
    )
    return [result.importances, comparison.comparison.replicas]


def drawn(of):
    model = clone(NETWORK).set_params(**SETTINGS["two paths"]).fit(of.X, of.y, of.w)
    given = {"sample_weight": of.w}
    roc = WeightedRocCurveDisplay
    scan = SignificanceScanDisplay.from_predictions(of.y, of.score, **given)
    histogram = DiscriminantDisplay.from_predictions(of.y, of.score, **given).signal
    return [
        roc.from_estimator(model, of.X, of.y, **given).roc_auc,
        roc.from_predictions(of.y, of.score, **given).roc_auc,
        scan.scan.z,
        histogram.content,
        RankCorrelationDisplay.from_data(of.X, **given).correlation,
        BlockRelianceDisplay.from_estimator(model, of.X, of.y, **given).medians,
    ]


def checked_symmetry(of):
    augmenter = clone(SETTINGS["augmented"]["augmenter"]).fit(of.X)
    result = augmenter.check_symmetry(of.X, of.y, of.w, random_state=0)
    return [test.p_value for test in result.tests]


def at_yields(of):
    return scale_to_yields(of.y, of.w, dict.fromkeys(np.unique(of.y).tolist(), 7.0))


def of_scores(metric, **options):
    return lambda of: metric(of.y, of.score, of.w, **options)


def of_yields(metric, **options):
    return lambda of: metric(of.w, of.w + 1.0, **options)


def log_loss(of):
    return metrics.balanced_log_loss(of.y, 1.0 / (1.0 + np.exp(-of.score)), of.w)


def dependence(of):
    tree = DecisionTreeRegressor(max_depth=3)
    result = mutual_dependence(of.X, of.w, estimator=tree, cv=2, random_state=0)
    return result.dependence


def bootstrap(of):
    options = {"n_replicas": 3, "random_state": 0}
    paired = metrics.paired_bootstrap(
        "roc_auc", of.y, of.score, of.groups, of.w, **options
    )
    single = metrics.bootstrap("roc_auc", of.y, of.score, of.w, **options)
    return [paired.replicas, single.replicas]


def with_errors(of):
    """Return values and errors of metrics at a cut, in closed form."""
    cut = float(np.median(of.score))
    found = [
        metrics.EfficiencyAt(cut),
        metrics.RejectionAt(cut),
        metrics.SignificanceAt(cut),
        "roc_auc",
    ]
    events = (of.y, of.score, of.w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowStatisticsWarning)
        results = [
            metrics.metric_with_error(metric, *events, method="closed_form")
            for metric in found
        ]
        paired = metrics.paired_difference(
            "roc_auc", of.y, of.score, of.groups, of.w, method="closed_form"
        )
    return [(x.value, x.error) for x in results] + [(paired.difference, paired.error)]


def signed(weights):
    """Return weights of which many are negative, in their own byte order."""
    kind = np.asarray(weights).dtype
    return (np.where(np.arange(N) % 8 < 2, -1.0, 1.0) * weights).astype(kind)


def reported(of):
    with TemporaryDirectory() as folder:
        report = make_report(
            *(LogisticRegression().fit(X, Y), of.X, of.y, of.X, of.y, of.w, of.w),
            of.groups,
            of.X,
            Path(folder) / "report.html",
            threshold=0.0,
            n_replicas=2,
            random_state=0,
        )
    report.numbers["software"].pop("created")
    return np.frombuffer(repr(report.numbers).encode(), dtype=np.uint8)


def manifested(of):
    """Return the hash of a manifest, and what a verification of it says."""
    model = CrossFitClassifier(DecisionTreeClassifier(max_depth=2, random_state=0))
    model.fit(of.X, of.y, of.w, event_number=of.groups)
    given = (of.X, of.y, of.w, of.groups)
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        path.write_bytes(b"exported")
        manifest = export.make_manifest(
            model, path, of.X, y=of.y, sample_weight=of.w, event_number=of.groups
        )
        manifest.write(path)
        checks = export.verify_export(path, *given, training=True).checks
        told = manifest.sha256 + "".join(map(str, checks))
        beside = {"event_number": of.groups, "overwrite": True}
        for export_to in (export.to_onnx, export.to_cpp):
            export_to(model, Path(folder, "model.hpp"), of.X, of.y, of.w, **beside)
            told += export.Manifest.read(Path(folder, "model.hpp")).training.in_order
    return np.frombuffer(told.encode(), dtype=np.uint8)


FUNCTIONS = {
    "make_manifest, to_cpp, to_onnx, verify_export": manifested,
    "training_weights": lambda of: training_weights(of.y, of.w).weights,
    "refined_weights": lambda of: refined_weights(
        of.X, of.y, signed(of.w), groups=of.groups, random_state=0
    ),
    "validation_weights": lambda of: validation_weights(of.y, of.w),
    "scale_to_yields": at_yields,
    "effective_sample_size": lambda of: effective_sample_size(of.w),
    "ams": of_yields(metrics.ams),
    "asimov_significance": of_yields(metrics.asimov_significance, sigma_b=1.0),
    "s_over_sqrt_b": of_yields(metrics.s_over_sqrt_b),
    "s_over_sqrt_sb": of_yields(metrics.s_over_sqrt_sb),
    "binned_significance": of_yields(metrics.binned_significance),
    "merge_bins": of_yields(metrics.merge_bins, sum_w2_b=2.0, min_n_eff=5.0),
    "significance_per_bin": lambda of: list(
        metrics.significance_per_bin(of.w, of.w + 1.0, sum_w2_b=2.0, min_n_eff=5.0)
    ),
    "profile_significance": of_yields(metrics.profile_significance, sigma_b=1.0),
    "optimal_binning": lambda of: (
        metrics.optimal_binning(
            of.y, of.score, of.w, n_bins=3, variations={"v": of.w}
        ).z
    ),
    "flat_signal_transform": lambda of: metrics.flat_signal_transform(
        of.y, of.score, of.w
    ).transform(of.score),
    "to_hist": lambda of: export.to_hist(of.y, of.score, of.w, bins=[-9.0, 0.0, 9.0])[
        "events"
    ].values(),
    "to_pyhf": lambda of: [
        sample["data"]
        for sample in export.to_pyhf(
            of.y,
            of.score,
            of.w,
            bins=[-9.0, 0.0, 9.0],
            X={"d": np.asarray(of.X)[:, 3]},
            regions={"one": "d > 0"},
        )["channels"][0]["samples"]
    ],
    "ams_score": lambda of: metrics.ams_score(of.y, of.y, of.w),
    "balanced_log_loss": log_loss,
    "balanced_log_loss_from_logits": of_scores(metrics.balanced_log_loss_from_logits),
    "bootstrap, paired_bootstrap": bootstrap,
    "metric_with_error, paired_difference": with_errors,
    "challenge_summary": lambda of: [
        result.value
        for result in vars(
            metrics.challenge_summary(
                *[of.y, of.score, of.w] * 2,
                threshold=0.0,
                part=of.groups * 0,
                n_replicas=3,
            )
        ).values()
        if isinstance(result, metrics.BootstrapResult)
    ],
    "seed_spread": lambda of: str(
        seed_spread(
            DecisionTreeClassifier(max_depth=2), of.X, of.y, of.w, cv=2, n_seeds=2
        )
    ),
    "cross_fitted_significance": lambda of: (
        metrics.cross_fitted_significance(
            of.y, of.score, of.w, fold=of.groups // 2 % 2, min_n_eff=0
        ).value
    ),
    "max_significance_score": of_scores(metrics.max_significance_score, min_n_eff=0),
    "separation_power": lambda of: (
        metrics.separation_power(
            of.y, of.score, of.w, n_replicas=3, random_state=0
        ).value
    ),
    "confusion_by_yields": lambda of: (
        metrics.confusion_by_yields(of.y, of.y, of.w).yields
    ),
    "reliability_curve": lambda of: (
        metrics.reliability_curve(of.y, expit(of.score), of.w, n_bins=3).share
    ),
    "weighted_accuracy": lambda of: metrics.weighted_accuracy(of.y, of.y, of.w),
    "weighted_log_loss": lambda of: metrics.weighted_log_loss(
        of.y, expit(of.score), of.w
    ),
    "to_physical_prior": lambda of: to_physical_prior(
        np.full((3, 2), 0.5, of.w.dtype), of.w[:2]
    ),
    "make_report": reported,
    "significance_scan": lambda of: metrics.significance_scan(of.y, of.score, of.w).z,
    "weighted_roc_auc": of_scores(metrics.weighted_roc_auc),
    "weighted_roc_curve": of_scores(metrics.weighted_roc_curve),
    "SignificanceAt": of_scores(metrics.SignificanceAt(0.5)),
    "overtraining_test": lambda of: (
        metrics.overtraining_test(
            *(of.y, of.score, of.y, of.score, of.w, of.w),
            pos_label=np.asarray(of.y)[1],
            n_permutations=9,
            n_replicas=3,
            random_state=0,
        )
        .samples_to_frame()
        .to_numpy()
    ),
    "compare_classifiers": lambda of: compare_classifiers(
        {"linear": LogisticRegression(max_iter=1000)},
        *(of.X, of.y, signed(of.w)),
        cv=2,
        groups=of.groups,
        n_replicas=2,
        random_state=0,
    ).out_of_fold["linear"],
    "poisson_replicas": lambda of: list(
        metrics.poisson_replicas(of.y == of.y[1], of.w, 3, random_state=0)
    ),
    "weighted_spearman": lambda of: weighted_spearman(of.X, of.w),
    "weighted_correlation": lambda of: list(weighted_correlation(of.X, of.w)),
    "yields_table": lambda of: (
        metrics.yields_table(of.y, of.score, of.w, thresholds=0.5, process=of.y).yields
    ),
    "binned_efficiency": lambda of: (
        metrics.binned_efficiency(
            of.score, of.score > 0.0, of.w, edges=[-9.0, 0.5, 9.0]
        ).error
    ),
    "mutual_dependence": dependence,
    "network_size": lambda of: network_size(NETWORK, of.X, of.y),
    "explicit validation sample": validated,
    "partial_fit": in_parts,
    "fit_with_offset": with_offset,
    "fit_together": together,
    "train_members": members,
    "block_reliance, bottleneck_outputs": reliance,
    "event numbers": by_number,
    "OptunaSearchCV": searched,
    "cross_validate_pooled": pooled,
    "EventNumberKFold": folds,
    "weighted_permutation_importance, compare_after_cut": importance,
    "displays": drawn,
    "check_symmetry": checked_symmetry,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_a_foreign_byte_order(name):
    function = FUNCTIONS[name]
    assert_same(function(sample("f8", ">")), function(sample("f8", "<")))


@pytest.mark.parametrize(
    "name",
    ["weighted_spearman", "cross_validate_pooled", "OptunaSearchCV", "displays"],
)
def test_functions_take_frames_of_a_foreign_byte_order(name):
    function = FUNCTIONS[name]
    assert_same(function(sample("frame", ">")), function(sample("frame", "<")))


def test_a_scorer_that_carries_weights_of_a_foreign_byte_order():
    def scored(of):
        model = clone(NETWORK).fit(of.X, of.y, of.w)
        scorer = metrics.weighted_scorer("roc_auc", sample_weight=of.w, target=of.y)
        return scorer(model, of.X.iloc[:50], of.y.iloc[:50])

    assert scored(sample("frame", ">")) == scored(sample("frame", "<"))


# What a mask hides is nan in a table, whatever is below it.
IS_MASKED = np.zeros(X.shape, dtype=np.bool_)
IS_MASKED[5:20, 2] = IS_MASKED[30, 3] = True
MASKED = np.ma.masked_array(np.where(IS_MASKED, -999.0, X), IS_MASKED)
UNDEFINED = np.where(IS_MASKED, np.nan, X)


def outcome(function, *events):
    """Return the result, or what an error says."""
    try:
        return function(*events)
    except ValueError as error:
        return str(error).splitlines()[0]


def assert_same_outcome(found, expected):
    if isinstance(expected, str):
        assert found == expected
    else:
        assert_same(found, expected)


def answers(model, table):
    events = sample("f8", "<")._replace(X=table)
    return responses(fitted(model, events), events)


@pytest.mark.parametrize("dtype", ["f8", "i4"])
@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_masked_entries_of_a_table_are_undefined(model, dtype):
    found = outcome(answers, model, MASKED.astype(dtype))
    assert_same_outcome(found, outcome(answers, model, UNDEFINED))


@pytest.mark.parametrize(
    "name",
    [
        "explicit validation sample",
        "partial_fit",
        "train_members",
        "fit_with_offset",
        "cross_validate_pooled",
        "OptunaSearchCV",
        "weighted_spearman",
        "weighted_permutation_importance, compare_after_cut",
        "displays",
    ],
)
def test_functions_take_masked_tables(name):
    function, events = FUNCTIONS[name], sample("f8", "<")
    assert_same_outcome(
        outcome(function, events._replace(X=MASKED)),
        outcome(function, events._replace(X=UNDEFINED)),
    )


MOMENTA = SymmetryAligner | SymmetryAugmenter | CartesianMomenta | InvariantFeatures


def masked(values):
    return np.ma.masked_array(values, np.arange(len(values)) == 3)


def test_a_masked_table_reaches_predictions_of_a_search_as_undefined():
    events = sample("f8", "<")
    search = OptunaSearchCV(
        LogisticRegression(max_iter=500), {"C": [1.0]}, n_trials=1, cv=2
    ).fit(events.X, events.y)
    pipeline = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    for model in (search, pipeline.fit(events.X, events.y)):
        for method in ("predict", "predict_proba", "decision_function"):
            with pytest.raises(ValueError, match="contains NaN"):
                getattr(model, method)(MASKED)
        with pytest.raises(ValueError, match="contains NaN"):
            model.score(MASKED, events.y)
    assert not hasattr(make_weighted_pipeline(StandardScaler()), "predict")
    assert hasattr(make_weighted_pipeline(StandardScaler()), "transform")


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
@pytest.mark.parametrize("part", ["y", "w", "groups"])
def test_masked_labels_weights_and_groups_are_refused(model, part):
    events = sample("f8", "<")
    if part != "y":
        name = {"w": "sample_weight", "groups": "groups"}[part]
        if not has_fit_parameter(model, name):
            pytest.skip(f"takes no {name}")
    elif isinstance(model, MOMENTA):
        pytest.skip("does not look at labels")
    elif of_regression(model):
        part = "score"
    events = events._replace(**{part: masked(getattr(events, part))})
    with pytest.raises(ValueError, match="must have no masked entries, got 1"):
        fitted(model, events)


WITHOUT_SCORES = {
    "training_weights",
    "validation_weights",
    "scale_to_yields",
    "ams_score",
    "OptunaSearchCV",
    "cross_validate_pooled",
    "EventNumberKFold",
    "weighted_permutation_importance, compare_after_cut",
    "check_symmetry",
}


@pytest.mark.parametrize("part", ["y", "w", "score"])
@pytest.mark.parametrize(
    "name",
    [
        "training_weights",
        "validation_weights",
        "scale_to_yields",
        "ams_score",
        "balanced_log_loss",
        "balanced_log_loss_from_logits",
        "bootstrap, paired_bootstrap",
        "cross_fitted_significance",
        "max_significance_score",
        "optimal_binning",
        "flat_signal_transform",
        "to_hist",
        "to_pyhf",
        "significance_scan",
        "weighted_roc_auc",
        "weighted_roc_curve",
        "SignificanceAt",
        "fit_with_offset",
        "OptunaSearchCV",
        "cross_validate_pooled",
        "EventNumberKFold",
        "weighted_permutation_importance, compare_after_cut",
        "check_symmetry",
    ],
)
def test_functions_refuse_masked_labels_weights_and_scores(name, part):
    events = sample("f8", "<")
    events = events._replace(**{part: masked(getattr(events, part))})
    function = FUNCTIONS[name]
    if part == "score" and name in WITHOUT_SCORES:
        pytest.skip("takes no scores")
    with pytest.raises(ValueError, match="must have no masked entries, got 1"):
        function(events)


def test_every_public_function_of_events_is_in_the_table():
    of_events = {"y", "y_true", "sample_weight", "is_signal", "s"}
    modules = (
        metrics,
        weights,
        feature_selection,
        neural_network,
        model_selection,
        export,
    )
    public = {
        name
        for module in modules
        for name in module.__all__
        if inspect.isfunction(getattr(module, name))
        and of_events & set(inspect.signature(getattr(module, name)).parameters)
    }
    named = {part for name in FUNCTIONS for part in name.split(", ")}
    # The width alone, whatever the events; and scorers, which have a test of their own.
    others = {"last_width", "make_significance_scorer", "weighted_scorer"}
    assert public - named == others


@pytest.mark.parametrize("dtype", [">i4", ">f8", ">U3", ">c8", ">M8[s]", "|O", "|b1"])
def test_native_order(dtype):
    values = np.array([1, 0, 1]).astype(dtype)
    found = native_order(values)
    assert found.dtype.isnative
    assert found.tolist() == values.tolist()
    assert native_order(found) is found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], [1.0, np.nan, 3.0]),
        ([True, False, True], [1.0, np.nan, 1.0]),
        ([0.5, 2.0, 3.0], [0.5, np.nan, 3.0]),
        (["a", "b", "c"], ["a", None, "c"]),
        (np.array(["a", "b", 1], dtype=object), ["a", None, 1]),
    ],
)
def test_what_a_mask_hides_is_undefined(values, expected):
    given = np.ma.masked_array(values, [False, True, False])
    found = without_mask(given)
    assert not np.ma.isMaskedArray(found)
    np.testing.assert_array_equal(found, np.array(expected, dtype=found.dtype))
    assert given.data.tolist() == list(values)
    empty = np.ma.masked_array(values)
    assert without_mask(empty).dtype == empty.dtype
    refuse_mask(empty, "y")
    with pytest.raises(ValueError, match="`y` must have no masked entries, got 1"):
        refuse_mask(given, "y")


def test_what_needs_no_change_is_passed_through():
    table = sample("frame", "<")
    assert native_events(table.X) is table.X
    assert native_events(X) is X
    assert native_events([[1.0]]) == [[1.0]]
    assert native_values(None, "groups") is None
    foreign = sample("frame", ">")
    found = native_events(foreign.X)
    assert foreign.X.dtypes["a"] == ">f4"  # the table given stays as it is
    assert found.dtypes["a"] == "<f4"
    assert native_values(foreign.y, "y").index.dtype == "<i8"


def test_masked_yields_are_undefined():
    b = np.ma.masked_equal([9.0, -999.0], -999.0)
    with pytest.warns(UndefinedSignificanceWarning, match="got 1 of 2 points"):
        z = metrics.ams([1.0, 1.0], b, b_reg=0.0)
    assert np.isnan(z).tolist() == [False, True]
