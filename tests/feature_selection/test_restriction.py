"""An estimator for some of the columns: what it says of the others is gone."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import SelectFromModel, SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import Bunch

from skhep_dnn import BackwardEliminationSelector, BoostedDNN, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.feature_selection import (
    SeparationSelector,
    compare_after_cut,
    important_columns,
    restricted_to_columns,
)
from skhep_dnn.inspection import weighted_permutation_importance
from skhep_dnn.neural_network import FeatureSplit
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)

EVENTS = make_higgs_events(600, random_state=0)
X, Y, W = EVENTS.data, EVENTS.target, EVENTS.sample_weight
MASSES = ["DER_mass_MMC", "DER_mass_vis", "DER_pt_h"]
MET = ["PRI_met", "PRI_met_phi"]
TAU = ["PRI_tau_pt", "PRI_tau_eta", "PRI_tau_phi"]
LEP = ["PRI_lep_pt", "PRI_lep_eta", "PRI_lep_phi"]
SMALL = {"n_layers": 1, "width": 4, "max_epochs": 1, "random_state": 0}


def recommended(**changes):
    """The settings of the README, small."""
    return WeightedDNNClassifier(
        **SMALL,
        **{
            "categorical_features": EVENTS.categorical,
            "augmenter": SymmetryAugmenter(),
            **changes,
        },
    )


def fitted(model, columns, **options):
    smaller = restricted_to_columns(model, X, columns)
    return smaller.fit(X[columns], Y, sample_weight=W, **options)


def test_all_columns_change_nothing():
    model = recommended(feature_groups=FeatureSplit(MASSES, width=3))
    assert repr(restricted_to_columns(model, X, list(X))) == repr(model)


def test_a_fit_without_a_cut_category_and_with_momenta_that_are_left():
    model = recommended()
    columns = [*MASSES, *TAU, *MET]
    with pytest.raises(ValueError, match="`categorical_features` must be columns"):
        clone(model).fit(X[columns], Y, sample_weight=W)
    smaller = fitted(model, columns)
    assert [m.name for m in smaller.augmenter_.momenta_] == ["PRI_tau", "PRI_met"]
    assert smaller.encoder_.categorical_ == []
    assert model.categorical_features == EVENTS.categorical
    assert not hasattr(model, "net_")


def test_transformations_without_columns_go():
    met = fitted(recommended(), [*MASSES, *MET])
    assert (met.augmenter.rotation, met.augmenter.reflections) == (True, "xy")
    signed = recommended(augmenter=SymmetryAugmenter(odd_under={MASSES[0]: "xyz"}))
    left = restricted_to_columns(signed, X, MASSES).augmenter
    assert (left.rotation, left.reflections) == (False, "xyz")
    assert left.odd_under == {MASSES[0]: "xyz"}
    left = restricted_to_columns(signed, X, [*MASSES[1:], *TAU]).augmenter
    assert (left.rotation, left.odd_under) == (True, None)
    assert fitted(recommended(), MASSES).augmenter is None
    mirrored = SymmetryAugmenter(rotation=False, reflections="z")
    assert fitted(recommended(augmenter=mirrored), [*MASSES, *MET]).augmenter is None


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_declared_momenta_are_kept_or_dropped_whole(kind):
    momenta = {k: v for k, v in EVENTS.momenta.items() if k in {"tau", "lep", "met"}}
    declared = momenta if kind == "dict" else list(momenta.values())
    model = recommended(augmenter=SymmetryAugmenter(cylindrical=declared))
    left = fitted(model, [*LEP, *MET]).augmenter.cylindrical
    assert left == (
        {"lep": momenta["lep"], "met": momenta["met"]}
        if kind == "dict"
        else [momenta["lep"], momenta["met"]]
    )
    for torn in (LEP[:1], LEP[:2], LEP[2:], MET[1:]):
        with pytest.raises(ValueError, match=r"as a whole.*alone of.*into one group"):
            restricted_to_columns(model, X, [*TAU, *torn])


def test_other_parameters_that_name_columns():
    model = recommended(
        feature_groups=FeatureSplit(MASSES, width=3),
        stratify=EVENTS.categorical,
        validation_fraction=0.2,
    )
    columns = [MASSES[0], *TAU]
    smaller = fitted(model, columns)
    assert smaller.feature_groups == FeatureSplit(MASSES[:1], width=3)
    assert smaller.stratify is None
    assert fitted(model, [*TAU, "PRI_jet_num"]).feature_groups is None


@pytest.mark.parametrize(
    "model",
    [
        BoostedDNN(recommended(validation_fraction=None), n_estimators=1),
        make_weighted_pipeline(
            StandardScaler().set_output(transform="pandas"),
            WeightedDNNClassifier(**SMALL, categorical_features=EVENTS.categorical),
        ),
        SymmetryAveragedClassifier(
            HistGradientBoostingClassifier(
                max_iter=2, max_bins=31, categorical_features=EVENTS.categorical
            ),
            n_copies=2,
        ),
        SymmetryAveragedClassifier(
            recommended(augmenter=None), augmenter=SymmetryAugmenter(), n_copies=2
        ),
        make_weighted_pipeline(SymmetryAligner(), recommended(augmenter=None)),
        make_weighted_pipeline(CartesianMomenta(), recommended()),
        make_weighted_pipeline(
            InvariantFeatures(collinear=["PRI_tau", "PRI_lep"]),
            recommended(augmenter=None),
        ),
        HistGradientBoostingClassifier(
            max_iter=2,
            max_bins=31,
            categorical_features=EVENTS.categorical,
            monotonic_cst={"PRI_jet_all_pt": 1, "PRI_met": 1},
        ),
    ],
)
def test_at_any_depth(model):
    columns = [*MASSES, *TAU, *LEP, *MET]
    smaller = fitted(clone(model).set_params(), columns)
    assert smaller.predict_proba(X[columns]).shape == (len(X), 2)


def test_columns_of_a_column_transformer():
    masses = ["DER_mass_vis", "DER_pt_h", "DER_sum_pt"]
    rows = X[[*masses, "PRI_jet_num"]]
    split = ColumnTransformer(
        [
            ("scale", StandardScaler(), masses),
            ("one_hot", OneHotEncoder(), ["PRI_jet_num"]),
            ("single", "passthrough", "PRI_jet_num"),
        ]
    )
    model = make_pipeline(split, LogisticRegression())
    smaller = restricted_to_columns(model, rows, masses[:2])
    assert [(n, c) for n, _, c in smaller[0].transformers] == [
        ("scale", masses[:2]),
        ("one_hot", []),
    ]
    smaller.fit(rows[masses[:2]], Y)
    by_position = ColumnTransformer([("scale", StandardScaler(), [0, 2])])
    model = make_pipeline(by_position, LogisticRegression())
    with pytest.raises(ValueError, match="must name its columns where some are cut"):
        restricted_to_columns(model, rows, masses[:2])


def test_names_of_other_steps_stay():
    model = make_weighted_pipeline(
        CartesianMomenta(), recommended(feature_groups=FeatureSplit(["PRI_lep_px"]))
    )
    smaller = restricted_to_columns(model, X, [*TAU, *LEP])
    assert smaller[-1].feature_groups.wide == ["PRI_lep_px"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (make_weighted_pipeline(SymmetryAligner(leading="PRI_lep")), "`leading` must"),
        (
            make_weighted_pipeline(SymmetryAligner(reference="PRI_lep_eta")),
            "`reference",
        ),
        (
            make_weighted_pipeline(InvariantFeatures(collinear=["PRI_tau", "PRI_lep"])),
            "`collinear` must name objects that are kept.*without PRI_lep",
        ),
    ],
)
def test_objects_that_are_needed_must_stay(model, message):
    with pytest.raises(ValueError, match=rf"{message}.*`keep` or `always_keep`"):
        restricted_to_columns(model, X, [*TAU, *MET])


@pytest.mark.parametrize("declared", ["auto", [tuple(MET)]])
def test_a_transformer_needs_momenta(declared):
    model = make_weighted_pipeline(
        CartesianMomenta(momenta=declared), LogisticRegression()
    )
    with pytest.raises(ValueError, match="leave something that can be transformed"):
        restricted_to_columns(model, X, MASSES)


def test_a_classifier_of_symmetries_needs_some():
    model = SymmetryAveragedClassifier(LogisticRegression())
    with pytest.raises(ValueError, match="leave something that can be transformed"):
        restricted_to_columns(model, X, MASSES)
    smaller = restricted_to_columns(model, X, [*MASSES, *MET])
    assert smaller.augmenter.reflections == "xy"
    assert model.augmenter is None


def test_columns_of_event_numbers_stay(importance):
    table = X.assign(EventId=EVENTS.frame["EventId"])
    model = CrossFitClassifier(recommended(), cv=2, event_number="EventId")
    with pytest.raises(ValueError, match=r"event numbers must stay.*\['EventId'\]"):
        restricted_to_columns(model, table, [*TAU, *MET])
    columns = ["EventId", *TAU, *MET]
    smaller = restricted_to_columns(model, table, columns)
    smaller.fit(table[columns], Y, sample_weight=W)
    assert smaller.predict_proba(table[columns]).shape == (len(X), 2)
    by_position = CrossFitClassifier(recommended(), cv=2, event_number=30)
    with pytest.raises(ValueError, match="`event_number` must name its columns"):
        restricted_to_columns(by_position, table, columns)
    more = Bunch(
        **{
            **importance,
            "names": [*importance.names, "EventId"],
            "columns": [*importance.columns, ["EventId"]],
            "feature_names": [*importance.feature_names, "EventId"],
            "importances_mean": [*importance.importances_mean, 0.0],
        }
    )
    result = compare_after_cut(
        model, table, Y, W, importance=more, cv=2, n_replicas=5, random_state=0
    )
    assert "EventId" in result.spared


def test_elimination_never_drops_event_numbers():
    table = X[["DER_mass_vis", "DER_pt_h", "DER_sum_pt"]].assign(
        EventId=EVENTS.frame["EventId"]
    )
    selector = BackwardEliminationSelector(
        CrossFitClassifier(GaussianNB(), cv=2, event_number="EventId"),
        cv=2,
        n_features_to_select=2,
        n_replicas=2,
    )
    selector.fit(table, Y, sample_weight=W)
    assert "EventId" in selector.get_feature_names_out()


def test_unknown_columns():
    with pytest.raises(ValueError, match=r"`columns` must be columns of `X`.*'mass'"):
        restricted_to_columns(recommended(), X, ["mass"])


def test_an_augmenter_that_declares_objects_for_its_alignment():
    model = SymmetryAugmenter(leading="PRI_lep", reference="PRI_tau")
    smaller = restricted_to_columns(model, X, [*TAU, *MET])
    assert (smaller.leading, smaller.reference) == (None, "PRI_tau")


def test_formulas_of_columns_that_are_gone():
    def formula(table):
        return table["PRI_tau_pt"] + table["PRI_lep_pt"]

    table = X.assign(total=formula(X))
    model = SymmetryAugmenter(invariants={"total": formula}).fit(table)
    smaller = restricted_to_columns(model, table, [*TAU, *MET])
    assert smaller.invariants is None
    columns = [*TAU, *MET, "total"]
    smaller = restricted_to_columns(model, table, columns)
    with pytest.raises(ValueError, match=r"'total' must be computed.*'PRI_lep_pt'"):
        smaller.fit(table[columns])


# ---- end to end, with the settings that the README recommends


@pytest.fixture(scope="module")
def importance():
    model = recommended().fit(X, Y, sample_weight=W)
    result = weighted_permutation_importance(
        model, X, Y, W, n_repeats=1, random_state=0
    )
    # the category is cut, and so are parts of three momenta
    cut = {"PRI_jet_num", "PRI_tau_eta", "PRI_lep_phi", *MET, "DER_pt_tot"}
    jets = {name for name in X if "subleading" in name}
    result.importances_mean = np.array(
        [0.0 if name in cut | jets else 0.1 for name in result.feature_names]
    )
    return result


def test_momenta_are_whole_after_a_cut_and_the_category_is_gone(importance):
    options = {"importance": importance, "cv": 2, "n_replicas": 5, "random_state": 0}
    result = compare_after_cut(recommended(), X, Y, W, **options)
    assert result.spared == ["PRI_tau_eta", "PRI_lep_phi"]
    gone = ["DER_pt_tot", *MET, "PRI_jet_num", *[n for n in X if "subleading" in n]]
    assert result.dropped == gone
    assert np.isfinite(result.comparison.difference)
    assert "21 of importance >0.005 and 2 " in repr(result)
    assert "kept too" in repr(result)
    kept = compare_after_cut(
        recommended(), X, Y, W, keep=["PRI_jet_num", MET[1]], **options
    )
    assert kept.spared == ["PRI_tau_eta", "PRI_lep_phi", *MET, "PRI_jet_num"]


def test_a_refit_by_hand(importance):
    columns = important_columns(importance, keep=["PRI_jet_num"], groups=EVENTS.momenta)
    assert {*TAU, *LEP, "PRI_jet_num"} <= set(columns)
    assert not {*MET} & set(columns)
    model = fitted(recommended(), columns)
    assert [m.name for m in model.augmenter_.momenta_] == [
        "PRI_tau",
        "PRI_lep",
        "PRI_jet_leading",
    ]
    assert model.encoder_.categorical_ == [columns.index("PRI_jet_num")]


def test_momenta_of_the_events_are_groups_of_an_importance():
    model = recommended().fit(X, Y, sample_weight=W)
    result = weighted_permutation_importance(
        model, X, Y, W, groups=EVENTS.momenta, n_repeats=1, random_state=0
    )
    assert result.columns[result.names.index("met")] == MET
    assert compare_after_cut(
        recommended(),
        X,
        Y,
        W,
        importance=result,
        cut=float(np.median(result.importances_mean)),
        cv=2,
        n_replicas=5,
    ).kept


def test_groups_without_columns():
    with pytest.raises(
        ValueError, match="must name columns of `X` for 'met', got none"
    ):
        weighted_permutation_importance(
            recommended().fit(X, Y), X, Y, groups={"met": [None]}
        )


@pytest.mark.parametrize(
    "model",
    [
        SymmetryAveragedClassifier(GaussianNB(), n_copies=2, random_state=0),
        make_weighted_pipeline(SymmetryAligner(drop_constant=False), GaussianNB()),
        make_weighted_pipeline(
            ColumnTransformer(
                [
                    ("pass", "passthrough", ["DER_mass_vis", *TAU, *LEP]),
                    ("one_hot", OneHotEncoder(), ["PRI_jet_num"]),
                ]
            ),
            GaussianNB(),
        ),
        make_weighted_pipeline(
            StandardScaler().set_output(transform="pandas"),
            WeightedDNNClassifier(**SMALL, categorical_features=["PRI_jet_num"]),
        ),
    ],
)
def test_elimination_takes_momenta_as_a_whole(model):
    columns = ["DER_mass_vis", *TAU, *LEP, "PRI_jet_num"]
    selector = BackwardEliminationSelector(
        model,
        cv=2,
        n_features_to_select=7,
        n_replicas=2,
        random_state=0,
        always_keep=LEP,
    )
    selector.fit(X[columns], Y, sample_weight=W)
    kept = set(selector.get_feature_names_out())
    if "Symmetry" in repr(model):
        assert len(kept & set(TAU)) in {0, 3}
        assert "PRI_tau_pt+PRI_tau_eta+PRI_tau_phi" in selector.groups_
    assert set(LEP) <= kept


def test_components_that_are_declared_by_position_go_together_too():
    rng = np.random.default_rng(0)
    table = 30.0 * rng.normal(size=(300, 4))
    augmenter = SymmetryAugmenter(cylindrical=None, cartesian=[(1, 2)], reflections="")
    selector = BackwardEliminationSelector(
        WeightedDNNClassifier(**SMALL, augmenter=augmenter),
        cv=2,
        n_features_to_select=3,
        as_members=True,
        random_state=0,
    )
    selector.fit(table, np.resize([0, 1], 300))
    assert selector.groups_["x1+x2"] == [1, 2]


def test_elimination_of_a_network_with_the_recommended_settings():
    columns = ["DER_mass_vis", *TAU, *MET, "PRI_jet_num"]
    selector = BackwardEliminationSelector(
        recommended(),
        cv=2,
        groups={name: EVENTS.momenta[name] for name in ("tau", "met")},
        n_features_to_select=1,
        random_state=0,
    )
    selector.fit(X[columns], Y, sample_weight=W)
    assert selector.groups_["met"] == [4, 5]
    assert selector.n_features_ >= 1
    names = selector.get_feature_names_out()
    fitted(recommended(), list(names))


def test_a_filter_before_a_network_with_the_recommended_settings():
    columns = ["DER_mass_vis", "DER_pt_tot", *TAU, *LEP, *MET, "PRI_jet_num"]
    options = {"n_features_to_select": 3, "n_bins": 5, "n_replicas": 3}
    torn = SeparationSelector(**options).set_output(transform="pandas")
    with pytest.raises(ValueError, match=r"must be declared|must be columns of `X`"):
        make_weighted_pipeline(torn, recommended()).fit(X[columns], Y, W)
    whole = clone(torn).set_params(
        groups={name: EVENTS.momenta[name] for name in ("tau", "lep", "met")},
        always_keep=EVENTS.categorical,
    )
    model = make_weighted_pipeline(whole, recommended()).fit(X[columns], Y, W)
    selector = model[0]
    kept = set(selector.get_feature_names_out())
    assert "PRI_jet_num" in kept
    for momentum in (TAU, LEP, MET):
        assert len(kept & set(momentum)) in {0, len(momentum)}
    single = clone(torn).fit(X[columns], Y, W)
    assert set(single.get_feature_names_out()) <= kept
    table = selector.table_.set_index("feature")
    assert set(table.index[table["selected"]]) == kept
    pd.testing.assert_series_equal(
        table["reason"], single.table_.set_index("feature")["reason"]
    )


def test_columns_of_a_filter_are_restricted_too():
    selector = SeparationSelector(
        groups={"tau": TAU, "met": MET}, always_keep=["PRI_jet_num", "tau"]
    )
    smaller = restricted_to_columns(selector, X, [*MASSES, *TAU])
    assert (smaller.groups, smaller.always_keep) == ({"tau": TAU}, ["tau"])


def test_scikit_learns_selection_around_a_network():
    def importance(model):
        return np.arange(model.n_features_in_)

    selector = SelectFromModel(
        recommended(), importance_getter=importance, threshold=24.5
    )
    selector.set_output(transform="pandas").fit(X, Y, sample_weight=W)
    columns = list(selector.transform(X))
    assert columns == list(X)[25:]
    with pytest.raises(ValueError, match="as a whole"):
        restricted_to_columns(recommended(), X, columns)
    fitted(recommended(), columns[-4:])  # the second jet, and the sum


def test_selections_that_hand_arrays_to_a_network_say_that_there_are_no_names():
    selector = SequentialFeatureSelector(recommended(), n_features_to_select=1, cv=2)
    rows = X[[*MASSES[1:], "PRI_jet_num"]]
    with pytest.raises(ValueError, match=r"no names.*a DataFrame whose columns have"):
        selector.fit(rows, Y)
