"""One record for each member: its events, their weights, its seeds and its score.

Each member weighs its own training events, as if they were all there is: what it is
balanced by, and its constant factor, follow from its own part of the sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._event_sample import Targets
from skhep_dnn._messages import shown
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.neural_network._engine.data import Member, MemberSample
from skhep_dnn.neural_network._preparation.member_splits import Split
from skhep_dnn.neural_network._preparation.refinement import Refinement
from skhep_dnn.neural_network._preparation.sample import Sample
from skhep_dnn.neural_network._preparation.validation_scores import (
    Scorer,
    validation_score,
)
from skhep_dnn.weights import ClassWeight, NegativeWeights, effective_sample_size
from skhep_dnn.weights._scheme import (
    WeightScheme,
    balanced_weights,
    scheme_so_far,
    weight_scheme,
    with_mean_sign,
)
from skhep_dnn.weights._training import LOW_N_EFF

__all__ = [
    "MAX_SEED",
    "MemberEvents",
    "MemberSeeds",
    "WeightRules",
    "make_members",
    "member_seeds",
    "naming",
    "weigh_members",
]

MAX_SEED = 2**31 - 1


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
        one event, of the weights in the loss; the effective events of the signed
        physics weights; and the share of events whose weight in the loss is 0.
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

    def scheme_so_far(self, targets: Targets) -> WeightScheme:
        """Learn the factors from events that may not be of all classes yet."""
        return scheme_so_far(
            targets.codes,
            targets.classes,
            targets.sample_weight,
            negative_weights=self.negative_weights,
            max_weight=self.max_weight,
            class_weight=self.class_weight,
        )

    def scheme_of_whole(self, targets: Targets) -> WeightScheme:
        """Learn the factors from a sample whose weights are not refined.

        They are those of refined weights but for the cap, since each class has the
        same sum.
        """
        if self.negative_weights == "refine":
            even = with_mean_sign(targets.codes, targets.classes, targets.sample_weight)
            targets = replace(targets, sample_weight=even)
        return self.scheme(targets)

    def apply(self, scheme: WeightScheme, targets: Targets) -> NDArray[np.float64]:
        """Return the training weights of some events."""
        return scheme.weights(
            targets.codes,
            targets.sample_weight,
            signal_weight=self.signal_weight,
            pos_label=self.pos_label,
        )


class MemberSeeds(NamedTuple):
    """Seeds of the folds, and of each member's split, initial weights and order."""

    folds: int
    splits: list[int]
    networks: list[int]
    orders: list[int]


def member_seeds(random_state: np.random.RandomState, n_members: int) -> MemberSeeds:
    """Draw all seeds, so that a larger ensemble contains the smaller one."""
    folds = int(random_state.randint(MAX_SEED))
    splits, networks, orders = random_state.randint(MAX_SEED, size=(n_members, 3)).T
    return MemberSeeds(folds, splits.tolist(), networks.tolist(), orders.tolist())


