r"""The hidden layers of dense networks, with their gradient written by hand.

The pre-activations of all layers stand in one array, to which each source adds its
products in place. With :math:`g_k`, the gradients of the pre-activations of layer
:math:`k`, and :math:`[\,g_k | \dots | g_L\,]` side by side in one array, too,

.. math::
    \partial L / \partial W_k = h_{k-1}^T\, [\,g_k | \dots | g_L\,] , \quad
    \partial L / \partial h_{k-1} = [\,g_k | \dots | g_L\,]\, W_k^T , \quad
    g_{k-1} = \phi'(a_{k-1})\, \partial L / \partial h_{k-1} ,

so that neither sums nor copies of gradients are needed, as they are in autograd. In
memory the events come last, so that the part of a layer is in one piece.
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
        Write the gradients of pre-activations.
    masks : sequence of Tensor or None
        Factors of the outputs, of shape `(n_members, width, n_batch)`.
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
    if torch.is_grad_enabled():
        last: Tensor = _DenseLayers.apply(x, rules, bias, *weights)  # type: ignore[no-untyped-call]
        return last.mT
    sums = torch.baddbmm(bias.mT, weights[0].mT, x.mT)
    hidden = _outputs(0, sums, rules, weights)
    for k in range(1, len(weights)):
        _add_products(k, hidden, sums, weights)
        hidden = _outputs(k, sums, rules, weights)  # the one before is not needed
    return hidden.mT


class _DenseLayers(torch.autograd.Function):
    """Outputs of the last hidden layer, of shape `(n_members, width, n_batch)`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, rules: DenseRules, bias: Tensor, *weights: Tensor
    ) -> Tensor:
        sums = torch.baddbmm(bias.mT, weights[0].mT, x.mT)
        sources = [x.mT, _outputs(0, sums, rules, weights)]
        for k in range(1, len(weights)):
            _add_products(k, sources[k], sums, weights)
            sources.append(_outputs(k, sums, rules, weights))
        ctx.rules = rules
        ctx.save_for_backward(sums, *sources[:-1], *weights)
        return sources[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sums, *saved = ctx.saved_tensors
        sources, weights = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        grads, of_weights = torch.empty_like(sums), list(weights)
        for k in reversed(range(len(weights))):
            part, mask = _part(k, weights), ctx.rules.masks[k]
            grad = grad if mask is None else grad * mask
            ctx.rules.derivatives[k](grad, sums[:, part], grads[:, part])
            later = grads[:, part.start :]
            of_weights[k] = torch.bmm(sources[k], later.mT)
            if k > 0:
                grad = torch.bmm(weights[k], later)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.zeros_like(sources[0].mT)
            learnt = slice(ctx.rules.n_constant, None)
            of_x[:, :, learnt] = torch.bmm(grads.mT, weights[0][:, learnt].mT)
        return of_x, None, grads.sum(2).unsqueeze(1), *of_weights


def _outputs(
    k: int, sums: Tensor, rules: DenseRules, weights: Sequence[Tensor]
) -> Tensor:
    hidden = rules.activations[k](sums[:, _part(k, weights)])
    mask = rules.masks[k]
    return hidden if mask is None else hidden.mul_(mask)


def _add_products(
    k: int, source: Tensor, sums: Tensor, weights: Sequence[Tensor]
) -> None:
    sums[:, _part(k, weights).start :].baddbmm_(weights[k].mT, source)


def _part(k: int, weights: Sequence[Tensor]) -> slice:
    """Return where the sums of layer k stand: a source feeds all later layers."""
    total = weights[0].shape[2]
    after = weights[k + 1].shape[2] if k + 1 < len(weights) else 0
    return slice(total - weights[k].shape[2], total - after)
