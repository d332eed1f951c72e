"""
How strong should a regularisation be?
======================================

What do L1, L2 and both do to a network, and how is the constant chosen well?

A good input makes a network raise the weights of this input, and others that are
needed as well fade beside it. Dudko et al. (arXiv:2109.08520) limit the weights by L1,
by L2 and by both, and compare the discriminants for constants that are too small,
chosen well and too large. The page repeats their study. With the folder of
the HiggsML file in the environment variable ``SKHEP_DNN_DATA`` it runs on real events,
else on toy events.
"""

# %%
# One network, three penalties, five constants
# --------------------------------------------
# All is fixed but the constant: the factor of the sum of :math:`|w|`, of :math:`w^2`,
# or of both, over the weights without biases, in a loss that is a mean over events. The
# network is large for 1 500 events, and without dropout.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.inspection import DiscriminantDisplay
from skhep_dnn.metrics import balanced_log_loss_from_logits, paired_bootstrap

if "SKHEP_DNN_DATA" in os.environ:
    events = fetch_higgsml("train", download_if_missing=False)
else:
    events = make_higgs_events(6_000, random_state=0)
X, y, w = events.data.select_dtypes("float"), events.target, events.sample_weight
train, test = slice(0, 1500), slice(1500, 6_000)
constants = np.array([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
penalties = {"L1": ("l1",), "L2": ("l2",), "L1 + L2": ("l1", "l2")}


def fitted(penalty=(), constant=0.0):
    """Return the network with a constant for each part of the penalty."""
    model = WeightedDNNClassifier(
        n_layers=2,
        width=48,
        connection="plain",
        dropout=0.0,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        learning_rate=0.015,
        max_epochs=20,
        random_state=0,
        **dict.fromkeys(penalty, constant),
    )
    return model.fit(X[train], y[train], w[train])


models = {(None, 0.0): fitted()}
for name, penalty in penalties.items():
    for constant in constants:
        models[name, constant] = fitted(penalty, constant)
scores = {key: model.decision_function(X[test]) for key, model in models.items()}
losses = {
    key: balanced_log_loss_from_logits(y[test], score, w[test])
    for key, score in scores.items()
}

# %%
# The loss on other events
# ------------------------
# The differences to the network without a penalty are those of the same events; the
# error bars say how far they would move with other ones.

figure, ax = plt.subplots(figsize=(6.0, 4.0), layout="constrained")
best = {}
for name, marker in zip(penalties, "osv", strict=True):
    results = [
        paired_bootstrap(
            "balanced_log_loss_from_logits",
            y[test],
            scores[name, constant],
            scores[None, 0.0],
            w[test],
            n_replicas=30,
            random_state=0,
        )
        for constant in constants
    ]
    change = np.array([result.difference for result in results])
    errors = [result.error for result in results]
    ax.errorbar(constants, change, errors, marker=marker, capsize=2, label=name)
    best[name] = constants[int(change.argmin())]
ax.axhline(0.0, color="0.4", linestyle=":", label="no penalty")
ax.set(
    xscale="log",
    xlabel="constant",
    ylabel="change of the log-loss (nats)",
)
ax.legend()
plt.show()
print(", ".join(f"{name}: {constant:.0e}" for name, constant in best.items()))

# %%
# The discriminants
# -----------------
# Columns: too small, chosen well, too large; rows: the penalties. Too small a constant
# changes nothing: the scores of signal and background pile up at the ends, as certain
# as a network that has learnt events by heart. Too large a one leaves next to nothing
# of the separation.

figure, axes = plt.subplots(3, 3, figsize=(11.0, 8.4), layout="constrained")
for row, name in zip(axes, penalties, strict=True):
    for ax, constant in zip(
        row, (constants[0], best[name], constants[-1]), strict=True
    ):
        probability = models[name, constant].predict_proba(X[test])[:, 1]
        DiscriminantDisplay.from_predictions(
            y[test],
            probability,
            sample_weight=w[test],
            bins=np.linspace(0.0, 1.0, 26),
            density=True,
            ax=ax,
        )
        ax.legend(loc="upper center", fontsize="x-small")
        ax.set_title(f"{name}, {constant:.0e}: log-loss {losses[name, constant]:.3f}")
plt.show()

# %%
# The weights of the inputs
# -------------------------
# The norm of the weights that leave an input in the first layer, against the constant.
# L2 shrinks all of them, L1 sets those of the inputs that are needed least to almost
# nothing first.


def input_norms(model):
    """Return the norm of the weights of each input in the first layer."""
    weight = model.net_.module_.weights[0][0].detach().numpy()
    return pd.Series(np.linalg.norm(weight, axis=1), index=X.columns)


norms = {
    name: pd.DataFrame({c: input_norms(models[name, c]) for c in constants}).T
    for name in penalties
}
order = norms["L1"].loc[best["L1"]].sort_values(ascending=False).index
figure, axes = plt.subplots(
    1, 3, figsize=(11.4, 4.2), sharey=True, layout="constrained"
)
for ax, (name, table) in zip(axes, norms.items(), strict=True):
    ax.plot(table.index, table[order[5:]], color="0.75", linewidth=0.8)
    ax.plot([], [], color="0.75", label="other inputs")
    for column in order[:5]:
        ax.plot(table.index, table[column], marker=".", label=column)
    ax.axvline(best[name], color="0.3", linestyle="--", linewidth=1.0)
    ax.set(title=name, xscale="log", xlabel="constant", ylabel="norm of the weights")
    ax.legend(loc="upper right", fontsize="x-small")
axes[0].set_ylim(top=1.6 * norms["L1"].to_numpy().max())  # room for the legends
plt.show()

# %%
# **Answer.** As strong as 0.001 to 0.01, for this network. Below 0.0001 next to nothing
# happens; at the best constant the log-loss is clearly lower and the discriminant
# smooth; at 0.1 nothing is left of either. The best constants of the three penalties do
# nearly the same for the loss; by L1 most inputs are almost out first.
