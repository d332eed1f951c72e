"""The summary figures of the HiggsML study: MMVA, MVAC and MAPA, with errors.

The study of Strong (2020) compares solutions of the HiggsML challenge by the largest
AMS of the validation events, an optimistic limit; by their AMS at the cut that they
choose; and by the mean AMS of sub-samples of other events at this cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from skhep_dnn._validation import check_signal_scores
from skhep_dnn.metrics._bootstrap import BootstrapResult, bootstrap, bootstrap_result
from skhep_dnn.metrics._figure_of_merit import FigureOfMerit
from skhep_dnn.metrics._fixed_cut import SignificanceAt, as_threshold, selected_n_eff
from skhep_dnn.metrics._scan import significance_scan
from skhep_dnn.metrics._thresholds import MIN_N_EFF, threshold_top_fraction
from skhep_dnn.weights._class_sums import check_events

__all__ = [
    "ChallengeSummary",
    "MaximalAMS",
    "MeanAMSAt",
    "challenge_summary",
    "n_subsamples",
]

FloatArray = NDArray[np.float64]
Kernel = Callable[[FloatArray], FloatArray]

_MAX_SUBSAMPLES = 10
_AMS = FigureOfMerit("ams")


@dataclass(frozen=True, eq=False)
class ChallengeSummary:
    """MMVA, MVAC and MAPA of one or several repetitions.

    Attributes
    ----------
    mmva, mvac, mapa : BootstrapResult
        Mean over the repetitions, with the spread over replicas of the events. For
        `mmva` that is no error of the best significance: a maximum is biased by more.
    per_repetition : dict of str to ndarray of shape (n_repetitions,)
        The values that "mmva", "mvac" and "mapa" are the means of.
    thresholds : ndarray of shape (n_repetitions,)
        The cut of each repetition on its validation scores.
    n_subsamples : ndarray of shape (n_repetitions,)
        Number of sub-samples behind MAPA.
    n_eff_b : ndarray of shape (n_repetitions,)
        Effective background events above the cut, of all test events.

    See Also
    --------
    challenge_summary : Makes it, and has an example.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import BootstrapResult, ChallengeSummary
    >>> figure = BootstrapResult(3.71, 0.12, np.zeros(2))
    >>> values = {name: np.array([3.6, 3.8]) for name in ("mmva", "mvac", "mapa")}
    >>> cuts, counts = np.array([0.91, 0.93]), np.array([10, 10])
    >>> summary = ChallengeSummary(figure, figure, figure, values, cuts, counts, counts)
    >>> print(summary)
    MMVA 3.71 ± 0.12 (repetitions ± 0.10)
    MVAC 3.71 ± 0.12 (repetitions ± 0.10)
    MAPA 3.71 ± 0.12 (repetitions ± 0.10)
    """

    mmva: BootstrapResult
    mvac: BootstrapResult
    mapa: BootstrapResult
    per_repetition: dict[str, FloatArray] = field(repr=False)
    thresholds: FloatArray
    n_subsamples: NDArray[np.intp]
    n_eff_b: FloatArray

    @property
    def errors_over_repetitions(self) -> dict[str, float]:
        """Standard error of each mean over the repetitions; nan for a single one.

        The errors of the study, of other trainings and validation events.
        """
        return {name: _standard_error(x) for name, x in self.per_repetition.items()}

    def __str__(self) -> str:
        """Return one line for each figure."""
        lines = []
        for name, error in self.errors_over_repetitions.items():
            line = f"{name.upper()} {getattr(self, name)}"
            if not np.isnan(error):
                line += f" (repetitions ± {error:#.2g})"
            lines.append(line)
        return "\n".join(lines)


def challenge_summary(
    y_val: ArrayLike | Sequence[ArrayLike],
    y_score_val: ArrayLike | Sequence[ArrayLike],
    sample_weight_val: ArrayLike | Sequence[ArrayLike] | None,
    y_test: ArrayLike,
    y_score_test: ArrayLike | Sequence[ArrayLike],
    sample_weight_test: ArrayLike | None,
    *,
    threshold: float | Sequence[float] | None = None,
    threshold_test: float | Sequence[float] | None = None,
    min_score: float | None = None,
    part: ArrayLike | None = None,
    n_replicas: int = 200,
    pos_label: object = None,
    random_state: int = 0,
    random_state_val: int | Sequence[int] | None = None,
) -> ChallengeSummary:
    r"""Return the summary figures of the HiggsML study, each with its error.

    For the weights of the challenge, which sum to the full yields in each sample. The
    figure to quote is the AMS of all untouched events at the cut, which
    `SignificanceAt` gives; these are for comparing with the study.

    Parameters
    ----------
    y_val : array-like of shape (n_val,), or a list of them
        Labels of the validation events. A list has one entry for each repetition, that
        is for each training; all three arguments of the validation events are lists
        then.
    y_score_val : array-like of shape (n_val,), or a list of them
        Their scores.
    sample_weight_val : array-like of shape (n_val,), a list of them, or None
        Their physics weights, at the full yields.
    y_test : array-like of shape (n_test,)
        Labels of the untouched events, the same in all repetitions.
    y_score_test : array-like of shape (n_test,), or a list of them
        Their scores, a list where that of the validation events is one.
    sample_weight_test : array-like of shape (n_test,) or None
        Their physics weights, at the full yields.
    threshold : float, list of float, or None, default=None
        Cut of each repetition on the validation scores. None chooses it there by the
        rule of the study, `threshold_top_fraction`.
    threshold_test : float, list of float, or None, default=None
        Cut on the test scores where it is another one, such as 0 for out-of-fold
        scores from which the cut of each fold is subtracted; None takes that of the
        validation events.
    min_score : float, default=None
        Where the cut is chosen: only cuts at scores of at least this are ranked; 0.9
        for probabilities in the study.
    part : array-like of shape (n_test,), default=None
        Sub-sample of each test event, from 0. None draws ten, stratified by class, or
        as many as keep 25 effective background events above the cut on average.
    n_replicas : int, default=200
        Replicas of the bootstrap.
    pos_label : label or list of labels, default=None
        Label of the signal; None takes the larger one of two.
    random_state : int, default=0
        Seed of the sub-samples and of the replicas of the test events, which are the
        same in all repetitions.
    random_state_val : int, list of int, or None, default=None
        Seed of the replicas of the validation events, one for each repetition where
        these have other events; None takes `random_state` plus the number of the
        repetition.

    Returns
    -------
    summary : ChallengeSummary

    Raises
    ------
    ValueError
        If lists have different lengths, or labels, scores or an option are not as
        described.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    SignificanceAt : The figure to quote.
    threshold_top_fraction : The choice of the cut.

    Notes
    -----
    With the AMS :math:`Z`, the cut :math:`t_r` that the validation events of
    repetition r choose, and M sub-samples of the test events, each rescaled to the
    full yields of its classes,

    .. math:: \mathrm{MMVA} = \overline{\max_t Z_r(t)} , \quad
              \mathrm{MVAC} = \overline{Z_r(t_r)} , \quad
              \mathrm{MAPA} = \overline{\tfrac1M \textstyle\sum_m Z_{rm}(t_r)} .

    MVAC is optimistic, too: the same events choose the cut. The mean over sub-samples
    is, by the factor :math:`1 + 3 M / (8 n_\mathrm{eff})`, which is why few events are
    parted into fewer sub-samples.

    References
    ----------
    .. [1] G. C. Strong, arXiv:2002.01427, Sec. 2.5.

    Examples
    --------
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.metrics import challenge_summary
    >>> events = make_higgs_events(20000, random_state=0)
    >>> y, w = events.target, events.sample_weight
    >>> score = -abs(events.data["DER_mass_MMC"].fillna(0.0) - 125.0)
    >>> half = slice(0, 10000), slice(10000, 20000)
    >>> val, test = ((y[rows], score[rows], 2.0 * w[rows]) for rows in half)
    >>> print(challenge_summary(*val, *test))
    MMVA 1.647 ± 0.050
    MVAC 1.621 ± 0.048
    MAPA 1.559 ± 0.053
    """
    is_list = threshold is not None and np.ndim(threshold) > 0
    several = is_list or _is_list_of_arrays(y_score_val)
    validation = _repetitions(
        several, y_val, y_score_val, sample_weight_val, y_score_test
    )
    n = len(validation)
    cuts = _one_each(threshold, n, "threshold")
    test_cuts = _one_each(threshold_test, n, "threshold_test")
    seeds = _one_each(random_state_val, n, "random_state_val")
    options: dict[str, Any] = {"n_replicas": n_replicas, "pos_label": pos_label}
    done = []
    for r, (y, score, weight, score_test) in enumerate(validation):
        cut = cuts[r]
        if cut is None:
            cut = _chosen_cut(y, score, weight, min_score, pos_label)
        seed = random_state + r if seeds[r] is None else seeds[r]
        own = _on_validation((y, score, weight), cut, seed, options)
        test = (y_test, score_test, sample_weight_test)
        test_cut = cut if test_cuts[r] is None else test_cuts[r]
        done.append(
            {**own, **_on_test(test, test_cut, part, random_state, options), "cut": cut}
        )
    figures = ("mmva", "mvac", "mapa")
    return ChallengeSummary(
        **{name: _mean_of([one[name] for one in done]) for name in figures},
        per_repetition={
            name: np.array([one[name].value for one in done]) for name in figures
        },
        thresholds=np.array([one["cut"] for one in done], dtype=np.float64),
        n_subsamples=np.array([one["n_subsamples"] for one in done]),
        n_eff_b=np.array([one["n_eff_b"] for one in done]),
    )


def _on_validation(
    events: tuple[Any, Any, Any], cut: float, seed: int, options: dict[str, Any]
) -> dict[str, Any]:
    """Return MMVA and MVAC of one repetition."""
    at_cut = SignificanceAt(cut, kind="ams")
    return {
        "mmva": bootstrap(MaximalAMS(), *events, random_state=seed, **options),
        "mvac": bootstrap(at_cut, *events, random_state=seed, **options),
    }


def _on_test(
    events: tuple[Any, Any, Any],
    cut: float,
    part: ArrayLike | None,
    seed: int,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Return MAPA of one repetition, its sub-samples and effective events."""
    n_eff = _n_eff_b(events, cut, options["pos_label"])
    if part is None:
        n_parts = n_subsamples(n_eff)
        part = _drawn_parts(events, n_parts, seed, options["pos_label"])
    own = np.asarray(part)
    mean = MeanAMSAt(cut, part=own)
    return {
        "mapa": bootstrap(mean, *events, random_state=seed, **options),
        "n_subsamples": int(own.max()) + 1,
        "n_eff_b": n_eff,
    }


