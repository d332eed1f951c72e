"""How often the intervals of `metric_with_error` cover the truth.

Toys of samples that have a known truth: scores of Gaussian classes, fixed numbers of
simulated events, known yields. For each number of effective events, kind of weights and
metric the share of toys whose interval of 68 per cent covers the truth, with its
binomial error, in closed form and from the bootstrap. For the AUC and the log-loss the
number is that of each class, else that of the background, and of the signal, above the
cut. The true efficiencies are drawn for each toy (background 0.15 to 0.25, signal 0.4
to 0.7), or the few values that a count can have would make the coverage of one truth a
matter of luck.

All toys of a block are computed at once; the first of each block are compared with what
the package returns. Then the p-values of `paired_difference` for two classifiers of
equal quality: uniform, by the Kolmogorov-Smirnov test.

    python -m benchmarks.bench_coverage [--quick] [--toys N]
"""

import argparse
import json
import warnings
from itertools import product

import numpy as np
from scipy import stats

from skhep_dnn.exceptions import LowStatisticsWarning, UndefinedSignificanceWarning
from skhep_dnn.metrics import (
    EfficiencyAt,
    FigureOfMerit,
    RejectionAt,
    SignificanceAt,
    metric_with_error,
    paired_difference,
)

N_EFFS = (10, 20, 50, 100, 300, 1000)
# Weights, and how many events there are for each effective one.
WEIGHTS = {
    "equal": (lambda _rng, shape: np.ones(shape), 1.0),
    "heavy tails": (lambda rng, shape: rng.lognormal(size=shape), np.e),
    "15 % negative": (
        lambda rng, shape: np.where(rng.random(shape) < 0.15, -1.0, 1.0),
        1 / 0.7**2,
    ),
}
LEVEL = 0.68
N_REPLICAS = 200
SEPARATION = 1.5
SIGNAL, BACKGROUND = 40.0, 500.0  # yields, in events
BLOCK = 2**21  # numbers in a block of toys


class Shares:
    """One class of all toys of a block: its events, and replicas of them.

    Attributes
    ----------
    weights, shares : ndarray of shape (n_toys, n_events)
        Weights, and the same with a sum of 1.
    counts : ndarray of shape (n_replicas, n_events)
        How often each replica has an event.
    """

    def __init__(self, rng, kind, n_toys, n_events):
        self.weights = WEIGHTS[kind][0](rng, (n_toys, n_events))
        self.shares = self.weights / self.weights.sum(axis=1, keepdims=True)
        self.counts = rng.poisson(1.0, (N_REPLICAS, n_events)).astype(float)
        sums = self.counts @ self.weights.T
        self.sums = np.where(sums > 0, sums, np.nan)

    def mean(self, values):
        """Return the weighted mean of values, its influences and its replicas."""
        mean = (self.shares * values).sum(axis=1)
        influence = self.shares * (values - mean[:, np.newaxis])
        return mean, influence, self.counts @ (self.weights * values).T / self.sums


class Form:
    """The closed form of all toys of a block, from the influences of each class."""

    def __init__(self, parts):
        self.variance, self.linear, noise = 0.0, 0.0, 0.0
        for influence, shares in parts:
            n = influence.shape[1]
            squares = (n - 1) / n * (influence / (1.0 - shares)) ** 2
            squares[(shares >= 1.0).any(axis=1)] = np.nan
            self.variance = self.variance + squares.sum(axis=1)
            self.linear = self.linear + (influence**2).sum(axis=1)
            noise = noise + (squares**2).sum(axis=1) - squares.sum(axis=1) ** 2 / n
        self.error = np.sqrt(self.variance)
        degrees = np.full(len(self.error), np.inf)
        positive = noise > 1e-12 * self.variance**2
        np.divide(2 * self.variance**2, noise, out=degrees, where=positive)
        self.quantile = stats.t.ppf((1 + LEVEL) / 2, np.maximum(degrees, 1.0))

    def covers(self, value, truth, scale="linear"):
        """Return which intervals of the closed form cover the truth."""
        half = self.quantile * self.error
        if scale == "linear":
            return np.abs(value - truth) <= half
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.abs(np.log(truth / value)) <= half / value

    def replicas_cover(self, replicas, truth):
        """Return which intervals of the bootstrap cover the truth."""
        with np.errstate(invalid="ignore"):  # a toy that selects all events, or none
            widening = np.sqrt(self.variance / self.linear)
        tails = stats.norm.cdf(-np.nan_to_num(widening, nan=1.0) * self.quantile)
        ordered = np.sort(replicas, axis=0)  # undefined ones are last
        n_defined = np.isfinite(replicas).sum(axis=0)
        low = self._quantile(ordered, n_defined, tails)
        high = self._quantile(ordered, n_defined, 1 - tails)
        return (low <= truth) & (truth <= high)

    @staticmethod
    def _quantile(ordered, n_defined, share):
        """Return a quantile of each column, with a share of its own."""
        last = np.maximum(n_defined - 1, 0)
        place = np.clip(share * (n_defined + 1) - 1, 0, last)  # method "weibull"
        below = place.astype(int)
        columns = np.arange(ordered.shape[1])
        above = np.minimum(below + 1, last)
        low, high = ordered[below, columns], ordered[above, columns]
        return low + (place - below) * (high - low)


