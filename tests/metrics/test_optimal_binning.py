"""Bins of the best significance against all possible ones; what they hold, refuse."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning, WeightsError
from skhep_dnn.metrics import (
    VariedSample,
    asimov_significance,
    binned_significance,
    optimal_binning,
    profile_significance,
)
from skhep_dnn.metrics._optimal_binning import (
    Uncertainties,
    _Limits,
    _Search,
    _Yields,
)
from skhep_dnn.metrics._profile import half_and_mean


def toy(n=3000, seed=0, negative=0.1):
    """Gaussian scores, weights of both signs, and a background in two processes."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["b", "s"], n)
    score = rng.normal(size=2 * n) + 1.8 * (y == "s")
    w = np.where(y == "s", 60.0 / n, 12_000.0 / n) * rng.exponential(size=2 * n)
    w *= np.where(rng.random(2 * n) < negative, -1.0, 1.0)
    process = np.where(y == "s", "H", rng.choice(["Z", "top"], 2 * n))
    return y, score, w, process


def variations_of(y, score, w):
    tilt = np.where(y == "b", 0.15 * np.tanh(score), 0.0)
    return {
        "tilt": (w * (1 + tilt + 0.03), w * (1 - 0.7 * tilt)),
        "scale": (VariedSample(1.05 * score + 0.03), VariedSample(0.96 * score)),
        "mirrored": w * (1 + 0.08 * (score > 1.5)),
    }


def sums(inner, y, score, w):
    """Signal, background and squared background weights of bins, by a loop."""
    bins = [sum(x >= edge for edge in inner) for x in score]
    result = np.zeros((3, len(inner) + 1))
    for k, label, weight in zip(bins, y, w, strict=True):
        result[0, k] += weight * (label == "s")
        result[1, k] += weight * (label == "b")
        result[2, k] += weight**2 * (label == "b")
    return result


def every_choice(candidates, n_bins):
    for n in range(n_bins):
        yield from itertools.combinations(candidates, n)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"rel_sigma_b": 0.1}, {"mc_stat": False}])
def test_no_other_edges_are_better(seed, options):
    y, score, w, _ = toy(100, seed)
    score = np.round(score, 0)  # few different scores: all of them are candidates
    found = optimal_binning(y, score, w, n_bins=3, min_n_eff=3.0, **options)
    best = 0.0
    for inner in every_choice(np.unique(score)[1:], 3):
        s, b, w2 = sums(inner, y, score, w)
        if (s >= 0).all() and (b > 0).all() and (b**2 >= 3.0 * w2).all():
            w2 = w2 * options.get("mc_stat", True)
            rel = options.get("rel_sigma_b", 0.0)
            z = binned_significance(s, b, sum_w2_b=w2, rel_sigma_b=rel)
            best = max(best, z)
    assert found.z == pytest.approx(best, rel=1e-9)
    assert found.z_bound == pytest.approx(best, rel=1e-9)
    s, b, w2 = sums(found.edges[1:-1], y, score, w)
    for value, expected in ((found.s, s), (found.b, b), (found.sum_w2_b, w2)):
        np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_edges_are_better_for_the_fit_with_variations(seed):
    y, score, w, process = toy(150, seed, negative=0.05)
    score = np.round(score, 0)
    up, down = w * (1 + 0.3 * np.tanh(score)), w * (1 - 0.2 * np.tanh(score))
    found = optimal_binning(
        y,
        score,
        w,
        n_bins=3,
        min_n_eff=3.0,
        normalisations={"Z": {"Z": 0.2}, "lumi": 0.05},
        variations={"tilt": (up, down)},
        process=process,
    )
    best = 0.0
    for inner in every_choice(np.unique(score)[1:], 3):
        s, b, w2 = sums(inner, y, score, w)
        z_only = sums(inner, y, score, w * (process == "Z"))[1]
        high, low = (sums(inner, y, score, x)[1] for x in (up, down))
        parts = [s, z_only, b - z_only, 1.2 * z_only, high, low, b + 0.2 * z_only]
        parts += [b - 0.2 * z_only]
        if min(part.min() for part in parts) < 0 or (b <= 0).any():
            continue
        if (b**2 >= 3.0 * w2).all():
            pairs = [
                (b + 0.2 * z_only, b - 0.2 * z_only),
                (1.05 * b, 0.95 * b),
                (high, low),
            ]
            z = profile_significance(s, b, sum_w2_b=w2, variations=pairs)
            best = max(best, z)
    assert found.z == pytest.approx(best, rel=1e-9)
    assert found.z_bound >= best * (1 - 1e-9)


