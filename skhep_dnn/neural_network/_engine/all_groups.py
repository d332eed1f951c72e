"""One net for all groups, seen by callbacks that report to the outside world.

A group knows its own members alone. Whoever prunes a trial, or draws a curve, wants one
number for each evaluation, of all members: so after the groups have done their part,
their histories are joined into the row of a net that holds them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch

from skhep_dnn.neural_network._engine.callbacks import Named, own_callbacks
from skhep_dnn.neural_network._engine.data import Group
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.settings import TrainingSettings

__all__ = ["AllGroups"]

Row = Mapping[str, Any]


class AllGroups:
    """Calls callbacks once for all groups.

    Their net is no group's: its history has the mean over all members, its networks
    are copies of those in the groups, and it takes no steps of its own. Of batches they
    hear nothing, since groups have none in common.

    Parameters
    ----------
    settings : TrainingSettings
        What the members share.
    groups : sequence of Group
        All of them.
    callbacks : list of (str, callback)
        Of the user; copied here.
    """

    def __init__(
        self, settings: TrainingSettings, groups: Sequence[Group], callbacks: Named
    ) -> None:
        members = [member for group in groups for member in group.members]
        self.sizes = [len(group.members) for group in groups]
        self.events = groups[0].events
        self.net = MemberNet(
            settings,
            [member.network_seed for member in members],
            [member.inputs for member in members],
            callbacks=own_callbacks(callbacks, 0, 1),
        )

    @property
    def callbacks(self) -> Named:
        """The copies, with their names."""
        return list(self.net.callbacks_)

    def begin(self, nets: Sequence[MemberNet]) -> None:
        """Tell that the training begins, in the states that the groups begin with."""
        self.net.initialize()
        self._copy_states(nets)
        self.net.notify("on_train_begin", X=self.events.X, y=self.events.y)

    def begin_epoch(self) -> None:
        """Tell that the groups will train up to their next evaluation."""
        self.net.notify("on_epoch_begin")

    def end_epoch(self, nets: Sequence[MemberNet]) -> None:
        """Tell what all groups have found.

        Members that have ended count with what was last seen of them.
        """
        self._copy_states(nets)
        history = self.net.history
        history.new_batch()  # of no content: some callbacks look for the last one
        for name, value in _joined([net.history[-1] for net in nets], self.sizes):
            history.record(name, value)
        self.net.record_best()
        self.net.notify("on_epoch_end")

    def end(self, nets: Sequence[MemberNet]) -> None:
        """Tell that the training has ended, in the states that are kept."""
        self._copy_states(nets)
        self.net.notify("on_train_end", X=self.events.X, y=self.events.y)

    @torch.no_grad()
    def _copy_states(self, nets: Sequence[MemberNet]) -> None:
        states = [net.module_.state_dict() for net in nets]
        self.net.module_.load_state_dict(
            {name: torch.cat([s[name] for s in states]) for name in states[0]}
        )
        for own, running in zip(
            self.net.optimizer_.param_groups,
            nets[0].optimizer_.param_groups,
            strict=True,
        ):
            own.update({k: v for k, v in running.items() if k != "params"})


def _joined(rows: Sequence[Row], sizes: Sequence[int]) -> list[tuple[str, Any]]:
    """Return what all groups have recorded: lists of all members, means of numbers."""
    joined: list[tuple[str, Any]] = []
    for name, first in rows[0].items():
        values = [row[name] for row in rows if name in row]
        if len(values) < len(rows) or name in ("batches", "epoch"):
            continue
        if isinstance(first, list):
            joined.append((name, [item for value in values for item in value]))
        elif all(value == first for value in values):
            joined.append((name, first))
        elif isinstance(first, bool):
            joined.append((name, any(values)))
        elif isinstance(first, Number):
            joined.append((name, float(np.average(values, weights=sizes))))
    return joined
