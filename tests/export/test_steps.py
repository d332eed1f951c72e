"""Transformers before a classifier, column by column and in pipelines."""

import importlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import (
    ColumnTransformer,
    make_column_selector,
    make_column_transformer,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import InputColumn, Inputs, Lowering, Table
from skhep_dnn.export._lowering.rules import REASONS, SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.program import Program
from skhep_dnn.export._scoring_program import scoring_program
from tests.export.agreement import check_agreement, onnx_outputs
from tests.export.test_program import in_onnx
from tests.export.test_trees import events


def transformed(step, X):
    """Return what the program of a step makes of a table, and the names after it.

    NumPy and onnxruntime must say the same.
    """
    names = [str(n) for n in X.columns] if isinstance(X, pd.DataFrame) else None
    values = np.asarray(X)
    program = Program("step")
    inputs = Inputs(program, str(values.dtype))
    columns = tuple(InputColumn(inputs, i) for i in range(X.shape[1]))
    table = Table(program, columns, None if names is None else tuple(names))
    table = Lowering(SCORE_RULES, TRANSFORM_RULES).transformed(step, table)
    for k, column in enumerate(table.columns):
        program.outputs[f"y{k}"] = column.number
    known = dict(enumerate(names or [f"x{i}" for i in range(X.shape[1])]))
    used = inputs.declare(known)
    arrays = {known[i]: values[:, [i]] for i in used}
    found = evaluate(program.simplify(), arrays)
    for name, theirs in in_onnx(program, arrays).items():
        np.testing.assert_allclose(theirs, found[name], rtol=1e-6, atol=1e-9)
    return np.hstack(list(found.values())), table.names


def check_step(step, X, y=None, *, atol=1e-6, exact=False):
    """Compare the columns of a step with Python, and its names."""
    output = "pandas" if isinstance(X, pd.DataFrame) else "default"
    with config_context(transform_output=output):
        expected = step.fit(X, y).transform(X)
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    found, names = transformed(step, X)
    if isinstance(expected, pd.DataFrame):
        assert list(names) == list(expected.columns)
    values = np.asarray(expected)
    if exact:
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)
    scale = np.maximum(np.abs(values), 1.0)
    np.testing.assert_allclose(found / scale, values / scale, rtol=0, atol=atol)


