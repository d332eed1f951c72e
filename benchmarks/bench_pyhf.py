"""Closed forms of the significance against the fit, and bins chosen for the fit.

Toy events of two background processes, with Monte Carlo errors of the size that
simulations have, in workspaces of four to ten bins. For each kind of uncertainty the
discovery significance of a fit with pyhf is compared with that of the closed form with
all variations, and with the binned Asimov value, which knows the Monte Carlo errors
alone. Below: bins of equal width, flat in the signal, chosen for independent errors,
and chosen for the fit, all quoted on other events. Means over toys, with the error of
the mean.

    python -m benchmarks.bench_pyhf [--quick]
"""

import argparse
import json
import time

import numpy as np
import pandas as pd

from skhep_dnn.export import discovery_significance, to_pyhf
from skhep_dnn.metrics import flat_signal_transform, optimal_binning

N_BINS = 6
KINDS = {
    "shapesys": {"stat": "shapesys"},
    "staterror": {"stat": "staterror"},
    "shapesys, normsys 10 %": {"stat": "shapesys", "normal": 0.1},
    "shapesys, normsys 30 %": {"stat": "shapesys", "normal": 0.3},
    "shapesys, histosys": {"stat": "shapesys", "shape": True},
    "shapesys, normsys 10 %, histosys": {
        "stat": "shapesys",
        "normal": 0.1,
        "shape": True,
    },
    "staterror, normsys 10 %, histosys": {
        "stat": "staterror",
        "normal": 0.1,
        "shape": True,
    },
}


def toy(seed: int, n_events: int) -> pd.DataFrame:
    """Scores, weights and varied weights; 40 signal and 1000 background events."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["b", "s"], n_events // 2)
    score = rng.normal(size=n_events) + 1.8 * (y == "s")
    process = np.where(y == "s", "H", rng.choice(["Z", "top"], n_events, p=[0.7, 0.3]))
    w = rng.uniform(0.5, 1.5, n_events)
    for label, total in {"s": 40.0, "b": 1000.0}.items():
        w[y == label] *= total / w[y == label].sum()
    tilt = 0.12 * np.tanh(score) * (process == "Z")
    frame = {"y": y, "score": score, "process": process, "w": w}
    return pd.DataFrame(frame | {"up": w * (1 + tilt), "down": w * (1 - 0.7 * tilt)})


def options(events: pd.DataFrame, kind: dict) -> dict:
    result = {"process": events["process"], "stat": kind["stat"]}
    if "normal" in kind:
        result["normalisations"] = {
            "norm": {"Z": kind["normal"], "top": kind["normal"]}
        }
    if "shape" in kind:
        result["variations"] = {"tilt": (events["up"], events["down"])}
    return result


def compare(n_toys: int, n_events: int) -> pd.DataFrame:
    """Relative differences from the fit, in percent, by kind of uncertainty."""
    toys = [toy(seed, n_events) for seed in range(n_toys)]
    bins = [
        optimal_binning(one["y"], one["score"], one["w"], n_bins=4 + 3 * (seed % 3))
        for seed, one in enumerate(toys)
    ]
    rows = []
    for name, kind in KINDS.items():
        values = []
        for events, binned in zip(toys, bins, strict=True):
            workspace = to_pyhf(
                events["y"],
                events["score"],
                events["w"],
                bins=binned,
                **options(events, kind),
            )
            z = discovery_significance(workspace)
            values.append(
                (z.z, 100 * (z.z_profile / z.z - 1), 100 * (z.z_binned / z.z - 1))
            )
        mean = np.mean(values, axis=0)
        error = np.std(values, axis=0, ddof=1) / np.sqrt(n_toys)
        rows.append([name, *np.ravel(np.column_stack([mean, error]))])
    columns = ["uncertainties", "z", "±", "closed form %", "± ", "binned %", "±  "]
    return pd.DataFrame(rows, columns=columns)


def edges_of(train: pd.DataFrame, choice: str, kind: dict) -> object:
    y, score, w = train["y"], train["score"], train["w"]
    if choice == "equal width":
        low, high = np.quantile(score, [0.01, 0.99])
        return [-np.inf, *np.linspace(low, high, N_BINS + 1)[1:-1], np.inf]
    if choice == "flat signal":
        flat = flat_signal_transform(y, score, w)
        inner = np.interp(np.arange(1, N_BINS) / N_BINS, flat.share, flat.scores)
        return [-np.inf, *inner, np.inf]
    given = options(train, kind)
    del given["stat"]
    if choice == "independent errors":
        given = {}
    return optimal_binning(y, score, w, n_bins=N_BINS, **given)


def compare_bins(n_toys: int, n_events: int) -> pd.DataFrame:
    """Significance of the fit on as many other events, by the choice of the bins."""
    kind = KINDS["shapesys, normsys 10 %, histosys"]
    rows: list[list] = []
    baseline: list[float] = []
    for choice in ("equal width", "flat signal", "independent errors", "the fit"):
        values = []
        for seed in range(n_toys):
            test = toy(10_000 + seed, n_events)
            workspace = to_pyhf(
                test["y"],
                test["score"],
                test["w"],
                bins=edges_of(toy(seed, n_events), choice, kind),
                **options(test, kind),
            )
            values.append(discovery_significance(workspace).z)
        baseline = values if choice == "equal width" else baseline
        gains = 100 * (np.divide(values, baseline) - 1)  # of the same events
        both = np.array([values, gains])
        error = np.std(both, axis=1, ddof=1) / np.sqrt(n_toys)
        rows.append([choice, *np.ravel(np.column_stack([both.mean(axis=1), error]))])
    columns = ["bins for", "z on other events", "±", "gain %", "± "]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few toys")
    quick = parser.parse_args().quick
    start = time.perf_counter()
    n_toys, n_events = (3, 4000) if quick else (24, 20_000)
    differences = compare(n_toys, n_events)
    print(differences.to_string(index=False, float_format="%.3f"))
    choices = compare_bins(n_toys, n_events)
    print(choices.to_string(index=False, float_format="%.3f"))
    result = {
        "benchmark": "pyhf",
        "n_toys": n_toys,
        "n_events": n_events,
        "differences": differences.to_dict(orient="records"),
        "bins": choices.to_dict(orient="records"),
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
