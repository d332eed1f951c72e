"""Any score with its uncertainty, through one interface.

The error is that of the sample of events: other events of the same kind, at the same
yields of the classes, with the classifier as it is. It comes from the bootstrap, or in
closed form where there is one. The spread over trainings with other seeds is another
number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import LowStatisticsWarning
from skhep_dnn.metrics._bootstrap import (
    Sample,
    bootstrap,
    check_length,
    check_level,
    check_sample,
    format_with_error,
    p_value_of_difference,
    paired_bootstrap,
)
from skhep_dnn.metrics._closed_form import ClosedForm, Influence, closed_form
from skhep_dnn.metrics._replica_metric import (
    ReplicaMetric,
    named_metrics,
    resolve_metric,
)
from skhep_dnn.metrics._separation import separation_power
from skhep_dnn.metrics._significance_scores import max_significance_score

__all__ = [
    "MetricWithError",
    "PairedDifference",
    "metric_with_error",
    "paired_difference",
]

FloatArray = NDArray[np.float64]
Method = Literal["bootstrap", "closed_form"]

_ENOUGH = 50.0  # effective events from which on intervals cover what they promise


@dataclass(frozen=True, eq=False)
class MetricWithError:
    """A score, the error that the sample of events gives it, and intervals.

    Attributes
    ----------
    value : float
        The score of the sample.
    error : float
        Its error, of one standard deviation; nan where it cannot be told.
    method : {"bootstrap", "closed_form"}
        Where the error comes from.
    degrees_of_freedom : float, default=inf
        Of the error: small where a few heavy events decide. Intervals have the
        quantiles of Student's t distribution.
    interval_scale : {"linear", "log"}, default="linear"
        On which the interval of a closed form is symmetric.
    replicas : ndarray of shape (n_replicas,) or None, default=None
        The score on each replica of a bootstrap.
    widening : float, default=1.0
        Factor on the quantiles of a bootstrap, the error of the jackknife over that to
        first order.

    See Also
    --------
    metric_with_error : Makes it.

    Examples
    --------
    >>> from skhep_dnn.metrics import MetricWithError
    >>> auc = MetricWithError(0.92399, 0.00318, "closed_form")
    >>> print(auc)
    0.9240 ± 0.0032
    >>> print("{:.4f} {:.4f}".format(*auc.interval(0.95)))
    0.9178 0.9302
    """

    value: float
    error: float
    method: str
    degrees_of_freedom: float = inf
    interval_scale: str = "linear"
    replicas: FloatArray | None = field(default=None, repr=False)
    widening: float = 1.0

    def interval(self, level: float = 0.68) -> tuple[float, float]:
        """Return the central interval of a level.

        Parameters
        ----------
        level : float, default=0.68
            Share of samples in which it covers the truth.

        Returns
        -------
        low, high : float
            Quantiles of the replicas, of a closed form the value and its error times
            a quantile; nan where there is no error.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        check_level(level)
        quantile = float(t.ppf((1 + level) / 2, self.degrees_of_freedom))
        if self.replicas is not None:
            return self._of_replicas(self.widening * quantile)
        if self.interval_scale == "log" and self.value > 0:
            factor = math.exp(quantile * self.error / self.value)
            return self.value / factor, self.value * factor
        return self.value - quantile * self.error, self.value + quantile * self.error

    def __str__(self) -> str:
        """Return value and error with two digits of the error."""
        return format_with_error(self.value, self.error)

    def _of_replicas(self, quantile: float) -> tuple[float, float]:
        replicas = np.asarray(self.replicas)
        defined = replicas[np.isfinite(replicas)]
        if not len(defined):
            return math.nan, math.nan
        # Of the usual definition of a quantile, two tails of 200 replicas hold 0.7 per
        # cent too much; of this one they hold what they should on average.
        tails = norm.cdf([-quantile, quantile])
        low, high = np.quantile(defined, tails, method="weibull")
        return float(low), float(high)


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two classifiers on the same events, its error and p-value.

    Attributes
    ----------
    value_a, value_b : float
        The score of each.
    difference : float
        ``value_a - value_b``.
    error : float
        Its error.
    method : {"bootstrap", "closed_form"}
        Where the error comes from.
    degrees_of_freedom : float, default=inf
        Of the error.

    See Also
    --------
    paired_difference : Makes it.

    Examples
    --------
    >>> from skhep_dnn.metrics import PairedDifference
    >>> result = PairedDifference(0.91, 0.90, 0.01, 0.0051, "closed_form")
    >>> print(result, round(result.p_value, 3))
    0.0100 ± 0.0051 0.05
    """

    value_a: float
    value_b: float
    difference: float
    error: float
    method: str
    degrees_of_freedom: float = inf

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference, of Student's t distribution."""
        return p_value_of_difference(
            self.difference, self.error, self.degrees_of_freedom
        )

    def __str__(self) -> str:
        """Return difference and error with two digits of the error."""
        return format_with_error(self.difference, self.error)


