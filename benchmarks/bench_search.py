"""What a search finds in a given time, what it costs, and what parallel work gains.

6 000 real events (toy events without the file), three folds, a space of six parameters.
Every sampler searches for the same time, and its first trials, as many as the slowest
has done, are the comparison at equal trials. The best model of each is fitted again and
scored on events that no search has seen: balanced log-loss, AUC and the AMS at a cut
that other fifths of them choose, each as the difference to the classifier with its
defaults with the error of the paired bootstrap.

Beside it: the time of a trial beyond its fits; two processes over one; the folds as
members over fits one by one; and, where it is installed, the same thirty trials by the
`OptunaSearchCV` of optuna-integration around skorch.

    python -m benchmarks.bench_search [--quick] [--minutes M] [--only PART]
"""

import argparse
import json
import warnings
from time import perf_counter

import numpy as np
import optuna
import torch
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetBinaryClassifier
from torch import nn

from benchmarks.common.chosen_cut import relative_to_cut
from benchmarks.common.out_of_fold import Figure, Run
from benchmarks.common.samples import part_of, real_events
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.metrics import SignificanceAt
from skhep_dnn.model_selection import OptunaSearchCV, cross_validate_pooled

SAMPLERS = ("random", "tpe", "gp", "evolutionary")
FIGURES = {
    "log-loss": Figure("balanced_log_loss_from_logits"),
    "AUC": Figure("roc_auc"),
    "AMS": Figure(SignificanceAt(0.0, kind="ams"), view=relative_to_cut),
}
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
SPACE = {
    "learning_rate": FloatDistribution(5e-4, 2e-2, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "n_layers": range(2, 7),
    "width": IntDistribution(32, 256, log=True),
    "l2": FloatDistribution(1e-7, 1e-3, log=True),
    "batch_size": [128, 256, 512, 1024],
}
N_PEER_TRIALS = 30
N_TIMED_TRIALS = 60


def samples(events, n_events):
    """Return events to search with, and others that no search sees."""
    rows = np.arange(len(events.target))
    used, unseen = train_test_split(
        rows, train_size=n_events, stratify=events.target, random_state=0
    )
    return part_of(events, np.sort(used)), part_of(events, np.sort(unseen))


def search(events, sampler, *, n_trials=None, minutes=None, space=None, **options):
    """Run one search, and return it with its seconds."""
    found = OptunaSearchCV(
        WeightedDNNClassifier(),
        space or SPACE,
        sampler=sampler,
        n_trials=n_trials,
        timeout=None if minutes is None else 60.0 * minutes,
        cv=FOLDS,
        random_state=0,
        **options,
    )
    start = perf_counter()
    found.fit(events.data, events.target, sample_weight=events.sample_weight)
    return found, perf_counter() - start


def logits_of(params, events, unseen, n_seeds=3):
    """Return the mean logit of a few trainings with these parameters."""
    fits = [
        WeightedDNNClassifier(random_state=seed).set_params(**params)
        for seed in range(n_seeds)
    ]
    for model in fits:
        model.fit(events.data, events.target, sample_weight=events.sample_weight)
    return np.mean([m.decision_function(unseen.data) for m in fits], axis=0)


def compared(logits, reference, unseen):
    """Return figures on unseen events, differences to the defaults, paired errors."""
    fifth = np.arange(len(logits)) % 5
    runs = [Run(scores, fifth, 0.0) for scores in (logits, reference)]
    row = {}
    for name, figure in FIGURES.items():
        found = figure.paired(*runs, unseen)
        row[name] = [found.value_a, found.difference, found.error]
    return row


def show(name, row, n_trials):
    cells = "".join("{:9.4f} ({:+.4f} ± {:.4f})".format(*row[key]) for key in FIGURES)
    print(f"{name:28}{n_trials:7d}{cells}", flush=True)


def quality(events, unseen, minutes):
    """Print what each sampler finds, in equal time and in equal trials."""
    reference = logits_of({}, events, unseen)
    rows = {"defaults": compared(reference, reference, unseen)}
    print(f"{'':28}{'trials':>7}" + "".join(f"{key:>9}{'':19}" for key in FIGURES))
    show("defaults", rows["defaults"], 0)
    found = {name: search(events, name, minutes=minutes)[0] for name in SAMPLERS}
    fewest = min(len(one.records_) for one in found.values())
    for name, one in found.items():
        scores = one.cv_results_["pooled_test_score"]
        for label, n_trials in (("equal time", len(scores)), ("equal trials", fewest)):
            best = one.cv_results_["params"][int(np.nanargmax(scores[:n_trials]))]
            row = compared(logits_of(best, events, unseen), reference, unseen)
            rows[f"{name}, {label}"] = {**row, "trials": n_trials, "params": str(best)}
            show(f"{name}, {label}", row, n_trials)
    return rows


def speed(events, n_trials):
    """Return overhead of a trial, and ratios of parallel and joint work.

    The trials cost the same, so that no process waits for the last one of another; what
    it takes to start the processes counts.
    """
    options = {"space": {"dropout": FloatDistribution(0.0, 0.5)}, "refit": False}
    search(events, "random", n_trials=1, **options)  # whatever is loaded once
    one, seconds = search(events, "random", n_trials=n_trials, **options)
    fits, scores = (
        3.0 * float(np.sum(one.cv_results_[f"mean_{what}_time"]))
        for what in ("fit", "score")
    )
    _, two_processes = search(events, "random", n_trials=n_trials, n_jobs=2, **options)
    times = {}
    for name, options in (
        ("one by one", {"as_members": False}),
        ("as members", {"as_members": True, "n_jobs": 2}),
    ):
        start = perf_counter()
        cross_validate_pooled(
            WeightedDNNClassifier(random_state=0),
            events.data,
            events.target,
            events.sample_weight,
            cv=5,
            **options,
        )
        times[name] = perf_counter() - start
    return {
        "scoring of the folds over fits": scores / fits,
        "overhead beyond fits and scoring": seconds / (fits + scores) - 1.0,
        "two processes over one": seconds / two_processes,
        "five folds as members, two cores": times["one by one"] / times["as members"],
    }


class Network(nn.Module):
    """Four layers of swish units, as one would write it for skorch."""

    def __init__(self, n_inputs=30, width=64, dropout=0.2):
        super().__init__()
        layers = []
        for _ in range(4):
            layers += [nn.Linear(n_inputs, width), nn.SiLU(), nn.Dropout(dropout)]
            n_inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, X):
        """Return one logit for each event."""
        return self.layers(X).squeeze(1)


