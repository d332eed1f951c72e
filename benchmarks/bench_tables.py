"""The default network against boosted trees, on tables of many kinds.

On which tables is the default network not the one to beat? `WeightedDNNClassifier` with
its defaults and five members, which is told the categories and the symmetries of a
table where there are any, against LightGBM and scikit-learn's boosted trees: with good
settings by hand, the same on all tables, and tuned ones, the best of 30 random settings
for each table by the log-loss of its own events, which flatters them a little. Those of
scikit-learn have 63 bins: with weights it spends most of its time to find 255. The
tables are those of `common/tables.py`. All train with weights of equal sum per class,
and are judged by the AUC (of ten digits the mean of one against the rest) and the
balanced log-loss of pooled out-of-fold scores, five folds. The error of a difference is
that of the events, by paired bootstrap, and of the seeds, in quadrature: of the seeds,
that of the mean over them, since each has other folds as well as other networks.

Below each table stands the difference to the best of the trees, which is another one
for each figure, and whether the network is worse by more than two errors.

    python -m benchmarks.bench_tables [--quick] [--data all|NAME,NAME] [--seeds N]
        [--params JSON] [--keep FOLDER] [--name NAME] [--tune]

`--params` are parameters of the network in place of its defaults. `--keep` stores the
scores of the trees in a folder and reads them where they are, so that a change of the
network does not fit the trees again; with `--name` those of the network as well, and
networks of other names are further rows, with paired differences: before and after a
change. `--tune` tries the 30 settings and writes `common/tuned_trees.json`.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import torch

from benchmarks.common.out_of_fold import (
    Figure,
    Run,
    dnn,
    header,
    pooled_scores,
    tabulate,
)
from benchmarks.common.tables import TABLES, chosen_tables
from benchmarks.common.trees import (
    boosted_trees,
    lightgbm,
    store_trials,
    stored_settings,
    tuned_tables,
)

N_TRIALS = 30
N_QUICK = 500
FIGURES = {
    "AUC": Figure("roc_auc_ovr"),
    "log-loss": Figure("balanced_log_loss_from_logits"),
}
BETTER = {"AUC": 1, "log-loss": -1}  # the sign of a difference in favour
TREES = {
    "LightGBM": lightgbm,
    "HistGradientBoosting": partial(boosted_trees, max_bins=63),
}


def network(events, **params):
    """Contender with the defaults, which knows what is known about a table."""
    return dnn(**{"n_members": 5, "augmenter": events.augmenter} | params)


def settings_of_trees(table):
    """Return the settings of each contender of trees, beside what makes it."""
    found = {}
    for name, make in TREES.items():
        found[name] = make, {}
        if table in tuned_tables(name):
            found[f"{name}, tuned"] = make, stored_settings(name, table)
        else:
            print(f"no trials of {name} on {table} are stored: see --tune")
    return found


def kept(folder, label, events, seeds, make_runs):
    """Return the runs in a file of the folder; if it has too few, make and store."""
    sign = joblib.hash((events.data, events.target, events.sample_weight))[:8]
    path = Path(folder) / f"{label}, {sign}.npz"
    names = ("scores", "fold", "seconds")
    if path.exists():
        with np.load(path) as stored:
            parts = [stored[name][:seeds] for name in names]
        if len(parts[0]) == seeds:
            return [Run(*run) for run in zip(*parts, strict=True)]
    runs = make_runs(events, seeds)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: [getattr(run, name) for run in runs] for name in names})
    return runs


def other_networks(folder, table, name):
    """Return the names of networks whose scores of a table are kept."""
    start = f"{table}, network "
    files = sorted(Path(folder).glob(f"{start}*.npz"))
    names = (path.stem.removeprefix(start).rpartition(", ")[0] for path in files)
    return [found for found in dict.fromkeys(names) if found != name]


def makers(table, events, params, folder, name):
    """Return what makes the runs of each row, a function of events and seeds."""
    fit_network = partial(pooled_scores, network(events, **params))
    rows = {"network": fit_network}
    if folder and name:
        rows["network"] = _kept(folder, f"{table}, network {name}", fit_network)
        for other in other_networks(folder, table, name):
            rows[f"network {other}"] = _kept(folder, f"{table}, network {other}", None)
    for label, (make, settings) in settings_of_trees(table).items():
        rows[label] = partial(pooled_scores, make(**settings))
        if folder:
            sign = joblib.hash((settings, getattr(make, "keywords", {})))[:8]
            rows[label] = _kept(folder, f"{table}, {label} {sign}", rows[label])
    return rows


def _kept(folder, label, make_runs):
    return lambda events, seeds: kept(folder, label, events, seeds, make_runs)


def verdicts(rows):
    """Return the network minus the best of the trees, for each figure."""
    trees = [name for name in rows if not name.startswith("network")]
    found = {}
    for figure, sign in BETTER.items():
        scores = [sign * rows[name][figure]["value"] for name in trees]
        best = trees[int(np.argmax(scores))]
        cell = rows[best][figure]
        error = np.hypot(cell["paired error"], cell["seed error"])
        difference = -cell["difference"]
        found[figure] = {
            "best": best,
            "difference": round(difference, 6),
            "error": round(float(error), 6),
            "worse by two errors": bool(sign * difference < -2 * error),
        }
    return found


def line_of(verdict):
    return "network - best of the trees: " + "; ".join(
        f"{figure} {found['difference']:+.4f} ± {found['error']:.4f} "
        f"({found['best']}){', WORSE' if found['worse by two errors'] else ''}"
        for figure, found in verdict.items()
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="500 events, one seed")
    parser.add_argument("--data", default="all", help="names of tables, with commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--params", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--name", help="of the network, to keep its scores")
    parser.add_argument("--tune", action="store_true", help="find the settings anew")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds = 1 if options.quick else options.seeds
    rows, found = {}, {}
    for table in chosen_tables(options.data):
        events = TABLES[table](N_QUICK if options.quick else None)
        if options.tune:
            store_trials(table, events, N_TRIALS)
        print(header(FIGURES, f"{table}, {len(events.target)} events"), flush=True)
        made = makers(table, events, options.params, options.keep, options.name)
        rows[table] = tabulate(
            made, lambda make, e=events: make(e, seeds), events, FIGURES
        )
        found[table] = verdicts(rows[table])
        print(line_of(found[table]), flush=True)
    worse = {
        figure: [
            table for table in found if found[table][figure]["worse by two errors"]
        ]
        for figure in FIGURES
    }
    print(f"worse than the best of the trees by more than two errors: {worse}")
    result = {"benchmark": "tables", "seeds": seeds, "params": options.params}
    print(json.dumps({**result, "rows": rows, "verdicts": found}))


if __name__ == "__main__":
    main()
