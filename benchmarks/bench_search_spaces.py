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

import optuna
from sklearn.model_selection import StratifiedKFold

from benchmarks.bench_search import SPACE, compared, logits_of, samples
from benchmarks.common.samples import ANALYSES
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.model_selection import OptunaSearchCV

FIGURES = ("log-loss", "AUC")
N_SEARCHED = {"higgsml": 6_000, "uci_higgs": 4_000, "htautau": 6_000}
SMALL = {name: SPACE[name] for name in ("learning_rate", "dropout")}
WIDTH = {"width": SPACE["width"]}
PASSES = {"max_epochs": [10, 20, 40], "label_smoothing": [0.0, 0.05, 0.1]}
CANDIDATES = {
    "rate and dropout": SMALL,
    "and width": SMALL | WIDTH,
    "and shape, l2, batch": SPACE,
    "and shape, passes": SMALL | WIDTH | {"n_layers": SPACE["n_layers"]} | PASSES,
}


def whole(load):
    """Return all events of a table, with the weights that are right on average."""
    events = load(None)
    events.sample_weight = events.true_weight
    return events


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
    tables = {"htautau": 400} if options.quick else N_SEARCHED
    rows = {}
    print(f"{'table':12}{'space':24}" + "".join(f"{key:>9}{'':19}" for key in FIGURES))
    for table, n_events in tables.items():
        events, unseen = samples(whole(ANALYSES[table]), n_events)
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
