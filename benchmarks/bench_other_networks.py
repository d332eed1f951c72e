"""The default network against other networks for tables: RealMLP and TabM.

Is there a better network for tables of collider events? RealMLP (Holzmüller et al.,
arXiv:2407.04491) and TabM (Gorishniy et al., arXiv:2410.24210), as pytabkit has them,
against `WeightedDNNClassifier` with its defaults and five members and against LightGBM,
on the tables of `common/tables.py`.

pytabkit takes no event weights, so nothing has weights here: all events of a class
count alike, in training and in the figures, which give all classes the same sum. The
probabilities of pytabkit, of classes as frequent as they are, are moved to classes of
equal sum. It takes no undefined values: they become medians, with a column that says
where. RealMLP is set to the log-loss, as pytabkit recommends for it, and is one network
or, like ours, the mean of five, each of which stops by another fifth of the events;
TabM has its defaults, 32 networks that share most parameters. They need minutes for
thousands of events on a processor, so there are at most 2 000 events of a table, three
folds and one seed. The symmetries of the events, which pytabkit cannot be told, are
left out but for one more row of ours.

Without pytabkit (`pip install pytabkit[models]`, the dependency group `networks`)
there are only the other rows.

    python -m benchmarks.bench_other_networks [--quick] [--data all|NAME,NAME]
        [--params JSON] [--keep FOLDER] [--events N] [--only TabM,LightGBM]
"""

import argparse
import json
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.impute import SimpleImputer

from benchmarks.bench_tables import FIGURES, kept
from benchmarks.common.out_of_fold import dnn, header, pooled_scores, tabulate
from benchmarks.common.tables import TABLES, chosen_tables
from benchmarks.common.trees import lightgbm, one_against_rest

N_FOLDS = 3
N_EVENTS = 2_000
LEAST_P = 1e-7  # of a probability in float32


def pytabkit(name, **params):
    """Contender of pytabkit, of which `name` is the class."""

    def fit(X, y, _w, seed, categorical):
        import pytabkit  # noqa: PLC0415 - only where it is installed

        categorical = list(categorical or [])
        numeric = [column for column in X if column not in categorical]
        fill = SimpleImputer(strategy="median", add_indicator=True)
        fill.set_output(transform="pandas").fit(X[numeric])

        def prepared(X):
            return pd.concat([fill.transform(X[numeric]), X[categorical]], axis=1)

        model = getattr(pytabkit, name)(random_state=seed, n_threads=1, **params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(prepared(X), y, cat_col_names=categorical)
        log_share = np.log(np.unique(y, return_counts=True)[1] / len(y))

        def score(X_new):
            p = np.clip(model.predict_proba(prepared(X_new)), LEAST_P, None)
            log_p = np.log(p) - log_share
            return one_against_rest(log_p) if p.shape[1] > 2 else np.diff(log_p)[:, 0]

        return score

    return fit


REALMLP = partial(
    pytabkit, "RealMLP_TD_Classifier", val_metric_name="cross_entropy", use_ls=False
)
PYTABKIT = {
    "RealMLP, 5 members": REALMLP(n_cv=5),
    "RealMLP": REALMLP(),
    "TabM": pytabkit("TabM_D_Classifier"),
}
QUICK = {
    "RealMLP": REALMLP(n_epochs=2),
    "TabM": pytabkit("TabM_D_Classifier", n_epochs=1),
}


def contenders(events, params, others):
    """Return the contenders of a table by name, ours first."""
    rows = {"network": dnn(**{"n_members": 5} | params)}
    if events.augmenter is not None:
        rows["network, symmetries"] = dnn(
            **{"n_members": 5, "augmenter": events.augmenter} | params
        )
    return rows | {"LightGBM": lightgbm()} | others


def averages(rows):
    """Return the mean over the tables of the difference of ours to each other one."""
    found = {}
    for table in rows.values():
        for name, row in table.items():
            if name != "network":
                by_figure = found.setdefault(name, {figure: [] for figure in FIGURES})
                for figure in FIGURES:
                    by_figure[figure].append(-row[figure]["difference"])
    return {
        name: {k: round(float(np.mean(v)), 5) for k, v in by_figure.items()}
        for name, by_figure in found.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="300 events, few passes")
    parser.add_argument("--data", default="all", help="names of tables, with commas")
    parser.add_argument("--params", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--events", type=int, default=N_EVENTS)
    parser.add_argument("--only", default="", help="parts of names, between commas")
    options = parser.parse_args()
    torch.set_num_threads(1)
    others = QUICK if options.quick else PYTABKIT
    if find_spec("pytabkit") is None:
        print("pytabkit is not installed: see the docstring")
        others = {}
    parts = options.only.split(",")
    others = {k: v for k, v in others.items() if any(part in k for part in parts)}
    n_events = 300 if options.quick else options.events
    tables = "uci_higgs" if options.quick else options.data
    results = {}
    for table in chosen_tables(tables):
        events = TABLES[table](n_events)
        events.sample_weight = np.ones(len(events.target))
        print(header(FIGURES, f"{table}, {len(events.target)} events"), flush=True)

        def runs_of(item, table=table, events=events):
            name, fit = item
            make = partial(pooled_scores, fit, n_folds=N_FOLDS)
            if options.keep and not name.startswith("network"):
                return kept(options.keep, f"{table}, {name}", events, 1, make)
            return make(events, 1)

        made = contenders(events, options.params, others)
        items = {name: (name, fit) for name, fit in made.items()}
        results[table] = tabulate(items, runs_of, events, FIGURES)
    print(f"mean over the tables, network minus: {averages(results)}")
    result = {"benchmark": "other_networks", "n_folds": N_FOLDS}
    print(json.dumps({**result, "rows": results, "means": averages(results)}))


if __name__ == "__main__":
    main()
