"""Steps of the HiggsML solution of Strong (2020): what they gain, and in what time.

How much better is the whole solution than its baseline, and how much longer does it
train? Or any of its steps, techniques and architectures that is named (`--list`): each
trains on one half of the events, toys or those of a HiggsML file, and log-loss and AUC
are of the other half, which decided nothing. The last column is the time of training
over that of the first row. Errors, all rows and the AMS are in the study:
`python -m benchmarks.higgsml_study`.

    python -m benchmarks.bench_higgsml_solution [NAME ...] [--higgsml FILE]
        [--events N] [--passes N] [--quick] [--list]
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

from sklearn.model_selection import train_test_split

from benchmarks.common.higgsml_solution import SETTINGS, higgsml_solution
from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.metrics import weighted_scorer


def evaluate(name, events, **options):
    """Train one row on half of the events; return its figures for the other half."""
    model = higgsml_solution(name, random_state=0, **options)
    train, test = train_test_split(
        range(len(events.target)),
        test_size=0.5,
        stratify=events.target,
        random_state=0,
    )
    X, y, w = events.data, events.target, events.sample_weight
    start = perf_counter()
    model.fit(X.iloc[train], y[train], sample_weight=w[train])
    seconds = perf_counter() - start
    loss, auc = (
        weighted_scorer(metric)(model, X.iloc[test], y[test], sample_weight=w[test])
        for metric in ("balanced_log_loss", "roc_auc")
    )
    return {"log-loss": -loss, "AUC": auc, "seconds": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help="default: baseline and final")
    parser.add_argument("--higgsml", type=Path, help="HiggsML file (.csv, .csv.gz)")
    parser.add_argument("--events", type=int, default=20_000, help="toy events")
    parser.add_argument("--passes", type=int, help="instead of those of the row")
    parser.add_argument("--quick", action="store_true", help="6 000 events, one pass")
    parser.add_argument("--list", action="store_true", help="print the names only")
    options = parser.parse_args()
    if options.list:
        print("\n".join(SETTINGS))
        return
    if options.quick:
        options.events, options.passes = 6_000, 1
    if options.higgsml is None:
        events = make_higgs_events(options.events, random_state=0)
    else:
        events = fetch_higgsml("train", path=options.higgsml, rescale=True)
    passes = {} if options.passes is None else {"max_epochs": options.passes}
    names, rows = options.names or ["baseline", "final"], {}
    few = make_higgs_events(6_000, random_state=0)
    for name in names:  # the first fit loads libraries and starts workers
        evaluate(name, few, n_jobs=-1, max_epochs=1)
    for name in names:
        rows[name] = row = evaluate(name, events, n_jobs=-1, **passes)
        row["time ratio"] = row["seconds"] / rows[names[0]]["seconds"]
        print(
            f"{name:18s} log-loss {row['log-loss']:.4f}  AUC {row['AUC']:.4f}  "
            f"{row['seconds']:6.1f} s  {row['time ratio']:5.2f}",
            flush=True,
        )
    line = {
        name: {figure: round(float(value), 4) for figure, value in row.items()}
        for name, row in rows.items()
    }
    print(json.dumps({"benchmark": "higgsml_solution", "rows": line}))


if __name__ == "__main__":
    main()
