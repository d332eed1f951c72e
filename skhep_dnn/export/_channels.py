"""Which events are in which bin of which region, and what is needed for the answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._expressions import Expression, parse_expression
from skhep_dnn._messages import shown
from skhep_dnn._optional import import_optional
from skhep_dnn.metrics import BinnedDiscriminant
from skhep_dnn.metrics._varied_sample import FilledSample

__all__ = [
    "Channel",
    "check_channels",
    "check_disjoint",
    "import_extra",
    "process_names",
    "quiet",
    "with_process",
]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """A region of an analysis and the bins of its histogram.

    Attributes
    ----------
    name : str
        Name of the region.
    bins : BinnedDiscriminant or ndarray of shape (n_bins + 1,)
        How events are binned: a choice, or edges of the score.
    region : Expression or None
        Which events are in it; None takes all.
    """

    name: str
    bins: Any
    region: Expression | None

    @property
    def edges(self) -> FloatArray:
        """Edges of the bins."""
        if isinstance(self.bins, BinnedDiscriminant):
            return self.bins.edges
        edges: FloatArray = self.bins
        return edges

    def selected(self, sample: FilledSample) -> NDArray[np.bool_]:
        """Return which events are in the region."""
        if self.region is None:
            return np.ones(len(sample.weights), dtype=np.bool_)
        return self.region.select(sample.X)

    def bin_numbers(
        self, sample: FilledSample, rows: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """Return the bins of some of the events, all of which must have one."""
        scores = sample.scores[rows]
        if isinstance(self.bins, BinnedDiscriminant):
            return self.bins.transform(scores)
        if scores.ndim != 1:
            msg = (
                "`y_score` must be one score for each event where `bins` are edges, "
                f"got the shape {scores.shape}. Choose bins of several scores with "
                "`optimal_binning`."
            )
            raise ValueError(msg)
        edges = self.edges
        outside = (scores < edges[0]) | (scores > edges[-1])
        if outside.any():
            msg = (
                f"`bins` must hold all events of {self.name!r}, got "
                f"{int(outside.sum())} outside of {edges[0]:.6g} to {edges[-1]:.6g}. "
                "Take -inf and inf as the outer edges, or cut the events away by a "
                "region."
            )
            raise ValueError(msg)
        return np.searchsorted(edges[1:-1], scores, side="right")

    def fill(
        self, sample: FilledSample, names: list[Any], *, squared: bool = False
    ) -> FloatArray:
        """Return the sums of the weights in each bin, by process.

        Parameters
        ----------
        sample : FilledSample
            Events with processes.
        names : list
            The processes, in the order of the rows.
        squared : bool, default=False
            Whether to sum squares.

        Returns
        -------
        sums : ndarray of shape (n_processes, n_bins)
        """
        rows = self.selected(sample)
        bins = self.bin_numbers(sample, rows)
        weights = sample.weights[rows] ** (2 if squared else 1)
        if sample.process is None:
            total = np.bincount(bins, weights, self.n_bins)
            return total.astype(np.float64)[np.newaxis]
        process = sample.process[rows]
        members = [process == name for name in names]
        sums = [np.bincount(bins[m], weights[m], self.n_bins) for m in members]
        return np.array(sums, dtype=np.float64)

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1


def check_channels(
    bins: Any, regions: Mapping[str, str] | None, X: Any
) -> list[Channel]:
    """Return the regions with their bins.

    Parameters
    ----------
    bins : BinnedDiscriminant, edges, or mapping of region to one of these
        Bins of all regions, or of each.
    regions : mapping of str to str, or None
        Expressions on the columns of `X`; None takes all events.
    X : DataFrame, mapping or None
        The columns.

    Returns
    -------
    channels : list of Channel

    Raises
    ------
    TypeError
        If `regions` is no mapping.
    ValueError
        If bins or columns are missing, or bins are none.
    """
    if regions is None:
        if isinstance(bins, Mapping):
            msg = (
                "`bins` must be those of one histogram where `regions` is None, got a "
                f"mapping of {shown(list(bins))}. Pass `regions`."
            )
            raise ValueError(msg)
        return [Channel("events", _check_bins(bins, "bins"), None)]
    if not isinstance(regions, Mapping) or not regions:
        msg = (
            "`regions` must be a mapping of names to expressions, got "
            f'{shown(regions)}. Pass a dict, such as {{"SR": "n_jets >= 2"}}.'
        )
        raise TypeError(msg)
    if X is None:
        msg = (
            "`X` must be passed with `regions`, got None. Pass the columns that the "
            "expressions name."
        )
        raise ValueError(msg)
    channels = []
    for name, expression in regions.items():
        one = bins.get(name) if isinstance(bins, Mapping) else bins
        if one is None:
            msg = (
                f"`bins` must have bins of every region, got none of {name!r}. Add "
                "them, such as [-inf, inf] for a single bin."
            )
            raise ValueError(msg)
        region = parse_expression(expression)
        channels.append(Channel(str(name), _check_bins(one, f"bins of {name}"), region))
    return channels


def check_disjoint(channels: list[Channel], sample: FilledSample) -> None:
    """Refuse regions that share events, which a fit would count as independent.

    Parameters
    ----------
    channels : list of Channel
        The regions.
    sample : FilledSample
        The events.

    Raises
    ------
    ValueError
        If two regions share an event.
    """
    selected = {channel.name: channel.selected(sample) for channel in channels}
    for one, other in combinations(selected, 2):
        n_shared = int((selected[one] & selected[other]).sum())
        if n_shared:
            msg = (
                f"`regions` must not share events, got {n_shared} that are in "
                f"{one!r} and in {other!r}. Make the expressions exclude each other."
            )
            raise ValueError(msg)


def with_process(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
    process: ArrayLike | None,
    X: Any,
) -> FilledSample:
    """Return events of the user; without processes the labels stand for them.

    Parameters
    ----------
    y_true, y_score, sample_weight, pos_label, process, X
        As in `to_pyhf`.

    Returns
    -------
    sample : FilledSample

    Raises
    ------
    ValueError
        If a part is unusable, or a process has signal and background events.
    """
    names = y_true if process is None else process
    sample = replace(
        FilledSample.checked(y_true, y_score, sample_weight, pos_label, names, X),
        by_label=process is None,
    )
    for name in np.unique(sample.groups):
        is_signal = sample.is_signal[sample.groups == name]
        if is_signal.any() and not is_signal.all():
            msg = (
                "`process` must be of signal or of background events, got both of "
                f"{shown(name)}. Give them two names, or correct `y_true`."
            )
            raise ValueError(msg)
    return sample


def process_names(sample: FilledSample) -> tuple[list[Any], list[Any]]:
    """Return the processes of the signal and those of the background.

    Parameters
    ----------
    sample : FilledSample
        Events with processes.

    Returns
    -------
    signal, background : list
        Sorted names.
    """
    signal = np.unique(sample.groups[sample.is_signal]).tolist()
    return signal, np.unique(sample.groups[~sample.is_signal]).tolist()


def _check_bins(bins: Any, name: str) -> Any:
    if isinstance(bins, BinnedDiscriminant):
        return bins
    edges = np.asarray(bins, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        msg = (
            f"`{name}` must be a BinnedDiscriminant or two increasing edges or more, "
            f"got {shown(edges)}. Pass such as [-inf, 0.5, inf]."
        )
        raise ValueError(msg)
    return edges


def import_extra(name: str, purpose: str) -> ModuleType:
    """Import an optional library of the extra "stats".

    Parameters
    ----------
    name : {"pyhf", "hist"}
        The library.
    purpose : str
        What it is needed for.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed; the message names the extra.
    """
    return import_optional(name, purpose, "stats")


@contextmanager
def quiet(*categories: type[Warning]) -> Iterator[None]:
    """Silence warnings that pyhf causes in its own dependencies.

    Parameters
    ----------
    *categories : type
        Their classes.

    Yields
    ------
    None
    """
    with warnings.catch_warnings():
        for category in categories:
            warnings.simplefilter("ignore", category)
        yield
