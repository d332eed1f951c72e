"""Marks of undefined entries that are not declared, and spreads that float32 loses."""

import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from benchmarks.common.real_events import data_path
from skhep_dnn import BackwardEliminationSelector, BoostedDNN, WeightedDNNClassifier
from skhep_dnn._column_checks import (
    N_DRAWN,
    drawn_rows,
    is_lost_in_float32,
    values_apart,
)
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.exceptions import LostPrecisionWarning, UndeclaredMissingValueWarning
from skhep_dnn.feature_selection import (
    SeparationSelector,
    mutual_dependence,
    weighted_spearman,
)
from skhep_dnn.inspection import LearningRateRangeDisplay
from skhep_dnn.model_selection import (
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)
from skhep_dnn.neural_network import fit_masks_together, fit_together, fit_with_offset
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import InvariantFeatures, SymmetryAugmenter

TREE = DecisionTreeRegressor(max_depth=3)
OURS = (UndeclaredMissingValueWarning, LostPrecisionWarning)
RNG = np.random.default_rng(11)
N = 400
Y = np.where(np.arange(N) % 2, "s", "b")
MASS = np.where(np.arange(N) % 7 < 2, -999.0, 100.0 + 30.0 * RNG.normal(size=N))
TABLE = pd.DataFrame(
    {
        "pt": 20.0 + RNG.exponential(30.0, size=N) + 30.0 * (Y == "s"),
        "mass": MASS,
        "time": 1.7e9 + 50.0 * RNG.normal(size=N),
        "n_jets": RNG.integers(0, 4, size=N),
    }
)
CLEAN = TABLE.assign(
    mass=TABLE["mass"].replace(-999.0, np.nan), time=TABLE["time"] - 1.7e9
)
NETWORK = WeightedDNNClassifier(
    n_layers=1, width=4, dropout=0.0, max_epochs=1, batch_size=100, random_state=0
)


