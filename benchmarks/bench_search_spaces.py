"""Which search space finds most, on tables of different kinds.

Candidates for ``search_space("default")``: each is searched with the same number of
random trials, three folds and pooled scores, on HiggsML, on UCI HIGGS and on events of
H -> tau tau. The best trial of each is fitted again, and the balanced log-loss and the
AUC on unseen events are given as the difference to the classifier with its defaults,
with the error of the paired bootstrap.

    python -m benchmarks.bench_search_spaces [--quick] [--trials N] [--space NAME]
"""

import argparse
import json
import warnings

import numpy as np
import optuna
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import Bunch

from benchmarks.bench_search import SPACE, compared, logits_of, samples
from benchmarks.common.real_events import data_path
from benchmarks.common.samples import real_events
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.model_selection import OptunaSearchCV

FIGURES = ("log-loss", "AUC")
SMALL = {name: SPACE[name] for name in ("learning_rate", "dropout")}
WIDTH = {"width": SPACE["width"]}
PASSES = {"max_epochs": [10, 20, 40], "label_smoothing": [0.0, 0.05, 0.1]}
CANDIDATES = {
    "rate and dropout": SMALL,
    "and width": SMALL | WIDTH,
    "and shape, l2, batch": SPACE,
    "and shape, passes": SMALL | WIDTH | {"n_layers": SPACE["n_layers"]} | PASSES,
}
NOT_FEATURES = [
    *("event_number", "run_number", "process", "label", "weight", "weight_true"),
    *("p_negative", "gen_boson_pt", "lep_flavour"),
]


def uci_higgs():
    table = pd.read_parquet(data_path("uci_higgs_part1.parquet"))
    return Bunch(
        data=table.drop(columns="label"),
        target=np.where(table["label"] == 1, "s", "b"),
        sample_weight=np.ones(len(table)),
    )


def htautau():
    table = pd.read_parquet(data_path("htautau_part1.parquet"))
    return Bunch(
        data=table.drop(columns=NOT_FEATURES),
        target=np.where(table["label"] == 1, "s", "b"),
        sample_weight=table["weight_true"].to_numpy(),
    )


def toy():
    return make_higgs_events(2_000, random_state=0)


TABLES = {"HiggsML": (real_events, 6_000), "UCI HIGGS": (uci_higgs, 4_000)}
TABLES |= {"htautau": (htautau, 6_000)}


def best_of(space, events, n_trials):
    """Return the parameters of the best of some random trials."""
    search = OptunaSearchCV(
        WeightedDNNClassifier(),
        space,
        sampler="random",
        n_trials=n_trials,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        random_state=0,
        refit=False,
    )
    search.fit(events.data, events.target, sample_weight=events.sample_weight)
    return search.best_params_


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--space", choices=CANDIDATES)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    chosen = CANDIDATES
    if options.space is not None:
        chosen = {options.space: CANDIDATES[options.space]}
    tables = {"toy": (toy, 400)} if options.quick else TABLES
    rows = {}
    print(f"{'table':12}{'space':24}" + "".join(f"{key:>9}{'':19}" for key in FIGURES))
    for table, (load, n_events) in tables.items():
        events, unseen = samples(load(), n_events)
        reference = logits_of({}, events, unseen)
        for name, space in chosen.items():
            params = best_of(space, events, 2 if options.quick else options.trials)
            row = compared(logits_of(params, events, unseen), reference, unseen)
            rows[f"{table}, {name}"] = {**row, "params": str(params)}
            cells = ("{:9.4f} ({:+.4f} ± {:.4f})".format(*row[key]) for key in FIGURES)
            print(f"{table:12}{name:24}" + "".join(cells), flush=True)
    print(json.dumps({"benchmark": "search_spaces", "rows": rows}))


if __name__ == "__main__":
    main()
