"""Train a weighted ensemble, choose a cut, quote the significance, write the figures.

    python examples/main_job.py [--higgsml FILE] [--output FOLDER]

Without a file the job runs on toy events that look like those of the HiggsML challenge.
The events are split in three: one part trains the models, one chooses the cut, and one
that decided nothing is quoted. The weights of each part are rescaled, per class, to the
full expected yields. Every error is from the weighted Poisson bootstrap of the test
part.

The cut has the largest significance in the cut part of those that leave 25 effective
background events there or more. The rule of the HiggsML study, which asks for none, is
quoted beside it.
"""

import argparse
from functools import partial
from pathlib import Path
from time import perf_counter

import matplotlib as mpl
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.inspection import (
    DiscriminantDisplay,
    SignificanceScanDisplay,
    TrainingHistoryDisplay,
    WeightedRocCurveDisplay,
)
from skhep_dnn.metrics import (
    SignificanceAt,
    bootstrap,
    paired_bootstrap,
    significance_scan,
    threshold_at_maximum,
    threshold_top_fraction,
)
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights import scale_to_yields, training_weights

N_REPLICAS = 200
DNN = "WeightedDNNClassifier"
TREES = "HistGradientBoosting"


def load(path):
    """Return the events of a HiggsML file, or toy events, at the full yields."""
    if path is None:
        return make_higgs_events(40_000, random_state=1), "toy events"
    events = fetch_higgsml("train", path=path, rescale=True)
    return events, f"HiggsML events ({events.share:.1%} of the training set)"


def split(events):
    """Split into training, cut and test part, each rescaled to the full yields."""
    table = events.data.assign(y=events.target, w=events.sample_weight)
    train, rest = train_test_split(
        table, train_size=0.5, stratify=table["y"], random_state=0
    )
    cut, test = train_test_split(
        rest, train_size=0.4, stratify=rest["y"], random_state=0
    )
    yields = table.groupby("y")["w"].sum()
    parts = []
    for part in (train, cut, test):
        w = scale_to_yields(part["y"], part["w"], yields)
        parts.append((part[events.feature_names], part["y"].to_numpy(), w))
    return parts


def train(train_part, categorical):
    """Fit both models on the training part; return them with their times."""
    X, y, w = train_part
    dnn = WeightedDNNClassifier(
        n_members=5,
        dropout=0.2,
        max_epochs=30,
        augmenter=SymmetryAugmenter(),  # no azimuth is preferred, no side of the beam
        categorical_features=categorical,
        validation_fraction=0.1,
        n_jobs=-1,
        random_state=0,
    )
    trees = HistGradientBoostingClassifier(
        categorical_features=categorical, early_stopping=True, random_state=0
    )
    balanced = training_weights(y, w, negative_weights="zero").weights
    fitted = {}
    for name, model, weights in ((DNN, dnn, w), (TREES, trees, balanced)):
        start = perf_counter()
        model.fit(X, y, sample_weight=weights)
        fitted[name] = model, perf_counter() - start
    return fitted


def choose_cuts(model, cut_part):
    """Return the cut to quote, and that of the challenge's own rule."""
    X, y, w = cut_part
    scan = significance_scan(y, model.decision_function(X), w, kind="ams")
    return {
        "AMS at the cut": threshold_at_maximum(scan),
        "(challenge's rule)": threshold_top_fraction(scan, min_n_eff=0),
    }


def evaluate(model, cut_part, test_part):
    """Return the row of the table and the cuts, chosen without the test part."""
    cuts = choose_cuts(model, cut_part)
    X, y, w = test_part
    score = model.decision_function(X)
    test = significance_scan(y, score, w, kind="ams")
    estimate = partial(bootstrap, n_replicas=N_REPLICAS, random_state=0)
    row = {
        "weighted AUC": estimate("roc_auc", y, score, w),
        "balanced log-loss": estimate("balanced_log_loss_from_logits", y, score, w),
    }
    for name, cut in cuts.items():
        at_cut = SignificanceAt(cut.threshold, kind="ams")
        n_eff = test.at(cut.threshold).n_eff_b
        row[name] = f"{estimate(at_cut, y, score, w)} (n_eff {n_eff:.0f})"
    return {name: str(result) for name, result in row.items()}, cuts


