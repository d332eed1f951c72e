"""Which model scores an event, written so that anybody can compute it.

A manifest has all numbers of the rule, and the rule is evaluated from these here, not
from the code that the model was trained with: a file that was exported by another
version is verified by what it says itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["FoldRule", "ScoredBy"]

ScoredBy = Literal["fold", "mean", "single"]

_HASH_TEXT = (
    "All numbers are whole. h = salt. For each of the six words run % P, run % Q, "
    "event % P, event % Q, 0, 0 and the constant c of the same place: "
    "x = (h + word + c) % P, y = x * x % P, h = y * y % P * x % P. "
    "fold = h % n_folds. The run is 0 where there are event numbers alone. Model k "
    "scores the events of fold k, and was trained on all others. No product is beyond "
    "2**62."
)
_MODULO_TEXT = (
    "fold = event % n_folds, whatever the run. Model k scores the events of fold k, "
    "and was trained on all others."
)
_MEAN_TEXT = "The mean of all models scores each event; each training event was seen."
_SINGLE_TEXT = "One model scores each event; it has seen each training event."


@dataclass(frozen=True)
class FoldRule:
    """Which model scores an event.

    Attributes
    ----------
    scored_by : {"fold", "mean", "single"}
        One model of several that the number of an event selects, the mean of all, or
        the only one.
    text : str
        The rule in words.
    n_folds : int
        Number of models.
    rule : {"hash", "modulo"} or None, default=None
        How the numbers select a model.
    salt : int, default=0
        Where the hash starts.
    moduli : tuple of int, default=()
        P and Q of the hash.
    constants : tuple of int, default=()
        Its six constants.
    """

    scored_by: ScoredBy
    text: str
    n_folds: int
    rule: str | None = None
    salt: int = 0
    moduli: Sequence[int] = ()
    constants: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Make one written as JSON equal to the rule itself."""
        object.__setattr__(self, "moduli", tuple(self.moduli))
        object.__setattr__(self, "constants", tuple(self.constants))

    @classmethod
    def of_mean(cls, n_folds: int) -> FoldRule:
        """Return the rule of the mean of some models."""
        return cls("mean", _MEAN_TEXT, n_folds)

    @classmethod
    def of_single(cls) -> FoldRule:
        """Return the rule of one model."""
        return cls("single", _SINGLE_TEXT, 1)

    @classmethod
    def of_folds(cls, splitter: Any) -> FoldRule:
        """Return the rule of an `EventNumberKFold`."""
        from skhep_dnn.model_selection._event_number import (  # noqa: PLC0415 - torch
            ROUND_CONSTANTS,
            P,
            Q,
        )

        if splitter.rule == "modulo":
            return cls("fold", _MODULO_TEXT, splitter.n_splits, "modulo")
        return cls(
            "fold",
            _HASH_TEXT,
            splitter.n_splits,
            "hash",
            int(splitter.salt),
            (P, Q),
            ROUND_CONSTANTS,
        )

    def folds(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the fold of each event.

        Parameters
        ----------
        numbers : ndarray of shape (n_samples, 2), dtype int64
            Run and event numbers.

        Returns
        -------
        folds : ndarray of shape (n_samples,), dtype int64

        Raises
        ------
        ValueError
            If numbers select no model.

        Examples
        --------
        >>> import numpy as np
        >>> from skhep_dnn.export._fold_rule import FoldRule
        >>> from skhep_dnn.model_selection import EventNumberKFold
        >>> rule = FoldRule.of_folds(EventNumberKFold(5))
        >>> rule.folds(np.array([[0, 0], [0, 1], [348_251, 1_234_567_890]]))
        array([2, 3, 4])
        """
        run, event = numbers.T
        if self.rule == "modulo":
            return event % self.n_folds
        if self.rule != "hash":
            msg = (
                "Event numbers must select the model, got the rule of "
                f"{self.scored_by!r}. Ask only models with folds of event numbers."
            )
            raise ValueError(msg)
        p, q = self.moduli
        h = np.full(len(event), self.salt, dtype=np.int64)
        nothing = np.zeros_like(event)
        words = (run % p, run % q, event % p, event % q, nothing, nothing)
        for word, constant in zip(words, self.constants, strict=True):
            x = (h + word + constant) % p
            y = x * x % p
            h = y * y % p * x % p
        return h % self.n_folds
