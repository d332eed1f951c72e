import pytest
from matplotlib import pyplot as plt
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn.inspection import NetworkDiagramDisplay
from skhep_dnn.inspection._network_graph import Arrow, Box


@pytest.mark.parametrize("kind", [None, "full", "bottleneck", "semi"])
def test_every_box_and_arrow_is_drawn_within_the_axes(split_model, kind):
    display = NetworkDiagramDisplay.from_estimator(split_model(kind))
    assert set(display.boxes_) == set(display.boxes)
    assert len(display.arrows_) == len(display.arrows)
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts == [box.text for box in display.boxes.values()]
    display.figure_.canvas.draw()
    frame = display.ax_.get_window_extent()
    for patch in [*display.boxes_.values(), *display.arrows_]:
        extent = patch.get_window_extent()
        assert frame.x0 - 1 <= extent.x0
        assert extent.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= extent.y0
        assert extent.y1 <= frame.y1 + 1


@pytest.mark.parametrize("kind", [None, "full", "bottleneck", "semi"])
def test_boxes_do_not_overlap(split_model, kind):
    display = NetworkDiagramDisplay.from_estimator(split_model(kind))
    boxes = [patch.get_window_extent() for patch in display.boxes_.values()]
    for k, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:k]) == 0


def test_the_title_tells_connections_members_and_parameters(split_model):
    model = split_model("full")
    display = NetworkDiagramDisplay.from_estimator(model)
    assert display.ax_.get_title() == (
        f"dense connections\n2 members, {model.n_parameters_} parameters each"
    )
    titled = NetworkDiagramDisplay.from_estimator(model, title="mine")
    assert titled.ax_.get_title() == "mine"


def test_the_skips_of_sums_go_round_the_layers():
    display = NetworkDiagramDisplay(
        boxes={
            "a": Box("+", "join", 0.0, 0.0, 0.17),
            "b": Box("8 relu", "deep", 0.0, 1.0),
            "c": Box("+", "join", 0.0, 2.0, 0.17),
        },
        arrows=[Arrow("a", "c", "skip")],
    ).plot()
    layer = display.boxes_["b"].get_window_extent()
    assert display.arrows_[0].get_window_extent().x0 < layer.x0
    assert display.ax_.get_title() == ""


def test_drawing_on_given_axes_with_a_style(split_model, toy_events):
    X, _, _ = toy_events
    figure, axes = plt.subplots(1, 2)
    pipeline = make_pipeline(StandardScaler().fit(X), split_model(None))
    display = NetworkDiagramDisplay.from_estimator(pipeline, ax=axes[0], lw=3)
    assert display.ax_ is axes[0]
    assert display.figure_ is figure
    assert display.boxes_["inputs"].get_linewidth() == 3
    pipeline = make_pipeline("passthrough", pipeline)
    nested = NetworkDiagramDisplay.from_estimator(pipeline)
    assert nested.boxes == display.boxes
    assert display.plot(axes[1]) is display
    assert display.ax_ is axes[1]
