"""Boosted trees as contenders: with balanced weights, and tuned by Optuna.

Each factory returns a contender of `out_of_fold.py`. The settings named TUNED are what
`tuned` found on the 12 000 events that `bench_best_score.py` chooses on.
"""

import optuna
from lightgbm import LGBMClassifier
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.common.out_of_fold import pooled_scores
from skhep_dnn.metrics import balanced_log_loss_from_logits
from skhep_dnn.preprocessing import InvariantFeatures
from skhep_dnn.weights import training_weights

__all__ = [
    "TUNED_HGB",
    "TUNED_LIGHTGBM",
    "balanced",
    "boosted_trees",
    "lightgbm",
    "on_invariants",
    "tuned",
]

LIGHTGBM = {  # good settings on these events, by hand
    "n_estimators": 300,
    "learning_rate": 0.04,
    "num_leaves": 15,
    "min_child_samples": 50,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.5,
    "reg_lambda": 5.0,
}
HGB = {
    "max_iter": 200,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "l2_regularization": 5.0,
    "early_stopping": "auto",
}
TUNED_LIGHTGBM = {  # 30 trials
    "n_estimators": 501,
    "learning_rate": 0.0318,
    "num_leaves": 6,
    "min_child_samples": 22,
    "subsample": 0.66,
    "colsample_bytree": 0.548,
    "reg_lambda": 0.303,
}
TUNED_HGB = {  # 20 trials
    "early_stopping": False,
    "max_iter": 324,
    "learning_rate": 0.13,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 6,
    "max_features": 0.122,
    "l2_regularization": 54.4,
}


def balanced(y, w):
    """Weights that give both classes the same sum, without negative ones."""
    return training_weights(y, w, negative_weights="zero").weights


def lightgbm(n_jobs=1, **params):
    """LightGBM with balanced weights."""

    def fit(X, y, w, seed, _categorical):
        model = LGBMClassifier(
            **{**LIGHTGBM, **params}, n_jobs=n_jobs, verbose=-1, random_state=seed
        ).fit(X, y, sample_weight=balanced(y, w))
        return lambda X_new: model.predict(X_new, raw_score=True)

    return fit


def boosted_trees(**params):
    """scikit-learn's histogram gradient boosting with balanced weights."""

    def fit(X, y, w, seed, categorical):
        known = categorical is not None and set(categorical) <= set(X)
        model = HistGradientBoostingClassifier(
            **{**HGB, **params},
            categorical_features=categorical if known else None,
            random_state=seed,
        )
        return model.fit(X, y, sample_weight=balanced(y, w)).decision_function

    return fit


def on_invariants(contender):
    """Return the contender on features that no rotation or reflection changes."""

    def fit(X, y, w, seed, categorical):
        features = InvariantFeatures(collinear=("PRI_tau", "PRI_lep")).fit(X)
        score = contender(features.transform(X), y, w, seed, categorical)
        return lambda X_new: score(features.transform(X_new))

    return fit


def _suggest_lightgbm(trial):
    return {
        "n_estimators": trial.suggest_int("n_estimators", 100, 1500, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 31, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 100, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.1, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
    }


def _suggest_hgb(trial):
    return {
        "early_stopping": False,
        "max_iter": trial.suggest_int("max_iter", 50, 1000, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 31, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 100, log=True),
        "max_features": trial.suggest_float("max_features", 0.1, 1.0),
        "l2_regularization": trial.suggest_float(
            "l2_regularization", 0.1, 100.0, log=True
        ),
    }


SPACES = {
    "LightGBM": (lightgbm, _suggest_lightgbm),
    "HistGradientBoosting": (boosted_trees, _suggest_hgb),
}


def tuned(name, events, n_trials):
    """Return the settings with the least log-loss of pooled out-of-fold scores."""
    make, suggest = SPACES[name]

    def loss(trial):
        (run,) = pooled_scores(make(**suggest(trial)), events, seeds=1)
        return balanced_log_loss_from_logits(
            events.target, run.scores, sample_weight=events.sample_weight
        )

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(loss, n_trials)
    return suggest(study.best_trial), study.best_value
