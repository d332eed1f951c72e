"""The techniques of arXiv:2002.01427 for the HiggsML data, one estimator for each.

    python examples/document_003.py [NAME ...] [--higgsml FILE] [--passes N]

G. C. Strong, "On the impact of selected modern deep-learning techniques to the
performance and celerity of classification models in an experimental high-energy physics
use case", builds its solution step by step; `document_003` returns the estimator of
each, of each technique alone on the baseline, and of the architectures that were tried
last. Without names the job lists them; with names it trains those, on toy events or on
a HiggsML file, and prints log-loss and AUC on events that decided nothing.
"""

import argparse
from pathlib import Path
from time import perf_counter

from sklearn.model_selection import train_test_split

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.neural_network import (
    CosineRestarts,
    FeatureSplit,
    LinearCycles,
    OneCycle,
    Snapshots,
    StochasticWeightAverage,
)
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    SymmetryAligner,
    SymmetryAugmenter,
)

# What is called an epoch there is a fold: nine folds are a pass over the training part.
FOLD = 1 / 9

BASELINE = {
    "n_members": 1,
    "n_layers": 4,
    "width": 100,
    "activation": "relu",
    "connection": "plain",
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    # 1e-8 there, with weights normalised to a sum of 1 for each class.
    "optimizer_eps": 1e-3,
    "schedule": "constant",
    "batch_size": 256,
    "max_epochs": 100,
    "evaluations_per_epoch": 9,
    "early_stopping": True,
    "n_iter_no_change": 50,
    "cv": 10,
    "validate_on_fold": True,
}
# What each technique changes, whatever it is added to.
TECHNIQUES = {
    "ensemble": {"n_members": 10, "member_weighting": "inverse_loss"},
    "embedding": {
        "categorical_features": ["PRI_jet_num"],
        "embedding_size": 3,
        "stratify": ["PRI_jet_num"],
    },
    "fixing": {},  # a transformer before the classifier
    "augmentation": {"augmenter": SymmetryAugmenter(reflections="yz")},
    "sgdr": {
        "schedule": CosineRestarts(first_cycle=1.0, multiplier=2.0),
        "n_iter_no_change": 1,
        "max_epochs": 63,
    },
    "prelu": {"activation": "prelu"},
    "selu": {"activation": "selu"},
    "swish": {"activation": "swish"},
    "sse": {
        "schedule": CosineRestarts(first_cycle=50 * FOLD, multiplier=1.0),
        "n_iter_no_change": 2,
        "max_epochs": 100,
        "snapshots": Snapshots(5, weighting="inverse_rank"),
        "member_weighting": "uniform",
    },
    "fge": {
        "schedule": LinearCycles(cycle=5 * FOLD, low_factor=0.1),
        "n_iter_no_change": 9,
        "max_epochs": 100,
        "snapshots": Snapshots(9, weighting="uniform"),
        "member_weighting": "uniform",
    },
    "swa_constant": {
        "schedule": "constant",
        "n_iter_no_change": 50,
        "max_epochs": 100,
        "averaging": StochasticWeightAverage(start=5, renewal=5),
    },
    "swa_cosine": {
        "schedule": CosineRestarts(5 * FOLD, multiplier=1.0, low_factor=0.1),
        "n_iter_no_change": 9,
        "max_epochs": 100,
        "averaging": StochasticWeightAverage(start=2, renewal=2),
    },
    "swa_linear": {
        "schedule": LinearCycles(cycle=5 * FOLD, low_factor=0.1),
        "n_iter_no_change": 9,
        "max_epochs": 100,
        "averaging": StochasticWeightAverage(start=2, renewal=2),
    },
    "one_cycle": {
        "learning_rate": 1e-2,
        "schedule": OneCycle(
            warm_up=1 / 3, start_factor=1e-2, momentum_high=0.95, momentum_low=0.85
        ),
        "max_epochs": 15,
        "early_stopping": False,
    },
    "dense": {"n_layers": 6, "width": 33, "connection": "dense"},
    "final": {},
}
# The row that each step builds upon.
UPON = {
    "ensemble": "baseline",
    "embedding": "ensemble",
    "fixing": "embedding",
    "augmentation": "embedding",
    "sgdr": "augmentation",
    "swish": "sgdr",
    "sse": "swish",
    "fge": "swish",
    "swa_constant": "swish",
    "swa_cosine": "swish",
    "swa_linear": "swish",
    "one_cycle": "swish",
    "dense": "one_cycle",
    "final": "dense",
}
STEPS = {"baseline": BASELINE}
for _name, _base in UPON.items():
    STEPS[_name] = {**STEPS[_base], **TECHNIQUES[_name]}