def rankings(rng, kind, n_eff, n_toys):
    """Yield the AUC and the log-loss: name, value, form, replicas, truth."""
    n = round(n_eff * WEIGHTS[kind][1])
    s, b = (Shares(rng, kind, n_toys, n) for _ in range(2))
    x_s, x_b = rng.normal(SEPARATION, size=(n_toys, n)), rng.normal(size=(n_toys, n))
    value, on_s, on_b = placements(x_s, x_b, s.shares, b.shares)
    form = Form([(on_s, s.shares), (on_b, b.shares)])
    check("roc_auc", x_s, x_b, s, b, value, form)
    truth = np.full(n_toys, stats.norm.cdf(SEPARATION / np.sqrt(2)))
    yield "AUC", value, form, auc_replicas(x_s, x_b, s, b), truth

    logits = [SEPARATION * x - SEPARATION**2 / 2 for x in (x_s, x_b)]
    of_s = s.mean(np.logaddexp(0.0, -logits[0]))
    of_b = b.mean(np.logaddexp(0.0, logits[1]))
    value, replicas = ((of_s[k] + of_b[k]) / 2 for k in (0, 2))
    form = Form([(of_s[1] / 2, s.shares), (of_b[1] / 2, b.shares)])
    check("balanced_log_loss_from_logits", *logits, s, b, value, form)
    yield "log-loss", value, form, replicas, np.full(n_toys, true_loss())


def cuts(rng, kind, n_eff, n_toys):
    """Yield the figures of a cut: name, value, form, replicas, truth."""
    n = n_eff * WEIGHTS[kind][1]
    true_s, true_b = (rng.uniform(*ends, n_toys) for ends in ((0.4, 0.7), (0.15, 0.25)))
    s = Shares(rng, kind, n_toys, round(n / 0.55))
    b = Shares(rng, kind, n_toys, round(n / 0.2))
    # Scores above or below a cut at 0.5.
    x_s = (rng.random(s.weights.shape) < true_s[:, np.newaxis]) * 1.0
    x_b = (rng.random(b.weights.shape) < true_b[:, np.newaxis]) * 1.0
    e_s, on_s, replicas_s = s.mean(x_s)
    e_b, on_b, replicas_b = b.mean(x_b)
    form = Form([(on_s, s.shares)])
    check(EfficiencyAt(0.5), x_s, x_b, s, b, e_s, form)
    yield "signal efficiency", e_s, form, replicas_s, true_s
    form = Form([(on_b, b.shares)])
    check(EfficiencyAt(0.5, of="background"), x_s, x_b, s, b, e_b, form)
    yield "background efficiency", e_b, form, replicas_b, true_b

    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(e_b > 0, 1 / e_b, np.nan)
        replicas = np.where(replicas_b > 0, 1 / replicas_b, np.nan)
    form = Form([(on_b * value[:, np.newaxis] ** 2, b.shares)])
    check(RejectionAt(0.5), x_s, x_b, s, b, value, form)
    yield "rejection", value, form, replicas, 1 / true_b

    for kind_of_z in ("asimov", "ams"):
        merit = FigureOfMerit(kind_of_z)
        z, by_s, by_b = derivatives(merit, SIGNAL * e_s, BACKGROUND * e_b)
        parts = [
            (by_s[:, np.newaxis] * SIGNAL * on_s, s.shares),
            (by_b[:, np.newaxis] * BACKGROUND * on_b, b.shares),
        ]
        form = Form(parts)
        check(SignificanceAt(0.5, kind=kind_of_z), x_s, x_b, s, b, z, form)
        replicas = of_yields(merit, SIGNAL * replicas_s, BACKGROUND * replicas_b)
        truth = of_yields(merit, SIGNAL * true_s, BACKGROUND * true_b)
        yield kind_of_z, z, form, replicas, truth


