import pytest

from skhep_dnn.inspection._network_graph import Arrow, network_graph
from skhep_dnn.inspection._network_shape import Inputs, NetworkShape


def make_shape(kind=None, connection="plain", layers=("9 relu", "8 relu"), n_outputs=1):
    split = kind is not None
    return NetworkShape(
        kind=kind,
        deep=Inputs(4, 6),
        wide=Inputs(2, 2) if split else Inputs(0, 0),
        layers=layers,
        connection=connection,
        batch_norm=False,
        wide_layer="5 relu" if split else "",
        bottleneck="1 relu" if split else "",
        n_outputs=n_outputs,
        n_members=1,
        n_parameters=10,
    )


CHAIN = [
    Arrow("inputs", "hidden 0"),
    Arrow("hidden 0", "hidden 1"),
    Arrow("hidden 1", "output"),
]


def test_plain_layers_are_a_chain():
    boxes, arrows = network_graph(make_shape(n_outputs=3))
    assert arrows == CHAIN
    texts = [box.text for box in boxes.values()]
    assert texts == ["4 features\n6 inputs", "9 relu", "8 relu", "3 logits"]
    rows = [box.y for box in boxes.values()]
    assert rows == sorted(set(rows))


def test_dense_layers_see_all_before_and_the_output_the_last():
    _, arrows = network_graph(make_shape(connection="dense", layers=("9 relu",) * 3))
    skips = [(a.start, a.end) for a in arrows if a.kind == "skip"]
    assert skips == [
        ("inputs", "hidden 1"),
        ("inputs", "hidden 2"),
        ("hidden 0", "hidden 2"),
    ]


def test_residual_layers_are_added_to_their_input_from_the_second_on():
    boxes, arrows = network_graph(
        make_shape(connection="residual", layers=("9 relu",) * 3)
    )
    skips = [(a.start, a.end) for a in arrows if a.kind == "skip"]
    assert skips == [("hidden 0", "sum 1"), ("sum 1", "sum 2")]
    assert Arrow("hidden 2", "sum 2") in arrows
    assert Arrow("sum 2", "output") in arrows
    assert boxes["sum 1"].text == "+"


@pytest.mark.parametrize("connection", ["plain", "dense", "residual"])
def test_many_layers_are_one_box_for_each_kind(connection):
    layers = ("9 relu",) * 5 + ("9 tanh",) * 4
    boxes, arrows = network_graph(make_shape(connection=connection, layers=layers))
    hidden = [box.text for name, box in boxes.items() if name.startswith("hidden")]
    assert hidden == ["5 x 9 relu", "4 x 9 tanh"]
    assert [arrow for arrow in arrows if arrow.kind == "flow"] == CHAIN


@pytest.mark.parametrize("kind", ["full", "semi"])
def test_paths_meet_before_the_output(kind):
    boxes, arrows = network_graph(make_shape(kind))
    assert arrows == [
        *CHAIN[:2],
        Arrow("wide inputs", "wide"),
        Arrow("hidden 1", "join"),
        Arrow("wide", "join"),
        Arrow("join", "output"),
    ]
    share = "all 4 features" if kind == "semi" else "4 other features"
    assert boxes["inputs"].text == f"{share}\n6 inputs"
    assert boxes["wide inputs"].text == "2 wide features"
    assert boxes["wide"].text == "5 relu"


def test_bottlenecks_lead_to_the_other_path():
    boxes, arrows = network_graph(make_shape("bottleneck", connection="dense"))
    for arrow in (
        Arrow("inputs", "bottleneck deep"),
        Arrow("bottleneck deep", "join wide"),
        Arrow("join wide", "wide"),
        Arrow("wide inputs", "bottleneck wide"),
        Arrow("bottleneck wide", "join deep"),
        Arrow("join deep", "hidden 0"),
        Arrow("join deep", "hidden 1", "skip"),
    ):
        assert arrow in arrows
    assert boxes["bottleneck deep"].text == "bottleneck\n1 relu"
    places = [(box.x, box.y) for box in boxes.values()]
    assert len(set(places)) == len(places)
