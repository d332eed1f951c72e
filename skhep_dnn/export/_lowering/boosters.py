"""Trees of LightGBM and XGBoost, from the models that they write themselves.

Neither library is imported: who has such a model has imported it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import Lowering, MadeColumn, Scores, Table
from skhep_dnn.export._lowering.tree_building import BETWEEN, TreeBuilder, TreeColumns
from skhep_dnn.export._lowering.trees import of_raw_scores
from skhep_dnn.export._program.program import Value

__all__ = ["lightgbm_scores", "xgboost_scores"]

LIGHTGBM_ZERO = float(np.float32(1e-35))  # its kZeroThreshold


def lightgbm_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `LGBMClassifier` says of an event."""
    dump = model.booster_.dump_model()
    objective, _, options = dump["objective"].partition(" ")
    if objective not in ("binary", "multiclass", "multiclassova"):
        msg = (
            "The `objective` of LGBMClassifier must be 'binary', 'multiclass' or "
            f"'multiclassova', got {objective!r}. Fit it with one of these."
        )
        raise ExportError(msg)
    columns = TreeColumns(table)
    kinds = _lightgbm_categories(dump, columns)
    n_outputs = dump["num_tree_per_iteration"]
    trees = dump["tree_info"]
    factor = 1.0
    if dump["average_output"]:
        factor = n_outputs / max(len(trees), 1)
    builder = TreeBuilder(np.zeros(n_outputs))
    for i, tree in enumerate(trees):
        nodes = list(_lightgbm_nodes(tree["tree_structure"]))
        _add_lightgbm_tree(builder, columns, kinds, i % n_outputs, nodes, factor)
    raw = table.program.trees(columns.vector(), builder.ensemble())
    if objective == "multiclass":
        return of_raw_scores(lowering, raw)
    found = re.search(r"sigmoid:(\S+)", options)
    raw = table.program.cast(raw, lowering.wide)
    logit = raw * float(found.group(1)) if found else raw
    # Its decision function is without the factor.
    if objective == "binary":
        return Scores(lowering.of_logit(logit).probability, raw)
    # Each class against the rest; LightGBM does not divide by the sum.
    return Scores(table.program.sigmoid(logit), raw)


def _lightgbm_nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes of a tree, each before those below it."""
    stack = [node]
    while stack:
        found = stack.pop()
        yield found
        if "split_feature" in found:
            stack += [found["right_child"], found["left_child"]]


def _lightgbm_categories(
    dump: Mapping[str, Any], columns: TreeColumns
) -> dict[int, NDArray[Any]]:
    """Return the categories of categorical columns, by position.

    Those of a column of categories of pandas are its own, else whole numbers.
    """
    infos = [dump["feature_infos"].get(name, {}) for name in dump["feature_names"]]
    codes = {i: info["values"] for i, info in enumerate(infos) if info.get("values")}
    own = dump["pandas_categorical"] or []
    if own and len(own) != len(codes):
        msg = (
            "Each column of categories of pandas must be one that LGBMClassifier took "
            f"for categorical, got {len(own)} such columns, of which it took "
            f"{len(codes)}. Leave out constant columns, and code ordered categories as "
            "numbers."
        )
        raise ExportError(msg)
    categories = {}
    for k, (column, values) in enumerate(codes.items()):
        known = np.arange(max(values) + 1)
        kept = np.asarray(own[k]) if own else known
        if own and len(kept) > len(known):
            known = np.arange(len(kept))
        whole = None if own else _without_fraction(columns, column)
        columns.set_categories(column, kept, known.tolist(), whole)
        categories[column] = kept
    return categories


def _without_fraction(columns: TreeColumns, column: int) -> MadeColumn:
    """Return a column of codes, whose fractions LightGBM cuts off."""
    x, program = columns.number(column), columns.table.program
    return MadeColumn(program.where(x < 0.0, -program.floor(-x), program.floor(x)))


def _add_lightgbm_tree(
    builder: TreeBuilder,
    columns: TreeColumns,
    categories: Mapping[int, NDArray[Any]],
    output: int,
    nodes: Sequence[Mapping[str, Any]],
    factor: float,
) -> None:
    numbers = {id(node): i for i, node in enumerate(nodes)}
    features, thresholds, missing_left, values, left, right = ([] for _ in range(6))
    for node in nodes:
        is_leaf = "split_feature" not in node
        if "leaf_coeff" in node:
            msg = (
                "Leaves of LGBMClassifier must be numbers, got linear models. Fit it "
                "with linear_tree=False."
            )
            raise ExportError(msg)
        values.append(node["leaf_value"] * factor if is_leaf else 0.0)
        left.append(0 if is_leaf else numbers[id(node["left_child"])])
        right.append(0 if is_leaf else numbers[id(node["right_child"])])
        split = (-1, 0.0, False)
        if not is_leaf:
            split = _lightgbm_split(columns, categories, node)
        features.append(split[0])
        thresholds.append(split[1])
        missing_left.append(split[2])
    builder.add(
        output,
        features=features,
        thresholds=thresholds,
        left=left,
        right=right,
        missing_left=missing_left,
        values=values,
    )


def _lightgbm_split(
    columns: TreeColumns,
    categories: Mapping[int, NDArray[Any]],
    node: Mapping[str, Any],
) -> tuple[int, float, bool]:
    """Return the place of the column, the threshold, and where undefined values go."""
    column = node["split_feature"]
    if node["decision_type"] == "==":
        members = [int(code) for code in node["threshold"].split("||")]
        members = [code for code in members if code < len(categories[column])]
        return columns.place_of_set(column, members), BETWEEN, False
    threshold = node["threshold"]
    if threshold == -LIGHTGBM_ZERO:  # it counts as zero, which goes right
        threshold = np.nextafter(threshold, -np.inf)
    if node["missing_type"] == "None":  # nan counts as 0
        return columns.place(column), threshold, threshold >= 0.0
    if node["missing_type"] == "NaN":
        return columns.place(column), threshold, node["default_left"]

    def without_zeros() -> Value:
        x, p = columns.number(column), columns.table.program
        is_zero = ~(p.elementwise("absolute", x) > LIGHTGBM_ZERO)
        return p.where(is_zero, np.nan, x)

    place = columns.made(("zeros undefined", column), without_zeros)
    return place, threshold, node["default_left"]


def xgboost_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `XGBClassifier` says of an event."""
    program = table.program
    booster = model.get_booster()
    learner = json.loads(booster.save_raw("json"))["learner"]
    objective = learner["objective"]["name"]
    if objective not in ("binary:logistic", "multi:softprob"):
        msg = (
            "The `objective` of XGBClassifier must be 'binary:logistic' or "
            f"'multi:softprob', got {objective!r}. Fit it with one of these."
        )
        raise ExportError(msg)
    gradient_booster = learner["gradient_booster"]
    if gradient_booster["name"] != "gbtree":
        msg = (
            "The `booster` of XGBClassifier must be 'gbtree', got "
            f"{gradient_booster['name']!r}. Fit it with this one."
        )
        raise ExportError(msg)
    trees = gradient_booster["model"]
    n_trees = len(trees["trees"])
    best = booster.attributes().get("best_iteration")
    if best is not None:  # of a training that was stopped early
        n_trees = trees["iteration_indptr"][int(best) + 1]
    columns = _XGBoostColumns(table, model.missing, trees["trees"])
    builder = TreeBuilder(_xgboost_start(learner["learner_model_param"], objective))
    for tree, output in zip(trees["trees"][:n_trees], trees["tree_info"], strict=False):
        _add_xgboost_tree(builder, columns, output, tree)
    return of_raw_scores(lowering, program.trees(columns.vector(), builder.ensemble()))