def positive(X):
    return np.abs(X) + X.dtype.type(0.01)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "step",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False, unit_variance=True),
        MinMaxScaler((-2, 3)),
        MinMaxScaler(clip=True),
        MaxAbsScaler(),
        SimpleImputer(),
        SimpleImputer(strategy="median", add_indicator=True),
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value=-999.0),
        FunctionTransformer(feature_names_out="one-to-one"),
        FunctionTransformer(np.abs, feature_names_out="one-to-one"),
        FunctionTransformer(np.square, feature_names_out="one-to-one"),
        VarianceThreshold(1.0),
        "passthrough",
    ],
    ids=lambda step: repr(step).replace(" ", ""),
)
def test_steps_that_keep_each_bit(step, dtype):
    X, _, w = events(2, dtype)
    pipeline = make_pipeline(step)
    if not isinstance(step, str) and hasattr(step, "with_mean"):
        pipeline.fit(X, None, standardscaler__sample_weight=np.abs(w))
    check_step(pipeline, X, exact=True)
    check_step(pipeline, pd.DataFrame(X, columns=list("abcd")), exact=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "step",
    [
        PCA(2),
        PCA(3, whiten=True),
        PolynomialFeatures(3),
        PolynomialFeatures(2, interaction_only=True, include_bias=False),
        PolynomialFeatures((2, 3), include_bias=False),
        QuantileTransformer(n_quantiles=200),
        QuantileTransformer(n_quantiles=50, output_distribution="normal"),
        PowerTransformer(),
        PowerTransformer("box-cox", standardize=False),
    ],
    ids=lambda step: repr(step).replace(" ", ""),
)
def test_formulas(step, dtype):
    X, _, _ = events(2, dtype, missing=False)
    X = positive(X) if getattr(step, "method", "") == "box-cox" else X
    X[:3000, 1] = np.round(X[:3000, 1]) + 1.0  # quantiles that are equal
    check_step(step, X, atol=1e-6 if dtype == "float64" else 2e-6)
    check_step(step, pd.DataFrame(X, columns=list("abcd")), atol=2e-6)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_quantiles_at_knots_beyond_them_and_undefined(distribution):
    X, _, _ = events()
    step = QuantileTransformer(n_quantiles=30, output_distribution=distribution)
    step.fit(X)
    X[:30] = step.quantiles_
    X[30], X[31] = 1e6, -1e6
    found, _ = transformed(step, X)
    np.testing.assert_allclose(found, step.transform(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("power", [0.0, 2.0, -1.5, 1e-12])
@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
def test_powers(method, power):
    X, _, _ = events(missing=False)
    X = positive(X) if method == "box-cox" else X
    step = PowerTransformer(method).fit(X)
    step.lambdas_[:] = power
    found, _ = transformed(step, X)
    np.testing.assert_allclose(found, step.transform(X), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    "function",
    [
        *(np.log, np.log1p, np.log2, np.log10, np.sqrt, np.exp, np.reciprocal),
        *(np.negative, np.sin, np.cos, np.tanh, np.floor),
    ],
    ids=lambda function: function.__name__,
)
def test_functions(function):
    X, _, _ = events()
    X = positive(X)
    X[:50, 0] = 10.0 ** -np.arange(50)
    found, _ = transformed(FunctionTransformer(function).fit(X), X)
    np.testing.assert_allclose(found, function(X), rtol=1e-12)


def test_log1p_where_it_is_0_or_infinite():
    X = np.array([[0.0], [np.inf], [-1.0], [np.nan], [-0.5], [1e300], [-1e-20]])
    found, _ = transformed(FunctionTransformer(np.log1p).fit(X), X)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found, np.log1p(X), rtol=1e-15)


def test_functions_that_nobody_knows_are_refused():
    X, y, _ = events(missing=False)
    tail = LogisticRegression()
    for step in (FunctionTransformer(np.cbrt), FunctionTransformer(lambda x: x)):
        model = make_pipeline(step, tail).fit(X, y)
        with pytest.raises(ExportError, match=r"`func` .*got .*These can: np.absolute"):
            scoring_program(model, X)
    step = FunctionTransformer(np.log1p, kw_args={"casting": "same_kind"})
    model = make_pipeline(step, tail).fit(np.abs(X), y)
    with pytest.raises(ExportError, match=r"without `kw_args`, got log1p"):
        scoring_program(model, X)


def test_imputer_with_a_number_for_missing_and_an_empty_column():
    X, _, _ = events()
    X[np.isnan(X)] = -999.0
    check_step(SimpleImputer(missing_values=-999.0, add_indicator=True), X)
    X[:, 1] = np.nan
    step = SimpleImputer(keep_empty_features=True)
    check_step(step, X)
    step = SimpleImputer(add_indicator=True).fit(X)
    with pytest.warns(UserWarning, match="Skipping features"):
        expected = step.transform(X)
    np.testing.assert_array_equal(transformed(step, X)[0], expected)
    check_step(MissingIndicator(), X)


def test_texts_that_are_filled_in_are_refused():
    X = pd.DataFrame({"kind": np.resize(np.array(["a", "b", np.nan], object), 90)})
    y = np.resize(["b", "s"], 90)
    steps = SimpleImputer(strategy="constant", fill_value="c"), OneHotEncoder()
    model = make_pipeline(*steps, LogisticRegression()).fit(X, y)
    with pytest.raises(ExportError, match=r"SimpleImputer must fill in numbers, got"):
        scoring_program(model, X)


@pytest.mark.parametrize(
    "selector",
    [
        SelectKBest(k=2),
        SelectPercentile(percentile=50),
        SelectFromModel(LogisticRegression()),
        RFE(LogisticRegression(), n_features_to_select=2),
        SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2),
    ],
    ids=lambda selector: type(selector).__name__,
)
def test_selections(selector):
    X, y, _ = events(missing=False)
    check_step(selector, pd.DataFrame(X, columns=list("abcd")), y, exact=True)


