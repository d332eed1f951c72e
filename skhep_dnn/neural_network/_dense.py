r"""The hidden layers of dense networks, with their gradient written by hand.

The pre-activations of all layers stand in one array, to which each source adds its
products in place. With :math:`g_k`, the gradients of the pre-activations of layer
:math:`k`, and :math:`[\,g_k | \dots | g_L\,]` side by side in one array, too,

.. math::
    \partial L / \partial W_k = h_{k-1}^T\, [\,g_k | \dots | g_L\,] , \quad
    \partial L / \partial h_{k-1} = [\,g_k | \dots | g_L\,]\, W_k^T , \quad
    g_{k-1} = \phi'(a_{k-1})\, \partial L / \partial h_{k-1} ,

so that neither sums nor copies of gradients are needed, as they are in autograd.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skhep_dnn.neural_network._activations import Derivative

__all__ = ["DenseRules", "dense_layers"]


class DenseRules(NamedTuple):
    """What the hidden layers do besides their products.

    Attributes
    ----------
    activations : sequence of callable
        Map the pre-activations of a layer to its outputs.
    derivatives : sequence of callable
        Map gradients of outputs, and pre-activations, to gradients of these.
    masks : sequence of Tensor or None
        Factors of the outputs.
    n_constant : int
        Number of columns of the inputs, the first ones, that need no gradient.
    """

    activations: Sequence[Callable[[Tensor], Tensor]]
    derivatives: Sequence[Derivative]
    masks: Sequence[Tensor | None]
    n_constant: int


def dense_layers(
    x: Tensor, rules: DenseRules, bias: Tensor, weights: Sequence[Tensor]
) -> Tensor:
    """Return the outputs of the last hidden layer.

    **Shape:** inputs `(n_members, n_batch, n_inputs)`, biases of all layers
    `(n_members, 1, n_hidden)` and the weights of each source to all later layers to
    `(n_members, n_batch, width)`.
    """
    last: Tensor = _DenseLayers.apply(x, rules, bias, *weights)  # type: ignore[no-untyped-call]
    return last


class _DenseLayers(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, rules: DenseRules, bias: Tensor, *weights: Tensor
    ) -> Tensor:
        ctx.rules, ctx.starts = rules, _starts(weights)
        sums = bias.repeat(1, x.shape[1], 1)
        sources = [x]
        for k, (first, end) in enumerate(ctx.starts):
            sums[:, :, first:].baddbmm_(sources[k], weights[k])
            hidden = rules.activations[k](sums[:, :, first:end])
            mask = rules.masks[k]
            sources.append(hidden if mask is None else hidden.mul_(mask))
        ctx.save_for_backward(sums, *sources[:-1], *weights)
        return sources[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sums, *saved = ctx.saved_tensors
        sources, weights = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        grads, of_weights = torch.empty_like(sums), list(weights)
        for k, (first, end) in reversed([*enumerate(ctx.starts)]):
            mask = ctx.rules.masks[k]
            grad = grad if mask is None else grad * mask
            derivative = ctx.rules.derivatives[k]
            grads[:, :, first:end] = derivative(grad, sums[:, :, first:end])
            later = grads[:, :, first:]
            of_weights[k] = torch.bmm(sources[k].mT, later)
            if k > 0:
                grad = torch.bmm(later, weights[k].mT)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.zeros_like(sources[0])
            learnt = slice(ctx.rules.n_constant, None)
            of_x[:, :, learnt] = torch.bmm(grads, weights[0][:, learnt].mT)
        return of_x, None, grads.sum(1, keepdim=True), *of_weights


def _starts(weights: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Return the first and the last but one column of each layer."""
    total = weights[0].shape[2]
    ends = [total - weight.shape[2] for weight in weights[1:]] + [total]
    return list(zip([0, *ends[:-1]], ends, strict=True))
