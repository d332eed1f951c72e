"""Boosted trees as contenders: with balanced weights, and tuned by Optuna.

Each factory returns a contender of `out_of_fold.py`. The settings named TUNED are what
`tuned` found on the 12 000 events that `bench_best_score.py` chooses on. The file
`tuned_trees.json` has, for each table of `tables.py`, the losses of 30 random settings,
the same on all tables: `bench_tables.py --tune` writes it, `stored_settings` reads it.
"""

import json
from pathlib import Path

import numpy as np
import optuna
from lightgbm import LGBMClassifier
from scipy.special import log_softmax
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
    "random_trials",
    "store_trials",
    "stored_settings",
    "stored_trials",
    "tuned",
    "tuned_tables",
]

STORED = Path(__file__).with_name("tuned_trees.json")

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
    """Weights that give all classes the same sum, without negative ones."""
    return training_weights(y, w, negative_weights="zero").weights


def one_against_rest(raw):
    """Return the logit of each class against the rest, of raw scores of trees."""
    if raw.ndim == 1:
        return raw
    log_p = log_softmax(raw, axis=1)
    others = [np.logaddexp.reduce(np.delete(log_p, k, 1), 1) for k in range(len(raw.T))]
    return log_p - np.stack(others, axis=1)


def lightgbm(n_jobs=1, **params):
    """LightGBM with balanced weights."""

    def fit(X, y, w, seed, _categorical):
        model = LGBMClassifier(
            **{**LIGHTGBM, **params}, n_jobs=n_jobs, verbose=-1, random_state=seed
        ).fit(X, y, sample_weight=balanced(y, w))
        return lambda X_new: one_against_rest(model.predict(X_new, raw_score=True))

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
        model.fit(X, y, sample_weight=balanced(y, w))
        return lambda X_new: one_against_rest(model.decision_function(X_new))

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


def random_trials(name, events, n_trials):
    """Return random settings and the log-loss of each, pooled over three folds.

    The settings depend on the name alone. Seed and folds are not those of the
    comparisons; `HistGradientBoostingClassifier` has 31 bins here, since finding bins
    of weighted events would take most of the time.
    """
    make, suggest = SPACES[name]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    fewer_bins = {"max_bins": 31} if name == "HistGradientBoosting" else {}
    settings, losses = [], []
    for _ in range(n_trials):
        settings.append({k: _rounded(v) for k, v in suggest(study.ask()).items()})
        contender = make(**settings[-1], **fewer_bins)
        (run,) = pooled_scores(contender, events, seeds=1, n_folds=3)
        loss = balanced_log_loss_from_logits(
            events.target, run.scores, sample_weight=events.sample_weight
        )
        losses.append(round(loss, 5))
    return settings, losses


def store_trials(table, events, n_trials, path=STORED):
    """Try random settings on a table, and keep their losses in the file."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    for name in SPACES:
        settings, losses = random_trials(name, events, n_trials)
        part = stored.setdefault(name, {"losses": {}})
        part["settings"] = settings
        part["losses"][table] = losses
        path.write_text(_as_lines(stored))


def stored_trials(name, path=STORED):
    """Return the random settings in the file, the same for all tables."""
    return json.loads(path.read_text())[name]["settings"]


def tuned_tables(name, path=STORED):
    """Return the names of the tables with trials in the file."""
    return list(json.loads(path.read_text())[name]["losses"]) if path.exists() else []


def stored_settings(name, table, path=STORED):
    """Return the settings with the least loss on a table, of those in the file.

    Raises
    ------
    ValueError
        If nothing was tried on the table.
    """
    if table not in tuned_tables(name, path):
        msg = (
            f"{path.name} must have trials of the table, got none of {table!r}. Run "
            "`python -m benchmarks.bench_tables --tune --data` with its name."
        )
        raise ValueError(msg)
    part = json.loads(path.read_text())[name]
    losses = part["losses"][table]
    return part["settings"][losses.index(min(losses))]


def _rounded(value):
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _as_lines(stored):
    """Return JSON with a line for each trial and each table."""
    parts = []
    for name, part in stored.items():
        trials = ",\n".join(f"    {json.dumps(trial)}" for trial in part["settings"])
        losses = ",\n".join(
            f"    {json.dumps(table)}: {json.dumps(values)}"
            for table, values in part["losses"].items()
        )
        parts.append(
            f'  "{name}": {{\n   "settings": [\n{trials}\n   ],\n   "losses": {{\n'
            f"{losses}\n   }}\n  }}"
        )
    return "{\n" + ",\n".join(parts) + "\n}\n"
