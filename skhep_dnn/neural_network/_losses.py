"""Losses: one value for each event of each member; the engine applies the weights."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Loss", "MemberLoss", "cross_entropy"]

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logit: Tensor, target: Tensor) -> Tensor:
    r"""Binary cross-entropy :math:`\ln(1 + e^z) - y z` of logits.

    **Shape:** two tensors of shape `(n_members, n_batch)` to the same.

    Parameters
    ----------
    logit : Tensor
        Output :math:`z` of the network.
    target : Tensor
        Labels :math:`y`, 0 or 1.

    Returns
    -------
    loss : Tensor

    Examples
    --------
    >>> import torch
    >>> cross_entropy(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    tensor([[0.6931, 0.6931]])
    """
    return functional.binary_cross_entropy_with_logits(logit, target, reduction="none")


class MemberLoss(nn.Module):
    """Weighted sum of a loss over the events of a batch, for each member.

    The weights multiply the loss of each event before anything is summed.

    **Shape:** three tensors of shape `(n_members, n_batch)` to `(n_members,)`.

    Parameters
    ----------
    loss : callable
        Maps logits and targets to the loss of each event of each member.
    """

    def __init__(self, loss: Loss = cross_entropy) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logit: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the sum of weight times loss, where and as precise as the weights."""
        event_loss = self.loss(logit, target).to(weight.device)
        return (event_loss.to(weight.dtype) * weight).sum(1)
