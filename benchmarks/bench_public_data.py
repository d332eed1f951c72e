"""Quality on public tables without weights, against scikit-learn's classifiers.

Do the defaults hold on data that they were not chosen on? Three tables that come with
installed packages: breast cancer (569 events, 2 classes) and digits (1 797 images, 10
classes) of scikit-learn, and the 53 940 diamonds of plotnine: is the cut "Ideal", from
price, size and proportions, and from color and clarity as categories? Pooled
out-of-fold probabilities of five folds, three seeds: accuracy, AUC (for digits the mean
of one class against the rest) and log-loss with paired bootstrap errors; fits run in
two processes of one thread each.

`WeightedDNNClassifier` has its defaults but `class_weight=None`: the figures are those
of the classes as frequent as they are, and so are the probabilities of the others. The
MLP has the same four layers of 64, scaled columns and one-hot categories; boosted trees
have scikit-learn's defaults and take the categories as they are.

    python -m benchmarks.bench_public_data [--quick] [--data NAME] [--seeds N]
"""

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.common.out_of_fold import N_REPLICAS, compare, header
from benchmarks.common.tables import TABLES
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.metrics import PairedBootstrapResult

N_DIAMONDS = 53_940
DATA = ("breast_cancer", "digits", "diamonds")


def events(name, *, quick):
    """Return a table as the other benchmarks of quality have it, all of it."""
    n_diamonds = 2_000 if quick else N_DIAMONDS
    return TABLES[name](n_diamonds if name == "diamonds" else None)


def dnn(n_members):
    def fit(X, y, _w, seed, _categorical):
        model = WeightedDNNClassifier(
            n_members=n_members,
            class_weight=None,
            categorical_features="from_dtype",
            random_state=seed,
        )
        return model.fit(X, y).predict_proba

    return fit


def mlp(X, y, _w, seed, _categorical):
    columns = make_column_transformer(
        (OneHotEncoder(), make_column_selector(dtype_include="category")),
        remainder=StandardScaler(),
    )
    network = MLPClassifier(hidden_layer_sizes=(64,) * 4, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # default max_iter
        return make_pipeline(columns, network).fit(X, y).predict_proba


def boosted_trees(X, y, _w, seed, _categorical):
    model = HistGradientBoostingClassifier(random_state=seed)
    return model.fit(X, y).predict_proba


CONTENDERS = {
    "WeightedDNN, 5 members": dnn(5),
    "WeightedDNN, 1 member": dnn(1),
    "scikit-learn MLP 4 x 64": mlp,
    "HistGradientBoosting": boosted_trees,
}


def accuracy(y, probability, counts):
    right = np.unique(y)[probability.argmax(axis=1)] == y
    return np.average(right, weights=counts)


def auc(y, probability, counts):
    two = probability.shape[1] == 2
    y_score = probability[:, 1] if two else probability
    return roc_auc_score(y, y_score, multi_class="ovr", sample_weight=counts)


def cross_entropy(y, probability, counts):
    codes = np.unique(y, return_inverse=True)[1]
    likelihood = probability[np.arange(len(y)), codes]
    likelihood = np.clip(likelihood, np.finfo(float).eps, 1.0)  # as in scikit-learn
    return -np.average(np.log(likelihood), weights=counts)


@dataclass(frozen=True)
class ClassFigure:
    """A figure of merit of class probabilities, `metric(y, probability, counts)`."""

    metric: Callable[..., float]

    def paired(self, run, other, events):
        """Difference of two runs, with the replicas that all runs share."""
        rng = np.random.default_rng(0)
        n_samples = len(events.target)
        replicas = [
            self._values(run, other, events, rng.poisson(1.0, n_samples))
            for _ in range(N_REPLICAS)
        ]
        a, b = self._values(run, other, events, np.ones(n_samples))
        difference = -np.diff(replicas, axis=1)[:, 0]
        error = difference.std(ddof=1)
        return PairedBootstrapResult(a, b, a - b, error, difference, 0)

    def _values(self, run, other, events, counts):
        return [self.metric(events.target, r.scores, counts) for r in (run, other)]


FIGURES = {
    "accuracy": ClassFigure(accuracy),
    "AUC": ClassFigure(auc),
    "log-loss": ClassFigure(cross_entropy),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="2 000 diamonds, one seed")
    parser.add_argument("--data", choices=DATA, help="one table, not all")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    seeds = 1 if options.quick else options.seeds
    results = {}
    for name in [options.data] if options.data else DATA:
        table = events(name, quick=options.quick)
        print(f"{name}, {len(table.target)} events\n{header(FIGURES)}", flush=True)
        results[name] = compare(CONTENDERS, table, FIGURES, seeds, n_jobs=2)
    print(json.dumps({"benchmark": "public_data", "seeds": seeds, "rows": results}))


if __name__ == "__main__":
    main()
