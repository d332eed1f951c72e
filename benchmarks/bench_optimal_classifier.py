"""Distance of the default network to the classifier that cannot be beaten.

How much of what can be known does the network learn, from how many events? The
optimal score of `make_gaussian_events` is known in closed form. Networks with the
defaults train on 2 000 to 50 000 events, with all weights and without, and are judged
on 200 000 others: AUC and balanced log-loss of the network, and their distance to those
of the optimal score on the same events, which is what more events or another network
could gain. Errors are of the judged events, paired, by bootstrap, and of the seeds, in
quadrature. The aim is a distance in AUC of less than 1 per cent from 20 000 events on.

    python -m benchmarks.bench_optimal_classifier [--quick] [--seeds N]
"""

import argparse
import json

import numpy as np

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.metrics import paired_bootstrap

N_EVENTS = (2_000, 5_000, 20_000, 50_000)
N_JUDGED = 200_000
METRICS = {"AUC": "roc_auc", "log-loss": "balanced_log_loss_from_logits"}
AIM, FROM = 0.01, 20_000
N_REPLICAS = 50


def fitted(n_events, weighted, seed, n_members):
    events = make_gaussian_events(n_events, random_state=seed)
    weights = events.sample_weight if weighted else None
    model = WeightedDNNClassifier(n_members=n_members, random_state=seed, n_jobs=1)
    return model.fit(events.data, events.target, sample_weight=weights)


def measure(models, judged):
    """Return the mean figures of some models and their distances to the optimum."""
    row = {}
    scores = [model.decision_function(judged.data) for model in models]
    for name, metric in METRICS.items():
        pairs = [
            paired_bootstrap(
                metric,
                judged.target,
                score,
                judged.optimal_score,
                judged.sample_weight,
                n_replicas=N_REPLICAS,
                random_state=0,
            )
            for score in scores
        ]
        distances = np.array([pair.difference for pair in pairs])
        of_seeds = distances.std(ddof=1) / len(pairs) ** 0.5 if len(pairs) > 1 else 0.0
        row[name] = {
            "network": float(np.mean([pair.value_a for pair in pairs])),
            "optimum": pairs[0].value_b,
            "distance": float(distances.mean()),
            "error": float(np.hypot(of_seeds, np.mean([p.error for p in pairs]))),
        }
    return row


def show(n_events, weighted, row):
    cells = [f"{n_events:7d} {'weights' if weighted else 'none':8s}"]
    for figure in row.values():
        cells.append(
            f"{figure['network']:.4f} of {figure['optimum']:.4f}"
            f" ({figure['distance']:+.4f} ± {figure['error']:.4f})"
        )
    print("  ".join(cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="2 000 events, one seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=5)
    options = parser.parse_args()
    sizes = N_EVENTS[:1] if options.quick else N_EVENTS
    n_judged = 10_000 if options.quick else N_JUDGED
    judged = make_gaussian_events(n_judged, random_state=999)
    print("events  trained on  AUC (- optimum ± error)  log-loss (- optimum ± error)")
    results = []
    for n_events in sizes:
        for weighted in (True, False):
            models = [
                fitted(n_events, weighted, seed, options.members)
                for seed in range(1 if options.quick else options.seeds)
            ]
            row = measure(models, judged)
            show(n_events, weighted, row)
            results.append({"events": n_events, "weighted": weighted, **row})
    kept = [
        -row["AUC"]["distance"] / row["AUC"]["optimum"]
        for row in results
        if row["events"] >= FROM
    ]
    if kept:
        print(f"largest distance in AUC from {FROM} events on: {100 * max(kept):.2f} %")
    print(json.dumps({"benchmark": "optimal_classifier", "aim": AIM, "rows": results}))


if __name__ == "__main__":
    main()