@pytest.mark.parametrize(
    ("seed", "n_problems"),
    [(1, 12), *(pytest.param(k, 60, marks=pytest.mark.slow) for k in range(1, 6))],
)
def test_random_histograms_against_all_possible_bins(seed, n_problems):
    rng = np.random.default_rng(seed)
    n_known = 0
    for _ in range(n_problems):
        n_cells, n_bins = int(rng.integers(8, 15)), int(rng.integers(2, 5))
        cells = np.arange(n_cells)
        b = rng.exponential(200, n_cells) * np.exp(-0.3 * cells) + 1
        s = rng.uniform(0, 6, n_cells) * np.exp(0.1 * cells)
        w2 = b * rng.uniform(0.1, 1, n_cells)
        pairs = []
        for _ in range(rng.integers(1, 4)):
            waves = np.sin(
                rng.uniform(0, 6, (2, 1)) + rng.uniform(0, 0.5, (2, 1)) * cells
            )
            sizes = rng.uniform(0.02, [0.3, 0.2])
            pairs.append((b * (1 + sizes[0] * waves[0]), b * (1 - sizes[1] * waves[1])))
        slopes = np.array([half_and_mean(b, *pair) for pair in pairs]).swapaxes(0, 1)
        fine = _Yields(
            s,
            b,
            0.01 * s,
            w2,
            slopes,
            np.concatenate(pairs),
            Uncertainties(0.0, mc_stat=True, normalisations={}),
        )
        search = _Search(fine, _Limits(n_bins, 5.0, n_cells, 1))
        starts, bound = search.best()
        z = fine.joined(starts).significance()[0]
        inner = itertools.combinations
        every = [
            np.array([[0, *c] for c in inner(range(1, n_cells), k)])
            for k in range(n_bins)
        ]
        best = max(search._significances(starts).max() for starts in every)
        assert z == pytest.approx(best, rel=1e-9)
        assert bound >= best * (1 - 1e-9)
        n_known += bound <= z * (1 + 1e-5)
    assert n_known >= 0.75 * n_problems


def test_edges_for_the_fit_beat_those_for_independent_errors():
    y, score, w, _ = toy()
    variations = variations_of(y, score, w)
    plain = optimal_binning(y, score, w, n_bins=4)
    fitted = optimal_binning(y, score, w, n_bins=4, variations=variations)
    same = plain.evaluate(y, score, w, variations=variations)
    assert same.z < plain.z
    assert fitted.z > 1.02 * same.z
    assert fitted.z_bound < 1.15 * fitted.z


def test_more_bins_are_never_worse_and_more_uncertainty_never_better():
    y, score, w, _ = toy()
    z = [optimal_binning(y, score, w, n_bins=k).z for k in (1, 2, 3, 6, 12)]
    assert (np.diff(z) >= 0).all()
    sizes = (0.01, 0.05, 0.2)
    of_sizes = [
        optimal_binning(y, score, w, normalisations={"all": size}).z for size in sizes
    ]
    assert (np.diff([z[-1], *of_sizes]) < 0).all()


