"""Which bins of a discriminant give the largest significance of the fit to them.

A fine partition of the score is joined to a few bins by dynamic programming, which is
exact for uncertainties of single bins. Those that move all bins together are nuisance
parameters of the fit; for fixed values of these the significance is a sum over bins
again. The method goes back and forth between bins and parameters, and what it meets on
the way bounds what any bins could reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.metrics._binned import merge_starts
from skhep_dnn.metrics._profile import (
    bin_deviance,
    half_and_mean,
    profile_kernel,
    shifted,
)
from skhep_dnn.metrics._score_cells import ScoreCells, find_cells
from skhep_dnn.metrics._significance import (
    check_defined,
    check_not_negative,
    significance_kernel,
)
from skhep_dnn.metrics._varied_sample import (
    FilledSample,
    check_normalisations,
    check_variations,
    relative_shifts,
)
from skhep_dnn.weights._class_sums import check_class_sums

__all__ = ["BinnedDiscriminant", "optimal_binning"]

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-12
_MOST_ROUNDS = 30
_MOST_STARTS = 6
_CLOSED = 1e-6


class Uncertainties(NamedTuple):
    """What a fit to the histogram does not know."""

    rel_sigma_b: float
    mc_stat: bool
    normalisations: dict[str, float | dict[Any, float]]


@dataclass(frozen=True, eq=False)
class BinnedDiscriminant:
    """Bins of a score, their yields, and the significance of a fit to them.

    Made by `optimal_binning`; `evaluate` fills the same bins with other events.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, the first minus and the last plus infinity; an event at an
        edge is in the bin above it. Of several scores they are edges of the share of
        the signal in the cells of an event.
    s, b : ndarray of shape (n_bins,)
        Signal and background yield of each bin, in events.
    sum_w2_s, sum_w2_b : ndarray of shape (n_bins,)
        Sums of their squared weights, in events squared.
    z_per_bin : ndarray of shape (n_bins,)
        Significance of each bin by itself, without the uncertainties that all bins have
        in common; nan where it is undefined.
    z : float
        Significance of the fit to all bins, with all uncertainties. Of the events that
        chose the bins it is too large: `evaluate` on others.
    z_bound : float
        No other edges among the candidates, with as many bins, reach more than this on
        the same events; nan from `evaluate`.
    cells : ScoreCells or None
        How several scores become one number.
    uncertainties : Uncertainties
        The options `rel_sigma_b`, `mc_stat` and `normalisations` of the choice, which
        `evaluate` applies, too.

    See Also
    --------
    skhep_dnn.export.to_pyhf : The workspace for the fit.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import optimal_binning
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 5000)
    >>> score = rng.normal(size=10_000) + 2.0 * (y == "s")
    >>> weight = np.where(y == "s", 0.01, 1.0)
    >>> half = np.arange(10_000) % 2 == 0
    >>> binned = optimal_binning(y[half], score[half], 2.0 * weight[half], n_bins=3)
    >>> binned.transform([-9.0, 9.0])
    array([0, 2])
    >>> other = binned.evaluate(y[~half], score[~half], 2.0 * weight[~half])
    >>> other.n_bins, bool(abs(other.z - binned.z) < 0.3)
    (3, True)
    """

    edges: FloatArray
    s: FloatArray
    b: FloatArray
    sum_w2_s: FloatArray
    sum_w2_b: FloatArray
    z_per_bin: FloatArray
    z: float
    z_bound: float
    cells: ScoreCells | None
    uncertainties: Uncertainties

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def n_eff_b(self) -> FloatArray:
        """Number of effective background events of each bin."""
        return np.divide(
            self.b**2,
            self.sum_w2_b,
            out=np.zeros(len(self.b)),
            where=self.sum_w2_b > 0,
        )

    def transform(self, y_score: ArrayLike) -> NDArray[np.intp]:
        """Return the number of the bin of each event.

        Parameters
        ----------
        y_score : array-like of shape (n_samples,) or (n_samples, n_scores)
            Scores, as many for an event as the bins were chosen on.

        Returns
        -------
        bins : ndarray of shape (n_samples,)
            From 0, the bin most like background.

        Raises
        ------
        ValueError
            If a score is nan, or there are others than the bins were chosen on.
        """
        scores = np.asarray(y_score, dtype=np.float64)
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        wanted = 1 if self.cells is None else 2
        if scores.ndim != wanted or np.isnan(scores).any():
            msg = (
                f"`y_score` must be {wanted}-dimensional without nan, as what chose "
                f"the bins, got the shape {scores.shape} with "
                f"{int(np.isnan(scores).sum())} nan. Pass scores of the same models."
            )
            raise ValueError(msg)
        return _bin_numbers(_values(scores, self.cells), self.edges)

    def evaluate(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
        process: ArrayLike | None = None,
        variations: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the same bins, filled with other events: the figures to quote.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_scores)
            Scores that did not choose the bins.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, scaled to the yields of the whole analysis.
        pos_label : label or list of labels, default=None
            Label of the signal, or of several signal classes; None takes the larger one
            of two.
        process : array-like of shape (n_samples,), default=None
            Processes, where a normalisation is of some of them.
        variations : mapping of str to variation, default=None
            Variations of these events, as in `optimal_binning`.

        Returns
        -------
        binned : BinnedDiscriminant
            Bins in which the significance is undefined (no background, or negative
            signal) are merged with neighbours for `z` alone.

        Raises
        ------
        ValueError
            If labels, scores, weights or variations are not as described.

        Warns
        -----
        UndefinedSignificanceWarning
            If `z` is nan.
        """
        sample = FilledSample.checked(
            y_true, y_score, sample_weight, pos_label, process
        )
        check_class_sums(sample.is_signal, sample.weights)
        normalisations = check_normalisations(
            self.uncertainties.normalisations, sample.process
        )
        uncertainties = self.uncertainties._replace(normalisations=normalisations)
        varied = check_variations(variations, sample)

        def fill(one: FilledSample, weights: FloatArray) -> FloatArray:
            bins = self.transform(one.scores)
            return np.bincount(bins, weights, self.n_bins).astype(np.float64)

        yields = _Yields.of(sample, varied, uncertainties, fill)
        return replace(
            self,
            **_described(yields),
            z=float(check_defined(yields.merged().significance()[0])),
            z_bound=float("nan"),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row for each bin.

        Returns
        -------
        frame : pandas.DataFrame
        """
        return pd.DataFrame(
            {
                "low": self.edges[:-1],
                "high": self.edges[1:],
                "s": self.s,
                "b": self.b,
                "sum_w2_s": self.sum_w2_s,
                "sum_w2_b": self.sum_w2_b,
                "n_eff_b": self.n_eff_b,
                "z": self.z_per_bin,
            }
        )

    def __str__(self) -> str:
        """Return the significance and a line for each bin."""
        lines = [f"{self.n_bins} bins, z = {self.z:.3f}"]
        for low, high, s, b, n_eff, z in zip(
            self.edges[:-1],
            self.edges[1:],
            self.s,
            self.b,
            self.n_eff_b,
            self.z_per_bin,
            strict=True,
        ):
            lines.append(
                f"{low:>8.4g} to {high:<8.4g} s = {s:<9.4g} b = {b:<9.4g} "
                f"n_eff_b = {n_eff:<7.0f} z = {z:.3f}"
            )
        return "\n".join(lines)


def optimal_binning(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
    n_bins: int = 10,
    min_n_eff: float = 10.0,
    max_rel_error: float | None = None,
    rel_sigma_b: float = 0.0,
    mc_stat: bool = True,
    normalisations: Mapping[str, Any] | None = None,
    variations: Mapping[str, Any] | None = None,
    process: ArrayLike | None = None,
    n_candidates: int = 200,
    min_cell_events: int = 200,
) -> BinnedDiscriminant:
    r"""Bins of a score with the largest expected significance of a fit to them.

    Choose the bins on out-of-fold scores, or on a validation sample. The significance
    on the events that chose them is too large, the more so the fewer events a bin has:
    quote `evaluate` of the result on other events.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_scores)
        Scores, larger for the signal; or several scores of each event, in any
        direction, such as the columns of `predict_proba` of several classes.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, scaled to the yields of the whole analysis, negative ones
        allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes the larger one of
        two.
    n_bins : int, default=10
        Largest number of bins.
    min_n_eff : float, default=10.0
        Smallest number of effective background events in a bin.
    max_rel_error : float or None, default=None
        Largest relative Monte Carlo error of the background of a bin. It says the same
        as `min_n_eff`, which is `1 / max_rel_error**2`; the stricter one holds.
    rel_sigma_b : float, default=0.0
        Relative uncertainty of the background of each bin, independent between bins.
    mc_stat : bool, default=True
        Whether the Monte Carlo variance of the background of a bin counts as an
        uncertainty.
    normalisations : mapping of str to float or mapping, default=None
        Relative uncertainty of the yield of the whole background, or of some processes,
        by name: ``{"lumi": 0.02, "ttbar_xsec": {"ttbar": 0.06}}``. Common to all bins.
    variations : mapping of str to variation, default=None
        Shape variations by name, common to all bins: an array of the weights of all
        events, a `VariedSample`, or a tuple of two for up and down. One alone is
        mirrored. Variations of the signal have no effect on a discovery significance.
    process : array-like of shape (n_samples,), default=None
        Process of each event. No process is then negative in a bin.
    n_candidates : int, default=200
        Number of possible edges: quantiles, half of them of the signal and half of the
        background, by absolute weights.
    min_cell_events : int, default=200
        Of several scores, the smallest number of events in a cell of their space.

    Returns
    -------
    binned : BinnedDiscriminant
        With as many bins as are best, at most `n_bins`.

    Raises
    ------
    ValueError
        If labels, scores, weights or options are not as described, or the whole sample
        is no admissible bin.
    WeightsError
        If the weights are unusable, or a class does not sum to more than 0.

    See Also
    --------
    binned_significance : The significance of given bins.
    profile_significance : The same with variations.
    flat_signal_transform : A score with equally many signal events in equal intervals.

    Notes
    -----
    A bin is admissible if its signal is not negative, its background positive, also
    with each variation up and down, and its effective number large enough. So there are
    no empty bins, and those with few events are merged.

    Without variations and normalisations the squared significance is a sum over bins,
    and dynamic programming finds the best admissible edges among the candidates, in
    :math:`O(n_\mathrm{candidates}^2\,n_\mathrm{bins})`. With them it is a minimum over
    the nuisance parameters, :math:`q(\mathrm{bins}) = \min_\theta q(\mathrm{bins},
    \theta)` of `profile_significance`, which no dynamic programming decomposes. But at
    a fixed :math:`\theta` it does, and

    .. math::

        \max_\mathrm{bins} \min_\theta q \le
        \min_\theta \max_\mathrm{bins} q(\mathrm{bins}, \theta),

    so that every pass is a bound on what any edges reach. Passes follow
    :math:`\theta` of the fit to the best bins so far. From the best of the bins met,
    single edges move, as far as they like, as long as that helps. If `z` equals
    `z_bound` the bins are the best, else they are a local optimum, at most that much
    below the best.

    Several scores are first joined to one, the share of the signal at that place: the
    mean over the cells of fifty random partitions of their space. If the squared
    significance is a sum over bins of a convex function that scales with the yields, as
    without uncertainties, then whatever cells there are, no join of them to bins is
    better than one in the order of their shares [2]_. With variations, or with Monte
    Carlo errors that are not the same everywhere, it is a good choice and not the best.
    A Gaussian mixture whose parameters follow the gradient of the significance is the
    method of [1]_.

    References
    ----------
    .. [1] J. Erdmann, N. K. Kasaraguppe, F. Mausolf, "Learning to bin: differentiable
       and Bayesian optimization for multi-dimensional discriminants in high-energy
       physics", arXiv:2601.07756.
    .. [2] D. Burshtein, V. Della Pietra, D. Kanevsky, A. Nadas, "Minimum impurity
       partitions", Ann. Statist. 20(3), 1637-1646 (1992).

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import optimal_binning
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 5000)
    >>> score = rng.normal(size=10_000) + 2.0 * (y == "s")
    >>> weight = np.where(y == "s", 0.01, 1.0)
    >>> binned = optimal_binning(
    ...     y, score, weight, n_bins=4, normalisations={"lumi": 0.05}
    ... )
    >>> binned.n_bins, bool(binned.n_eff_b.min() >= 10.0)
    (4, True)
    >>> bool(binned.z <= binned.z_bound)
    True
    """
    sample = FilledSample.checked(y_true, y_score, sample_weight, pos_label, process)
    check_class_sums(sample.is_signal, sample.weights)
    limits = _limits(n_bins, min_n_eff, max_rel_error, n_candidates, min_cell_events)
    check_not_negative(rel_sigma_b=rel_sigma_b)
    uncertainties = Uncertainties(
        float(rel_sigma_b),
        mc_stat,
        check_normalisations(normalisations, sample.process),
    )
    varied = check_variations(variations, sample)
    cells = None
    if sample.scores.ndim == 2:
        cells = find_cells(sample, limits.min_cell_events)
    candidates = _candidates(_values(sample.scores, cells), sample, limits.n_candidates)

    def fill(one: FilledSample, weights: FloatArray) -> FloatArray:
        bins = _bin_numbers(_values(one.scores, cells), candidates)
        return np.bincount(bins, weights, len(candidates) - 1).astype(np.float64)

    fine = _Yields.of(sample, varied, uncertainties, fill)
    search = _Search(fine, limits)
    starts, bound = search.best()
    yields = fine.joined(starts)
    return BinnedDiscriminant(
        edges=candidates[[*starts, len(candidates) - 1]],
        **_described(yields),
        z=float(yields.significance()[0]),
        z_bound=bound,
        cells=cells,
        uncertainties=uncertainties,
    )


class _Limits(NamedTuple):
    n_bins: int
    min_n_eff: float
    n_candidates: int
    min_cell_events: int


def _limits(
    n_bins: int,
    min_n_eff: float,
    max_rel_error: float | None,
    n_candidates: int,
    min_cell_events: int,
) -> _Limits:
    for name, value in {
        "n_bins": n_bins,
        "n_candidates": n_candidates,
        "min_cell_events": min_cell_events,
    }.items():
        if not (isinstance(value, Integral) and value >= 1):
            msg = (
                f"`{name}` must be a whole number of at least 1, got {value!r}. Take "
                "the default."
            )
            raise ValueError(msg)
    check_not_negative(min_n_eff=min_n_eff)
    if max_rel_error is not None:
        if not max_rel_error > 0:
            msg = (
                f"`max_rel_error` must be above 0, got {max_rel_error!r}. Pass 0.1 for "
                "10 %, or None."
            )
            raise ValueError(msg)
        min_n_eff = max(min_n_eff, 1.0 / max_rel_error**2)
    return _Limits(int(n_bins), min_n_eff, int(n_candidates), int(min_cell_events))


class _Yields(NamedTuple):
    """What adds when bins are joined, each of shape (..., n_bins).

    `slopes` has the axes (half or mean, variation) in front, `parts` that of the
    processes and of the variations up and down of the background.
    """

    s: FloatArray
    b: FloatArray
    sum_w2_s: FloatArray
    sum_w2_b: FloatArray
    slopes: FloatArray
    parts: FloatArray
    uncertainties: Uncertainties

    @classmethod
    def of(
        cls,
        sample: FilledSample,
        variations: Mapping[str, tuple[FilledSample, FilledSample | None]],
        uncertainties: Uncertainties,
        fill: Any,
    ) -> _Yields:
        """Fill bins with a sample and its variations."""

        def background(
            one: FilledSample, scale: FloatArray | float = 1.0
        ) -> FloatArray:
            return np.asarray(fill(one, one.weights * scale * ~one.is_signal))

        b = background(sample)
        pairs = []
        for sizes in uncertainties.normalisations.values():
            shift = background(sample, relative_shifts(sizes, sample))
            pairs.append((b + shift, b - shift))
        for up, down in variations.values():
            b_up = background(up)
            pairs.append((b_up, 2.0 * b - b_up if down is None else background(down)))
        slopes = [half_and_mean(b, *pair) for pair in pairs]
        parts = [side for pair in pairs for side in pair]
        if sample.process is not None:
            parts += [
                fill(sample, sample.weights * (sample.process == name))
                for name in np.unique(sample.process)
            ]
        w2 = sample.weights**2
        n_bins = len(b)
        return cls(
            s=fill(sample, sample.weights * sample.is_signal),
            b=b,
            sum_w2_s=fill(sample, w2 * sample.is_signal),
            sum_w2_b=fill(sample, w2 * ~sample.is_signal),
            slopes=np.array(slopes).reshape(-1, 2, n_bins).swapaxes(0, 1),
            parts=np.array(parts).reshape(-1, n_bins),
            uncertainties=uncertainties,
        )

    def joined(self, starts: Any) -> _Yields:
        """Return the sums over bins that begin at some of these."""
        return self._map(lambda x: np.add.reduceat(x, starts, axis=-1))

    def _map(self, function: Any) -> _Yields:
        arrays = {name: getattr(self, name) for name in self._fields[:-1]}
        return self._replace(**{name: function(x) for name, x in arrays.items()})

    def merged(self) -> _Yields:
        """Return bins that are merged until each has a significance."""
        columns = np.concatenate([[self.s], [self.b], self.parts])

        def admissible(s: float, b: float, *parts: float) -> bool:
            return s >= 0 and b > 0 and all(part >= 0 for part in parts)

        return self.joined(merge_starts(columns, admissible))

    def variance(self) -> FloatArray:
        """Return the variance of the background that is independent between bins."""
        v = (self.uncertainties.rel_sigma_b * self.b) ** 2
        return v + self.sum_w2_b if self.uncertainties.mc_stat else v

    def significance(self) -> FloatArray:
        """Return the significance of the fit, of one histogram or of many."""
        return self._profiled()[0]

    def _profiled(self) -> tuple[FloatArray, FloatArray]:
        n_bins = self.b.shape[-1]
        s, b, v = (x.reshape(-1, n_bins) for x in (self.s, self.b, self.variance()))
        return profile_kernel(s, b, v, self.slopes.reshape(2, -1, len(s), n_bins))

    def parameters(self) -> FloatArray:
        """Return the nuisance parameters of the fit without signal."""
        return self._profiled()[1][0]


def _described(yields: _Yields) -> dict[str, Any]:
    """Return the fields of a `BinnedDiscriminant` that describe its bins."""
    b = np.where(yields.b >= 0, yields.b, np.nan)
    return {
        "s": yields.s,
        "b": yields.b,
        "sum_w2_s": yields.sum_w2_s,
        "sum_w2_b": yields.sum_w2_b,
        "z_per_bin": significance_kernel(yields.s, b, yields.variance()),
    }


class _Search:
    """The best edges among the candidates, as the first cells of the bins."""

    def __init__(self, fine: _Yields, limits: _Limits) -> None:
        self.fine = fine
        self.limits = limits
        self.n_cells = len(fine.b)
        # `pairs` has the yields of each bin that two candidates make; its axes are the
        # first cell of the bin and the first cell behind it.
        self.pairs = fine._map(_differences)
        self.admissible = self._admissible()
        if not self.admissible[0, -1]:
            raise self._hopeless()

    def best(self) -> tuple[list[int], float]:
        """Return the first cells of the best bins, and a bound of the significance."""
        met: dict[tuple[int, ...], float] = {}
        best_z, bound = -np.inf, np.inf
        theta = np.zeros(self.fine.slopes.shape[1])
        for n_round in range(_MOST_ROUNDS):
            starts, q = self._best_for(theta)
            yields = self.fine.joined(starts)
            z = float(yields.significance()[0])
            bound = min(bound, float(np.sqrt(max(q, 0.0))))
            met[tuple(starts)] = z
            best_z = max(best_z, z)
            if bound - best_z <= _CLOSED * bound:
                break
            # Shorter steps as time goes on, since the best bins jump.
            theta = theta + (yields.parameters() - theta) / (1.0 + 0.5 * n_round)
        starts_met = sorted(met, key=lambda one: -met[one])
        best_starts = list(starts_met[0])
        if bound - best_z > _CLOSED * bound:
            refined = [
                self._refined(met[k], list(k)) for k in starts_met[:_MOST_STARTS]
            ]
            best_z, best_starts = max(refined, key=lambda one: one[0])
        return best_starts, max(bound, best_z)

    def _best_for(self, theta: FloatArray) -> tuple[list[int], float]:
        """Return the best bins at fixed nuisance parameters, by dynamic programming."""
        gain = self._deviances(theta)
        best = [gain[0]]  # best[k][j]: of k + 1 bins that end before cell j
        origin: list[NDArray[np.intp]] = []
        for _ in range(min(self.limits.n_bins, self.n_cells) - 1):
            total = best[-1][:, np.newaxis] + gain
            origin.append(np.argmax(total, axis=0))
            best.append(np.take_along_axis(total, origin[-1][np.newaxis], 0)[0])
        # As few bins as are needed.
        k = int(np.argmax([one[-1] for one in best]))
        q, starts, end = float(best[k][-1]), [], self.n_cells
        for step in reversed(range(k)):
            end = int(origin[step][end])
            starts.append(end)
        # Parameters at which a bin has no background are excluded, and bound nothing.
        if (
            shifted(self.pairs.b, self.pairs.slopes, theta)[self.admissible] <= 0
        ).any():
            q = np.inf
        return [0, *reversed(starts)], q + float(np.sum(theta**2))

    def _deviances(self, theta: FloatArray) -> FloatArray:
        """Return the deviance of each admissible bin, minus infinity of others."""
        pairs, allowed = self.pairs, self.admissible
        background = shifted(pairs.b, pairs.slopes, theta)
        allowed = allowed & (background > 0)
        n, b = pairs.s + pairs.b, pairs.b
        gain = np.full(allowed.shape, -np.inf)
        gain[allowed] = bin_deviance(
            n[allowed], b[allowed], pairs.variance()[allowed], background[allowed]
        )
        return gain

    def _refined(self, z: float, starts: list[int]) -> tuple[float, list[int]]:
        """Move, take out and put in single edges as long as it helps."""
        while True:
            best_z, best_starts = z * (1.0 + _ROUNDING), starts
            trials = list(self._neighbours(starts))
            for n_bins in {len(trial) for trial in trials}:
                same = np.array([trial for trial in trials if len(trial) == n_bins])
                values = self._significances(same)
                k = int(np.argmax(values))
                if values[k] > best_z:
                    best_z, best_starts = float(values[k]), same[k].tolist()
            if best_starts is starts:
                return z, starts
            z, starts = best_z, best_starts

    def _significances(self, starts: NDArray[np.intp]) -> FloatArray:
        """Return the significances of many histograms, 0 of those with a bad bin."""
        ends = np.full_like(starts, self.n_cells)
        ends[:, :-1] = starts[:, 1:]
        z = np.zeros(len(starts))
        good = self.admissible[starts, ends].all(axis=1)
        low, high = starts[good], ends[good]
        z[good] = self.pairs._map(lambda x: x[..., low, high]).significance()
        return z

    def _neighbours(self, starts: list[int]) -> Iterator[list[int]]:
        free = [cell for cell in range(1, self.n_cells) if cell not in starts]
        for k in range(1, len(starts)):
            rest = starts[:k] + starts[k + 1 :]
            yield rest
            yield from (sorted([*rest, cell]) for cell in free)
        if len(starts) < self.limits.n_bins:
            yield from (sorted([*starts, c]) for c in free)

    def _admissible(self) -> NDArray[np.bool_]:
        pairs = self.pairs
        at_least = self.limits.min_n_eff * (1.0 - _ROUNDING)
        # Differences of sums have rounding errors of the size of the sums.
        zero = -_ROUNDING * np.abs(self.fine.parts).sum(axis=-1, initial=0.0)
        allowed = (pairs.s >= 0) & (pairs.b > 0)
        allowed &= pairs.b**2 >= at_least * pairs.sum_w2_b
        allowed &= (pairs.parts >= zero[:, np.newaxis, np.newaxis]).all(axis=0)
        return allowed & np.triu(np.ones_like(allowed), k=1)

    def _hopeless(self) -> ValueError:
        s, b, n_eff = (
            float(self.fine.s.sum()),
            float(self.fine.b.sum()),
            float(self.fine.b.sum() ** 2 / self.fine.sum_w2_b.sum()),
        )
        msg = (
            "The whole sample must be an admissible bin, with at least "
            f"{self.limits.min_n_eff:.6g} effective background events and no negative "
            f"process or variation, got s = {s:.6g}, b = {b:.6g} with {n_eff:.6g} "
            "effective events. Use more events, or lower `min_n_eff`."
        )
        return ValueError(msg)


def _differences(values: FloatArray) -> FloatArray:
    """Return the sums over cells i to j - 1, along two axes for i and j."""
    shape = (*values.shape[:-1], values.shape[-1] + 1)
    sums = np.zeros(shape)
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return np.asarray(sums[..., np.newaxis, :] - sums[..., :, np.newaxis])


def _values(scores: FloatArray, cells: ScoreCells | None) -> FloatArray:
    return scores if cells is None else cells(scores)


def _bin_numbers(values: FloatArray, edges: FloatArray) -> NDArray[np.intp]:
    return np.searchsorted(edges[1:-1], values, side="right")


def _candidates(
    values: FloatArray, sample: FilledSample, n_candidates: int
) -> FloatArray:
    """Return possible edges: scores of events, infinity at both ends."""
    different = np.unique(values)
    if len(different) - 1 <= n_candidates:
        inner = different[1:]
    else:
        inner = np.unique(
            np.concatenate(
                [
                    _quantiles(values[members], sample.weights[members], share)
                    for members, share in (
                        (sample.is_signal, n_candidates // 2),
                        (~sample.is_signal, n_candidates - n_candidates // 2),
                    )
                ]
            )
        )
        inner = inner[inner > different[0]]
    return np.concatenate([[-np.inf], inner, [np.inf]])


def _quantiles(values: FloatArray, weights: FloatArray, number: int) -> FloatArray:
    order = np.argsort(values, kind="stable")
    filled = np.cumsum(np.abs(weights[order]))
    targets = filled[-1] * np.arange(1, number + 1) / (number + 1)
    return values[order][np.searchsorted(filled, targets)]
