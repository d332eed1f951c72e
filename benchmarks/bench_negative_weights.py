"""Policies for negative weights, on toys and generated events of several kinds.

Networks and boosted trees are trained on signed weights, by each policy, and on the
true weights that the signed ones stand for; scikit-learn's MLP takes positive weights
alone. Signs depend on phase space or do not, see `common/signed_events.py`. All are
judged by the true weights of other events: AUC, balanced log-loss and calibration, the
mean distance of the share of the signal from its probability in ten bins. Of the
Z + jets events nobody knows the truth, and signed weights judge.

Each repetition draws the signs anew and has another seed; the events stay the same.
Differences to the first contender are paired, and their errors are of judged events and
repetitions together. The ratio is that of the variances of the log-loss over the
repetitions, to the same method on the true weights.

For refined weights, the sums in bins are compared with those of the true weights: per
class, in ten bins of the score of a model of the judged events, and of the three inputs
that it uses most. The chi-square has the errors of the signed sums, of the Poisson
bootstrap, which are those of yields; or those of refined less signed sums, which are
smaller, and near zero where all weights are positive and known to be.

    python -m benchmarks.bench_negative_weights [--quick] [--repetitions N]
        [--events N] [--judged N] [--members N] [--tables htautau,z_jets]
        [--only truth,refine]
"""

import argparse
import json
import warnings
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
import torch
from lightgbm import LGBMClassifier
from scipy.special import expit
from scipy.stats import chi2

from benchmarks.bench_quality import mlp
from benchmarks.common.out_of_fold import dnn
from benchmarks.common.signed_events import SIGNED_TABLES, draw_signs, split_events
from benchmarks.common.trees import LIGHTGBM, balanced, lightgbm
from skhep_dnn.metrics import reliability_curve
from skhep_dnn.neural_network import refined_weights

N_BINS = 10


# What a contender trains on: the rows and weights of a repetition.


@dataclass(frozen=True)
class Drawn:
    """Events to train on, with the signs of one repetition."""

    events: object
    signed: np.ndarray
    seed: int

    @cached_property
    def refined(self):
        """Positive weights that have the density of the signed ones."""
        return refined_weights(
            self.events.data, self.events.target, self.signed, random_state=self.seed
        )


def truth(drawn):
    return drawn.events.weight_true


def signed(drawn):
    return drawn.signed


def clipped(drawn):
    return np.maximum(drawn.signed, 0.0)


def absolute(drawn):
    return np.abs(drawn.signed)


def refined(drawn):
    return drawn.refined


def dropped(fit):
    """Train without the events of negative weight."""

    def fit_some(X, y, w, seed, categorical):
        keep = w > 0.0
        return fit(X[keep], y[keep], w[keep], seed, categorical)

    return fit_some


def signed_trees(X, y, w, seed, _categorical):
    """LightGBM on signed weights as they are, of equal class sums."""
    w = w.copy()
    for label in np.unique(y):
        w[y == label] *= len(y) / (2.0 * w[y == label].sum())
    model = LGBMClassifier(**LIGHTGBM, n_jobs=1, verbose=-1, random_state=seed)
    model.fit(X, y, sample_weight=w)
    return lambda X_new: model.predict(X_new, raw_score=True)


def contenders(n_members):
    """Name, contender and weights; those on the truth come first."""

    def network(**params):
        return dnn(n_members=n_members, **params)

    return {
        "network, truth": (network(), truth),
        "network, keep": (network(negative_weights="keep"), signed),
        "network, zero": (network(negative_weights="zero"), signed),
        "network, abs": (network(negative_weights="abs"), signed),
        "network, refine": (network(negative_weights="refine"), signed),
        "trees, truth": (lightgbm(), truth),
        "trees, signed": (signed_trees, signed),
        "trees, clipped": (lightgbm(), clipped),
        "trees, dropped": (dropped(lightgbm()), signed),
        "trees, absolute": (lightgbm(), absolute),
        "trees, refined": (lightgbm(), refined),
        "MLP, absolute": (mlp, absolute),
        "MLP, refined": (mlp, refined),
    }


# How it is judged.


@dataclass(frozen=True)
class Judged:
    """Figures of one repetition, and what each event adds to their fluctuations."""

    figures: dict
    parts: dict
    seconds: float


def judge(events, logits, seconds=0.0):
    """Compare scores of events with their labels, by their true weights."""
    w = events.sample_weight if events.weight_true is None else events.weight_true
    is_signal = events.target == "s"
    auc, auc_parts = _area(logits, w, is_signal)
    loss, loss_parts = _loss(logits, w, is_signal)
    curve = reliability_curve(
        is_signal, expit(logits), w, n_bins=N_BINS, strategy="quantile"
    )
    calibration = np.nanmean(np.abs(curve.share - curve.probability))
    return Judged(
        {"AUC": auc, "log-loss": loss, "calibration": calibration},
        {"AUC": auc_parts, "log-loss": loss_parts},
        seconds,
    )