def metric_with_error(
    metric: Any,
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    method: Method = "bootstrap",
    n_replicas: int = 200,
    pos_label: object = None,
    random_state: int | np.random.RandomState | None = None,
) -> MetricWithError:
    r"""Return a score with its statistical uncertainty.

    The error is that of the sample: how far the score of other events of the same
    kind would be off, at the same yields of the classes and with the same classifier.
    The spread over trainings is a separate number:
    `skhep_dnn.model_selection.seed_spread`.

    Parameters
    ----------
    metric : str or callable
        A name that `bootstrap` takes, such as "roc_auc" or "balanced_log_loss", or
        "separation"; a metric at a cut, `SignificanceAt`, `EfficiencyAt` or
        `RejectionAt`; or any callable that `bootstrap` takes.
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more if `metric` takes them.
    y_score : array-like of shape (n_samples,) or (n_samples, ...)
        Scores, or what `metric` takes in their place.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    method : {"bootstrap", "closed_form"}, default="bootstrap"
        "bootstrap" works for all metrics. "closed_form" is exact to first order, has
        no random numbers and is faster; it is known for the names but "separation",
        for the metrics at a cut, and for objects with a method `influence`.
    n_replicas : int, default=200
        Replicas of the bootstrap, which know the error to 5 per cent.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two, or leaves more classes to the metric.
    random_state : int, RandomState instance or None, default=None
        Seed of the replicas.

    Returns
    -------
    result : MetricWithError
        Value, error and intervals; printed as "0.9240 ± 0.0032".

    Raises
    ------
    ValueError
        If the metric is a maximum over cuts, of which no error is honest, has no
        closed form where one is asked for, or arguments are not as described.
    TypeError
        If `metric` is neither a name nor callable.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Warns
    -----
    LowStatisticsWarning
        If a class, at a cut what is selected of it, has fewer than 50 effective
        events, if the closed form has no error, or if more than 5 per cent of the
        replicas are undefined.

    See Also
    --------
    paired_difference : The difference of two classifiers.
    bootstrap : The replicas themselves.

    Notes
    -----
    **Closed form.** The variance is that of the jackknife, a sum over the events of
    squared influences (for the AUC the structural components of DeLong [1]_, weighted),
    and the interval has the quantile of Student's t with the degrees of freedom that
    the fourth moments of the influences give. That of a rejection is symmetric on a
    logarithmic scale.

    **Bootstrap.** The error is the standard deviation of the replicas. The interval
    has their quantiles, as far out as those of the closed form, where there is one
    (the expanded percentiles of Hesterberg [2]_); else plain ones.

    **Separation.** The bootstrap of `separation_power`, whose bias is subtracted.

    **Coverage.** `docs/theory/uncertainties.md` has what was measured, by
    `benchmarks/bench_coverage.py`: how often intervals of 68 per cent cover the truth.

    References
    ----------
    .. [1] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under
       two or more correlated receiver operating characteristic curves", Biometrics 44
       (1988) 837.
    .. [2] T. C. Hesterberg, "What teachers should know about the bootstrap", The
       American Statistician 69 (2015) 371, arXiv:1411.5279.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import RejectionAt, metric_with_error
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 2000)
    >>> score = rng.normal(size=4000) + 1.5 * (y == "s")
    >>> weight = rng.exponential(size=4000)
    >>> print(metric_with_error("roc_auc", y, score, weight, method="closed_form"))
    0.8682 ± 0.0077
    >>> print(metric_with_error("roc_auc", y, score, weight, random_state=0))
    0.8682 ± 0.0077
    >>> rejection = RejectionAt(signal_efficiency=0.5)
    >>> print(metric_with_error(rejection, y, score, weight, method="closed_form"))
    18.2 ± 2.6
    """
    _refuse_maximum(metric)
    check_method(method)
    if isinstance(metric, str) and metric == "separation":
        return _separation(
            y_true, y_score, sample_weight, method, n_replicas, pos_label, random_state
        )
    resolved = resolve_metric(metric)
    sample = check_sample(y_true, sample_weight, pos_label, n_replicas)
    scores = check_length(y_score, sample)
    form = ClosedForm(math.nan, math.nan, math.inf)
    if method == "closed_form" or resolved.influence is not None:
        influence = _influence(metric, resolved, sample, scores)
        form = closed_form(influence, sample.codes, sample.weights)
    _warn_of_few_events(metric, sample, scores)
    how_known = (method, form.degrees_of_freedom, resolved.interval_scale)
    if method == "closed_form":
        value = resolved.nominal_value(sample.y_true, scores, sample.weights, pos_label)
        _warn_of_no_error(form)
        return MetricWithError(value, form.error, *how_known)
    result = bootstrap(
        metric,
        y_true,
        scores,
        sample_weight,
        n_replicas=n_replicas,
        pos_label=pos_label,
        random_state=random_state,
    )
    return MetricWithError(
        result.value, result.error, *how_known, result.replicas, _widening(form)
    )


