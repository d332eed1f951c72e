"""Latency of a fit: the first batch, and when worker processes pay.

How long does a user wait before training begins, and from which amount of work on is
`n_jobs=2` faster? The first table has 10 000 events of 30 columns: the seconds from the
call of `fit` to its first batch, seen by a callback, and the fixed cost of a fit
without callbacks: the time of one pass less what a pass adds. The aim is less than 0.3
s. The second has the time of a fit with one process over that with two whose workers
are warm, for several numbers of members and of events; work is what all members
together see, in event-passes. The last lines say what starting workers costs. Any
first fit of a process is left out: it loads libraries.

    python -m benchmarks.bench_latency [--quick]
"""

import argparse
import json
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import ClassVar

import numpy as np
import torch
from joblib.externals.loky import get_reusable_executor
from skorch.callbacks import Callback

from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import WeightedDNNClassifier

AIM = 0.3
N_LATENCY = 10_000
MEMBERS = (2, 5, 10)
EVENTS = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
PASSES = 2
LATENCIES = {  # number of members, n_jobs
    "1 member": (1, 1),
    "5 members, 1 process": (5, 1),
    "5 members, 2 processes": (5, 2),
}
COLUMNS = ("first batch, s", "fixed cost, s", "one pass, s")


class FirstBatch(Callback):
    """Note when the first batch begins; the estimator works with copies of it."""

    times: ClassVar[list[float]] = []

    def on_batch_begin(self, net, **_):  # noqa: ARG002, skorch gives it by position
        """Note the time."""
        self.times.append(perf_counter())


def events(n_samples):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 30)).astype(np.float32)
    return X, rng.random(n_samples) < 0.4, rng.exponential(size=n_samples)


def fit(sample, n_members, n_jobs, n_epochs=1, callbacks=None):
    X, y, w = sample
    model = WeightedDNNClassifier(
        n_members=n_members,
        n_jobs=n_jobs,
        max_epochs=n_epochs,
        callbacks=callbacks,
        random_state=0,
    )
    model.fit(X, y, sample_weight=w)


def to_first_batch(sample, n_members, n_jobs):
    """Seconds from the call of `fit` to its first batch."""
    FirstBatch.times.clear()
    start = perf_counter()
    fit(sample, n_members, n_jobs, callbacks=[FirstBatch])
    return FirstBatch.times[0] - start


def latencies(rounds):
    """Seconds to the first batch and of the fixed cost of a fit, by case."""
    sample, tasks = events(N_LATENCY), {}
    for name, case in LATENCIES.items():
        if case[1] == 1:  # with callbacks everything trains in one process
            tasks[name, "first batch"] = partial(to_first_batch, sample, *case)
        for n_epochs in (1, 3):
            tasks[name, n_epochs] = partial(seconds, fit, sample, *case, n_epochs)
    best = best_of(rounds, tasks)
    rows = {}
    for name in LATENCIES:
        one_pass = (best[name, 3] - best[name, 1]) / 2
        rows[name] = {
            "fixed cost, s": best[name, 1] - one_pass,
            "one pass, s": one_pass,
        }
        if (name, "first batch") in best:
            rows[name]["first batch, s"] = best[name, "first batch"]
    return {
        name: {column: round(value, 3) for column, value in row.items()}
        for name, row in rows.items()
    }


def worker_gains(members, sizes, rounds):
    """Seconds with one process and with two, by members and event-passes of all."""
    gains = {n_members: {} for n_members in members}
    for n_samples in sizes:
        sample = events(n_samples)
        tasks = {
            (n_members, n_jobs): partial(
                seconds, fit, sample, n_members, n_jobs, PASSES
            )
            for n_members in members
            for n_jobs in (1, 2)
        }
        best = best_of(rounds, tasks)
        for n_members in members:
            work = n_members * n_samples * PASSES
            one, two = (round(best[n_members, n_jobs], 3) for n_jobs in (1, 2))
            gains[n_members][work] = (one, two)
            print(
                f"{n_members:>17}{n_samples:>10}{work:>14}{one:>10.2f}{two:>10.2f}"
                f"{one / two:>9.2f}",
                flush=True,
            )
    return gains


def break_even(timings):
    """Work from which on two processes were faster, None where they never were."""
    gains = {work: one / two for work, (one, two) in sorted(timings.items())}
    if min(gains.values()) > 1:
        return min(gains)
    for (work, gain), (more_work, more_gain) in reversed(list(pairwise(gains.items()))):
        if more_gain <= 1:
            return None  # not even at the largest amount
        if gain <= 1:
            share = (1 - gain) / (more_gain - gain)
            return round(work * (more_work / work) ** share)
    return None


def cold_workers(rounds):
    """Seconds that starting two workers adds to a small fit."""
    sample = events(1_000)
    small = partial(seconds, fit, sample, 2, 2)

    def cold():
        get_reusable_executor().shutdown(wait=True)
        return small()

    def warm():
        small()
        return small()

    best = best_of(rounds, {"cold": cold, "warm": warm})
    return best["cold"] - best["warm"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds, members, sizes = (
        (1, (2, 5), EVENTS[:4:2]) if quick else (3, MEMBERS, EVENTS)
    )
    torch.set_num_threads(1)
    for case in LATENCIES.values():
        fit(events(1_000), *case)
    rows = latencies(3 * rounds)
    print(f"{'':24}" + "".join(f"{name:>18}" for name in COLUMNS))
    for name, row in rows.items():
        cells = (row.get(column, float("nan")) for column in COLUMNS)
        print(f"{name:24}" + "".join(f"{value:18.3f}" for value in cells))
    print(
        f"{PASSES} passes: members    events          work  n_jobs=1  n_jobs=2     gain"
    )
    gains = worker_gains(members, sizes, rounds)
    even = {n_members: break_even(timings) for n_members, timings in gains.items()}
    for n_members, work in even.items():
        verdict = f"from {work} event-passes on" if work else "nowhere in this range"
        print(f"{n_members} members: two processes pay {verdict}")
    cold = round(cold_workers(rounds), 2)
    print(f"starting two cold workers adds {cold} s")
    line = {"benchmark": "latency", "aim": AIM, "rows": rows, "break_even": even}
    print(json.dumps(line | {"cold_workers": cold, "gains": gains}))


if __name__ == "__main__":
    main()
