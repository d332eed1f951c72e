"""The nodes of a stored model, as skops writes them, with their places in the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Node", "canonical", "nodes", "type_name", "without_ids"]

# Nodes of which the identity does not matter.
_VALUES = {"FunctionNode", "JsonNode", "TypeNode"}


class Node(NamedTuple):
    """One node, and where it stands.

    Attributes
    ----------
    place : str
        As a reader of Python would write it, after the name of the model.
    state : dict
        What is stored of it.
    owners : tuple of dict
        The nodes around it, the outermost first.
    """

    place: str
    state: dict[str, Any]
    owners: tuple[dict[str, Any], ...]


def nodes(
    state: Any, place: str = "model", owners: tuple[dict[str, Any], ...] = ()
) -> Iterator[Node]:
    """Yield every node of a stored model, the outer ones first.

    Parameters
    ----------
    state : node, or a list or dict with nodes in it
        What is stored.
    place : str, default="model"
        Where it stands.
    owners : tuple of dict, default=()
        The nodes around it.

    Yields
    ------
    node : Node

    Examples
    --------
    >>> leaf = {"__loader__": "JsonNode", "content": "1"}
    >>> for node in nodes({"__loader__": "ObjectNode", "content": {"C": leaf}}):
    ...     print(node.place, node.state["__loader__"])
    model ObjectNode
    model.C JsonNode
    """
    if isinstance(state, list):
        for k, part in enumerate(state):
            yield from nodes(part, f"{place}[{k}]", owners)
    elif isinstance(state, dict):
        is_node = "__loader__" in state
        if is_node:
            yield Node(place, state, owners)
            owners = (*owners, state)
        for name, part in state.items():
            yield from nodes(part, _inside(place, name, owners, is_node), owners)


def _inside(
    place: str, name: str, owners: tuple[dict[str, Any], ...], is_node: bool
) -> str:
    """Return the place of a part; what only skops calls by a name has none."""
    if is_node:
        return place
    # The attributes of an object are stored as a dict inside of its node.
    is_attribute = len(owners) < 2 or owners[-2]["__loader__"] == "ObjectNode"
    return f"{place}.{name}" if is_attribute else f"{place}[{name!r}]"


def type_name(state: dict[str, Any]) -> str:
    """Return the name of the type, or function, that a node stands for.

    Examples
    --------
    >>> type_name({"__module__": "builtins", "__class__": "dict"})
    'builtins.dict'
    """
    return f"{state.get('__module__')}.{state.get('__class__')}"


def without_ids(state: Any) -> Any:
    """Return what is stored, without the numbers that tell objects apart.

    Examples
    --------
    >>> without_ids({"__loader__": "JsonNode", "__id__": 3})
    {'__loader__': 'JsonNode'}
    """
    if isinstance(state, list):
        return [without_ids(part) for part in state]
    if isinstance(state, dict):
        return {k: without_ids(v) for k, v in state.items() if k != "__id__"}
    return state


def canonical(state: Any, numbers: dict[Any, int], names: dict[str, str]) -> Any:
    """Return what is stored in a form that the same model always has.

    Parameters
    ----------
    state : node, or a list or dict with nodes in it
        What is stored, with addresses in memory.
    numbers : dict
        Numbers of objects by address, counted on here.
    names : dict of str to str
        New names of the files by their old ones.
    """
    if isinstance(state, list):
        return [canonical(part, numbers, names) for part in state]
    if not isinstance(state, dict):
        return state
    if state.get("__loader__") == "SetNode":  # in the order of the hashes
        ordered = sorted(state["content"], key=lambda s: json.dumps(without_ids(s)))
        state = {**state, "content": ordered}
    new: dict[str, Any] = {}
    for name, part in state.items():
        if name == "__id__":
            if state.get("__loader__") not in _VALUES:
                new[name] = numbers.setdefault(part, len(numbers) + 1)
        elif name == "file" and "__loader__" in state:
            new[name] = names[part]
        else:
            new[name] = canonical(part, numbers, names)
    return new
