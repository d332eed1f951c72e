"""Is a classifier worse on new events than on those that it was trained on.

Two questions that are often taken for one. *Worse*: by how much does a figure of merit
fall from the training to the test sample, and is that more than chance. *Different*:
are the scores of the two samples of one distribution. A classifier that was fitted to
the training events always is different there, however good it is on new ones, and the
more events there are the clearer it shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from sklearn.utils import check_random_state

from skhep_dnn._messages import shown
from skhep_dnn._signal_label import class_names, resolve_pos_label
from skhep_dnn._validation import check_labels, check_signal_scores, known_labels
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import DifferentWeightsWarning
from skhep_dnn.metrics._bootstrap import (
    BootstrapResult,
    bootstrap,
    format_with_error,
)
from skhep_dnn.metrics._classification import (
    balanced_log_loss,
    balanced_log_loss_from_logits,
    weighted_accuracy,
    weighted_log_loss,
)
from skhep_dnn.metrics._replica_metric import Metric, resolve_metric
from skhep_dnn.metrics._two_samples import (
    OTHER_WEIGHTS,
    TwoSampleTest,
    two_sample_test,
    weight_scale,
)
from skhep_dnn.weights._class_sums import check_class_weights, rescaled, sums_by_class

__all__ = ["MetricGap", "OvertrainingTest", "overtraining_test"]

FloatArray = NDArray[np.float64]

_N_ERRORS = 2.0  # from which a gap is called worse
_LOSSES = (balanced_log_loss, balanced_log_loss_from_logits, weighted_log_loss)


@dataclass(frozen=True)
class MetricGap:
    """What a figure of merit loses from the training to the test sample.

    Attributes
    ----------
    metric : str
        Its name.
    train, test : BootstrapResult
        The figure on each sample, with its bootstrap error.
    greater_is_better : bool, default=True
        False for losses.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import BootstrapResult, MetricGap
    >>> train = BootstrapResult(0.93, 0.003, np.zeros(2))
    >>> test = BootstrapResult(0.91, 0.004, np.zeros(2))
    >>> gap = MetricGap("roc_auc", train, test, greater_is_better=True)
    >>> print(gap)
    roc_auc: train 0.9300 ± 0.0030, test 0.9100 ± 0.0040, gap 0.0200 ± 0.0050:
    worse by 4.0 errors
    """

    metric: str
    train: BootstrapResult
    test: BootstrapResult
    greater_is_better: bool = True

    @property
    def gap(self) -> float:
        """Figure of the training sample minus that of the test sample."""
        return self.train.value - self.test.value

    @property
    def error(self) -> float:
        """Its error: the samples have no event in common."""
        return math.hypot(self.train.error, self.test.error)

    @property
    def n_errors(self) -> float:
        """By how many errors the test sample is worse; negative if it is better."""
        worse = self.gap if self.greater_is_better else -self.gap
        if worse == 0.0:  # two perfect samples have no error
            return 0.0
        return (
            worse / self.error if self.error > 0.0 else math.copysign(math.inf, worse)
        )

    @property
    def p_value(self) -> float:
        """Probability of a test sample that is so much worse by chance, one-sided."""
        return float(ndtr(-self.n_errors))

    @property
    def is_worse(self) -> bool:
        """Whether the test sample is worse by two errors or more."""
        return self.n_errors >= _N_ERRORS

    def __str__(self) -> str:
        """Return both figures, the gap and what it says."""
        sides = "worse" if self.n_errors >= 0.0 else "better"
        said = f"{sides} by {abs(self.n_errors):.1f} errors"
        if not self.is_worse:
            said = f"not significantly worse ({said})"
        return (
            f"{self.metric}: train {self.train}, test {self.test}, gap "
            f"{format_with_error(self.gap, self.error)}: {said}"
        )


@dataclass(frozen=True, eq=False)
class OvertrainingTest:
    """Whether a classifier is worse, or different, on new events.

    Attributes
    ----------
    gaps : dict of str to MetricGap
        What each figure of merit loses from training to test sample: the answer to
        "is it worse".
    samples : dict of str to TwoSampleTest
        Of the scores of "background" and "signal": the answer to "is it different".
    n_permutations : int
        Deals of the permutation test.
    class_names : dict of str to str
        What the two classes are called.

    See Also
    --------
    overtraining_test : Makes it, and has an example.
    skhep_dnn.inspection.OvertrainingDisplay : Draws the scores of both samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import overtraining_test
    >>> y = np.repeat([0, 1], 50)
    >>> result = overtraining_test(y, y + 0.1, y, y + 0.1, random_state=0)
    >>> result.is_worse, result.is_different
    (False, False)
    """

    gaps: dict[str, MetricGap]
    samples: dict[str, TwoSampleTest]
    n_permutations: int
    class_names: dict[str, str] = field(repr=False)

    @property
    def is_worse(self) -> bool:
        """Whether a figure of merit is worse on the test sample, by two errors."""
        return any(gap.is_worse for gap in self.gaps.values())

    @property
    def is_different(self) -> bool:
        """Whether the p-value of a class is below 0.01.

        A classifier is always different on the events that it was fitted to; with
        enough of them this is True of every one.
        """
        return any(sample.p_value < 0.01 for sample in self.samples.values())

    def to_frame(self) -> pd.DataFrame:
        """Return the gaps, one row for each figure of merit.

        Returns
        -------
        frame : DataFrame of shape (n_metrics, 8)
            With the columns "train", "train_error", "test", "test_error", "gap",
            "gap_error", "p_value" (one-sided) and "worse".
        """
        rows = {
            name: {
                "train": gap.train.value,
                "train_error": gap.train.error,
                "test": gap.test.value,
                "test_error": gap.test.error,
                "gap": gap.gap,
                "gap_error": gap.error,
                "p_value": gap.p_value,
                "worse": gap.is_worse,
            }
            for name, gap in self.gaps.items()
        }
        frame = pd.DataFrame(list(rows.values()), index=list(rows))
        return frame.rename_axis(index="metric")

    def samples_to_frame(self) -> pd.DataFrame:
        """Return the comparison of the scores, one row for each class.

        Returns
        -------
        frame : DataFrame of shape (2, 9)
            With the attributes of `TwoSampleTest` as columns.
        """
        rows = {name: vars(sample) for name, sample in self.samples.items()}
        frame = pd.DataFrame(list(rows.values()), index=list(rows))
        return frame.rename_axis(index="class")

    def __str__(self) -> str:
        """Return what is worse, then what is different, in a few rounded lines."""
        lines = [str(gap) for gap in self.gaps.values()]
        lines.append(
            f"scores of train and test, {self.n_permutations} permutations (a fitted "
            "classifier always differs on its training events):"
        )
        lines.extend(
            f"  {self.class_names[name]}: {sample}"
            for name, sample in self.samples.items()
        )
        return "\n".join(lines)


def overtraining_test(
    y_train: ArrayLike,
    y_score_train: ArrayLike,
    y_test: ArrayLike,
    y_score_test: ArrayLike,
    sample_weight_train: ArrayLike | None = None,
    sample_weight_test: ArrayLike | None = None,
    *,
    metrics: str | Sequence[str | Metric] | Mapping[str, str | Metric] = "auto",
    n_permutations: int = 1000,
    n_replicas: int = 200,
    pos_label: object = None,
    random_state: int | np.random.RandomState | None = None,
) -> OvertrainingTest:
    """Compare the scores of a training and a test sample, with signed event weights.

    It answers two questions. *Is the classifier worse on new events?* By the gap of
    each figure of merit with its error: this is the size of the overtraining. *Are the
    scores of the two samples different?* By a permutation test of each class. The
    second answer is "yes" for every classifier that was fitted to one of the samples,
    with enough events, and says nothing about how good it is on new ones; a small
    p-value is no reason to discard a classifier whose gap is small.

    Parameters
    ----------
    y_train : array-like of shape (n_samples,)
        Labels of the training sample.
    y_score_train : array-like of shape (n_samples,) or (n_samples, n_classes)
        Its scores: `decision_function(X)` or the signal's column of `predict_proba(X)`;
        of more than two classes all columns.
    y_test : array-like of shape (n_samples,)
        Labels of the test sample, which has no event in common with the other.
    y_score_test : array-like of shape (n_samples,) or (n_samples, n_classes)
        Its scores, by the same classifier.
    sample_weight_train, sample_weight_test : array-like of shape (n_samples,), \
            default=None
        Their physics weights, negative ones allowed; None counts every event once.
        Either both samples have weights or none. Each class of the training sample is
        scaled to its yield in the test sample.
    metrics : "auto", name, sequence or dict of str to name or callable, default="auto"
        Figures of merit that take scores: names of `bootstrap` but "accuracy", or
        callables, of which greater values are better unless they are this package's
        log-losses. "auto" takes "roc_auc", and "balanced_log_loss" where all scores
        are between 0 and 1.
    n_permutations : int, default=1000
        Deals of the permutation test; the smallest p-value is one over this number
        plus 1.
    n_replicas : int, default=200
        Replicas of the bootstrap that gives the errors of the figures.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two.
    random_state : int, RandomState instance or None, default=None
        Seed of replicas and deals.

    Returns
    -------
    result : OvertrainingTest
        Gaps with errors, and the two-sample test of each class; printed in a few
        lines.

    Raises
    ------
    ValueError
        If an argument is not as described, or the samples have different classes.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Warns
    -----
    AssumedSignalWarning
        If `pos_label` is None and the labels are texts that do not say which of them
        is the signal.
    LowStatisticsWarning
        If more than 5 per cent of the replicas are undefined.
    DifferentWeightsWarning
        If the weights of a class have other distributions in the two samples, beyond a
        scale, so that the p-values of the permutations are not uniform.

    See Also
    --------
    skhep_dnn.inspection.OvertrainingDisplay : The figure that goes with it.
    skhep_dnn.model_selection.OvertrainingLimit : Limits the gap in a search.

    Notes
    -----
    The null hypothesis of the permutation test is that the pairs of score and weight
    of both samples are drawn from one distribution. Its p-value is uniform for a
    function that was fitted to neither sample, whatever the weights: tested with
    equal, heavy-tailed and partly negative ones by
    ``python -m benchmarks.bench_overtraining``. Where the weights of train and test
    events have different distributions, as after a selection by weight, not only
    different scales, the pairs are not of one kind, and the p-values are not uniform
    although the densities agree: a Kolmogorov-Smirnov test of the weights, brought
    to one scale, warns of it where its p-value is below 0.001.

    The Kolmogorov-Smirnov distance is given because it is asked for. Its p-value from
    the permutations is right as well; that of the formula, which takes effective
    numbers of events for numbers of events, is not one, and a value of a binned
    histogram still less. None of them tells a better classifier from a worse one.

    References
    ----------
    .. [1] F. Porter, "Testing Consistency of Two Histograms", arXiv:0804.0380.
    .. [2] B. Phipson, G. Smyth, "Permutation P-values Should Never Be Zero",
       Statistical Applications in Genetics and Molecular Biology 9 (2010) 39.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.metrics import overtraining_test
    >>> train, test = (make_gaussian_events(2000, random_state=k) for k in (0, 1))
    >>> tree = DecisionTreeClassifier(max_depth=6, random_state=0)
    >>> tree = tree.fit(train.data, train.target)
    >>> result = overtraining_test(
    ...     train.target,
    ...     tree.predict_proba(train.data)[:, 1],
    ...     test.target,
    ...     tree.predict_proba(test.data)[:, 1],
    ...     metrics=["roc_auc"],
    ...     random_state=0,
    ... )
    >>> print(result.gaps["roc_auc"])
    roc_auc: train 0.9363 ± 0.0050, test 0.8590 ± 0.0082, gap 0.0773 ± 0.0096:
    worse by 8.1 errors
    """
    pos_label = resolve_pos_label(y_test, pos_label)
    _check_counts(n_permutations, n_replicas)
    _check_weights_of_both(sample_weight_train, sample_weight_test)
    train = _Sample.checked(
        "train", y_train, y_score_train, sample_weight_train, pos_label
    )
    test = _Sample.checked("test", y_test, y_score_test, sample_weight_test, pos_label)
    named = _named_metrics(metrics, train, test)
    random = check_random_state(random_state)
    seeds = [int(seed) for seed in random.randint(2**31 - 1, size=3)]
    samples = (train.at_yields_of(test), test)
    return OvertrainingTest(
        gaps={
            name: _gap(name, metric, samples, n_replicas, seeds[:2], pos_label)
            for name, metric in named.items()
        },
        samples=_compared(train, test, n_permutations, np.random.default_rng(seeds[2])),
        n_permutations=n_permutations,
        class_names=class_names(y_test, pos_label),
    )


@dataclass(frozen=True)
class _Sample:
    """Events of one sample: as they were given, and as signal and background."""

    labels: NDArray[np.generic]
    scores: NDArray[np.float64]
    weights: FloatArray
    is_signal: NDArray[np.bool_]
    signal_scores: FloatArray

    @classmethod
    def checked(
        cls,
        name: str,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None,
        pos_label: object,
    ) -> _Sample:
        labels = check_labels(y_true, f"y_{name}")
        is_signal, scores = check_signal_scores(labels, y_score, pos_label)
        weights = check_class_weights(
            is_signal, sample_weight, (f"background of {name}", f"signal of {name}")
        )
        given = np.asarray(y_score, dtype=np.float64)
        return cls(labels, given, weights, is_signal, scores)

    def at_yields_of(self, other: _Sample) -> _Sample:
        """Return the sample with the yield of each class that another one has."""
        classes = known_labels(self.labels)
        if not np.array_equal(classes, known_labels(other.labels)):
            msg = (
                "`y_train` and `y_test` must have the same classes, got "
                f"{shown(classes)} and {shown(known_labels(other.labels))}. Use "
                "samples with events of all classes."
            )
            raise ValueError(msg)
        codes = np.searchsorted(classes, self.labels)
        full = sums_by_class(
            other.weights, np.searchsorted(classes, other.labels), len(classes)
        )
        weights = rescaled(self.weights, codes, full)
        return _Sample(
            self.labels, self.scores, weights, self.is_signal, self.signal_scores
        )

    def of_class(self, is_signal: bool) -> tuple[FloatArray, FloatArray]:
        """Return scores and weights of one class, without events of weight zero."""
        own = (self.is_signal == is_signal) & (self.weights != 0.0)
        return self.signal_scores[own], self.weights[own]


def _check_counts(n_permutations: int, n_replicas: int) -> None:
    for name, value, enough in (
        ("n_permutations", n_permutations, 1000),
        ("n_replicas", n_replicas, 200),
    ):
        if value < 2:
            msg = f"`{name}` must be at least 2, got {value!r}. Take {enough}."
            raise ValueError(msg)


def _check_weights_of_both(train: ArrayLike | None, test: ArrayLike | None) -> None:
    if (train is None) != (test is None):
        name = "sample_weight_train" if train is None else "sample_weight_test"
        msg = (
            f"`{name}` must be given, as the other sample has weights, got None: "
            "weighted and unweighted events have different distributions. Pass the "
            "weights of both samples, or of none."
        )
        raise ValueError(msg)


def _named_metrics(
    metrics: str | Sequence[str | Metric] | Mapping[str, str | Metric],
    train: _Sample,
    test: _Sample,
) -> dict[str, str | Metric]:
    if isinstance(metrics, str) and metrics == "auto":
        lowest = min(train.scores.min(), test.scores.min())
        highest = max(train.scores.max(), test.scores.max())
        several = train.scores.ndim > 1
        likely = several or (lowest >= 0.0 and highest <= 1.0)
        metrics = ["roc_auc", "balanced_log_loss"] if likely else ["roc_auc"]
    if isinstance(metrics, str):
        metrics = [metrics]
    named = (
        dict(metrics)
        if isinstance(metrics, Mapping)
        else {_name_of(metric): metric for metric in metrics}
    )
    if not named:
        msg = (
            "`metrics` must have one figure of merit or more, got none. Pass such as "
            '["roc_auc"], or leave it at "auto".'
        )
        raise ValueError(msg)
    for metric in named.values():
        if resolve_metric(metric).function is weighted_accuracy:
            msg = (
                "`metrics` must be figures of scores, got 'accuracy', which is one of "
                'predicted labels. Use "roc_auc" or "balanced_log_loss".'
            )
            raise ValueError(msg)
    return named


def _name_of(metric: str | Metric) -> str:
    if isinstance(metric, str):
        return metric
    return str(getattr(metric, "__name__", metric))


def _gap(
    name: str,
    metric: str | Metric,
    samples: tuple[_Sample, _Sample],
    n_replicas: int,
    seeds: Sequence[int],
    pos_label: object,
) -> MetricGap:
    train, test = (
        bootstrap(
            metric,
            sample.labels,
            sample.scores,
            sample.weights,
            n_replicas=n_replicas,
            pos_label=pos_label,
            random_state=seed,
        )
        for sample, seed in zip(samples, seeds, strict=True)
    )
    is_loss = resolve_metric(metric).function in _LOSSES
    return MetricGap(name, train, test, greater_is_better=not is_loss)


def _compared(
    train: _Sample, test: _Sample, n_permutations: int, rng: np.random.Generator
) -> dict[str, TwoSampleTest]:
    samples = {}
    for name, is_signal in (("background", False), ("signal", True)):
        of_train, of_test = train.of_class(is_signal), test.of_class(is_signal)
        _warn_of_other_weights(name, of_train[1], of_test[1])
        samples[name] = two_sample_test(of_train, of_test, n_permutations, rng)
    return samples


def _warn_of_other_weights(name: str, train: FloatArray, test: FloatArray) -> None:
    _, p_value = weight_scale(train, test)
    if p_value < OTHER_WEIGHTS:
        msg = (
            f"The weights of the {name} must have the same distribution in training "
            "and test sample, up to a scale, for the permutation test, got different "
            f"ones (p = {p_value:.1g}): its p-values are then not uniform. "
            "Select both samples in the same way, or look at the gaps alone."
        )
        warn_caller(msg, DifferentWeightsWarning)
