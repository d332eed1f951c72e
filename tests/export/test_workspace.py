"""Workspaces against sums over events, the schema and fits of pyhf and cabinetry."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.exceptions import ExpressionError, MergedBinsWarning
from skhep_dnn.export import discovery_significance, to_pyhf
from skhep_dnn.metrics import (
    VariedSample,
    binned_significance,
    optimal_binning,
    profile_significance,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what pyhf and cabinetry import
    import cabinetry
    import pyhf

# jsonschema deprecates what pyhf 0.7 calls; its optimiser tries negative rates.
pytestmark = [
    pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning:pyhf"),
]

N = 3000
RNG = np.random.default_rng(2)
Y = np.repeat(["b", "s"], N)
SCORE = RNG.normal(size=2 * N) + 1.8 * (Y == "s")
PROCESS = np.where(Y == "s", "H", RNG.choice(["Z", "top"], 2 * N))
W = np.where(Y == "s", 60.0 / N, 1200.0 / N) * RNG.uniform(0.5, 1.5, 2 * N)
X = pd.DataFrame(
    {"n_jets": RNG.integers(0, 4, 2 * N), "pt": RNG.exponential(50, 2 * N)}
)
EDGES = [-np.inf, 0.5, 1.5, 2.2, np.inf]


def content(edges, rows, weights=W, score=SCORE):
    return np.histogram(score[rows], bins=edges, weights=weights[rows])[0]


def samples_of(workspace, channel=0):
    return {s["name"]: s for s in workspace["channels"][channel]["samples"]}


def modifiers_of(sample):
    return {m["name"]: m for m in sample["modifiers"]}


def test_yields_and_errors_are_the_sums_over_events():
    workspace = to_pyhf(Y, SCORE, W, bins=EDGES, process=PROCESS)
    (channel,) = workspace["channels"]
    assert [s["name"] for s in channel["samples"]] == ["H", "Z", "top"]
    for name, sample in samples_of(workspace).items():
        rows = name == PROCESS
        np.testing.assert_allclose(sample["data"], content(EDGES, rows))
        errors = modifiers_of(sample)[f"mc_events_{name}"]
        assert errors["type"] == "shapesys"
        np.testing.assert_allclose(
            np.square(errors["data"]), content(EDGES, rows, W**2)
        )
        assert ("mu" in modifiers_of(sample)) == (name == "H")
    (observed,) = workspace["observations"]
    np.testing.assert_allclose(observed["data"], content(EDGES, slice(None)))


def test_labels_are_the_processes_where_there_are_none():
    workspace = to_pyhf(Y, SCORE, W, bins=EDGES)
    assert list(samples_of(workspace)) == ["s", "b"]
    several = to_pyhf(PROCESS, SCORE, W, bins=EDGES, pos_label=["Z", "H"], poi="r")
    assert list(samples_of(several)) == ["H", "Z", "top"]
    assert "r" in modifiers_of(samples_of(several)["Z"])


def test_regions_are_channels_with_bins_of_their_own():
    regions = {"SR": "n_jets >= 2 and pt > 20", "CR": "n_jets < 2"}
    bins = {"SR": EDGES, "CR": [-np.inf, np.inf]}
    workspace = to_pyhf(Y, SCORE, W, bins=bins, X=X, regions=regions)
    signal = ((X["n_jets"] >= 2) & (X["pt"] > 20)).to_numpy()
    control = (X["n_jets"] < 2).to_numpy()
    found = [samples_of(workspace, k)["b"]["data"] for k in range(2)]
    np.testing.assert_allclose(found[0], content(EDGES, signal & (Y == "b")))
    np.testing.assert_allclose(found[1], [W[control & (Y == "b")].sum()])
    assert "mc_CR_b" in modifiers_of(samples_of(workspace, 1)["b"])
    as_mapping = to_pyhf(
        Y, SCORE, W, bins=bins, X={name: X[name] for name in X}, regions=regions
    )
    assert as_mapping == workspace


def test_normalisations_of_all_and_of_some():
    workspace = to_pyhf(
        Y,
        SCORE,
        W,
        bins=EDGES,
        process=PROCESS,
        normalisations={"lumi": 0.02, "xsec": {"Z": 0.1, "top": 0.06}},
    )
    samples = samples_of(workspace)
    for name in ("H", "Z", "top"):
        lumi = modifiers_of(samples[name])["lumi"]
        assert lumi["type"] == "normsys"
        assert lumi["data"] == {"hi": 1.02, "lo": 0.98}
    assert "xsec" not in modifiers_of(samples["H"])
    assert modifiers_of(samples["top"])["xsec"]["data"]["hi"] == 1.06


def test_variations_by_weights_and_by_scores():
    up, down = W * (1 + 0.1 * np.tanh(SCORE)), W * (1 - 0.05 * np.tanh(SCORE))
    only_z = np.where(PROCESS == "Z", 1.2 * W, W)
    workspace = to_pyhf(
        Y,
        SCORE,
        W,
        bins=EDGES,
        process=PROCESS,
        variations={
            "weights": (up, down),
            "z": only_z,
            "scale": (VariedSample(1.1 * SCORE), VariedSample(0.9 * SCORE)),
        },
    )
    rows = PROCESS == "top"
    modifiers = modifiers_of(samples_of(workspace)["top"])
    assert "z" not in modifiers  # which it leaves as it is
    expected = {
        "weights": (content(EDGES, rows, up), content(EDGES, rows, down)),
        "scale": (
            content(EDGES, rows, score=1.1 * SCORE),
            content(EDGES, rows, score=0.9 * SCORE),
        ),
    }
    for name, (high, low) in expected.items():
        assert modifiers[name]["type"] == "histosys"
        np.testing.assert_allclose(modifiers[name]["data"]["hi_data"], high)
        np.testing.assert_allclose(modifiers[name]["data"]["lo_data"], low)
    z = samples_of(workspace)["Z"]
    mirrored = modifiers_of(z)["z"]["data"]
    np.testing.assert_allclose(mirrored["hi_data"], 1.2 * np.array(z["data"]))
    np.testing.assert_allclose(mirrored["lo_data"], 0.8 * np.array(z["data"]))


def test_a_varied_sample_moves_events_between_regions():
    varied = X.assign(pt=1.2 * X["pt"])
    workspace = to_pyhf(
        Y,
        SCORE,
        W,
        bins=[-np.inf, np.inf],
        X=X,
        regions={"SR": "pt > 40"},
        variations={"scale": VariedSample(SCORE, X=varied)},
    )
    scale = modifiers_of(samples_of(workspace)["b"])["scale"]["data"]
    rows = (Y == "b") & (varied["pt"] > 40).to_numpy()
    np.testing.assert_allclose(scale["hi_data"], [W[rows].sum()])


def test_a_sample_of_other_events_varies_its_own_processes():
    rows = Y == "b"
    other = VariedSample(
        1.1 * SCORE[rows], sample_weight=W[rows], y_true=Y[rows], process=PROCESS[rows]
    )
    for process, names in ((PROCESS, ["Z", "top"]), (None, ["b"])):
        workspace = to_pyhf(
            Y, SCORE, W, bins=EDGES, process=process, variations={"other": other}
        )
        samples = samples_of(workspace)
        for name, sample in samples.items():
            assert ("other" in modifiers_of(sample)) == (name in names)
        kept = rows if process is None else PROCESS == "Z"
        data = modifiers_of(samples[names[0]])["other"]["data"]
        expected = content(EDGES, kept, score=1.1 * SCORE)
        np.testing.assert_allclose(data["hi_data"], expected)


def test_a_variation_and_a_normalisation_of_one_name_share_a_parameter():
    workspace = to_pyhf(
        Y,
        SCORE,
        W,
        bins=EDGES,
        normalisations={"tilt": {"b": 0.1}},
        variations=variations(),
    )
    assert list(discovery_significance(workspace).pulls) == ["tilt"]


def test_recorded_events_are_observed():
    data = VariedSample([0.0, 1.0, 3.0, 3.0], X={"pt": [50.0, 50.0, 50.0, 1.0]})
    workspace = to_pyhf(
        Y, SCORE, W, bins=EDGES, X=X, regions={"SR": "pt > 40"}, data=data
    )
    assert workspace["observations"] == [{"name": "SR", "data": [1.0, 1.0, 0.0, 1.0]}]
    with pytest.raises(TypeError, match="`data` must be a VariedSample, got list"):
        to_pyhf(Y, SCORE, W, bins=EDGES, data=[0.0])


@pytest.mark.parametrize("rel_sigma_b", [0.0, 0.1])
def test_the_fit_gives_the_binned_significance_with_shapesys(rel_sigma_b):
    workspace = to_pyhf(Y, SCORE, W, bins=EDGES, rel_sigma_b=rel_sigma_b)
    s, b = content(EDGES, Y == "s"), content(EDGES, Y == "b")
    expected = binned_significance(
        s, b, sum_w2_b=content(EDGES, Y == "b", W**2), rel_sigma_b=rel_sigma_b
    )
    found = discovery_significance(workspace)
    assert found.z == pytest.approx(expected, rel=1e-3)
    assert found.z_binned == pytest.approx(expected, rel=1e-9)
    assert found.z_profile == pytest.approx(expected, rel=1e-9)
    assert found.pulls == {}
    assert found.z == pytest.approx(pyhf_q0(workspace) ** 0.5, rel=1e-4)


def pyhf_q0(workspace):
    """The test statistic of pyhf, with both of its fits."""
    model = pyhf.Workspace(workspace).model()
    config = model.config
    nominal = config.suggested_init()
    return float(
        pyhf.infer.test_statistics.q0(
            0.0,
            model.expected_data(nominal),
            model,
            nominal,
            config.suggested_bounds(),
            config.suggested_fixed(),
        )
    )


def variations():
    tilt = 0.1 * np.tanh(SCORE) * (Y == "b")
    return {"tilt": (W * (1 + tilt), W * (1 - 0.8 * tilt))}


def test_the_closed_form_is_the_fit_with_shape_variations():
    workspace = to_pyhf(Y, SCORE, W, bins=EDGES, variations=variations())
    found = discovery_significance(workspace)
    up, down = variations()["tilt"]
    b = Y == "b"
    expected = profile_significance(
        content(EDGES, Y == "s"),
        content(EDGES, b),
        sum_w2_b=content(EDGES, b, W**2),
        variations=[(content(EDGES, b, up), content(EDGES, b, down))],
    )
    assert found.z == pytest.approx(expected, rel=1e-5)
    assert found.z_profile == pytest.approx(expected, rel=1e-9)
    assert found.z < 0.95 * found.z_binned
    assert 0 < found.pulls["tilt"] < 2
    assert str(found) == (
        f"z = {found.z:.3f} with all variations (closed form {found.z_profile:.3f}), "
        f"{found.z_binned:.3f} without correlated ones"
    )


@pytest.mark.parametrize("stat", ["shapesys", "staterror"])
def test_the_closed_form_is_near_the_fit_with_all_kinds(stat):
    workspace = to_pyhf(
        Y,
        SCORE,
        W,
        bins=EDGES,
        process=PROCESS,
        stat=stat,
        normalisations={"lumi": 0.03, "Z": {"Z": 0.2}},
        variations=variations(),
    )
    found = discovery_significance(workspace)
    assert found.z == pytest.approx(pyhf_q0(workspace) ** 0.5, rel=1e-3)
    assert found.z == pytest.approx(found.z_profile, rel=0.03)
    assert set(found.pulls) == {"lumi", "Z", "tilt"}


def test_bins_for_the_fit_are_better_in_the_fit():
    options = {"variations": variations(), "process": PROCESS}
    chosen = optimal_binning(Y, SCORE, W, n_bins=4, **options)
    z_chosen = discovery_significance(to_pyhf(Y, SCORE, W, bins=chosen, **options)).z
    uniform = np.linspace(SCORE.min(), SCORE.max(), 5)
    z_uniform = discovery_significance(to_pyhf(Y, SCORE, W, bins=uniform, **options)).z
    assert z_chosen > 1.05 * z_uniform
    # One Poisson term for the sum of the processes there, for each of them here.
    assert z_chosen == pytest.approx(chosen.z, rel=5e-3)


def test_bins_of_several_scores():
    scores = np.column_stack([SCORE, RNG.normal(size=2 * N)])
    chosen = optimal_binning(Y, scores, W, n_bins=3)
    workspace = to_pyhf(Y, scores, W, bins=chosen)
    np.testing.assert_allclose(samples_of(workspace)["b"]["data"], chosen.b)
    with pytest.raises(ValueError, match="one score for each event where `bins` are"):
        to_pyhf(Y, scores, W, bins=EDGES)


@pytest.mark.parametrize("stat", ["shapesys", "staterror", None])
def test_cabinetry_builds_and_fits_it(stat):
    workspace = to_pyhf(
        Y,
        SCORE,
        W,
        bins=EDGES,
        stat=stat,
        normalisations={"lumi": 0.03},
        variations=variations(),
    )
    model, data = cabinetry.model_utils.model_and_data(workspace)
    prediction = cabinetry.model_utils.prediction(model)
    total = np.sum(prediction.model_yields[0], axis=0)
    np.testing.assert_allclose(total, content(EDGES, slice(None)))
    results = cabinetry.fit.fit(model, data)
    best = dict(zip(results.labels, results.bestfit, strict=True))
    assert best["mu"] == pytest.approx(1.0, abs=1e-3)
    assert best["tilt"] == pytest.approx(0.0, abs=1e-3)


def test_a_file_is_written_whole_and_read_again(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text("old")
    workspace = to_pyhf(Y, SCORE, W, bins=EDGES, path=path)
    assert json.loads(path.read_text()) == workspace
    assert [p.name for p in tmp_path.iterdir()] == ["workspace.json"]
    with pytest.raises(ValueError, match="`stat` must be"):
        to_pyhf(Y, SCORE, W, bins=EDGES, stat="none", path=path)
    assert json.loads(path.read_text()) == workspace


def test_bins_that_a_fit_cannot_use_are_merged_with_a_warning():
    # No background above 2.2, and a negative Z between 1.5 and 2.2.
    w = np.where((Y == "b") & (SCORE > 2.2), 0.0, W)
    w = np.where((PROCESS == "Z") & (SCORE > 1.5), -0.5 * w, w)
    with pytest.warns(MergedBinsWarning, match="of 4 bins 2 are left") as record:
        workspace = to_pyhf(Y, SCORE, w, bins=EDGES, process=PROCESS)
    assert record[0].filename == __file__
    expected = content([-np.inf, 0.5, np.inf], PROCESS == "Z", w)
    np.testing.assert_allclose(samples_of(workspace)["Z"]["data"], expected)
    assert np.isfinite(discovery_significance(workspace).z)


def test_few_effective_events_are_merged():
    with pytest.warns(MergedBinsWarning):
        workspace = to_pyhf(Y, SCORE, W, bins=EDGES, min_n_eff=200.0)
    sample = samples_of(workspace)["b"]
    b = np.array(sample["data"])
    errors = np.array(modifiers_of(sample)["mc_events_b"]["data"])
    assert (b**2 / errors**2 >= 200).all()


def test_signed_weights_give_a_valid_workspace():
    w = np.where(RNG.random(2 * N) < 0.2, -1.0, 1.0) * W
    bins = optimal_binning(Y, SCORE, w, process=PROCESS, n_bins=6, min_n_eff=20)
    workspace = to_pyhf(Y, SCORE, w, bins=bins, process=PROCESS)
    assert all(min(s["data"]) >= 0 for s in samples_of(workspace).values())
    assert discovery_significance(workspace).z > 0


def test_a_process_that_is_absent_from_a_region_is_left_out():
    x = X.assign(n_jets=np.where(PROCESS == "Z", 0, X["n_jets"]))
    workspace = to_pyhf(
        Y, SCORE, W, bins=EDGES, process=PROCESS, X=x, regions={"SR": "n_jets > 0"}
    )
    assert list(samples_of(workspace)) == ["H", "top"]


IMPOSSIBLE = {
    "shared events": (
        {"X": X, "regions": {"A": "pt > 10", "B": "pt > 50"}},
        "must not share events, got .* in 'A' and in 'B'",
    ),
    "no X": ({"regions": {"A": "pt > 10"}}, "`X` must be passed with `regions`"),
    "short X": (
        {"X": X[1:], "regions": {"A": "pt > 10"}},
        "a row for each of the 6000 events, got 5999",
    ),
    "missing bins": (
        {"bins": {"B": EDGES}, "X": X, "regions": {"A": "pt > 10"}},
        "bins of every region, got none of 'A'",
    ),
    "mapping": ({"bins": {"A": EDGES}}, "where `regions` is None"),
    "falling": ({"bins": [1.0, 0.0]}, "two increasing edges or more"),
    "outside": ({"bins": [0.0, 1.0]}, "must hold all events of 'events', got"),
    "both classes": (
        {"process": np.repeat("all", 2 * N)},
        "signal or of background events, got both of 'all'",
    ),
    "rel": ({"stat": None, "rel_sigma_b": 0.1}, "must come with stat='shapesys'"),
    "poi": ({"normalisations": {"mu": 0.1}}, "others than that of the signal strength"),
    "mc": ({"normalisations": {"mc_a": 0.1}}, "must not begin with 'mc_', got 'mc_a'"),
    "n_eff": ({"min_n_eff": 1e9}, r"as one bin must have background.*\{'s': .*, 'b': "),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_arguments_raise(name):
    options, message = IMPOSSIBLE[name]
    with pytest.raises(ValueError, match=message):
        to_pyhf(Y, SCORE, W, **{"bins": EDGES, **options})


def test_regions_that_are_none_raise():
    with pytest.raises(TypeError, match="must be a mapping of names to expressions"):
        to_pyhf(Y, SCORE, W, bins=EDGES, X=X, regions=["pt > 10"])
    with pytest.raises(ExpressionError, match=r"'ptt'. Did you mean \['pt'\]"):
        to_pyhf(Y, SCORE, W, bins=EDGES, X=X, regions={"A": "ptt > 10"})


def test_a_workspace_without_signal_has_no_significance():
    workspace = to_pyhf(Y, SCORE, W, bins=EDGES)
    signal = workspace["channels"][0]["samples"][0]
    signal["data"] = [0.0] * 4
    with pytest.raises(ValueError, match="a sample with the factor 'mu', got none"):
        discovery_significance(workspace)


def test_the_backend_of_pyhf_is_left_as_it_was():
    before = pyhf.get_backend()
    discovery_significance(to_pyhf(Y, SCORE, W, bins=EDGES))
    assert pyhf.get_backend() == before


@pytest.mark.parametrize("name", ["pyhf", "hist"])
def test_what_is_not_installed_is_named_with_the_extra(name, monkeypatch):
    from skhep_dnn.export import to_hist  # noqa: PLC0415

    monkeypatch.setitem(__import__("sys").modules, name, None)
    function = {"pyhf": to_pyhf, "hist": to_hist}[name]
    with pytest.raises(ImportError, match=rf"{name} must be .*skhep-dnn\[stats\]"):
        function(Y, SCORE, W, bins=EDGES)
