"""What are the events of each class taken for, in events of the expected yields.

Counts of simulated events say nothing about a selection: what ends up in a region is a
sum of weights. Every cell of the table has its Monte Carlo error, and so has every
share of a row or a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import check_event_weights, check_labels, known_labels

__all__ = ["Normalize", "YieldConfusion", "confusion_by_yields", "share_error"]

FloatArray = NDArray[np.float64]
Normalize = Literal["true", "pred", "all"]


@dataclass(frozen=True, eq=False)
class YieldConfusion:
    """Yields of each true class in each predicted class, with their errors.

    Made by `confusion_by_yields`. Rows are true classes, columns predicted ones, as in
    `sklearn.metrics.confusion_matrix`.

    Attributes
    ----------
    labels : ndarray of shape (n_classes,)
        Labels of rows and columns.
    yields : ndarray of shape (n_classes, n_classes)
        Sums of weights, in events; they may be negative.
    sum_w2 : ndarray of shape (n_classes, n_classes)
        Sums of squared weights, in events squared.
    n_events : ndarray of shape (n_classes, n_classes)
        Numbers of events that are there, unweighted.

    See Also
    --------
    confusion_by_yields : Computes it.

    Examples
    --------
    >>> from skhep_dnn.metrics import confusion_by_yields
    >>> y_true, y_pred = ["b", "b", "b", "s"], ["b", "b", "s", "s"]
    >>> table = confusion_by_yields(y_true, y_pred, [3.0, 4.0, 1.0, 2.0])
    >>> table.yields
    array([[7., 1.],
           [0., 2.]])
    >>> table.error
    array([[5., 1.],
           [0., 2.]])
    >>> table.share("true").round(3)
    array([[0.875, 0.125],
           [0.   , 1.   ]])
    """

    labels: NDArray[Any]
    yields: FloatArray
    sum_w2: FloatArray
    n_events: NDArray[np.int64]

    @property
    def error(self) -> FloatArray:
        """Monte Carlo errors of the yields, in events."""
        return np.sqrt(self.sum_w2)

    def share(self, normalize: Normalize) -> FloatArray:
        """Return the share of each cell in its row, its column, or in all.

        Parameters
        ----------
        normalize : {"true", "pred", "all"}
            "true" gives what each true class is taken for, of which the diagonal are
            the efficiencies; "pred" what each predicted class is made of, of which the
            diagonal are the purities.

        Returns
        -------
        share : ndarray of shape (n_classes, n_classes)
            Undefined, nan, where the row, the column or all does not sum to more than
            0. With negative weights a share may be outside the range from 0 to 1.

        Raises
        ------
        ValueError
            If `normalize` is unknown.
        """
        total = _total(self.yields, normalize)
        share = np.full(self.yields.shape, np.nan)
        return np.divide(self.yields, total, out=share, where=total > 0)

    def share_error(self, normalize: Normalize) -> FloatArray:
        r"""Return the Monte Carlo error of each share.

        Parameters
        ----------
        normalize : {"true", "pred", "all"}
            As in `share`.

        Returns
        -------
        error : ndarray of shape (n_classes, n_classes)
            Undefined, nan, where the share is.

        Notes
        -----
        With a cell :math:`n` of the total :math:`N`, their variances :math:`v, V`, sums
        of squared weights of either sign, and the share :math:`r = n / N`,

        .. math:: \sigma_r^2 = \frac{(1 - r)^2 v + r^2 (V - v)}{N^2} ,

        since the cell and the others fluctuate independently. For weights of one it
        is the binomial error.
        """
        total = _total(self.yields, normalize)
        share = self.share(normalize)
        return share_error(share, self.sum_w2, _total(self.sum_w2, normalize), total)

    def to_frame(self, normalize: Normalize | None = None) -> pd.DataFrame:
        """Return the table with the classes as names of rows and columns.

        Parameters
        ----------
        normalize : {"true", "pred", "all"}, default=None
            None gives the yields, in events.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_classes, n_classes)
        """
        values = self.yields if normalize is None else self.share(normalize)
        labels = self.labels.tolist()
        return pd.DataFrame(
            values,
            index=pd.Index(labels, name="true"),
            columns=pd.Index(labels, name="predicted"),
        )


def confusion_by_yields(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    labels: ArrayLike | None = None,
) -> YieldConfusion:
    """Yields of each true class in each predicted class, with their errors.

    The confusion matrix of a collider analysis: how much of each process is expected in
    each region. For positive weights the yields are those of
    `sklearn.metrics.confusion_matrix`; scale the weights of a test sample to the full
    yields first, by `skhep_dnn.weights.scale_to_yields`.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted labels, of two classes or more.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, in events, negative ones allowed; None counts every event once.
    labels : array-like of shape (n_classes,), default=None
        Order of the classes, of which none may be missing; None sorts them.

    Returns
    -------
    confusion : YieldConfusion

    Raises
    ------
    ValueError
        If the shapes differ, or a label is missing in `labels` or there twice.
    WeightsError
        If the weights are unusable.

    See Also
    --------
    skhep_dnn.inspection.YieldConfusionDisplay : The figure.
    weighted_accuracy : The diagonal over all.

    Examples
    --------
    >>> from skhep_dnn.metrics import confusion_by_yields
    >>> y_true = ["W", "W", "Z", "Z", "top"]
    >>> y_pred = ["W", "Z", "Z", "Z", "W"]
    >>> table = confusion_by_yields(y_true, y_pred, [6.0, 2.0, 5.0, -1.0, 2.0])
    >>> table.yields
    array([[6., 2., 0.],
           [0., 4., 0.],
           [2., 0., 0.]])
    >>> table.share("pred").diagonal().round(2)
    array([0.75, 0.67,  nan])
    >>> table.share_error("pred").diagonal().round(2)
    array([0.27, 0.36,  nan])
    """
    known, predicted = check_labels(y_true, "y_true"), check_labels(y_pred, "y_pred")
    if predicted.shape != known.shape:
        msg = (
            "`y_true` and `y_pred` must have one label for each event, got the shapes "
            f"{known.shape} and {predicted.shape}. Pass `predict(X)` of the events in "
            "`y_true`."
        )
        raise ValueError(msg)
    weights = check_event_weights(sample_weight, len(known))
    both = known_labels(np.concatenate([known, predicted]))
    classes = _check_labels(both, labels)
    cells = len(classes) * _codes(known, classes) + _codes(predicted, classes)
    n_cells = len(classes) ** 2

    def table(values: FloatArray | None) -> NDArray[Any]:
        sums = np.bincount(cells, values, n_cells)
        return sums.reshape(len(classes), len(classes))

    return YieldConfusion(
        labels=classes,
        yields=table(weights).astype(np.float64),
        sum_w2=table(np.square(weights)).astype(np.float64),
        n_events=table((weights != 0.0).astype(np.float64)).astype(np.int64),
    )


def share_error(
    share: FloatArray, variance: FloatArray, all_variance: FloatArray, total: FloatArray
) -> FloatArray:
    """Return the error of a part over a whole, of which the part is one.

    Parameters
    ----------
    share : ndarray
        Part over whole; nan where undefined.
    variance, all_variance : ndarray
        Sums of squared weights of the part and of the whole.
    total : ndarray
        Sum of weights of the whole.

    Returns
    -------
    error : ndarray
        nan where the share is.
    """
    rest = np.maximum(all_variance - variance, 0.0)  # rounding
    error = np.full(share.shape, np.nan)
    root = np.sqrt(np.square(1.0 - share) * variance + np.square(share) * rest)
    return np.divide(root, total, out=error, where=~np.isnan(share))


def _total(cells: FloatArray, normalize: Normalize) -> FloatArray:
    """Return what each cell is a share of, in the shape of the cells."""
    if normalize == "true":
        total = cells.sum(axis=1, keepdims=True)
    elif normalize == "pred":
        total = cells.sum(axis=0, keepdims=True)
    elif normalize == "all":
        total = cells.sum(keepdims=True)
    else:
        msg = (
            f"`normalize` must be 'true', 'pred' or 'all', got {normalize!r}. Take "
            "`yields` for the yields themselves."
        )
        raise ValueError(msg)
    return np.broadcast_to(total, cells.shape)


def _check_labels(found: NDArray[Any], labels: ArrayLike | None) -> NDArray[Any]:
    if labels is None:
        return found
    classes = np.asarray(labels)
    missing = np.setdiff1d(found, classes)
    if classes.ndim != 1 or len(np.unique(classes)) != len(classes) or len(missing):
        msg = (
            f"`labels` must name each of the classes {shown(found)} once, got "
            f"{shown(classes)}. Add what is missing, and drop what is there twice."
        )
        raise ValueError(msg)
    return classes


def _codes(values: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    order = np.argsort(classes)
    return order[np.searchsorted(classes, values, sorter=order)]