def told(function, *args, **params):
    """Return the class and text of each warning of a call, of ours alone."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **params)
    return [
        (w.category, str(w.message), w.filename)
        for w in caught
        if issubclass(w.category, OURS)
    ]


def told_columns(table, **options):
    found = told(clone(NETWORK).set_params(**options).fit, table, Y)
    return {(kind, name) for kind, text, _ in found for name in table if name in text}


@pytest.mark.parametrize(
    ("rest", "mark", "share", "expected"),
    [
        (np.linspace(20.0, 200.0, 1000), -999.0, 0.02, [-999.0]),
        (np.linspace(20.0, 200.0, 1000), 9999.0, 0.02, [9999.0]),
        (np.linspace(20.0, 200.0, 1000), -999.0, 0.005, []),  # too rare
        (np.linspace(20.0, 200.0, 1000), -150.0, 0.5, []),  # too near: 170 of 176
        (np.linspace(20.0, 200.0, 1000), -160.0, 0.5, [-160.0]),
        (np.repeat(np.arange(10.0), 100), -999.0, 0.5, []),  # ten values
        (np.repeat(np.arange(11.0), 100), -999.0, 0.5, [-999.0]),  # eleven
        (np.append(np.linspace(0.0, 1.0, 1000), -998.5), -999.0, 0.5, []),  # near
        (np.linspace(20.0, 200.0, 1000), np.nan, 0.5, []),
        (np.linspace(20.0, 200.0, 1000), -np.inf, 0.5, []),
        (np.full(1000, 7.0), -999.0, 0.5, []),
        (np.append(np.ones(1000), np.linspace(2, 3, 12)), 0.0, 0.1, []),  # no range
        (np.empty(0), -999.0, 0.5, []),
    ],
)
def test_a_value_that_stands_apart(rest, mark, share, expected):
    n_marks = round(share * len(rest) / (1.0 - share))
    values = np.append(rest, np.full(n_marks, mark))
    assert values_apart(values) == expected
    assert values_apart(-values) == [-value for value in expected]
    assert values_apart(values[::-1].astype(np.float32)) == expected
    if expected:
        assert values_apart(values, is_part=True) == expected


def test_marks_at_both_edges():
    values = np.concatenate([np.linspace(0, 1, 100), [-999.0] * 9, [9999.0] * 9])
    assert values_apart(values) == [-999.0, 9999.0]


@pytest.mark.parametrize(
    ("values", "is_lost"),
    [
        (1.7e9 + 50.0 * RNG.normal(size=1000), True),
        (1.7e9 + 1e6 * RNG.normal(size=1000), False),
        (1.7e18 + 1e9 * RNG.normal(size=1000), True),  # nanoseconds
        (50.0 * RNG.normal(size=1000), False),
        (np.append(RNG.normal(size=1000), 1e12), False),  # an outlier alone is coarse
        (np.append(1.7e9 + 50.0 * RNG.normal(size=1000), 0.0), True),
        (np.append(1.7e9 + 50.0 * RNG.normal(size=1000), np.nan), True),
        (np.full(1000, 1.7e9 + 1.0), False),  # a constant has nothing to lose
        (1.7e9 + 128.0 * RNG.integers(0, 9, size=1000), False),  # steps of float32
        (3_000_000_000 + RNG.integers(0, 300, size=1000), True),  # numbers of runs
        (np.concatenate([2**40 + np.arange(500), 2**41 + np.arange(500)]), True),
        (RNG.integers(0, 2**40, size=1000), False),  # far apart
        (284_500 + RNG.integers(0, 30_000, size=1000), False),
        (np.array([], dtype=np.float64), False),
    ],
)
def test_what_float32_does_not_keep_apart(values, is_lost):
    assert is_lost_in_float32(values) == is_lost


def test_rows_that_are_looked_at_first():
    assert drawn_rows(N_DRAWN) == slice(None)
    rows = drawn_rows(10 * N_DRAWN)
    assert len(rows) == N_DRAWN
    assert 0 <= rows.min() < rows.max() < 10 * N_DRAWN
    np.testing.assert_array_equal(rows, drawn_rows(10 * N_DRAWN))
    assert 0.45 < np.mean(rows % 2) < 0.55  # no stride


def test_a_network_names_column_and_value():
    (one, other) = told(clone(NETWORK).fit, TABLE, Y)
    kind, text, file = one
    assert kind is UndeclaredMissingValueWarning
    assert "`missing_values`" in text
    assert "column 'mass' (-999)" in text
    assert "pt" not in text
    assert file == __file__
    kind, text, file = other
    assert kind is LostPrecisionWarning
    assert "column 'time' (in steps of 128)" in text
    assert "Subtract a constant" in text
    assert file == __file__


def test_without_names_columns_have_positions():
    texts = [text for _, text, _ in told(clone(NETWORK).fit, TABLE.to_numpy(), Y)]
    assert "column 1 (-999)" in texts[0]
    assert "column 2 (in steps of 128)" in texts[1]


MARKED = (UndeclaredMissingValueWarning, "mass")
LOST = (LostPrecisionWarning, "time")


def test_of_what_is_declared_or_mended_nothing_is_told():
    assert told_columns(CLEAN) == set()
    assert told_columns(TABLE) == {MARKED, LOST}
    assert told_columns(TABLE, missing_values=-999.0) == {LOST}
    assert told_columns(TABLE, missing_values=-99.0) == {MARKED, LOST}
    assert told_columns(TABLE.assign(time=CLEAN["time"])) == {MARKED}
    hours = TABLE[["pt"]].assign(time=1_700_000_000 + np.arange(N) % 3)
    assert told_columns(hours, categorical_features=["time"]) == set()
    float32 = TABLE.astype("float32")  # has lost its spread before it came
    assert told_columns(float32) == {MARKED}


def test_numbers_of_runs_are_no_features():
    runs = 3_000_000_000 + np.arange(N) % 90
    table = CLEAN.assign(run=runs)
    found = told(clone(NETWORK).fit, table, Y)
    assert [kind for kind, *_ in found] == [LostPrecisionWarning]
    assert "'run' (in steps of 256)" in found[0][1]
    objects = table.astype({"run": object})
    assert told(clone(NETWORK).fit, objects, Y)[0][1] == found[0][1]
    nullable = table.astype({"run": "Int64"})
    assert told(clone(NETWORK).fit, nullable, Y)[0][1] == found[0][1]


def test_predictions_are_not_looked_at():
    model = clone(NETWORK).fit(CLEAN, Y)
    assert told(model.decision_function, TABLE) == []
    assert told(model.score, TABLE, Y) == []


def test_the_first_part_alone_is_looked_at():
    model = clone(NETWORK).set_params(schedule="constant")
    assert len(told(model.partial_fit, TABLE, Y)) == 2
    assert told(model.partial_fit, TABLE, Y) == []


def test_large_samples_are_looked_at_as_a_whole():
    n = 3 * N_DRAWN
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4)).astype(np.float32)
    X[rng.random(n) < 0.012, 0] = -999.0
    X[rng.random(n) < 0.008, 1] = -999.0  # fewer than 1 %
    X[rng.random(n) < 0.02, 2] = -999.0
    X[5, 2] = -998.0  # the next value, which a sample does not see
    y = np.arange(n) % 2
    model = clone(NETWORK).set_params(batch_size=10_000)
    (one,) = told(model.fit, X, y)
    assert "column 0 (-999)" in one[1]
    assert "column 1" not in one[1]
    assert "column 2" not in one[1]


CROSS_FIT = CrossFitClassifier(NETWORK, cv=3, combine="mean")
SEARCH = OptunaSearchCV(
    NETWORK, {"width": [3, 4]}, n_trials=2, cv=2, n_replicas=2, random_state=0
)
ELIMINATION = BackwardEliminationSelector(
    NETWORK, cv=2, n_features_to_select=3, n_replicas=2, random_state=0
)
OUTERMOST = {
    "members": clone(NETWORK).set_params(n_members=4, cv=2, n_jobs=2),
    "augmenter": clone(NETWORK).set_params(
        augmenter=SymmetryAugmenter(
            cylindrical=None, cartesian=[("pt", "mass")], leading=0, reflections="y"
        )
    ),
    "CrossFit": CROSS_FIT,
    "CrossFit, one by one": clone(CROSS_FIT).set_params(as_members=False),
    "Boosted": BoostedDNN(NETWORK, n_estimators=2, init=NETWORK),
    "SymmetryAveraged": SymmetryAveragedClassifier(
        NETWORK,
        augmenter=SymmetryAugmenter(
            cylindrical=None,
            cartesian=None,
            rotation=False,
            reflections="z",
            odd_under={"pt": "z"},
        ),
        copies="variants",
        n_copies=None,
    ),
    "threshold": SignificanceThresholdClassifier(
        NETWORK, min_n_eff=1.0, cv=2, n_replicas=0
    ),
    "search": SEARCH,
    "elimination": ELIMINATION,
    "pipeline": make_weighted_pipeline("passthrough", NETWORK),
    "pipeline in folds": clone(CROSS_FIT).set_params(
        estimator=make_weighted_pipeline("passthrough", NETWORK)
    ),
}
IN_PROCESSES = {
    "CrossFit": clone(CROSS_FIT).set_params(as_members=False, n_jobs=2),
    "search": clone(SEARCH).set_params(n_jobs=2, refit=False),
    "elimination": clone(ELIMINATION).set_params(as_members=False, n_jobs=2),
}


@pytest.mark.parametrize("name", OUTERMOST)
def test_the_outermost_fit_warns_once(name):
    found = told(clone(OUTERMOST[name]).fit, TABLE, Y)
    assert sorted(kind.__name__ for kind, *_ in found) == [
        "LostPrecisionWarning",
        "UndeclaredMissingValueWarning",
    ]
    assert all(file == __file__ for *_, file in found)


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("name", IN_PROCESSES)
def test_workers_hand_back_what_they_find(name, backend, capfd):
    with parallel_config(backend=backend):
        found = told(clone(IN_PROCESSES[name]).fit, TABLE, Y)
    assert sorted(kind.__name__ for kind, *_ in found) == [
        "LostPrecisionWarning",
        "UndeclaredMissingValueWarning",
    ]
    assert all(file == __file__ for *_, file in found)
    assert "Warning" not in capfd.readouterr().err


def test_functions_warn_once():
    part = {"X": TABLE, "y": Y}
    masks = [[True] * 4, [True, True, True, False]]
    calls = [
        (cross_validate_pooled, (NETWORK, TABLE, Y), {"cv": 2, "n_replicas": 0}),
        (fit_together, ([clone(NETWORK), clone(NETWORK)], [part] * 2), {}),
        (fit_masks_together, ([NETWORK], [part], masks), {}),
        (fit_with_offset, (clone(NETWORK), TABLE, Y), {"offset": np.zeros(N)}),
        (LearningRateRangeDisplay.from_estimator, (NETWORK, TABLE, Y), {"n_passes": 1}),
    ]
    for function, args, params in calls:
        assert len(told(function, *args, **params)) == 2, function


def test_a_second_fit_tells_again():
    model = clone(NETWORK)
    assert len(told(model.fit, TABLE, Y)) == len(told(model.fit, TABLE, Y)) == 2


def test_steps_before_the_network_count():
    imputer = SimpleImputer(missing_values=-999.0)
    pipeline = make_weighted_pipeline(imputer, StandardScaler(), NETWORK)
    assert told(pipeline.fit, TABLE, Y) == []
    assert told(clone(CROSS_FIT).set_params(estimator=pipeline).fit, TABLE, Y) == []


def test_what_computes_in_float64_and_knows_no_marks_is_left_alone():
    assert told(CrossFitClassifier(LogisticRegression(), cv=2).fit, TABLE, Y) == []


def test_a_search_of_scikit_learn_gives_one_text():
    search = GridSearchCV(NETWORK, {"width": [3, 4]}, cv=2)
    assert len({text for _, text, _ in told(search.fit, TABLE, Y)}) == 2


@pytest.mark.parametrize(
    "function",
    [
        weighted_spearman,
        lambda X: SeparationSelector(n_replicas=2).fit(X, Y),
        lambda X: mutual_dependence(X, estimator=TREE, cv=2, max_events=100),
    ],
    ids=["weighted_spearman", "SeparationSelector", "mutual_dependence"],
)
def test_what_takes_missing_values_names_marks(function):
    ((kind, text, file),) = told(function, TABLE[["pt", "mass", "n_jets"]])
    assert kind is UndeclaredMissingValueWarning
    assert "column 'mass' (-999)" in text
    assert file == __file__
    assert told(function, CLEAN[["pt", "n_jets"]]) == []


@pytest.mark.parametrize(
    "model",
    [
        SymmetryAugmenter(
            cylindrical=None, cartesian=[("pt", "mass")], leading=0, reflections="y"
        ),
        InvariantFeatures(cylindrical=None, cartesian={"lepton": ("pt", "mass")}),
    ],
    ids=["SymmetryAugmenter", "InvariantFeatures"],
)
def test_what_takes_momenta_names_marks(model):
    ((kind, text, file),) = told(clone(model).fit, TABLE)
    assert kind is UndeclaredMissingValueWarning
    assert "column 'mass' (-999)" in text
    assert file == __file__
    assert told(clone(model).set_params(missing_values=-999.0).fit, TABLE) == []
    by_position = clone(model).set_params(cartesian={"lepton": (0, 1)})
    if isinstance(model, SymmetryAugmenter):
        by_position.set_params(cartesian=[(0, 1)])
    ((_, text, _),) = told(by_position.fit, TABLE.to_numpy())
    assert "column 1 (-999)" in text


def shared_tables():
    """Tables of real and generated events, each with its columns of features."""
    never = {"label", "weight", "Weight", "KaggleWeight", "KaggleSet", "EventId"}
    never |= {"event_number", "run_number", "process", "weight_true", "p_negative"}
    never |= {"gen_boson_pt", "lep_flavour", "common", "weight_lhe", "sample", "Label"}
    for name in (
        "higgsml_100000-114999.csv.gz",
        "htautau_part1.parquet",
        "uci_higgs_part1.parquet",
        "zjets_nlo_part1.parquet",
    ):
        path = data_path(name)
        if path.exists():
            read = pd.read_csv if ".csv" in name else pd.read_parquet
            table = read(path)
            yield name, table[[c for c in table if c not in never]]


def test_of_the_shared_tables_only_higgsml_has_marks():
    n_tables = 0
    for name, table in shared_tables():
        n_tables += 1
        labels = np.arange(len(table)) % 2
        model = clone(NETWORK).set_params(batch_size=4096)
        found = told(model.fit, table, labels)
        if "higgsml" not in name:
            assert found == [], name
            continue
        ((kind, text, _),) = found
        assert kind is UndeclaredMissingValueWarning
        # The masses of two jets reach to 5 TeV: from there -999 is not far.
        marked = {c for c in table if (table[c] == -999.0).mean() > 0.01}
        marked -= {"DER_mass_jet_jet"}
        assert {c for c in table if f"column {c!r} (-999)" in text} == marked
        assert text.count("(-999)") == len(marked) == 10
        assert told(model.set_params(missing_values=-999.0).fit, table, labels) == []
    if not n_tables:
        pytest.skip("no shared tables here (set SKHEP_DNN_DATA)")


@pytest.mark.parametrize("make", [make_higgs_events, make_gaussian_events])
def test_toys_have_none(make):
    events = make(2_000, random_state=0)
    model = clone(NETWORK).set_params(batch_size=1000)
    assert told(model.fit, events.data, events.target, events.sample_weight) == []
