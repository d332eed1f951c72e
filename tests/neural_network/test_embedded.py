"""The embeddings of few and of many categories, against a look-up."""

import pytest
import torch

from skhep_dnn.neural_network._networks.layers import FEW, embedded


@pytest.mark.parametrize("n_categories", [1, FEW, FEW + 1])
def test_each_code_has_its_row_and_an_unknown_one_the_mean(n_categories):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2, n_categories, 3, generator=generator, dtype=torch.float64)
    rows.requires_grad_()
    codes = torch.randint(n_categories + 1, (2, 50), generator=generator)
    codes[0, 0] = n_categories
    tables = [torch.cat([own, own.mean(0, keepdim=True)]) for own in rows]
    expected = torch.stack(
        [table[own] for table, own in zip(tables, codes, strict=True)]
    )
    result = embedded(rows, codes)
    torch.testing.assert_close(result, expected)
    weights = torch.randn(2, 50, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        *(torch.autograd.grad((y * weights).sum(), rows)[0] for y in (result, expected))
    )