def placements(x_s, x_b, u_s, u_b):
    """Return AUC and influences of all toys: shares of the other class below."""
    n = x_s.shape[1]
    order = np.argsort(np.concatenate([x_s, x_b], axis=1), axis=1)
    joint = np.stack(
        [
            np.concatenate([u_s, np.zeros_like(u_b)], axis=1),
            np.concatenate([np.zeros_like(u_s), u_b], axis=1),
        ]
    )
    ordered = np.take_along_axis(joint, order[np.newaxis], axis=2)
    below = np.empty_like(joint)
    np.put_along_axis(below, order[np.newaxis], np.cumsum(ordered, axis=2), axis=2)
    background_below, signal_above = below[1, :, :n], 1.0 - below[0, :, n:]
    auc = (u_s * background_below).sum(axis=1)
    column = auc[:, np.newaxis]
    return auc, u_s * (background_below - column), u_b * (signal_above - column)


def auc_replicas(x_s, x_b, s, b):
    """Return the AUC on the replicas of each toy, one toy after the other."""
    replicas = np.empty((N_REPLICAS, len(x_s)))
    for i in range(len(x_s)):
        order = np.argsort(x_b[i])
        n_below = np.searchsorted(x_b[i][order], x_s[i])
        below = np.zeros((N_REPLICAS, len(order) + 1))
        weights = b.counts[:, order] * b.weights[i, order]
        np.cumsum(weights, axis=1, out=below[:, 1:])
        pairs = s.counts * s.weights[i] * below[:, n_below]
        replicas[:, i] = pairs.sum(axis=1)
    return replicas / (s.sums * b.sums)


def true_loss():
    """Return the log-loss of the exact probability, by quadrature."""
    x, weight = np.polynomial.hermite_e.hermegauss(100)
    weight = weight / weight.sum()
    half = SEPARATION**2 / 2
    return float(
        weight @ np.logaddexp(0.0, -(SEPARATION * (x + SEPARATION) - half)) / 2
        + weight @ np.logaddexp(0.0, SEPARATION * x - half) / 2
    )


def of_yields(merit, s, b):
    return merit(s.ravel(), b.ravel(), np.zeros(b.size)).reshape(b.shape)


def derivatives(merit, s, b):
    """Return the significance and its derivatives by both yields."""
    step = 1e-4
    z = of_yields(merit, s, b)
    by_s = (of_yields(merit, s + step, b) - of_yields(merit, s - step, b)) / (2 * step)
    by_b = (of_yields(merit, s, b + step) - of_yields(merit, s, b - step)) / (2 * step)
    return z, by_s, by_b


def check(metric, x_s, x_b, s, b, value, form, n_checked=2):
    """Stop if the package has other numbers than these for the first toys."""
    for i in range(min(n_checked, len(value))):
        if not np.isfinite(form.error[i]):
            continue
        w_s = SIGNAL * s.shares[i]
        w_b = BACKGROUND * b.shares[i]
        y = np.repeat([1, 0], [len(w_s), len(w_b)])
        events = (y, np.append(x_s[i], x_b[i]), np.append(w_s, w_b))
        result = metric_with_error(metric, *events, method="closed_form")
        expected = [result.value, result.error]
        np.testing.assert_allclose([value[i], form.error[i]], expected, rtol=1e-4)


def coverage(seed, kind, n_eff, n_toys):
    """Return, for each metric, the share of toys covered by both kinds of intervals."""
    rng = np.random.default_rng(seed)
    found = {}
    for make, n_each in ((rankings, 2.0), (cuts, 7.0)):
        size = max(10, int(BLOCK / (n_each * n_eff * WEIGHTS[kind][1])))
        for start in range(0, n_toys, size):
            n_block = min(size, n_toys - start)
            for name, value, form, replicas, truth in make(rng, kind, n_eff, n_block):
                scale = "log" if name == "rejection" else "linear"
                pair = (
                    form.covers(value, truth, scale),
                    form.replicas_cover(replicas, truth),
                )
                found.setdefault(name, []).append(pair)
    return {
        name: np.concatenate([np.stack(pair) for pair in pairs], axis=1).mean(axis=1)
        for name, pairs in found.items()
    }


