"""
Which input variables are needed
================================

How many of the thirty variables of the HiggsML challenge does a classifier need, and
does the best of many removals only seem to help?

Toy events with the columns and weights of the challenge, in three steps: a filter that
costs nothing, an elimination that retrains, and events that have not chosen.
"""

# %%
# Without any training
# --------------------
# Columns that do not separate, or say the same as a better one in both classes, go; the
# best ten of the others stay.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone

from skhep_dnn import BackwardEliminationSelector, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.inspection import EliminationDisplay
from skhep_dnn.metrics import paired_bootstrap

events = make_higgs_events(2_000, random_state=0)
X, y, w = events.data, events.target, events.sample_weight
selector = SeparationSelector(
    n_features_to_select=10, min_separation=2.0, max_correlation=0.9
)
selector.set_output(transform="pandas").fit(X, y, sample_weight=w)
print(selector.table_.head(12).round(3).to_string(index=False))
X_filtered = selector.transform(X)

# %%
# By retraining
# -------------
# A small network; the candidates and folds of each step train as members of one batch.
# The permutation importance proposes two columns, trainings decide. The grey points
# are what else could have been dropped.

network = WeightedDNNClassifier(
    n_members=1,
    n_layers=1,
    width=16,
    learning_rate=0.02,
    batch_size=128,
    max_epochs=8,
    random_state=0,
)
elimination = BackwardEliminationSelector(
    network, strategy="hybrid", n_candidates=2, cv=2, random_state=0
)
elimination.fit(X_filtered, y, sample_weight=w)
EliminationDisplay.from_estimator(elimination)
plt.show()

# %%
# Luck
# ----
# The gain of each removal, and what the best of the candidates would gain by luck if
# none of them mattered.

print(
    elimination.iterations_[
        ["dropped", "n_features", "difference", "error", "p_value", "luck"]
    ]
    .round(4)
    .to_string(index=False)
)

# %%
# Events that have not chosen
# ---------------------------
# Networks on all thirty columns, on the filtered ones and on the selected ones: change
# of the balanced log-loss and of the AUC from all columns, on new events.

new = make_higgs_events(5_000, random_state=1)


def predict(columns):
    """Return the mean probability of three networks on some columns."""
    models = [clone(network).set_params(random_state=seed) for seed in range(3)]
    return np.mean(
        [m.fit(X[columns], y, w).predict_proba(new.data[columns]) for m in models],
        axis=0,
    )


chosen = {"filtered": selector, "selected": elimination}
everything = predict(list(X.columns))
changes = {}
for name, by in chosen.items():
    columns = list(by.get_feature_names_out())
    proba = predict(columns)
    for metric in ("balanced_log_loss", "roc_auc"):
        changes[name, metric] = paired_bootstrap(
            metric,
            new.target,
            proba[:, 1],
            everything[:, 1],
            new.sample_weight,
            random_state=0,
        )
        print(f"{len(columns)} columns, {name}: {metric} {changes[name, metric]}")

# %%
# **Answer.** Of the ten columns that the filter leaves, five are enough: without the
# others the loss changes by 0.01 on new events, about the luck of the best removal. But
# the filter itself costs 0.04: it sees one column at a time, and the network needs some
# that separate in combination alone. Filter what is certain, an exact copy or a column
# without any separation, and leave the rest to trainings.
