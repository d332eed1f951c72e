"""The HiggsML solution of Strong (2020) at full size, over its bare matrix products.

Training: 200 000 toy events, ten dense networks of 6 x 33 on two processes, 15 passes
over nine tenths of the events, a one-cycle schedule, and augmentation in Cartesian
momenta. That is 27 million event-passes of one network. The time of "training" is that
of passes alone, the time of more passes less that of fewer; validation with the mean of
eight variants, once or nine times in a pass as in the article, is timed beside it.
Prediction: 550 000 events, ten networks, the mean of eight variants, two threads. The
floors are products of the same shapes by `torch.bmm`, in their fastest arrangement.

The aims: training within 2.2 times its floor, augmentation below a quarter of it,
prediction within 2 times its floor and below 2 GB, the same bits for any `n_jobs`.

    python -m benchmarks.bench_full_scale [--quick] [--whole]
"""

import argparse
import json
from functools import partial
from time import perf_counter, process_time

import numpy as np
import torch

from benchmarks.common.bare_products import (
    ARRANGEMENTS,
    forward_seconds,
    training_seconds,
)
from benchmarks.common.higgsml_solution import STEPS
from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.preprocessing import CartesianMomenta

N_MEMBERS, N_LAYERS, WIDTH, BATCH, N_PASSES = 10, 6, 33, 256, 15
N_VARIANTS = 8
FRACTION = 20  # the floors are timed on one part in so many
ROWS = (128, 256, 512, 1024)  # of the floor of prediction
ON_ALL = {  # no validation, and no scores out of fold
    "cv": None,
    "stratify": None,
    "validate_on_fold": False,
    "evaluations_per_epoch": 1,
    "member_weighting": "uniform",
}
CONTENDERS = {  # parameters, and whether folds take their tenth themselves
    "training": (ON_ALL, False),
    "without augmentation": (ON_ALL | {"augmenter": None}, False),
    "with 1 validation a pass": ({"evaluations_per_epoch": 1}, True),
    "with 9 validations a pass": ({}, True),
}


def toy_events(n_samples):
    """Columns of the HiggsML events in Cartesian momenta, labels and weights."""
    events = make_higgs_events(n_samples, random_state=0)
    X = CartesianMomenta().fit_transform(events.data)
    return X.astype(np.float32), events.target, events.sample_weight


def classifier(**params):
    return WeightedDNNClassifier(**STEPS["final"] | {"random_state": 0} | params)


def fit_seconds(events, n_passes, name, n_jobs=2, clock=perf_counter):
    """The whole `fit` of some passes, checks and set-up included."""
    params, has_folds = CONTENDERS[name]
    n_samples = len(events[1]) if has_folds else len(events[1]) * 9 // 10
    X, y, w = (values[:n_samples] for values in events)
    model = classifier(max_epochs=n_passes, n_jobs=n_jobs, **params)
    start = clock()
    model.fit(X, y, sample_weight=w)
    return clock() - start


def fitted(events, **params):
    """A model after one pass over a few events: its values do not matter here."""
    X, y, w = (values[:3_000] for values in events)
    return classifier(max_epochs=1, **params).fit(X, y, sample_weight=w)


def sizes_of(model):
    """Numbers and embedded inputs, number of layers and their width."""
    module = model.net_.module_
    n_embedded = sum(table.shape[2] for table in module.embeddings)
    return module.n_numeric, n_embedded, N_LAYERS, WIDTH


