"""
All figures of an analysis
==========================

What does a reader of a paper want to see of a classifier, from the inputs to the yields
at the working point?

Toy events of the HiggsML challenge at a hundredth of its luminosity, so that data can
be drawn from them: one figure for each question, with errors throughout.
"""

# %%
# Events, a network, and data that are not looked at
# --------------------------------------------------
# A part of the simulation trains, a second one chooses the cut, and everything is
# quoted on the third. The data are events of another simulation, each drawn as often as
# its weight says.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.inspection import (
    CorrelationDisplay,
    EfficiencyDisplay,
    InputDistributionsDisplay,
    PermutationImportanceDisplay,
    ReliabilityDisplay,
    SeparationDisplay,
    SignificanceScanDisplay,
    StackedDiscriminantDisplay,
    TrainingHistoryDisplay,
    WeightedPartialDependenceDisplay,
    WeightedRocCurveDisplay,
    YieldsTableDisplay,
)
from skhep_dnn.metrics import significance_scan, threshold_at_efficiency
from skhep_dnn.weights import scale_to_yields

YIELDS = {"s": 6.92, "b": 4110.0}
COLUMNS = [
    *("DER_mass_MMC", "DER_mass_transverse_met_lep", "DER_mass_vis", "DER_sum_pt"),
    *("DER_deltar_tau_lep", "DER_met_phi_centrality", "PRI_tau_pt", "PRI_lep_pt"),
    "PRI_jet_leading_pt",
]
NO_UNIT = {"DER_deltar_tau_lep", "DER_met_phi_centrality"}
UNITS = {name: "GeV" for name in COLUMNS if name not in NO_UNIT}

events = make_higgs_events(9_000, random_state=0)
X, y, w = events.data[COLUMNS], events.target, events.sample_weight
rows = np.arange(len(y))
train, rest = train_test_split(rows, train_size=0.4, stratify=y, random_state=0)
choice, test = train_test_split(rest, train_size=0.3, stratify=y[rest], random_state=0)
w_choice, w_test = (
    scale_to_yields(y[part], w[part], YIELDS) for part in (choice, test)
)
X_test, y_test, process = X.iloc[test], y[test], events.process[test]

other = make_higgs_events(9_000, random_state=1)
expected = scale_to_yields(other.target, other.sample_weight, YIELDS)
counts = np.random.default_rng(0).poisson(expected)
X_data = other.data[COLUMNS].iloc[np.repeat(np.arange(len(counts)), counts)]

model = WeightedDNNClassifier(
    n_members=2, n_layers=2, width=32, max_epochs=8, random_state=0
)
model.fit(X.iloc[train], y[train], sample_weight=w[train])
score, data = model.predict_proba(X_test)[:, 1], model.predict_proba(X_data)[:, 1]
scan = significance_scan(y[choice], model.predict_proba(X.iloc[choice])[:, 1], w_choice)
tight, loose = (threshold_at_efficiency(scan, signal=share) for share in (0.5, 0.8))

# %%
# The inputs
# ----------
# Signal and background in each column, with the share that is undefined.

inputs = InputDistributionsDisplay.from_data(
    X_test, y_test, sample_weight=w_test, units=UNITS
)
plt.show()

# %%
# Columns before and after the scaling of the network, here two of them.

InputDistributionsDisplay.from_estimator(
    model,
    X_test,
    y_test,
    sample_weight=w_test,
    columns=["DER_mass_MMC", "PRI_tau_pt"],
    units=UNITS,
)
plt.show()

# %%
# What each column separates by itself, and what the network makes of all of them.

separation = SeparationDisplay.from_data(
    X_test, y_test, sample_weight=w_test, y_score=score, n_replicas=20
)
plt.show()

# %%
# Correlations of the signal above the diagonal, of the background below: where both
# differ a network finds what no single column has.

CorrelationDisplay.from_data(X_test, y_test, sample_weight=w_test)
plt.show()

# %%
# The training
# ------------
# The loss of training and validation sample, by epoch.

TrainingHistoryDisplay.from_estimator(model)
plt.show()

# %%
# What the network relies on
# --------------------------
# The importance of each column, and the mean score against its value. Events without a
# jet have no momentum of one, and keep none.

importance = PermutationImportanceDisplay.from_estimator(
    model, X_test, y_test, sample_weight=w_test, n_repeats=2, random_state=0
)
plt.show()
WeightedPartialDependenceDisplay.from_estimator(
    model,
    X_test,
    y_test,
    sample_weight=w_test,
    columns=["DER_mass_MMC", "DER_deltar_tau_lep", "PRI_jet_leading_pt"],
    units=UNITS,
    n_values=10,
    max_events=300,
)
plt.show()

# %%
# The score
# ---------
# The processes on top of each other, and the data over them where they may be looked
# at: from the loose working point on they are not counted.

stack = StackedDiscriminantDisplay.from_predictions(
    y_test,
    score,
    sample_weight=w_test,
    process=process,
    data=data,
    blind=loose.threshold,
    log=True,
)
plt.show()

# %%
# Efficiencies of all cuts, with a band of the bootstrap.

WeightedRocCurveDisplay.from_predictions(
    y_test, score, sample_weight=w_test, n_replicas=50, random_state=0
)
plt.show()

# %%
# Whether a probability is one, on the prior of equal yields.

ReliabilityDisplay.from_predictions(y_test, score, sample_weight=w_test, name="signal")
plt.show()

# %%
# The working point
# -----------------
# The significance of all cuts, with its error.

SignificanceScanDisplay.from_predictions(
    y_test, score, sample_weight=w_test, n_replicas=50, random_state=0
)
plt.show()

# %%
# Is the mass of the background sculpted by the cut?

sculpted = EfficiencyDisplay.from_predictions(
    y_test,
    score,
    X_test["DER_mass_MMC"],
    threshold=tight,
    sample_weight=w_test,
    name="DER_mass_MMC",
    units=UNITS,
    bins=10,
)
plt.show()

# %%
# And how many events of each process are expected.

yields = YieldsTableDisplay.from_predictions(
    y_test,
    score,
    sample_weight=w_test,
    process=process,
    thresholds={"loose": loose, "tight": tight},
)
plt.show()
print(yields.table.to_latex())

# %%
# **Answer.** The mass of the tau pair separates most of all single columns, and the
# network half as much again. Data and simulation agree below the loose cut. The network
# relies on the mass and on what it is made of, so that the cut gives the background
# that passes a peak near the mass of the signal: its efficiency varies by more than its
# own mean, which a fit of the mass after the cut would have to know.
