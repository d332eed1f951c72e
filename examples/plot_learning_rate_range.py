"""
Reading a learning-rate range test
==================================

Which learning rate does a network need, before anything is known about it?

Too low a rate wastes passes, too high a rate ruins the training, and where the one ends
and the other begins depends on the network, the optimiser and the size of the batches.
"""

# %%
# The range test
# --------------
# Each member is trained anew for some two hundred steps, while the learning rate rises
# exponentially over six orders of magnitude. The classifier itself is not changed.

import matplotlib.pyplot as plt

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.inspection import LearningRateRangeDisplay

events = make_higgs_events(11_000, random_state=0)
X, y, w = events.data, events.target, events.sample_weight
train, valid = slice(0, 5000), slice(5000, None)
model = WeightedDNNClassifier(
    n_members=3,
    n_layers=2,
    width=48,
    dropout=0.0,
    categorical_features=events.categorical,
    random_state=0,
)
figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
range_test = LearningRateRangeDisplay.from_estimator(
    model, X[train], y[train], w[train], ax=ax
)
suggestion = range_test.suggestion_
plt.show()

# %%
# From the left: nothing happens where the rate is too low for the number of steps, then
# the loss falls, stays on a wide and flat bottom, and rises steeply. The place of the
# minimum on the bottom is chance, its upper edge is not. The suggestion is a tenth of
# this edge, as room for what a short test does not show.

print(f"suggested learning rate: {suggestion:.2g}")

# %%
# Is it a good one?
# -----------------
# The same classifier, trained with the suggestion as the highest rate of its one cycle,
# with a tenth of it and with ten times as much. Each member is judged on events that
# it was not trained on.

rates = {
    "a tenth": suggestion / 10,
    "the suggestion": suggestion,
    "ten times": suggestion * 10,
}
histories, losses = {}, {}
for name, rate in rates.items():
    model.set_params(learning_rate=rate)
    model.fit(
        X[train],
        y[train],
        sample_weight=w[train],
        X_val=X[valid],
        y_val=y[valid],
        sample_weight_val=w[valid],
    )
    histories[name], losses[name] = model.history_, model.best_loss_
    error = losses[name].std(ddof=1) / len(losses[name]) ** 0.5
    print(f"{rate:.2g} ({name}): log-loss {losses[name].mean():.4f} ± {error:.4f}")

# %%
# These are the best states, with the error of the mean over the members. Below is the
# whole course; the bands are the standard deviation of the members.

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for name, history in histories.items():
    by_pass = history.groupby("epoch")["valid_loss"]
    mean, spread = by_pass.mean(), by_pass.std()
    label = f"{rates[name]:.2g}, {name}"
    ax.plot(mean.index, mean, marker="o", markersize=4, label=label)
    ax.fill_between(mean.index, mean - spread, mean + spread, alpha=0.25, linewidth=0)
ax.set(
    xlabel="passes over the training events",
    ylabel="balanced validation loss (nats)",
    xticks=range(0, 21, 5),
)
ax.legend(title="highest learning rate")
plt.show()

# %%
# **Answer.** About 0.007, by a test of two hundred steps: with a tenth of it the
# network is far from trained after twenty passes, and with ten times as much it soon
# overtrains, and even its best state is worse.