def test_limits_of_statistics_hold_in_every_bin():
    y, score, w, process = toy()
    for options in ({"min_n_eff": 60.0}, {"max_rel_error": 60.0**-0.5}):
        found = optimal_binning(y, score, w, n_bins=20, process=process, **options)
        assert 2 <= found.n_bins < 20
        assert found.n_eff_b.min() >= 60.0 * (1 - 1e-9)
        assert (found.s >= 0).all()
        bins = found.transform(score)
        for name in ("H", "Z", "top"):
            content = np.bincount(bins, w * (process == name))
            assert (content >= 0).all()
    strict = optimal_binning(y, score, w, min_n_eff=60.0, max_rel_error=0.5)
    assert strict.n_eff_b.min() >= 60.0 * (1 - 1e-9)


def test_a_varied_sample_of_equal_scores_is_its_weights():
    y, score, w, _ = toy()
    up = w * (1 + 0.1 * np.tanh(score))
    one = optimal_binning(y, score, w, n_bins=3, variations={"v": up})
    sample = VariedSample(score, sample_weight=up)
    two = optimal_binning(y, score, w, n_bins=3, variations={"v": sample})
    whole = VariedSample(score[::-1], sample_weight=up[::-1], y_true=y[::-1])
    three = optimal_binning(y, score, w, n_bins=3, variations={"v": (whole, None)})
    assert one.z == pytest.approx(two.z, rel=1e-12)
    assert one.z == pytest.approx(three.z, rel=1e-9)
    np.testing.assert_array_equal(one.edges, three.edges)


def test_a_varied_sample_of_one_process_leaves_the_others():
    y, score, w, process = toy()
    is_top = process == "top"
    up = np.where(is_top, w * (1 + 0.3 * np.tanh(score)), w)
    whole = optimal_binning(
        y, score, w, n_bins=3, process=process, variations={"v": up}
    )
    part = VariedSample(
        score[is_top],
        sample_weight=up[is_top],
        y_true=y[is_top],
        process=process[is_top],
    )
    alone = optimal_binning(
        y, score, w, n_bins=3, process=process, variations={"v": part}
    )
    assert alone.z == pytest.approx(whole.z, rel=1e-9)


def test_the_significance_of_the_events_that_chose_is_too_large():
    # Against so many other events that their own fluctuations do not matter.
    y, score, _, _ = toy(100_000, seed=99)
    w = np.where(y == "s", 2e-4, 0.01)
    excess = []
    for seed in range(40):
        few_y, few, _, _ = toy(500, seed)
        weights = np.where(few_y == "s", 0.04, 2.0)
        binned = optimal_binning(few_y, few, weights, min_n_eff=5.0, mc_stat=False)
        true = binned.evaluate(y, score, w)
        np.testing.assert_array_equal(true.edges, binned.edges)
        assert np.isnan(true.z_bound)
        excess.append(binned.z / true.z - 1)
    assert np.mean(excess) > 3 * np.std(excess) / np.sqrt(40)
    assert np.mean(excess) > 0.05


def test_evaluate_on_the_same_events_is_the_choice():
    y, score, w, process = toy()
    options = {
        "process": process,
        "variations": variations_of(y, score, w),
    }
    binned = optimal_binning(
        y, score, w, n_bins=4, normalisations={"Z": {"Z": 0.1}}, **options
    )
    again = binned.evaluate(y, score, w, **options)
    assert again.z == pytest.approx(binned.z, rel=1e-12)
    np.testing.assert_allclose(again.z_per_bin, binned.z_per_bin)
    with pytest.raises(
        ValueError, match=r"must name processes of the events, got \['Z"
    ):
        binned.evaluate(y, score, w)


def test_bins_of_other_events_without_background_are_merged_for_z():
    y, score, w, _ = toy(negative=0.0)
    binned = optimal_binning(y, score, w, n_bins=4)
    kept = (y == "s") | (score < binned.edges[-2])
    other = binned.evaluate(y[kept], score[kept], w[kept])
    assert other.b[-1] == 0
    assert np.isnan(other.z_per_bin[-1])
    merged = binned_significance(other.s, other.b, sum_w2_b=other.sum_w2_b)
    assert other.z == pytest.approx(merged, rel=1e-9)


