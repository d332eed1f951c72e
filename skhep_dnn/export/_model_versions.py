"""Models of other versions: what was renamed, what is new, and what cannot be known.

A class, attribute or parameter that gets another name has an entry in a table here, so
that models of before go on loading. A parameter or field that is new takes its default.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from skhep_dnn.exceptions import ModelFileError
from skhep_dnn.export._model_tree import Node, nodes, type_name
from skhep_dnn.export._model_types import import_named

__all__ = ["complete", "hint", "rename", "versions"]

# Old name of a class or function: the one it has now, both with their modules.
RENAMED: dict[str, str] = {}
# Of a class, by its name now: old names of attributes and parameters, and the new ones.
RENAMED_ATTRIBUTES: dict[str, dict[str, str]] = {}

_PACKAGES = ("skhep-dnn", "scikit-learn", "skorch", "skops", "torch", "numpy")


def versions() -> dict[str, str | None]:
    """Return the versions of what a model depends on, None of what is not installed.

    Examples
    --------
    >>> sorted(versions())
    ['numpy', 'scikit-learn', 'skhep-dnn', 'skops', 'skorch', 'torch']
    """
    return {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def hint(stored: Mapping[str, Any]) -> str:
    """Return the sentences on both versions that end a message.

    Parameters
    ----------
    stored : mapping of str to str
        Versions with which a model was saved.

    Examples
    --------
    >>> print(hint({"skhep-dnn": "0.0.1"}))  # doctest: +ELLIPSIS
    It was saved by skhep_dnn 0.0.1, and this is ... Load it with the version that ...
    """
    then = stored.get("skhep-dnn")
    return (
        f"It was saved by skhep_dnn {then}, and this is {_version('skhep-dnn')}. Load "
        "it with the version that has saved it, or fit the model anew with this one."
    )


def rename(schema: dict[str, Any]) -> None:
    """Give what was renamed the names that it has now, in place.

    Parameters
    ----------
    schema : dict
        The nodes of a stored model.

    Examples
    --------
    >>> state = {"__loader__": "TypeNode", "__module__": "builtins", "__class__": "str"}
    >>> rename(state)
    >>> state["__class__"]
    'str'
    """
    for node in nodes(schema):
        name = type_name(node.state)
        if name in RENAMED:
            module, _, kind = RENAMED[name].rpartition(".")
            node.state["__module__"], node.state["__class__"] = module, kind
        known = RENAMED_ATTRIBUTES.get(type_name(node.state), {})
        attributes = _attributes(node.state) if known else None
        if attributes is not None:
            _rename_keys(attributes, known)


def _rename_keys(attributes: dict[str, Any], known: Mapping[str, str]) -> None:
    renamed = {known.get(name, name): value for name, value in attributes.items()}
    attributes.clear()
    attributes.update(renamed)


def _attributes(state: dict[str, Any]) -> dict[str, Any] | None:
    """Return the nodes of the attributes of an object, where it has some."""
    content = state.get("content")
    if state["__loader__"] != "ObjectNode" or not isinstance(content, dict):
        return None
    inner = content.get("content")
    return inner if isinstance(inner, dict) else None


def complete(schema: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Add parameters and fields that are new, in place; refuse what is not known.

    Parameters
    ----------
    schema : dict
        The nodes of a stored model, of trusted types.
    stored : mapping of str to str
        Versions with which it was saved.

    Raises
    ------
    ModelFileError
        If an object of this package has a parameter or field that is not known, or
        lacks one without a default.
    """
    for node in nodes(schema):
        is_own = str(node.state.get("__module__")).startswith("skhep_dnn.")
        attributes = _attributes(node.state) if is_own else None
        if attributes is not None:
            _complete(node, attributes, stored)


def _complete(
    node: Node, attributes: dict[str, Any], stored: Mapping[str, Any]
) -> None:
    kind = import_named(type_name(node.state))
    defaults = _defaults(kind)
    if defaults is None:
        return
    unknown = [name for name in attributes if _is_unknown(name, kind, defaults)]
    missing = [name for name in defaults if name not in attributes]
    needed = [name for name in missing if defaults[name] is inspect.Parameter.empty]
    if unknown or needed:
        what = f"has {unknown!r}, which" if unknown else f"lacks {needed!r}, which"
        msg = (
            f"`path` must hold a model of this version, got one whose {node.place} "
            f"({type_name(node.state)}) {what} this version of the class "
            f"{'does not know' if unknown else 'needs'}. {hint(stored)}"
        )
        raise ModelFileError(msg)
    for name in missing:
        attributes[name] = _value(defaults[name])
        node.state["content"]["key_types"]["content"].append(_STR)


def _defaults(kind: Any) -> dict[str, Any] | None:
    """Return the parameters or fields of a class, with their defaults."""
    empty = inspect.Parameter.empty
    if is_dataclass(kind):
        return {
            field.name: empty if field.default is MISSING else field.default
            for field in fields(kind)
        }
    # What has a state of its own making says itself what it does not know.
    if not hasattr(kind, "get_params") or "__setstate__" in vars(kind):
        return None
    parameters = inspect.signature(kind).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name: p.default for p in parameters if p.kind not in kinds}


def _is_unknown(name: str, kind: Any, defaults: Mapping[str, Any]) -> bool:
    """Tell whether an attribute is none of a class; learned ones end with `_`."""
    is_learned = name.startswith("_") or (name.endswith("_") and not is_dataclass(kind))
    return not (is_learned or name in defaults or hasattr(kind, name))


_STR = {"__loader__": "TypeNode", "__module__": "builtins", "__class__": "str"}


def _value(value: Any) -> dict[str, Any]:
    """Return the node of a default: a plain value, or a tuple of these."""
    if isinstance(value, tuple):
        state = {"__module__": "builtins", "__class__": "tuple"}
        content: Any = [_value(part) for part in value]
        return {"__loader__": "TupleNode", **state, "content": content}
    content = json.dumps(value)
    return {**_STR, "__loader__": "JsonNode", "content": content, "is_json": True}
