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
    # Of the transposed arrays only the views change hands: `.mT` copies nothing.
    if torch.is_grad_enabled():
        last: Tensor = _DenseLayers.apply(x, rules, bias, *weights)  # type: ignore[no-untyped-call]
        return last.mT
    parts = _parts(weights)
    sums = torch.baddbmm(bias.mT, weights[0].mT, x.mT)
    hidden = _outputs(0, sums[:, parts[0]], rules)
    for k in range(1, len(weights)):
        sums[:, parts[k].start :].baddbmm_(weights[k].mT, hidden)
        hidden = _outputs(k, sums[:, parts[k]], rules)  # the one before can go
    return hidden.mT


class _DenseLayers(torch.autograd.Function):
    """Outputs of the last hidden layer, of shape `(n_members, width, n_batch)`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, rules: DenseRules, bias: Tensor, *weights: Tensor
    ) -> Tensor:
        ctx.rules, ctx.parts = rules, _parts(weights)
        # The inputs feed every layer: one product begins the sums of all of them.
        sums = torch.baddbmm(bias.mT, weights[0].mT, x.mT)
        sources = [x.mT, _outputs(0, sums[:, ctx.parts[0]], rules)]
        for k in range(1, len(weights)):
            part = ctx.parts[k]
            # Layer k is complete only after this product, of the layer before it; the
            # sums of later layers grow on.
            sums[:, part.start :].baddbmm_(weights[k].mT, sources[k])
            sources.append(_outputs(k, sums[:, part], rules))
        ctx.save_for_backward(sums, *sources[:-1], *weights)
        return sources[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sums, *saved = ctx.saved_tensors
        sources, weights = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        # `grads` fills up from its end. When layer k is reached, what stands behind it
        # holds the gradients of all layers that its outputs feed, side by side: one
        # product gives the gradient of its weights, one that of the layer before.
        grads, of_weights = torch.empty_like(sums), list(weights)
        for k in reversed(range(len(weights))):
            part, mask = ctx.parts[k], ctx.rules.masks[k]
            grad = grad if mask is None else grad * mask
            # Writes into its slice of `grads`; the activations are not kept, since
            # their derivative follows from the sums.
            ctx.rules.derivatives[k](grad, sums[:, part], grads[:, part])
            later = grads[:, part.start :]
            of_weights[k] = torch.bmm(sources[k], later.mT)
            if k > 0:
                grad = torch.bmm(weights[k], later)
        # Only embeddings learn through the inputs. Numbers come first and need none:
        # their columns, most of them as a rule, are left out of the product.
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.zeros_like(sources[0].mT)
            learnt = slice(ctx.rules.n_constant, None)
            of_x.mT[:, learnt] = torch.bmm(weights[0][:, learnt], grads)
        return of_x, None, grads.sum(2).unsqueeze(1), *of_weights


def _outputs(k: int, sums: Tensor, rules: DenseRules) -> Tensor:
    hidden, mask = rules.activations[k](sums), rules.masks[k]
    return hidden if mask is None else hidden.mul_(mask)


def _parts(weights: Sequence[Tensor]) -> list[slice]:
    """Return where the sums of each layer stand: a source feeds all later layers."""
    starts = [weights[0].shape[2] - weight.shape[2] for weight in weights]
    ends = [*starts[1:], weights[0].shape[2]]
    return [slice(*ends_of_layer) for ends_of_layer in zip(starts, ends, strict=True)]