CATEGORIES = pd.DataFrame(
    {
        "n_jets": np.random.default_rng(0).integers(0, 6, 2000),
        "kind": np.random.default_rng(1).choice(["e", "mu", "tau", "rare"], 2000),
        "half": np.random.default_rng(2).choice([0.5, 1.5, np.nan], 2000),
    }
)
CATEGORIES.loc[CATEGORIES["kind"].eq("rare").to_numpy().cumsum() > 5, "kind"] = "e"


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(drop="first", sparse_output=False),
        OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
        OneHotEncoder(max_categories=3, dtype=np.float32),
        OrdinalEncoder(),
        OrdinalEncoder(encoded_missing_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7),
        OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=99, max_categories=3
        ),
        TargetEncoder(cv=2),
    ],
    ids=lambda step: repr(step).replace(" ", ""),
)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_encoders_inside_of_a_pipeline(encoder):
    y = np.resize(["b", "s", "s"], len(CATEGORIES))
    if isinstance(encoder, TargetEncoder):
        y = np.where(CATEGORIES["n_jets"] > 2, y, "b")
    forest = RandomForestClassifier(3, random_state=0)
    model = make_pipeline(encoder, forest).fit(CATEGORIES, y)
    check_agreement(model, CATEGORIES)
    if getattr(encoder, "handle_unknown", "") != "error":
        new = CATEGORIES.assign(n_jets=11, kind="other")
        new.loc[::3, "kind"] = "mu"
        check_agreement(model, new)


def test_target_encoder_of_several_classes():
    y = np.resize(["b", "s", "t"], len(CATEGORIES))
    model = make_pipeline(TargetEncoder(cv=2), LogisticRegression())
    check_agreement(model.fit(CATEGORIES, y), CATEGORIES)


def table():
    X, y, w = events(missing=True)
    X = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    X["n"] = np.random.default_rng(3).integers(0, 4, len(X))
    return X, y, w


NUMBERS = make_pipeline(SimpleImputer(), StandardScaler())


@pytest.mark.parametrize("remainder", ["drop", "passthrough", MinMaxScaler()], ids=str)
@pytest.mark.parametrize(
    "columns",
    [
        (["mass", "pt"], ["n"]),
        ([3, 0], [4]),
        ([False, True, False, True, False], [False, False, False, False, True]),
        (slice(0, 2), slice("n", "n")),
        (make_column_selector(pattern="^p"), ["n"]),
    ],
    ids=["names", "positions", "masks", "slices", "selector"],
)
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_column_transformer(output, columns, remainder):
    X, y, _ = table()
    step = ColumnTransformer(
        [
            ("numbers", NUMBERS, columns[0]),
            ("kinds", OneHotEncoder(sparse_output=False), columns[1]),
            ("nothing", StandardScaler(), []),
            ("gone", "drop", ["phi"]),
        ],
        remainder=remainder,
        transformer_weights={"numbers": 0.5},
    )
    step.set_output(transform=output)
    trees = HistGradientBoostingClassifier(max_iter=5, max_bins=31)
    model = Pipeline([("columns", step), ("trees", trees)]).fit(X, y)
    check_agreement(model, X)
    found, names = transformed(step, X)
    np.testing.assert_allclose(found, np.asarray(step.transform(X)), rtol=1e-12)
    assert list(names) == list(step.get_feature_names_out())
    # Columns in another order, and others beside them, are found by their names.
    mixed = X[["n", "mass", "phi", "pt", "eta"]].assign(other=1.0)
    check_agreement(model, mixed)


@pytest.mark.parametrize(
    "verbose", [True, False, "{feature_name}_of_{transformer_name}"]
)
def test_names_in_columns_of_columns(verbose):
    X, y, _ = table()
    inner = ColumnTransformer(
        [("a", StandardScaler(), ["pt"]), ("b", "passthrough", ["n", "eta"])],
        verbose_feature_names_out=verbose,
    ).set_output(transform="pandas")
    name = {True: "b__eta", False: "eta"}.get(verbose, "eta_of_b")
    outer = make_column_transformer((MinMaxScaler(), [name]), remainder="passthrough")
    trees = HistGradientBoostingClassifier(max_iter=5, max_bins=31)
    check_agreement(make_pipeline(inner, outer, trees).fit(X, y), X)


def test_column_transformer_of_an_array():
    X, y, _ = events()
    step = make_column_transformer((NUMBERS, [2, 0]), remainder="passthrough")
    trees = HistGradientBoostingClassifier(max_iter=5, max_bins=31)
    check_agreement(make_pipeline(step, trees).fit(X, y), X)