def weigh_members(
    splits: Sequence[Split],
    targets: Targets,
    rules: WeightRules,
    explicit: Targets | None = None,
    refinement: Refinement | None = None,
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
    refinement : Refinement, default=None
        Makes the weights of training events positive; None where none is negative,
        or the rules do not ask for it.

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
    # Members with one and the same array of rows share its weights.
    known: dict[int, tuple[MemberSample, list[dict[str, Any]]]] = {}
    everything = None if explicit is None else np.arange(len(explicit.codes))
    for k, (train, valid, fold) in enumerate(splits):
        if id(train) not in known:
            part = targets.take(train)
            with naming(_sample_of("training", k, fold)):
                refined = None if refinement is None else refinement.weights(train, k)
                known[id(train)] = _training_sample(train, part, rules, refined)
        sample, report = known[id(train)]
        training.append(sample)
        rows += [{"member": k, **row} for row in report]
        if explicit is not None:
            valid, part = everything, explicit  # noqa: PLW2901
        elif valid is not None:
            part = targets.take(valid)
        if valid is None:
            continue
        with naming(_sample_of("validation", k, fold)):
            weights = balanced_weights(part.codes, part.classes, part.sample_weight)
        validation.append(MemberSample(valid, weights))
        report = _report("validation", part, weights)
        rows += [{"member": k, **row} for row in report]
    table = pd.DataFrame(rows)
    _warn_of_low_statistics(table)
    return MemberEvents(training, validation, table)


def make_members(
    training: Sequence[MemberSample],
    seeds: MemberSeeds,
    validation: Sequence[MemberSample] = (),
    *,
    scorer: Scorer | None = None,
    judged: Sample | None = None,
    starts: Sequence[Mapping[str, NDArray[np.float32]]] | None = None,
) -> list[Member]:
    """Return the records that the engine trains.

    Parameters
    ----------
    training : sequence of MemberSample
        Events and weights that each member trains on.
    seeds : MemberSeeds
        Their seeds.
    validation : sequence of MemberSample, default=()
        Those that it is judged on; none without a validation sample.
    scorer : callable or None, default=None
        Judges a member on its validation events; None: the validation loss.
    judged : Sample or None, default=None
        What the validation events are rows of, for the scorer.
    starts : sequence of mapping or None, default=None
        States that the members begin from.

    Returns
    -------
    members : list of Member
    """
    members: list[Member] = []
    score = None
    for k, sample in enumerate(training):
        held_out = validation[k] if validation else None
        if scorer is not None and judged is not None and held_out is not None:
            # All members share an explicit sample, and so its one table.
            is_shared = k > 0 and held_out.index is members[-1].validation_rows
            if not is_shared:
                score = validation_score(scorer, judged.events, held_out.index)
        members.append(
            Member(
                rows=sample.index,
                weights=sample.weights,
                validation_rows=None if held_out is None else held_out.index,
                validation_weights=None if held_out is None else held_out.weights,
                network_seed=seeds.networks[k],
                order_seed=seeds.orders[k],
                start=None if starts is None else starts[k],
                score=score,
            )
        )
    return members


def _training_sample(
    train: NDArray[np.int64],
    part: Targets,
    rules: WeightRules,
    refined: NDArray[np.float64] | None,
) -> tuple[MemberSample, list[dict[str, Any]]]:
    if refined is None:
        weights = rules.apply(rules.scheme(part), part)
        used = np.flatnonzero(weights)
        sample = MemberSample(train[used], weights[used])
    else:
        positive = replace(part, sample_weight=refined)
        weights = rules.apply(rules.scheme(positive), positive)
        # An event of weight 0 keeps its place in a batch: which events share one does
        # not depend on what the networks of the signs make of them.
        sample = MemberSample(train, weights)
    return sample, _report("training", part, weights)


@contextmanager
def naming(sample: str) -> Iterator[None]:
    """Say in which sample a class is missing, or its weights cannot be used."""
    try:
        yield
    except WeightsError as error:
        msg = f"In the {sample}: {error}"
        raise WeightsError(msg) from error


def _sample_of(kind: str, member: int, fold: int | None) -> str:
    which = "" if fold is None else f", which leaves out fold {fold}"
    return f"{kind} sample of member {member}{which}"


def _report(
    sample: str, targets: Targets, weights: NDArray[np.float64]
) -> list[dict[str, Any]]:
    rows = []
    for code, label in enumerate(targets.classes.tolist()):
        is_own = targets.codes == code
        in_class = is_own & (weights != 0.0)
        physics = targets.sample_weight[is_own]
        magnitude = np.abs(weights[in_class])
        rows.append(
            {
                "sample": sample,
                "class": label,
                "yield": physics.sum(),
                "n_events": len(magnitude),
                "n_eff": effective_sample_size(weights[in_class]),
                "negative_fraction": np.mean(weights[in_class] < 0.0),
                "largest_share": magnitude.max() / magnitude.sum(),
                "signed_n_eff": effective_sample_size(physics),
                "clipped_fraction": np.mean(weights[is_own] == 0.0),
            }
        )
    return rows


def _warn_of_low_statistics(report: pd.DataFrame) -> None:
    poorest = report.iloc[int(report["n_eff"].argmin())]
    if poorest["n_eff"] < LOW_N_EFF:
        msg = (
            f"Class {shown(poorest['class'])} has {poorest['n_eff']:.1f} effective "
            f"events in the {poorest['sample']} sample of member {poorest['member']}: "
            "its losses are noisy. Use more events, fewer folds or `max_weight`."
        )
        warn_caller(msg, LowStatisticsWarning)
