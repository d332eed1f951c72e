"""Defaults that win: variations of one parameter each.

Is there a default that another value beats on tables of all kinds? Three members with
the defaults of `WeightedDNNClassifier`, and variations of one parameter each, on at
most 5 000 events of the tables of `common/tables.py`, with their weights; the networks
know the categories and the symmetries of a table where there are any. AUC and balanced
log-loss of five folds, pooled out-of-fold, for three seeds, with paired errors. A row
is printed as soon as it is measured. The folds are fitted in two processes.

    python -m benchmarks.bench_defaults [--quick] [--seeds N] [--only dropout,relu]
        [--data all|NAME,NAME] [--events N]
"""

import argparse
import json

from benchmarks.common.out_of_fold import Figure, compare, dnn, header
from benchmarks.common.tables import TABLES, chosen_tables
from skhep_dnn.neural_network import PeriodicEmbedding

N_MEMBERS = 3
FIGURES = {
    "AUC": Figure("roc_auc_ovr"),
    "log-loss": Figure("balanced_log_loss_from_logits"),
}
VARIATIONS = {
    "standard scaling": {"numeric_scaling": "standard"},
    "quantile scaling": {"numeric_scaling": "quantile"},
    "no factors": {"scale_learning_rate": None},
    "factors 6": {"scale_learning_rate": 6.0},
    "no embedding": {"numeric_embedding": None},
    "piecewise linear": {"numeric_embedding": "piecewise_linear"},
    "equal waves, 0.1": {"numeric_embedding": PeriodicEmbedding(4, 8, 0.1, 1)},
    "equal waves, 1": {"numeric_embedding": PeriodicEmbedding(4, 8, 1.0, 1)},
    "16 waves": {"numeric_embedding": PeriodicEmbedding(n_frequencies=16)},
    "8 numbers": {"numeric_embedding": PeriodicEmbedding(size=8)},
    "dropout 0.2": {"dropout": 0.2},
    "dropout 0.3": {"dropout": 0.3},
    "dropout 0.5": {"dropout": 0.5},
    "width 32": {"width": 32},
    "width 100": {"width": 100},
    "2 layers": {"n_layers": 2},
    "6 layers": {"n_layers": 6},
    "plain connection": {"connection": "plain"},
    "residual connection": {"connection": "residual"},
    "relu": {"activation": "relu"},
    "selu": {"activation": "selu"},
    "gelu": {"activation": "gelu"},
    "batch norm": {"batch_norm": True},
    "constant rate 1e-3": {"schedule": "constant", "learning_rate": 1e-3},
    "learning rate 2e-3": {"learning_rate": 2e-3},
    "learning rate 1e-2": {"learning_rate": 1e-2},
    "epsilon 1e-8": {"optimizer_eps": 1e-8},
    "epsilon 1e-4": {"optimizer_eps": 1e-4},
    "epsilon 1e-2": {"optimizer_eps": 1e-2},
    "10 epochs": {"max_epochs": 10},
    "40 epochs": {"max_epochs": 40},
    "batches of 128": {"batch_size": 128},
    "batches of 512": {"batch_size": 512},
    "l2 1e-4": {"l2": 1e-4},
    "l2 1e-3": {"l2": 1e-3},
    "adamw, weight decay 0.1": {"optimizer": "adamw", "weight_decay": 0.1},
    "1 member": {"n_members": 1},
    "5 members": {"n_members": 5},
    "10 members": {"n_members": 10},
    "10 % validation": {"validation_fraction": 0.1},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="500 events, one seed")
    parser.add_argument("--data", default="all", help="names of tables, with commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of names, between commas")
    parser.add_argument("--events", type=int, default=5_000, help="at most so many")
    options = parser.parse_args()
    seeds = 1 if options.quick else options.seeds
    parts = options.only.split(",")
    changes = {"defaults": {}} | {
        name: params
        for name, params in VARIATIONS.items()
        if any(part in name for part in parts)
    }
    results = {}
    for name in chosen_tables(options.data):
        events = TABLES[name](500 if options.quick else options.events)
        known = {"n_members": N_MEMBERS, "augmenter": events.augmenter}
        contenders = {key: dnn(**known | params) for key, params in changes.items()}
        print(f"{name}, {len(events.target)} events\n{header(FIGURES)}", flush=True)
        results[name] = compare(contenders, events, FIGURES, seeds, n_jobs=2)
    print(json.dumps({"benchmark": "defaults", "seeds": seeds, "rows": results}))


if __name__ == "__main__":
    main()