def test_transform_gives_the_bins_in_which_events_are_counted():
    y, score, w, _ = toy()
    binned = optimal_binning(y, score, w, n_bins=5)
    bins = binned.transform(score)
    np.testing.assert_allclose(np.bincount(bins, w * (y == "s")), binned.s)
    # An event at an edge is above it.
    np.testing.assert_array_equal(binned.transform(binned.edges[1:-1]), range(1, 5))
    np.testing.assert_array_equal(binned.transform([-np.inf, np.inf]), [0, 4])
    with pytest.raises(ValueError, match="1-dimensional without nan"):
        binned.transform([[0.0, 1.0]])
    with pytest.raises(ValueError, match="with 1 nan"):
        binned.transform([np.nan])


def test_candidates_follow_both_classes():
    y, score, w, _ = toy()
    coarse, fine = (
        optimal_binning(y, score, w, n_bins=4, n_candidates=n) for n in (100, 800)
    )
    assert 0.97 * fine.z < coarse.z <= fine.z * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_bins_in_the_order_of_s_over_b_are_better_than_any_other_join(seed):
    # Without uncertainties: all partitions of eight cells into three bins at most.
    rng = np.random.default_rng(seed)
    s, b = rng.uniform(0, 5, 8), rng.uniform(1, 30, 8)
    found = optimal_binning(
        np.tile([1, 0], 8),
        np.repeat(s / b, 2),
        np.column_stack([s, b]).ravel(),
        n_bins=3,
        min_n_eff=0.0,
        mc_stat=False,
    )
    labels = np.array(list(itertools.product(range(3), repeat=8)))
    joined = labels[:, np.newaxis] == np.arange(3)[:, np.newaxis]
    s_i, b_i = (joined * s).sum(axis=2), (joined * b).sum(axis=2)
    z2 = np.zeros_like(s_i)
    z2[b_i > 0] = asimov_significance(s_i[b_i > 0], b_i[b_i > 0]) ** 2
    assert found.z == pytest.approx(np.sqrt(z2.sum(axis=1).max()), rel=1e-9)


def test_several_scores_are_better_than_one_of_them():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 6000)
    # A ring around the signal: no direction tells all of it.
    angle = rng.uniform(0, 2 * np.pi, 12_000)
    radius = np.where(y == 1, 0.6, 1.6) + 0.4 * rng.normal(size=12_000)
    scores = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    w = np.where(y == 1, 0.01, 0.5)
    train = np.arange(12_000) % 2 == 0
    values = {}
    for name, columns in {"both": scores, "one": scores[:, 0]}.items():
        binned = optimal_binning(y[train], columns[train], 2 * w[train], n_bins=6)
        values[name] = binned.evaluate(y[~train], columns[~train], 2 * w[~train]).z
    radial = optimal_binning(y[train], -radius[train], 2 * w[train], n_bins=6)
    values["radius"] = radial.evaluate(y[~train], -radius[~train], 2 * w[~train]).z
    assert values["both"] > 1.5 * values["one"]
    assert values["both"] > 0.93 * values["radius"]  # which is the best there is


def test_scores_of_one_column_are_one_score():
    y, score, w, _ = toy(500)
    one = optimal_binning(y, score, w, n_bins=3)
    two = optimal_binning(y, score[:, np.newaxis], w, n_bins=3)
    np.testing.assert_array_equal(one.edges, two.edges)
    assert two.cells is None
    np.testing.assert_array_equal(
        two.transform(score[:, np.newaxis]), one.transform(score)
    )


def test_scale_of_the_score_and_order_of_the_events_do_not_matter():
    y, score, w, _ = toy()
    one = optimal_binning(y, score, w, n_bins=4)
    order = np.random.default_rng(5).permutation(len(y))
    two = optimal_binning(y[order], np.exp(score)[order], w[order], n_bins=4)
    np.testing.assert_allclose(np.exp(one.edges[1:-1]), two.edges[1:-1])
    assert one.z == pytest.approx(two.z, rel=1e-9)


