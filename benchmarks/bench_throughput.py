"""Training throughput against a bare torch loop, side by side in one run.

All figures are event-passes of one member per second (4 x 100 swish network, batches of
256, one thread), divided by those of the bare loop. The rounds are interleaved and the
best of each is taken, since timings on shared machines are noisy.

    python benchmarks/bench_throughput.py [--quick]
"""

import argparse
import json
from time import perf_counter

import numpy as np
import torch
from torch import nn

from skhep_dnn import WeightedDNNClassifier

BATCH = 256


def bare_loop(X, y, w, n_epochs):
    """The shortest loop one would write by hand: in-memory batches, fused Adam."""
    X, y, w = (torch.from_numpy(a.astype(np.float32)) for a in (X, y, w))
    layers, n_in = [], X.shape[1]
    for _ in range(4):
        layers += [nn.Linear(n_in, 100), nn.SiLU()]
        n_in = 100
    model = nn.Sequential(*layers, nn.Linear(100, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    start = perf_counter()
    for _ in range(n_epochs):
        order = torch.randperm(len(X))
        for first in range(0, len(X), BATCH):
            rows = order[first : first + BATCH]
            logit = model(X[rows]).squeeze(1)
            loss = nn.functional.binary_cross_entropy_with_logits(
                logit, y[rows], weight=w[rows]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return perf_counter() - start


def estimator_loop(X, y, w, n_epochs, **params):
    """The whole `fit`, checks and set-up included."""
    common = {"n_layers": 4, "width": 100, "connection": "plain", "dropout": 0.0}
    common |= {"batch_size": BATCH, "max_epochs": n_epochs, "random_state": 0}
    model = WeightedDNNClassifier(**common | params)
    start = perf_counter()
    model.fit(X, y, sample_weight=w)
    return perf_counter() - start


CONTENDERS = {
    "1 member": {},
    "1 member, dropout 0.2": {"dropout": 0.2},
    "1 member, dense 4 x 64": {"connection": "dense", "width": 64, "dropout": 0.0},
    "5 members, 1 process": {"n_members": 5},
    "5 members, dropout 0.2": {"n_members": 5, "dropout": 0.2},
    "10 members, 2 processes": {"n_members": 10, "n_jobs": 2},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    n_samples, n_epochs, rounds = (8_000, 2, 1) if options.quick else (40_000, 5, 3)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 30)).astype(np.float32)
    y = rng.random(n_samples) < 0.4
    w = rng.exponential(size=n_samples)
    best = {}
    for params in CONTENDERS.values():  # warms up workers and caches
        estimator_loop(X[:2000], y[:2000], w[:2000], 1, **params)
    for _ in range(rounds):
        times = {"bare torch loop": bare_loop(X, y, w, n_epochs)}
        for name, params in CONTENDERS.items():
            times[name] = estimator_loop(X, y, w, n_epochs, **params)
        for name, seconds in times.items():
            members = CONTENDERS.get(name, {}).get("n_members", 1)
            rate = members * n_samples * n_epochs / seconds
            best[name] = max(best.get(name, 0.0), rate)
    reference = best["bare torch loop"]
    print(f"{'':28}{'events/s':>12}{'ratio':>8}")
    for name, rate in best.items():
        print(f"{name:28}{rate:12,.0f}{rate / reference:8.2f}")
    ratios = {name: round(rate / reference, 3) for name, rate in best.items()}
    print(json.dumps({"benchmark": "throughput", "ratios": ratios}))


if __name__ == "__main__":
    main()
