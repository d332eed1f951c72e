"""Means of probabilities: over the models of folds, and over variants of an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skhep_dnn._responses import Response
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import Lowering, Scores, Table, qualified
from skhep_dnn.export._lowering.symmetry import transformed_columns
from skhep_dnn.export._program.program import Value
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = ["floored", "mean_scores", "symmetry_averaged_scores"]


def mean_scores(
    lowering: Lowering, parts: Sequence[Scores], response: Response
) -> Scores:
    """Return the plain mean of several answers, as `FoldModels` takes it.

    Parameters
    ----------
    lowering : Lowering
        For its arithmetic.
    parts : sequence of Scores
        One or more.
    response : {"sigmoid", "softmax", "probability", "decision"}
        What they are.

    Returns
    -------
    scores : Scores

    Raises
    ------
    ExportError
        If there are no probabilities.
    """
    if response == "decision":
        msg = (
            "A mean over models or variants must be one of probabilities, got a "
            "classifier without `predict_proba`. Calibrate it before it is averaged."
        )
        raise ExportError(msg)
    shares = np.full(len(parts), 1.0 / len(parts))
    probability = lowering.mean([part.probability for part in parts], shares)
    if response != "probability":
        return lowering.of_probability(probability)
    # A logit is made of probabilities, which may be 0.
    above = lowering.mean([floored(part.probability) for part in parts], shares)
    return Scores(probability, lowering.of_probability(above).decision)


def symmetry_averaged_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return the mean of what a `SymmetryAveragedClassifier` says of all variants."""
    augmenter = model.augmenter_
    if type(augmenter) is not SymmetryAugmenter:
        msg = (
            "`augmenter` must be a SymmetryAugmenter, whose transformations are known, "
            f"got {qualified(type(augmenter))}. Declare the symmetry by one."
        )
        raise ExportError(msg)
    kernel = augmenter.kernel_
    columns = kernel.columns
    local, used = kernel.moved(columns), table.take(columns)
    x = used.vector(used.kind())
    parts = []
    for by in kernel.variants():
        new = transformed_columns(x, local, by)
        variant = table if new is x else table.replace(columns, new)
        parts.append(lowering.scores(model.estimator_, variant))
    return mean_scores(lowering, parts, model._response)


def floored(probability: Value) -> Value:
    """Return probabilities whose logarithm is finite, as `_responses.log_of` takes it.

    Parameters
    ----------
    probability : Value
        Probabilities.

    Returns
    -------
    above : Value
        At least the smallest normal number of their kind.
    """
    tiny = float(np.finfo(probability.dtype).tiny)
    # What is undefined stays so, which a maximum does not promise.
    return probability.program.where(probability < tiny, tiny, probability)
