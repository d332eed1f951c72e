"""Speed of training, against the shortest loop that one would write in torch.

How much of that loop's speed does `fit` reach, and how much more do members trained
together and processes give? All figures are event-passes of one member per second,
divided by those of the bare loop: 4 x 100 swish network, batches of 256, fused Adam,
one thread. "Fit" is the whole `fit` with its checks and set-up; "rate" counts only what
more passes add, the time of 2n passes less that of n, so that no fixed cost is left in
it. The peers have the same layers, batches and passes: scikit-learn's MLP (relu),
skorch with its default loader (without weights) and the bare loop with `torch.compile`
or with `nn.Dropout`. The rows with dense connections are other networks: dense 6 x 33
has 0.68 times the weights of 4 x 100, dense 4 x 64 has 0.98 times. All see plain
inputs, as the bare loop does, but "embedded", the inputs of the defaults.

    python -m benchmarks.bench_throughput [--quick] [--epochs N]
"""

import argparse
import json
import warnings
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetBinaryClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.common.bare_products import PLAIN_INPUTS
from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import WeightedDNNClassifier

BATCH = 256
N_FEATURES = 30
N_WARM_UP = 8 * BATCH + 64  # with a last batch of 64, as in the measurements
DEFAULTS = WeightedDNNClassifier().get_params()
EMBEDDED = {name: DEFAULTS[name] for name in PLAIN_INPUTS}
DENSE = {"connection": "dense", "dropout": 0.0}


