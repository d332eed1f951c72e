"""Where do the boxes of a network stand in a diagram, and which arrows join them.

The columns of the diagram are the paths: hidden layers left, the wide layer right. Rows
count downwards.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from skhep_dnn.inspection._network_shape import Inputs, NetworkShape

__all__ = ["Arrow", "Box", "network_graph"]

BoxKind = Literal["inputs", "deep", "wide", "join", "output"]
ArrowKind = Literal["flow", "skip"]

_MAX_LAYERS = 8  # more are drawn as one box for all that are alike
_WIDE = 1.0  # column of the wide layer; that of the hidden layers is 0
_SMALL, _SMALLEST = 0.62, 0.17  # widths of boxes, in units of that of a layer


@dataclass(frozen=True)
class Box:
    """A box of the diagram.

    Parameters
    ----------
    text : str
        What stands in it.
    kind : {"inputs", "deep", "wide", "join", "output"}
        What it is; a "join" concatenates or adds.
    x, y : float
        Column and row of its middle.
    width : float, default=1.0
        In units of the width of a layer.
    """

    text: str
    kind: BoxKind
    x: float
    y: float
    width: float = 1.0


@dataclass(frozen=True)
class Arrow:
    """An arrow of the diagram.

    Parameters
    ----------
    start, end : str
        Names of the boxes.
    kind : {"flow", "skip"}, default="flow"
        A "skip" goes round the boxes between.
    """

    start: str
    end: str
    kind: ArrowKind = "flow"


def network_graph(shape: NetworkShape) -> tuple[dict[str, Box], list[Arrow]]:
    """Return the boxes of a network by their names, and the arrows.

    Parameters
    ----------
    shape : NetworkShape
        The layers.

    Returns
    -------
    boxes : dict of str to Box
        "inputs", "hidden 0" and so on, "output"; and with a split, "wide inputs",
        "wide", "join" and those of the bottlenecks.
    arrows : list of Arrow
    """
    boxes, arrows, top = _inputs(shape)
    row = top
    above = "join deep" if "join deep" in boxes else "inputs"
    hidden: list[str] = []
    for text in _layer_texts(shape):
        name = f"hidden {len(hidden)}"
        boxes[name] = Box(text, "deep", 0.0, row)
        arrows.append(Arrow(above, name))
        hidden.append(name)
        above, row = name, row + 1.0
        is_grouped = len(shape.layers) > _MAX_LAYERS
        if shape.connection == "residual" and len(hidden) > 1 and not is_grouped:
            above, row = _add(boxes, arrows, hidden, row)
    if shape.connection == "dense":
        sources = [arrows[-len(hidden)].start, *hidden]
        arrows += [
            Arrow(start, end, "skip")
            for k, start in enumerate(sources)
            for end in sources[k + 2 :]
        ]
    ends = [above]
    if shape.kind is not None:
        ends.append(_add_wide_layer(boxes, arrows, shape, (top + row - 1.0) / 2))
    _add_output(boxes, arrows, shape, ends, row)
    return boxes, arrows


def _inputs(shape: NetworkShape) -> tuple[dict[str, Box], list[Arrow], float]:
    """Return what comes before the layers, and the first row of these."""
    if shape.kind is None:
        text = _with_inputs(shape.deep.text(), shape.deep)
        return {"inputs": Box(text, "inputs", 0.0, 0.0)}, [], 1.0
    is_bottleneck = shape.kind == "bottleneck"
    texts = shape.bottleneck_texts() if is_bottleneck else shape.path_texts()
    deep = _with_inputs(texts["deep"], shape.deep)
    wide = _with_inputs(texts["wide"], shape.wide)
    boxes = {
        "inputs": Box(deep, "inputs", 0.0, 0.0),
        "wide inputs": Box(wide, "inputs", _WIDE, 0.0),
    }
    if not is_bottleneck:
        return boxes, [], 1.0
    text = f"bottleneck\n{shape.bottleneck}"
    boxes["bottleneck deep"] = Box(text, "deep", 0.33 * _WIDE, 1.1, _SMALL)
    boxes["bottleneck wide"] = Box(text, "wide", 0.67 * _WIDE, 1.1, _SMALL)
    boxes["join deep"] = Box("concatenate", "join", 0.0, 2.2, _SMALL)
    boxes["join wide"] = Box("concatenate", "join", _WIDE, 2.2, _SMALL)
    arrows = [
        Arrow("inputs", "bottleneck deep"),
        Arrow("wide inputs", "bottleneck wide"),
        Arrow("inputs", "join deep"),
        Arrow("wide inputs", "join wide"),
        Arrow("bottleneck deep", "join wide"),
        Arrow("bottleneck wide", "join deep"),
    ]
    return boxes, arrows, 3.2


def _with_inputs(text: str, inputs: Inputs) -> str:
    """Return the text, and where columns are embedded how many numbers come in."""
    has_more = inputs.n_inputs != inputs.n_features
    return f"{text}\n{inputs.n_inputs} inputs" if has_more else text


def _layer_texts(shape: NetworkShape) -> list[str]:
    if len(shape.layers) <= _MAX_LAYERS:
        return list(shape.layers)
    groups = [(text, len(list(same))) for text, same in groupby(shape.layers)]
    return [f"{n} x {text}" if n > 1 else text for text, n in groups]


def _add(
    boxes: dict[str, Box], arrows: list[Arrow], hidden: list[str], row: float
) -> tuple[str, float]:
    """Add the sum of a layer and of its input, and return its name."""
    name, layer = f"sum {len(hidden) - 1}", hidden[-1]
    source = arrows[-1].start
    boxes[name] = Box("+", "join", 0.0, row - 0.3, _SMALLEST)
    arrows += [Arrow(layer, name), Arrow(source, name, "skip")]
    return name, row + 0.5


def _add_wide_layer(
    boxes: dict[str, Box], arrows: list[Arrow], shape: NetworkShape, row: float
) -> str:
    boxes["wide"] = Box(shape.wide_layer, "wide", _WIDE, row)
    source = "join wide" if "join wide" in boxes else "wide inputs"
    arrows.append(Arrow(source, "wide"))
    return "wide"


def _add_output(
    boxes: dict[str, Box],
    arrows: list[Arrow],
    shape: NetworkShape,
    ends: list[str],
    row: float,
) -> None:
    x = 0.0
    if len(ends) > 1:
        x = _WIDE / 2
        boxes["join"] = Box("concatenate", "join", x, row + 0.1, _SMALL)
        arrows += [Arrow(end, "join") for end in ends]
        ends, row = ["join"], row + 1.1
    text = "1 logit" if shape.n_outputs == 1 else f"{shape.n_outputs} logits"
    boxes["output"] = Box(text, "output", x, row)
    arrows.append(Arrow(ends[0], "output"))
