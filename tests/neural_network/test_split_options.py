"""Strata, groups, and categories that were not seen before."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedGroupKFold

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.neural_network import FeatureSplit

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

N = 240


class Seen:
    """A scorer that keeps the events that each member validates on."""

    def __init__(self):
        self.parts = []

    def __call__(self, _estimator, X, _y, **_weights):
        self.parts.append(X)
        return 0.0

    def __deepcopy__(self, _memo):
        return self


@pytest.fixture
def table():
    """Events with two columns of few values, one column of numbers, and a number."""
    rng = np.random.default_rng(8)
    y = np.where(rng.random(N) < 0.4, "s", "b")
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=N) + (y == "s"),
            "jets": rng.choice([0, 1, 2], size=N, p=[0.4, 0.3, 0.3]).astype(float),
            "era": rng.choice([2017.0, 2018.0], size=N, p=[0.6, 0.4]),
            "number": np.arange(N, dtype=float),
        }
    )
    frame.loc[frame["jets"] == 2, "jets"] = np.nan
    return frame, y


def held_out(model, X, y, groups=None, sample_weight=None):
    """Return the numbers of the validation events of each member."""
    seen = Seen()
    model.set_params(scoring=seen, max_epochs=1)
    model.fit(X, y, sample_weight=sample_weight, groups=groups)
    parts = [np.asarray(part)[:, 3].astype(int) for part in seen.parts]
    assert len(parts) == model.n_members
    return parts


def kinds_of_tables(frame):
    return {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "array": frame.to_numpy(),
    }


SPLITS = [
    {"validation_fraction": 0.25, "n_members": 3},
    {"cv": 4, "validate_on_fold": True, "n_members": 4},
    {"cv": np.int64(4), "validate_on_fold": True, "n_members": 4},
]


@pytest.mark.parametrize("options", SPLITS)
@pytest.mark.parametrize(
    ("kind", "stratify"),
    [
        ("pandas", ["jets"]),
        ("pandas", ["jets", "era"]),
        ("pandas", [1, 2]),
        ("polars", ["era", "jets"]),
        ("array", [1, 2]),
    ],
)
def test_shares_are_equal_in_all_parts(make_model, table, options, kind, stratify):
    frame, y = table
    X = kinds_of_tables(frame)[kind]
    names = [frame.columns[c] if isinstance(c, int) else c for c in stratify]
    strata = frame[names].fillna(-1.0).astype(str).agg("-".join, axis=1) + y
    expected = strata.value_counts() / 4
    for part in held_out(make_model(stratify=stratify, **options), X, y):
        got = strata.iloc[part].value_counts()
        assert (got.reindex(expected.index, fill_value=0) - expected).abs().max() < 2
    free = held_out(make_model(**options), X, y)
    worst = max(
        (strata.iloc[part].value_counts().reindex(expected.index) - expected)
        .abs()
        .max()
        for part in free
    )
    assert worst > 2


def test_names_and_positions_are_the_same(make_model, table):
    frame, y = table
    options = {"validation_fraction": 0.25, "n_members": 2}
    tables = kinds_of_tables(frame)
    parts = [
        held_out(make_model(stratify=stratify, **options), tables[kind], y)
        for kind, stratify in [
            ("pandas", ["jets", "era"]),
            ("pandas", (1, 2)),
            ("polars", ["jets", "era"]),
            ("array", np.array([1, 2])),
        ]
    ]
    for other in parts[1:]:
        np.testing.assert_array_equal(other, parts[0])


def test_columns_that_cannot_be_strata_are_errors(make_model, table):
    frame, y = table
    options = {"validation_fraction": 0.25}
    with pytest.raises(ValueError, match=r"columns of few values, .* got 'x' with 240"):
        make_model(stratify=["x"], **options).fit(frame, y)
    with pytest.raises(ValueError, match=r"columns of `X`, .* got 'njet'.* 'jets'"):
        make_model(stratify=["njet"], **options).fit(frame, y)
    with pytest.raises(ValueError, match=r"columns of `X`, .* got 7"):
        make_model(stratify=[7], **options).fit(frame, y)
    with pytest.raises(ValueError, match=r"columns of `X`, .* got 'jets'"):
        make_model(stratify=["jets"], **options).fit(frame.to_numpy(), y)


@pytest.mark.parametrize("options", [{}, {"cv": GroupKFold(3)}])
def test_strata_without_events_to_split_are_an_error(make_model, table, options):
    with pytest.raises(ValueError, match="`stratify` must come with events to split"):
        make_model(stratify=["jets"], **options).fit(*table)
    frame, y = table
    model = make_model(stratify=["jets"])
    with pytest.raises(ValueError, match="`stratify` must be None when a validation"):
        model.fit(frame[:200], y[:200], None, frame[200:], y[200:])


# Groups.

GROUPS = np.random.default_rng(3).integers(0, 40, size=N)
GROUP_SPLITS = [
    {"validation_fraction": 0.25, "n_members": 3},
    {"cv": 4, "validate_on_fold": True, "n_members": 4},
    {"cv": GroupKFold(4), "validate_on_fold": True, "n_members": 4},
    {"cv": StratifiedGroupKFold(4), "validate_on_fold": True, "n_members": 4},
    {"cv": 3, "validation_fraction": 0.25, "n_members": 3},
    {"validation_fraction": 0.25, "n_members": 2, "stratify": ["era"]},
]


@pytest.mark.parametrize("options", GROUP_SPLITS)
@pytest.mark.parametrize("labels", [GROUPS, np.array([f"run{g}" for g in GROUPS])])
def test_a_group_is_never_on_both_sides(make_model, table, options, labels):
    frame, y = table
    model = make_model(**options)
    parts = held_out(model, frame, y, groups=labels)
    for part in parts:
        rest = np.setdiff1d(np.arange(N), part)
        assert not set(labels[part]) & set(labels[rest])
        assert 20 <= len(part) <= 100
        assert set(y[part]) == {"s", "b"}
    free = held_out(make_model(**{**options, "cv": None, **CUTS}), frame, y)
    assert set(labels[free[0]]) & set(np.delete(labels, free[0]))


CUTS = {"validation_fraction": 0.25, "validate_on_fold": False}


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_folds_of_groups_stay_untouched(make_model, table):
    frame, y = table
    model = make_model(cv=4, n_members=1).fit(frame, y, groups=GROUPS)
    scored = np.isfinite(model.oof_decision_function_)
    assert 0 < scored.sum() < N
    assert not set(GROUPS[scored]) & set(GROUPS[~scored])


def test_groups_of_events_of_weight_zero_are_absent(make_model, table):
    frame, y = table
    absent = np.arange(N) % 5 == 0
    w = np.where(absent, 0.0, 1.0)
    groups = np.where(absent, 1000 + np.arange(N), GROUPS)
    for options in GROUP_SPLITS[:3]:
        got = held_out(make_model(**options), frame, y, groups, w)
        expected = held_out(
            make_model(**options), frame[~absent], y[~absent], GROUPS[~absent]
        )
        for mine, theirs in zip(got, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_groups_of_one_event_each_split_like_events(make_model, table):
    frame, y = table
    options = {"validation_fraction": 0.25, "n_members": 2}
    got = held_out(make_model(**options), frame, y, groups=np.arange(N))
    expected = held_out(make_model(**options), frame, y)
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_groups_that_cannot_be_split_are_errors(make_model, table):
    frame, y = table
    model = make_model(validation_fraction=0.25)
    with pytest.raises(ValueError, match="leave groups of every class on both sides"):
        model.fit(frame, y, groups=(y == "s").astype(int))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(frame, y, groups=GROUPS[:-1])
    with pytest.raises(ValueError, match="groups"):
        make_model(cv=GroupKFold(3)).fit(frame, y)


def test_a_search_routes_groups_to_folds_and_fits(make_model, table):
    frame, y = table
    seen = Seen()
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            make_model(max_epochs=1, validation_fraction=0.25, scoring=seen),
            {"width": [4, 8]},
            cv=GroupKFold(3),
            scoring="roc_auc",
            refit=False,
        )
        search.fit(frame, y, groups=GROUPS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(seen.parts) == 2 * 3
    folds = list(GroupKFold(3).split(frame, y, GROUPS))
    for part, (train, _) in zip(seen.parts, folds + folds, strict=False):
        mine = part["number"].to_numpy(dtype=int)
        assert set(mine) < set(train)
        rest = np.setdiff1d(train, mine)
        assert not set(GROUPS[mine]) & set(GROUPS[rest])


# Categories that were not seen in `fit`.


@pytest.mark.parametrize("n_members", [1, 3])
def test_an_unknown_category_is_the_mean_of_all(make_model, mixed_events, n_members):
    X, y, w = mixed_events
    model = make_model(
        categorical_features=["channel", "jets"],
        embedding_size=2,
        handle_unknown="mean",
        n_members=n_members,
    ).fit(X, y, w)
    new = X.assign(channel="jet", jets=np.where(np.arange(150) < 50, 17, X["jets"]))
    got = model.decision_function(new)
    # the same network with the mean in the place of one of the known categories
    module = model.net_.module_
    with torch.no_grad():
        module.embeddings[0][:, 0] = module.embeddings[0].mean(1)
    known = new.assign(channel=sorted(set(X["channel"]))[0])[50:]
    np.testing.assert_allclose(
        model.decision_function(known), got[50:], rtol=1e-5, atol=1e-6
    )
    with torch.no_grad():
        module.embeddings[1][:, 3] = module.embeddings[1].mean(1)
    known = new.assign(channel="e", jets=3)[:50]
    np.testing.assert_allclose(
        model.decision_function(known), got[:50], rtol=1e-5, atol=1e-6
    )


def test_a_missing_category_counts_in_the_mean_where_it_was_seen(
    make_model, mixed_events
):
    X, y, w = mixed_events
    X = X.assign(channel=X["channel"].where(np.arange(150) % 10 != 0, None))
    options = {"categorical_features": ["channel"], "handle_unknown": "mean"}
    model = make_model(**options).fit(X, y, w)
    table = model.net_.module_.embeddings[0]
    assert table.shape == (1, 4, 3)
    got = model.decision_function(X.assign(channel="jet"))
    with torch.no_grad():
        table[:, 3] = table.mean(1)
    expected = model.decision_function(X.assign(channel=None))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_an_unknown_category_is_an_error_unless_allowed(make_model, mixed_events):
    X, y, w = mixed_events
    options = {"categorical_features": ["channel"]}
    new = X.assign(channel="jet")
    strict = make_model(handle_unknown="error", **options).fit(X, y, w)
    lenient = make_model(handle_unknown="mean", **options).fit(X, y, w)
    with pytest.raises(ValueError, match=r"got \['jet'\].* handle_unknown=\"mean\""):
        strict.predict(new)
    # what is known does not depend on it
    np.testing.assert_array_equal(
        strict.decision_function(X), lenient.decision_function(X)
    )


def test_an_unknown_category_in_the_validation_sample(make_model, mixed_events):
    X, y, w = mixed_events
    options = {"categorical_features": ["channel"], "max_epochs": 1}
    valid = X[100:].assign(channel="jet"), y[100:], w[100:]
    with pytest.raises(ValueError, match=r"got \['jet'\]"):
        make_model(**options).fit(X[:100], y[:100], w[:100], *valid)
    model = make_model(handle_unknown="mean", **options)
    model.fit(X[:100], y[:100], w[:100], *valid)
    balanced = np.where(valid[1] == "s", 1.0, -1.0)
    loss = np.logaddexp(0.0, -balanced * model.decision_function(valid[0]))
    by_class = [
        np.average(loss[m], weights=w[100:][m]) for m in (balanced > 0, balanced < 0)
    ]
    assert model.best_loss_[0] == pytest.approx(np.mean(by_class), rel=1e-5)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_integers_are_positions_also_where_columns_have_integer_names(table):
    frame, y = table
    named = frame[["number", "x", "jets"]].set_axis([2, 1, 0], axis=1)
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=1,
        numeric_embedding=None,
        categorical_features=[2],
        stratify=[2],
        validation_fraction=0.5,
        feature_groups=FeatureSplit([2], width=2),
        random_state=0,
    ).fit(named, y)
    assert model.encoder_.categories_[0].tolist() == [0.0, 1.0]  # and nan
    assert model.net_.module_.split.layout.wide == (2, 3)  # embedded in two numbers
    with pytest.raises(ValueError, match="`stratify` must name columns of few values"):
        model.set_params(stratify=[0]).fit(named, y)
