"""What pruning between folds saves, and how often it gives up what would be good.

Random searches of boosted trees on toy events run all their folds. Their trials are
then replayed in order with the paired test, which compares each with the best one so
far after every fold. Counted are the fits that are saved; the trials that would have
ended within one paired error of the best one so far, and how many of them were given up
(at most 5 per cent is claimed); and the searches whose winner changes.

    python -m benchmarks.bench_pruning [--quick] [--searches N]
"""

import argparse
import json
import warnings

import numpy as np
from scipy.stats import loguniform, randint
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import ParameterSampler, StratifiedKFold
from threadpoolctl import threadpool_limits

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._folds import Events, FoldRules
from skhep_dnn.model_selection._pruning import PairedTest, fold_losses
from skhep_dnn.model_selection._scoring import as_scoring

N_FOLDS = 5
SPACE = {
    "learning_rate": loguniform(0.01, 0.5),
    "max_leaf_nodes": randint(3, 31),
    "l2_regularization": loguniform(1e-3, 1e2),
}


def trials(events, n_trials, seed):
    """Return the folds of each trial of a random search."""
    splits = list(
        StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(
            events.X, events.y
        )
    )
    # Few bins: with weights their edges take longer than the trees.
    model = HistGradientBoostingClassifier(max_iter=40, max_bins=31, random_state=0)
    scoring = as_scoring("balanced_log_loss", model, is_weighted=True)
    rules = FoldRules(scoring, methods=("predict_proba",))
    return [
        fit_folds(model.set_params(**params), events, splits, rules)
        for params in ParameterSampler(SPACE, n_trials, random_state=seed)
    ]


def replay(events, results):
    """Return fits saved, good trials, good trials given up, and whether it won."""
    n_samples = len(events.y)
    losses = [fold_losses(folds, events, n_samples) for folds in results]
    totals = [own.sum() for own in losses]
    best, saved, good, good_given_up = 0, 0, 0, 0
    for k in range(1, len(results)):
        test = PairedTest(losses[best], 0.0, N_FOLDS - 1)
        ends = next(
            (n for n in range(1, N_FOLDS) if test.gives_up(results[k][:n], events)),
            N_FOLDS,
        )
        saved += N_FOLDS - ends
        excess = losses[k] - losses[best]
        if excess.sum() <= np.sqrt(n_samples) * excess.std():
            good += 1
            good_given_up += ends < N_FOLDS
        if ends == N_FOLDS and totals[k] < totals[best]:
            best = k
    return saved, good, good_given_up, int(best == int(np.argmin(totals)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--searches", type=int, default=40)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    n_searches = 2 if options.quick else options.searches
    n_trials = 5 if options.quick else 20
    counts = []
    for seed in range(n_searches):
        toy = make_higgs_events(500 if options.quick else 2_000, random_state=seed)
        weights = {"sample_weight": np.abs(toy.sample_weight)}
        events = Events(toy.data, toy.target, weights, weights)
        with threadpool_limits(1):
            counts.append(replay(events, trials(events, n_trials, seed)))
    saved, good, good_given_up, same = np.sum(counts, axis=0).tolist()
    share = good_given_up / max(good, 1)
    error = np.sqrt(max(share * (1.0 - share), 1.0 / max(good, 1)) / max(good, 1))
    row = {
        "fits saved": saved / (n_searches * (n_trials - 1) * N_FOLDS),
        "good trials": good,
        "good trials given up": share,
        "error": float(error),
        "same winner": same / n_searches,
    }
    for name, value in row.items():
        print(f"{name:24}{value:10.4g}")
    print(json.dumps({"benchmark": "pruning", **row}))


if __name__ == "__main__":
    main()
