"""A fitted classifier as one header of C++17, for frameworks and interpreters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._tables import plain_table
from skhep_dnn.export._agreement import compare
from skhep_dnn.export._exported import (
    Exported,
    FitEvents,
    check_targets,
    check_units,
    write_export,
)
from skhep_dnn.export._made_up_events import empty_table
from skhep_dnn.export._program.in_cpp import CPP_TYPES, HELPERS, CppFunctions, literal
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.program import Program
from skhep_dnn.export._scoring_program import (
    Cut,
    Precision,
    ResponseMethod,
    ScoringProgram,
    scoring_program,
)

__all__ = ["to_cpp"]

_KEYWORDS = frozenset(
    (
        *("alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor"),
        *("bool", "break", "case", "catch", "char", "char16_t", "char32_t", "class"),
        *("compl", "const", "const_cast", "constexpr", "continue", "decltype"),
        *("default", "delete", "do", "double", "dynamic_cast", "else", "enum"),
        *("explicit", "export", "extern", "false", "float", "for", "friend", "goto"),
        *("if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept"),
        *("not", "not_eq", "nullptr", "operator", "or", "or_eq", "private"),
        *("protected", "public", "register", "reinterpret_cast", "return", "short"),
        *("signed", "sizeof", "static", "static_assert", "static_cast", "struct"),
        *("switch", "template", "this", "thread_local", "throw", "true", "try"),
        *("typedef", "typeid", "typename", "union", "unsigned", "using", "virtual"),
        *("void", "volatile", "wchar_t", "while", "xor", "xor_eq", "std", "result"),
    )
)


def to_cpp(
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
    namespace: str | None = None,
    dtype: Precision = "auto",
    manifest: bool = True,
    overwrite: bool = False,
) -> Exported:
    """Write a fitted classifier as one header of C++17 without dependencies.

    The header holds everything, as the file of `to_onnx` does: filling of undefined
    values, scaling, embeddings, all members with their weights, the mean over symmetric
    variants, the steps of a pipeline, trees, and the models of all folds with the rule
    that selects one by the event number. It is compiled by any compiler of C++17, and
    read by the interpreter of ROOT.

    Parameters
    ----------
    model : classifier
        Fitted; a pipeline, too. Which classes can be exported is told in the guide on
        exporting pipelines.
    path : str or Path
        The header.
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
        The smallest score of the signal of a selected event; None takes that of a
        `SignificanceThresholdClassifier`, of others there is none.
    response_method : {"predict_proba", "decision_function"}, default="predict_proba"
        Which score the threshold is one of.
    pos_label : label or list of labels, default=None
        The signal; None takes that of a `SignificanceThresholdClassifier`, of others
        the second of two classes.
    units : mapping of str to str, default=None
        Units of the columns, such as ``{"lep_pt": "GeV"}``, for the comments.
    namespace : str, default=None
        Namespace of everything; None takes the name of the file.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Kind of the numbers that come in. "auto" takes float where networks alone read
        the columns, as they do in Python, and double otherwise.
    manifest : bool, default=True
        Whether a manifest is written beside the file, if `X` is passed; see
        `verify_export`. Without it `X` may be any events with the columns of the fit.
    overwrite : bool, default=False
        Whether a header that is there may be replaced.

    Returns
    -------
    exported : Exported
        The header, and how its program compares with the classifier on 1 000 events,
        evaluated in Python.

    Raises
    ------
    FileExistsError
        If the header is there and `overwrite` is False.
    ValueError
        If the events are not those of the fit, or the test sample is not new.
    ExportError
        If a part of the model cannot be exported.
    ValueError
        If the namespace is no name of C++.

    See Also
    --------
    to_onnx : A file for onnxruntime instead.
    verify_export : Verifies the header by its manifest.

    Notes
    -----
    In the namespace are:

    - ``Result evaluate(column, ..., event)``, with the probabilities of all classes,
      the decision function, the position of the label, the fold and whether the event
      is selected;
    - ``double score(column, ..., event)``, the probability of the signal;
    - ``std::int64_t fold(run, event)``, of models of folds;
    - ``n_classes``, ``classes``, ``n_inputs``, ``inputs``, ``threshold``.

    Arguments have the names of the columns that are used, in their order; characters
    that C++ does not know in names become ``_``. Nothing is written to but the stack,
    so that threads may share everything; the first call reads the constants.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.export import to_cpp
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> model = WeightedDNNClassifier(max_epochs=2, random_state=0)
    >>> model = model.fit(events.data, events.target, events.sample_weight)
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> exported = to_cpp(
    ...     model,
    ...     folder / "model.hpp",
    ...     events.data,
    ...     events.target,
    ...     events.sample_weight,
    ... )
    >>> "inline double score(" in (folder / "model.hpp").read_text()
    True
    """
    check_is_fitted(model)
    table, target = empty_table(model) if X is None else plain_table(X), Path(path)
    has_manifest = manifest and X is not None
    name = _checked_namespace(target.stem if namespace is None else namespace)
    check_targets([target], has_manifest=has_manifest, overwrite=overwrite)
    scoring = scoring_program(
        model,
        table,
        event_number=event_number,
        cut=None if threshold is None else Cut(float(threshold), response_method),
        pos_label=pos_label,
        dtype=dtype,
    )
    told = check_units(units, [spec.name for spec in scoring.inputs])

    def answer(
        events: Any, numbers: ArrayLike | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
        outputs = evaluate(scoring.program, scoring.arrays(events, numbers))
        folds = outputs["fold"][:, 0] if scoring.has_folds else None
        return outputs["probability"].astype(np.float64), folds

    numbers = event_number if scoring.has_folds else None
    test = compare(model, answer, scoring.inputs, table, numbers)
    text = _header(scoring, name, type(model).__name__, told)
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
        {target: text.encode()},
        test,
        events if has_manifest else None,
        threshold=threshold,
        response_method=response_method,
        pos_label=pos_label,
        units=units,
    )


def _checked_namespace(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in _KEYWORDS:
        msg = (
            f"`namespace` must be a name of C++, got {name!r}. Pass one of letters, "
            'digits and "_", such as "my_model".'
        )
        raise ValueError(msg)
    return name


def _header(
    scoring: ScoringProgram, name: str, kind: str, units: Mapping[str, str]
) -> str:
    fold = _fold_program(scoring)
    functions = CppFunctions([scoring.program, *([] if fold is None else [fold])])
    guard = f"SKHEP_DNN_{name.upper()}_HPP"
    parts = [
        f"// {kind}, exported by skhep_dnn {version('skhep-dnn')}. C++17, no "
        "dependencies.",
        "//",
        f"//   double {name}::score({', '.join(_arguments(scoring))})",
        "//",
        *(f"// {line}" for line in _told_inputs(scoring, units)),
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <cmath>",
        "#include <cstddef>",
        "#include <cstdint>",
        "#include <cstring>",
        "#include <limits>",
        "#include <vector>",
        "",
        f"namespace {name} {{",
        "",
        *_constants(scoring),
        "",
        "namespace detail {",
        "",
        HELPERS,
        functions.source(),
        "}  // namespace detail",
        "",
        *_interface(scoring, functions, fold),
        f"}}  // namespace {name}",
        "",
        f"#endif  // {guard}",
        "",
    ]
    return "\n".join(parts)


def _fold_program(scoring: ScoringProgram) -> Program | None:
    """Return the program of the fold alone, which takes the event numbers."""
    if not scoring.has_folds:
        return None
    fold = Program("fold")
    fold.steps = [*scoring.program.steps]
    fold.outputs["fold"] = scoring.program.outputs["fold"]
    fold.simplify()
    used = {value for step in fold.steps for value in step.inputs}
    fold.inputs = {k: v for k, v in scoring.program.inputs.items() if v in used}
    return fold


def _told_inputs(scoring: ScoringProgram, units: Mapping[str, str]) -> list[str]:
    lines = []
    for spec, argument in zip(scoring.inputs, _arguments(scoring), strict=True):
        parts = [argument]
        if argument.partition(" ")[2] != spec.name:
            parts.append(f"the column {spec.name}")
        if spec.name in units:
            parts.append(f"in {units[spec.name]}")
        if spec.categories is not None:
            codes = (f"{k}: {c}" for k, c in enumerate(spec.categories))
            parts.append(f"a code, {', '.join(codes)}")
        lines.append(", ".join(parts).replace("\n", " ").replace("\\", "/"))
    return lines


def _arguments(scoring: ScoringProgram) -> list[str]:
    """Return types and names of the arguments, one for each input."""
    names: list[str] = []
    for spec in scoring.inputs:
        name = re.sub(r"[^A-Za-z0-9_]", "_", spec.name)
        if not re.match(r"[A-Za-z]", name) or name in _KEYWORDS:
            name = f"column_{name}"
        while name in names:
            name += "_"
        names.append(name)
    return [
        f"{CPP_TYPES[spec.dtype].removeprefix('std::')} {name}"
        if spec.dtype != "int64"
        else f"std::int64_t {name}"
        for spec, name in zip(scoring.inputs, names, strict=True)
    ]


def _text(value: Any) -> str:
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _list_of_texts(name: str, values: Sequence[Any]) -> str:
    inner = ", ".join(map(_text, values))
    return f"constexpr const char* {name}[] = {{{inner}}};"


def _constants(scoring: ScoringProgram) -> list[str]:
    lines = [
        f"constexpr int n_classes = {len(scoring.classes)};",
        _list_of_texts("classes", scoring.classes),
        f"constexpr int n_inputs = {len(scoring.inputs)};",
        _list_of_texts("inputs", [spec.name for spec in scoring.inputs]),
        f"constexpr int n_decisions = {scoring.program.outputs['decision'].size};",
    ]
    if scoring.cut is not None:
        number = literal(np.float64(scoring.cut.threshold))
        what = scoring.cut.response_method
        lines.append(f"constexpr double threshold = {number};  // of {what}")
    return lines


def _interface(
    scoring: ScoringProgram, functions: CppFunctions, fold: Program | None
) -> list[str]:
    """Return what a user calls: `evaluate`, `score` and `fold`."""
    arguments = _arguments(scoring)
    names = [argument.rpartition(" ")[2] for argument in arguments]
    kinds = scoring.program.outputs
    of_kind = {
        "probability": "double probability[n_classes];  // of each class",
        "decision": "double decision[n_decisions];  // as decision_function",
        "label": "std::int64_t label;  // position of the class that is predicted",
        "fold": "std::int64_t fold;  // the model that scored the event",
        "selected": "bool selected;  // whether the score is not below the threshold",
    }
    results = [
        f"result.{name}" if name in ("probability", "decision") else f"&result.{name}"
        for name in kinds
    ]
    pointers = [*(f"&{name}" for name in names), *results]
    lines = [
        "struct Result {",
        *(f"  {of_kind[name]}" for name in kinds),
        "};",
        "",
        *_function(
            "Result evaluate",
            arguments,
            "Result result;",
            f"detail::{functions.call(scoring.program, pointers)}",
            "return result;",
        ),
    ]
    if scoring.signal:
        what = ", ".join(str(scoring.classes[i]) for i in scoring.signal)
        terms = " + ".join(f"result.probability[{i}]" for i in scoring.signal)
        lines += [
            f"// Probability of the signal: {what}.".replace("\n", " "),
            *_function(
                "double score",
                arguments,
                f"const Result result = evaluate({', '.join(names)});",
                f"return {terms};",
            ),
        ]
    if fold is not None:
        used = [spec.name in fold.inputs for spec in scoring.inputs]
        own = [f"&{name}" for name, is_used in zip(names, used, strict=True) if is_used]
        lines += [
            "// Which of the models scores an event: one that has not seen its number.",
            *_function(
                "std::int64_t fold",
                [a for a, is_used in zip(arguments, used, strict=True) if is_used],
                "std::int64_t result;",
                f"detail::{functions.call(fold, [*own, '&result'])}",
                "return result;",
            ),
        ]
    return lines


def _function(what: str, arguments: Sequence[str], *body: str) -> list[str]:
    """Return the lines of an inline function."""
    told = ", ".join(arguments)
    if len(told) > 60:
        told = "\n    " + ",\n    ".join(arguments)
    return [f"inline {what}({told}) {{", *(f"  {line}" for line in body), "}", ""]
