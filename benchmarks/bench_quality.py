"""Quality on real HiggsML events: five folds, pooled out-of-fold, paired errors.

Every contender scores the same events in the same folds, with physics weights, for
several seeds. The AMS of a fold is taken at the cut chosen on the other four folds, so
that no event decides its own cut. Differences to the first contender are paired: the
same bootstrap replicas for all, averaged over the seeds.

    python -m benchmarks.bench_quality [--quick] [--seeds N]
"""

import argparse
import json

import numpy as np
import torch
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.common.chosen_cut import relative_to_cut
from benchmarks.common.out_of_fold import Figure, compare, dnn, header
from benchmarks.common.samples import real_events, thinned
from benchmarks.common.trees import balanced, boosted_trees, lightgbm
from skhep_dnn.metrics import SignificanceAt


def mlp(X, y, w, seed, _categorical):
    """scikit-learn's multilayer perceptron, 4 x 100, early stopping, balanced."""
    prepare = make_pipeline(SimpleImputer(), StandardScaler()).fit(X)
    model = MLPClassifier(
        hidden_layer_sizes=(100,) * 4,
        batch_size=256,
        early_stopping=True,
        n_iter_no_change=5,
        random_state=seed,
    )
    model.fit(prepare.transform(X), y, sample_weight=balanced(y, w))

    def score(X_new):
        p = model.predict_proba(prepare.transform(X_new))[:, 1].astype(np.float64)
        p = np.clip(p, 1e-12, 1 - 1e-12)  # which float32 would round to 1
        return np.log(p / (1 - p))

    return score


def plain_torch(X, y, w, seed, _categorical):
    """A plain 4 x 100 swish network with a hand-written loop, 15 passes of Adam."""
    torch.manual_seed(seed)
    prepare = make_pipeline(SimpleImputer(), StandardScaler()).fit(X)
    inputs = torch.from_numpy(prepare.transform(X).astype(np.float32))
    target = torch.from_numpy((y == "s").astype(np.float32))
    weight = torch.from_numpy(balanced(y, w).astype(np.float32))
    layers, n_in = [], inputs.shape[1]
    for _ in range(4):
        layers += [nn.Linear(n_in, 100), nn.SiLU()]
        n_in = 100
    model = nn.Sequential(*layers, nn.Linear(100, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(15):
        for rows in torch.randperm(len(inputs)).split(256):
            loss = nn.functional.binary_cross_entropy_with_logits(
                model(inputs[rows]).squeeze(1), target[rows], weight=weight[rows]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    @torch.inference_mode()
    def score(X_new):
        values = prepare.transform(X_new).astype(np.float32)
        return model(torch.from_numpy(values)).squeeze(1).double().numpy()

    return score


PEERS = {
    "WeightedDNN, 5 members": dnn(n_members=5, n_jobs=2),
    "WeightedDNN, 1 member": dnn(n_members=1),
    "LightGBM": lightgbm(n_jobs=2),
    "HistGradientBoosting": boosted_trees(),
    "plain torch 4 x 100": plain_torch,
    "scikit-learn MLP 4 x 100": mlp,
}
FIGURES = {
    "AUC": Figure("roc_auc"),
    "log-loss": Figure("balanced_log_loss_from_logits"),
    "AMS": Figure(SignificanceAt(0.0, kind="ams"), view=relative_to_cut),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    events = real_events()
    if options.quick:
        events = thinned(events, 5)
    seeds = 1 if options.quick else options.seeds
    torch.set_num_threads(1)
    print(header(FIGURES))
    rows = compare(PEERS, events, FIGURES, seeds)
    print(json.dumps({"benchmark": "quality", "seeds": seeds, "rows": rows}))


if __name__ == "__main__":
    main()
