import subprocess
import sys

import numpy as np
import pytest
import sklearn
from matplotlib import pyplot as plt
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.inspection import LearningRateRangeDisplay
from skhep_dnn.pipeline import make_weighted_pipeline

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


def curve(loss, n_members=1):
    """Return learning rates and losses of a curve over six decades."""
    rate = np.geomspace(1e-5, 10.0, len(loss))
    return {"learning_rate": rate, "loss": np.tile(loss, (n_members, 1)).T}


@pytest.fixture
def model():
    return WeightedDNNClassifier(n_layers=1, width=8, batch_size=64, random_state=0)


@pytest.fixture
def events(toy_events):
    X, y, weight = toy_events
    return X, y, np.abs(weight)


# What is suggested for a given curve.


def test_a_tenth_of_the_upper_edge_of_the_minimum_is_suggested():
    loss = np.array([1.0, 1.0, 0.5, 0.1, 0.0, 0.02, 0.6])
    display = LearningRateRangeDisplay(**curve(loss))
    assert display.suggestion_ == pytest.approx(display.learning_rate[5] / 10)
    shifted = LearningRateRangeDisplay(**curve(3.0 * loss - 2.0, n_members=2))
    assert shifted.suggestion_ == display.suggestion_


@pytest.mark.parametrize("end", [np.inf, np.nan])
def test_a_member_that_diverges_ends_the_minimum(end):
    loss = np.array([1.0, 0.5, 0.2, 0.2, end])
    display = LearningRateRangeDisplay(**curve(loss))
    assert display.suggestion_ == pytest.approx(display.learning_rate[3] / 10)


@pytest.mark.parametrize("loss", [[1.0, 0.5, 0.2, 0.2], [0.2, 0.3, 0.4]])
def test_nothing_is_suggested_without_a_fall_and_a_rise(loss):
    display = LearningRateRangeDisplay(**curve(np.array(loss))).plot()
    assert np.isnan(display.suggestion_)
    assert display.suggestion_line_ is None
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["loss", "nothing to suggest"]


def test_a_given_suggestion_is_drawn():
    display = LearningRateRangeDisplay(**curve([1.0, 0.2, 0.9]), suggestion=0.0123)
    line = display.plot().suggestion_line_
    assert line.get_xdata() == [0.0123, 0.0123]
    assert line.get_label() == "suggested: 0.012"


# The figure.


def test_lines_axes_and_style():
    given = curve(np.array([1.0, 0.5, 0.2, 0.3, 9.0]), n_members=3)
    figure, ax = plt.subplots()
    display = LearningRateRangeDisplay(**given, name="mine").plot(ax, lw=5)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert len(display.member_lines_) == 3
    np.testing.assert_array_equal(display.line_.get_xdata(), given["learning_rate"])
    np.testing.assert_allclose(display.line_.get_ydata(), given["loss"].mean(axis=1))
    assert display.line_.get_linewidth() == 5
    assert display.line_.get_label() == "mean of 3 members"
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "learning rate"
    assert ax.get_ylabel() == "mean weighted training loss (nats)"
    assert ax.get_legend().get_title().get_text() == "mine"
    assert ax.get_ylim()[0] < 0.2
    assert 1.0 < ax.get_ylim()[1] < 2.0  # what diverges leaves the figure
    display.plot(name="other")
    assert display.ax_.get_legend().get_title().get_text() == "other"


# The test on a classifier.


def test_the_rate_rises_through_the_range_until_the_loss_diverges(model, events):
    display = LearningRateRangeDisplay.from_estimator(
        model.set_params(n_members=2), *events, low=1e-4, high=100.0
    )
    rate, loss = display.learning_rate, display.loss
    assert loss.shape == (len(rate), 2)
    assert rate[0] == pytest.approx(1e-4)
    assert (np.diff(rate) > 0.0).all()
    assert rate[-1] < 100.0
    assert (loss[:, 0] != loss[:, 1]).all()
    assert (np.nanmax(loss, axis=0) > 2.0 * loss[0]).any()
    assert 1e-3 < display.suggestion_ < 1.0
    assert display.name == "WeightedDNNClassifier"


def test_without_smoothing_the_steps_are_those_of_a_training(model, events):
    class Steps(Callback):
        def on_train_begin(self, _net, **_kwargs):
            self.steps = []

        def on_batch_end(self, net, batch, training, member_loss=None, **_):
            if training:
                mean = member_loss / batch.weight.abs().sum(1)
                self.steps.append((net.optimizer_.param_groups[0]["lr"], mean.item()))

    def rise(epoch, max_epochs):
        return 1e-3 ** (1.0 - epoch / max_epochs), None

    display = LearningRateRangeDisplay.from_estimator(
        model, *events, low=1e-5, high=1e-2, n_passes=3, smoothing=0.0
    )
    seed = np.random.RandomState(0).randint(2**31 - 1)
    model.set_params(learning_rate=1e-2, schedule=rise, max_epochs=3)
    model.set_params(callbacks=[Steps()], random_state=seed)
    steps = np.array(model.fit(*events).callbacks_[0][0][1].steps)
    np.testing.assert_allclose(display.learning_rate, steps[:, 0])
    np.testing.assert_allclose(display.loss[:, 0], steps[:, 1], rtol=1e-5)
    ratio = display.learning_rate[1:] / display.learning_rate[:-1]
    np.testing.assert_allclose(ratio, 1e3 ** (1 / len(steps)))


