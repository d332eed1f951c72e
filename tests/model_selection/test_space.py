"""Search spaces: what Optuna stores, what the estimator gets, and what is refused."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FixedTrial
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skhep_dnn.model_selection import Limit, SearchSpace
from skhep_dnn.model_selection._space import as_space


@pytest.fixture(autouse=True)
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def study_of(storage=None, seed=0):
    return optuna.create_study(storage=storage, sampler=RandomSampler(seed=seed))


def draws(space, n_trials=40, study=None):
    """Return what the estimator gets in some trials."""
    study = study_of() if study is None else study
    found = []
    for _ in range(n_trials):
        trial = study.ask()
        found.append(as_space(space).suggest(trial))
        study.tell(trial, 0.0)
    return found


def same(left, right):
    return left is right or left == right or (left != left and right != right)  # noqa: PLR0124


def a_function(x):
    return x


AWKWARD = {
    "estimators": [LogisticRegression(C=0.1), LogisticRegression(), "passthrough"],
    "tuples": [(10,), (20, 10), None],
    "functions": [a_function, len, np.log1p],
    "lambdas": [lambda x: x, lambda x: 2 * x],
    "numpy scalars": [np.float64(0.5), np.int64(3), np.str_("relu"), np.bool_(True)],
    "duplicates": ["a", "a", "b"],
    "equal numbers": [1, 1.0, True],
    "nan": [float("nan"), 0.0, 1.0],
    "infinite": [float("inf"), 0.0],
    "array": np.array([1, 2, 3]),
    "array of texts": np.array(["adam", "sgd"]),
    "plain": [None, False, 2, 0.5, "x"],
}


def test_any_choice_survives_a_database(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    found = draws(SearchSpace(AWKWARD), study=study_of(RDBStorage(storage)))
    # What another process reads gives the values of its own space.
    (summary,) = optuna.get_all_study_summaries(storage)
    study = optuna.load_study(study_name=summary.study_name, storage=storage)
    again = SearchSpace(AWKWARD)
    restored = [again.restored(trial.params) for trial in study.trials]
    for name, choices in AWKWARD.items():
        values = [params[name] for params in found]
        assert all(any(same(v, c) for c in choices) for v in values), name
        assert all(any(same(v, c) for v in values) for c in choices), name
        pairs = zip(values, restored, strict=True)
        assert all(same(value, params[name]) for value, params in pairs), name


def test_labels_are_the_same_in_every_process():
    code = (
        "from sklearn.linear_model import LogisticRegression as L\n"
        "from skhep_dnn.model_selection import SearchSpace\n"
        "f = lambda x: x\n"
        "class C: pass\n"
        "s = SearchSpace({'x': [L(), f, C, C(), (f, 1), print, None, float('nan')]})\n"
        "print(s._dimensions[0].stored)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1
    (text,) = outputs
    assert "0: LogisticRegression()" in text
    assert "0x" not in text


def test_duplicates_are_drawn_more_often():
    found = [value["x"] for value in draws({"x": ["a", "a", "a", "b"]}, 200)]
    assert 120 < found.count("a") < 180


def test_plain_choices_are_stored_as_they_are():
    study = study_of()
    draws({"x": [None, 64, "relu"]}, study=study)
    assert {trial.params["x"] for trial in study.trials} == {None, 64, "relu"}


def test_distributions_of_optuna():
    space = {
        "rate": FloatDistribution(1e-4, 1e-1, log=True),
        "dropout": FloatDistribution(0.1, 0.5, step=0.1),
        "width": IntDistribution(16, 64, step=16),
        "depth": IntDistribution(1, 64, log=True),
        "activation": CategoricalDistribution(("relu", "tanh")),
    }
    study = study_of()
    found = draws(space, study=study)
    assert list(found[0]) == list(space)
    assert {f["width"] for f in found} == {16, 32, 48, 64}
    assert {round(f["dropout"], 9) for f in found} == {0.1, 0.2, 0.3, 0.4, 0.5}
    assert all(1e-4 <= f["rate"] <= 1e-1 for f in found)
    assert np.median([f["rate"] for f in found]) < 1e-2
    assert {f["activation"] for f in found} == {"relu", "tanh"}
    assert study.trials[0].params == found[0]
    assert study.trials[0].distributions == space


@pytest.mark.parametrize(
    "numbers", [range(2, 9), range(50, 1001, 50), range(10, 0, -3), range(4, 5)]
)
def test_ranges_are_whole_numbers_with_steps(numbers):
    study = study_of()
    found = draws({"x": numbers}, 300, study)
    assert {f["x"] for f in found} == set(numbers)
    assert isinstance(study.trials[0].distributions["x"], IntDistribution)


@pytest.mark.parametrize(
    "distribution",
    [
        stats.uniform(-3.0, 5.0),
        stats.loguniform(1e-4, 1e-1),
        stats.norm(1.0, 2.0),
        stats.randint(2, 9),
        stats.poisson(3.0),
    ],
)
def test_distributions_of_scipy_follow_themselves(distribution):
    values = [f["x"] for f in draws({"x": distribution}, 400)]
    assert np.isfinite(values).all()
    if isinstance(distribution.dist, stats.rv_discrete):
        assert all(type(value) is int for value in values)
        expected = 400 * distribution.pmf(3)
        assert abs(values.count(3) - expected) < 4 * np.sqrt(expected)
        assert min(values) >= distribution.support()[0]
    else:
        assert stats.kstest(values, distribution.cdf).pvalue > 1e-3


def test_quantiles_have_a_name_of_their_own():
    study = study_of()
    draws({"C": stats.loguniform(1e-3, 1.0)}, 1, study)
    assert list(study.trials[0].params) == ["C:quantile"]


def test_anything_with_rvs_and_ppf():
    class Triangle:
        def rvs(self):
            raise AssertionError

        def ppf(self, quantile):
            return np.sqrt(quantile)

    values = [f["x"] for f in draws({"x": Triangle()}, 200)]
    assert all(type(value) is float for value in values)
    assert stats.kstest(np.square(values), stats.uniform.cdf).pvalue > 1e-3


def test_a_function_of_the_trial():
    def space(trial):
        n_layers = trial.suggest_int("n_layers", 1, 3)
        widths = [trial.suggest_int(f"width_{k}", 8, 64) for k in range(n_layers)]
        return {"hidden_layer_sizes": widths}

    study = study_of()
    found = draws(space, study=study)
    assert {len(f["hidden_layer_sizes"]) for f in found} == {1, 2, 3}
    for trial, value in zip(study.trials, found, strict=True):
        assert SearchSpace(space).restored(trial.params) == value
    SearchSpace(space).check_estimator(LogisticRegression())  # not known yet


def test_as_space_leaves_a_space_alone():
    space = SearchSpace({"x": [1, 2]})
    assert as_space(space) is space


def test_copies_suggest_the_same():
    space = SearchSpace({"x": [(1,), (2, 3)], "y": stats.uniform(), "z": range(3)})
    for other in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert draws(other) == draws(space)


class WithoutPpf:
    def rvs(self):
        return 0.0


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ValueError, "must have parameters, got none"),
        ({"x": []}, ValueError, "'x' must have at least one value, got \\[\\]"),
        ({"x": range(3, 3)}, ValueError, "at least one value, got range"),
        ({"x": 3}, TypeError, "got 3. Write a single value as a list of one"),
        ({"x": "relu"}, TypeError, "got 'relu'. Write a single value as a list"),
        ({"x": np.ones((2, 2))}, TypeError, "search space of 'x' must be a distrib"),
        ({"x": WithoutPpf()}, TypeError, "Give it a `ppf`"),
        ({1: [2]}, TypeError, "names of parameters must be strings, got 1"),
        ([{"x": [1]}], TypeError, "write a function that chooses one of them"),
        (None, TypeError, "must be a dictionary or a function of the trial, got None"),
    ],
)
def test_what_is_no_space(given, error, message):
    with pytest.raises(error, match=message):
        as_space(given)


def test_an_unknown_distribution_of_optuna():
    class Other(optuna.distributions.BaseDistribution):
        def __repr__(self):
            return "Other()"

        to_internal_repr = single = _contains = None

    Other.__abstractmethods__ = frozenset()
    with pytest.raises(TypeError, match=r"got Other\(\)\. Take FloatDist"):
        as_space({"x": Other()})


@pytest.mark.parametrize("returned", [None, ["x"], {1: 2}])
def test_a_function_that_returns_no_dictionary(returned):
    space = SearchSpace(lambda _: returned)
    with pytest.raises(TypeError, match="must return a dictionary of parameters, got"):
        space.suggest(FixedTrial({}))


def test_a_function_that_returns_nothing():
    with pytest.raises(ValueError, match="must have parameters, got none"):
        SearchSpace(lambda _: {}).suggest(FixedTrial({}))


def test_names_that_the_estimator_lacks():
    space = SearchSpace({"C": [1.0], "gamma": [0.1], "alpha": [1]})
    with pytest.raises(ValueError, match=r"LogisticRegression, got \['alpha', 'gamma'"):
        space.check_estimator(LogisticRegression())
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    SearchSpace({"logisticregression__C": [1.0]}).check_estimator(pipeline)
    with pytest.raises(ValueError, match="begin with the name of the step"):
        SearchSpace({"C": [1.0]}).check_estimator(pipeline)


def test_names_of_a_part_that_is_searched_itself():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    space = {"standardscaler": [MinMaxScaler()], "standardscaler__clip": [True]}
    SearchSpace(space).check_estimator(pipeline)


def test_the_grid_is_that_of_scikit_learn():
    lists = {"b": [1, 2, 3], "c": ["x", (1, 2)], "a": list(range(10, 31, 10))}
    space = SearchSpace({**lists, "a": range(10, 31, 10)})
    assert space.grid() == list(ParameterGrid(lists))
    assert space.n_points == 18
    assert space.restored(space.stored_point(5)) == list(ParameterGrid(lists))[5]


def test_the_grid_of_distributions():
    space = SearchSpace(
        {
            "dropout": FloatDistribution(0.1, 0.5, step=0.1),
            "fixed": FloatDistribution(2.0, 2.0),
            "width": IntDistribution(1, 4, log=True),
        }
    )
    assert space.n_points == 20
    assert space.grid()[0] == {"dropout": 0.1, "fixed": 2.0, "width": 1}
    assert {point["dropout"] for point in space.grid()} == {0.1, 0.2, 0.3, 0.4, 0.5}


@pytest.mark.parametrize("given", [FloatDistribution(0.0, 1.0), stats.randint(2, 9)])
def test_a_continuous_space_has_no_grid(given):
    with pytest.raises(ValueError, match="for 'x'"):
        SearchSpace({"x": given}).grid()


def test_a_function_has_no_grid():
    with pytest.raises(ValueError, match="must be of a dictionary of parameters"):
        SearchSpace(lambda _: {"x": 1}).grid()


@pytest.mark.parametrize("position", [-1, 3])
def test_beyond_the_grid(position):
    with pytest.raises(IndexError, match=f"has 3 points, .*position {position}. End"):
        SearchSpace({"x": range(3)}).stored_point(position)


def test_limits_are_looked_at_in_order():
    calls = []

    def of(name):
        def function(estimator, X, y):
            calls.append(name)
            return estimator.C

        return function

    space = SearchSpace(
        {"C": [1.0]}, limits={"a": Limit(of("a"), low=2.0), "b": Limit(of("b"))}
    )
    assert space.excess(LogisticRegression(C=0.5), [], []) == {"a": 1.5, "b": 0.0}
    assert calls == ["a"]
    excess = space.excess(LogisticRegression(C=3.0), [], [])
    assert excess["a"] == -1.0
    assert excess["b"] <= 0.0
    assert SearchSpace({"C": [1.0]}).excess(LogisticRegression(), [], []) == {}


def test_what_are_no_limits():
    with pytest.raises(TypeError, match="`limits` must be a dictionary of names"):
        SearchSpace({"x": [1]}, limits=[Limit(len)])
    with pytest.raises(TypeError, match=r"`limits\['n'\]` must be a `Limit`, got \("):
        SearchSpace({"x": [1]}, limits={"n": (len, 3)})
