"""Optimisers by name; penalties and the clipping of gradients, member by member."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "OPTIMIZERS",
    "add_penalties",
    "clip_member_norms",
    "current_momentum",
    "optimizer_settings",
]

OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")


def optimizer_settings(
    name: str,
    *,
    beta_1: float,
    beta_2: float,
    eps: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> dict[str, Any]:
    """Return the parameters of a skorch net for one of the optimisers.

    Parameters
    ----------
    name : {"adam", "adamw", "rmsprop", "sgd"}
        The optimiser; each takes the parameters that it knows and ignores the others.
    beta_1, beta_2 : float
        Decay of the means of gradients and of squared gradients (adam, adamw);
        `beta_2` is also that of rmsprop.
    eps : float
        Added to the root of the mean square.
    momentum : float
        Momentum of sgd.
    nesterov : bool
        Whether sgd looks ahead.
    weight_decay : float
        Decoupled decay of adamw, relative to the learning rate.

    Returns
    -------
    settings : dict

    Examples
    --------
    >>> settings = optimizer_settings(
    ...     "sgd",
    ...     beta_1=0.9,
    ...     beta_2=0.999,
    ...     eps=1e-8,
    ...     momentum=0.9,
    ...     nesterov=True,
    ...     weight_decay=0.0,
    ... )
    >>> settings["optimizer__momentum"]
    0.9
    """
    kinds: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
        "adam": (
            torch.optim.Adam,
            {"betas": (beta_1, beta_2), "eps": eps, "fused": True},
        ),
        "adamw": (
            torch.optim.AdamW,
            {
                "betas": (beta_1, beta_2),
                "eps": eps,
                "weight_decay": weight_decay,
                "fused": True,
            },
        ),
        "rmsprop": (torch.optim.RMSprop, {"alpha": beta_2, "eps": eps}),
        "sgd": (
            torch.optim.SGD,
            {
                "momentum": momentum,
                "nesterov": nesterov and momentum > 0.0,
                "fused": True,
            },
        ),
    }
    kind, options = kinds[name]
    return {
        "optimizer": kind,
        **{f"optimizer__{key}": value for key, value in options.items()},
    }


@torch.no_grad()
def add_penalties(weights: list[Tensor], l1: float, l2: float) -> None:
    """Add the gradients of `l1 * sum(|w|) + l2 * sum(w**2)` in place.

    Parameters
    ----------
    weights : list of Tensor
        Weight matrices; one without a gradient is frozen and stays so.
    l1, l2 : float
        Factors of the two sums.

    Examples
    --------
    >>> weight = torch.tensor([3.0, -1.0], requires_grad=True)
    >>> weight.grad = torch.zeros(2)
    >>> add_penalties([weight], l1=0.1, l2=1.0)
    >>> weight.grad
    tensor([ 6.1000, -2.1000])
    """
    learnt = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in learnt if weight.grad is not None]
    if l2 > 0.0:
        torch._foreach_add_(gradients, learnt, alpha=2.0 * l2)
    if l1 > 0.0:
        signs = torch._foreach_sign(learnt)
        torch._foreach_add_(gradients, signs, alpha=l1)


@torch.no_grad()
def clip_member_norms(gradients: Sequence[Tensor], clip_norm: float) -> None:
    """Scale each member's gradients in place so that their norm is at most a limit.

    Parameters
    ----------
    gradients : sequence of Tensor, each of shape (n_members, ...)
        Gradients of all parameters.
    clip_norm : float
        Largest Euclidean norm of all gradients of one member.

    Examples
    --------
    >>> gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    >>> clip_member_norms([gradient], 1.0)
    >>> gradient
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    # One norm for each member, over all its parameters; no member is scaled for the
    # gradients of another one.
    squares = [gradient.flatten(1).square().sum(1) for gradient in gradients]
    norm = torch.stack(squares).sum(0).sqrt()
    factor = (clip_norm / norm.clamp_min(clip_norm)).to(gradients[0].dtype)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))


def current_momentum(optimizer: torch.optim.Optimizer) -> float | None:
    """Momentum, which is the first coefficient of adam; None of one without.

    Examples
    --------
    >>> current_momentum(torch.optim.Adam([torch.zeros(1)], betas=(0.85, 0.999)))
    0.85
    """
    group = optimizer.param_groups[0]
    momentum = group["betas"][0] if "betas" in group else group["momentum"]
    return float(momentum) if momentum > 0.0 else None
