"""The trial trainings of the range test; what is drawn is tested with its figure."""

import numpy as np
import pytest

from skhep_dnn.neural_network._learning_rate_range import ExponentialRise, range_test

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)
OPTIONS = {"low": 1e-4, "high": 1e-2, "smoothing": 0.05, "max_rise": 100.0}


def test_the_rate_rises_by_equal_factors():
    schedule = ExponentialRise(1e-3)
    factors, momenta = zip(*(schedule(k, 4) for k in range(5)), strict=True)
    assert factors[0] == pytest.approx(1e-3)
    assert factors[-1] == 1.0
    np.testing.assert_allclose(np.diff(np.log(factors)), np.log(1e3) / 4)
    assert momenta == (None,) * 5  # that of the classifier stays


@pytest.mark.parametrize(("n_passes", "n_steps"), [(None, 200), (3, 15)])
def test_without_a_number_of_passes_there_are_two_hundred_steps(
    make_model, events, n_passes, n_steps
):
    model = make_model(batch_size=30)  # five batches in a pass
    rate, loss = range_test(model, *events, n_passes=n_passes, **OPTIONS)
    assert rate.shape == (n_steps,)
    assert loss.shape == (n_steps, 1)


def test_a_trial_reproduces_and_members_differ(make_model, events):
    model = make_model(n_members=3)
    _, loss = range_test(model, *events, n_passes=2, **OPTIONS)
    _, again = range_test(model, *events, n_passes=2, **OPTIONS)
    np.testing.assert_array_equal(loss, again)
    assert len(np.unique(loss[-1])) == 3


def test_a_large_rise_alone_ends_a_trial(make_model, events):
    options = OPTIONS | {"high": 1e3, "n_passes": 20}
    _, whole = range_test(make_model(), *events, **options | {"max_rise": 1e9})
    _, short = range_test(make_model(), *events, **options | {"max_rise": 0.5})
    assert len(short) < len(whole)
    np.testing.assert_array_equal(short, whole[: len(short)])
    rise = short[:, 0] - np.minimum.accumulate(short[:, 0])
    assert (rise > 0.5 * short[0, 0]).tolist() == [False] * (len(short) - 1) + [True]