def n_subsamples(n_eff: float) -> int:
    """Return how many sub-samples keep 25 effective background events, at most ten."""
    return int(np.clip(n_eff // MIN_N_EFF, 1, _MAX_SUBSAMPLES))


class MaximalAMS:
    """The largest AMS over all cuts, as a metric whose replicas are fast.

    An optimistic limit and never a performance: `metric_with_error` refuses it.
    """

    is_maximum = True

    def __call__(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> float:
        """Return the maximum of a sample; arguments as of `SignificanceAt`."""
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        return float(self._kernel(is_signal, scores)(weights))

    def prepare(
        self, y_true: ArrayLike, y_score: ArrayLike, pos_label: object = None
    ) -> Kernel:
        """Return the maximum as a function of the weights."""
        return self._kernel(*check_signal_scores(y_true, y_score, pos_label))

    def _kernel(self, is_signal: NDArray[np.bool_], scores: FloatArray) -> Kernel:
        falling = np.argsort(-scores, kind="stable")
        ordered = scores[falling]
        last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        signal = is_signal[falling]

        def kernel(weights: FloatArray) -> FloatArray:
            sums = [
                np.cumsum(weights[..., falling] * chosen, axis=-1)[..., last]
                for chosen in (signal, ~signal)
            ]
            z = _of_yields(*sums)
            return np.fmax.reduce(z, axis=-1)

        return kernel


@dataclass(frozen=True, eq=False)
class MeanAMSAt:
    """Mean AMS at a cut over sub-samples, each at the full yields of its classes.

    Parameters
    ----------
    threshold : float
        Events with a score at or above it are selected.
    part : ndarray of shape (n_samples,)
        The sub-sample of each event, from 0.
    """

    threshold: float
    part: NDArray[Any]

    def __call__(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> float:
        """Return the mean of a sample; arguments as of `SignificanceAt`."""
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        return float(self._kernel(is_signal, scores)(weights))

    def prepare(
        self, y_true: ArrayLike, y_score: ArrayLike, pos_label: object = None
    ) -> Kernel:
        """Return the mean as a function of the weights."""
        return self._kernel(*check_signal_scores(y_true, y_score, pos_label))

    def _kernel(self, is_signal: NDArray[np.bool_], scores: FloatArray) -> Kernel:
        in_part = self.part[:, np.newaxis] == np.arange(self.part.max() + 1)
        selected = (scores >= as_threshold(self.threshold))[:, np.newaxis]

        def selected_yield(
            weights: FloatArray, of_class: NDArray[np.bool_]
        ) -> FloatArray:
            members = in_part & of_class[:, np.newaxis]
            total, chosen = weights @ members, weights @ (members & selected)
            full = total.sum(axis=-1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):  # a part without it
                return np.asarray(full * chosen / total)

        def kernel(weights: FloatArray) -> FloatArray:
            s, b = (selected_yield(weights, x) for x in (is_signal, ~is_signal))
            return np.asarray(_of_yields(s, b).mean(axis=-1))

        return kernel


def _of_yields(s: FloatArray, b: FloatArray) -> FloatArray:
    return _AMS(s.ravel(), b.ravel(), np.zeros(b.size)).reshape(s.shape)


def _is_list_of_arrays(scores: Any) -> bool:
    return isinstance(scores, (list, tuple)) and np.ndim(scores[0]) > 0


def _repetitions(several: bool, *arrays: Any) -> list[tuple[Any, ...]]:
    if not several:
        return [arrays]
    names = ("y_val", "y_score_val", "sample_weight_val", "y_score_test")
    n = len(arrays[1])
    lists = [[None] * n if x is None else x for x in arrays]
    for name, values in zip(names, lists, strict=True):
        if len(values) != n:
            msg = (
                f"`{name}` must have one entry for each of the {n} repetitions of "
                f"`y_score_val`, got {len(values)}. Pass lists of equal lengths."
            )
            raise ValueError(msg)
    return list(zip(*lists, strict=True))


def _one_each(values: Any, n: int, name: str) -> list[Any]:
    """Return a value for each repetition; one alone, or None, is that of all."""
    if values is None or np.ndim(values) == 0:
        return [values] * n
    if len(values) != n:
        msg = (
            f"`{name}` must have one value for each of the {n} repetitions, got "
            f"{len(values)}. Pass as many, or one for all."
        )
        raise ValueError(msg)
    return list(values)


def _chosen_cut(
    y: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None,
    min_score: float | None,
    pos_label: object,
) -> float:
    """Return the cut of the study, which ranks cuts with any number of events."""
    scan = significance_scan(y, scores, weights, kind="ams", pos_label=pos_label)
    return threshold_top_fraction(scan, min_score=min_score, min_n_eff=0.0).threshold


def _n_eff_b(test: tuple[Any, Any, Any], cut: float, pos_label: object) -> float:
    is_signal, scores, weights = check_events(*test, pos_label)
    return selected_n_eff(is_signal, weights, scores >= cut)["selected background"]


def _drawn_parts(
    test: tuple[Any, Any, Any], n_parts: int, seed: int, pos_label: object
) -> NDArray[np.intp]:
    is_signal, _, _ = check_events(*test, pos_label)
    part = np.zeros(len(is_signal), dtype=np.intp)
    if n_parts > 1:
        folds = StratifiedKFold(n_parts, shuffle=True, random_state=seed)
        for k, (_, members) in enumerate(folds.split(part, is_signal)):
            part[members] = k
    return part


def _mean_of(results: Sequence[BootstrapResult]) -> BootstrapResult:
    replicas = np.mean([result.replicas for result in results], axis=0)
    return bootstrap_result(float(np.mean([x.value for x in results])), replicas)


def _standard_error(values: FloatArray) -> float:
    n = len(values)
    return float(np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
