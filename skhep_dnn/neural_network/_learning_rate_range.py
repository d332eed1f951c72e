"""Learning-rate range test: the training loss of each step while the rate rises.

The rate rises exponentially over the steps of one short training for each member. The
losses of the batches are averaged with exponentially falling weights, and so are the
logarithms of their learning rates, so that the average does not lag behind the rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from skorch.callbacks import Callback
from torch import Tensor

from skhep_dnn._fit_arguments import weights_argument
from skhep_dnn._told_columns import warns_once
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._engine.batches import Batch, TrainingBatches
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._preparation.members import MAX_SEED

__all__ = ["ExponentialRise", "classifier_of", "range_test"]

MIN_STEPS = 200


@dataclass(frozen=True)
class ExponentialRise:
    """Schedule that raises the learning rate exponentially to its full value.

    Parameters
    ----------
    start_factor : float
        Learning rate at the beginning, in units of the full one.

    Examples
    --------
    >>> schedule = ExponentialRise(1e-4)
    >>> [round(schedule(epoch, 2.0)[0], 4) for epoch in (0.0, 1.0, 2.0)]
    [0.0001, 0.01, 1.0]
    """

    start_factor: float

    def __call__(self, epoch: float, max_epochs: float) -> tuple[float, float | None]:
        """Return the factor on the learning rate and no momentum."""
        return self.start_factor ** (1.0 - epoch / max_epochs), None


class RangeEndError(Exception):
    """Ends a trial training; carries what was recorded."""

    def __init__(self, learning_rate: list[float], loss: list[float]) -> None:
        super().__init__("The learning-rate range test is over.")
        self.learning_rate = learning_rate
        self.loss = loss


class StepRecorder(Callback):
    """Records averages of rate and loss after each step, until the loss diverges.

    Parameters
    ----------
    smoothing : float
        Mean age of what is averaged, as a share of all steps.
    max_rise : float
        Rise of the loss over its minimum, in units of the first loss, that ends the
        test.
    """

    def __init__(self, smoothing: float, max_rise: float) -> None:
        self.smoothing = smoothing
        self.max_rise = max_rise

    def on_train_begin(self, net: MemberNet, **_kwargs: Any) -> None:  # noqa: ARG002
        """Begin the records."""
        self.learning_rate: list[float] = []
        self.loss: list[float] = []
        self.sums = np.zeros(4)

    def on_epoch_begin(
        self, net: MemberNet, dataset_train: TrainingBatches, **_kwargs: Any
    ) -> None:
        """Learn the number of steps."""
        age = self.smoothing * dataset_train.n_steps * net.max_epochs
        self.decay = age / (1.0 + age)

    def on_batch_end(
        self,
        net: MemberNet,
        batch: Batch,
        training: bool,
        member_loss: Tensor | None = None,
        **_kwargs: Any,
    ) -> None:
        """Record a step; the loss is the one before the step."""
        if not training or member_loss is None:
            return
        rate, sum_w = net.optimizer_.param_groups[0]["lr"], batch.weight.abs().sum()
        step = [1.0, np.log(rate), sum_w.item(), member_loss.item()]
        self.sums = self.decay * self.sums + step
        n, log_rate, weight, loss = self.sums.tolist()
        mean = loss / weight if np.isfinite(loss) else np.inf
        self.learning_rate.append(float(np.exp(log_rate / n)))
        self.loss.append(mean)
        limit = min(self.loss) + self.max_rise * abs(self.loss[0])
        if not np.isfinite(mean) or mean > limit:
            self._end()

    def on_train_end(self, net: MemberNet, **_kwargs: Any) -> None:  # noqa: ARG002
        """End the trial, which nobody wants to keep."""
        self._end()

    def _end(self) -> None:
        raise RangeEndError(self.learning_rate, self.loss)


@warns_once
def range_test(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    low: float,
    high: float,
    n_passes: int | None,
    smoothing: float,
    max_rise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return learning rates and averaged losses, of shapes (n,) and (n, n_members).

    Parameters
    ----------
    estimator : WeightedDNNClassifier or Pipeline
        Classifier, or a pipeline that ends with one; it is not changed.
    X : array-like of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,)
        Their labels.
    sample_weight : array-like of shape (n_samples,) or None
        Their weights.
    low, high : float
        Ends of the range.
    n_passes : int or None
        Passes over the events; None takes as few as make 200 steps.
    smoothing : float
        Mean age of what is averaged, as a share of all steps.
    max_rise : float
        Rise of the loss that ends the test.

    Returns
    -------
    learning_rate : ndarray of shape (n_steps,)
        Averaged in the same way as the losses.
    loss : ndarray of shape (n_steps, n_members)
        Mean weighted training losses, infinite where they are not finite; nan after a
        member has diverged.

    Raises
    ------
    TypeError
        If the estimator is neither.
    NonFiniteLossError
        If the loss is not finite in the first steps.
    """
    model = classifier_of(estimator)
    if n_passes is None:
        n_passes = -(-MIN_STEPS // -(-len(np.asarray(y)) // model.batch_size))
    # No events are held out and nothing else watches: one network trains on them all.
    defaults = type(model)().get_params(deep=False)
    trial = {
        **{name: defaults[name] for name in model._judging_parameters},
        "n_members": 1,
        "warm_start": False,
        "n_jobs": None,
        "verbose": 0,
        "learning_rate": high,
        "schedule": ExponentialRise(low / high),
        "max_epochs": n_passes,
        "callbacks": [StepRecorder(smoothing, max_rise)],
    }
    rng = check_random_state(model.random_state)
    rates, losses = [], []
    for seed in rng.randint(MAX_SEED, size=model.n_members).tolist():
        member = clone(estimator)
        classifier_of(member).set_params(**trial, random_state=seed)
        rate, loss = _try(member, X, y, sample_weight)
        rates.append(rate)
        losses.append(loss)
    longest = max(rates, key=len)
    padded = np.full((len(longest), len(losses)), np.nan)
    for k, loss in enumerate(losses):
        padded[: len(loss), k] = loss
    return np.array(longest), padded


def classifier_of(estimator: BaseEstimator) -> WeightedDNNClassifier:
    """Return a classifier, or the one at the end of a pipeline."""
    last = final_step(estimator)
    if not isinstance(last, WeightedDNNClassifier):
        msg = (
            "`estimator` must be a WeightedDNNClassifier, or a pipeline that ends with "
            f"one, got {type(last).__name__}. Pass the classifier itself."
        )
        raise TypeError(msg)
    return last


def _try(
    estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, w: ArrayLike | None
) -> tuple[list[float], list[float]]:
    """Return what one trial training has recorded."""
    name = weights_argument(estimator, required=False) or "sample_weight"
    try:
        estimator.fit(X, y, **({} if w is None else {name: w}))
    except RangeEndError as end:
        if np.isfinite(end.loss[:2]).all():
            return end.learning_rate, end.loss
    msg = (
        "The loss must be finite at the lowest learning rate, got nan or inf in the "
        "first steps. Lower `low`, or check the inputs and weights for extreme values."
    )
    raise NonFiniteLossError(msg)
