"""Several scores as one number: the share of the signal among events with such scores.

Bins of the best significance join what has similar signal-to-background ratios,
wherever it lies in the space of scores. So an estimate of that ratio turns the choice
of bins in many dimensions into that in one. Many random partitions of the space, each
of cells with enough events, give it: the mean share over the cells that an event is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from skhep_dnn.metrics._varied_sample import FilledSample

__all__ = ["ScoreCells", "find_cells"]

FloatArray = NDArray[np.float64]

_N_PARTITIONS = 50


@dataclass(frozen=True, eq=False)
class ScoreCells:
    """Partitions of the space of scores, and the share of the signal in each cell.

    Attributes
    ----------
    trees : list of DecisionTreeClassifier
        Their leaves are the cells.
    shares : list of ndarray of shape (n_nodes,)
        Signal over all at equal yields of the classes, by node of each tree.
    """

    trees: list[Any]
    shares: list[FloatArray]

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Return the mean share of the signal in the cells of each event."""
        points = _finite(scores)
        total = np.zeros(len(points))
        for tree, share in zip(self.trees, self.shares, strict=True):
            total += share[tree.apply(points)]
        return total / len(self.trees)


def find_cells(sample: FilledSample, min_events: int) -> ScoreCells:
    """Return cells of several scores that tell signal from background.

    Parameters
    ----------
    sample : FilledSample
        Events with scores of shape (n_samples, n_scores).
    min_events : int
        Smallest number of events in a cell.

    Returns
    -------
    cells : ScoreCells

    Notes
    -----
    Extremely randomised trees on the absolute weights make the cells, the signed
    weights the shares. A cell whose signal is not positive has the share 0, one with
    signal and without background 1.
    """
    is_signal, size = sample.is_signal, np.abs(sample.weights)
    sums = size[is_signal].sum(), size[~is_signal].sum()
    forest = ExtraTreesClassifier(
        _N_PARTITIONS,
        min_samples_leaf=min_events,
        max_features=None,
        random_state=0,  # the same events have the same bins
    )
    scores = _finite(sample.scores)
    forest.fit(scores, is_signal, np.where(is_signal, size / sums[0], size / sums[1]))
    trees = list(forest.estimators_)
    return ScoreCells(trees, [_shares(tree, scores, sample) for tree in trees])


def _shares(tree: Any, scores: FloatArray, sample: FilledSample) -> FloatArray:
    cell, is_signal = tree.apply(scores), sample.is_signal

    def by_cell(members: NDArray[np.bool_]) -> FloatArray:
        sums = np.bincount(
            cell[members], sample.weights[members], minlength=tree.tree_.node_count
        )
        return np.maximum(sums / sums.sum(), 0.0)

    s, b = by_cell(is_signal), by_cell(~is_signal)
    return np.divide(s, s + b, out=np.zeros(len(s)), where=s + b > 0)


def _finite(scores: FloatArray) -> FloatArray:
    # Trees of scikit-learn compute in float32 and refuse what overflows there.
    largest = float(np.finfo(np.float32).max)
    return np.clip(scores, -largest, largest)
