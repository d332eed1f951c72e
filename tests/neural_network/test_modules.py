"""The networks against naive implementations, closed forms and the papers' counts."""

import numpy as np
import pytest
import torch

from skhep_dnn.neural_network._activations import (
    ACTIVATIONS,
    LearntSwish,
    PReLU,
    activation_names,
)
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._networks.shapes import layer_dropout


def network(**changes):
    options = {
        "n_numeric": 4,
        "missing_values": float("nan"),
        "embeddings": [],
        "hidden_layer_sizes": [6, 5, 3],
        "activation": "swish",
        "connection": "dense",
        "dropout": 0.0,
        "seeds": [1, 2],
    }
    options |= changes
    n_layers = len(options["hidden_layer_sizes"])
    options["activation"] = activation_names(options["activation"], n_layers)
    options["dropout"] = layer_dropout(options["dropout"], n_layers)
    return MemberNetwork(**options)


def n_parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("connection", ["plain", "dense"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("embeddings", [[], [(3, 2), (2, 1)]])
def test_inputs_of_all_members_become_one_logit_each(
    connection, activation, embeddings
):
    net = network(connection=connection, activation=activation, embeddings=embeddings)
    x = torch.ones(2, 7, 4 + len(embeddings))
    assert net(x).shape == (2, 7)
    for parameter in net.parameters():
        assert len(parameter) == 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_connections_equal_a_concatenation(activation):
    net = network(activation=activation).double()
    with torch.no_grad():
        for parameter in [*net.biases, net.output_bias]:
            parameter.normal_(generator=torch.Generator().manual_seed(5))
    x = torch.randn(
        2, 9, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    sources, start = [x], 0
    for k, width in enumerate(net.hidden_layer_sizes):
        stop = start + width
        firsts = [0, *np.cumsum(net.hidden_layer_sizes)[:k]]
        rows = [
            net.weights[j][..., start - first : stop - first]
            for j, first in enumerate(firsts)
        ]
        bias = net.biases[0][..., start:stop]
        pre = torch.cat(sources, 2) @ torch.cat(rows, 1) + bias
        sources.append(net.activations[k](pre))
        start = stop
    expected = (sources[-1] @ net.output_weight + net.output_bias).squeeze(2)
    torch.testing.assert_close(net(x), expected)


def test_plain_connections_equal_a_chain_of_layers():
    net = network(connection="plain", activation="tanh").double()
    x = torch.randn(
        2, 9, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    hidden = x
    for weight, bias in zip(net.weights, net.biases, strict=True):
        hidden = torch.tanh(hidden @ weight + bias)
    expected = (hidden @ net.output_weight + net.output_bias).squeeze(2)
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"hidden_layer_sizes": [100] * 4, "connection": "plain"}, 33_813),
        ({"hidden_layer_sizes": [33] * 6, "connection": "dense"}, 23_113),
    ],
)
def test_parameter_counts_are_those_of_strong_2020(options, count):
    net = network(n_numeric=30, embeddings=[(4, 3)], seeds=[0], **options)
    assert n_parameters(net) == count


def test_parameters_multiply_with_the_members():
    one, five = (network(seeds=range(n), activation="prelu") for n in (1, 5))
    assert n_parameters(five) == 5 * n_parameters(one)


def mean_square(function, variance):
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    values = function(torch.from_numpy(np.sqrt(variance) * nodes)).numpy().ravel()
    return float((weights * values**2).sum() / weights.sum())


def expected_variances(activation, connection, n_layers):
    rule = ACTIVATIONS[activation]
    function = rule.make(1).double()
    squares, variances = [1.0], []
    for _ in range(n_layers):
        seen = squares if connection == "dense" else squares[-1:]
        variances.append(rule.gain * np.mean(seen))
        with torch.no_grad():
            squares.append(mean_square(function, variances[-1]))
    return variances


@pytest.mark.parametrize("connection", ["plain", "dense"])
@pytest.mark.parametrize("activation", ["relu", "prelu", "selu", "swish", "gelu"])
def test_initial_variances_of_the_layers_are_those_of_the_rule(activation, connection):
    width, n_layers = 300, 4
    expected = expected_variances(activation, connection, n_layers)
    assert max(expected) < 2.1
    assert min(expected) > 0.3
    assert pre_variances(width, n_layers, activation, connection) == pytest.approx(
        expected, rel=0.15
    )