def training(events, n_passes, rounds):
    """Seconds of all passes of each contender, and of their matrix products."""
    n_steps = -(-(len(events[1]) * 9 // 10) // BATCH)
    n_floor = max(1, n_steps * N_PASSES // FRACTION)
    n_constant, n_learnt, *hidden = sizes_of(fitted(events))
    floors = {  # the gradient of all inputs is that of autograd's layers
        "matrix products": (n_constant, n_learnt, *hidden),
        "and the gradient of all inputs": (0, n_constant + n_learnt, *hidden),
    }
    tasks = {
        (floor, a): partial(training_seconds, a, sizes, N_MEMBERS, BATCH, n_floor)
        for floor, sizes in floors.items()
        for a in ARRANGEMENTS
    }
    for name in CONTENDERS:
        fit_seconds([values[:3_000] for values in events], 1, name)  # warm up
        for n in (n_passes, 2 * n_passes):
            tasks[name, n] = partial(fit_seconds, events, n, name)
    best = best_of(rounds, tasks)
    rows = {
        floor: min(best[floor, a] for a in ARRANGEMENTS) * n_steps * N_PASSES / n_floor
        for floor in floors
    }
    for name in CONTENDERS:
        of_passes = best[name, 2 * n_passes] - best[name, n_passes]
        rows[name] = of_passes * N_PASSES / n_passes
    return rows


def share_of_augmentation(events, n_passes, rounds):
    """Its part of the processor time of a pass, in one process and thread.

    It is less than what a clock's seconds differ by from fit to fit.
    """
    names = ("training", "without augmentation")
    fit = partial(fit_seconds, events, n_jobs=1, clock=process_time)
    tasks = {
        (name, n): partial(fit, n_passes=n, name=name)
        for name in names
        for n in (n_passes, 2 * n_passes)
    }
    best = best_of(rounds, tasks)
    of_passes = [best[name, 2 * n_passes] - best[name, n_passes] for name in names]
    return 1.0 - of_passes[1] / of_passes[0]


def enlarged(X, n_samples):
    """The events again and again, up to a number of them."""
    return X.iloc[np.arange(n_samples) % len(X)].reset_index(drop=True)


def prediction(events, n_samples, rounds):
    """Seconds of a prediction with variants, and of its matrix products."""
    model, X = fitted(events).set_params(n_jobs=2), enlarged(events[0], n_samples)
    n_rows, sizes = n_samples * N_VARIANTS // FRACTION, sizes_of(model)
    tasks = {
        (a, rows): partial(forward_seconds, a, sizes, N_MEMBERS, rows, n_rows // rows)
        for a in ARRANGEMENTS
        for rows in ROWS
    }
    tasks["decision_function"] = partial(seconds, model.decision_function, X)
    best = best_of(rounds, tasks)
    duration = best.pop("decision_function")
    floor = min(s / (n_rows // rows * rows) for (_, rows), s in best.items())
    return {
        "matrix products": floor * n_samples * N_VARIANTS,
        "decision_function": duration,
    }


def prediction_memory(n_samples):
    """Peak memory of the prediction, in MB; in a fresh process."""
    torch.set_num_threads(1)
    events = toy_events(10_000)
    model, X = fitted(events).set_params(n_jobs=2), enlarged(events[0], n_samples)
    model.decision_function(X[:2_000])
    with PeakMemory() as peak:
        model.decision_function(X)
    return {
        "above the inputs": round(peak.total / 1e6),
        "inputs": round(X.to_numpy().nbytes / 1e6),
        "total": round(peak.highest / 1e6),
    }


def same_bits(events):
    """Whether a seed gives the same bits: again, and by one process or two."""
    first, again, one = (
        fitted(events, n_jobs=n_jobs).decision_function(events[0][:3_000])
        for n_jobs in (2, 2, 1)
    )
    return {
        "same seed": bool(np.array_equal(first, again)),
        "n_jobs": bool(np.array_equal(first, one)),
    }


def print_over_floor(title, rows):
    print(f"{title:34}{'seconds':>10}{'ratio':>8}")
    floor = rows["matrix products"]
    for name, duration in rows.items():
        print(f"  {name:32}{duration:10.1f}{duration / floor:8.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--whole", action="store_true", help="fit all 15 passes, too")
    options = parser.parse_args()
    n_train, n_predict, n_passes, rounds = (
        (4_000, 20_000, 1, 1) if options.quick else (200_000, 550_000, 2, 3)
    )
    torch.set_num_threads(1)
    events = toy_events(n_train)
    fits = training(events, n_passes, rounds)
    print_over_floor(f"training on {n_train} events", fits)
    share = share_of_augmentation(events, n_passes, rounds)
    print(f"  share of augmentation in processor time: {share:.3f}")
    scores = prediction(events, n_predict, rounds)
    print_over_floor(f"prediction of {n_predict} events", scores)
    line = {"benchmark": "full_scale", "n_train": n_train, "n_predict": n_predict}
    line |= {"training": fits, "augmentation": share, "prediction": scores}
    line["memory"] = in_fresh_process(prediction_memory, n_predict)
    line["same_bits"] = same_bits(events)
    print(f"  memory, MB: {line['memory']}\nsame bits: {line['same_bits']}", flush=True)
    if options.whole:
        line["whole"] = {
            name: fit_seconds(events, N_PASSES, name)
            for name in ("training", "with 9 validations a pass")
        }
        print(f"all {N_PASSES} passes: {line['whole']}")
    print(json.dumps(line))


if __name__ == "__main__":
    main()
