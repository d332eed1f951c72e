"""The summary figures of the HiggsML study: against their definitions."""

import numpy as np
import pytest

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.metrics import (
    SignificanceAt,
    ams,
    bootstrap,
    challenge_summary,
    metric_with_error,
    significance_scan,
    threshold_top_fraction,
)
from skhep_dnn.metrics._challenge import MaximalAMS, MeanAMSAt, n_subsamples


@pytest.fixture(scope="module")
def samples():
    """Two samples, each with the full yields."""
    events = make_higgs_events(4000, random_state=0)
    rng = np.random.default_rng(0)
    y, w = events.target, events.sample_weight
    score = rng.normal(size=4000) + 2.0 * (y == "s")
    found = []
    for rows in (slice(0, 2000), slice(2000, 4000)):
        weight = w[rows].copy()
        for label in ("s", "b"):
            of_class = y[rows] == label
            weight[of_class] *= w[y == label].sum() / weight[of_class].sum()
        found.append((y[rows], score[rows], weight))
    return found


@pytest.mark.parametrize(
    ("n_eff", "expected"),
    [(3, 1), (25, 1), (49.9, 1), (50, 2), (110, 4), (250, 10), (730, 10)],
)
def test_each_subsample_keeps_25_effective_background_events(n_eff, expected):
    assert n_subsamples(n_eff) == expected


def test_the_maximum_is_that_of_the_scan(samples):
    y, score, w = samples[0]
    rounded = score.round(1)  # with ties
    for scores in (score, rounded):
        scan = significance_scan(y, scores, w, kind="ams")
        assert MaximalAMS()(y, scores, w) == pytest.approx(scan.z.max())
    result = bootstrap(MaximalAMS(), y, rounded, w, n_replicas=20, random_state=0)
    assert result.value < result.replicas.mean()  # a maximum rises with fluctuations
    with pytest.raises(ValueError, match="must not be a maximum over cuts"):
        metric_with_error(MaximalAMS(), y, score, w)


def test_the_mean_is_that_of_subsamples_with_the_full_yields(samples):
    y, score, w = samples[0]
    part, z = np.arange(2000) % 4, []
    for k in range(4):
        yields = []
        for label in ("s", "b"):
            of_class = (y == label) & (part == k)
            share = w[of_class & (score >= 0.5)].sum() / w[of_class].sum()
            yields.append(share * w[y == label].sum())
        z.append(ams(*yields))
    assert MeanAMSAt(0.5, part=part)(y, score, w) == pytest.approx(np.mean(z))
    one = MeanAMSAt(0.5, part=0 * part)(y, score, w)
    assert one == pytest.approx(SignificanceAt(0.5, kind="ams")(y, score, w))


def test_figures_of_one_repetition(samples):
    val, test = samples
    summary = challenge_summary(*val, *test, random_state=3)
    scan = significance_scan(*val, kind="ams")
    cut = threshold_top_fraction(scan, min_n_eff=0.0).threshold
    assert summary.thresholds == [cut]
    assert summary.mmva.value == pytest.approx(np.nanmax(scan.z))
    at_cut = SignificanceAt(cut, kind="ams")
    expected = bootstrap(at_cut, *val, random_state=3)
    assert summary.mvac.value == expected.value
    assert summary.mvac.error == expected.error
    n_eff = significance_scan(*test, kind="ams").at(cut).n_eff_b
    assert summary.n_eff_b == pytest.approx([n_eff])
    assert summary.n_subsamples == [n_subsamples(n_eff)]
    assert np.isnan(list(summary.errors_over_repetitions.values())).all()
    assert str(summary).splitlines()[1] == f"MVAC {summary.mvac}"
    given = challenge_summary(*val, *test, threshold=0.5, part=np.arange(2000) % 2)
    of_part = MeanAMSAt(0.5, part=np.arange(2000) % 2)
    assert given.mapa.value == of_part(*test)
    assert given.mvac.value == SignificanceAt(0.5, kind="ams")(*val)


def test_a_cut_of_its_own_for_the_test_scores(samples):
    val, (y, score, w) = samples
    plain = challenge_summary(*val, y, score, w, threshold=0.5)
    shifted = challenge_summary(
        *val, y, score - 0.5, w, threshold=0.5, threshold_test=0.0
    )
    assert shifted.mapa.value == plain.mapa.value


def test_repetitions_are_averaged(samples):
    val, (y, score, w) = samples
    noisy = [score + noise for noise in np.random.default_rng(1).normal(size=(3, 2000))]
    lists = [[x] * 3 for x in val]
    summary = challenge_summary(*lists, y, noisy, w)
    single = [
        challenge_summary(*val, y, x, w, random_state_val=r)
        for r, x in enumerate(noisy)
    ]
    for name in ("mmva", "mvac", "mapa"):
        results = [getattr(one, name) for one in single]
        values = [result.value for result in results]
        result = getattr(summary, name)
        assert np.array_equal(summary.per_repetition[name], values)
        assert result.value == pytest.approx(np.mean(values))
        replicas = np.mean([one.replicas for one in results], axis=0)
        assert result.error == pytest.approx(np.nanstd(replicas, ddof=1))
        error = np.std(values, ddof=1) / np.sqrt(3)
        assert summary.errors_over_repetitions[name] == pytest.approx(error)
    assert "(repetitions ± " in str(summary)


def test_lists_of_other_lengths_are_refused(samples):
    val, (y, score, w) = samples
    lists = [[x] * 2 for x in val]
    with pytest.raises(ValueError, match=r"`y_score_test` must have one entry"):
        challenge_summary(*lists, y, [score] * 3, w)
    with pytest.raises(ValueError, match=r"`threshold` must have one value for each"):
        challenge_summary(*lists, y, [score] * 2, w, threshold=[0.5] * 3)
