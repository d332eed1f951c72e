"""What the engine trains and validates on: clean arrays, and a record per member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import index
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import defined_array, without_mask

__all__ = ["Events", "Group", "Member", "MemberSample", "Score", "check_table"]

Score = Callable[[NDArray[np.float64]], float]


class Events(NamedTuple):
    """Events shared by all members.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_columns), dtype float32
        Numeric columns first, category codes last; undefined values are nan.
    y : ndarray of shape (n_samples,), dtype float32 or int64
        1 for the signal, else 0; the position of the class where there are more than
        two.
    offset : ndarray of shape (n_samples,) or (n_samples, n_classes), dtype float32, \
            or None, default=None
        Known logits, which are added to those of the networks in the loss.
    """

    X: NDArray[np.float32]
    y: NDArray[Any]
    offset: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class MemberSample:
    """The events of one member: which ones, and with which weights.

    Attributes
    ----------
    index : ndarray of shape (n_events,), dtype int64
        Rows of the common events.
    weights : ndarray of shape (n_events,)
        Weights in the loss.
    """

    index: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One member of a training: its events, weights and seeds.

    Everything that differs between members stands here; what they share is in
    `TrainingSettings`.

    Parameters
    ----------
    rows : array-like of int of shape (n_events,)
        Rows of the events that it trains on.
    weights : array-like of shape (n_events,)
        Their training weights; for the defaults of the other settings the mean of
        `|w|` must be about 1.
    validation_rows : array-like of int of shape (n_validation,), default=None
        Rows of the events that it is judged on: of `X_val` where there is one, else
        of `X`. None keeps the last state instead of the best one.
    validation_weights : array-like of shape (n_validation,), default=None
        Their weights in the validation loss; they must sum to more than 0.
    network_seed : int, default=0
        Seed of the initial weights.
    order_seed : int, default=0
        Seed of the order of the events, of dropout and of augmentation.
    inputs : array-like of bool of shape (n_columns,), default=None
        Mask of the columns that it sees; the others contribute 0 after scaling and
        embedding, whatever their values. None for all.
    start : mapping of str to ndarray, default=None
        State to start from, as `TrainedMembers.state` returns it, with its scaling;
        that of columns which the other member did not see is learnt. None draws initial
        weights and learns the scaling of all.
    score : callable, default=None
        Judges the member instead of the validation loss: maps the logits of its
        validation events, of shape (n_validation,) or (n_validation, n_classes), to a
        number of which greater is better. It is pickled if groups train in processes.

    Raises
    ------
    TypeError
        If rows are not integers (a mask, for example), or `inputs` is no mask.
    ValueError
        If rows and weights are not of one length, there are no rows, one of
        `validation_rows` and `validation_weights` is missing, weights are not finite or
        all zero, or those of validation do not sum to more than 0.

    See Also
    --------
    train_members : Trains members.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.neural_network import Member
    >>> member = Member(rows=np.arange(100), weights=np.ones(100), network_seed=1)
    >>> member.rows.shape, member.validation
    ((100,), None)
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float64] = field(repr=False)
    validation_rows: NDArray[np.int64] | None = None
    validation_weights: NDArray[np.float64] | None = field(default=None, repr=False)
    network_seed: int = 0
    order_seed: int = 0
    inputs: NDArray[np.bool_] | None = None
    start: Mapping[str, NDArray[np.float32]] | None = field(default=None, repr=False)
    score: Score | None = None

    def __post_init__(self) -> None:
        """Turn what is given into arrays, and refuse what does not fit together."""
        for name in ("rows", "validation_rows"):
            self._convert(name, "iu", np.int64)
        for name in ("weights", "validation_weights"):
            self._convert(name, "biuf", np.float64)
        self._convert("inputs", "b", np.bool_)
        for name in ("network_seed", "order_seed"):
            object.__setattr__(self, name, index(getattr(self, name)))
        _check_lengths(self.rows, self.weights, "rows", "weights")
        if self.validation_rows is not None or self.validation_weights is not None:
            _check_lengths(
                self.validation_rows,
                self.validation_weights,
                "validation_rows",
                "validation_weights",
            )
        self._check_weights()

    def _convert(self, name: str, kinds: str, dtype: Any) -> None:
        value = getattr(self, name)
        if value is None:
            return
        array = defined_array(value, name)
        # Nothing is reinterpreted: as rows a mask would be zeros and ones.
        if array.size and array.dtype.kind not in kinds:
            what = {"iu": "integers", "b": "a mask of bool"}.get(kinds, "numbers")
            msg = (
                f"`{name}` must be {what}, got {array.dtype}. Convert with "
                "`numpy.flatnonzero` from a mask to positions, or compare to make one."
            )
            raise TypeError(msg)
        object.__setattr__(self, name, array.astype(dtype, copy=False))

    def _check_weights(self) -> None:
        for name in ("weights", "validation_weights"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value).all() and value.any()):
                msg = (
                    f"`{name}` must be finite and not all zero, got {value!r}. Correct "
                    "them, or leave the events out."
                )
                raise ValueError(msg)
        if self.validation_weights is not None:
            total = float(self.validation_weights.sum())
            if not total > 0.0:
                msg = (
                    f"`validation_weights` must sum to more than 0, got {total:.6g}, "
                    "with which the worst state would have the lowest loss. Validate "
                    "on more events."
                )
                raise ValueError(msg)

    @property
    def training(self) -> MemberSample:
        """Events and weights that the member trains on."""
        return MemberSample(self.rows, self.weights)

    @property
    def validation(self) -> MemberSample | None:
        """Events and weights that the member is judged on."""
        if self.validation_rows is None or self.validation_weights is None:
            return None
        return MemberSample(self.validation_rows, self.validation_weights)


@dataclass(frozen=True, eq=False)
class Group:
    """Members that train as one batch of matrix products.

    Attributes
    ----------
    events, validation_events : Events
        Events that the members' rows count; the second is the first but for an
        explicit validation sample.
    members : tuple of Member
        The members; all of them validate, or none does.
    n_steps, width : int
        Batches in a pass, and events of one member in a batch.
    number : int, default=0
        Number of the group, and line of its progress bar.
    first : int, default=0
        Number of its first member, as users count them.
    """

    events: Events
    validation_events: Events
    members: tuple[Member, ...]
    n_steps: int
    width: int
    number: int = 0
    first: int = 0

    @property
    def label(self) -> str:
        """Title of the progress bar."""
        last = self.first + len(self.members) - 1
        if last == self.first:
            return f"member {last}"
        return f"members {self.first}-{last}"

    @property
    def training(self) -> list[MemberSample]:
        """Training events of each member."""
        return [member.training for member in self.members]

    @property
    def validation(self) -> list[MemberSample]:
        """Validation events of each member; empty without a validation sample."""
        samples = [member.validation for member in self.members]
        return [sample for sample in samples if sample is not None]


def check_table(X: ArrayLike, n_columns: int, name: str = "X") -> NDArray[np.float32]:
    """Return events as float32 in C order, not copied where they are so already.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_columns)
        Events.
    n_columns : int
        Number of columns that the networks know.
    name : str, default="X"
        Of the argument, for messages.

    Returns
    -------
    table : ndarray of shape (n_samples, n_columns), dtype float32

    Raises
    ------
    ValueError
        If the shape is another one.
    """
    table = np.asarray(without_mask(X), dtype=np.float32, order="C")
    if table.ndim != 2 or table.shape[1] != n_columns:
        msg = (
            f"`{name}` must have the {n_columns} columns of the settings, got the "
            f"shape {table.shape}. Correct `n_numeric`, `embeddings` or the events."
        )
        raise ValueError(msg)
    return table


def _check_lengths(
    rows: NDArray[Any] | None, weights: NDArray[Any] | None, name: str, of_weights: str
) -> None:
    if rows is None or weights is None:
        missing = name if rows is None else of_weights
        msg = f"`{missing}` must not be None when the other is given. Pass both."
        raise ValueError(msg)
    if rows.ndim != 1 or rows.shape != weights.shape or len(rows) == 0:
        msg = (
            f"`{name}` and `{of_weights}` must be of one length, above 0, got the "
            f"shapes {rows.shape} and {weights.shape}. Pass one weight for each row."
        )
        raise ValueError(msg)
