"""The plan of a training: who trains on what, with which weights, in which group."""

from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.neural_network._events import (
    Events,
    GroupData,
    ScoredEvents,
)
from skhep_dnn.neural_network._member_weights import weigh_members
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._samples import Sample
from skhep_dnn.neural_network._settings import (
    check_networks_kept,
    net_settings,
    split_rules,
    torch_device,
    weight_rules,
)
from skhep_dnn.neural_network._splits import Split, member_splits, untouched_events
from skhep_dnn.neural_network._training import GroupPlan, group_slices
from skhep_dnn.weights._class_sums import sums_by_class
from skhep_dnn.weights._scheme import WeightScheme

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = [
    "MemberSeeds",
    "Plan",
    "batch_shape",
    "common_events",
    "member_seeds",
    "plan_groups",
]

MAX_SEED = 2**31 - 1


class Plan(NamedTuple):
    """The plan of a fit.

    Attributes
    ----------
    groups : list of GroupPlan
        The groups to train.
    report : DataFrame
        Yields and effective events of all samples.
    scheme : WeightScheme
        How training weights follow from physics weights, by the whole sample.
    untouched : list of ndarray
        Rows that each member neither trains nor validates on; empty without folds.
    """

    groups: list[GroupPlan]
    report: pd.DataFrame
    scheme: WeightScheme
    untouched: list[NDArray[np.int64]]


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


def plan_groups(
    model: "NetworkEnsemble",
    sample: Sample,
    explicit: Sample | None,
    seeds: MemberSeeds,
    start: MemberNet | None = None,
) -> Plan:
    """Split events among members, weigh them, and gather members in groups.

    The members begin from the networks of `start`, where it is given.
    """
    rules = weight_rules(model)
    # What is wrong with the whole sample is said of the whole, before any fold.
    scheme = rules.scheme(sample.targets)
    names = getattr(model, "feature_names_in_", None)
    splits = member_splits(
        sample,
        split_rules(model),
        None if names is None else names.tolist(),
        seeds=seeds.splits,
        fold_seed=seeds.folds,
    )
    held_out = None if explicit is None else explicit.targets
    splits, all_splits = splits[: model.n_members], splits
    members = weigh_members(splits, sample.targets, rules, held_out)
    sizes = [len(member.index) for member in members.training]
    if isinstance(model.cv, Integral) and model.negative_weights != "zero":
        # Own folds have nearly one size: a larger ensemble contains the smaller one.
        sizes += [len(split.train) for split in all_splits]
    n_steps, width = batch_shape(max(sizes), model.batch_size)
    _check_evaluations(model.evaluations_per_epoch, n_steps)
    events = common_events(sample)
    scored = _scored_events(model, sample, explicit, splits)
    state = (
        None if start is None else _state(start, net_settings(model, seeds.networks))
    )
    plans = []
    for number, part in enumerate(_groups(model)):
        data = GroupData(
            events=events,
            validation_events=events if explicit is None else common_events(explicit),
            training=tuple(members.training[part]),
            validation=tuple(members.validation[part]),
            n_steps=n_steps,
            width=width,
            seeds=tuple(seeds.orders[part]),
            scored=tuple(scored[part]),
        )
        settings = net_settings(model, seeds.networks[part])
        settings |= {"label": _label(part), "bar_position": number}
        own = None if state is None else {k: v[part] for k, v in state.items()}
        plans.append(GroupPlan(settings, data, own))
    has_folds = model.cv is not None and not model.validate_on_fold
    untouched = untouched_events(splits, len(sample.columns)) if has_folds else []
    return Plan(plans, members.report, scheme, untouched)


def common_events(sample: Sample) -> Events:
    """Return columns and targets as the batches take them."""
    codes, classes = sample.targets.codes, sample.targets.classes
    kind = np.float32 if len(classes) == 2 else np.int64
    return Events(sample.columns, codes.astype(kind))


def batch_shape(largest: int, batch_size: int) -> tuple[int, int]:
    """Return steps and batch width that fit the largest member, in equal batches."""
    n_steps = -(-largest // batch_size)
    return n_steps, -(-largest // n_steps)


def _state(net: MemberNet, settings: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return the states that members begin from: without their snapshots."""
    before, rule = net.get_params(deep=False), net.snapshots
    firsts = slice(None, None, 1 if rule is None else rule.n_snapshots)
    before["module__seeds"] = before["module__seeds"][firsts]
    check_networks_kept(before, settings)
    state = net.module_.state_dict()
    return {name: value[firsts].cpu().numpy() for name, value in state.items()}


def _check_evaluations(evaluations_per_epoch: int, n_steps: int) -> None:
    if evaluations_per_epoch > n_steps:
        msg = (
            "`evaluations_per_epoch` must be at most the number of batches of a pass, "
            f"got {evaluations_per_epoch!r} for {n_steps}. Lower it or `batch_size`."
        )
        raise ValueError(msg)


def _scored_events(
    model: "NetworkEnsemble",
    sample: Sample,
    explicit: Sample | None,
    splits: list[Split],
) -> list[ScoredEvents]:
    """Return the validation events of each member, if a scorer asks for them."""
    if model.scoring is None:
        return []
    if explicit is not None:
        everything = np.arange(len(explicit.targets.codes))
        return [_scored(explicit, everything)] * len(splits)
    return [_scored(sample, split.valid) for split in splits if split.valid is not None]


def _scored(sample: Sample, index: NDArray[np.int64]) -> ScoredEvents:
    """Return some events, with their weights scaled to the yields of the sample."""
    part, n_classes = sample.targets.take(index), len(sample.targets.classes)
    weights = None
    if sample.is_weighted:
        full = sums_by_class(
            sample.targets.sample_weight, sample.targets.codes, n_classes
        )
        own = sums_by_class(part.sample_weight, part.codes, n_classes)
        weights = part.sample_weight * (full / own)[part.codes]
    return ScoredEvents(
        X=_safe_indexing(sample.X, index),
        y=part.classes[part.codes],
        sample_weight=weights,
        classes=part.classes,
    )


def _groups(model: "NetworkEnsemble") -> list[slice]:
    if torch_device(model.device) == "cpu":
        return group_slices(model.n_members)
    return [slice(0, model.n_members)]


def _label(part: slice) -> str:
    if part.stop - part.start == 1:
        return f"member {part.stop}"
    return f"members {part.start + 1}-{part.stop}"
