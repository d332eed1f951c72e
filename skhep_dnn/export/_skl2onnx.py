"""Converters for skl2onnx: what it does not know of a pipeline, and what it gets wrong.

A converter turns the classifier into a program by the same rules as `to_onnx`, and adds
the nodes of that to the graph which skl2onnx is making.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.pipeline import Pipeline

from skhep_dnn._optional import import_optional
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.cuts import cut_label, is_selected, signal_score
from skhep_dnn.export._lowering.lowering import (
    Column,
    Lowering,
    MadeColumn,
    Scores,
    Table,
)
from skhep_dnn.export._lowering.rules import SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._program.in_onnx import OPSET, TREE_OPSET, OnnxGraph, onnx_dtype
from skhep_dnn.export._program.program import DType, Program, Value
from skhep_dnn.model_selection import OptunaSearchCV, SignificanceThresholdClassifier
from skhep_dnn.pipeline import WeightedPipeline

__all__ = ["register_skl2onnx_converters"]

OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [False],
}
# Kinds of columns that skl2onnx has, and the numbers that they are.
KINDS: dict[str, DType] = {
    "FloatTensorType": "float32",
    "DoubleTensorType": "float64",
    "Int64TensorType": "int64",
    "BooleanTensorType": "bool",
}
# Classifiers of others whose converters fail or are not there: their modules and names.
OF_BOOSTERS = (
    ("lightgbm.sklearn", "LGBMClassifier"),
    ("xgboost.sklearn", "XGBClassifier"),
)


def register_skl2onnx_converters() -> None:
    """Let skl2onnx convert the classifiers and transformers of this package.

    Afterwards ``skl2onnx.to_onnx`` takes pipelines and blends that hold them beside any
    step that skl2onnx knows itself. It also gets converters for
    `HistGradientBoostingClassifier`, whose own one fails with current versions of
    scikit-learn, for `VotingClassifier`, whose own one knows other parameters alone,
    and for the classifiers of LightGBM and XGBoost, if they have been imported.

    Raises
    ------
    ImportError
        If skl2onnx is not installed: it comes with the extra "onnx".

    See Also
    --------
    to_onnx : Needs no skl2onnx, keeps event numbers, and tests what it writes.

    Notes
    -----
    The graph needs opset 17 and version 3 of ai.onnx.ml: pass ``target_opset={"": 17,
    "ai.onnx.ml": 3}``. Numbers come in as the kinds that skl2onnx is told: trees
    compare double precision, so events of float64 belong into a `DoubleTensorType`, as
    ``skl2onnx.to_onnx(model, X[:1])`` takes them. Event numbers must come in as int64.

    Nothing is compared with Python: compare some events yourself.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import Binarizer
    >>> from skhep_dnn.export import register_skl2onnx_converters
    >>> import skl2onnx
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = (X[:, 0] > 0.0).astype(int)
    >>> trees = HistGradientBoostingClassifier(max_iter=5)
    >>> model = make_pipeline(Binarizer(), trees).fit(X, y)
    >>> register_skl2onnx_converters()
    >>> onnx_model = skl2onnx.to_onnx(
    ...     model, X[:1], target_opset={"": 17, "ai.onnx.ml": 3}
    ... )
    >>> [output.name for output in onnx_model.graph.output]
    ['output_label', 'output_probability']
    """
    skl2onnx = import_optional("skl2onnx", "register converters", "onnx")
    own = {*_classes_of_package(SCORE_RULES)} - {OptunaSearchCV, WeightedPipeline}
    boosters = [
        getattr(sys.modules[module], name)
        for module, name in OF_BOOSTERS
        if module in sys.modules
    ]
    for kind in (*own, HistGradientBoostingClassifier, *boosters):
        skl2onnx.update_registered_converter(
            kind,
            f"SkhepDnn{kind.__name__}",
            _set_classifier_shapes,
            _convert_classifier,
            options=OPTIONS | _scores_option(kind),
        )
    for kind in {*_classes_of_package(TRANSFORM_RULES)} - {WeightedPipeline}:
        skl2onnx.update_registered_converter(
            kind,
            f"SkhepDnn{kind.__name__}",
            _set_transformer_shapes,
            _convert_transformer,
        )
    skl2onnx.update_registered_converter(
        VotingClassifier,
        "SkhepDnnVotingClassifier",
        _set_classifier_shapes,
        _convert_voting,
        options=OPTIONS,
    )
    _register_wrappers(skl2onnx)


def _scores_option(kind: type) -> dict[str, list[bool]]:
    """Return the option by which skl2onnx asks for the decision function."""
    if hasattr(kind, "decision_function"):
        return {"raw_scores": [True, False]}
    return {}


def _classes_of_package(rules: Any) -> list[type]:
    """Return the classes of this package that have rules."""
    found = []
    for name in rules:
        module, _, kind = name.rpartition(".")
        if name.startswith("skhep_dnn."):
            found.append(getattr(import_module(module), kind))
    return found


def _register_wrappers(skl2onnx: Any) -> None:
    """Let pipelines and searches of this package be read as those of scikit-learn."""
    parsing = import_module("skl2onnx._parse")
    supported = import_module("skl2onnx._supported_operators")
    names = supported.sklearn_operator_name_map
    names[WeightedPipeline] = names[Pipeline]
    parser = parsing.sklearn_parsers_map[Pipeline]
    skl2onnx.update_registered_parser(WeightedPipeline, parser)

    def parse_search(
        scope: Any, model: Any, inputs: Any, custom_parsers: Any = None
    ) -> Any:
        best = model.best_estimator_
        scope.add_options(id(best), scope.get_options(model, {"zipmap": True}))
        return parsing.parse_sklearn(scope, best, inputs, custom_parsers=custom_parsers)

    skl2onnx.update_registered_converter(
        OptunaSearchCV,
        "SkhepDnnOptunaSearchCV",
        _set_classifier_shapes,
        _convert_classifier,
        parser=parse_search,
        options=OPTIONS,
    )


# What comes in


@dataclass(frozen=True)
class _WholeColumn:
    """A column of whole numbers of 64 bits."""

    whole: Value
    exact: bool = True

    @property
    def dtype(self) -> DType:
        """Kind of its numbers, as scikit-learn has them."""
        return "float64"

    @property
    def number(self) -> Value:
        """Its value, as a number."""
        return self.whole.program.cast(self.whole, "float64")

    def whole_number(self, purpose: str) -> Value:  # noqa: ARG002 - as of the others
        """Return its value."""
        return self.whole

    def code(self, categories: list[Any]) -> Value:
        """Refuse categories that are no numbers."""
        return MadeColumn(self.number).code(categories)


@dataclass(frozen=True)
class _TextColumn:
    """A column of texts.

    Attributes
    ----------
    coming : _Coming
        Where it comes in.
    tensor : str
        Name of its tensor, of shape (n_events, size).
    place : int
        Which column of that it is.
    """

    coming: _Coming
    tensor: str
    place: int
    exact: bool = True

    @property
    def dtype(self) -> DType:
        """Kind of numbers; there are none."""
        return "float64"

    @property
    def number(self) -> Value:
        """Refuse to take a text for a number."""
        msg = (
            "Columns that are used as numbers must come in as numbers, got texts. "
            "Convert them to numbers, or take `to_onnx`."
        )
        raise ExportError(msg)

    def whole_number(self, purpose: str) -> Value:  # noqa: ARG002 - as of the others
        """Refuse to take a text for a number."""
        return self.number

    def code(self, categories: list[Any]) -> Value:
        """Return the position of its value among categories."""
        return self.coming.code(self.tensor, self.place, categories)


class _Coming:
    """The table of an operator of skl2onnx, and the program that starts from it."""

    def __init__(self, operator: Any) -> None:
        self.program = Program("operator")
        self.codes: dict[str, tuple[str, int, list[Any]]] = {}
        columns: list[Any] = []
        for variable in operator.inputs:
            columns += self._columns(variable)
        names = getattr(operator.raw_operator, "feature_names_in_", None)
        if names is not None and len(names) != len(columns):
            names = None
        known: tuple[Column, ...] = tuple(columns)
        self.table = Table(
            self.program, known, None if names is None else tuple(map(str, names))
        )

    def _columns(self, variable: Any) -> list[Any]:
        kind, size = type(variable.type).__name__, int(variable.type.shape[1])
        name = variable.onnx_name
        if kind == "StringTensorType":
            return [_TextColumn(self, name, i) for i in range(size)]
        if kind not in KINDS:
            msg = (
                f"Columns must come in as one of {', '.join(KINDS)} or "
                f"StringTensorType, got {kind}. Pass such `initial_types`."
            )
            raise ExportError(msg)
        value = self.program.input(name, size, KINDS[kind])
        if kind == "Int64TensorType":
            return [_WholeColumn(value[i]) for i in range(size)]
        if kind == "BooleanTensorType":
            value = self.program.cast(value, "float32")
        exact = bool(variable.is_fed)  # nothing of skl2onnx stands before it
        return [MadeColumn(value[i], exact) for i in range(size)]

    def code(self, tensor: str, place: int, categories: list[Any]) -> Value:
        """Return an input that a node before the program makes of texts."""
        name = f"{tensor}_code_{place}"
        if name not in self.codes:
            self.codes[name] = (tensor, place, categories)
            self.program.input(name, 1, "int64")
        if self.codes[name][2] != categories:
            msg = (
                "Categories of a column must be the same in all models of one "
                "classifier, got two lists. Train them on events of all categories."
            )
            raise ExportError(msg)
        return self.program.inputs[name]


# Shapes, which skl2onnx wants to know before anything is converted


def _set_classifier_shapes(operator: Any) -> None:
    types = import_module("skl2onnx.common.data_types")
    n_events = operator.inputs[0].get_first_dimension()
    labels = np.asarray(operator.raw_operator.classes_)
    kind = types.Int64TensorType if _are_whole(labels) else types.StringTensorType
    operator.outputs[0].set_type(kind([n_events]))
    operator.outputs[1].type.shape = [n_events, len(labels)]


def _set_transformer_shapes(operator: Any) -> None:
    n_events = operator.inputs[0].get_first_dimension()
    table = _transformed(_Coming(operator), operator.raw_operator)
    operator.outputs[0].type.shape = [n_events, len(table.columns)]


def _are_whole(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind in "biuf"  # of numbers, scikit-learn takes whole ones


# Converters


def _lowering() -> Lowering:
    return Lowering(SCORE_RULES, TRANSFORM_RULES)


def _transformed(coming: _Coming, step: Any) -> Table:
    return _lowering().transformed(step, coming.table)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    coming, model = _Coming(operator), operator.raw_operator
    program = coming.program
    scores = _lowering().scores(model, coming.table)
    program.outputs["label"] = _label(model, scores)
    kind = _kind_of(operator.outputs[1])
    options = scope.get_options(model, {"raw_scores": False}, fail=False)
    answer = scores.probability
    if options["raw_scores"]:
        answer = scores.decision
        if answer.size == 1:  # skl2onnx wants one column for each class
            answer = program.concatenate([-answer, answer])
    program.outputs["probability"] = program.cast(answer, kind)
    label_name, probability = _add(scope, container, coming)
    _name(container, probability, operator.outputs[1])
    _add_labels(scope, container, model, label_name, operator.outputs[0])


def _label(model: Any, scores: Scores) -> Value:
    """Return the position of the most probable class, or of that which a cut allows."""
    probability = scores.probability
    program = probability.program
    if not isinstance(model, SignificanceThresholdClassifier):
        return program.argmax(probability)
    is_signal = np.isin(model.classes_, model._signal)
    score = signal_score(model, scores)
    selected = is_selected(score, float(model.best_threshold_))
    return cut_label(scores, is_signal, selected, model._response)


def _convert_transformer(scope: Any, operator: Any, container: Any) -> None:
    coming = _Coming(operator)
    table = _transformed(coming, operator.raw_operator)
    kind = _kind_of(operator.outputs[0])
    coming.program.outputs["columns"] = table.vector(kind)
    (name,) = _add(scope, container, coming)
    _name(container, name, operator.outputs[0])


def _kind_of(variable: Any) -> DType:
    return KINDS[type(variable.type).__name__]


def _add(scope: Any, container: Any, coming: _Coming) -> list[str]:
    """Add the nodes of a program to a graph, and return the names of its outputs."""
    helper = import_optional("onnx.helper", "convert a classifier", "onnx")
    _check_opsets(container)
    for name, (tensor, place, categories) in coming.codes.items():
        _add_code(scope, container, (name, tensor, place), categories)
    graph = OnnxGraph(coming.program.simplify())
    new: dict[str, str] = {}

    def renamed(name: str) -> str:
        if name in coming.program.inputs:
            return name
        if name not in new:
            new[name] = scope.get_unique_variable_name(f"skhep_dnn_{name}")
        return new[name]

    for tensor in graph.initializers:
        container.add_initializer(renamed(tensor.name), None, None, tensor)
    for node in graph.nodes:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        container.add_node(
            node.op_type,
            [renamed(name) for name in node.input],
            [renamed(name) for name in node.output],
            op_domain=node.domain,
            op_version=TREE_OPSET if node.domain else OPSET,
            name=scope.get_unique_operator_name(f"skhep_dnn_{node.op_type}"),
            **attributes,
        )
    return [renamed(name) for name in graph.outputs.values()]


def _check_opsets(container: Any) -> None:
    found = (
        container.target_opset_any_domain(""),
        container.target_opset_any_domain("ai.onnx.ml"),
    )
    if found != (OPSET, TREE_OPSET):
        msg = (
            f"`target_opset` must be {{'': {OPSET}, 'ai.onnx.ml': {TREE_OPSET}}}, got "
            f"{found[0]} and {found[1]}. Pass these to skl2onnx."
        )
        raise ExportError(msg)


def _add_code(
    scope: Any,
    container: Any,
    where: tuple[str, str, int],
    categories: Sequence[Any],
) -> None:
    """Add the position of texts among categories; that of missing ones is of ''."""
    name, tensor, place = where
    column = scope.get_unique_variable_name(f"{tensor}_column")
    index = scope.get_unique_variable_name("skhep_dnn_place")
    container.add_initializer(index, onnx_dtype("int64"), [1], [place])
    container.add_node(
        "Gather",
        [tensor, index],
        [column],
        op_version=OPSET,
        name=scope.get_unique_operator_name("skhep_dnn_Gather"),
        axis=1,
    )
    container.add_node(
        "LabelEncoder",
        [column],
        [name],
        op_domain="ai.onnx.ml",
        op_version=2,
        name=scope.get_unique_operator_name("skhep_dnn_LabelEncoder"),
        keys_strings=["" if c is None else str(c) for c in categories],
        values_int64s=list(range(len(categories))),
        default_int64=len(categories),
    )


def _name(container: Any, name: str, variable: Any) -> None:
    container.add_node(
        "Identity",
        [name],
        [variable.full_name],
        op_version=16,
        name=f"{variable.full_name}_identity",
    )


def _add_labels(
    scope: Any, container: Any, model: Any, position: str, variable: Any
) -> None:
    """Add the label at a position among the classes, of shape (n_events,)."""
    proto = import_optional("onnx", "convert a classifier", "onnx").TensorProto
    labels = np.asarray(model.classes_)
    if _are_whole(labels):
        kind, values = proto.INT64, labels.astype(np.int64).tolist()
    else:
        kind, values = proto.STRING, [str(label).encode() for label in labels]
    known = scope.get_unique_variable_name("skhep_dnn_classes")
    container.add_initializer(known, kind, [len(labels)], values)
    flat = scope.get_unique_variable_name("skhep_dnn_flat")
    container.add_initializer(flat, proto.INT64, [1], [-1])
    row = scope.get_unique_variable_name("skhep_dnn_position")
    steps: list[tuple[str, list[str], str]] = [
        ("Reshape", [position, flat], row),
        ("Gather", [known, row], variable.full_name),
    ]
    for operator, inputs, output in steps:
        container.add_node(
            operator,
            inputs,
            [output],
            op_version=13,
            name=scope.get_unique_operator_name(f"skhep_dnn_{operator}"),
        )


def _convert_voting(scope: Any, operator: Any, container: Any) -> None:
    """Convert a `VotingClassifier` of which skl2onnx converts the parts."""
    model = operator.raw_operator
    if model.voting != "soft":
        msg = (
            f"`voting` of VotingClassifier must be 'soft', got {model.voting!r}. Votes "
            "are no probabilities: fit it with voting='soft'."
        )
        raise ExportError(msg)
    supported = import_module("skl2onnx._supported_operators")
    types = import_module("skl2onnx.common.data_types")
    kind = _kind_of(operator.outputs[1])
    weights = model._weights_not_none
    weights = np.ones(len(model.estimators_)) if weights is None else weights
    shares = np.array(weights) / np.sum(weights)
    parts = []
    for estimator, weight in zip(model.estimators_, shares, strict=True):
        alias = supported._get_sklearn_operator_name(type(estimator))
        part = scope.declare_local_operator(alias, estimator)
        part.inputs = operator.inputs
        label = scope.declare_local_variable("vote", types.Int64TensorType())
        probability = scope.declare_local_variable(
            "share", type(operator.outputs[1].type)()
        )
        part.outputs += [label, probability]
        share = scope.get_unique_variable_name("skhep_dnn_weight")
        container.add_initializer(share, onnx_dtype(kind), [1], [float(weight)])
        parts.append(scope.get_unique_variable_name("skhep_dnn_share"))
        container.add_node(
            "Mul",
            [probability.onnx_name, share],
            [parts[-1]],
            op_version=14,
            name=scope.get_unique_operator_name("skhep_dnn_Mul"),
        )
    total = operator.outputs[1].full_name
    position = scope.get_unique_variable_name("skhep_dnn_argmax")
    nodes: list[tuple[str, list[str], str, dict[str, int]]] = [
        ("Sum", parts, total, {}),
        ("ArgMax", [total], position, {"axis": 1}),
    ]
    for name, inputs, output, attributes in nodes:
        container.add_node(
            name,
            inputs,
            [output],
            op_version=13,
            name=scope.get_unique_operator_name(f"skhep_dnn_{name}"),
            **attributes,
        )
    _add_labels(scope, container, model, position, operator.outputs[0])
