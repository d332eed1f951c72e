"""The check of a symmetry: right about symmetric events, and about broken ones.

Its result puts p-values together, and into words.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    SymmetryAugmenter,
    SymmetryCheck,
    SymmetryTest,
)

N = 1_500


def toy(seed, n=N):
    """Two objects and a mass; symmetric, with correlations that are."""
    rng = np.random.default_rng(seed)
    size, turn = rng.exponential(30.0, n), rng.normal(scale=1.5, size=n)
    phi = rng.uniform(-np.pi, np.pi, n)
    columns = {
        "lep_pt": size + rng.exponential(20.0, n),
        "lep_eta": rng.normal(size=n),
        "lep_phi": phi,
        "met": size,
        "met_phi": (phi + turn + np.pi) % (2.0 * np.pi) - np.pi,
        "mass": size * np.abs(np.sin(turn / 2.0)) + rng.normal(size=n),
    }
    return pd.DataFrame(columns)


def weights(seed, n=N, negative=0.2):
    rng = np.random.default_rng(1000 + seed)
    return rng.lognormal(sigma=0.5, size=n) * np.where(rng.random(n) < negative, -1, 1)


def check(X, seed=0, **options):
    augmenter = SymmetryAugmenter(**options.pop("declared", {})).fit(X)
    options.setdefault("n_permutations", 100)
    return augmenter.check_symmetry(X, random_state=seed, **options)


def detector(X, rng):
    """Events are kept with a probability that depends on the azimuth."""
    return X[rng.random(len(X)) < 0.5 + 0.4 * np.cos(2.0 * X["lep_phi"])]


def beams(X, rng):
    """Unequal beams boost all events."""
    return X.assign(lep_eta=X["lep_eta"] + 0.3)


def signed(X, rng):
    """A column with a sign, in no way declared."""
    return X.assign(sign=np.sin(X["lep_phi"] - X["met_phi"]))


def forward(X, rng):
    """A column that knows the sign of z, with marginals that do not."""
    sign = np.sign(X["lep_eta"]) * np.where(rng.random(len(X)) < 0.7, 1, -1)
    return X.assign(charge=sign)


def direction(X, rng):
    """A column that knows the azimuth, as one component of a vector does."""
    return X.assign(vertex=np.cos(X["met_phi"]) + 2.0 * rng.normal(size=len(X)))


@pytest.mark.parametrize(
    ("broken", "transformation", "parts"),
    [
        (detector, "rotation", {"azimuth of lep"}),
        (beams, "z", {"lep_eta", "lep_pz", "all columns together"}),
        (signed, "xy", {"correlations with sign"}),
        (forward, "z", {"correlations with charge"}),
        (direction, "rotation xy", {"correlations with vertex"}),
    ],
)
@pytest.mark.parametrize("negative", [0.0, 0.1])
@pytest.mark.parametrize("cartesian", [False, True])
def test_broken_symmetries_are_found(
    broken, transformation, parts, negative, cartesian
):
    for seed in range(2):
        X = broken(toy(seed, 3_000), np.random.default_rng(seed))
        X = CartesianMomenta().fit_transform(X) if cartesian else X
        w = weights(seed, len(X), negative)
        result = check(X, seed, sample_weight=w)
        assert result.p_value < 0.05, seed
        assert result.worst.part in parts
        assert result.worst.transformation.split()[-1] in transformation
        assert result.effect > 2.0 * result.effect_error
        assert "the events differ from their copies" in str(result)


def test_declared_signs_are_symmetric():
    X = signed(toy(0), None)
    result = check(X, declared={"odd_under": {"sign": "xy"}})
    assert result.p_value > 0.05


def false_positives(n_toys, n):
    """Number of toys with p <= 5 % alone, for each transformation."""
    rejected = np.zeros(4)
    for seed in range(n_toys):
        result = check(toy(seed, n), seed, sample_weight=weights(seed, n))
        rejected += [test.p_value <= 0.05 for test in result.tests]
    return rejected


def test_false_positives():
    rejected = false_positives(40, 150)
    assert (rejected <= binom.ppf(0.9995, 40, 0.05)).all()
    assert rejected.sum() > 0


@pytest.mark.slow
def test_false_positive_rate():
    rejected = false_positives(600, 300)
    low, high = binom.ppf([0.001, 0.999], 600, 0.05)
    assert ((low <= rejected) & (rejected <= high)).all(), rejected


def test_toy_higgs_events_are_symmetric():
    events = make_higgs_events(3_000, random_state=11)
    options = {"y": events.target, "sample_weight": events.sample_weight}
    result = check(events.data, **options)
    assert result.p_value > 0.05
    assert set(result.by_class) == {"s", "b"}
    assert "nothing speaks against" in repr(result)


def real_check(path, **options):
    events = fetch_higgsml("train", path=path)
    augmenter = SymmetryAugmenter().fit(events.data)
    weights = events.sample_weight
    return augmenter.check_symmetry(
        events.data, events.target, weights, random_state=0, **options
    )


def test_real_events_are_symmetric(higgsml_file):
    result = real_check(higgsml_file, n_permutations=50, max_events=2_000)
    assert min(result.by_class.values()) > 0.05


@pytest.mark.slow
def test_all_real_events_are_symmetric(higgsml_file):
    result = real_check(higgsml_file, max_events=15_000)
    assert result.p_value > 0.05
    assert min(result.by_class.values()) > 0.05


def test_result_of_classes():
    X = pd.concat([toy(0, 600), beams(toy(1, 600), None)], ignore_index=True)
    y = np.repeat(["b", "s"], 600)
    result = check(X, y=y)
    assert [(t.label, t.n_events) for t in result.tests] == [("b", 600)] * 4 + [
        ("s", 600)
    ] * 4
    assert result.by_class["s"] < 0.05 < result.by_class["b"]
    assert result.p_value == pytest.approx(8 * result.worst.p_value)
    assert (result.worst.label, result.worst.transformation) == ("s", "reflection in z")
    assert "reflection in z of class 's': p = " in str(result)
    names = [t.transformation for t in result.tests[:4]]
    axes = [f"reflection in {axis}" for axis in "xyz"]
    assert names == ["rotation", *axes]


def test_weights_stay_with_their_events():
    X = pd.concat([toy(0, 800), beams(toy(1, 800), None)], ignore_index=True)
    w = np.repeat([1.0, 0.0], 800)
    result = check(X, sample_weight=w)
    assert result.tests[0].n_events == 800
    assert result.p_value > 0.05
    assert check(X, sample_weight=1.0 - w).p_value < 0.05
    alone = check(X.iloc[:800])
    assert [t.effect for t in alone.tests] == pytest.approx(
        [t.effect for t in result.tests]
    )
    scaled = check(X, sample_weight=1e-3 * w)
    assert [t.p_value for t in scaled.tests] == [t.p_value for t in result.tests]


def test_number_of_events_is_bounded():
    X = toy(0, 1_000)
    result = check(X, max_events=300)
    assert {t.n_events for t in result.tests} == {300}


def test_seeds():
    X = toy(0, 300)
    assert check(X, 1) == check(X, 1)
    assert check(X, 1) != check(X, 2)


def test_only_declared_transformations_are_tested():
    X = beams(toy(0), None)
    result = check(X, declared={"reflections": "xy"})
    assert len(result.tests) == 3
    assert result.p_value > 0.05
    result = check(X, declared={"reflections": "y", "rotation": False})
    assert [t.transformation for t in result.tests] == ["reflection in y"]


def test_columns_of_any_kind_and_undefined_values():
    X = toy(0, 600)
    X["kind"] = pd.Categorical(np.where(X["lep_eta"] > 0.5, "forward", "other"))
    X["constant"] = 1.0
    X.loc[:99, "kind"] = None
    X.loc[:199, ["met", "met_phi", "mass"]] = np.nan
    result = check(X)
    assert any("kind" in t.part for t in result.tests if "z" in t.transformation)
    marked = toy(0, 600)
    marked.loc[:199, ["met", "met_phi", "mass"]] = -999.0
    unmarked = marked.replace(-999.0, np.nan)
    assert check(marked, declared={"missing_values": -999.0}) == check(unmarked)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_permutations": 0}, ValueError, "`n_permutations` must be at least 1, got"),
        ({"max_events": 0}, ValueError, "`max_events` must be at least 1, got 0"),
        ({"max_events": 2.5}, TypeError, "`max_events` must be an int, got 2.5"),
        ({"n_permutations": True}, TypeError, "`n_permutations` must be an int"),
        ({"y": [1, 2]}, ValueError, r"`y` must have one label for each of the 50"),
        ({"sample_weight": np.ones(3)}, WeightsError, "one weight for each of the 50"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        check(toy(0, 50), **options)


def one(p_value, label=None, name="rotation", effect=0.01):
    return SymmetryTest(name, label, p_value, "azimuth of lep", effect, 0.003, 100)


def test_together():
    check = SymmetryCheck((one(0.2, "b"), one(0.01, "b"), one(0.9, "s"), one(0.6, "s")))
    assert check.p_value == pytest.approx(0.04)
    assert check.by_class == {"b": pytest.approx(0.02), "s": 1.0}
    assert check.worst.p_value == 0.01
    assert (check.effect, check.effect_error) == (0.01, 0.003)


def test_largest_effect_decides_between_equal_p_values():
    check = SymmetryCheck((one(0.01), one(0.01, effect=0.2), one(0.01, effect=0.1)))
    assert check.effect == 0.2


def test_words():
    check = SymmetryCheck((one(0.004, name="reflection in z"), one(0.5)))
    assert repr(check) == str(check)
    lines = str(check).splitlines()
    expected = "reflection in z: p = 0.004, effect 0.0100 +- 0.0030 in azimuth of lep"
    assert lines[0] == expected
    assert "under the reflection in z, most in azimuth of lep" in lines[-1]
    assert "`odd_under`" in lines[-1]
    assert "nothing speaks against" in str(SymmetryCheck((one(0.5),)))
