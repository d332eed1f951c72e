"""
Is the network worth it?
========================

What does a network gain over boosted trees and a linear model, what does it cost, and
how much of what a classifier shows on its training events is left on new ones?

Toy events of two Gaussians, one in ten with a negative weight, for which the best
classifier is a smooth function.
"""

# %%
# Three classifiers, the same folds
# ---------------------------------
# The first one is what the others are compared with. Each gets the weights it can use:
# signed ones, or positive ones with the density of the signed ones.

from matplotlib import pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.inspection import (
    ComparisonDisplay,
    OvertrainingDisplay,
    plot_classifiers,
)
from skhep_dnn.metrics import overtraining_test
from skhep_dnn.model_selection import compare_classifiers

events = make_gaussian_events(3000, negative_fraction=0.1, random_state=0)
X, y, w = events.data, events.target, events.sample_weight
result = compare_classifiers(
    {
        "network": WeightedDNNClassifier(max_epochs=6, random_state=0),
        "trees": HistGradientBoostingClassifier(
            max_iter=60, max_bins=31, random_state=0
        ),
        "linear": LogisticRegression(),
    },
    X,
    y,
    w,
    cv=3,
    random_state=0,
)
print(result)

# %%
# What they gain and what they cost
# ---------------------------------

ComparisonDisplay.from_comparison(result)
plt.show()

# %%
# Each of them
# ------------
# Histograms and full lines are of events that a model has not seen, points and broken
# lines of the same events, scored by a model that was trained on them.

plot_classifiers(result, n_replicas=50)
plt.show()

# %%
# Worse, or only different?
# -------------------------
# The gap of the AUC says by how much the trees are worse on new events. That the scores
# are different, as the p-values say, is so for every classifier that is looked at on
# the events of its training.

scores = result.in_fold["trees"], result.out_of_fold["trees"]
half = events.data.index % 2 == 0  # no event in both samples
check = overtraining_test(
    *(y[half], scores[0][half], y[~half], scores[1][~half], w[half], w[~half]),
    random_state=0,
)
print(check)
OvertrainingDisplay.from_predictions(
    *(y[half], scores[0][half], y[~half], scores[1][~half], w[half], w[~half]),
    bins=15,
    name="trees",
)
plt.show()

# %%
# **Answer.** Here a network is worth it against trees, which lose in AUC what they
# learnt by heart, and not against a straight line, which is all that these events need.