def upstream(events, unseen, n_trials):
    """Return what optuna-integration finds around skorch, and in how many seconds."""
    from optuna_integration import OptunaSearchCV as Upstream  # noqa: PLC0415

    net = NeuralNetBinaryClassifier(
        Network,
        max_epochs=20,
        batch_size=256,
        optimizer=torch.optim.Adam,
        train_split=None,
        verbose=0,
    )
    X = events.data.to_numpy(np.float32)
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), net)
    name = "neuralnetbinaryclassifier"
    space = {
        f"{name}__lr": FloatDistribution(1e-4, 1e-1, log=True),
        f"{name}__module__dropout": FloatDistribution(0.0, 0.5),
        f"{name}__module__width": CategoricalDistribution([32, 64, 128]),
    }
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
    )
    found = Upstream(
        pipeline, space, n_trials=n_trials, cv=FOLDS, scoring="roc_auc", study=study
    )
    y = (events.target == "s").astype(np.float32)
    start = perf_counter()
    found.fit(X, y)
    seconds = perf_counter() - start
    p = np.clip(
        found.predict_proba(unseen.data.to_numpy(np.float32))[:, 1], 1e-7, 1 - 1e-7
    )
    return np.log(p / (1.0 - p)), seconds


def beside_upstream(events, unseen, n_trials):
    """Return what both searches find in as many trials, and the ratio of seconds."""
    ours, own_seconds = search(events, "tpe", n_trials=n_trials)
    reference = logits_of({}, events, unseen)
    peer, seconds = upstream(events, unseen, n_trials)
    logits = {
        "tpe, trials as upstream": ours.decision_function(unseen.data),
        "optuna-integration, skorch": peer,
    }
    rows = {name: compared(found, reference, unseen) for name, found in logits.items()}
    for name, row in rows.items():
        show(name, row, n_trials)
    return rows, {"seconds of upstream over ours": seconds / own_seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each sampler")
    parser.add_argument("--only", choices=["quality", "speed", "upstream"])
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    minutes = 0.1 if options.quick else options.minutes
    events, unseen = samples(real_events(), 600 if options.quick else 6_000)
    rows, ratios = {}, {}
    if options.only in {None, "quality"}:
        rows |= quality(events, unseen, minutes)
    if options.only in {None, "speed"}:
        ratios |= speed(events, 2 if options.quick else N_TIMED_TRIALS)
    if options.only in {None, "upstream"}:
        n_trials = 2 if options.quick else N_PEER_TRIALS
        found, ratio = beside_upstream(events, unseen, n_trials)
        rows, ratios = rows | found, ratios | ratio
    for name, ratio in ratios.items():
        print(f"{name:36}{ratio:7.2f}")
    print(json.dumps({"benchmark": "search", "rows": rows, "ratios": ratios}))


if __name__ == "__main__":
    main()