def rejection_at_efficiency(seed, kind, n_eff, n_toys):
    """Return the coverage of both methods, from calls of the package."""
    rng = np.random.default_rng(seed)
    draw, ratio = WEIGHTS[kind]
    n_s, n_b = round(n_eff * ratio / 0.55), round(n_eff * ratio / 0.2)
    y, covered = np.repeat([1, 0], [n_s, n_b]), []
    for toy in range(n_toys):
        target = rng.uniform(0.4, 0.7)
        truth = 1 / stats.norm.sf(stats.norm.isf(target) + SEPARATION)
        score = rng.normal(SEPARATION * y)
        weights = draw(rng, n_s + n_b)
        pair = []
        for method in ("closed_form", "bootstrap"):
            low, high = metric_with_error(
                RejectionAt(signal_efficiency=target),
                y,
                score,
                weights,
                method=method,
                n_replicas=N_REPLICAS,
                random_state=toy,
            ).interval(LEVEL)
            pair.append(low <= truth <= high)
        covered.append(pair)
    return np.mean(covered, axis=0)


def p_values(kind, n_toys, n_events=1000):
    """Return the p-values of a Kolmogorov-Smirnov test for uniform p-values."""
    rng = np.random.default_rng(0)
    y = (np.arange(n_events) % 2).astype(bool)
    found = {"closed_form": [], "bootstrap": []}
    for toy in range(n_toys):
        x = rng.normal(SEPARATION * y)
        a, b = (x + 0.7 * rng.normal(size=n_events) for _ in range(2))
        weights = WEIGHTS[kind][0](rng, n_events)
        for method, values in found.items():
            result = paired_difference(
                "roc_auc", y, a, b, weights, method=method, random_state=toy
            )
            values.append(result.p_value)
    return {
        method: float(stats.kstest(values, "uniform").pvalue)
        for method, values in found.items()
    }


def report(name, kind, n_eff, shares, n_toys):
    """Print a row of the table and return it."""
    error = 100 * float(np.sqrt(LEVEL * (1 - LEVEL) / n_toys))
    closed, bootstrap = (100 * float(share) for share in shares)
    print(
        f"| {name} | {kind} | {n_eff} | {closed:.1f} ± {error:.1f} "
        f"| {bootstrap:.1f} ± {error:.1f} |",
        flush=True,
    )
    return [name, kind, n_eff, closed, bootstrap, error]


def measure(n_toys, n_effs):
    """Return the rows of the table, each printed at once."""
    rows = []
    for kind, n_eff in product(WEIGHTS, n_effs):
        for name, shares in coverage(n_eff, kind, n_eff, n_toys).items():
            rows.append(report(name, kind, n_eff, shares, n_toys))
    n_looped = max(n_toys // 7, 100)
    for kind, n_eff in product(WEIGHTS, n_effs):
        if n_eff <= 300:
            shares = rejection_at_efficiency(n_eff, kind, n_eff, n_looped)
            name = "rejection at an efficiency"
            rows.append(report(name, kind, n_eff, shares, n_looped))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 toys, n_eff 10, 100")
    parser.add_argument("--toys", type=int, default=7000)
    options = parser.parse_args()
    n_toys, n_effs = options.toys, N_EFFS
    if options.quick:
        n_toys, n_effs = 200, (10, 100)
    warnings.simplefilter("ignore", LowStatisticsWarning)
    warnings.simplefilter("ignore", UndefinedSignificanceWarning)
    print(f"Coverage of intervals of 68 per cent, {n_toys} toys each, in per cent")
    print("| metric | weights | n_eff | closed form | bootstrap |")
    print("|---|---|---|---|---|")
    rows = measure(n_toys, n_effs)
    n_pairs = max(n_toys * 2 // 7, 100)
    tests = {kind: p_values(kind, n_pairs) for kind in WEIGHTS}
    print(f"\nUniform p-values of {n_pairs} differences, Kolmogorov-Smirnov:")
    for kind, test in tests.items():
        print(f"{kind}: " + ", ".join(f"{k} {v:.3f}" for k, v in test.items()))
    columns = ["metric", "weights", "n_eff", "closed form", "bootstrap", "error"]
    result = {"benchmark": "coverage", "n_toys": n_toys, "level": LEVEL}
    print(json.dumps({**result, "columns": columns, "rows": rows, "p_values": tests}))


if __name__ == "__main__":
    main()
