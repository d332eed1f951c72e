"""The HiggsML solution of Strong (2020), one estimator for each of its techniques.

The article builds its solution step by step. `STEPS` has the settings of each step,
`ALONE` those of each technique by itself on the baseline, and `ARCHITECTURES` and
`PARALLEL` those of the networks that were tried last; `higgsml_solution` returns the
estimator of any of them. Only the package is imported: the file may be copied.

References
----------
.. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to the
       performance and celerity of classification models in an experimental high-energy
       physics use case", arXiv:2002.01427.
"""

from skhep_dnn import WeightedDNNClassifier
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

__all__ = [
    "ALONE",
    "ARCHITECTURES",
    "BASELINE",
    "PARALLEL",
    "SETTINGS",
    "STEPS",
    "TECHNIQUES",
    "UPON",
    "higgsml_solution",
]

# What is called an epoch there is a fold: nine folds are a pass over the training part.
FOLD = 1 / 9

BASELINE = {
    "n_members": 1,
    "n_layers": 4,
    "width": 100,
    "activation": "relu",
    "connection": "plain",
    "dropout": 0.0,
    "numeric_scaling": "standard",
    "scale_learning_rate": None,
    "numeric_embedding": None,
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


def higgsml_solution(name, **options):
    """Return the unfitted pipeline of one row, with options of the classifier."""
    if name not in SETTINGS:
        msg = f"`name` must be one of {list(SETTINGS)!r}, got {name!r}. Choose one."
        raise ValueError(msg)
    classifier = WeightedDNNClassifier(**{**SETTINGS[name], **options})
    is_fixed = name in {"fixing", "fixing_alone"}
    fixing = [SymmetryAligner(reflections="yz")] if is_fixed else []
    return make_weighted_pipeline(CartesianMomenta(), *fixing, classifier)
