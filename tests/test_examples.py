"""The main job, on fewer events than `make demo`, scripts, the pages of the gallery."""

import importlib.util
import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.utils import Bunch

from skhep_dnn.datasets import make_higgs_events

EXAMPLES = Path(__file__).parents[1] / "examples"
FIGURES = ["discriminant", "roc_curve", "significance_scan", "training_history"]


@pytest.fixture
def main_job(monkeypatch):
    spec = importlib.util.spec_from_file_location("main_job", EXAMPLES / "main_job.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "N_REPLICAS", 20)
    yield module
    mpl.pyplot.close("all")


def run(main_job, monkeypatch, folder, *arguments):
    arguments = ["main_job.py", "--output", str(folder), *arguments]
    monkeypatch.setattr("sys.argv", arguments)
    main_job.main()


def test_main_job_prints_one_table_and_writes_four_figures(
    main_job, monkeypatch, tmp_path, capsys
):
    events = make_higgs_events(3000, random_state=0)
    monkeypatch.setattr(main_job, "load", lambda _path: (events, "toy events"))
    run(main_job, monkeypatch, tmp_path / "figures")
    printed = capsys.readouterr().out
    for text in (
        "3000 toy events: 1500 train, 600 choose the cut,",
        "692.0 signal and 411000 background events",
        "weighted AUC",
        "AMS at the cut",
        "(challenge's rule)",
        "25 effective events or more",
        "minus HistGradientBoosting, paired: AUC",
    ):
        assert text in printed
    written = sorted(path.stem for path in (tmp_path / "figures").glob("*.png"))
    assert written == FIGURES


def test_the_readme_begins_with_a_figure_of_the_main_job():
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    picture = "docs/_static/significance_scan.png"
    assert f'<img src="{picture}"' in readme[:2500]
    assert Path(picture).stem in FIGURES
    height, width, _ = plt.imread(EXAMPLES.parent / picture).shape
    size = np.array(mpl.rcParamsDefault["figure.figsize"])
    assert (width, height) == tuple((150 * size).astype(int))


def test_main_job_takes_a_part_of_the_higgsml_file(main_job, higgsml_file):
    events, kind = main_job.load(higgsml_file)
    assert kind == "HiggsML events (6.0% of the training set)"
    assert events.sample_weight[events.target == "s"].sum() == pytest.approx(691.9886)


def test_the_parts_of_the_main_job_share_no_event_and_have_the_full_yields(main_job):
    events = make_higgs_events(2000, random_state=0)
    parts = main_job.split(Bunch(**events))
    indices = [set(X.index) for X, _, _ in parts]
    assert sum(map(len, indices)) == len(set.union(*indices)) == 2000
    for _, y, w in parts:
        assert w[y == "s"].sum() == pytest.approx(691.99)
        assert w[y == "b"].sum() == pytest.approx(410_999.85)


def has_raw_momenta_answer(page):
    """The signal has an AMS of 1.8, and the augmenter is worth 0.01 in AUC."""
    ams = page["significances"]["augmented"]
    assert ams.error > 0.0
    assert ams.value == pytest.approx(1.8, abs=0.3)
    gain_auc, gain_loss = page["gain_auc"], page["gain_loss"]
    assert gain_auc.difference == pytest.approx(0.01, abs=0.005)
    assert gain_auc.difference > 3.0 * gain_auc.error
    assert gain_loss.difference < -3.0 * gain_loss.error


def has_symmetries_answer(page):
    """Alignment gains much more than averaging, which is better than neither."""
    assert page["intact"].p_value > 0.05
    assert page["damaged"].p_value < 0.01
    plain, averaged, aligned = (
        page["spreads"][name].mean() for name in ("plain", "averaged", "aligned")
    )
    assert plain > 3.0 * averaged
    assert aligned < 1e-9
    by_averaging, by_alignment = (
        page["gains"].loc["balanced_log_loss_from_logits", name]
        for name in ("averaged", "aligned")
    )
    assert by_averaging.difference < -2.0 * by_averaging.error
    assert by_alignment.difference < 2.0 * by_averaging.difference


def has_learning_rate_answer(page):
    """The suggestion is about 0.007, and better than both other rates."""
    tested = page["range_test"].learning_rate
    assert tested.min() < page["suggestion"] < tested.max()
    assert page["suggestion"] == pytest.approx(0.007, rel=0.7)
    losses = {name: values.mean() for name, values in page["losses"].items()}
    assert min(losses, key=losses.get) == "the suggestion"
    assert losses["a tenth"] > losses["ten times"]


def has_answer_of_luck(page):
    """The best trial is worth less than it scores; the nested score is right."""
    best, simple = page["best"], page["simple"]
    pooled, true, error = page["pooled"], page["true"], page["error"]
    assert 0.01 < pooled[best] - true[best] < 2.0 * error[best]
    assert pooled[simple] - true[simple] < pooled[best] - true[best]
    nested = page["nested"].score
    assert abs(nested.value - page["true_nested"]) < 2.0 * nested.error


def has_answer_of_boosting(page):
    """Gradient helps the weak network, errors harm both, trees leave something."""
    (weak, strong), gains = page["networks"], page["gains"]
    gain, error = gains[weak, "gradient"]
    assert gain[-1] > 0.03
    assert gain[-1] > 4.0 * error[-1]
    assert gain[-1] > gains[weak, "vote"][0][-1]
    gain, error = gains[strong, "gradient"]
    assert abs(gain[-1]) < 3.0 * error[-1]
    for strength in (weak, strong):
        gain, error = gains[strength, "reweight"]
        assert (np.diff(gain)[1:] < 0.0).all()
        assert gain[-1] < -4.0 * error[-1]
    assert page["on_top"].gain[-1] > 2.0 * page["on_top"].error[-1]


def has_answer_of_regularisation(page):
    """Small constants do nothing, good ones help, large ones leave nothing."""
    losses, constants = page["losses"], page["constants"]
    none = losses[None, 0.0]
    for name, best in page["best"].items():
        assert constants[0] < best < constants[-1]
        assert losses[name, constants[0]] == pytest.approx(none, abs=0.005)
        assert losses[name, best] < none - 0.01
        assert losses[name, constants[-1]] == pytest.approx(np.log(2.0), abs=0.02)
        norms = page["norms"][name].mean(axis=1)
        assert (np.diff(norms) < 0.0).all()


def has_answer_of_folds(page):
    """One model keeps the efficiency; the mean and a new fit lower it."""
    near = (page["targets"] > 0.008) & (page["targets"] < 0.03)
    one, mean, anew = (ratio[:, near].mean() for ratio in page["ratios"].values())
    assert one == pytest.approx(1.0, abs=0.15)
    assert mean == pytest.approx(0.55, abs=0.15)
    assert mean < anew < one
    assert page["at_cut"].z > page["at_other"].z
    assert page["chosen"].working_point_.n_eff_b >= 25.0


def has_answer_of_elimination(page):
    """Half of the filtered columns are enough; the filter itself costs more."""
    elimination, changes = page["elimination"], page["changes"]
    assert 3 <= elimination.n_features_ <= 7
    assert (elimination.iterations_["p_value"].dropna() > 0.05).all()
    filtered, selected = (
        changes[name, "balanced_log_loss"] for name in ("filtered", "selected")
    )
    assert filtered.difference > 4.0 * filtered.error
    assert selected.difference - filtered.difference < 4.0 * filtered.error


def has_answer_of_three_processes(page):
    """Yields are recovered, Z bosons cover the signal, the prior helps a little."""
    table = page["confusion"].confusion
    assert table.share("true")[0, 0] == pytest.approx(0.7, abs=0.1)
    assert table.yields[1, 0] == pytest.approx(50 * table.yields[0, 0], rel=0.4)
    (curve,) = page["rare"].curves.values()
    seen = (curve.n_eff > 25) & (curve.share > 0)
    pulls = (curve.share - curve.probability)[seen] / curve.error[seen]
    assert len(pulls) >= 6
    assert abs(pulls).max() < 4.0
    sums = page["sums"]
    assert (abs(sums["sum"] - sums["expected"]) < 3.0 * sums["error"]).all()
    for result in page["results"].values():
        assert result.value == pytest.approx(0.8, abs=0.15)
        assert result.error == pytest.approx(0.1, abs=0.04)
    gain = page["gain"]
    assert gain.difference == pytest.approx(0.001, abs=0.001)
    assert gain.difference > gain.error


def has_answer_of_numbers(page):
    loss = page["losses"]
    assert loss["standard"] - loss["robust"] > 0.02
    assert loss["robust"] - loss["factors and waves"] > 0.01
    waves = page["display"].columns[0]
    assert waves.name == "mass"
    # more than a straight line stands for the mass, and the undefined jet is its own
    assert np.ptp(waves.numbers[1:], axis=1).max() > 1.0
    assert np.abs(page["display"].columns[2].undefined).max() > 0.05


def has_answer_of_figures(page):
    """The network separates best, data agree below the cut, the mass is sculpted."""
    powers = page["separation"].separations
    score, mass = powers["classifier score"], powers["DER_mass_MMC"]
    singles = {k: v.value for k, v in powers.items() if k != "classifier score"}
    assert max(singles, key=singles.get) == "DER_mass_MMC"
    assert score.value > 1.25 * mass.value
    stack = page["stack"]
    histograms = [*stack.signals.values(), *stack.backgrounds.values()]
    total = sum(h.content for h in histograms)
    error2 = sum(h.error**2 for h in histograms)
    seen = np.isfinite(stack.data)
    assert 5 < seen.sum() < len(total)
    pulls = (stack.data - total)[seen] / np.sqrt(total + error2)[seen]
    assert np.mean(pulls**2) < 2.0
    sculpted = page["sculpted"].efficiency["background"]
    assert sculpted.spread > 1.0 + 2.0 * sculpted.spread_error
    assert sculpted.p_value < 1e-6
    importance = page["importance"].importance
    first = np.argmax(importance.importances_mean)
    assert importance.names[first] == "DER_mass_MMC"
    yields = page["yields"].table.yields
    assert (np.diff(yields, axis=1) < 0.0).all()


def has_answer_of_comparison(names):
    result, check = names["result"], names["check"]
    frame = result.to_frame()
    # the trees are better on their training events, and not on others
    assert frame.loc["trees", "roc_auc_overfitting"] > 0.03
    assert abs(frame.loc["network", "roc_auc_overfitting"]) < 0.02
    assert frame.loc["trees", "roc_auc_difference"] < 0.0
    assert result.p_value("roc_auc", "trees") < 0.05
    assert result.weights == {
        "network": "signed",
        "trees": "refined",
        "linear": "refined",
    }
    assert check.is_worse


def has_answer_of_bins(names):
    values = {name: np.array(z) for name, z in names["values"].items()}
    few = names["numbers"] <= 5
    others = [values[k] for k in ("equal width", "flat signal", "independent errors")]
    assert (values["fit"][few] > np.max(others, axis=0)[few]).all()
    at = names["numbers"].tolist().index
    assert values["fit"][at(4)] > 4.1
    assert values["independent errors"][at(4)] < 3.7
    assert values["independent errors"][at(7)] < values["fit"][at(4)]


ANSWERS = {
    "plot_bins_for_the_fit": has_answer_of_bins,
    "plot_boosting_networks": has_answer_of_boosting,
    "plot_figures_of_an_analysis": has_answer_of_figures,
    "plot_folds_by_event_number": has_answer_of_folds,
    "plot_how_numbers_enter": has_answer_of_numbers,
    "plot_luck_of_the_best_trial": has_answer_of_luck,
    "plot_raw_momenta_to_significance": has_raw_momenta_answer,
    "plot_symmetries_of_any_classifier": has_symmetries_answer,
    "plot_is_the_network_worth_it": has_answer_of_comparison,
    "plot_learning_rate_range": has_learning_rate_answer,
    "plot_regularisation": has_answer_of_regularisation,
    "plot_three_processes": has_answer_of_three_processes,
    "plot_which_variables_are_needed": has_answer_of_elimination,
}


SCRIPTS = {
    "resume_search": ["killed after", "same proposals as without the kill: True"],
    "search_on_dask": ["8 trials on", "best: trial"],
    "tune_pipeline": ["strategy", "error", "best: trial"],
    "tune_pipeline_on_grid": ["strategy", "best: point"],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_what_it_promises(name, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [f"{name}.py"])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for text in SCRIPTS[name]:
        assert text in printed


def test_every_script_is_run():
    scripts = {path.stem for path in EXAMPLES.glob("*.py")}
    assert scripts == {"main_job", *SCRIPTS, *ANSWERS}


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in EXAMPLES.glob("plot_*.py"))
)
def test_a_page_of_the_gallery_has_its_answer_and_labelled_figures(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("Agg")  # closes all figures
    try:
        ANSWERS[name](runpy.run_path(str(EXAMPLES / f"{name}.py")))
        figures = [plt.figure(number) for number in plt.get_fignums()]
    finally:
        plt.close("all")
    assert figures
    for figure in figures:
        bars = [image.colorbar.ax for ax in figure.axes for image in ax.images]
        axes = [ax for ax in figure.axes if ax.axison and ax not in bars]
        if not axes:  # a table
            assert any(ax.texts for ax in figure.axes)
            continue
        for ax in axes:
            siblings = ax.get_shared_x_axes().get_siblings(ax)
            assert any(is_named(other.xaxis) for other in siblings)
            assert any(is_named(other.yaxis) for other in axes if in_a_row(ax, other))
        explained = bars or [ax for ax in figure.axes if ax.get_legend() is not None]
        # one legend may be for all panels, and one thing alone needs none
        crowded = [ax for ax in axes if len(ax.lines) > 1]
        assert len(explained) in {1, len(axes), len(crowded)}


def is_named(axis):
    """Return whether an axis has a label, or words in the place of numbers."""
    ticks = " ".join(label.get_text() for label in axis.get_ticklabels())
    return bool(axis.get_label_text()) or any(sign.isalpha() for sign in ticks)


def in_a_row(ax, other):
    """Return whether two axes stand at the same height: one label is for all."""
    return abs(ax.get_position().y0 - other.get_position().y0) < 0.02


def test_the_pages_of_the_gallery_end_with_an_answer():
    for path in EXAMPLES.glob("plot_*.py"):
        last_cell = path.read_text(encoding="utf-8").split("# %%\n")[-1]
        assert last_cell.startswith("# **Answer.** "), path
