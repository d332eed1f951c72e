"""The matrix products of dense networks, and nothing else: the floor of their speed.

A layer of a dense network sees the inputs and all hidden layers before it. Its products
can be arranged in two ways: "concatenated", one product for each layer with all it
sees, or "accumulated", one for each source with the weights to all later layers; and
either the features or the events can come last in memory. All have the same number of
operations; which one is the fastest depends on the machine. The first inputs, which
nothing is learnt about, need no gradient.
"""

from time import perf_counter

import torch
from joblib import Parallel, delayed

__all__ = ["ARRANGEMENTS", "PLAIN_INPUTS", "forward_seconds", "training_seconds"]

# Numbers as they are but for their mean and spread, as a bare network sees them.
PLAIN_INPUTS = {
    "numeric_scaling": "standard",
    "scale_learning_rate": None,
    "numeric_embedding": None,
}


def concatenated(n_inputs, n_layers, width):
    """Inputs and outputs of the product of each layer."""
    hidden = [(n_inputs + k * width, width) for k in range(n_layers)]
    return [*hidden, (width, 1)]


def accumulated(n_inputs, n_layers, width):
    """Inputs and outputs of the product of each source."""
    sources = [n_inputs, *[width] * (n_layers - 1)]
    hidden = [(n, (n_layers - k) * width) for k, n in enumerate(sources)]
    return [*hidden, (width, 1)]


SHAPES = {"concatenated": concatenated, "accumulated": accumulated}
ARRANGEMENTS = [(kind, last) for kind in SHAPES for last in (False, True)]


def products(x, weight, grad):
    """Return a product, and both of its gradient, as arguments of `torch.bmm`."""
    return (x, weight), (x.mT, grad), (grad, weight.mT)


def products_events_last(x, weight, grad):
    """Return the same where events are the last axis of inputs and outputs."""
    return (weight.mT, x), (x, grad.mT), (weight, grad)


def without_gradient(kind, n_constant, n_layers):
    """Number of inputs of each product, the first ones, that need no gradient."""
    n_with_inputs = n_layers if kind == "concatenated" else 1
    return [n_constant] * n_with_inputs + [0] * (n_layers + 1 - n_with_inputs)


def layers(arrangement, sizes, n_members, n_rows):
    """Forward and backward products of each layer, with arrays for the results.

    `sizes` are the numbers of inputs without and with a gradient, the number of layers
    and their width.
    """
    kind, events_last = arrangement
    n_constant, n_learnt, n_layers, width = sizes
    shapes = SHAPES[kind](n_constant + n_learnt, n_layers, width)
    skipped = without_gradient(kind, n_constant, n_layers)
    both = []
    for (n_in, n_out), n_skipped in zip(shapes, skipped, strict=True):
        rows = [(n_rows, n_in), (n_rows, n_out)]
        of_x, of_out = [shape[::-1] if events_last else shape for shape in rows]
        x, weight, grad = (
            torch.rand(n_members, *shape) for shape in (of_x, (n_in, n_out), of_out)
        )
        of_layer = products_events_last if events_last else products
        out, of_weight, _ = of_layer(x, weight, grad)
        _, _, of_inputs = of_layer(x, weight[:, n_skipped:], grad)
        factors = (out, of_weight, of_inputs)
        both.append([(pair, torch.bmm(*pair)) for pair in factors])
    return both


@torch.inference_mode()
def steps(n_steps, *arguments):
    """Seconds of the products of some training steps: forward and backward."""
    torch.set_num_threads(1)
    all_layers = layers(*arguments)
    start = perf_counter()
    for _ in range(n_steps):
        for (factors, out), _, _ in all_layers:
            torch.bmm(*factors, out=out)
        for _, *backward in reversed(all_layers):
            for factors, out in backward:
                torch.bmm(*factors, out=out)
    return perf_counter() - start


@torch.inference_mode()
def forward(n_chunks, all_layers):
    """Take the products of some chunks in prediction."""
    for _ in range(n_chunks):
        for (factors, out), _, _ in all_layers:
            torch.bmm(*factors, out=out)


def training_seconds(arrangement, sizes, n_members, n_rows, n_steps):
    """Seconds of the products of a training: two processes, half the members each."""
    task = delayed(steps)(n_steps, arrangement, sizes, n_members // 2, n_rows)
    return max(Parallel(n_jobs=2)([task, task]))


def forward_seconds(arrangement, sizes, n_members, n_rows, n_chunks):
    """Seconds of the products of a prediction: two threads, half the chunks each."""
    arguments = arrangement, sizes, n_members, n_rows
    tasks = [delayed(forward)(n_chunks // 2, layers(*arguments)) for _ in range(2)]
    start = perf_counter()
    Parallel(n_jobs=2, prefer="threads")(tasks)
    return perf_counter() - start
