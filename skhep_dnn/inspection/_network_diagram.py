"""Which way do the features take through the networks of a fitted estimator."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._weighted_steps import final_step
from skhep_dnn.inspection._event_spread import DEEP_COLOR, WIDE_COLOR
from skhep_dnn.inspection._fitting import make_large_axes
from skhep_dnn.inspection._network_graph import Arrow, Box, network_graph
from skhep_dnn.inspection._network_shape import NetworkShape, network_shape
from skhep_dnn.inspection._plotting import NEUTRAL_COLOR, merge_style, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

__all__ = ["NetworkDiagramDisplay"]

# In inches, which are the units of the axes.
_COLUMN, _ROW = 3.2, 0.62
_WIDTH, _HEIGHT, _JOIN_HEIGHT = 1.5, 0.42, 0.26

_STYLES: dict[str, dict[str, Any]] = {
    "inputs": {"facecolor": "#EEEEEE", "edgecolor": NEUTRAL_COLOR},
    "deep": {"facecolor": f"{DEEP_COLOR}40", "edgecolor": DEEP_COLOR},
    "wide": {"facecolor": f"{WIDE_COLOR}40", "edgecolor": WIDE_COLOR},
    "join": {"facecolor": "white", "edgecolor": NEUTRAL_COLOR},
    "output": {"facecolor": "#EEEEEE", "edgecolor": "black"},
}


class NetworkDiagramDisplay:
    """Boxes and arrows of the layers of a fitted network, from the top to the bottom.

    Make one with `from_estimator`. More than 8 hidden layers are drawn as one box for
    all in a row that are alike.

    Parameters
    ----------
    boxes : mapping of str to Box
        Text, kind, column and row of each box.
    arrows : sequence of Arrow
        Names of the boxes that they join.
    title : str, default=None
        Stands above.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    boxes_ : dict of str to matplotlib FancyBboxPatch
        The boxes.
    arrows_ : list of matplotlib FancyArrowPatch
        The arrows.

    See Also
    --------
    BlockRelianceDisplay : On which path a network relies.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 17.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import NetworkDiagramDisplay
    >>> events = make_gaussian_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     hidden_layer_sizes=[20, 10], dropout=0.0, max_epochs=1
    ... ).fit(events.data, events.target)
    >>> display = NetworkDiagramDisplay.from_estimator(model)
    >>> [box.text for box in display.boxes.values()]
    ['4 features\\n16 inputs', '20 swish', '10 swish', '1 logit']
    """

    def __init__(
        self,
        *,
        boxes: Mapping[str, Box],
        arrows: Sequence[Arrow],
        title: str | None = None,
    ) -> None:
        self.boxes = boxes
        self.arrows = arrows
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        title: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the networks of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted `WeightedDNNClassifier`, or a pipeline that ends with one.
        title : str, default=None
            Stands above; None tells the connections, members and parameters.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.patches.FancyBboxPatch`.

        Returns
        -------
        display : NetworkDiagramDisplay

        Raises
        ------
        TypeError
            If the estimator has no networks.
        NotFittedError
            If it is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        shape = network_shape(final_step(estimator))
        boxes, arrows = network_graph(shape)
        title = _title(shape) if title is None else title
        return cls(boxes=boxes, arrows=arrows, title=title).plot(ax, **kwargs)

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw boxes and arrows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.patches.FancyBboxPatch`.

        Returns
        -------
        self : NetworkDiagramDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        low, high, bottom = self._limits()
        size = (max(high - low, 3.4), bottom + _ROW + 0.5)
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.ax_.set(xlim=(low, high), ylim=(bottom + 0.5 * _ROW, -0.5 * _ROW))
            self.ax_.set_aspect("equal")
            self.ax_.set_axis_off()
            if self.title is not None:
                self.ax_.set_title(self.title, fontsize="small")
            self.boxes_: dict[str, FancyBboxPatch] = {
                name: self._draw_box(box, kwargs) for name, box in self.boxes.items()
            }
            self.arrows_: list[FancyArrowPatch] = [
                self._draw_skip(arrow)
                if arrow.kind == "skip"
                else self._draw_flow(arrow)
                for arrow in self.arrows
            ]
        return self

    def _limits(self) -> tuple[float, float, float]:
        """Return the ends of the horizontal axis and the last row, in inches."""
        bends = [self._bend(arrow) for arrow in self.arrows if arrow.kind == "skip"]
        right = _COLUMN * max(box.x for box in self.boxes.values())
        margin = _WIDTH / 2 + 0.15
        left = margin + max(bends, default=0.0)
        return -left, right + margin, _ROW * max(box.y for box in self.boxes.values())

    def _bend(self, arrow: Arrow) -> float:
        """Return how far a skip reaches beyond the boxes: more, the longer it is."""
        rows = self.boxes[arrow.end].y - self.boxes[arrow.start].y
        return 0.13 * rows

    def _draw_box(self, box: Box, kwargs: dict[str, Any]) -> "FancyBboxPatch":
        from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

        width, height = _size(box)
        patch = FancyBboxPatch(
            (_COLUMN * box.x - width / 2, _ROW * box.y - height / 2),
            width,
            height,
            **merge_style(
                {
                    **_STYLES[box.kind],
                    "boxstyle": f"round,pad=0,rounding_size={0.3 * height}",
                    "linewidth": 1.2,
                    "zorder": 3,
                },
                kwargs,
                FancyBboxPatch,
            ),
        )
        self.ax_.add_patch(patch)
        self.ax_.text(
            _COLUMN * box.x,
            _ROW * box.y,
            box.text,
            ha="center",
            va="center",
            fontsize="x-small" if box.kind == "join" else "small",
            linespacing=1.15,
            zorder=4,
        )
        return patch

    def _draw_flow(self, arrow: Arrow) -> "FancyArrowPatch":
        from matplotlib.patches import FancyArrowPatch  # noqa: PLC0415

        start, end = self.boxes[arrow.start], self.boxes[arrow.end]
        patch = FancyArrowPatch(
            (_COLUMN * start.x, _ROW * start.y + _size(start)[1] / 2),
            (_COLUMN * end.x, _ROW * end.y - _size(end)[1] / 2),
            arrowstyle="-|>",
            mutation_scale=9,
            shrinkA=0,
            shrinkB=0,
            color="black",
            linewidth=1.0,
            zorder=2,
        )
        self.ax_.add_patch(patch)
        return patch

    def _draw_skip(self, arrow: Arrow) -> "FancyArrowPatch":
        from matplotlib.patches import FancyArrowPatch  # noqa: PLC0415
        from matplotlib.path import Path  # noqa: PLC0415

        start, end = self.boxes[arrow.start], self.boxes[arrow.end]
        left, right = (_COLUMN * box.x - _size(box)[0] / 2 for box in (start, end))
        # A cubic curve goes three quarters of the way from its ends to its controls.
        reach = _COLUMN * start.x - _WIDTH / 2 - self._bend(arrow)
        far = (reach - (left + right) / 8) / 0.75
        top, bottom = _ROW * start.y, _ROW * end.y
        patch = FancyArrowPatch(
            path=Path(
                [(left, top), (far, top), (far, bottom), (right, bottom)],
                [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
            ),
            arrowstyle="-|>",
            mutation_scale=6,
            color=NEUTRAL_COLOR,
            linewidth=0.7,
            zorder=1,
        )
        self.ax_.add_patch(patch)
        return patch


def _size(box: Box) -> tuple[float, float]:
    return _WIDTH * box.width, _JOIN_HEIGHT if box.kind == "join" else _HEIGHT


def _title(shape: NetworkShape) -> str:
    norm = ", batch norm" if shape.batch_norm else ""
    n_parameters = spaced(shape.n_parameters)
    members = "1 member" if shape.n_members == 1 else f"{shape.n_members} members"
    return (
        f"{shape.connection} connections{norm}\n{members}, {n_parameters} parameters "
        + ("each" if shape.n_members > 1 else "")
    ).rstrip()
