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
# Columns that do not separate, or say the same as a better one in both classes, go.

import matplotlib.pyplot as plt
import numpy as np

from skhep_dnn import BackwardEliminationSelector, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.inspection import EliminationDisplay
from skhep_dnn.metrics import paired_bootstrap

events = make_higgs_events(2_000, random_state=0)
X, y, w = events.data, events.target, events.sample_weight
selector = SeparationSelector(min_separation=2.0, max_correlation=0.9)
selector.set_output(transform="pandas").fit(X, y, sample_weight=w)
print(selector.table_.head(12).round(3).to_string(index=False))
X_filtered = selector.transform(X)

# %%
# By retraining
# -------------
# A small network; the candidates and folds of each step train as members of one batch.
# The permutation importance proposes four columns, trainings decide. The grey points
# are what else could have been dropped.

network = WeightedDNNClassifier(
    n_members=1, n_layers=1, width=16, max_epochs=6, random_state=0
)
elimination = BackwardEliminationSelector(
    network, strategy="hybrid", n_candidates=4, cv=2, random_state=0
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
# Three networks on all thirty columns and three on the selected ones, on new events.

new = make_higgs_events(4_000, random_state=1)
proba = [
    np.mean(
        [
            WeightedDNNClassifier(**{**network.get_params(), "random_state": seed})
            .fit(X[columns], y, w)
            .predict_proba(new.data[columns])[:, 1]
            for seed in range(3)
        ],
        axis=0,
    )
    for columns in (list(elimination.get_feature_names_out()), list(X.columns))
]
for name in ("balanced_log_loss", "roc_auc"):
    print(name, paired_bootstrap(name, new.target, *proba, new.sample_weight))
