"""Losses: one value for each event of each member; the engine applies the weights.

A loss that cannot be written as a sum over events, such as a significance or a distance
correlation, says so by an attribute `needs_batch = True` and gets the weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LOSSES", "FocalLoss", "Loss", "MemberLoss", "cross_entropy"]

Loss = Callable[..., Tensor]


def cross_entropy(logit: Tensor, target: Tensor) -> Tensor:
    r"""Cross-entropy of logits: minus the logarithm of the true class' probability.

    With one logit :math:`z` it is :math:`\ln(1 + e^z) - y z`; with one for each class
    :math:`\ln \sum_c e^{z_c} - z_y`.

    **Shape:** logits `(n_members, n_batch)` or `(n_members, n_batch, n_classes)`,
    targets `(n_members, n_batch)`, to `(n_members, n_batch)`.

    Parameters
    ----------
    logit : Tensor
        Output of the network.
    target : Tensor
        Labels: 0 or 1, or the position of the class.

    Returns
    -------
    loss : Tensor

    Examples
    --------
    >>> import torch
    >>> cross_entropy(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    tensor([[0.6931, 0.6931]])
    >>> cross_entropy(torch.zeros(1, 2, 3), torch.tensor([[0, 2]]))
    tensor([[1.0986, 1.0986]])
    """
    if logit.dim() == target.dim():
        return functional.binary_cross_entropy_with_logits(
            logit, target, reduction="none"
        )
    loss = functional.cross_entropy(
        logit.flatten(0, 1), target.long().flatten(), reduction="none"
    )
    return loss.view(target.shape)


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
        loss = cross_entropy(logit, target)
        wrong = -torch.expm1(-loss)  # 1 - p_t, without cancellation near p_t = 1
        return wrong**self.gamma * loss


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "focal": FocalLoss()}


class MemberLoss(nn.Module):
    """Weighted sum of a loss over the events of a batch, for each member.

    The weights multiply the loss of each event before anything is summed. A loss that
    needs the batch is a mean over it: it is multiplied by the sum of the weights.

    **Shape:** logits, targets and weights of shape `(n_members, n_batch)`, the logits
    of several classes with one more axis, to `(n_members,)`.

    Parameters
    ----------
    loss : callable
        Maps logits and targets to the loss of each event of each member; or, with an
        attribute `needs_batch = True`, logits, targets and weights to the loss of
        each member.
    label_smoothing : float
        Share of each event that counts, in training, for all classes alike.
    """

    def __init__(
        self, loss: Loss = cross_entropy, label_smoothing: float = 0.0
    ) -> None:
        super().__init__()
        self.loss = loss
        self.label_smoothing = label_smoothing

    def forward(self, logit: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the sum of weight times loss, where and as precise as the weights."""
        if getattr(self.loss, "needs_batch", False):
            return self._of_batch(logit, target, weight)
        event_loss = self.loss(logit, target)
        _check_shape(event_loss, target.shape, "each event of each member")
        if self.training and self.label_smoothing > 0.0:
            smoothing = self.label_smoothing
            event_loss = torch.lerp(event_loss, self._blurred(logit, target), smoothing)
        return torch.linalg.vecdot(event_loss.to(weight), weight)

    def _of_batch(self, logit: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        loss = self.loss(logit, target, weight.to(logit))
        _check_shape(loss, target.shape[:1], "each member")
        # In training like a sum over events, whose gradients are divided by the width
        # of the batch. In validation the weights of a member sum to one.
        total = (weight.abs() if self.training else weight).sum(1)
        return loss.to(weight) * total

    def _blurred(self, logit: Tensor, target: Tensor) -> Tensor:
        """Return the mean of the losses with each class as the target."""
        n_classes = logit.shape[2] if logit.dim() > target.dim() else 2
        losses = [
            self.loss(logit, torch.full_like(target, k)) for k in range(n_classes)
        ]
        return torch.stack(losses).mean(0)


def _check_shape(loss: Tensor, expected: torch.Size, what: str) -> None:
    if loss.shape != expected:
        msg = (
            f"`loss` must return one value for {what}, of shape {tuple(expected)}, got "
            f"{tuple(loss.shape)}. Leave the sum over events and the weights to the "
            "engine, or give the loss an attribute needs_batch = True."
        )
        raise ValueError(msg)