def test_tanh_has_the_variance_of_glorot():
    # fan-in and fan-out are the same here, and the signal shrinks slowly
    expected = expected_variances("tanh", "plain", 4)
    assert expected[0] == pytest.approx(1.0)
    assert pre_variances(300, 4, "tanh", "plain") == pytest.approx(expected, rel=0.15)
    net = network(n_numeric=300, hidden_layer_sizes=[100], activation="tanh", seeds=[0])
    assert net.weights[0].var().item() == pytest.approx(2 / (300 + 100), rel=0.03)


def pre_variances(width, n_layers, activation, connection):
    net = network(
        n_numeric=width,
        hidden_layer_sizes=[width] * n_layers,
        activation=activation,
        connection=connection,
        seeds=[3],
    )
    variances = []
    for layer in net.activations:
        layer.register_forward_pre_hook(
            lambda _module, inputs: variances.append(inputs[0].square().mean().item())
        )
    x = torch.randn(1, 100, width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        net(x)
    return variances


def test_biases_start_at_zero_and_the_output_layer_with_glorot():
    net = network(hidden_layer_sizes=[3], seeds=range(2000))
    assert not any(bias.any() for bias in [*net.biases, net.output_bias])
    assert net.output_weight.var().item() == pytest.approx(2 / (3 + 1), rel=0.1)


def test_selu_keeps_variance_one():
    expected = expected_variances("selu", "plain", 6)
    assert expected == pytest.approx([1.0] * 6, rel=1e-3)


def test_initial_weights_of_a_member_depend_on_its_own_seed_alone():
    options = {"embeddings": [(4, 3)], "activation": "prelu"}
    group, alone = network(seeds=[7, 8, 9], **options), network(seeds=[8], **options)
    for (name, together), own in zip(
        group.named_parameters(), alone.parameters(), strict=True
    ):
        assert torch.equal(together[1], own[0]), name
    assert not torch.equal(group.weights[0][0], group.weights[0][1])


def test_no_member_sees_another():
    net = network(embeddings=[(2, 2)], activation="prelu")
    x = torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(0))
    x[..., 4] = 1.0
    net(x)[0].sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad[0].any(), name
        assert not parameter.grad[1].any(), name


def test_prelu_has_one_slope_for_each_member():
    layer = PReLU(2)
    with torch.no_grad():
        layer.slope[1] = 0.5
    x = torch.tensor([[[-4.0, 3.0]], [[-4.0, 3.0]]])
    result = layer(x)
    assert result.tolist() == [[[-1.0, 3.0]], [[-2.0, 3.0]]]
    result.sum().backward()
    assert layer.slope.grad.flatten().tolist() == [-4.0, -4.0]


def test_residual_connections_add_the_output_of_a_layer_to_its_input():
    sizes = {"hidden_layer_sizes": [5, 5, 5], "activation": ["tanh", "relu", "gelu"]}
    net = network(connection="residual", **sizes).double()
    x = torch.randn(
        2, 9, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    first = torch.tanh(x @ net.weights[0] + net.biases[0])
    second = first + torch.relu(first @ net.weights[1] + net.biases[1])
    third = second + torch.nn.functional.gelu(second @ net.weights[2] + net.biases[2])
    expected = (third @ net.output_weight + net.output_bias).squeeze(2)
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("gelu", torch.nn.functional.gelu),
        ("sigmoid", torch.sigmoid),
        ("exponential", torch.exp),
        ("softmax", lambda x: torch.softmax(x, dim=2)),
        ("swish_learnt", torch.nn.functional.silu),
    ],
)
def test_activations_compute_what_their_names_say(activation, function):
    x = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ACTIVATIONS[activation].make(2)(x), function(x))


def test_learnt_swish_has_one_beta_for_each_member():
    layer = LearntSwish(2)
    with torch.no_grad():
        layer.beta[1] = 0.0
    x = torch.tensor([[[-4.0, 3.0]], [[-4.0, 3.0]]])
    assert layer(x)[1].tolist() == [[-2.0, 1.5]]
    layer(x).sum().backward()
    # d/dbeta x sigmoid(beta x) = x**2 / 4 at beta = 0
    assert layer.beta.grad[1].item() == pytest.approx((16 + 9) / 4)


