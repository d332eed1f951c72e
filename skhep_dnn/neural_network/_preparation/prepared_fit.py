"""Everything that a fit has done before the training, in one record.

The events are in the columns of the network; the table that was passed is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn.neural_network._engine.data import Events, Member
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._preparation.member_splits import Split
from skhep_dnn.weights._scheme import WeightScheme

__all__ = ["PreparedFit"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedFit:
    """What is trained, and what has to be recorded when it has been.

    Attributes
    ----------
    settings : TrainingSettings
        What the members share.
    members : sequence of Member
        Events, weights, seeds and scores of the members.
    events : Events
        The training events of weight other than zero.
    held_out : Events or None
        The explicit validation sample, which the `validation_rows` of the members
        count; None: they count `events`.
    largest_sample : int
        Number of training events that the batches are made for.
    splits : sequence of Split
        Events that each member trains and validates on.
    present : ndarray of bool of shape (n_passed,)
        Which of the events that were passed are in `events`.
    has_negative : bool
        Whether there are events of negative weight.
    scheme : WeightScheme
        What training weights were made with.
    report : DataFrame
        Yields and statistics of each member.
    """

    settings: TrainingSettings
    members: Sequence[Member]
    events: Events
    held_out: Events | None
    largest_sample: int
    splits: Sequence[Split]
    present: NDArray[np.bool_]
    has_negative: bool
    scheme: WeightScheme
    report: pd.DataFrame
