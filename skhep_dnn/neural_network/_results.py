"""From trained groups to the learned attributes of the estimator."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from skhep_dnn.exceptions import DivergenceWarning, WeightsError
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._training import GroupPlan, GroupResult

__all__ = ["joined_history", "joined_net", "member_weights", "warn_of_divergence"]


def joined_net(plans: Sequence[GroupPlan], results: Sequence[GroupResult]) -> MemberNet:
    """Return one net of all members, in the states that the groups kept."""
    seeds = [seed for plan in plans for seed in plan.settings["module__seeds"]]
    settings = {**plans[0].settings, "module__seeds": seeds, "label": "", "verbose": 0}
    net = MemberNet(**settings).initialize()
    state = {
        name: torch.from_numpy(np.concatenate([r.state[name] for r in results]))
        for name in results[0].state
    }
    net.module_.load_state_dict(state)
    return net


def joined_history(results: Sequence[GroupResult]) -> pd.DataFrame:
    """Return one row for each member and epoch, until its patience ended."""
    frames = []
    first = 0
    for result in results:
        records = pd.DataFrame(result.history)
        for k, best in enumerate(result.best_epoch):
            frame = pd.DataFrame(
                {
                    "member": first + k,
                    "epoch": records["epoch"],
                    "train_loss": records["train_losses"].str[k],
                    "valid_loss": np.nan,
                    "learning_rate": records["learning_rate"],
                    "kept": records["epoch"] == best,
                }
            )
            if "valid_losses" in records:
                frame["valid_loss"] = records["valid_losses"].str[k]
            frames.append(frame[: result.n_epochs[k]])
        first += len(result.best_epoch)
    return pd.concat(frames, ignore_index=True)


def member_weights(
    member_weighting: str, best_loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights of the members in the mean probability; their sum is 1."""
    if member_weighting == "uniform":
        return np.full(len(best_loss), 1.0 / len(best_loss))
    if (best_loss <= 0.0).any():
        msg = (
            'member_weighting="inverse_loss" must have positive validation losses, '
            f"got {best_loss.min():.3g} for member {best_loss.argmin()}. Use "
            'member_weighting="uniform".'
        )
        raise WeightsError(msg)
    return (1.0 / best_loss) / (1.0 / best_loss).sum()


def warn_of_divergence(history: pd.DataFrame) -> None:
    """Warn if no validation loss was there to stop a training loss below zero."""
    last = history.groupby("member").last()
    if last["valid_loss"].isna().all() and (last["train_loss"] < 0.0).any():
        losses = last["train_loss"]
        msg = (
            f"The training loss of member {losses.idxmin()} must stay above zero, got "
            f"{losses.min():.3g}: negative weights leave it unbounded below and the "
            "network follows them. Give a validation sample "
            "(`validation_fraction`, `cv` or `X_val`), whose best epoch is kept, or "
            'set negative_weights="zero" or "abs".'
        )
        warnings.warn(msg, DivergenceWarning, stacklevel=4)  # the caller of fit
