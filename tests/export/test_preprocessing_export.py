"""Steps of momenta as programs: in NumPy and onnxruntime what they are in Python."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.common.real_events import data_path
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.ensemble import BoostedDNN, CrossFitClassifier
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)
from tests.export.onnx_models import (
    check_export,
    check_transformer,
    run_program,
    scoring_program,
)

MARKER = -999.0
N_EVENTS = 10_000
ANGLES = (0.0, -0.0, math.pi, -math.pi, math.pi / 2, -math.pi / 2, 1e-9, 3.142, -3.142)


def network(**parameters):
    return WeightedDNNClassifier(
        n_layers=2, width=8, max_epochs=2, random_state=0, **parameters
    )


@pytest.fixture(scope="module")
def events():
    """Events with their jets undefined, as nan, and with odd momenta."""
    events = make_higgs_events(N_EVENTS, random_state=0)
    X = events.data.copy()
    rng = np.random.default_rng(0)
    names = [name for name in X if not name.startswith("PRI_lep")]
    for name in rng.choice(names, 6, replace=False):
        X.loc[rng.random(len(X)) < 0.05, name] = np.nan
    for k, name in enumerate(n for n in X if n.endswith("_phi")):
        X.loc[10 * k : 10 * k + len(ANGLES) - 1, name] = ANGLES
    X.loc[100:110, "PRI_tau_pt"] = 0.0
    X.loc[105:115, "PRI_tau_eta"] = 5.0
    X.loc[120:130, "PRI_tau_phi"] = X.loc[120:130, "PRI_lep_phi"]
    X.loc[131:135, "PRI_tau_eta"] = [-7.0, 7.0, 0.0, -0.0, 1e-12]
    return X, events.target, events.sample_weight


def marked(X, share=0.03):
    """The same events, where some undefined entries have a marker."""
    rng = np.random.default_rng(1)
    chosen = rng.random(X.shape) < share
    chosen[:, [X.columns.get_loc(c) for c in X if c.startswith("PRI_lep")]] = False
    return X.mask(chosen, MARKER)


def in_components(X):
    return CartesianMomenta(keep_met=False).fit_transform(X)


STEPS = {
    "cartesian": CartesianMomenta(),
    "cartesian_marked": CartesianMomenta(missing_values=MARKER),
    "cartesian_without_met": CartesianMomenta(keep_met=False),
    "invariants": InvariantFeatures(),
    "invariants_marked": InvariantFeatures(missing_values=MARKER, keep_momenta=True),
    "invariants_collinear": InvariantFeatures(collinear=("PRI_tau", "PRI_lep")),
    "aligner": SymmetryAligner(),
    "aligner_marked": SymmetryAligner(missing_values=MARKER),
    "aligner_without_z": SymmetryAligner(reflections="x", drop_constant=False),
    "aligner_odd": SymmetryAligner(
        odd_under={"DER_prodeta_jet_jet": "z", "DER_met_phi_centrality": "xy"}
    ),
    "augmenter": SymmetryAugmenter(),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_that_of_python(name, events):
    X = marked(events[0]) if name.endswith("_marked") else events[0]
    check_transformer(STEPS[name].fit(X), X)


CARTESIAN_STEPS = {
    "invariants": InvariantFeatures(),
    "invariants_collinear": InvariantFeatures(collinear=("PRI_tau", "PRI_lep")),
    "aligner": SymmetryAligner(),
    "aligner_marked": SymmetryAligner(missing_values=MARKER),
}


@pytest.mark.parametrize("name", CARTESIAN_STEPS)
def test_a_step_of_components_is_that_of_python(name, events):
    X = in_components(events[0].assign(PRI_lep_pt=events[0]["PRI_lep_pt"].abs() + 1.0))
    for k, (px, py) in enumerate([(0, 0), (0, -0.0), (-0.0, 0), (1, 0), (-1, 0.0)]):
        X.loc[200 + k, ["PRI_tau_px", "PRI_tau_py"]] = [px, py]
        X.loc[210 + k, ["PRI_tau_px", "PRI_tau_py"]] = [py, px]
    X.loc[220, "PRI_tau_px"] = -1.0
    X.loc[220, "PRI_tau_py"] = -0.0
    if name.endswith("_marked"):
        X = marked(X)
    check_transformer(CARTESIAN_STEPS[name].fit(X), X)


@pytest.mark.parametrize("name", ["cartesian", "invariants_collinear", "aligner"])
def test_a_step_of_an_array_has_no_names(name, events):
    X = events[0]
    momenta = SymmetryAugmenter().fit(X).momenta_
    step = STEPS[name]
    declared = [m.columns for m in momenta]
    positions = {m.name: k for k, m in enumerate(momenta)}
    if name == "cartesian":
        step = CartesianMomenta(momenta=declared)
    elif name == "aligner":
        lepton, tau = (
            momenta[positions[f"PRI_{n}"]].columns[0] for n in ("lep", "tau")
        )
        step = SymmetryAligner(cylindrical=declared, leading=lepton, reference=tau)
    else:
        names = {m.name: m.columns for m in momenta}
        step = InvariantFeatures(cylindrical=names, collinear=("PRI_tau", "PRI_lep"))
    check_transformer(step.fit(X.to_numpy()), X.to_numpy())


@pytest.mark.parametrize("name", ["cartesian", "invariants", "aligner"])
def test_a_step_of_single_precision_is_that_of_python(name, events):
    # Azimuths in [0, 2 pi) are far from where single precision wraps them.
    X = events[0].drop(index=range(240)).astype(np.float32)
    step = STEPS[name].fit(X)
    check_transformer(step, X, "float32", rtol=3e-4 if name == "invariants" else 1e-5)


def test_momenta_beyond_the_numbers_are_those_of_python(events):
    X = events[0].copy()
    step = CartesianMomenta().fit(X)
    X.loc[:5, "PRI_tau_pt"] = [0.0, 1.0, 1e300, 1e300, 0.0, 2.0]
    X.loc[:5, "PRI_tau_phi"] = 1.0
    X.loc[:5, "PRI_tau_eta"] = [800.0, 710.2, 50.0, -50.0, -750.0, np.inf]
    with np.errstate(all="ignore"):
        expected = step.transform(X)
        check_transformer(step, X)
        check_transformer(InvariantFeatures().fit(events[0]), X)
    assert not np.isfinite(expected["PRI_tau_pz"][[0, 2, 3, 4, 5]]).any()


@pytest.mark.parametrize("voting", [False, True])
def test_an_event_that_python_refuses_has_no_score(voting, events):
    X, y, w = events
    model = make_weighted_pipeline(SymmetryAligner(), network())
    if voting:  # nan is no vote for a class
        model = BoostedDNN(model, method="vote", n_estimators=2, random_state=0)
    model.fit(X[:500], y[:500], sample_weight=np.abs(w[:500]))
    bad = X.copy()
    bad.loc[[3, 7], "PRI_lep_phi"] = np.nan
    with pytest.raises(ValueError, match="must be defined in every event, got 2"):
        model.predict_proba(bad)
    scoring = scoring_program(model, bad)
    arrays = scoring.arrays(bad)
    expected = model.predict_proba(X)
    expected[[3, 7]] = np.nan
    for run in (evaluate, run_program):
        found = run(scoring.program, arrays)
        np.testing.assert_allclose(found["probability"], expected, rtol=0, atol=1e-5)
        assert np.isnan(found["decision"][[3, 7]]).all()


PIPELINES = {
    "cartesian": [CartesianMomenta()],
    "invariants": [InvariantFeatures(collinear=("PRI_tau", "PRI_lep"))],
    "invariants_marked": [InvariantFeatures(missing_values=MARKER)],
    "aligner": [SymmetryAligner()],
    "augmenter": [SymmetryAugmenter()],
    "aligned_components": [SymmetryAligner(drop_constant=False), CartesianMomenta()],
    "components_aligned": [CartesianMomenta(keep_met=False), SymmetryAligner()],
    "selected": [InvariantFeatures(), SeparationSelector(n_features_to_select=10)],
    "nothing": [None, "passthrough"],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_network_behind_steps_is_that_of_python(name, events):
    X, y, w = events
    is_marked = name.endswith("_marked")
    X = marked(X) if is_marked else X
    net = network(missing_values=MARKER if is_marked else math.nan)
    model = make_weighted_pipeline(*PIPELINES[name], net)
    model.set_params(preprocessing_weights="abs")
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X)


def test_a_transformer_takes_only_the_columns_that_are_used(events):
    X, y, w = events
    model = make_weighted_pipeline(
        SeparationSelector(n_features_to_select=3), network()
    )
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    scoring = check_export(model, X)
    chosen = X.columns[model[0].get_support()]
    assert [spec.name for spec in scoring.inputs] == list(chosen)


@pytest.fixture(scope="module")
def higgs_to_taus():
    path = data_path("htautau_part1.parquet")
    if not path.exists():
        pytest.skip(f"real events not found: {path} (set SKHEP_DNN_DATA)")
    table = pd.read_parquet(path).iloc[:N_EVENTS]
    y, w = table["label"].to_numpy(), table["weight"].to_numpy()
    told = ("label", "process", "weight", "weight_true", "p_negative", "gen_boson_pt")
    return table.drop(columns=list(told)), y, w


@pytest.mark.parametrize(
    "step",
    [
        InvariantFeatures(),
        CartesianMomenta(),
        SymmetryAligner(),
    ],
    ids=lambda step: type(step).__name__,
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_folds_of_pipelines_of_simulated_events_are_those_of_python(
    step, higgs_to_taus
):
    X, y, w = higgs_to_taus
    X = X.assign(met_centrality=X["met_centrality"].fillna(MARKER).astype("float32"))
    net = network(missing_values=MARKER)
    step = clone(step).set_params(missing_values=MARKER)
    pipeline = make_weighted_pipeline(step, net).set_params(preprocessing_weights="abs")
    model = CrossFitClassifier(
        pipeline, cv=2, event_number=["run_number", "event_number"]
    )
    model.fit(X[:2000], y[:2000], sample_weight=w[:2000])
    scoring = check_export(model, X)
    fold = run_program(scoring.program, scoring.arrays(X))["fold"]
    np.testing.assert_array_equal(fold[:, 0], model.fold_numbers(X))


@pytest.mark.parametrize("name", ["invariants", "cartesian", "aligner"])
def test_real_events_of_higgsml_are_scored_as_in_python(name, higgsml_file):
    real = fetch_higgsml("all", path=higgsml_file)
    X, y, w = real.data[:N_EVENTS], real.target[:N_EVENTS], real.sample_weight
    model = make_weighted_pipeline(STEPS[name], network())
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X)


@pytest.mark.parametrize("step", [CartesianMomenta(), InvariantFeatures()])
def test_trees_behind_a_step_do_not_depend_on_its_rounding(step, events):
    """Thresholds of trees can be values of training events, to the last digit."""
    X, y, w = events
    trees = HistGradientBoostingClassifier(
        max_iter=20, max_bins=31, early_stopping=False, random_state=0
    )
    model = make_weighted_pipeline(step, trees)
    model.fit(X[:2000], y[:2000], sample_weight=np.abs(w[:2000]))
    check_export(model, X, exact=1e-12, tolerance=1e-8)
