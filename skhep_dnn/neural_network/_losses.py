"""Losses: one value for each event of each member; the engine applies the weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LOSSES", "FocalLoss", "Loss", "MemberLoss", "cross_entropy"]

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


@dataclass(frozen=True)
class FocalLoss:
    r"""Focal loss: cross-entropy that fades for events that are already right.

    :math:`(1 - p_t)^\gamma` times the cross-entropy, where :math:`p_t` is the
    probability of the true class. A network trained with it is under-confident: its
    probabilities need a calibration.

    Parameters
    ----------
    gamma : float, default=2.0
        Strength of the fading; 0 is the cross-entropy.

    Raises
    ------
    ValueError
        If `gamma` is negative or not finite.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal loss for dense
       object detection", arXiv:1708.02002, Eq. (4).

    Examples
    --------
    >>> import torch
    >>> from skhep_dnn.neural_network import FocalLoss
    >>> FocalLoss(gamma=1.0)(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    tensor([[0.3466, 0.3466]])
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        """Refuse an exponent where it is written."""
        if not 0.0 <= self.gamma < float("inf"):
            msg = (
                f"`gamma` must be finite and not negative, got {self.gamma!r}. "
                "Correct it."
            )
            raise ValueError(msg)

    def __call__(self, logit: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each event of each member."""
        wrong = torch.sigmoid(logit * (1.0 - 2.0 * target))
        return wrong**self.gamma * cross_entropy(logit, target)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "focal": FocalLoss()}


class MemberLoss(nn.Module):
    """Weighted sum of a loss over the events of a batch, for each member.

    The weights multiply the loss of each event before anything is summed.

    **Shape:** three tensors of shape `(n_members, n_batch)` to `(n_members,)`.

    Parameters
    ----------
    loss : callable
        Maps logits and targets to the loss of each event of each member.
    label_smoothing : float
        Share of each event that counts, in training, as half signal and half
        background.
    """

    def __init__(
        self, loss: Loss = cross_entropy, label_smoothing: float = 0.0
    ) -> None:
        super().__init__()
        self.loss = loss
        self.label_smoothing = label_smoothing

    def forward(self, logit: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the sum of weight times loss, where and as precise as the weights."""
        event_loss = self.loss(logit, target)
        if event_loss.shape != logit.shape:
            msg = (
                "`loss` must return one value for each event of each member, of shape "
                f"{tuple(logit.shape)}, got {tuple(event_loss.shape)}. Leave the sum "
                "and the weights to the engine."
            )
            raise ValueError(msg)
        if self.training and self.label_smoothing > 0.0:
            half = self.label_smoothing / 2.0
            other = self.loss(logit, 1.0 - target)
            event_loss = (1.0 - half) * event_loss + half * other
        return (event_loss.to(weight.device).to(weight.dtype) * weight).sum(1)