def test_each_layer_has_its_own_dropout():
    net = network(
        hidden_layer_sizes=[3, 2, 4], connection="plain", dropout=[0.0, 0.5, 0.25]
    )
    assert net.n_dropped == 2 + 4
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    kept = torch.full((2, 3 * 6), 255, dtype=torch.uint8)
    dropped = kept.clone()
    dropped[:, : 3 * 2] = 0
    hidden = {}
    net.activations[2].register_forward_pre_hook(
        lambda _module, inputs: hidden.update(pre=inputs[0])
    )
    net.from_scaled(x, dropped)
    torch.testing.assert_close(hidden["pre"], net.biases[2].expand(2, 3, 4))
    net.from_scaled(x, kept)
    assert not torch.equal(hidden["pre"][0, 0], hidden["pre"][0, 1])


@pytest.mark.parametrize("dropout", [0.05, 0.25, 0.5, 0.9])
def test_dropout_drops_its_share_of_bytes_and_keeps_the_mean(dropout):
    net = network(hidden_layer_sizes=[256], activation="relu", dropout=dropout)
    with torch.no_grad():
        net.weights[0].zero_()
        net.biases[0].fill_(1.0)
    order = torch.randperm(256, generator=torch.Generator().manual_seed(0))
    random_bytes = order.to(torch.uint8).repeat(2, 1)
    net.from_scaled(torch.zeros(2, 1, 4), random_bytes).sum().backward()
    # the hidden outputs are 1, so that the gradient of their weights is the mask
    mask = net.output_weight.grad[0].flatten()
    n_dropped = round(256 * dropout)
    assert torch.equal(mask == 0.0, order < n_dropped)
    kept = mask[mask != 0.0]
    assert kept.tolist() == pytest.approx([256 / (256 - n_dropped)] * len(kept))
    assert mask.mean().item() == pytest.approx(1.0)


def test_each_hidden_output_has_a_byte_of_its_own():
    net = network(hidden_layer_sizes=[3, 2], connection="plain", dropout=0.5)
    n_batch = 4
    for byte in range(n_batch * net.n_dropped):
        random_bytes = torch.full((2, n_batch * net.n_dropped), 255, dtype=torch.uint8)
        x = torch.randn(2, n_batch, 4, generator=torch.Generator().manual_seed(1))
        kept = net.from_scaled(x, random_bytes)
        random_bytes[0, byte] = 0
        changed = (net.from_scaled(x, random_bytes) != kept).nonzero().tolist()
        if byte < 3 * n_batch:
            assert changed == [[0, byte // 3]]
        else:
            assert changed == [[0, (byte - 3 * n_batch) // 2]]


def test_dropout_is_off_without_bytes():
    x = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(dropout=0.9).train()(x), network(dropout=0.0)(x))


def test_embedding_gives_each_code_the_row_of_its_member():
    net = network(n_numeric=1, embeddings=[(3, 2), (2, 1)]).double()
    codes = [(0, 0), (2, 1), (1, 0), (2, 0)]
    x = torch.tensor([[0.5, *pair] for pair in codes], dtype=torch.float64)
    first, second = net.embeddings
    # the same weights without embeddings, which takes the rows as numbers
    bare = network(n_numeric=4).double()
    bare.load_state_dict(
        {
            name: value
            for name, value in net.state_dict().items()
            if not name.startswith(("embeddings", "inputs"))
        },
        strict=False,
    )
    for k in range(2):
        rows = [
            torch.cat([x[i, :1], first[k, a], second[k, b]])
            for i, (a, b) in enumerate(codes)
        ]
        expected = bare(torch.stack(rows).repeat(2, 1, 1))[k]
        torch.testing.assert_close(net(x.repeat(2, 1, 1))[k], expected)


def test_embeddings_start_as_unit_gaussians():
    table = network(embeddings=[(200, 50)], seeds=[4]).embeddings[0]
    assert table.mean().item() == pytest.approx(0.0, abs=0.05)
    assert table.std().item() == pytest.approx(1.0, abs=0.05)


def test_penalties_act_on_weight_matrices_and_not_on_biases_slopes_or_embeddings():
    net = network(connection="plain", activation="prelu", embeddings=[(4, 3)])
    penalised = {id(p) for p in net.penalised()}
    names = {n for n, p in net.named_parameters() if id(p) in penalised}
    assert names == {"weights.0", "weights.1", "weights.2", "output_weight"}


def test_network_prints_its_activation():
    assert "silu" in repr(network(activation="swish"))