def _area(scores, w, is_signal):
    better = np.empty(len(scores))  # share of the other class on the right side
    better[is_signal] = _share_below(scores, w, ~is_signal, scores[is_signal])
    better[~is_signal] = 1.0 - _share_below(scores, w, is_signal, scores[~is_signal])
    area = np.average(better[is_signal], weights=w[is_signal])
    return area, w * (better - area) / _class_sums(w, is_signal)


def _share_below(scores, w, of_class, thresholds):
    order = np.argsort(scores[of_class])
    known = scores[of_class][order]
    sums = np.concatenate([[0.0], np.cumsum(w[of_class][order])])
    below = sums[np.searchsorted(known, thresholds, side="left")]
    up_to = sums[np.searchsorted(known, thresholds, side="right")]
    return (below + up_to) / (2.0 * sums[-1])


def _loss(logits, w, is_signal):
    losses = np.logaddexp(0.0, np.where(is_signal, -logits, logits))
    sums = _class_sums(w, is_signal)
    means = _class_sums(w * losses, is_signal) / sums
    parts = w * (losses - means) / (2.0 * sums)
    return (w * losses / (2.0 * sums)).sum(), parts


def _class_sums(values, is_signal):
    return np.where(is_signal, values[is_signal].sum(), values[~is_signal].sum())


def summary(runs, reference, same_method):
    """One row: values, paired differences with errors, ratio of variances."""
    row = {"seconds a fit": round(float(np.median([r.seconds for r in runs])), 2)}
    for name in runs[0].figures:
        values, first = ([r.figures[name] for r in s] for s in (runs, reference))
        differences = np.subtract(values, first)
        row[name] = {
            "value": _rounded(np.mean(values)),
            "difference": _rounded(differences.mean()),
            "error": _rounded(_error(differences, runs, reference, name)),
        }
    ratio = None
    if same_method is not None and len(runs) > 1:
        losses = [[r.figures["log-loss"] for r in s] for s in (runs, same_method)]
        ratio = float(np.divide(*np.var(losses, axis=1, ddof=1)))
    return row | {"variance ratio": ratio}


def _error(differences, runs, reference, name):
    variance = 0.0
    if len(runs) > 1:
        variance += differences.var(ddof=1) / len(runs)
    if name in runs[0].parts:
        pairs = zip(runs, reference, strict=True)
        parts = np.mean([a.parts[name] - b.parts[name] for a, b in pairs], axis=0)
        variance += np.square(parts).sum()
    return np.sqrt(variance)


def _rounded(value):
    return round(float(value), 5)


# Whether refined weights have the right sums.


def binnings(train, judged):
    """Bins of the training events: by the score of another model, and by its inputs."""
    weights = judged.sample_weight if judged.weight_true is None else judged.weight_true
    w = balanced(judged.target, weights)
    model = LGBMClassifier(**LIGHTGBM, n_jobs=1, verbose=-1, random_state=0)
    model.fit(judged.data, judged.target, sample_weight=w)
    columns = {"score": model.predict(train.data, raw_score=True)}
    for column in np.argsort(-model.feature_importances_, kind="stable")[:3]:
        columns[train.data.columns[column]] = train.data.iloc[:, column].to_numpy()
    return columns


def sums_p_values(drawn, weights, columns):
    """Probabilities of sums that differ as much, for each class with signs.

    With the errors of yields, and with those of the difference to the signed sums. The
    Poisson bootstrap of a sum has the square root of the sum of squares.
    """
    g, w = weights, drawn.signed
    expected = w if drawn.events.weight_true is None else drawn.events.weight_true
    found = {}
    for label in ("s", "b"):
        of_class = drawn.events.target == label
        if (w[of_class] >= 0.0).all():
            continue
        for name, values in columns.items():
            bins = _quantile_bins(values[of_class])
            difference = np.bincount(bins, (g - expected)[of_class])
            found[f"{label}, {name}"] = [
                _p_value(difference, np.bincount(bins, noise[of_class] ** 2))
                for noise in (w, g - w)
            ]
    return found


def _p_value(difference, variance):
    pulls = difference[variance > 0.0] / np.sqrt(variance[variance > 0.0])
    return float(chi2.sf(np.square(pulls).sum(), len(pulls)))


