"""Two Gaussian classes whose likelihood ratio is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.utils import Bunch

from skhep_dnn.datasets._toy_weights import (
    NegativePattern,
    ToyWeights,
    check_fraction,
    check_integer,
    check_pattern,
    check_positive,
    class_counts,
    class_weights,
    make_generator,
)

__all__ = ["make_gaussian_events"]

_DESCR = """\
Toy events of two Gaussian classes. `optimal_score` is the logarithm of the likelihood
ratio: no classifier separates the classes better.
"""


def make_gaussian_events(
    n_samples: int = 10_000,
    *,
    n_features: int = 4,
    separation: float = 2.0,
    signal_scale: float = 1.0,
    signal_fraction: float = 0.5,
    signal_yield: float = 100.0,
    background_yield: float = 1_000.0,
    weight_spread: float = 0.5,
    negative_fraction: float = 0.0,
    negative_pattern: NegativePattern = "flat",
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    r"""Make weighted events of two Gaussian classes with a known optimal score.

    Use it to see how close a classifier comes to the best possible one. The expected
    weight is the same everywhere within a class, so that the score stays optimal with
    weights, negative ones included.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of events, at least 2.
    n_features : int, default=4
        Number of features; the separation is spread over all of them.
    separation : float, default=2.0
        Distance between the means of the classes, in background standard deviations.
    signal_scale : float, default=1.0
        Standard deviation of the signal in each feature; that of the background is 1.
    signal_fraction : float, default=0.5
        Fraction of the events (not of the yield) that is signal.
    signal_yield : float, default=100.0
        Sum of the signal weights, in events.
    background_yield : float, default=1_000.0
        Sum of the background weights, in events.
    weight_spread : float, default=0.5
        Standard deviation of the logarithm of the weights of a class; the ratio of
        effective to simulated events is `exp(-weight_spread**2)`.
    negative_fraction : float, default=0.0
        Fraction of the events of each class with a negative weight, less than 0.5. The
        yields are kept.
    negative_pattern : {"flat", "phase_space"}, default="flat"
        "flat" draws the signs independently of the features. With "phase_space" the
        probability of a negative sign rises with the feature "x0", see Notes, as it
        does where events of a simulation at next-to-leading order subtract what others
        have in excess, and `negative_fraction` is its mean.
    random_state : int, RandomState instance or None, default=None
        Source of all random numbers; an int gives the same events at each call.

    Returns
    -------
    bunch : Bunch
        A dictionary with attribute access and these entries:

        frame : DataFrame of shape (n_samples, n_features + 3)
            "EventId", the features, "Weight" and "Label".
        data : DataFrame of shape (n_samples, n_features)
            The features "x0", "x1", ...
        target : ndarray of shape (n_samples,)
            Labels "s" and "b".
        sample_weight : ndarray of shape (n_samples,)
            Physics weights, in events.
        weight_true : ndarray of shape (n_samples,)
            Positive weights of the same yields: the expected weight at each point, to
            judge by what was trained on `sample_weight`.
        p_negative : ndarray of shape (n_samples,)
            Probability with which the sign of the weight was drawn negative.
        event_number : ndarray of shape (n_samples,)
            Unique numbers.
        optimal_score : ndarray of shape (n_samples,)
            Logarithm of the likelihood ratio; the optimal balanced probability of
            signal is its sigmoid.
        weight_name, feature_names, categorical, DESCR
            Name of the weight column, names of the features, those of them that are
            categories (none) and a description.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of range or there is no such pattern.
    WeightsError
        If the negative weights of a class outweigh the positive ones.

    See Also
    --------
    make_higgs_events : Events with the columns of the HiggsML data.

    Notes
    -----
    With means :math:`\pm \mathbf d / 2` and standard deviations :math:`\sigma` and 1 in
    :math:`p` features the logarithm of the likelihood ratio is

    .. math:: \tfrac12 |\mathbf x + \mathbf d/2|^2 -
        \tfrac{1}{2 \sigma^2} |\mathbf x - \mathbf d/2|^2 - p \ln \sigma,

    which for :math:`\sigma = 1` is :math:`\mathbf d \cdot \mathbf x`. Then the
    area under the ROC curve is :math:`\Phi(|\mathbf d| / \sqrt 2)` [1]_.

    With `negative_pattern="phase_space"`, the fraction :math:`F` and
    :math:`z = (x_0 - \mu) / \sigma` in the mean and standard deviation of the event's
    class, a sign is negative with the probability

    .. math:: p(x) = F + 0.8 \min(F, \tfrac12 - F) \, (2 \Phi(z) - 1),

    whose mean over the class is :math:`F` as :math:`\Phi(z)` is uniform, and the weight
    is :math:`\pm w_\text{true} / (1 - 2 p(x))`, of which the mean is
    :math:`w_\text{true}`. The sum over the class is scaled to its yield.

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver
       operating characteristic (ROC) curve", Radiology 143 (1982) 29: the area is the
       probability that a signal event scores higher; the difference of two scores is
       Gaussian here.

    Examples
    --------
    >>> from sklearn.metrics import roc_auc_score
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> events = make_gaussian_events(20_000, separation=2.0, random_state=0)
    >>> auc = roc_auc_score(
    ...     events.target == "s",
    ...     events.optimal_score,
    ...     sample_weight=events.sample_weight,
    ... )
    >>> round(float(auc), 2)  # Phi(sqrt(2)) = 0.921
    0.92
    """
    counts = class_counts(n_samples, signal_fraction)
    check_integer("n_features", n_features, minimum=1)
    check_positive("separation", separation, or_zero=True)
    check_positive("signal_scale", signal_scale)
    check_positive("signal_yield", signal_yield)
    check_positive("background_yield", background_yield)
    check_positive("weight_spread", weight_spread, or_zero=True)
    check_fraction("negative_fraction", negative_fraction, low=0.0, high=0.5)
    check_pattern(negative_pattern)
    rng = make_generator(random_state)
    is_signal = rng.permutation(n_samples) < counts["s"]
    shift = np.where(is_signal, 0.5, -0.5) * separation / np.sqrt(n_features)
    scale = np.where(is_signal, signal_scale, 1.0)
    X = scale[:, None] * rng.standard_normal((n_samples, n_features)) + shift[:, None]
    relative = np.exp(weight_spread * rng.standard_normal(n_samples))
    place = ndtr((X[:, 0] - shift) / scale)
    weights = {}
    for label, total in (("s", signal_yield), ("b", background_yield)):
        of_class = is_signal == (label == "s")
        weights[label] = class_weights(
            relative[of_class],
            total,
            negative_fraction,
            rng,
            label,
            place=place[of_class] if negative_pattern == "phase_space" else None,
        )
    score = _log_likelihood_ratio(X, separation, signal_scale)
    return _bunch(X, is_signal, weights, score)


def _log_likelihood_ratio(
    X: NDArray[np.float64], separation: float, signal_scale: float
) -> NDArray[np.float64]:
    n_features = X.shape[1]
    half = 0.5 * separation / np.sqrt(n_features)
    signal = -0.5 * (((X - half) / signal_scale) ** 2).sum(axis=1)
    background = -0.5 * ((X + half) ** 2).sum(axis=1)
    return signal - n_features * np.log(signal_scale) - background


def _bunch(
    X: NDArray[np.float64],
    is_signal: NDArray[np.bool_],
    weights: dict[str, ToyWeights],
    optimal_score: NDArray[np.float64],
) -> Bunch:
    def of_all(kind: str) -> NDArray[np.float64]:
        values = np.empty(len(X))
        values[is_signal] = getattr(weights["s"], kind)
        values[~is_signal] = getattr(weights["b"], kind)
        return values

    names = [f"x{index}" for index in range(X.shape[1])]
    data = pd.DataFrame(X, columns=names)
    target = np.where(is_signal, "s", "b")
    event_number = np.arange(len(X))
    signed = of_all("signed")
    frame = data.assign(Weight=signed, Label=target)
    frame.insert(0, "EventId", event_number)
    return Bunch(
        frame=frame,
        data=data,
        target=target,
        sample_weight=signed,
        weight_true=of_all("true"),
        p_negative=of_all("p_negative"),
        event_number=event_number,
        optimal_score=optimal_score,
        weight_name="Weight",
        feature_names=names,
        categorical=[],
        DESCR=_DESCR,
    )
