"""Trees of scikit-learn: gradient boosting, forests and single trees.

Each becomes one sum of leaves. Values are compared to thresholds in double precision;
those of forests are rounded to float32 before, as scikit-learn does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import Lowering, Scores, Table
from skhep_dnn.export._lowering.tree_building import BETWEEN, TreeBuilder, TreeColumns
from skhep_dnn.export._program.program import Value

__all__ = [
    "forest_scores",
    "gradient_boosting_scores",
    "hist_gradient_boosting_scores",
    "of_raw_scores",
    "tree_scores",
]


def hist_gradient_boosting_scores(
    lowering: Lowering, model: Any, table: Table
) -> Scores:
    """Return what a fitted `HistGradientBoostingClassifier` says of an event."""
    columns = TreeColumns(table)
    is_categorical = model.is_categorical_
    if is_categorical is None:
        order = np.arange(len(table.columns))
    else:
        # It puts the categorical columns first.
        order = np.concatenate(
            [np.flatnonzero(is_categorical), np.flatnonzero(~is_categorical)]
        )
        encoder = model._preprocessor.named_transformers_["encoder"]
        for column, categories in zip(order, encoder.categories_, strict=False):
            known = np.flatnonzero(~pd.isna(categories))
            columns.set_categories(int(column), categories, known.tolist())
    builder = TreeBuilder(np.ravel(model._baseline_prediction))
    rooms = _rooms(columns, order, model)
    for iteration in model._predictors:
        for k, tree in enumerate(iteration):
            _add_histogram_tree(builder, columns, order, (k, tree, rooms))
    raw = table.program.trees(columns.vector(), builder.ensemble())
    return of_raw_scores(lowering, raw)


def _rooms(
    columns: TreeColumns, order: NDArray[np.intp], model: Any
) -> dict[int, Callable[[Any], Any]]:
    """Return how far up thresholds are moved, which are values of events of the fit."""
    nodes = [tree.nodes for iteration in model._predictors for tree in iteration]
    every = np.concatenate(nodes)
    every = every[(every["is_leaf"] == 0) & (every["is_categorical"] == 0)]
    return {
        int(column): columns.room(
            int(column), every["num_threshold"][every["feature_idx"] == place]
        )
        for place, column in enumerate(order)
    }


def _add_histogram_tree(
    builder: TreeBuilder,
    columns: TreeColumns,
    order: NDArray[np.intp],
    of: tuple[int, Any, Mapping[int, Callable[[Any], Any]]],
) -> None:
    output, tree, rooms = of
    nodes = tree.nodes
    features = np.full(len(nodes), -1)
    thresholds = nodes["num_threshold"].copy()
    for i in np.flatnonzero(nodes["is_leaf"] == 0):
        column = int(order[nodes["feature_idx"][i]])
        if nodes["is_categorical"][i]:
            words = tree.raw_left_cat_bitsets[nodes["bitset_idx"][i]]
            bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
            features[i] = columns.place_of_set(column, np.flatnonzero(bits).tolist())
            thresholds[i] = BETWEEN
        else:
            features[i] = columns.place(column)
            thresholds[i] += rooms[column](thresholds[i])
    builder.add(
        output,
        features=features,
        thresholds=thresholds,
        left=nodes["left"],
        right=nodes["right"],
        missing_left=nodes["missing_go_to_left"],
        values=nodes["value"],
    )


def gradient_boosting_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `GradientBoostingClassifier` says of an event."""
    program = table.program
    columns = TreeColumns(table, "float32")
    n_outputs = model.estimators_.shape[1]
    builder = TreeBuilder(np.zeros(n_outputs))
    for iteration in model.estimators_:
        for k, tree in enumerate(iteration):
            _add_tree(builder, columns, k, tree.tree_, model.learning_rate)
    raw = program.trees(columns.vector(), builder.ensemble())
    if model.init_ != "zero":
        raw = raw + _start_of_boosting(lowering, model, table)
    if model.loss == "exponential":
        scores = lowering.of_logit(program.cast(raw, lowering.wide) * 2.0)
        return Scores(scores.probability, program.cast(raw, lowering.wide))
    return of_raw_scores(lowering, raw)


def _start_of_boosting(lowering: Lowering, model: Any, table: Table) -> Value:
    """Return the raw scores of the classifier that comes before the first tree."""
    program = table.program
    narrow = Table.of_vector(table.vector("float32"), table.names)
    first = lowering.scores(model.init_, narrow).probability
    eps = float(np.finfo(np.float64).eps)
    first = program.clip(program.cast(first, "float64"), eps, 1.0 - eps)
    logs = program.log(first)
    if model.estimators_.shape[1] > 1:
        return logs - program.sum(logs) / float(logs.size)
    logit = logs[1] - program.log(1.0 - first[1])
    return logit * (0.5 if model.loss == "exponential" else 1.0)


def forest_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted forest says of an event."""
    return _mean_of_trees(lowering, model, model.estimators_, table)


def tree_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `DecisionTreeClassifier` says of an event."""
    return _mean_of_trees(lowering, model, [model], table)


def _mean_of_trees(
    lowering: Lowering, model: Any, trees: list[Any], table: Table
) -> Scores:
    if model.n_outputs_ > 1:
        msg = (
            "The labels of the fit must be one column, got "
            f"{model.n_outputs_}. Fit one {type(model).__name__} to each."
        )
        raise ExportError(msg)
    columns = TreeColumns(table, "float32")
    builder = TreeBuilder(np.zeros(len(model.classes_)))
    for tree in trees:
        _add_tree(builder, columns, 0, tree.tree_, 1.0 / len(trees))
    means = table.program.trees(columns.vector(), builder.ensemble())
    return lowering.of_probability(table.program.cast(means, lowering.wide))


def _add_tree(
    builder: TreeBuilder, columns: TreeColumns, output: int, tree: Any, factor: float
) -> None:
    """Add a tree of Cython, whose leaves have no children (-1)."""
    is_leaf = tree.children_left < 0
    places = {f: columns.place(int(f)) for f in np.unique(tree.feature[~is_leaf])}
    features = [
        -1 if leaf else places[f] for f, leaf in zip(tree.feature, is_leaf, strict=True)
    ]
    builder.add(
        output,
        features=features,
        thresholds=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=tree.missing_go_to_left,
        values=tree.value[:, 0, :] * factor,
    )


def of_raw_scores(lowering: Lowering, raw: Value) -> Scores:
    """Return the scores of one logit, or of as many raw scores as there are classes."""
    raw = raw.program.cast(raw, lowering.wide)
    if raw.size == 1:
        return lowering.of_logit(raw)
    return Scores(lowering.softmax(raw), raw)
