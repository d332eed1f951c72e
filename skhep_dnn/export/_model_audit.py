"""What a model file would do if it were read: all of it is looked at before.

skops makes objects of the types that it is told to trust, and with a name that is
trusted it may make an instance, convert the keys of a dict or call a function with what
stands in the file. Here each name is allowed in one role alone, arrays are as long as
they say, and the nodes of decision trees point into the tree.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.exceptions import ModelFileError
from skhep_dnn.export._model_tree import Node, nodes, type_name, without_ids
from skhep_dnn.export._model_types import (
    CONSTRUCTED,
    CONTAINERS,
    KEYS,
    TUPLES,
    functions,
    import_named,
    objects,
)

__all__ = ["check_content", "untrusted_types"]

# Roles in which a name that the user trusts may stand: classes, and functions.
_CLASSES = {"ConstructorFromReduceNode", "ObjectNode", "TupleNode", "TypeNode"}
_FUNCTIONS = {"FunctionNode"}
# scikit-learn hands the columns of these to their trees without a further look.
_OF_TREES = (
    "sklearn.ensemble._bagging",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._hist_gradient_boosting",
    "sklearn.ensemble._iforest",
    "sklearn.ensemble._weight_boosting",
    "sklearn.tree",
)
_PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


def untrusted_types(
    schema: dict[str, Any], trusted: Collection[str] = ()
) -> dict[str, str]:
    """Types and functions that a model file holds and that are not trusted.

    Parameters
    ----------
    schema : dict
        The nodes of the model.
    trusted : collection of str, default=()
        Further names to be trusted.

    Returns
    -------
    places : dict of str to str
        Where each stands first, by its name.

    Examples
    --------
    >>> state = {"__module__": "os", "__class__": "system"}
    >>> untrusted_types({"__loader__": "FunctionNode", **state})
    {'os.system': 'model'}
    """
    found: dict[str, str] = {}
    for node in nodes(schema):
        name = type_name(node.state)
        if not _is_trusted(node.state, name, trusted):
            found.setdefault(name, node.place)
    return found


def _is_trusted(state: dict[str, Any], name: str, trusted: Collection[str]) -> bool:
    loader = state["__loader__"]
    allowed = {
        **CONTAINERS,
        "ConstructorFromReduceNode": CONSTRUCTED,
        "FunctionNode": functions(),
        "ObjectNode": objects(),
        "TupleNode": TUPLES,
    }
    if name in allowed.get(loader, ()):
        return True
    if name not in trusted or loader not in _CLASSES | _FUNCTIONS:
        return False
    is_class = isinstance(import_named(name), type)
    return is_class == (loader in _CLASSES)


def check_content(schema: dict[str, Any], files: Mapping[str, bytes]) -> None:
    """Refuse nodes that are not as skops writes them, and what they must not hold.

    Parameters
    ----------
    schema : dict
        The nodes of the model, of trusted types.
    files : mapping of str to bytes
        What stands beside them, by name.

    Raises
    ------
    ModelFileError
        If keys are made by anything but plain types, arrays are not as long as they
        say, or nodes of trees point out of the tree.
    """
    _check_numbers(schema)
    for node in nodes(schema):
        loader, state = node.state["__loader__"], node.state
        if "file" in state and state["file"] not in files:
            _refuse(node, "a file that is there", state["file"])
        if loader == "DictNode":
            _check_keys(node)
        elif loader == "NdArrayNode" and state.get("type") == "numpy":
            _check_array(node, files[state["file"]])
        elif loader == "TreeNode":
            _check_tree(node, files)
        elif loader == "ObjectNode" and type_name(state) == _PREDICTOR:
            _check_predictor(node, files)


def _refuse(node: Node, expected: str, got: object) -> None:
    msg = (
        f"A saved model must have {expected} in {node.place}, got {got!r}. Leave it "
        "out where the model is saved; a file with it was damaged or made by hand."
    )
    raise ModelFileError(msg)


def _check_numbers(schema: dict[str, Any]) -> None:
    """Refuse two objects of one number, since the first is taken for both."""
    counts = Counter(node.state.get("__id__") for node in nodes(schema))
    first: dict[Any, str] = {}
    for node in nodes(schema):
        number = node.state.get("__id__")
        if number is not None and counts[number] > 1:
            content = json.dumps(without_ids(node.state), sort_keys=True)
            if first.setdefault(number, content) != content:
                _refuse(node, "one object of each number", number)


def _check_keys(node: Node) -> None:
    keys = node.state.get("key_types")
    is_list = isinstance(keys, dict) and keys.get("__loader__") == "ListNode"
    content = keys["content"] if isinstance(keys, dict) and is_list else None
    if not isinstance(content, list):
        _refuse(node, "a list of the types of keys", keys)
        return
    for key in content:
        if key.get("__loader__") != "TypeNode" or type_name(key) not in KEYS:
            _refuse(node, "keys of texts and numbers", type_name(key))


def _check_array(node: Node, data: bytes) -> None:
    shape, dtype, n_bytes = _array_header(node, data)
    if dtype.hasobject:
        _refuse(node, "an array of numbers or texts", dtype)
    size = int(np.prod(shape, dtype=object))
    if size * dtype.itemsize != n_bytes or (dtype.itemsize == 0 and size > 10**6):
        _refuse(node, f"an array of {n_bytes} bytes", (shape, str(dtype)))


def _array_header(node: Node, data: bytes) -> tuple[tuple[int, ...], Any, int]:
    """Return shape, type and number of bytes of an array."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    except (ValueError, TypeError, SyntaxError, EOFError) as error:
        _refuse(node, "an array of NumPy", str(error))
        raise
    return shape, dtype, len(data) - stream.tell()