def test_weight_zero_is_as_good_as_absent():
    y, score, w, _ = toy(500)
    one = optimal_binning(y, score, w, n_bins=3)
    two = optimal_binning(
        np.append(y, ["b", "s"]),
        np.append(score, [9.0, -9.0]),
        np.append(w, [0, 0]),
        n_bins=3,
    )
    assert one.z == pytest.approx(two.z, rel=1e-9)


def test_shows_itself():
    y, score, w, _ = toy()
    binned = optimal_binning(y, score, w, n_bins=3)
    lines = str(binned).splitlines()
    assert lines[0] == f"3 bins, z = {binned.z:.3f}"
    assert len(lines) == 4
    frame = binned.to_frame()
    assert isinstance(frame, pd.DataFrame)
    np.testing.assert_array_equal(frame["b"], binned.b)
    np.testing.assert_array_equal(frame["low"][1:], binned.edges[1:-1])
    copy = pickle.loads(pickle.dumps(binned))
    np.testing.assert_array_equal(copy.transform(score), binned.transform(score))


Y, SCORE, W, PROCESS = toy(200, negative=0.0)
IMPOSSIBLE = {
    "no bins": ({"n_bins": 0}, "`n_bins` must be a whole number of at least 1, got 0"),
    "candidates": ({"n_candidates": 2.5}, "`n_candidates` must be a whole number"),
    "events": ({"min_n_eff": 1e6}, "The whole sample must be an admissible bin"),
    "negative": ({"min_n_eff": -1.0}, "`min_n_eff` must not be negative"),
    "error": ({"max_rel_error": 0.0}, "`max_rel_error` must be above 0, got 0.0"),
    "size": ({"normalisations": {"a": 2.0}}, r"between 0 and 1, got 2\.0"),
    "process": (
        {"normalisations": {"a": {"W": 0.1}}},
        r"must name processes of the events, got \['W'\]. Known are \[\]",
    ),
    "lengths": ({"process": PROCESS[1:]}, "one entry for each of the 400 events"),
    "weights": ({"variations": {"v": W[1:]}}, r"`variations\['v'\]` must be one-dim"),
    "three": ({"variations": {"v": (W, W, W)}}, r"must be \(up, down\), got 3"),
    "no up": ({"variations": {"v": (None, W)}}, "must have a variation up, got None"),
    "other events": (
        {"variations": {"v": VariedSample(SCORE[1:])}},
        r"got 399 scores without \['y_true', 'sample_weight'\]",
    ),
    "other scores": (
        {"variations": {"v": VariedSample(np.zeros((400, 2)))}},
        "must have the scores of the nominal sample",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_arguments_raise(name):
    options, message = IMPOSSIBLE[name]
    with pytest.raises(ValueError, match=message):
        optimal_binning(Y, SCORE, W, **options)


def test_mappings_are_asked_for():
    with pytest.raises(TypeError, match="`variations` must be a mapping of names"):
        optimal_binning(Y, SCORE, W, variations=[W])
    with pytest.raises(TypeError, match="`normalisations` must be a mapping of names"):
        optimal_binning(Y, SCORE, W, normalisations=0.1)
    with pytest.raises(WeightsError, match="sum to more than 0 in each class"):
        optimal_binning(Y, SCORE, -W)
    with pytest.raises(ValueError, match="`y_score` must not contain nan, got 1"):
        optimal_binning(Y, np.append(SCORE[1:], np.nan), W)


def test_nothing_but_negative_signal_on_other_events_is_nan():
    binned = optimal_binning(Y, SCORE, W, n_bins=2)
    kept = Y == "s"
    y, score = np.append(Y[kept], "b"), np.append(SCORE[kept], 0.0)
    w = np.append(W[kept], 1.0)
    assert np.isfinite(binned.evaluate(y, score, w).z)
    with pytest.warns(UndefinedSignificanceWarning):
        assert np.isnan(profile_significance([1.0], [0.0]))