def paired_difference(
    metric: Any,
    y_true: ArrayLike,
    y_score_a: ArrayLike,
    y_score_b: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    method: Method = "bootstrap",
    n_replicas: int = 200,
    pos_label: object = None,
    random_state: int | np.random.RandomState | None = None,
) -> PairedDifference:
    """Return the difference of two classifiers on the same events, with its p-value.

    What fluctuates in both drops out, so that the error is smaller than that of two
    independent scores. It is that of the events: whether another training of either
    would change the answer, `skhep_dnn.model_selection.seed_spread` says.

    Parameters
    ----------
    metric : str or callable
        As in `metric_with_error`, but for "separation".
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more if `metric` takes them.
    y_score_a, y_score_b : array-like of shape (n_samples,) or (n_samples, ...)
        Scores of the two classifiers for the same events in the same order. A cut on
        the score is the same for both: shift one of them where cuts differ.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    method : {"bootstrap", "closed_form"}, default="bootstrap"
        Where the error comes from; in closed form the influences of each event on
        both scores subtract.
    n_replicas : int, default=200
        Replicas of the bootstrap.
    pos_label : label or list of labels, default=None
        As in `metric_with_error`.
    random_state : int, RandomState instance or None, default=None
        Seed of the replicas.

    Returns
    -------
    result : PairedDifference
        Both values, the difference a - b, its error and the two-sided p-value of no
        difference.

    Raises
    ------
    ValueError
        If the metric is a maximum over cuts or has no closed form where one is asked
        for, or arguments are not as described.
    TypeError
        If `metric` is neither a name nor callable.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Warns
    -----
    LowStatisticsWarning
        As in `metric_with_error`.

    See Also
    --------
    paired_bootstrap : The replicas of the difference.

    Notes
    -----
    The p-value is that of the difference in units of its error, in Student's t
    distribution. Under no difference it is uniform where the events are many enough
    for Gaussian errors, as 2000 toys of 1000 events with equal, heavy-tailed and partly
    negative weights were (`benchmarks/bench_coverage.py`). Two classifiers with equal
    scores have a p-value of 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import paired_difference
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 1000)
    >>> score = rng.normal(size=2000) + (y == "s")
    >>> noisy = score + 0.5 * rng.normal(size=2000)
    >>> result = paired_difference("roc_auc", y, score, noisy, method="closed_form")
    >>> print(result, round(result.p_value, 3))
    0.0129 ± 0.0052 0.014
    """
    _refuse_maximum(metric)
    check_method(method)
    resolved = resolve_metric(metric)
    sample = check_sample(y_true, sample_weight, pos_label, n_replicas)
    scores = [check_length(y_score, sample) for y_score in (y_score_a, y_score_b)]
    for score in scores:
        _warn_of_few_events(metric, sample, score)
    if method == "bootstrap":
        result = paired_bootstrap(
            metric,
            y_true,
            scores[0],
            scores[1],
            sample_weight,
            n_replicas=n_replicas,
            pos_label=pos_label,
            random_state=random_state,
        )
        return PairedDifference(
            result.value_a,
            result.value_b,
            result.difference,
            result.error,
            "bootstrap",
        )
    of_a, of_b = (_influence(metric, resolved, sample, score) for score in scores)
    form = closed_form(of_a.minus(of_b), sample.codes, sample.weights)
    _warn_of_no_error(form)
    value_a, value_b = (
        resolved.nominal_value(sample.y_true, score, sample.weights, pos_label)
        for score in scores
    )
    return PairedDifference(
        value_a,
        value_b,
        value_a - value_b,
        form.error,
        "closed_form",
        form.degrees_of_freedom,
    )


