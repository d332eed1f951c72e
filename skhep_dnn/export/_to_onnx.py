"""A fitted classifier as a file of ONNX, compared with it before it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._optional import import_optional
from skhep_dnn._tables import plain_table
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._agreement import SelfTest, compare
from skhep_dnn.export._exported import (
    Exported,
    FitEvents,
    check_targets,
    check_units,
    write_export,
)
from skhep_dnn.export._exported_classifier import METADATA_KEY, ExportedClassifier
from skhep_dnn.export._made_up_events import empty_table
from skhep_dnn.export._program.in_onnx import (
    IR_VERSION,
    OPSET,
    TREE_OPSET,
    OnnxGraph,
    onnx_dtype,
)
from skhep_dnn.export._program.program import Value
from skhep_dnn.export._scored_by import fold_chooser
from skhep_dnn.export._scoring_program import (
    Cut,
    Precision,
    ResponseMethod,
    ScoringProgram,
    scoring_program,
)

if TYPE_CHECKING:
    import onnx

__all__ = ["SOFIE_OPERATORS", "to_onnx"]

Profile = Literal["full", "basic"]

# What TMVA's SOFIE reads, of what is used here: tmva/sofie/README.md of ROOT, 6.36.
SOFIE_OPERATORS = (
    *("Abs", "Add", "Cast", "Concat", "Cos", "Div", "Equal", "Erf", "Exp", "Gather"),
    *("Gemm", "Greater", "Identity", "Less", "Log", "MatMul", "Max", "Min", "Mul"),
    *("Neg", "ReduceSum", "Reshape", "Sigmoid", "Sin", "Slice", "Sqrt", "Sub"),
    *("Tanh", "Where"),
)
OUTPUTS = frozenset(("decision_function", "fold", "label", "probabilities", "selected"))
_WHAT_BASIC_LACKS = {
    "TreeEnsembleRegressor": "decision trees",
    "Mod": "event numbers",
    "NonZero": "models of folds",
}


def to_onnx(
    model: Any,
    path: str | Path,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    *,
    event_number: ArrayLike | None = None,
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    sample_weight_test: ArrayLike | None = None,
    event_number_test: ArrayLike | None = None,
    threshold: float | None = None,
    response_method: ResponseMethod = "predict_proba",
    pos_label: Any = None,
    units: Mapping[str, str] | None = None,
    profile: Profile = "full",
    dtype: Precision = "auto",
    manifest: bool = True,
    overwrite: bool = False,
) -> Exported:
    """Write a fitted classifier as a file of ONNX.

    One file holds everything: filling of undefined values, scaling, embeddings, all
    members with their weights, snapshots, the mean over symmetric variants, the steps
    of a pipeline, blends of networks and trees, and the models of all folds with the
    rule that selects one by the event number. Before it is written, it is run by
    onnxruntime on 1 000 events and must agree with the classifier.

    Parameters
    ----------
    model : classifier
        Fitted; a pipeline, too. Which classes can be exported is told in the guide on
        exporting pipelines.
    path : str or Path
        The file.
    X : DataFrame or array-like of shape (n_samples, n_features), default=None
        The events of the fit, all of them in their order: the manifest tells which
        events each model has seen. Some of them test what is written. Without them
        there is no manifest, and 1 000 events are made up for the test.
    y : array-like of shape (n_samples,), default=None
        Their labels; without them the manifest has neither yields nor figures of merit.
    sample_weight : array-like of shape (n_samples,), default=None
        Their physics weights; None counts every event once.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Their event numbers, or run and event numbers, where `fit` got them beside the
        events.
    X_test, y_test, sample_weight_test, event_number_test : array-like, default=None
        A test sample in the same form, whose figures of merit the manifest tells where
        the classifier has seen all events of the fit that it scores.
    threshold : float, default=None
        The smallest score of the signal of a selected event, for the output "selected";
        None takes that of a `SignificanceThresholdClassifier`, of others there is none.
    response_method : {"predict_proba", "decision_function"}, default="predict_proba"
        Which score the threshold is one of.
    pos_label : label or list of labels, default=None
        The signal; None takes that of a `SignificanceThresholdClassifier`, of others
        the second of two classes.
    units : mapping of str to str, default=None
        Units of the columns, such as ``{"lep_pt": "GeV"}``, which are told in the file.
    profile : {"full", "basic"}, default="full"
        "full" is for onnxruntime. "basic" uses the operators of TMVA's SOFIE alone, and
        floats alone; it has one input, "events", of all columns, and of folds one file
        each, ``model_fold0.onnx``: trees and the rule of the folds are left out.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Kind of the numbers that come in. "auto" takes float32 where networks alone read
        the columns, as they do in Python, and float64 otherwise.
    manifest : bool, default=True
        Whether a manifest is written beside the file, if `X` is passed; see
        `verify_export`. Without it `X` may be any events with the columns of the fit.
    overwrite : bool, default=False
        Whether files that are there may be replaced.

    Returns
    -------
    exported : Exported
        The files, and how they compare with the classifier.

    Raises
    ------
    ImportError
        If onnx or onnxruntime is not installed: they come with the extra "onnx".
    FileExistsError
        If a file is there and `overwrite` is False.
    ValueError
        If the events are not those of the fit, or the test sample is not new.
    ExportError
        If a part of the model cannot be exported, or the file does not agree with it.

    See Also
    --------
    ExportedClassifier : Runs the file.
    verify_export : Verifies it by its manifest.
    to_cpp : A header of C++ instead.

    Notes
    -----
    IR version 8 and opset 17, and version 3 of ai.onnx.ml for trees, which runtimes
    from 2022 on read. Inputs are named as the columns, of shape ``(n_events, 1)``: as
    float32 or float64, and as int64 event numbers and codes of categories that are no
    numbers. Columns that nothing uses are left out. Outputs:

    - "probabilities", float64 of shape ``(n_events, n_classes)``,
    - "decision_function", float64 of shape ``(n_events, 1)`` or ``(n_events,
      n_classes)``, which does not saturate,
    - "label" of shape ``(n_events,)``, by the cut where there is one,
    - "fold", int64 of shape ``(n_events,)``, of models of folds,
    - "selected", bool of shape ``(n_events,)``, with a threshold.

    Last digits differ between languages: an event whose score is the threshold itself
    may fall on either side of it.

    An unknown category is an error in Python, unless it is treated as the mean; a file
    cannot raise one, and answers nan.

    The profile "basic" keeps to Abs, Add, Cast, Concat, Cos, Div, Equal, Erf, Exp,
    Gather, Gemm, Greater, Identity, Less, Log, MatMul, Max, Min, Mul, Neg, ReduceSum,
    Reshape, Sigmoid, Sin, Slice, Sqrt, Sub, Tanh and Where, all of which SOFIE has
    [1]_; a model that needs another operator is refused.

    Its metadata, under the key "skhep_dnn", is JSON: inputs with their units, classes,
    threshold, fold rule, versions, and the result of the self-test.

    References
    ----------
    .. [1] ROOT, "TMVA SOFIE", list of supported operators, tmva/sofie/README.md.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.export import to_onnx
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> model = WeightedDNNClassifier(max_epochs=2, random_state=0)
    >>> model = model.fit(events.data, events.target, events.sample_weight)
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> exported = to_onnx(
    ...     model,
    ...     folder / "model.onnx",
    ...     events.data,
    ...     events.target,
    ...     events.sample_weight,
    ... )
    >>> exported.self_test.largest_difference < 1e-5
    True
    """
    check_is_fitted(model)
    table = empty_table(model) if X is None else plain_table(X)
    cut = None if threshold is None else Cut(float(threshold), response_method)
    told = {"cut": cut, "pos_label": pos_label}
    if profile == "basic":
        parts = _single_models(model, table, Path(path))
        told |= {"dtype": "float32", "wide": "float32", "as_vector": True}
    else:
        parts = [_Part(Path(path), model, table)]
        told |= {"dtype": dtype, "event_number": event_number}
    paths = [part.path for part in parts]
    has_manifest = manifest and X is not None
    check_targets(paths, has_manifest=has_manifest, overwrite=overwrite)
    contents, tests = {}, []
    for part in parts:
        scoring = scoring_program(part.model, part.table, **told)
        contents[part.path], test = _tested(scoring, part, event_number, units, profile)
        tests.append(test)
    events = FitEvents(
        X,
        y,
        sample_weight,
        event_number,
        X_test,
        y_test,
        sample_weight_test,
        event_number_test,
    )
    return write_export(
        model,
        contents,
        max(tests, key=lambda test: test.largest_difference),
        events if has_manifest else None,
        threshold=threshold,
        response_method=response_method,
        pos_label=pos_label,
        units=units,
    )


class _Part(NamedTuple):
    """One file: its model, and events with the columns of that."""

    path: Path
    model: Any
    table: Any


def _single_models(model: Any, table: Any, path: Path) -> list[_Part]:
    """Return the models of the folds, each with a file of its own, or the model."""
    inner = fold_chooser(model, in_pipelines=False)
    if inner is None:
        return [_Part(path, model, table)]
    return [
        _Part(
            path.with_name(f"{path.stem}_fold{k}{path.suffix}"),
            one,
            inner.inputs(table) if len(table) else empty_table(one),
        )
        for k, one in enumerate(inner.estimators_)
    ]


def _tested(
    scoring: ScoringProgram,
    part: _Part,
    event_number: ArrayLike | None,
    units: Mapping[str, str] | None,
    profile: Profile,
) -> tuple[bytes, SelfTest]:
    """Return the content of the file, and how it compares with the classifier."""
    proto = _model_proto(scoring, profile)
    metadata = _metadata(scoring, part.model, units, profile)
    trial = ExportedClassifier.from_bytes(_with_metadata(proto, metadata))

    def answer(
        X: Any, numbers: ArrayLike | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
        folds = trial.fold_numbers(X, numbers) if trial.has_folds else None
        return trial.predict_proba(X, numbers), folds

    numbers = event_number if scoring.has_folds else None
    test = compare(part.model, answer, scoring.inputs, part.table, numbers)
    metadata["self_test"] = asdict(test)
    return _with_metadata(proto, metadata), test


def _model_proto(scoring: ScoringProgram, profile: Profile) -> onnx.ModelProto:
    helper = import_optional("onnx.helper", "write a file of ONNX", "onnx")
    graph = OnnxGraph(scoring.program, basic=profile == "basic")
    _check_names(scoring)
    coming = [
        helper.make_tensor_value_info(name, onnx_dtype(v.dtype), ["n_events", v.size])
        for name, v in scoring.program.inputs.items()
    ]
    going = [
        _output(graph, scoring, name, value)
        for name, value in scoring.program.outputs.items()
    ]
    domains = {node.domain for node in graph.nodes}
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "skhep_dnn", coming, going, graph.initializers),
        opset_imports=[
            helper.make_opsetid(domain, OPSET if domain == "" else TREE_OPSET)
            for domain in sorted(domains)
        ],
        producer_name="skhep_dnn",
        producer_version=version("skhep-dnn"),
    )
    proto.ir_version = IR_VERSION
    if profile == "basic":
        _check_basic(graph)
    checker = import_optional("onnx.checker", "write a file of ONNX", "onnx")
    checker.check_model(proto, full_check=True)
    return proto


def _check_names(scoring: ScoringProgram) -> None:
    """Refuse columns that are called as an output."""
    twice = sorted(OUTPUTS.intersection(scoring.program.inputs))
    if twice:
        msg = (
            f"Columns must not be called as the outputs of the file, got {twice!r}. "
            "Rename them, in the fit, too."
        )
        raise ExportError(msg)


def _output(
    graph: OnnxGraph, scoring: ScoringProgram, name: str, value: Value
) -> onnx.ValueInfoProto:
    """Write an output of the graph, and return what it is."""
    helper = import_optional("onnx.helper", "write a file of ONNX", "onnx")
    shown_as = {"probability": "probabilities", "decision": "decision_function"}
    tensor, kind = graph.outputs[name], onnx_dtype(value.dtype)
    if name in shown_as:
        graph.node("Identity", [tensor], name=shown_as[name])
        shape = ["n_events", value.size]
        return helper.make_tensor_value_info(shown_as[name], kind, shape)
    flat = graph.constant(np.array([-1]))
    if name == "label":
        labels = _labels(scoring.classes)
        kind = (
            8 if labels.dtype.kind == "O" else onnx_dtype(str(labels.dtype))
        )  # 8: text
        position = graph.node("Reshape", [tensor, flat])
        graph.node("Gather", [graph.constant(labels), position], axis=0, name="label")
    else:
        graph.node("Reshape", [tensor, flat], name=name)
    return helper.make_tensor_value_info(name, kind, ["n_events"])


def _labels(classes: Sequence[Any]) -> NDArray[Any]:
    """Return the labels as ONNX knows them: whole numbers, numbers, or texts."""
    labels = np.asarray(classes)
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        return labels.astype(np.float64)
    return np.array([str(label) for label in classes], dtype=object)


def _check_basic(graph: OnnxGraph) -> None:
    """Refuse what SOFIE cannot read."""
    used = {node.op_type for node in graph.nodes}
    unknown = sorted(used.difference(SOFIE_OPERATORS))
    if unknown:
        what = sorted({_WHAT_BASIC_LACKS.get(name, name) for name in unknown})
        msg = (
            'profile="basic" must get along with the operators of TMVA\'s SOFIE, got '
            f'{", ".join(what)}. Take profile="full", or `to_cpp`.'
        )
        raise ExportError(msg)


def _metadata(
    scoring: ScoringProgram,
    model: Any,
    units: Mapping[str, str] | None,
    profile: Profile,
) -> dict[str, Any]:
    """Return what the file says of itself."""
    given = check_units(units, [spec.name for spec in scoring.inputs])
    cut = scoring.cut
    return {
        "format": 1,
        "profile": profile,
        "model": type(model).__name__,
        "inputs": [
            {**asdict(spec), "unit": given.get(spec.name)} for spec in scoring.inputs
        ],
        "as_vector": scoring.as_vector,
        "classes": scoring.classes,
        "signal": [scoring.classes[i] for i in scoring.signal],
        "threshold": None if cut is None else cut.threshold,
        "response_method": None if cut is None else cut.response_method,
        "fold_rule": _fold_rule(model) if scoring.has_folds else None,
        "versions": {
            name: version(name)
            for name in ("skhep-dnn", "scikit-learn", "torch", "numpy", "onnx")
        },
    }


def _fold_rule(model: Any) -> dict[str, Any]:
    rule = fold_chooser(model).cv_
    return {"rule": rule.rule, "n_splits": rule.n_splits, "salt": rule.salt}


def _with_metadata(proto: onnx.ModelProto, metadata: Mapping[str, Any]) -> bytes:
    helper = import_optional("onnx.helper", "write a file of ONNX", "onnx")
    del proto.metadata_props[:]
    helper.set_model_props(proto, {METADATA_KEY: json.dumps(metadata)})
    content: bytes = proto.SerializeToString()
    return content
