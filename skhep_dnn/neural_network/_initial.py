"""Initial weights, drawn for each member from its own generator."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["normal"]


def normal(
    shape: tuple[int, int], std: float, generators: Sequence[torch.Generator]
) -> Tensor:
    """Draw one normal matrix for each member.

    **Shape:** `(n_members, *shape)`.
    """
    return torch.stack([std * torch.randn(shape, generator=g) for g in generators])
