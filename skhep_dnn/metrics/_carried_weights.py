"""Event weights that travel inside a scorer, found again by the index of the data.

Some tools pass a scorer nothing but the estimator, the features and the labels. A
scorer that carries the weights looks them up by the labels of the DataFrame's index,
which survive splitting, shuffling and resampling.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError

__all__ = ["CarriedWeights", "check_carried"]


class CarriedWeights:
    """Weights, and optionally labels, of a whole sample by index label.

    Copies share the data: `copy`, `deepcopy` and `sklearn.base.clone` return the object
    itself, which never changes.

    Parameters
    ----------
    sample_weight : Series of shape (n_events,)
        Physics weights of the whole sample; index labels must be unique.
    target : Series of shape (n_events,), default=None
        Labels of the same events, compared with the labels that are scored.
    """

    def __init__(self, sample_weight: pd.Series, target: pd.Series | None) -> None:
        _check_series(sample_weight, "sample_weight")
        values = sample_weight.to_numpy()
        self.index: pd.Index = sample_weight.index
        self.weights = check_event_weights(values, len(values)).copy()
        self.weights.flags.writeable = False
        self.target: NDArray[Any] | None = None
        if target is not None:
            _check_series(target, "target")
            self.target = self._in_same_order(target)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        target = "" if self.target is None else " and labels"
        return f"<weights{target} of {len(self)} events>"

    def weights_of(self, X: object, y_true: ArrayLike) -> NDArray[np.float64]:
        """Return the weights of the events in `X`, in their order.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Events of the sample; one may appear more than once.
        y_true : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        weights : ndarray of shape (n_samples,)

        Raises
        ------
        TypeError
            If `X` has no index.
        WeightsError
            If an event of `X` carries no weight, or its label is another one.
        """
        index = getattr(X, "index", None)
        if not isinstance(index, pd.Index):
            msg = (
                "`X` must be a DataFrame for a scorer that carries `sample_weight`, "
                f"got {type(X).__name__}, in which events cannot be recognised. Pass a "
                "DataFrame with the index of the weights, or pass the weights "
                "themselves by metadata routing."
            )
            raise TypeError(msg)
        rows = self._rows_of(index, "X")
        if self.target is not None:
            _check_labels(self.target[rows], y_true)
        return self.weights[rows]

    def _rows_of(self, index: pd.Index, name: str) -> NDArray[np.intp]:
        rows = self.index.get_indexer(index)
        missing = rows < 0
        if missing.any():
            msg = (
                f"The index of `{name}` must contain labels of the carried "
                f"`sample_weight` only, got {int(missing.sum())} others, such as "
                f"{index[missing][0]!r}. Carry the weights of all events, and keep "
                "the index of the DataFrame (no `reset_index`)."
            )
            raise WeightsError(msg)
        return rows

    def _in_same_order(self, target: pd.Series) -> NDArray[Any]:
        if len(target) != len(self):
            msg = (
                f"`target` must have one label for each of the {len(self)} carried "
                f"weights, got {len(target)}. Pass the labels of the same events."
            )
            raise WeightsError(msg)
        ordered = np.empty(len(self), dtype=target.to_numpy().dtype)
        ordered[self._rows_of(target.index, "target")] = target.to_numpy()
        return ordered


def check_carried(
    sample_weight: pd.Series | None, target: pd.Series | None
) -> CarriedWeights | None:
    """Return the weights a scorer is to carry, None if there are none.

    Parameters
    ----------
    sample_weight : Series or None
        Weights of the whole sample.
    target : Series or None
        Labels of the same events.

    Returns
    -------
    carried : CarriedWeights or None

    Raises
    ------
    TypeError
        If `sample_weight` or `target` is not a Series.
    WeightsError
        If index labels are not unique or are not the same in both.
    ValueError
        If there is a `target` but no `sample_weight`.
    """
    if sample_weight is not None:
        return CarriedWeights(sample_weight, target)
    if target is not None:
        msg = (
            "`target` must come with `sample_weight`, got no weights. Pass the Series "
            "of event weights too, or leave `target` out."
        )
        raise ValueError(msg)
    return None


def _check_series(values: object, name: str) -> None:
    if not isinstance(values, pd.Series):
        msg = (
            f"`{name}` must be a pandas Series with the index of the DataFrame that "
            f"will be scored, got {type(values).__name__}. Use "
            "`pd.Series(values, index=X.index)`."
        )
        raise TypeError(msg)
    if not values.index.is_unique:
        repeated = values.index[values.index.duplicated()]
        msg = (
            f"The index of `{name}` must be unique, got {len(repeated)} repeated "
            f"labels, such as {repeated[0]!r}. Number the events first, for example "
            "by `X.reset_index(drop=True)` before the weights are taken."
        )
        raise WeightsError(msg)


def _check_labels(carried: NDArray[Any], y_true: ArrayLike) -> None:
    n_different = int(np.count_nonzero(np.asarray(y_true) != carried))
    if n_different:
        msg = (
            "`y_true` must equal the carried `target` at the labels of the index of "
            f"`X`, got {n_different} of {len(carried)} events with another label. The "
            "index of `X` is not the one of the weights: take both from the same "
            "DataFrame."
        )
        raise WeightsError(msg)
