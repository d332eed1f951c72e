"""
The luck of the best trial
==========================

How much of the score of the best trial of a search is luck, and what is not lucky?

A search takes the best of many scores, each with an error. It takes what is good, and
what was good on these events by chance. On toy events the difference can be seen, as a
large sample tells how good each trial is.
"""

# %%
# A search on few events
# ----------------------
# Thirty random trials tune a tree on 500 events, whose weights have a long tail.

import matplotlib.pyplot as plt
import numpy as np
from optuna.distributions import IntDistribution
from sklearn.base import clone
from sklearn.tree import ExtraTreeClassifier

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.model_selection import OptunaSearchCV, cross_validate_pooled


def sample(n_events, seed):
    """Return events, labels and weights."""
    events = make_gaussian_events(
        n_events, separation=1.5, weight_spread=1.0, random_state=seed
    )
    return events.data.to_numpy(), events.target, events.sample_weight


X, y, w = sample(500, seed=11)
large = sample(20_000, seed=1000)
search = OptunaSearchCV(
    ExtraTreeClassifier(random_state=0),
    {
        "max_depth": range(1, 11),
        "min_samples_leaf": IntDistribution(1, 100, log=True),
        "max_features": range(1, 5),
    },
    n_trials=30,
    sampler="random",
    scoring="roc_auc",
    choice="one_standard_error",
    complexity="max_depth",
    random_state=0,
)
search.fit(X, y, sample_weight=w)
pooled = search.cv_results_["pooled_test_score"]
error = search.cv_results_["pooled_test_error_score"]
best, simple = int(pooled.argmax()), search.best_index_

# %%
# What each trial is worth
# ------------------------
# The truth is the AUC of a large sample of which each of the five models of a trial
# predicts a part: the pooled score is an estimate of it.


def true_auc(models):
    """Return the AUC of a large sample of which each model predicts a part."""
    X_large, y_large, w_large = large
    parts = np.array_split(np.arange(len(y_large)), len(models))
    score = [
        model.predict_proba(X_large[part])[:, 1]
        for model, part in zip(models, parts, strict=True)
    ]
    return weighted_roc_auc(y_large, np.concatenate(score), w_large)


def true_auc_of_trial(params):
    """Return that of the models of the folds."""
    tree = clone(search.estimator).set_params(**params)
    models = [
        clone(tree).fit(X[train], y[train], sample_weight=w[train])
        for train, _ in splits
    ]
    return true_auc(models)


splits = cross_validate_pooled(search.estimator, X, y, w, n_replicas=2).splits
true = np.array([true_auc_of_trial(p) for p in search.cv_results_["params"]])

# %%
# Further folds around the search
# -------------------------------
# Each outer fold searches anew without the events that it is scored on. The scores of
# these decided nothing.

inner = clone(search).set_params(choice="best", n_trials=10, n_replicas=2)
nested = cross_validate_pooled(
    inner, X, y, w, scoring="roc_auc", cv=3, return_estimator=True
)
true_nested = true_auc(nested.estimators)

figure, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
ax.errorbar(true, pooled, error, fmt=".", color="0.6", elinewidth=0.8, label="a trial")
for value, x, name, marker in (
    (pooled[best], true[best], "best", "o"),
    (pooled[simple], true[simple], "one_standard_error", "s"),
    (nested.score.value, true_nested, "nested folds", "D"),
):
    ax.plot(x, value, marker, markersize=8, label=f"{name}: {value - x:+.3f}")
limits = (true.min() - 0.02, max(pooled.max(), true.max()) + 0.05)
ax.plot(limits, limits, "k--", linewidth=1, label="score = truth")
ax.set(
    xlabel="AUC on a large sample",
    ylabel="AUC of the out-of-fold predictions",
    xlim=limits,
)
ax.legend(title="score minus truth")
plt.show()

# %%
# **Answer.** The best trial has an AUC of 0.77 and is worth 0.75: it is lucky by two
# thirds of its error. Further folds around the search say 0.73 ± 0.05, and the simplest
# trial within one standard error has a smaller surplus. How much luck there is on
# average takes many searches, as the guide to tuning has them.
