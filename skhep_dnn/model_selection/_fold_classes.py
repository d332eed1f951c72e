"""Whether the events and the models of all folds have all classes, or which lack which.

An event of weight zero is as good as absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.model_selection._folds import Events, Rows

__all__ = ["check_training_events", "common_classes"]

_REMEDY = "Use folds that have events of every class, such as those of StratifiedKFold."


def check_training_events(
    estimator: Any, events: Events, splits: Sequence[tuple[Rows, Rows]]
) -> None:
    """Refuse folds in which there is nothing to tell apart.

    Parameters
    ----------
    estimator : estimator
        What is fitted in each fold.
    events : Events
        The whole sample.
    splits : sequence of (train, test)
        Positions of the events.

    Raises
    ------
    WeightsError
        If the training events of a fold are of one class, where the sample has more.
    """
    labels = np.asarray(events.y)
    if not is_classifier(estimator) or labels.ndim != 1:
        return
    codes, classes = pd.factorize(labels, use_na_sentinel=False)
    weights = events.fit_params.get("sample_weight")
    if weights is not None:
        codes = np.where(np.asarray(weights) != 0.0, codes, -1)
    known = _codes_in(codes)
    for fold, (train, _) in enumerate(splits):
        found = _codes_in(codes[train])
        if len(found) == 1 < len(known):
            missing = classes[np.setdiff1d(known, found)]
            msg = (
                f"The training events of fold {fold} must be of two classes or more, "
                f"got none with a weight other than zero of {shown(missing)}. {_REMEDY}"
            )
            raise WeightsError(msg)


def _codes_in(codes: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    found = np.unique(codes)
    return found[found >= 0]


def common_classes(classes: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """Return the classes that the models of all folds know; None if they name none.

    Parameters
    ----------
    classes : sequence of ndarray or None
        The classes of the model of each fold.

    Returns
    -------
    classes : ndarray of shape (n_classes,) or None

    Raises
    ------
    ValueError
        If a model does not know a class that another one knows.
    """
    named = [known for known in classes if known is not None]
    if len(named) < len(classes) or not named:
        return classes[0]
    every = np.unique(np.concatenate(named))
    for fold, known in enumerate(named):
        missing = np.setdiff1d(every, known)
        if len(missing) > 0:
            msg = (
                "The models of all folds must know the same classes to be scored "
                f"together, got none of {shown(missing)} in that of fold {fold}, whose "
                "training events had none of them with a weight other than zero. "
                f"{_REMEDY}"
            )
            raise ValueError(msg)
    return named[0]
