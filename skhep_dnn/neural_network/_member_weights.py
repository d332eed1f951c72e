"""The weights of each member's events, and a report of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.neural_network._events import MemberSample
from skhep_dnn.neural_network._samples import Targets
from skhep_dnn.neural_network._splits import Split
from skhep_dnn.weights import ClassWeight, NegativeWeights, effective_sample_size
from skhep_dnn.weights._scheme import (
    WeightScheme,
    balanced_weights,
    weight_scheme,
)
from skhep_dnn.weights._training import LOW_N_EFF

__all__ = ["MemberEvents", "WeightRules", "weigh_members"]


@dataclass(frozen=True)
class MemberEvents:
    """Samples of all members and a report of their weights.

    Attributes
    ----------
    training, validation : list of MemberSample
        One for each member; `validation` is empty without a validation sample.
    report : DataFrame
        Physics yield of each member, sample and class, and the numbers of events and
        of effective events, the share of negative weights and the largest share of
        one event, of the weights in the loss.
    """

    training: list[MemberSample]
    validation: list[MemberSample]
    report: pd.DataFrame


@dataclass(frozen=True)
class WeightRules:
    """How training weights follow from physics weights; see `training_weights`."""

    negative_weights: NegativeWeights
    max_weight: float | None
    class_weight: ClassWeight
    signal_weight: float
    pos_label: object

    def scheme(self, targets: Targets) -> WeightScheme:
        """Learn the factors from a sample."""
        return weight_scheme(
            targets.codes,
            targets.classes,
            targets.sample_weight,
            negative_weights=self.negative_weights,
            max_weight=self.max_weight,
            class_weight=self.class_weight,
        )

    def apply(self, scheme: WeightScheme, targets: Targets) -> NDArray[np.float64]:
        """Return the training weights of some events."""
        return scheme.weights(
            targets.codes,
            targets.sample_weight,
            signal_weight=self.signal_weight,
            pos_label=self.pos_label,
        )


def weigh_members(
    splits: Sequence[Split],
    targets: Targets,
    rules: WeightRules,
    explicit: Targets | None = None,
) -> MemberEvents:
    """Training and validation weights of each member, from its own events.

    Parameters
    ----------
    splits : sequence of Split
        Positions of the events of each member.
    targets : Targets
        Classes and physics weights of the events.
    rules : WeightRules
        How training weights are made.
    explicit : Targets, default=None
        The explicit validation sample, the same for all members.

    Returns
    -------
    result : MemberEvents

    Warns
    -----
    LowStatisticsWarning
        If a class has fewer than 10 effective events in a sample; once, naming the
        poorest.
    """
    training: list[MemberSample] = []
    validation: list[MemberSample] = []
    rows = []
    for k, (train, valid) in enumerate(splits):
        if k == 0 or train is not splits[k - 1].train:  # else as the member before
            sample, report = _training_sample(k, train, targets, rules)
        training.append(sample)
        rows += [{"member": k, **row} for row in report]
        if explicit is not None:
            valid, part = np.arange(len(explicit.codes)), explicit  # noqa: PLW2901
        elif valid is not None:
            part = targets.take(valid)
        else:
            continue
        with _named(k, "validation"):
            weights = balanced_weights(part.codes, part.classes, part.sample_weight)
        validation.append(MemberSample(valid, weights))
        rows += [{"member": k, **row} for row in _report("validation", part, weights)]
    table = pd.DataFrame(rows)
    _warn_of_low_statistics(table)
    return MemberEvents(training, validation, table)


def _training_sample(
    member: int, train: NDArray[np.int64], targets: Targets, rules: WeightRules
) -> tuple[MemberSample, list[dict[str, Any]]]:
    part = targets.take(train)
    with _named(member, "training"):
        weights = rules.apply(rules.scheme(part), part)
    used = np.flatnonzero(weights)
    sample = MemberSample(train[used], weights[used])
    return sample, _report("training", part, weights)


@contextmanager
def _named(member: int, sample: str) -> Iterator[None]:
    """Say in which sample the weights of a class cannot be used."""
    try:
        yield
    except WeightsError as error:
        msg = f"In the {sample} sample of member {member}: {error}"
        raise WeightsError(msg) from error


def _report(
    sample: str, targets: Targets, weights: NDArray[np.float64]
) -> list[dict[str, Any]]:
    rows = []
    for code, label in enumerate(targets.classes.tolist()):
        in_class = (targets.codes == code) & (weights != 0.0)
        magnitude = np.abs(weights[in_class])
        rows.append(
            {
                "sample": sample,
                "class": label,
                "yield": targets.sample_weight[targets.codes == code].sum(),
                "n_events": len(magnitude),
                "n_eff": effective_sample_size(weights[in_class]),
                "negative_fraction": np.mean(weights[in_class] < 0.0),
                "largest_share": magnitude.max() / magnitude.sum(),
            }
        )
    return rows


def _warn_of_low_statistics(report: pd.DataFrame) -> None:
    poorest = report.iloc[int(report["n_eff"].argmin())]
    if poorest["n_eff"] < LOW_N_EFF:
        msg = (
            f"Class {poorest['class']!r} has {poorest['n_eff']:.1f} effective events "
            f"in the {poorest['sample']} sample of member {poorest['member']}: its "
            "losses are noisy. Use more events, fewer folds or `max_weight`."
        )
        warn_caller(msg, LowStatisticsWarning)