def differences(models, test_part):
    """Return paired differences of the two models on the same test events."""
    X, y, w = test_part
    scores = [model.decision_function(X) for model in models]
    metrics = ("roc_auc", "balanced_log_loss_from_logits")
    return [
        paired_bootstrap(metric, y, *scores, w, n_replicas=N_REPLICAS, random_state=0)
        for metric in metrics
    ]


def draw(fitted, cuts, parts, folder):
    """Write the four figures."""
    train_part, _, (X, y, w) = parts
    X_train, y_train, w_train = train_part
    dnn, trees = (fitted[name][0] for name in (DNN, TREES))
    discriminant = DiscriminantDisplay.from_estimator(
        dnn,
        X,
        y,
        sample_weight=w,
        X_train=X_train,
        y_train=y_train,
        sample_weight_train=w_train,
    )
    test = {"sample_weight": w, "n_replicas": N_REPLICAS, "random_state": 0}
    curve = partial(WeightedRocCurveDisplay.from_estimator, X=X, y=y, **test)
    roc = curve(dnn, name=DNN, rejection="inverse")
    curve(trees, name=TREES, rejection="inverse", ax=roc.ax_)
    scan = draw_scans(fitted, cuts, (X, y, w))
    history = TrainingHistoryDisplay.from_estimator(dnn)
    folder.mkdir(parents=True, exist_ok=True)
    names = ("discriminant", "roc_curve", "significance_scan", "training_history")
    for name, display in zip(names, (discriminant, roc, scan, history), strict=True):
        display.figure_.savefig(folder / f"{name}.png", dpi=150)


def draw_scans(fitted, cuts, test_part):
    """Draw the significance of both models in the test part, and where they cut."""
    X, y, w = test_part
    ax = None
    for name, (model, _) in fitted.items():
        display = SignificanceScanDisplay.from_estimator(
            model,
            X,
            y,
            sample_weight=w,
            kind="ams",
            threshold=cuts[name]["AMS at the cut"].threshold,
            n_replicas=N_REPLICAS,
            random_state=0,
            x="signal_efficiency",
            name=name,
            ax=ax,
        )
        ax = display.ax_
    return display


def main():
    """Run the job."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--higgsml", type=Path, help="HiggsML file (.csv, .csv.gz)")
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    options = parser.parse_args()
    mpl.use("Agg")

    events, kind = load(options.higgsml)
    parts = split(events)
    sizes = [len(y) for _, y, _ in parts]
    print(f"{len(events.target)} {kind}: {sizes[0]} train, {sizes[1]} choose the cut,")
    print(f"{sizes[2]} test; yields rescaled to {_yields(events)}\n")
    fitted = train(parts[0], events.categorical)
    rows, cuts = {}, {}
    for name, (model, seconds) in fitted.items():
        rows[name], cuts[name] = evaluate(model, parts[1], parts[2])
        rows[name]["training"] = f"{seconds:.1f} s"
    print(pd.DataFrame(rows).T.to_string())
    print(
        "\nCuts are chosen without the test events, the first where the background has"
    )
    print(
        "25 effective events or more; n_eff is that of the test background at the cut."
    )
    auc, loss = differences([fitted[DNN][0], fitted[TREES][0]], parts[2])
    print(f"{DNN} minus {TREES}, paired: AUC {auc}, log-loss {loss}")
    draw(fitted, cuts, parts, options.output)
    print(f"Figures: {options.output}/*.png")


def _yields(events):
    is_signal = events.target == "s"
    signal = events.sample_weight[is_signal].sum()
    background = events.sample_weight[~is_signal].sum()
    return f"{signal:.1f} signal and {background:.0f} background events"


if __name__ == "__main__":
    main()
