"""Bias of a significance at a fixed cut: the pooled one, and the mean of folds.

By how much is a significance too large because the background that a cut selects is
itself simulated? The law is `3 / (8 n_eff)` for the pooled sample and K times that for
the mean over K folds, each scaled to the whole yields. Toys: a Poisson number of
background events passes the cut, with equal weights, exponential ones, and equal ones
of which a tenth is negative; the signal is small and known, so that only the background
fluctuates. The bias is that of `asimov_significance` against its value at the true
yields, in per cent, with the error of the mean over the toys. A fold without background
has no significance; toys in which that happens are left out of the mean over folds, and
their share is the last column.

    python -m benchmarks.bench_pooled_bias [--quick]
"""

import argparse
import json

import numpy as np

from skhep_dnn.metrics import asimov_significance

N_EFF = (10, 20, 40, 100, 400)
N_FOLDS = 5
B, S = 100.0, 1.0  # yields, in events
ALLOWED = 1.0  # per cent from 40 effective events on
_NOTHING = 1e-9  # a yield that is the rounding error of weights that cancel


def equal(_rng, n):
    return np.ones(n)


def exponential(rng, n):
    return rng.exponential(size=n)


def signed(rng, n):
    return np.where(rng.random(n) < 0.1, -1.0, 1.0)


# Draw the weights of n events; the means of w and of its square.
WEIGHTS = {
    "equal": (equal, 1.0, 1.0),
    "exponential": (exponential, 1.0, 2.0),
    "a tenth negative": (signed, 0.8, 1.0),
}


def backgrounds(rng, draw, mean, mean_square, n_eff, n_toys):
    """Return the selected yield of each fold of each toy; their sum expects `B`."""
    n_expected = n_eff * mean_square / mean**2
    counts = rng.poisson(n_expected / N_FOLDS, size=(n_toys, N_FOLDS))
    ends = np.cumsum(counts.ravel())
    total = np.append(0.0, np.cumsum(draw(rng, int(ends[-1]))))
    sums = np.diff(np.append(0.0, total[ends])).reshape(counts.shape)
    return sums * B / (n_expected * mean)


def measure(rng, weights, n_eff, n_toys):
    """Return biases and their errors in per cent, and the toys left out."""
    b = backgrounds(rng, *WEIGHTS[weights], n_eff, n_toys)
    b_all = b.sum(axis=1)
    usable = (b > _NOTHING).all(axis=1)
    truth = float(asimov_significance(S, B))
    pooled = asimov_significance(S, b_all[b_all > _NOTHING]) / truth
    folds = np.mean(asimov_significance(S, N_FOLDS * b[usable]), axis=1) / truth
    row = {"n_eff": n_eff, "left_out": float(1 - usable.mean())}
    for name, ratio in (("pooled", pooled), ("folds", folds)):
        row[name] = 100 * float(ratio.mean() - 1)
        row[f"{name}_error"] = 100 * float(ratio.std(ddof=1) / len(ratio) ** 0.5)
    row["law"] = 100 * 3 / (8 * n_eff)
    return row


def show(row):
    cells = [f"{row['n_eff']:6d}", f"{row['law']:8.2f}"]
    cells += [f"{row[x]:9.2f} ± {row[f'{x}_error']:.2f}" for x in ("pooled", "folds")]
    cells += [f"{N_FOLDS * row['law']:8.2f}", f"{100 * row['left_out']:9.2f}"]
    print(" ".join(cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="2 000 toys")
    options = parser.parse_args()
    n_toys = 2_000 if options.quick else 200_000
    rng = np.random.default_rng(0)
    results = {}
    for weights in WEIGHTS:
        print(f"{weights} weights; per cent")
        print(" n_eff      law         pooled          folds  5 x law  left out")
        results[weights] = [measure(rng, weights, n, n_toys) for n in N_EFF]
        for row in results[weights]:
            show(row)
    worst = max(
        row["pooled"] for rows in results.values() for row in rows if row["n_eff"] >= 40
    )
    print(f"largest pooled bias from 40 effective events on: {worst:.2f} per cent")
    result = {"benchmark": "pooled_bias", "toys": n_toys, "rows": results}
    print(json.dumps(result | {"worst_from_40": worst, "allowed": ALLOWED}))


if __name__ == "__main__":
    main()
