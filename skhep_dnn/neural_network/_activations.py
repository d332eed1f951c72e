"""Activations of hidden layers, each with the initial weights that suit it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Derivative",
    "LearntSwish",
    "PReLU",
    "activation_names",
    "derivatives_of",
]

PRELU_START = 0.25

Derivative = Callable[[Tensor, Tensor, Tensor], None]


class PReLU(nn.Module):
    """Rectifier whose slope for negative values is learnt, one for each member.

    **Shape:** `(n_members, n_batch, width)` to the same.
    """

    def __init__(self, n_members: int) -> None:
        super().__init__()
        shape = (n_members, 1, 1)
        self.slope = nn.Parameter(torch.full(shape, PRELU_START, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` where positive, else `slope * x`."""
        return torch.where(x > 0.0, x, self.slope * x)


class LearntSwish(nn.Module):
    """Swish `x * sigmoid(beta * x)` with a beta that is learnt, from 1.

    **Shape:** `(n_members, n_batch, width)` to the same.
    """

    def __init__(self, n_members: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(n_members, 1, 1, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Return `x * sigmoid(beta * x)`."""
        return x * torch.sigmoid(self.beta * x)


@dataclass(frozen=True)
class Activation:
    """An activation with the initialisation that keeps its signals in range.

    Attributes
    ----------
    make : callable
        Makes the module from the number of members.
    gain : float
        Variance of the initial weights times `fan_in`, or times the mean of both
        fans where `use_fan_out` holds.
    use_fan_out : bool
        Glorot's rule instead of He's or LeCun's.
    n_parameters : int
        Parameters that each layer learns for it.
    derivative : callable or None
        Writes the gradient of its inputs, from that of its outputs and the inputs,
        where torch has a function for that.
    """

    make: Callable[[int], nn.Module]
    gain: float
    use_fan_out: bool = False
    n_parameters: int = 0
    derivative: Derivative | None = None

    def variance(self, n_in: int, n_out: int) -> float:
        """Return the variance of the initial weights of a layer."""
        return self.gain / ((n_in + n_out) / 2 if self.use_fan_out else n_in)


class _Function(nn.Module):
    """A module that calls one function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.function.__name__


def _softmax(x: Tensor) -> Tensor:
    return torch.softmax(x, dim=-1)


def _of(function: Callable[[Tensor], Tensor]) -> Callable[[int], nn.Module]:
    return lambda _n_members: _Function(function)


def _relu_derivative(grad: Tensor, x: Tensor, out: Tensor) -> None:
    torch.ops.aten.threshold_backward.grad_input(grad, x, 0.0, grad_input=out)


def _swish_derivative(grad: Tensor, x: Tensor, out: Tensor) -> None:
    torch.ops.aten.silu_backward.grad_input(grad, x, grad_input=out)


HE, LECUN, GLOROT = 2.0, 1.0, 1.0
ACTIVATIONS = {
    "relu": Activation(  # arXiv:1502.01852
        _of(torch.relu), HE, derivative=_relu_derivative
    ),
    "prelu": Activation(PReLU, HE / (1.0 + PRELU_START**2), n_parameters=1),  # Eq. (15)
    "selu": Activation(_of(functional.selu), LECUN),  # arXiv:1706.02515
    "swish": Activation(  # as for ReLU, arXiv:1710.05941
        _of(functional.silu), HE, derivative=_swish_derivative
    ),
    "swish_learnt": Activation(LearntSwish, HE, n_parameters=1),
    "gelu": Activation(_of(functional.gelu), HE),
    "tanh": Activation(_of(torch.tanh), GLOROT, use_fan_out=True),
    "sigmoid": Activation(_of(torch.sigmoid), GLOROT, use_fan_out=True),
    "exponential": Activation(_of(torch.exp), GLOROT, use_fan_out=True),
    "softmax": Activation(_of(_softmax), GLOROT, use_fan_out=True),
}


def activation_names(activation: str | Sequence[str], n_layers: int) -> list[str]:
    """Return the name of each layer's activation.

    Parameters
    ----------
    activation : str or sequence of str
        One name for all layers, or one for each.
    n_layers : int
        Number of hidden layers.

    Returns
    -------
    names : list of str

    Raises
    ------
    ValueError
        If a name is unknown or there is not one for each layer.
    """
    names = [activation] * n_layers if isinstance(activation, str) else [*activation]
    unknown = [name for name in names if name not in ACTIVATIONS]
    if unknown:
        msg = (
            f"`activation` must be among {list(ACTIVATIONS)!r}, got {unknown!r}. "
            "Choose one of them, or a list with one for each hidden layer."
        )
        raise ValueError(msg)
    if len(names) != n_layers:
        msg = (
            f"`activation` must have one name for each of the {n_layers} hidden "
            f"layers, got {len(names)}: {names!r}. Correct the list."
        )
        raise ValueError(msg)
    return names


def derivatives_of(rules: Sequence[Activation]) -> tuple[Derivative, ...]:
    """Return the derivatives of activations; none where one of them has none."""
    known = [rule.derivative for rule in rules if rule.derivative is not None]
    return tuple(known) if len(known) == len(rules) else ()
