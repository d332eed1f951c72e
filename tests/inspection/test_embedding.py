import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.inspection import EmbeddingDisplay


@pytest.fixture(scope="module")
def fitted():
    """Two members that embed numbers of jets, some undefined, and a kind."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "mass": rng.normal(size=200),
            "jets": rng.integers(0, 4, size=200).astype(float),
            "kind": pd.Categorical(rng.choice(["e", "mu"], size=200)),
        }
    )
    X.loc[:20, "jets"] = np.nan
    y = np.where(rng.random(200) < 0.5, "s", "b")
    model = WeightedDNNClassifier(
        n_members=2,
        n_layers=1,
        width=4,
        max_epochs=1,
        validation_fraction=None,
        categorical_features=["jets", "kind"],
        random_state=0,
    )
    return model.fit(X, y), X, y


def test_numbers_of_all_members(fitted):
    model, _, _ = fitted
    display = EmbeddingDisplay.from_estimator(model, "jets")
    assert display.categories == ["0", "1", "2", "3", "undefined"]
    assert display.column == "jets"
    table = model.net_.module_.embeddings[0].detach().numpy()
    np.testing.assert_array_equal(display.embedding, table)
    np.testing.assert_array_equal(display.image_.get_array(), np.hstack(list(table)))
    ax = display.ax_
    assert [label.get_text() for label in ax.get_yticklabels()] == display.categories
    assert ax.get_ylabel() == "jets"
    assert {"member 0", "member 1"} <= {text.get_text() for text in ax.texts}
    low, high = display.image_.get_clim()
    assert -low == high == np.abs(table).max()
    assert display.points_ is None


def test_points_keep_the_distances_of_two_components():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(5, 2))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2]
    display = EmbeddingDisplay(
        embedding=(plane @ rotation)[np.newaxis] + 7.0,
        categories=list("abcde"),
        column="kind",
    ).plot(kind="points", color="red")
    points = np.column_stack(display.points_.get_data())
    for i in range(5):
        np.testing.assert_allclose(
            np.linalg.norm(points - points[i], axis=1),
            np.linalg.norm(plane - plane[i], axis=1),
        )
    assert [text.get_text() for text in display.ax_.texts] == list("abcde")
    assert display.points_.get_color() == "red"
    assert display.image_ is None
    assert "first principal component" in display.ax_.get_xlabel()


def test_one_component_and_equal_vectors():
    embedding = np.array([[[1.0], [3.0]]])
    line = EmbeddingDisplay(embedding=embedding, categories=["e", "mu"], column="k")
    x, y = line.plot(kind="points").points_.get_data()
    assert abs(x[0] - x[1]) == pytest.approx(2.0)
    np.testing.assert_array_equal(y, 0.0)
    same = EmbeddingDisplay(
        embedding=np.ones((1, 2, 2)), categories=["e", "mu"], column="k"
    )
    np.testing.assert_allclose(same.plot(kind="points").points_.get_data(), 0.0)


def test_pipelines_positions_arrays_and_axes(fitted):
    model, X, y = fitted
    _, ax = plt.subplots()
    pipeline = make_pipeline(FunctionTransformer(), model)
    pipeline[0].fit(X)
    display = EmbeddingDisplay.from_estimator(
        pipeline, 2, kind="points", member=1, ax=ax
    )
    assert display.ax_ is ax
    assert display.categories == ["e", "mu"]
    assert ax.get_title() == "kind, member 1"
    nested = make_pipeline("passthrough", pipeline)
    assert EmbeddingDisplay.from_estimator(nested, 2).column == "kind"
    params = {**model.get_params(), "categorical_features": [1], "n_members": 1}
    of_array = WeightedDNNClassifier(**params).fit(X[["mass", "jets"]].to_numpy(), y)
    display = EmbeddingDisplay.from_estimator(of_array)
    assert display.column == "x1"
    assert not any("member" in text.get_text() for text in display.ax_.texts)


def test_an_integer_is_a_position_where_columns_have_integer_names(fitted):
    model, X, y = fitted
    params = {**model.get_params(), "categorical_features": [1, 2], "n_members": 1}
    frame = X[["mass", "jets", "jets"]].set_axis([2, 1, 0], axis=1)
    frame[0] = frame[0] % 2  # two categories and undefined ones
    of_frame = WeightedDNNClassifier(**params).fit(frame, y)
    display = EmbeddingDisplay.from_estimator(of_frame, 2)
    assert (display.column, len(display.categories)) == ("x2", 3)
    with pytest.raises(ValueError, match=r"\['x1', 'x2'\], got 0\. Name one"):
        EmbeddingDisplay.from_estimator(of_frame, 0)


def test_errors(fitted):
    model, X, y = fitted
    with pytest.raises(ValueError, match=r"\['jets', 'kind'\], got 'mass'\. Name one"):
        EmbeddingDisplay.from_estimator(model, "mass")
    with pytest.raises(ValueError, match=r"`column` must be columns of .* got 'phi'"):
        EmbeddingDisplay.from_estimator(model, "phi")
    with pytest.raises(TypeError, match=r"`column` must be names or .*, got True"):
        EmbeddingDisplay.from_estimator(model, True)
    with pytest.raises(ValueError, match=r"got None\. Name one"):
        EmbeddingDisplay.from_estimator(model)
    with pytest.raises(ValueError, match=r"`kind` must be one of .*, got 'tsne'\."):
        EmbeddingDisplay.from_estimator(model, "jets", kind="tsne")
    with pytest.raises(ValueError, match=r"`member` must be from 0 to 1, got 2\."):
        EmbeddingDisplay.from_estimator(model, "jets", kind="points", member=2)
    other = LogisticRegression().fit(X[["mass"]], y)
    with pytest.raises(TypeError, match=r"embeds categories, got LogisticRegression"):
        EmbeddingDisplay.from_estimator(other)
    assert plt.get_fignums() == []