def check_method(method: str) -> None:
    """Raise a ValueError if the error comes from nowhere that is known."""
    if method not in ("bootstrap", "closed_form"):
        msg = (
            f"`method` must be 'bootstrap' or 'closed_form', got {method!r}. Choose "
            "where the error comes from."
        )
        raise ValueError(msg)


def _refuse_maximum(metric: Any) -> None:
    function = metric
    while isinstance(function, partial):
        function = function.func
    is_maximum = getattr(function, "is_maximum", False)
    if is_maximum or function is max_significance_score:
        msg = (
            f"`metric` must not be a maximum over cuts, got {function!r}: its "
            "bias is larger than any error of it, and grows in each replica. "
            "Choose the cut on other events (`threshold_at_maximum` on out-of-fold "
            "scores) and pass `SignificanceAt(cut)`."
        )
        raise ValueError(msg)


def _influence(
    metric: Any, resolved: ReplicaMetric, sample: Sample, scores: NDArray[Any]
) -> Influence:
    if resolved.influence is None:
        msg = (
            "`metric` must have a closed form of its error, which is known for "
            f"{sorted(named_metrics())}, for SignificanceAt, EfficiencyAt and "
            f"RejectionAt, and for objects with a method `influence`, got {metric!r}. "
            "Take method='bootstrap'."
        )
        raise ValueError(msg)
    return resolved.influence(
        sample.y_true, scores, sample.weights, pos_label=sample.pos_label
    )


def _separation(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    method: str,
    n_replicas: int,
    pos_label: object,
    random_state: int | np.random.RandomState | None,
) -> MetricWithError:
    if method == "closed_form":
        msg = (
            "`method` must be 'bootstrap' for the separation, whose replicas carry the "
            "noise of the bins twice and are corrected for it, got 'closed_form'. "
            "Leave `method` out."
        )
        raise ValueError(msg)
    separation = separation_power(
        y_true,
        y_score,
        sample_weight,
        n_replicas=n_replicas,
        pos_label=pos_label,
        random_state=random_state,
    )
    return MetricWithError(separation.value, separation.error, "bootstrap")


def _warn_of_few_events(metric: Any, sample: Sample, scores: NDArray[Any]) -> None:
    """Warn where intervals are known to cover less, or more, than they promise."""
    n_effs = _effective_events(metric, sample, scores)
    name = min(n_effs, key=lambda key: n_effs[key])
    if n_effs[name] >= _ENOUGH:
        return
    at_efficiency = getattr(metric, "signal_efficiency", None) is not None
    table = _COVERAGE_AT_EFFICIENCY if at_efficiency else _COVERAGE
    measured, low, high = next(
        (row for row in table if n_effs[name] >= row[0]), table[-1]
    )
    msg = (
        "The error of a score must come from at least "
        f"{_ENOUGH:.0f} effective events for its intervals to be right, got "
        f"{n_effs[name]:.3g} of the {name}: with {measured} of them intervals of 68 "
        f"per cent covered the truth in {low} to {high} per cent of toys. Use more "
        "events, or a looser cut."
    )
    warn_caller(msg, LowStatisticsWarning)


def _effective_events(
    metric: Any, sample: Sample, scores: NDArray[Any]
) -> dict[str, float]:
    own = getattr(metric, "effective_events", None)
    if own is not None:
        n_effs: dict[str, float] = own(
            sample.y_true, scores, sample.weights, pos_label=sample.pos_label
        )
        return n_effs
    return sample.effective_events()


# Effective events, and the smallest and largest coverage there over metrics, weights
# and methods: benchmarks/bench_coverage.py, table in docs/theory/uncertainties.md.
_COVERAGE = ((20, 67, 71), (10, 66, 73))
_COVERAGE_AT_EFFICIENCY = ((20, 69, 75), (10, 70, 81))


def _widening(form: ClosedForm) -> float:
    """Return how much further out quantiles of replicas belong."""
    if form.linear_error > 0.0 and math.isfinite(form.error):
        return form.error / form.linear_error
    return 1.0


def _warn_of_no_error(form: ClosedForm) -> None:
    if math.isfinite(form.error):
        return
    msg = (
        "Every class must keep a positive sum of weights, and the score a value, "
        "where any one event is left out, got one that does not: the error is nan. "
        "Use more events, or method='bootstrap'."
    )
    warn_caller(msg, LowStatisticsWarning)