# Each technique by itself on the single baseline network.
ALONE = {
    f"{_name}_alone": {**BASELINE, **_changes}
    for _name, _changes in TECHNIQUES.items()
    if _name not in {"ensemble", "final"}
}

# Table 7: depth, width and growth of the width, upon "dense".
ARCHITECTURES = {
    name: {**STEPS["dense"], **changes}
    for name, changes in {
        "4x100+0.1": {"n_layers": 4, "width": 100, "width_growth": 0.1},
        "4x40+0.45": {"n_layers": 4, "width": 40, "width_growth": 0.45},
        "5x100-0.1": {"n_layers": 5, "width": 100, "width_growth": -0.1},
        "5x33+0.9": {"n_layers": 5, "width": 33, "width_growth": 0.9},
        # 33 (1 - 0.2 d) is not positive from d = 5 on: one neuron instead.
        "8x33-0.2": {"hidden_layer_sizes": (33, 26, 20, 13, 7, 1, 1, 1)},
    }.items()
}

# Table 10: derived features on a path of their own, upon "dense".
DERIVED = (
    "DER_mass_MMC",
    "DER_mass_transverse_met_lep",
    "DER_mass_vis",
    "DER_pt_h",
    "DER_deltaeta_jet_jet",
    "DER_mass_jet_jet",
    "DER_prodeta_jet_jet",
    "DER_deltar_tau_lep",
    "DER_pt_tot",
    "DER_sum_pt",
    "DER_pt_ratio_lep_tau",
    "DER_met_phi_centrality",
    "DER_lep_eta_centrality",
)
PARALLEL = {
    name: {
        **STEPS["dense"],
        "width": width,
        "feature_groups": FeatureSplit(DERIVED, kind=kind, width=wide),
    }
    for name, kind, width, wide in (
        ("full_split", "full", 20, 50),
        ("bottleneck_split", "bottleneck", 21, 51),
        ("semi_split", "semi", 33, 50),
    )
}

SETTINGS = {**STEPS, **ALONE, **ARCHITECTURES, **PARALLEL}


def document_003(name, **options):
    """Return the unfitted pipeline of one row, with options of the classifier."""
    if name not in SETTINGS:
        msg = f"`name` must be one of {list(SETTINGS)!r}, got {name!r}. Choose one."
        raise ValueError(msg)
    classifier = WeightedDNNClassifier(**{**SETTINGS[name], **options})
    is_fixed = name in {"fixing", "fixing_alone"}
    fixing = [SymmetryAligner(reflections="yz")] if is_fixed else []
    return make_weighted_pipeline(CartesianMomenta(), *fixing, classifier)


def evaluate(name, events, **options):
    """Train one row on half of the events; return its row for the other half."""
    model = document_003(name, random_state=0, **options)
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
    return f"{name:18s} log-loss {-loss:.4f}  AUC {auc:.4f}  {seconds:6.1f} s"


def main():
    """List the rows, or train those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SETTINGS)}")
    parser.add_argument("--higgsml", type=Path, help="HiggsML file (.csv, .csv.gz)")
    parser.add_argument("--events", type=int, default=20_000, help="toy events")
    parser.add_argument("--passes", type=int, help="instead of those of the row")
    options = parser.parse_args()
    if not options.names:
        print("\n".join(SETTINGS))
        return
    if options.higgsml is None:
        events = make_higgs_events(options.events, random_state=0)
    else:
        events = fetch_higgsml("train", path=options.higgsml, rescale=True)
    passes = {} if options.passes is None else {"max_epochs": options.passes}
    for name in options.names:
        print(evaluate(name, events, n_jobs=-1, **passes))


if __name__ == "__main__":
    main()