def _quantile_bins(values):
    """Ten bins of equal numbers of events, and one more of undefined values."""
    edges = np.unique(np.nanquantile(values, np.arange(1, N_BINS) / N_BINS))
    bins = np.searchsorted(edges, values, side="right")
    bins[np.isnan(values)] = len(edges) + 1
    return np.unique(bins, return_inverse=True)[1]


# The tables, one after the other.


def run_table(events, options, chosen):
    """Print and return the rows of one table, and the sums of refined weights."""
    train, judged = split_events(events, options.events, options.judged)
    draws = []
    for seed in range(options.repetitions):
        w = draw_signs(train, np.random.default_rng(seed))
        draws.append(Drawn(train, w, seed))
    _print_head(train, judged, draws)
    known = {
        name: entry
        for name, entry in contenders(options.members).items()
        if events.weight_true is not None or entry[1] is not truth
    }
    runs, rows = {}, {}
    for name, (fit, weights) in known.items():
        if not any(part in name for part in chosen):
            continue
        runs[name] = [fitted(fit, weights(d), d, judged) for d in draws]
        first = next(iter(runs.values()))
        same_method = runs.get(name.split(",")[0] + ", truth")
        rows[name] = summary(runs[name], first, same_method)
        print(_line(name, rows[name]), flush=True)
    if not any("refine" in name for name in runs):
        return rows, {}
    return rows, compare_sums(draws, binnings(train, judged))


def compare_sums(draws, columns):
    """Print and return how well the sums of refined weights hold."""
    found = [sums_p_values(drawn, refined(drawn), columns) for drawn in draws]
    rows = {}
    for name in found[0]:
        p = np.array([one[name] for one in found])
        low = np.count_nonzero(p < 0.01, axis=0).tolist()
        rows[name] = {
            "smallest p": p.min(axis=0).tolist(),
            "median p": np.median(p, axis=0).tolist(),
            "below 0.01": low,
        }
        print(
            f"sums of {name:30} p < 0.01 in {low[0]} of {len(p)} with errors of yields "
            f"(median {np.median(p[:, 0]):.2f}), in {low[1]} with those of differences "
            f"(median {np.median(p[:, 1]):.2f})",
            flush=True,
        )
    return rows


def fitted(fit, weights, drawn, judged):
    """Train on the events of a repetition and judge the scores of the others."""
    events, start = drawn.events, perf_counter()
    with warnings.catch_warnings():  # policies that are warned of are measured here
        warnings.simplefilter("ignore", UserWarning)
        score = fit(events.data, events.target, weights, drawn.seed, None)
    seconds = perf_counter() - start
    return judge(judged, score(judged.data), seconds)


def _print_head(train, judged, draws):
    shares = []
    for label in ("s", "b"):
        w = np.concatenate([d.signed[train.target == label] for d in draws])
        ratio = w.sum() / np.abs(w).sum()
        shares.append(
            f"{label} {(w < 0).mean():.1%} negative, sum w / sum |w| {ratio:.2f}"
        )
    sizes = f"{len(train.target)} events, {len(judged.target)} judge"
    print("; ".join([sizes, *shares]))
    figures = "".join(f"{n:>8} (- first ± error)  " for n in ("AUC", "loss", "calib."))
    print(f"{'':18}{figures}variance", flush=True)


def _line(name, row):
    cells = [
        f"{row[k]['value']:8.4f} ({row[k]['difference']:+.4f} ± {row[k]['error']:.4f}) "
        for k in ("AUC", "log-loss", "calibration")
    ]
    ratio = row["variance ratio"]
    shown = "" if ratio is None else f"{ratio:.3g}"
    return f"{name:18}{''.join(cells)}{shown:>9}{row['seconds a fit']:7.1f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="400 events, 1 member")
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--events", type=int, default=3_000, help="to train on")
    parser.add_argument("--judged", type=int, default=20_000, help="at most so many")
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--tables", default=",".join(SIGNED_TABLES))
    parser.add_argument("--only", default="", help="parts of names, between commas")
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.events, options.judged = 1, 400, 1_000
        options.members = 1
    torch.set_num_threads(1)
    results, sums = {}, {}
    for name in options.tables.split(","):
        events = SIGNED_TABLES[name](options.events + options.judged)
        if events is None:
            continue
        print(f"\n{name}: ", end="")
        chosen = options.only.split(",")
        results[name], sums[name] = run_table(events, options, chosen)
    record = {k: v for k, v in vars(options).items() if k not in {"quick", "only"}}
    last = {"benchmark": "negative_weights", "rows": results, "refined sums": sums}
    print(json.dumps(last | record))


if __name__ == "__main__":
    main()
