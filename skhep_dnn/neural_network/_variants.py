"""Logits of an event and of its symmetric copies, and of the mean of them."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from skhep_dnn.neural_network._modules import MemberNetwork

__all__ = ["mean_logit", "variant_logits"]


def variant_logits(module: "MemberNetwork", x: Tensor) -> list[Tensor]:
    """Return the logits of raw inputs under each fixed transformation of the module.

    **Shape:** `(..., n_events, n_features)` to a list of `(n_members, n_events)` or
    `(n_members, n_events, n_classes)`.
    """
    if module.kernel is None:
        return [module(x)]
    variants = module.kernel.variants()
    return [module(module.kernel.apply(x, by)) for by in variants]


def mean_logit(logits: list[Tensor]) -> Tensor:
    """Return the logit of the mean probability, or with several classes its logarithm.

    Examples
    --------
    >>> mean_logit([torch.tensor([[100.0, 0.0]]), torch.tensor([[100.0, 0.0]])])
    tensor([[100.,   0.]])
    """
    if len(logits) == 1:
        return logits[0]
    z = torch.stack(logits)
    if z.dim() == 4:
        return torch.logsumexp(functional.log_softmax(z, dim=3), dim=0)
    signal = torch.logsumexp(functional.logsigmoid(z), dim=0)
    return signal - torch.logsumexp(functional.logsigmoid(-z), dim=0)
