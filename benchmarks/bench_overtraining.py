"""Whether the numbers of `overtraining_test` are what they say, for all weights.

The score is a fixed function, fitted to neither sample, so that train and test events
are of one kind: the p-values of the permutation test must be uniform, and the gap of
the AUC must be a normal number in units of its error. Weights are equal, heavy-tailed,
partly negative, or scaled to the yields of the whole in each sample. Two cases are for
comparison: weights whose distributions differ between the samples, which the test does
not claim to handle, and the formula of Kolmogorov with effective numbers of events.

The last table says how often a difference is found that is there: scores of training
events that are shifted towards their class, as overtraining does it.

    python -m benchmarks.bench_overtraining [--quick]
"""

import argparse
import json

import numpy as np
from scipy.stats import kstest

from skhep_dnn.metrics import overtraining_test

N_TRAIN, N_TEST = 500, 300


def weights_of(kind, rng, n_events, sample):
    if kind == "heavy-tailed" or (kind == "other weights" and sample == "test"):
        return rng.lognormal(sigma=1.2, size=n_events)
    if kind == "partly negative":
        return rng.exponential(size=n_events) * rng.choice(
            [1.0, -1.0], n_events, p=[0.8, 0.2]
        )
    if kind == "scaled":
        return rng.exponential(size=n_events) * (1.0 if sample == "train" else 7.0)
    return np.ones(n_events)


def toy(kind, rng, shift=0.0):
    """Return labels, scores and weights of train and test events."""
    samples = []
    for sample, n_events in (("train", N_TRAIN), ("test", N_TEST)):
        y = (rng.random(n_events) < 0.4).astype(int)
        score = rng.normal(size=n_events) + y
        if sample == "train":
            score += shift * (2 * y - 1)
        samples.append((y, score, weights_of(kind, rng, n_events, sample)))
    return samples


def numbers_of(kind, n_toys, n_permutations, seed, shift=0.0):
    """Return p-values and pulls of toys."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n_toys):
        train, test = toy(kind, rng, shift)
        result = overtraining_test(
            *train[:2],
            *test[:2],
            train[2],
            test[2],
            metrics="roc_auc",
            n_permutations=n_permutations,
            n_replicas=50,
            random_state=k,
        )
        signal = result.samples["signal"]
        found.append(
            (
                signal.p_value,
                signal.ks_p_value,
                signal.ks_p_value_naive,
                result.gaps["roc_auc"].n_errors,
            )
        )
    return dict(zip(("p", "ks_p", "naive_p", "pull"), np.array(found).T, strict=True))


def share(values, limit=0.05):
    return float(np.mean(values <= limit))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few toys")
    quick = parser.parse_args().quick
    n_toys, n_permutations = (50, 99) if quick else (1000, 199)
    kinds = ("equal", "heavy-tailed", "partly negative", "scaled", "other weights")
    table = {}
    print(f"{n_toys} toys of {N_TRAIN} train and {N_TEST} test events, p of the signal")
    print("KS p: probability of p-values less uniform than these; must be above 0.01\n")
    print(
        "| weights | KS p | KS p of KS distance | p <= 0.05 | of KS | naive | ", end=""
    )
    print("KS p of naive | mean of pull | its spread |")
    print("|---|---|---|---|---|---|---|---|---|")
    for seed, kind in enumerate(kinds):
        numbers = numbers_of(kind, n_toys, n_permutations, seed)
        pull = numbers["pull"]
        row = {
            **{
                f"uniform_{n}": float(kstest(numbers[n], "uniform").pvalue)
                for n in ("p", "ks_p")
            },
            **{f"share_{n}": share(numbers[n]) for n in ("p", "ks_p", "naive_p")},
            "uniform_naive_p": float(kstest(numbers["naive_p"], "uniform").pvalue),
            "pull_mean": float(pull.mean()),
            "pull_spread": float(pull.std(ddof=1)),
        }
        table[kind] = row
        print(
            f"| {kind} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |"
        )
    error = np.sqrt(0.05 * 0.95 / n_toys)
    print(
        f"\nerror of a share of 0.05: {error:.3f}; of a pull's mean "
        f"{n_toys**-0.5:.3f} and spread {(2 * n_toys) ** -0.5:.3f}"
    )
    print("\n| weights, shift 0.15 | found by distance | by KS distance | worse |")
    print("|---|---|---|---|")
    for seed, kind in enumerate(kinds[:4]):
        numbers = numbers_of(kind, n_toys // 4, n_permutations, seed + 100, shift=0.15)
        row = {
            "power_p": share(numbers["p"]),
            "power_ks": share(numbers["ks_p"]),
            "power_worse": float(np.mean(numbers["pull"] >= 2.0)),
        }
        table[kind] |= row
        print(
            f"| {kind} | " + " | ".join(f"{value:.2f}" for value in row.values()) + " |"
        )
    print(
        json.dumps(
            {"benchmark": "bench_overtraining", "n_toys": n_toys, "table": table}
        )
    )


if __name__ == "__main__":
    main()
