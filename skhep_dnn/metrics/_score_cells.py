"""Several scores as one number: cells of the space of scores, in the order of s / b.

For a histogram of given cells whose significance is a sum over bins that is convex in
the yields, the best bins join cells that are neighbours in the signal-to-background
ratio, whatever their place in space. So a fine partition and an order of its cells turn
the choice of bins in many dimensions into that in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn.metrics._varied_sample import FilledSample

__all__ = ["ScoreCells", "find_cells"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreCells:
    """A partition of the space of scores, and the share of the signal in each cell.

    Attributes
    ----------
    tree : DecisionTreeClassifier
        Its leaves are the cells.
    share : ndarray of shape (n_nodes,)
        Signal over all at equal yields of the classes, by node of the tree.
    """

    tree: Any
    share: FloatArray

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Return the share of the signal in the cell of each event."""
        return self.share[self.tree.apply(_finite(scores))]


def find_cells(sample: FilledSample, n_cells: int, min_events: int) -> ScoreCells:
    """Return cells of several scores that tell signal from background.

    Parameters
    ----------
    sample : FilledSample
        Events with scores of shape (n_samples, n_scores).
    n_cells : int
        Largest number of cells.
    min_events : int
        Smallest number of events in a cell.

    Returns
    -------
    cells : ScoreCells

    Notes
    -----
    A decision tree on the absolute weights, grown where it separates most, cuts out the
    cells; their shares are of the signed weights. A cell without background has the
    share 1, one without signal 0.
    """
    is_signal, size = sample.is_signal, np.abs(sample.weights)
    balance = np.where(is_signal, size[~is_signal].sum(), size[is_signal].sum())
    tree = DecisionTreeClassifier(
        max_leaf_nodes=max(n_cells, 2), min_samples_leaf=min_events, random_state=0
    )
    scores = _finite(sample.scores)
    tree.fit(scores, is_signal, sample_weight=size * balance / balance.max())
    cell = tree.apply(scores)

    def by_cell(members: NDArray[np.bool_]) -> FloatArray:
        sums = np.bincount(
            cell[members], sample.weights[members], minlength=tree.tree_.node_count
        )
        return np.maximum(sums / sums.sum(), 0.0)

    s, b = by_cell(is_signal), by_cell(~is_signal)
    share = np.divide(s, s + b, out=np.zeros(len(s)), where=s + b > 0)
    return ScoreCells(tree, share)


def _finite(scores: FloatArray) -> FloatArray:
    # Trees of scikit-learn compute in float32 and refuse what overflows there.
    largest = float(np.finfo(np.float32).max)
    return np.clip(scores, -largest, largest)