class _XGBoostColumns(TreeColumns):
    """Columns rounded to float32, with values that stand for undefined ones."""

    def __init__(
        self, table: Table, missing: float, trees: Sequence[Mapping[str, Any]]
    ) -> None:
        super().__init__(table, "float32")
        self.missing = missing
        # How far down thresholds are moved, which are values of events of the fit.
        # Numbers of double precision that differ by rounding are equal as float32.
        self.rooms: dict[int, Callable[[Any], Any]] = {}
        for column, known in enumerate(table.columns):
            if known.dtype == "float32" and not known.exact:
                found = [_xgboost_thresholds(tree, column) for tree in trees]
                self.rooms[column] = self.room(column, np.concatenate(found))

    def number(self, column: int) -> Value:
        x = super().number(column)
        if np.isnan(self.missing):
            return x
        program = self.table.program
        return program.where(
            program.equal(x, float(np.float32(self.missing))), np.nan, x
        )


def _xgboost_start(parameters: Mapping[str, str], objective: str) -> NDArray[Any]:
    """Return what the leaves are added to."""
    base = np.atleast_1d(np.array(json.loads(parameters["base_score"]), dtype=float))
    if objective == "binary:logistic":
        return np.log(base) - np.log1p(-base)
    return np.broadcast_to(base, int(parameters["num_class"])).copy()


def _xgboost_thresholds(tree: Mapping[str, Any], column: int) -> NDArray[Any]:
    is_split = np.array(tree["left_children"]) >= 0
    of_column = np.array(tree["split_indices"]) == column
    return np.array(tree["split_conditions"])[is_split & of_column]


def _add_xgboost_tree(
    builder: TreeBuilder, columns: _XGBoostColumns, output: int, tree: Mapping[str, Any]
) -> None:
    if any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1:
        msg = (
            "Trees of XGBClassifier must split numbers and have one number a leaf, got "
            "others. Code categories as numbers, and fit one tree to each class."
        )
        raise ExportError(msg)
    left = np.array(tree["left_children"])
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    features = [
        -1 if below < 0 else columns.place(f)
        for below, f in zip(left, tree["split_indices"], strict=True)
    ]
    lower = conditions.copy()
    for column, room in columns.rooms.items():
        of_column = np.array(tree["split_indices"]) == column
        lower = np.where(of_column, lower - room(lower).astype(np.float32), lower)
    # It goes left where x < threshold: of float32 numbers, up to the one before it.
    builder.add(
        output,
        features=features,
        thresholds=np.nextafter(lower, np.float32(-np.inf)),
        left=left,
        right=tree["right_children"],
        missing_left=np.array(tree["default_left"], dtype=bool),
        values=conditions,
    )
