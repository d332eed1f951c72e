"""Embeddings of categories, for all members at once."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["embedded"]

FEW = 32  # categories for which a product is faster than a table


def embedded(rows: Tensor, codes: Tensor) -> Tensor:
    """Return the row of each code; that of an unknown category is the mean of all.

    **Shape:** rows `(n_members, n_categories, size)` and codes `(n_members, n_batch)`,
    `n_categories` for an unknown one, to `(n_members, n_batch, size)`.
    """
    n_members, n_categories, size = rows.shape
    if n_categories <= FEW:
        shares = torch.eye(n_categories + 1, n_categories, device=rows.device)
        shares[-1] = 1.0 / n_categories
        return torch.bmm(shares.to(rows.dtype)[codes], rows)
    table = torch.cat([rows, rows.mean(1, keepdim=True)], 1)
    first = torch.arange(n_members, device=rows.device) * (n_categories + 1)
    return functional.embedding(codes + first.unsqueeze(1), table.reshape(-1, size))