def test_feature_union():
    X, y, _ = events(missing=False)
    union = make_union(StandardScaler(), PCA(2), "passthrough", "drop")
    union.set_params(transformer_weights={"pca": 3.0})
    check_step(union, pd.DataFrame(X, columns=list("abcd")))
    nested = FeatureUnion([("u", union)], verbose_feature_names_out=False)
    check_step(nested, X)
    check_agreement(make_pipeline(nested, LogisticRegression()).fit(X, y), X)


def test_categories_pass_through_columns_to_a_network():
    X, y, w = table()
    X["kind"] = pd.Series(np.resize(["e", "mu", "tau"], len(X)), dtype="category")
    step = make_column_transformer(
        (StandardScaler(), ["pt", "mass"]), remainder="passthrough"
    ).set_output(transform="pandas")
    network = WeightedDNNClassifier(
        categorical_features=["remainder__kind"], max_epochs=1, random_state=0
    )
    model = make_pipeline(step, network)
    model.fit(X, y, weighteddnnclassifier__sample_weight=np.abs(w))
    check_agreement(model, X)


@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler(), MinMaxScaler()])
def test_trees_behind_a_scaler_see_the_same_float32_numbers(scaler):
    X, y, _ = events(2, "float32")
    trees = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=200)
    check_agreement(make_pipeline(scaler, trees).fit(X, y), X)


COMPUTED = [
    PCA(4),
    PowerTransformer(),
    FunctionTransformer(np.log),
    QuantileTransformer(),
    PolynomialFeatures(3),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("step", COMPUTED, ids=lambda step: type(step).__name__)
def test_trees_behind_computed_columns(step, dtype):
    # Thresholds are values of these very events: an event at one goes where it went,
    # though the last digits of a logarithm are those of its library.
    X, y, _ = events(2, missing=False)
    X = np.exp(X).astype(dtype)
    trees = HistGradientBoostingClassifier(max_iter=100, early_stopping=False)
    model = make_pipeline(step, trees).fit(X, y)
    scoring = scoring_program(model, X)
    found = onnx_outputs(scoring, scoring.arrays(X))["probability"]
    differ = np.abs(found - model.predict_proba(X)).max(axis=1) > 1e-5
    assert differ.sum() <= (0 if dtype == "float64" else 3)


def test_xgboost_behind_computed_columns():
    xgboost = pytest.importorskip("xgboost")
    X, y, _ = events(2, "float32", missing=False)
    X, labels = np.exp(X), (y == "s").astype(int)
    trees = xgboost.XGBClassifier(n_estimators=50, n_jobs=1)
    model = make_pipeline(PowerTransformer(), trees).fit(X, labels)
    scoring = scoring_program(model, X)
    found = onnx_outputs(scoring, scoring.arrays(X))["probability"]
    differ = np.abs(found - model.predict_proba(X)).max(axis=1) > 1e-5
    assert differ.sum() <= 3


def test_an_unknown_step_is_refused_with_a_remedy():
    X, y, _ = events(missing=False)
    model = make_pipeline(KBinsDiscretizer(), LogisticRegression()).fit(X, y)
    match = r"transformer must be .* got .*KBinsDiscretizer.*StandardScaler.*skl2onnx"
    with pytest.raises(ExportError, match=match):
        scoring_program(model, X)


def test_all_classes_that_have_rules_exist():
    optional = {"lightgbm", "xgboost"}
    for name in [*SCORE_RULES, *TRANSFORM_RULES]:
        module, _, kind = name.rpartition(".")
        if module.partition(".")[0] in optional:
            continue
        assert hasattr(importlib.import_module(module), kind)


def test_the_guide_lists_every_class_that_has_a_rule():
    page = Path(__file__).parents[2] / "docs" / "guides" / "exporting_pipelines.md"
    listed = set(re.findall(r"`(\w+)`", page.read_text(encoding="utf-8")))
    own = {"WeightedPipeline"}  # told as that of `make_weighted_pipeline`
    for name in SCORE_RULES | TRANSFORM_RULES:
        kind = name.rpartition(".")[2]
        is_classifier_of_package = name in SCORE_RULES and name.startswith("skhep_dnn")
        assert kind in listed | own or is_classifier_of_package
    for name in REASONS:
        assert name.rpartition(".")[2] in listed
