"""Layers with a member axis, and what they are made of.

Embedding of categories, batch norm, dropout, and initial weights, which each member
draws from its own generator.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "FEW",
    "MemberBatchNorm",
    "dropout_mask",
    "embedded",
    "keep_threshold",
    "normal",
]

FEW = 32  # categories for which a product is faster than a table


class MemberBatchNorm(nn.Module):
    """Batch normalisation of each member, with statistics weighted by `|w|`.

    An event of weight zero does not change them, and an event of weight two counts
    as two. In evaluation the running means of both statistics are used.

    **Shape:** `(n_members, n_batch, width)` to the same; weights
    `(n_members, n_batch)`.

    Parameters
    ----------
    n_members, width : int
        Sizes of the parameters and of the running statistics.
    momentum : float, default=0.1
        Share of a batch in the running statistics.
    eps : float, default=1e-5
        Added to the variance.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", arXiv:1502.03167, Alg. 1.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self, n_members: int, width: int, momentum: float = 0.1, eps: float = 1e-5
    ) -> None:
        super().__init__()
        shape = (n_members, 1, width)
        self.momentum = momentum
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(shape, dtype=torch.float32))
        self.shift = nn.Parameter(torch.zeros(shape, dtype=torch.float32))
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float32))
        self.register_buffer("variance", torch.ones(shape, dtype=torch.float32))

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the normalised values: of this batch if its weights are given."""
        if weight is None:
            scale = self.gain * torch.rsqrt(self.variance + self.eps)
            return torch.addcmul(self.shift - self.mean * scale, x, scale)
        # By `|w|`: signed weights could give a negative variance.
        size = weight.abs()
        total = size.sum(1, keepdim=True)
        share = (size / total.clamp_min(1e-30)).unsqueeze(1)
        mean = torch.bmm(share, x)
        centred = x - mean
        variance = torch.bmm(share, centred.square())
        self._remember(mean, variance, total > 0.0)
        scale = self.gain * torch.rsqrt(variance + self.eps)
        return torch.addcmul(self.shift, centred, scale)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, has_events: Tensor) -> None:
        """Move the running statistics of the members that have events in the batch."""
        step = self.momentum * has_events.to(mean.dtype).unsqueeze(2)
        self.mean.lerp_(mean, step.expand_as(mean))
        self.variance.lerp_(variance, step.expand_as(variance))


def dropout_mask(random_bytes: Tensor, threshold: int, x: Tensor) -> Tensor:
    """Return 0 where a byte is below the threshold, else one over the share kept."""
    mask = torch.empty_like(x, requires_grad=False)
    torch.ge(random_bytes.view(x.shape), threshold, out=mask)
    return mask.mul_(256.0 / (256 - threshold))


def keep_threshold(dropout: float) -> int:
    """Value of a random byte below which a hidden output is dropped, at most 255."""
    return min(round(256 * dropout), 255)


def embedded(rows: Tensor, codes: Tensor) -> Tensor:
    """Return the row of each code; that of an unknown category is the mean of all.

    **Shape:** rows `(n_members, n_categories, size)` and codes `(n_members, n_batch)`,
    `n_categories` for an unknown one, to `(n_members, n_batch, size)`.
    """
    n_members, n_categories, size = rows.shape
    # The unknown category is the mean of the rows as they are now, not a row that
    # would be learnt: as a product with a row of equal shares, or as one row more.
    if n_categories <= FEW:
        shares = torch.eye(
            n_categories + 1, n_categories, dtype=rows.dtype, device=rows.device
        )
        shares[-1] = 1.0 / n_categories
        return torch.bmm(shares[codes], rows)
    table = torch.cat([rows, rows.mean(1, keepdim=True)], 1)
    first = torch.arange(n_members, dtype=torch.int64, device=rows.device)
    first *= n_categories + 1
    return functional.embedding(codes + first.unsqueeze(1), table.reshape(-1, size))


def normal(
    shape: tuple[int, int], std: float, generators: Sequence[torch.Generator]
) -> Tensor:
    """Draw one normal matrix for each member.

    **Shape:** `(n_members, *shape)`.
    """
    return torch.stack(
        [
            std * torch.randn(shape, generator=g, dtype=torch.float32, device=g.device)
            for g in generators
        ]
    )
