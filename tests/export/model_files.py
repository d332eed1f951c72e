"""Model files made by hand, with sums that are right, as someone hostile would."""

import io
import json
import zipfile

from skhep_dnn.export import save_model
from skhep_dnn.export._model_file import packed, read_entries, read_metadata


def node(loader, name, **rest):
    """Return a node of a type or function."""
    module, _, kind = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": kind, **rest}


def value(content):
    """Return the node of a plain value."""
    return node("JsonNode", "builtins.str", content=json.dumps(content), is_json=True)


def table(content, keys=None):
    """Return the node of a dict, with types of its keys."""
    types = [node("TypeNode", "builtins.str")] * len(content) if keys is None else keys
    return node(
        "DictNode",
        "builtins.dict",
        content=content,
        key_types=node("ListNode", "builtins.list", content=types),
    )


def row(*content):
    """Return the node of a tuple."""
    return node("TupleNode", "builtins.tuple", content=list(content))


def partial(function, *args, **kwds):
    """Return the node of a partial function."""
    parts = {
        "func": node("FunctionNode", function),
        "args": row(*args),
        "kwds": table(kwds),
        "namespace": value(None),
    }
    return node("PartialNode", "functools.partial", content=parts)


def edited(model, path, *, schema=None, files=None, metadata=None):
    """Save a model and change the file, by functions that change parts of it.

    Parameters
    ----------
    model : estimator
        A fitted one.
    path : Path
        Of the file.
    schema, files, metadata : callable, default=None
        Change the nodes, the other entries and the metadata in place.
    """
    save_model(model, path, overwrite=True)
    entries = read_entries(path)
    about = read_metadata(path, entries)
    del entries["metadata.json"]
    nodes = json.loads(entries.pop("schema.json"))
    if files is not None:
        files(entries)
    if schema is not None:
        schema(nodes)
    if metadata is not None:
        metadata(about)
    for name in ("content", "sha256"):
        about.pop(name)
    text = json.dumps(nodes).encode()
    path.write_bytes(packed(about, {**entries, "schema.json": text}))


def with_attribute(part):
    """Return a change of the nodes that adds an attribute."""

    def change(schema):
        schema["content"]["content"]["extra_"] = part
        types = schema["content"]["key_types"]["content"]
        types.append(node("TypeNode", "builtins.str"))

    return change


def as_skops(path):
    """Return the bytes of the model file as skops reads them, and all its types."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as file, zipfile.ZipFile(buffer, "w") as new:
        for name in file.namelist():
            new.writestr(name, file.read(name))
    return buffer.getvalue()
