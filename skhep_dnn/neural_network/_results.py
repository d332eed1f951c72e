"""From trained groups to the learned attributes of the estimator."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import DivergenceWarning, WeightsError
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._training import GroupPlan, GroupResult

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = ["joined_history", "joined_net", "member_weights", "record_training"]


def record_training(
    model: "NetworkEnsemble",
    net: MemberNet,
    results: Sequence[GroupResult],
    *,
    has_negative: bool,
) -> None:
    """Set what a training has learnt, but for the samples; the net last.

    Parameters
    ----------
    model : NetworkEnsemble
        The estimator.
    net : MemberNet
        All trained members.
    results : sequence of GroupResult
        What the groups have learnt.
    has_negative : bool
        Whether there were events of negative weight.

    Warns
    -----
    DivergenceWarning
        If negative weights have driven the training loss of events below zero and no
        validation loss picked the epoch.
    """
    history = joined_history(results, model.evaluations_per_epoch)
    kept = history[history["kept"]]
    best_loss = np.concatenate([result.best_loss for result in results])
    model.member_weights_ = member_weights(model.member_weighting, best_loss)
    shares = np.concatenate([result.network_weights for result in results])
    model._shares_of_networks = shares
    model.best_loss_ = best_loss
    model.best_epoch_ = kept["epoch"].to_numpy(dtype=np.float64)
    model.n_iter_ = np.concatenate([result.n_epochs for result in results])
    model.history_ = history
    model.callbacks_ = [result.callbacks for result in results]
    learnt = net.module_.parameters()
    model.n_parameters_ = sum(p.numel() for p in learnt) // shares.size
    model.net_ = net
    if has_negative and not getattr(model.loss, "needs_batch", False):
        _warn_of_divergence(history)


def joined_net(plans: Sequence[GroupPlan], results: Sequence[GroupResult]) -> MemberNet:
    """Return one net of all members, in the states that the groups kept."""
    n_networks = results[0].network_weights.shape[1]  # of each member
    seeds = [seed for plan in plans for seed in plan.settings["module__seeds"]]
    settings: dict[str, Any] = {
        **plans[0].settings,
        "module__seeds": np.repeat(seeds, n_networks).tolist(),
    }
    settings |= {"label": "", "verbose": 0, "scorer": None}
    net = MemberNet(**settings).initialize()
    state = {
        name: torch.from_numpy(np.concatenate([r.state[name] for r in results]))
        for name in results[0].state
    }
    net.module_.load_state_dict(state)
    return net


def joined_history(
    results: Sequence[GroupResult], evaluations_per_epoch: int
) -> pd.DataFrame:
    """Return one row for each member and evaluation, until its patience ended."""
    frames = []
    first = 0
    for result in results:
        records = pd.DataFrame(result.history)
        for k, best in enumerate(result.best_epoch):
            frame = pd.DataFrame(
                {
                    "member": first + k,
                    "epoch": records["epoch"] / evaluations_per_epoch,
                    "train_loss": records["train_losses"].str[k],
                    "valid_loss": _column(records, "valid_losses", k),
                    "valid_score": _column(records, "valid_scores", k),
                    "average_loss": _column(records, "average_losses", k),
                    "learning_rate": records["learning_rate"],
                    "momentum": records["momentum"].astype(np.float64),
                    "kept": records["epoch"] == best,
                }
            )
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


def _column(records: pd.DataFrame, name: str, k: int) -> Any:
    return records[name].str[k] if name in records else np.nan


def _warn_of_divergence(history: pd.DataFrame) -> None:
    last = history.groupby("member").last()
    if last["valid_loss"].isna().all() and (last["train_loss"] < 0.0).any():
        losses = last["train_loss"]
        msg = (
            f"The training loss of member {losses.idxmin()} must stay above zero, got "
            f"{losses.min():.3g}: negative weights leave it unbounded below and the "
            "network follows them. Give a validation sample (`validation_fraction`, "
            "`validate_on_fold` or `X_val`), whose best epoch is kept, or set "
            'negative_weights="zero" or "abs".'
        )
        warn_caller(msg, DivergenceWarning)
