"""The gradient written by hand against that of autograd."""

import pytest
import torch

from skhep_dnn.neural_network._activations import ACTIVATIONS, activation_names
from skhep_dnn.neural_network._networks.network import MemberNetwork

BY_HAND = [name for name, rule in ACTIVATIONS.items() if rule.derivative is not None]
N_NUMERIC = 4


@pytest.fixture
def make_network():
    def make(activation="swish", *, by_hand=True, dropout=0.5):
        net = MemberNetwork(
            n_numeric=N_NUMERIC,
            missing_values=float("nan"),
            embeddings=[(3, 2)],
            hidden_layer_sizes=[6, 5, 3],
            activation=activation_names(activation, 3),
            connection="dense",
            dropout=[dropout] * 3,
            seeds=[1, 2],
        ).double()
        with torch.no_grad():
            net.biases[0].normal_(generator=torch.Generator().manual_seed(5))
        if not by_hand:
            net._derivatives = ()
        return net

    return make


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 9, N_NUMERIC, generator=generator, dtype=torch.float64)
    codes = torch.randint(3, (2, 9, 1), generator=generator).double()
    return torch.cat([x, codes], 2)


@pytest.fixture
def random_bytes():
    generator = torch.Generator().manual_seed(4)
    shape = 2, 9 * (6 + 5 + 3)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def by_event(random_bytes, widths=(6, 5, 3)):
    """The same bytes where the outputs of an event stand side by side."""
    layers = random_bytes.split([9 * width for width in widths], 1)
    parts = zip(layers, widths, strict=True)
    return torch.cat([part.view(2, n, 9).mT.flatten(1) for part, n in parts], 1)


def gradients(net, x, random_bytes=None):
    net.from_scaled(x, random_bytes).square().sum().backward()
    return {name: parameter.grad for name, parameter in net.named_parameters()}


@pytest.mark.parametrize("activation", [*BY_HAND, [BY_HAND[0], BY_HAND[1], "swish"]])
@pytest.mark.parametrize("with_dropout", [False, True])
def test_gradients_are_those_of_autograd(
    make_network, inputs, random_bytes, activation, with_dropout
):
    drawn, sorted_bytes = None, None
    if with_dropout:
        drawn, sorted_bytes = random_bytes, by_event(random_bytes)
    ours = gradients(make_network(activation), inputs, drawn)
    autograd = make_network(activation, by_hand=False)
    expected = gradients(autograd, inputs, sorted_bytes)
    assert ours.keys() == expected.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, expected[name], msg=name)


def test_inputs_have_gradients_where_they_are_asked_for(make_network, inputs):
    grads = []
    for by_hand in (True, False):
        x = inputs.clone().requires_grad_()
        gradients(make_network(by_hand=by_hand), x)
        grads.append(x.grad[..., :N_NUMERIC])
    assert (grads[0] != 0.0).all()
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("n_batch", [1, 4])
def test_a_pass_leaves_the_parameters_as_they_are(make_network, inputs, n_batch):
    net = make_network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    gradients(net, inputs[:, :n_batch])
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_second_derivatives_are_refused(make_network, inputs):
    net = make_network()
    loss = net.from_scaled(inputs).square().sum()
    (first,) = torch.autograd.grad(loss, net.weights[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
