"""Speed of prediction, against bare torch and scikit-learn.

What does `decision_function` cost over the matrix products of its network? One model,
one thread, 500 000 events of 30 float32 columns. A single 4 x 100 network is compared
with the same `torch.nn.Sequential` in inference mode and with scikit-learn's MLP (relu,
`predict_proba`); five dense 4 x 64 members with `torch.bmm` of the same shapes and
nothing else. The bare versions take the best of a few sizes of chunks. Whether two
threads give the bits of one is printed, too. The memory is the peak above the inputs of
ten members that score a million events, in a process of its own.

    python -m benchmarks.bench_prediction [--quick]
"""

import argparse
import json
import warnings
from functools import partial

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.common.bare_products import PLAIN_INPUTS
from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import WeightedDNNClassifier

N_FEATURES = 30
CHUNKS = (512, 1024, 2048, 4096, 16_384)
PLAIN = {"width": 100, "connection": "plain"}
DENSE = {"width": 64, "connection": "dense", "n_members": 5}


def events(n_samples):
    return np.random.default_rng(0).random((n_samples, N_FEATURES), dtype=np.float32)


def fitted(**params):
    """A model after one pass over a few events: its values do not matter here."""
    X = events(2_000)
    model = WeightedDNNClassifier(n_layers=4, max_epochs=1, **PLAIN_INPUTS)
    return model.set_params(random_state=0, **params).fit(X, X.sum(axis=1) > 15)


def fitted_mlp():
    X = events(2_000)
    model = MLPClassifier(hidden_layer_sizes=(100,) * 4, max_iter=1, random_state=0)
    return model.fit(X, X.sum(axis=1) > 15)


@torch.inference_mode()
def sequential(X, chunk):
    """The bare network, plain 4 x 100."""
    layers, n_in = [], N_FEATURES
    for _ in range(4):
        layers += [nn.Linear(n_in, 100), nn.SiLU()]
        n_in = 100
    model = nn.Sequential(*layers, nn.Linear(100, 1)).eval()
    rows = torch.from_numpy(X).split(chunk)
    return torch.cat([model(part) for part in rows]).squeeze(1).numpy()


@torch.inference_mode()
def matrix_products(X, chunk):
    """The products of five dense 4 x 64 networks, without anything in between."""
    n_in = [N_FEATURES + 64 * layer for layer in range(5)]
    n_out = [64] * 4 + [1]
    inputs = [torch.rand(5, chunk, n) for n in n_in]
    weights = [torch.rand(5, n, m) for n, m in zip(n_in, n_out, strict=True)]
    for _ in range(0, len(X), chunk):
        for values, weight in zip(inputs, weights, strict=True):
            torch.bmm(values, weight)


def tasks(X):
    """Name and chunk of each contender with what it does, by network."""
    plain, dense, mlp = fitted(**PLAIN), fitted(**DENSE), fitted_mlp()

    def decision(model, n_jobs):
        return partial(model.set_params(n_jobs=n_jobs).decision_function, X)

    def timed(model, n_jobs):
        return lambda: seconds(decision(model, n_jobs))

    one = {
        ("bare torch", chunk): partial(seconds, sequential, X, chunk)
        for chunk in CHUNKS
    }
    one["scikit-learn MLP, relu", None] = partial(seconds, mlp.predict_proba, X)
    five = {
        ("bare matrix products", chunk): partial(seconds, matrix_products, X, chunk)
        for chunk in CHUNKS
    }
    for n_jobs in (1, 2):
        one[f"decision_function, n_jobs={n_jobs}", None] = timed(plain, n_jobs)
        five[f"decision_function, n_jobs={n_jobs}", None] = timed(dense, n_jobs)
    return {"plain 4 x 100": one, "5 members, dense 4 x 64": five}


def event_rates(contenders, n_samples, rounds):
    """Events per second of each contender, with its best chunk, the bare one first."""
    rates = {}
    for (name, _), duration in best_of(rounds, contenders).items():
        rates[name] = max(rates.get(name, 0.0), n_samples / duration)
    return rates


def same_bits(X):
    """Whether one thread and two give the same logits."""
    model = fitted(**DENSE)
    one = model.set_params(n_jobs=1).decision_function(X)
    return bool(np.array_equal(one, model.set_params(n_jobs=2).decision_function(X)))


def peak_memory(n_samples):
    """Peak of ten default members above the inputs, in MB; in a fresh process."""
    torch.set_num_threads(1)
    model = fitted(n_members=10)
    X = events(n_samples)
    model.decision_function(X[:2_000])
    with PeakMemory() as peak:
        model.decision_function(X)
    return {"peak, MB": peak.total / 1e6, "inputs, MB": X.nbytes / 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n_samples, n_memory, rounds = (
        (20_000, 100_000, 2) if quick else (500_000, 1_000_000, 5)
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # of the MLP: one pass
    torch.set_num_threads(1)
    X = events(n_samples)
    rows = {}
    with threadpool_limits(1):
        for network, contenders in tasks(X).items():
            rates = event_rates(contenders, n_samples, rounds)
            bare = next(iter(rates.values()))
            rows[network] = {name: rate / bare for name, rate in rates.items()}
            print(f"{network:30}{'events/s':>12}{'ratio':>8}")
            for name, rate in rates.items():
                print(f"  {name:28}{rate:12,.0f}{rate / bare:8.2f}", flush=True)
    memory, same = in_fresh_process(peak_memory, n_memory), same_bits(X)
    print(
        f"10 members, {n_memory} events: {memory['peak, MB']:.0f} MB above "
        f"{memory['inputs, MB']:.0f} MB of inputs; same bits by two threads: {same}"
    )
    line = {"benchmark": "prediction", "n_events": n_samples, "ratios": rows}
    print(json.dumps(line | {"memory": memory, "same_bits": same}))


if __name__ == "__main__":
    main()
