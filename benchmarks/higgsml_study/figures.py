"""Figures 14, 15 and 16 of Strong (2020), drawn from the rows of a study."""

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

__all__ = ["draw_figures"]

TITLES = {
    "AMS": "AMS, untouched events",
    "public AMS": "AMS, public set",
    "AUC": "weighted AUC",
    "log-loss": "balanced log-loss",
}
# Table 9: improvement of the private AMS by each technique alone, in percent.
TABLE_9 = {
    "ensemble": 7.58,
    "embedding": 1.63,
    "augmentation": 7.98,
    "swish": 2.22,
    "one_cycle": 4.00,
    "dense": 1.25,
}
BLUE, ORANGE, GREY = "#0b5394", "#e07b00", "#777777"


def draw_figures(rows, parents, cumulative, folder):
    """Write the three figures as PNG files; return their names."""
    figures = {
        "figure_14_metrics": _metrics(rows, [r for r in cumulative if r in rows]),
        "figure_15_times": _times(rows),
        "figure_16_contributions": _contributions(rows, parents),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        plt.close(figure)
    return [f"{name}.png" for name in figures]


def _metrics(rows, names):
    """Every figure of merit of the rows that build one upon the other."""
    measures = rows["baseline"].names
    n_rows = -(-len(measures) // 2)
    figure, axes = plt.subplots(
        n_rows, 2, figsize=(10, 1.4 + 2.3 * n_rows), sharex=True, layout="constrained"
    )
    for axis, measure in zip(axes.flat, measures, strict=False):
        _measure_panel(axis, rows, names, measure)
    for axis in axes.flat[len(measures) :]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xticks(range(len(names)), names, rotation=60, ha="right")
    figure.suptitle(
        "Thin bars: statistical error of the events, common to all rows; "
        "thick bars: paired error of the difference to the baseline",
        fontsize="medium",
    )
    return figure


def _measure_panel(axis, rows, names, measure):
    x = np.arange(len(names))
    values = np.array([rows[name].values(measure).mean() for name in names])
    errors = [np.nanstd(rows[name].replicas(measure), ddof=1) for name in names]
    paired = [rows[name].difference(rows["baseline"], measure)[1] for name in names]
    axis.errorbar(x, values, errors, fmt="none", ecolor=GREY, elinewidth=1, capsize=2)
    axis.errorbar(x, values, paired, fmt="o", color=BLUE, ms=4, elinewidth=3)
    axis.axhline(values[0], color=GREY, lw=0.8, ls=":")
    axis.set_ylabel(TITLES.get(measure, measure))
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)


def _times(rows):
    """Time of training and of inference of each row, relative to the baseline."""
    names = list(rows)[::-1]
    y = np.arange(len(names))
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 1.5 + 0.24 * len(names)), sharey=True, layout="constrained"
    )
    for axis, phase in zip(axes, ("training", "inference"), strict=True):
        ratios = [rows[name].ratios[phase] for name in names]
        means = [values.mean() for values in ratios]
        errors = [
            values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
            for values in ratios
        ]
        longer = [mean - 1.0 for mean in means]  # bars from the baseline on
        axis.barh(y, longer, left=1.0, xerr=errors, color=BLUE, height=0.7)
        axis.axvline(1.0, color="black", lw=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        seconds = rows["baseline"].seconds[phase].mean()
        axis.set_xlabel(f"{phase} time / that of the baseline ({seconds:.3g} s)")
        axis.grid(axis="x", alpha=0.3)
        axis.set_axisbelow(True)
    axes[0].set_yticks(y, names)
    axes[0].margins(y=0.01)
    return figure


def _contributions(rows, parents):
    """Relative gain of each technique, alone and upon the row that it builds on."""
    alone = {r.removesuffix("_alone"): r for r in rows if r.endswith("_alone")}
    if "ensemble" in rows:  # it is built upon the baseline: alone, too
        alone["ensemble"] = "ensemble"
    upon = [r for r in rows if r in parents and not r.endswith("_alone")]
    names = [r for r in upon if parents[r] in rows]
    names += [r for r in alone if r not in names]
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 1.6 + 0.3 * len(names)), sharey=True, layout="constrained"
    )
    labels = ("AMS, untouched events", "balanced log-loss")
    for axis, measure, label in zip(axes, ("AMS", "log-loss"), labels, strict=True):
        _gain_panel(axis, rows, parents, names, alone, measure)
        word = "gain in" if measure == "AMS" else "reduction of"
        axis.set_xlabel(f"relative {word} {label} [%]")
    stars = [(name, gain) for name, gain in TABLE_9.items() if name in names]
    axes[0].plot(
        [gain for _, gain in stars],
        [names.index(name) - 0.17 for name, _ in stars],
        "D",
        mfc="white",
        color="black",
        ms=5,
        label="alone, Strong (2020), 200 000 events",
    )
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=3, frameon=False)
    return figure


def _gain_panel(axis, rows, parents, names, alone, measure):
    pairs = {
        "alone on the baseline": (
            -0.17,
            ORANGE,
            [(i, alone[n], "baseline") for i, n in enumerate(names) if n in alone],
        ),
        "upon the row it builds on": (
            0.17,
            BLUE,
            [
                (i, n, parents[n])
                for i, n in enumerate(names)
                if n in rows and parents.get(n) in rows
            ],
        ),
    }
    for label, (shift, color, bars) in pairs.items():
        gains = [rows[name].gain(rows[other], measure) for _, name, other in bars]
        axis.barh(
            [i + shift for i, *_ in bars],
            [gain for gain, _ in gains],
            xerr=[error for _, error in gains],
            height=0.32,
            color=color,
            ecolor="black",
            error_kw={"elinewidth": 1},
            label=label,
        )
    axis.axvline(0.0, color="black", lw=0.8)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
