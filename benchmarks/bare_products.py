"""The matrix products of dense networks, and nothing else: the floor of their speed.

A layer of a dense network sees the inputs and all hidden layers before it. Its products
can be arranged in two ways: "concatenated", one product for each layer with all it
sees, or "accumulated", one for each source with the weights to all later layers. Both
have the same number of operations; which one is faster depends on the machine.
"""

from time import perf_counter

import torch
from joblib import Parallel, delayed

__all__ = ["ARRANGEMENTS", "forward_seconds", "training_seconds"]


def concatenated(n_inputs, n_layers, width):
    """Inputs and outputs of the product of each layer."""
    hidden = [(n_inputs + k * width, width) for k in range(n_layers)]
    return [*hidden, (width, 1)]


def accumulated(n_inputs, n_layers, width):
    """Inputs and outputs of the product of each source."""
    sources = [n_inputs, *[width] * (n_layers - 1)]
    hidden = [(n, (n_layers - k) * width) for k, n in enumerate(sources)]
    return [*hidden, (width, 1)]


ARRANGEMENTS = {"concatenated": concatenated, "accumulated": accumulated}


def tensors(shapes, n_members, n_rows):
    """Inputs, weights and outputs of each product."""
    return [
        (
            torch.rand(n_members, n_rows, n_in),
            torch.rand(n_members, n_in, n_out),
            torch.rand(n_members, n_rows, n_out),
        )
        for n_in, n_out in shapes
    ]


@torch.inference_mode()
def steps(shapes, n_members, n_rows, n_steps):
    """Seconds of the products of some training steps: forward and backward."""
    torch.set_num_threads(1)
    layers = tensors(shapes, n_members, n_rows)
    gradients = tensors(shapes, n_members, n_rows)
    start = perf_counter()
    for _ in range(n_steps):
        for x, weight, out in layers:
            torch.bmm(x, weight, out=out)
        for values, slopes in zip(reversed(layers), reversed(gradients), strict=True):
            x, weight, _ = values
            grad_x, grad_weight, grad = slopes
            torch.bmm(x.transpose(1, 2), grad, out=grad_weight)
            torch.bmm(grad, weight.transpose(1, 2), out=grad_x)
    return perf_counter() - start


@torch.inference_mode()
def forward(shapes, n_members, n_rows, n_chunks):
    """Take the products of some chunks in prediction."""
    layers = tensors(shapes, n_members, n_rows)
    for _ in range(n_chunks):
        for x, weight, out in layers:
            torch.bmm(x, weight, out=out)


def training_seconds(shapes, n_members, n_rows, n_steps):
    """Seconds of the products of a training: two processes, half the members each."""
    task = delayed(steps)(shapes, n_members // 2, n_rows, n_steps)
    return max(Parallel(n_jobs=2)([task, task]))


def forward_seconds(shapes, n_members, n_rows, n_chunks):
    """Seconds of the products of a prediction: two threads, half the chunks each."""
    task = delayed(forward)(shapes, n_members, n_rows, n_chunks // 2)
    start = perf_counter()
    Parallel(n_jobs=2, prefer="threads")([task, task])
    return perf_counter() - start
