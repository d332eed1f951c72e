"""A condition on training and validation scores that a trial has to meet."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

__all__ = ["OvertrainingLimit"]


@dataclass(frozen=True)
class OvertrainingLimit:
    """How much better the training events may be described than others.

    Parameters
    ----------
    max_gap : float, default=inf
        Largest score of the training events minus that of the others, on the mean over
        the folds.
    max_ratio : float, default=inf
        Largest ratio of the two, the larger size of a loss over the smaller one, or of
        a score such as the AUC; 1 without overtraining.
    n_errors : float, default=0.0
        Standard errors, from the spread over the folds, that are granted on top.
    name : str, default="score"
        Name of the score; "score" where there is only one.

    Raises
    ------
    ValueError
        If nothing is limited, or a limit can never be met.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.model_selection import OvertrainingLimit
    >>> limit = OvertrainingLimit(max_gap=0.02)
    >>> round(limit.violation(np.array([0.95, 0.97]), np.array([0.90, 0.92])), 3)
    0.03
    """

    max_gap: float = inf
    max_ratio: float = inf
    n_errors: float = 0.0
    name: str = "score"

    def __post_init__(self) -> None:
        """Refuse what limits nothing, or everything."""
        if self.max_gap == inf and self.max_ratio == inf:
            msg = (
                "`max_gap` or `max_ratio` must be finite, got inf for both. Give one "
                "of them, such as max_gap=0.02."
            )
            raise ValueError(msg)
        if not (self.max_gap >= 0 and self.max_ratio >= 1 and self.n_errors >= 0):
            msg = (
                "`max_gap` and `n_errors` must be 0 or more and `max_ratio` 1 or more, "
                f"got {self!r}. Take what a model without overtraining meets."
            )
            raise ValueError(msg)

    def violation(self, train: NDArray[np.float64], test: NDArray[np.float64]) -> float:
        """Return by how much the condition is violated.

        Parameters
        ----------
        train, test : ndarray of shape (n_folds,)
            Scores, greater is better.

        Returns
        -------
        violation : float
            0 or less if it is met.
        """
        gaps = train - test
        # A loss is a negative score: its size is larger on events that are new.
        ratios = test / train if np.mean(train) < 0 else train / test
        return max(
            self._excess(gaps, self.max_gap), self._excess(ratios, self.max_ratio)
        )

    def _excess(self, values: NDArray[np.float64], limit: float) -> float:
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
        return float(values.mean() - self.n_errors * error - limit)
