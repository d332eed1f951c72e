"""Confusion by yields: brute force, scikit-learn, errors by toys and by hand."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import confusion_by_yields

CLASSES = ["W", "Z", "top"]


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, size=500, p=[0.6, 0.3, 0.1])
    guess = rng.choice(CLASSES, size=500)
    y_pred = np.where(rng.random(500) < 0.6, y, guess)
    weights = rng.exponential(size=500) * rng.choice([1.0, -1.0], 500, p=[0.9, 0.1])
    return y, y_pred, weights


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_positive_weights_give_the_table_of_scikit_learn(events, normalize):
    y, y_pred, weights = events
    w = abs(weights)
    table = confusion_by_yields(y, y_pred, w)
    assert table.yields == pytest.approx(confusion_matrix(y, y_pred, sample_weight=w))
    expected = confusion_matrix(y, y_pred, sample_weight=w, normalize=normalize)
    assert table.share(normalize) == pytest.approx(expected)
    assert table.labels.tolist() == CLASSES
    assert (table.n_events == confusion_matrix(y, y_pred)).all()


def test_cells_are_sums_over_events(events):
    y, y_pred, weights = events
    table = confusion_by_yields(y, y_pred, weights)
    for i, true in enumerate(CLASSES):
        for j, predicted in enumerate(CLASSES):
            cell = weights[(y == true) & (y_pred == predicted)]
            assert table.yields[i, j] == pytest.approx(cell.sum())
            assert table.error[i, j] == pytest.approx(np.sqrt((cell**2).sum()))
            row, column = weights[y == true].sum(), weights[y_pred == predicted].sum()
            assert table.share("true")[i, j] == pytest.approx(cell.sum() / row)
            assert table.share("pred")[i, j] == pytest.approx(cell.sum() / column)
            assert table.share("all")[i, j] == pytest.approx(cell.sum() / weights.sum())
    assert table.to_frame().loc["Z", "top"] == table.yields[1, 2]
    assert table.to_frame("pred").loc["Z", "top"] == table.share("pred")[1, 2]
    assert table.to_frame().index.name == "true"


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
@pytest.mark.parametrize("kind", ["ones", "heavy", "negative"])
def test_errors_of_shares_are_the_spread_of_samples(normalize, kind):
    # Poisson numbers of events in each cell, each with a weight of its own.
    rng = np.random.default_rng(1)
    means = np.array([[80.0, 30.0, 10.0], [20.0, 90.0, 20.0], [15.0, 15.0, 60.0]])
    shares, errors = [], []
    for _ in range(400):
        counts = rng.poisson(means)
        cells = np.repeat(np.arange(9), counts.ravel())
        n = len(cells)
        w = np.ones(n) if kind == "ones" else rng.exponential(size=n)
        if kind == "negative":
            w *= rng.choice([1.0, -0.5], size=n, p=[0.85, 0.15])
        names = np.array(CLASSES)
        table = confusion_by_yields(names[cells // 3], names[cells % 3], w)
        shares.append(table.share(normalize))
        errors.append(table.share_error(normalize))
    spread = np.std(shares, axis=0, ddof=1)
    assert np.median(errors, axis=0) == pytest.approx(spread, rel=0.25)
    assert np.mean(errors) == pytest.approx(np.mean(spread), rel=0.07)


def test_the_error_of_a_share_is_binomial_for_weights_of_one():
    table = confusion_by_yields(["a"] * 10 + ["b"], ["a"] * 3 + ["b"] * 8)
    assert table.share_error("true")[0, 0] == pytest.approx(np.sqrt(0.3 * 0.7 / 10))
    assert table.share_error("true")[1].tolist() == [0.0, 0.0]


def test_weight_two_weight_zero_order_and_scale(events):
    y, y_pred, weights = events
    table = confusion_by_yields(y, y_pred, weights)
    twice = confusion_by_yields(
        np.append(y, y), np.append(y_pred, y_pred), [*weights] * 2
    )
    assert twice.yields == pytest.approx(2 * table.yields)
    doubled = confusion_by_yields(y, y_pred, 2 * weights)
    assert doubled.yields == pytest.approx(twice.yields)
    assert doubled.share_error("true") == pytest.approx(table.share_error("true"))
    zero = confusion_by_yields(
        np.append(y, "W"), np.append(y_pred, "top"), np.append(weights, 0.0)
    )
    assert zero.yields == pytest.approx(table.yields)
    assert (zero.n_events == table.n_events).all()
    turned = confusion_by_yields(y, y_pred, weights, labels=CLASSES[::-1])
    assert (turned.yields == table.yields[::-1, ::-1]).all()
    more = confusion_by_yields(y, y_pred, weights, labels=["top", "VV", "W", "Z"])
    assert more.yields[1].tolist() == [0.0] * 4
    assert np.isnan(more.share("true")[1]).all()
    assert np.isnan(more.share_error("pred")[:, 1]).all()
    assert np.array_equal(more.yields[np.ix_([2, 3, 0], [2, 3, 0])], table.yields)
    numbers = confusion_by_yields([2, 7, 7], [7, 7, 2])
    assert numbers.labels.tolist() == [2, 7]


def test_a_sum_that_is_not_positive_has_no_shares():
    table = confusion_by_yields(["a", "a", "b"], ["a", "b", "b"], [1.0, -2.0, 3.0])
    assert np.isnan(table.share("true")[0]).all()
    assert table.yields[0].tolist() == [1.0, -2.0]
    assert table.share("pred")[:, 1].tolist() == [-2.0, 3.0]


def test_wrong_input_is_refused(events):
    y, y_pred, weights = events
    with pytest.raises(
        ValueError, match=r"shapes \(500,\) and \(499,\)\. Pass `predic"
    ):
        confusion_by_yields(y, y_pred[1:], weights)
    with pytest.raises(WeightsError, match="one weight for each"):
        confusion_by_yields(y, y_pred, weights[1:])
    for labels in (["W", "Z"], ["W", "Z", "top", "top"]):
        with pytest.raises(ValueError, match="`labels` must name each of the classes"):
            confusion_by_yields(y, y_pred, weights, labels=labels)
    table = confusion_by_yields(y, y_pred, weights)
    for method in (table.share, table.share_error, table.to_frame):
        with pytest.raises(ValueError, match="`normalize` must be 'true', 'pred' or"):
            method("rows")
    with pytest.raises(FrozenInstanceError):
        table.yields = 0