def _check_tree(node: Node, files: Mapping[str, bytes]) -> None:
    """Refuse a tree whose nodes point elsewhere than to later nodes and columns."""
    try:
        n_features = int(json.loads(_item(node.state["__reduce__"]["args"], 0)))
        attributes = node.state["content"]["content"]
        table = _array(attributes["nodes"], files)
        count = json.loads(attributes["node_count"]["content"])
        rows = [len(table), len(_array(attributes["values"], files))]
        left, right = table["left_child"], table["right_child"]
        columns = table["feature"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        _refuse(node, "a tree of scikit-learn", str(error))
        raise
    inner = left != -1
    children = np.concatenate([left[inner], right[inner]])
    numbers = np.flatnonzero(inner)
    is_in_order = (children > np.concatenate([numbers, numbers])).all()
    if rows != [count, count] or not is_in_order or (children >= count).any():
        _refuse(node, "nodes that point to later ones", "others")
    _check_columns(node, columns[inner], n_features)


def _check_predictor(node: Node, files: Mapping[str, bytes]) -> None:
    """Refuse a tree of histograms whose nodes point elsewhere."""
    try:
        attributes = node.state["content"]["content"]
        table = _array(attributes["nodes"], files)
        bitsets = [
            len(_array(attributes[name], files))
            for name in ("binned_left_cat_bitsets", "raw_left_cat_bitsets")
        ]
        inner = table["is_leaf"] == 0
        left, right = table["left"][inner], table["right"][inner]
        columns = table["feature_idx"][inner]
        sets = table["bitset_idx"][inner & (table["is_categorical"] == 1)]
    except (KeyError, TypeError, ValueError) as error:
        _refuse(node, "a tree of scikit-learn", str(error))
        raise
    numbers, children = np.flatnonzero(inner), np.minimum(left, right)
    is_in_order = (children > numbers).all() and len(table) > 0
    beyond = (np.maximum(left, right) >= len(table)).any()
    if not is_in_order or beyond or (sets >= min(bitsets)).any():
        _refuse(node, "nodes that point to later ones", "others")
    _check_columns(node, columns, None)


def _check_columns(node: Node, columns: NDArray[Any], n_features: int | None) -> None:
    """Refuse columns that the models around a tree do not have."""
    limits = [] if n_features is None else [n_features]
    for owner in node.owners:
        if str(owner.get("__module__")).startswith(_OF_TREES):
            attributes = owner.get("content", {}).get("content", {})
            known = attributes.get("n_features_in_", {}).get("content", "0")
            limits.append(int(json.loads(known)))
    # The owner of a tree without one is its estimator alone.
    limit = min(limits, default=0)
    if len(columns) > 0 and not 0 <= columns.min() <= columns.max() < limit:
        _refuse(node, f"columns below {limit}", int(columns.max()))


def _item(state: dict[str, Any], k: int) -> Any:
    return state["content"][k]["content"]


def _array(state: dict[str, Any], files: Mapping[str, bytes]) -> NDArray[Any]:
    return np.asarray(np.load(io.BytesIO(files[state["file"]]), allow_pickle=False))