def test_smoothing_averages_rates_and_weighted_losses_alike(model, events):
    options = {"low": 1e-5, "high": 1e-2, "n_passes": 3}
    raw, smooth = (
        LearningRateRangeDisplay.from_estimator(model, *events, **options, smoothing=s)
        for s in (0.0, 0.1)
    )
    age = 0.1 * len(raw.loss)
    decay = age / (1.0 + age)
    for last in (0, 1, 10, len(raw.loss) - 1):
        weights = decay ** np.arange(last, -1, -1)
        log_rate = np.average(np.log(raw.learning_rate[: last + 1]), weights=weights)
        assert np.log(smooth.learning_rate[last]) == pytest.approx(log_rate)
    # Of independent losses the steps shrink by sqrt(2) (1 + age), more than four here.
    assert age > 2.0
    assert np.diff(smooth.loss[:, 0]).std() < 0.4 * np.diff(raw.loss[:, 0]).std()


def test_the_unit_of_the_weights_does_not_matter(model, events):
    X, y, weight = events
    one, other = (
        LearningRateRangeDisplay.from_estimator(model, X, y, weight * scale)
        for scale in (1.0, 4.0)
    )
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-5)
    without = LearningRateRangeDisplay.from_estimator(model, X, y)
    assert without.loss[0, 0] != one.loss[0, 0]


def test_the_classifier_stays_as_it_is_and_holds_nothing_out(model, events):
    options = {
        "n_members": 2,
        "cv": 2,
        "validate_on_fold": True,
        "early_stopping": True,
        "evaluations_per_epoch": 2,
        "averaging": "swa",
        "snapshots": None,
        "member_weighting": "inverse_loss",
        "scoring": "roc_auc",
        "callbacks": [Callback()],
    }
    plain = LearningRateRangeDisplay.from_estimator(
        clone(model).set_params(n_members=2), *events
    )
    model.set_params(**options)
    before = model.get_params()
    same = LearningRateRangeDisplay.from_estimator(model, *events)
    np.testing.assert_array_equal(same.loss, plain.loss)
    assert model.get_params() == before
    assert not hasattr(model, "classes_")


def make_nested_pipeline(scaler, model):
    """Return a pipeline whose last step is a pipeline."""
    return make_pipeline(scaler, make_pipeline(model))


@pytest.mark.parametrize(
    "make", [make_pipeline, make_weighted_pipeline, make_nested_pipeline]
)
@pytest.mark.parametrize("routing", [False, True])
def test_pipelines_pass_events_and_weights_on(model, events, make, routing):
    X, y, weight = events
    direct = LearningRateRangeDisplay.from_estimator(model, X, y, weight)
    with sklearn.config_context(enable_metadata_routing=routing):
        scaler = StandardScaler(with_mean=False)
        if routing:
            scaler.set_fit_request(sample_weight=False)
        pipeline = make(scaler, model)
        display = LearningRateRangeDisplay.from_estimator(pipeline, X, y, weight)
    assert display.name == "WeightedDNNClassifier"
    np.testing.assert_allclose(display.loss[:50], direct.loss[:50], rtol=1e-3)


# What is refused.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0.0}, r"`low` and `high` must be positive and rising, got 0.0 and"),
        ({"low": 1.0, "high": 0.1}, r"rising, got 1.0 and 0.1. Correct"),
        ({"n_passes": 0}, r"`n_passes` must be None or an integer .* got 0"),
        ({"n_passes": 1.5}, r"`n_passes` must be .* got 1.5"),
        ({"smoothing": 1.0}, r"`smoothing` must be in \[0, 1\), got 1.0"),
        ({"max_rise": 0.0}, r"`max_rise` must be positive, got 0.0"),
    ],
)
def test_options_out_of_range(model, events, options, message):
    with pytest.raises(ValueError, match=message):
        LearningRateRangeDisplay.from_estimator(model, *events, **options)


def test_other_estimators_are_refused(events):
    for other in (LogisticRegression(), make_pipeline(StandardScaler())):
        with pytest.raises(TypeError, match=r"must be a WeightedDNNClassifier, or a p"):
            LearningRateRangeDisplay.from_estimator(other, *events)


def test_a_loss_that_is_never_finite_is_an_error(model, events):
    def broken(logit, target):
        return logit * float("nan") + target

    with pytest.raises(NonFiniteLossError, match=r"finite at the lowest learning rate"):
        LearningRateRangeDisplay.from_estimator(model.set_params(loss=broken), *events)


def test_a_loss_that_is_not_finite_at_the_end_ends_the_curve(model, events):
    model.set_params(optimizer="sgd", loss=lambda logit, y: (logit - 2 * y + 1) ** 2)
    display = LearningRateRangeDisplay.from_estimator(
        model, *events, high=1e30, max_rise=1e300
    )
    assert np.isinf(display.loss[-1, 0])
    assert np.isfinite(display.loss[:-1]).all()
    assert np.isfinite(display.suggestion_)


def test_matplotlib_and_torch_are_loaded_when_needed():
    code = """
import sys
from skhep_dnn.inspection import LearningRateRangeDisplay
LearningRateRangeDisplay(learning_rate=[0.1, 1.0], loss=[[1.0], [2.0]])
sys.exit(str({"matplotlib", "torch"} & set(sys.modules) or 0))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert run.stderr.strip() == "0"
