"""Training in passes over events that come one part at a time (`partial_fit`).

All members train as one group in this process, so that the net, its optimiser and its
random numbers go on from call to call. A call works on a copy of the net: one that
fails or is interrupted leaves the last one as it was.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._events import GroupData, MemberSample
from skhep_dnn.neural_network._member_weights import WeightRules
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._plan import batch_shape, common_events, member_seeds
from skhep_dnn.neural_network._samples import Sample, check_more, check_training
from skhep_dnn.neural_network._schedules import CyclicSchedule, constant
from skhep_dnn.neural_network._settings import (
    check_networks_kept,
    net_settings,
    weight_rules,
)
from skhep_dnn.neural_network._training import own_callbacks

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = ["check_part", "train_pass"]


def check_part(
    model: "NetworkEnsemble",
    X: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike | None,
    sample_weight: ArrayLike | None,
) -> Sample:
    """Check one part of the events; the first one must have events of all classes."""
    if hasattr(model, "net_"):
        _check_classes(model.classes_, classes)
        return check_more(model, X, y, sample_weight)
    sample = check_training(model, X, y, sample_weight)
    if classes is not None:
        missing = np.setdiff1d(np.asarray(classes), model.classes_).tolist()
        if missing:
            msg = (
                "The first call of `partial_fit` must get events of all classes, which "
                f"balance the weights, got none of {missing!r}. Mix the classes."
            )
            raise WeightsError(msg)
        _check_classes(model.classes_, classes)
    return sample


def train_pass(model: "NetworkEnsemble", sample: Sample) -> tuple[MemberNet, GroupData]:
    """Return the net after one pass more over some events, and their batches."""
    rules = weight_rules(model)
    if not hasattr(model, "net_"):
        model._weight_scheme = rules.scheme(sample.targets)
        model._weight_rules = rules
    _check_weight_rules(model._weight_rules, rules)
    weights = rules.apply(model._weight_scheme, sample.targets)
    used = np.flatnonzero(weights)
    if len(used) == 0:
        msg = (
            "`sample_weight` must leave events to train on, got none whose training "
            "weight is not zero. Pass a larger part of the events, or choose another "
            "`negative_weights`."
        )
        raise WeightsError(msg)
    events = MemberSample(used, weights[used])
    seeds = member_seeds(check_random_state(model.random_state), model.n_members)
    settings = net_settings(model, seeds.networks)
    n_steps, width = batch_shape(len(used), model.batch_size)
    common = common_events(sample)
    data = GroupData(
        events=common,
        validation_events=common,
        training=(events,) * model.n_members,
        validation=(),
        n_steps=n_steps,
        width=width,
        seeds=tuple(seeds.orders),
    )
    net = _net(model, settings, data)
    _check_schedule(net)
    for _ in net.proceed(data, 1):
        pass
    return net, data


def _net(
    model: "NetworkEnsemble", settings: dict[str, Any], data: GroupData
) -> MemberNet:
    if not hasattr(model, "net_"):
        callbacks = own_callbacks(model.callbacks or [], 0, 1)
        net = MemberNet(**settings, callbacks=callbacks)
        net.begin(data)
        return net
    before = model.net_.get_params(deep=False)
    if before["snapshots"] is not None:
        msg = (
            "`partial_fit` must go on from one network of each member, got several: "
            f"the last `fit` had snapshots={before['snapshots']!r}. Go on with `fit` "
            "and warm_start=True, which takes the best ones, or start anew."
        )
        raise ValueError(msg)
    check_networks_kept(before, settings)
    for name in ("optimizer", "device"):
        if settings[name] != before[name]:
            msg = (
                f"`{name}` must stay the same between the calls of `partial_fit`, got "
                f"{getattr(model, name)!r}. Set it back, or start anew with `fit`."
            )
            raise ValueError(msg)
    net = deepcopy(model.net_)
    if not hasattr(net, "generators_"):  # the net comes from `fit`
        net.callbacks = own_callbacks(model.callbacks or [], 0, 1)
        net.initialize_callbacks()
        net.draw_from(data.seeds)
    net.adopt(settings)
    return net


def _check_weight_rules(before: WeightRules, rules: WeightRules) -> None:
    for name in ("negative_weights", "max_weight", "class_weight"):
        if getattr(rules, name) != getattr(before, name):
            msg = (
                f"`{name}` must stay {getattr(before, name)!r}, with which the factors "
                f"of the classes were learnt, got {getattr(rules, name)!r}. Set it "
                "back, or start anew with `fit`."
            )
            raise ValueError(msg)


def _check_classes(known: NDArray[Any], classes: ArrayLike | None) -> None:
    if classes is not None and not np.array_equal(known, np.unique(classes)):
        msg = (
            f"`classes` must be the classes of the first call, {known.tolist()!r}, got "
            f"{np.unique(classes).tolist()!r}. Leave it out, or start anew."
        )
        raise ValueError(msg)


def _check_schedule(net: MemberNet) -> None:
    endless = net.schedule is constant or isinstance(net.schedule, CyclicSchedule)
    if not endless and net.passes_ >= net.max_epochs:
        msg = (
            f"`max_epochs` must be more than the {net.passes_} passes that `schedule` "
            f"has run through, got {net.max_epochs!r}. Raise it, or set "
            'schedule="constant" to go on.'
        )
        raise ValueError(msg)