def network(dropout=0.0):
    layers, n_in = [], N_FEATURES
    for _ in range(4):
        layers += [nn.Linear(n_in, 100), nn.SiLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
        n_in = 100
    return nn.Sequential(*layers, nn.Linear(100, 1))


def weighted_loss(model, X, y, w):
    return nn.functional.binary_cross_entropy_with_logits(
        model(X).squeeze(1), y, weight=w
    )


def bare_loop(X, y, w, n_epochs, *, loss=weighted_loss, dropout=0.0):
    """The shortest loop one would write by hand: in-memory batches, fused Adam."""
    X, y, w = (torch.from_numpy(a.astype(np.float32)) for a in (X, y, w))
    model = network(dropout)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    start = perf_counter()
    for _ in range(n_epochs):
        order = torch.randperm(len(X))
        for first in range(0, len(X), BATCH):
            rows = order[first : first + BATCH]
            value = loss(model, X[rows], y[rows], w[rows])
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
    return perf_counter() - start


def estimator(X, y, w, n_epochs, **params):
    """The whole `fit`, checks and set-up included."""
    common = {"n_layers": 4, "width": 100, "connection": "plain", "dropout": 0.0}
    common |= PLAIN_INPUTS
    common |= {"batch_size": BATCH, "max_epochs": n_epochs, "random_state": 0}
    model = WeightedDNNClassifier(**common | params)
    return seconds(model.fit, X, y, sample_weight=w)


def sklearn_mlp(X, y, w, n_epochs):
    model = MLPClassifier(
        hidden_layer_sizes=(100,) * 4,
        batch_size=BATCH,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs + 1,
        random_state=0,
    )
    return seconds(model.fit, X, y, sample_weight=w)


def skorch_default(X, y, _w, n_epochs):
    net = NeuralNetBinaryClassifier(
        network,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=2e-3,
        batch_size=BATCH,
        iterator_train__shuffle=True,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
    )
    return seconds(net.fit, X, y.astype(np.float32))


class Contender(NamedTuple):
    """What is timed, and how many networks it trains."""

    fit: Callable[..., float]
    n_members: int = 1


def members(n_members, **params):
    return Contender(partial(estimator, n_members=n_members, **params), n_members)


CONTENDERS = {
    "bare torch loop": Contender(bare_loop),
    "bare loop, torch.compile": Contender(
        partial(bare_loop, loss=torch.compile(weighted_loss, dynamic=False))
    ),
    "bare loop, nn.Dropout 0.2": Contender(partial(bare_loop, dropout=0.2)),
    "scikit-learn MLP, relu": Contender(sklearn_mlp),
    "skorch, default loader": Contender(skorch_default),
    "1 member": members(1),
    "1 member, dropout 0.2": members(1, dropout=0.2),
    "1 member, dense 4 x 64": members(1, width=64, **DENSE),
    "5 members, 1 process": members(5),
    "5 members, dropout 0.2": members(5, dropout=0.2),
    "10 members, 1 process": members(10),
    "10 members, 2 processes": members(10, n_jobs=2),
    "the same, dropout 0.2": members(10, n_jobs=2, dropout=0.2),
    "the same, dense 6 x 33": members(10, n_jobs=2, n_layers=6, width=33, **DENSE),
    "5 members, embedded": members(
        5, **{name: DEFAULTS[name] for name in PLAIN_INPUTS}
    ),
}
WITH_OVER_WITHOUT = {  # what dropout costs
    "dropout 0.2 over 0, 1 member": ("1 member, dropout 0.2", "1 member"),
    "dropout 0.2 over 0, 5 members": ("5 members, dropout 0.2", "5 members, 1 process"),
}


def warm_up(contenders, events):
    """Start workers and compile; return the contenders that work on this machine."""
    working = {}
    for name, contender in contenders.items():
        try:
            contender.fit(*events, 1)
        except RuntimeError as error:  # torch.compile without a C++ compiler
            if "compile" not in name:
                raise
            print(f"{name}: left out, {str(error).splitlines()[0]}")
        else:
            working[name] = contender
    return working


def event_rates(contenders, events, n_epochs, rounds):
    """Event-passes of one member per second: of the whole fit, and of more passes."""
    tasks = {
        (name, n): partial(contender.fit, *events, n)
        for name, contender in contenders.items()
        for n in (n_epochs, 2 * n_epochs)
    }
    best = best_of(rounds, tasks)
    fits, rates = {}, {}
    for name, contender in contenders.items():
        passes = contender.n_members * n_epochs * len(events[0])
        once, twice = best[name, n_epochs], best[name, 2 * n_epochs]
        fits[name] = passes / once
        rates[name] = passes / (twice - once) if twice > once else np.nan
    return fits, rates


def ratios(figures):
    bare = figures["bare torch loop"]
    values = {name: figure / bare for name, figure in figures.items()}
    for name, (with_dropout, without) in WITH_OVER_WITHOUT.items():
        values[name] = figures[with_dropout] / figures[without]
    return {name: round(float(value), 3) for name, value in values.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--epochs", type=int, help="n, the passes of the shorter fit")
    options = parser.parse_args()
    n_samples, n_epochs, rounds = (8_000, 2, 1) if options.quick else (40_000, 5, 3)
    n_epochs = options.epochs or n_epochs
    warnings.simplefilter("ignore", ConvergenceWarning)  # of the MLP: so few passes
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, N_FEATURES)).astype(np.float32)
    y = rng.random(n_samples) < 0.4
    w = rng.exponential(size=n_samples)
    with threadpool_limits(1):
        contenders = warm_up(CONTENDERS, [a[:N_WARM_UP] for a in (X, y, w)])
        fits, rates = event_rates(contenders, (X, y, w), n_epochs, rounds)
    fit_ratios, rate_ratios = ratios(fits), ratios(rates)
    print(f"{'':31}{'fit, events/s':>15}{'ratio':>8}{'rate, events/s':>16}{'ratio':>8}")
    for name, fit in fits.items():
        print(
            f"{name:31}{fit:15,.0f}{fit_ratios[name]:8.2f}"
            f"{rates[name]:16,.0f}{rate_ratios[name]:8.2f}"
        )
    for name in WITH_OVER_WITHOUT:
        cells = f"{fit_ratios[name]:23.2f}{rate_ratios[name]:24.2f}"
        print(f"{name:31}{cells}")
    line = {"benchmark": "throughput", "n_epochs": n_epochs}
    print(json.dumps(line | {"ratios": fit_ratios, "rate_ratios": rate_ratios}))


if __name__ == "__main__":
    main()
