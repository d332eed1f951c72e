"""Several classifiers as one training: the folds of a cross-validation, for example.

Networks that train as members of one batch are faster than one after the other, and it
does not matter to the engine whose members they are. So each classifier prepares its
own fit; the tables are put below each other, the members of all train together, and
each classifier records its own part.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from skhep_dnn._fit_tasks import has_callbacks
from skhep_dnn._told_columns import warns_once
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._engine.batches import batch_shape
from skhep_dnn.neural_network._engine.data import Events, Member
from skhep_dnn.neural_network._engine.results import TrainedMembers
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.training import torn_momenta, train_members
from skhep_dnn.neural_network._preparation.prepared_fit import PreparedFit

__all__ = ["fit_masks_together", "fit_together"]

LEAST_FILLED = 0.9  # share of the batches in a pass that hold events of each sample


@warns_once
def fit_together(
    classifiers: Sequence[WeightedDNNClassifier],
    samples: Iterable[Mapping[str, Any]],
    *,
    n_jobs: int | None = None,
    max_bytes: int = 2 * 2**30,
) -> list[WeightedDNNClassifier]:
    """Fit several classifiers as one training, each on its own sample.

    Faster than one `fit` after the other, above all for classifiers of one or two
    members: the networks of all train in common matrix products, in groups that can be
    spread over processes. Each classifier comes out as if by its own `fit`: with the
    same splits, weights, initial networks and random numbers.

    What shapes a step of the training must be the same for all: the networks, the
    parameters of the optimiser, the batches, the number of passes, the patience. So
    must the numbers of columns, of categories and of outputs, and whether the members
    are validated and scored. Seeds, samples, `n_members`, `cv`,
    `validation_fraction`, `scoring` and the rules of weights may differ.

    Parameters
    ----------
    classifiers : sequence of WeightedDNNClassifier
        Each is fitted in place. A fit before is forgotten.
    samples : iterable of mapping
        For each classifier the keyword arguments of `fit`, `X` and `y` at least.
        Of an iterator one sample is held at a time.
    n_jobs : int, default=None
        Number of processes that train; it has no effect on the results. None means 1
        unless in a `joblib.parallel_config`. That of the classifiers counts in
        prediction.
    max_bytes : int, default=2147483648
        Largest size of the common table, of 4 bytes for each event and column of all
        samples, those of validation included; 2 GiB. An array that several samples
        share, float32 in C order and with the same labels, counts once.

    Returns
    -------
    classifiers : list of WeightedDNNClassifier
        The same objects, fitted.

    Raises
    ------
    FitTogetherError
        If the classifiers cannot train together; they can then be fitted one by one.
    TypeError
        If one is no WeightedDNNClassifier.
    ValueError
        If one cannot be fitted at all, as from its `fit`.
    NonFiniteLossError
        If the loss of one becomes nan or infinite; then none is fitted.

    See Also
    --------
    WeightedDNNClassifier : Fits one, of any number of members.
    train_members : The same for arrays and records, without estimators.

    Notes
    -----
    Each member draws all its random numbers from its own seeds. Two things can differ
    from a `fit` alone:

    - the last bits of products, which depend on the size of a group of members and
      grow over a training, as between two machines;
    - the batches, where samples are of unequal size: they are made for the largest
      one. A smaller one has fewer events in its last batch, or none in the last ones,
      a tenth of all at most, and takes more steps than alone.

    Two classifiers of one member and equal sizes have the bits of their own fits.

    The samples are held once more while they train, as float32, and twice while they
    are put together.

    Messages of the training count the members of all classifiers, from 0.

    Examples
    --------
    Three folds:

    >>> from sklearn.base import clone
    >>> from sklearn.model_selection import StratifiedKFold
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.neural_network import fit_together
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> X, y, w = events.data, events.target, events.sample_weight
    >>> model = WeightedDNNClassifier(
    ...     n_layers=2, width=16, max_epochs=5, random_state=0
    ... )
    >>> folds = list(StratifiedKFold(3).split(X, y))
    >>> models = fit_together(
    ...     [clone(model) for _ in folds],
    ...     [
    ...         {"X": X.iloc[rows], "y": y[rows], "sample_weight": w[rows]}
    ...         for rows, _ in folds
    ...     ],
    ... )
    >>> [m.decision_function(X.iloc[rows]).shape for m, (_, rows) in zip(models, folds)]
    [(334,), (333,), (333,)]
    """
    classifiers = list(classifiers)
    prepared = _prepared(classifiers, samples, max_bytes)
    members, X, y = _stacked(prepared)
    parts = _trained(prepared, members, X, y, n_jobs)
    for model, one, part in zip(classifiers, prepared, parts, strict=True):
        model._finish(one, part)
    return classifiers


@warns_once
def fit_masks_together(
    classifiers: Sequence[WeightedDNNClassifier],
    samples: Iterable[Mapping[str, Any]],
    masks: Sequence[ArrayLike],
    *,
    n_jobs: int | None = None,
    max_bytes: int = 2 * 2**30,
) -> list[list[WeightedDNNClassifier]]:
    """Fit classifiers that see some of their columns alone, all as one training.

    What is a variable worth: each mask hides other columns of the same events, and the
    networks of all masks train on one table. A column that is hidden contributes
    nothing, whatever its values, and nothing is learnt from it.

    Parameters
    ----------
    classifiers : sequence of WeightedDNNClassifier
        They are not fitted but copied, once for each mask; a fit before is forgotten.
    samples : iterable of mapping
        For each classifier the keyword arguments of `fit`, `X` and `y` at least, with
        all columns.
    masks : sequence of array-like of bool of shape (n_features,)
        Columns that are seen, one or more, in the order of the table.
    n_jobs : int, default=None
        Number of processes that train; it has no effect on the results. None means 1
        unless in a `joblib.parallel_config`.
    max_bytes : int, default=2147483648
        Largest size of the common table, as in `fit_together`. Masks add nothing.

    Returns
    -------
    models : list of list of WeightedDNNClassifier
        For each mask one fitted copy of each classifier. They take all columns.

    Raises
    ------
    FitTogetherError
        If the classifiers cannot train together, or a mask hides one component of a
        momentum that `augmenter` rotates.
    TypeError
        If one is no WeightedDNNClassifier.
    ValueError
        If one cannot be fitted at all, or a mask has a wrong shape or hides all.
    NonFiniteLossError
        If the loss of one becomes nan or infinite.

    See Also
    --------
    fit_together : Fits classifiers that see all their columns.
    skhep_dnn.feature_selection.BackwardEliminationSelector : Chooses columns by it.

    Notes
    -----
    Copies differ in what they see alone: they have the same splits, training weights,
    order of events and initial networks, those of all columns. A network that is
    trained on a table without the columns draws other initial weights, fewer and
    larger by the root of the share of inputs that are left.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.neural_network import fit_masks_together
    >>> events = make_gaussian_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_members=1, n_layers=1, width=8, max_epochs=3, random_state=0
    ... )
    >>> without_first, without_second = fit_masks_together(
    ...     [model],
    ...     [{"X": events.data, "y": events.target}],
    ...     [[i != hidden for i in range(events.data.shape[1])] for hidden in (0, 1)],
    ... )
    >>> other = events.data.copy()
    >>> other.iloc[:, 0] += 1.0
    >>> difference = without_first[0].decision_function(other)
    >>> difference -= without_first[0].decision_function(events.data)
    >>> bool((difference == 0.0).all())
    True
    """
    classifiers = [clone(model) for model in classifiers]
    prepared = _prepared(classifiers, samples, max_bytes)
    inputs = [_inputs_of(mask, k, classifiers[0]) for k, mask in enumerate(masks)]
    for k, seen in enumerate(inputs):
        _check_momenta(seen, k, prepared[0].settings)
    stacked, X, y = _stacked(prepared)
    members = [replace(m, inputs=seen) for seen in inputs for m in stacked]
    parts = iter(_trained(prepared * len(inputs), members, X, y, n_jobs))
    models = []
    for _ in inputs:
        of_mask = [copy.copy(model) for model in classifiers]
        for model, one in zip(of_mask, prepared, strict=True):
            model._finish(one, next(parts))
        models.append(of_mask)
    return models


def _prepared(
    classifiers: Sequence[WeightedDNNClassifier],
    samples: Iterable[Mapping[str, Any]],
    max_bytes: int,
) -> list[PreparedFit]:
    """Let each classifier do what comes before a training."""
    _check_classifiers(classifiers)
    prepared: list[PreparedFit] = []
    for k, (model, sample) in enumerate(zip(classifiers, samples, strict=True)):
        prepared.append(model._prepare(**sample))
        _check_agreement(prepared[0], prepared[k], k)
        _check_size(prepared, max_bytes)
    _check_batches(prepared)
    return prepared


def _trained(
    prepared: Sequence[PreparedFit],
    members: Sequence[Member],
    X: NDArray[np.float32],
    y: NDArray[Any],
    n_jobs: int | None,
) -> list[TrainedMembers]:
    """Train all members as one; return those of each fit."""
    training = train_members(
        prepared[0].settings,
        members,
        X,
        y,
        largest_sample=max(one.largest_sample for one in prepared),
    )
    sizes = [len(one.members) for one in prepared]
    try:
        trained = training.run(n_jobs)
    except (ValueError, ArithmeticError) as error:
        error.add_note(
            f"Members of the classifiers, one after the other: {_ranges(sizes)}."
        )
        raise
    return _parts(trained, sizes)


def _inputs_of(
    mask: ArrayLike, k: int, model: WeightedDNNClassifier
) -> NDArray[np.bool_]:
    """Return a mask of the columns of the networks: numbers first, codes last."""
    seen, n_features = np.asarray(mask), model.n_features_in_
    if seen.shape != (n_features,) or seen.dtype.kind != "b" or not seen.any():
        msg = (
            f"`masks` must hold one bool for each of the {n_features} columns, and "
            f"leave one or more, got {seen.tolist()!r} as number {k}. Correct it."
        )
        raise ValueError(msg)
    encoder = model.encoder_
    columns: NDArray[np.bool_] = seen[[*encoder.numeric_, *encoder.categorical_]]
    return columns


def _check_momenta(
    inputs: NDArray[np.bool_], k: int, settings: TrainingSettings
) -> None:
    """Refuse to hide one component of a momentum, which a rotation would bring back."""
    if torn_momenta(inputs, settings):
        msg = (
            "Classifiers with an `augmenter` that train together must see both "
            f"components of a momentum, or none, got one alone by mask {k}. Put them "
            "into one group."
        )
        raise FitTogetherError(msg)


def _check_classifiers(classifiers: Sequence[WeightedDNNClassifier]) -> None:
    """Refuse what cannot train together, before anything is learnt or drawn."""
    for k, model in enumerate(classifiers):
        if not isinstance(model, WeightedDNNClassifier):
            msg = (
                "`classifiers` must be of WeightedDNNClassifier, got "
                f"{type(model).__name__} as number {k}. Pass classifiers."
            )
            raise TypeError(msg)
    if len(classifiers) == 0 or len({id(m) for m in classifiers}) < len(classifiers):
        msg = (
            "`classifiers` must be one or more, each an object of its own, got "
            f"{len(classifiers)} with one twice or none. Pass clones."
        )
        raise ValueError(msg)
    for k, model in enumerate(classifiers):
        reason = _reason_against(model)
        if reason is not None:
            msg = (
                f"Classifiers that train together must {reason} of classifier {k}. "
                "Fit them one by one."
            )
            raise FitTogetherError(msg)


def _reason_against(model: WeightedDNNClassifier) -> str | None:
    """Return what must be and what is instead, None where nothing is wrong."""
    if type(model).fit is not WeightedDNNClassifier.fit:
        return f"have the `fit` of WeightedDNNClassifier, got {type(model).__name__!r}"
    if model.callbacks or has_callbacks(model):
        return f"have no callbacks, got some: `callbacks` is {model.callbacks!r}"
    if model.warm_start and hasattr(model, "net_"):
        return "begin anew, got warm_start=True and networks"
    # Whoever goes on one by one after an error must find them as they were.
    for name in ("random_state", "cv"):
        value = getattr(model, name)
        value = getattr(value, "random_state", value)
        if isinstance(value, np.random.RandomState):
            return f"have seeds that are numbers, got a RandomState in `{name}`"
    return None


def _check_agreement(first: PreparedFit, other: PreparedFit, k: int) -> None:
    """Refuse members that one training cannot hold."""
    different = _differences(first.settings, other.settings)
    for what in ("validation", "score"):
        one, two = (getattr(p.members[0], what) is None for p in (first, other))
        if one != two:
            different.append(f"choice whether there is a {what}")
    if different:
        msg = (
            "Classifiers that train together must agree in what shapes a step, got "
            f"another {', '.join(different)} for classifier {k} than for the first. "
            "Fit them one by one."
        )
        raise FitTogetherError(msg)


def _differences(one: TrainingSettings, other: TrainingSettings) -> list[str]:
    """Return what differs, in the words of the classifier."""
    words = {
        "n_numeric": "number of columns of numbers",
        "embeddings": "number of categories of some column",
        "n_outputs": "number of classes",
        "kernel": "set of columns or symmetries of `augmenter`",
        "split": "`feature_groups`",
    }
    names = [field.name for field in fields(TrainingSettings)]
    return [
        words.get(name, f"`{name}`")
        for name in names
        if getattr(one, name) != getattr(other, name)
    ]


def _check_size(prepared: Sequence[PreparedFit], max_bytes: int) -> None:
    tables, _ = _tables(prepared)
    n_bytes = sum(table.X.nbytes for table in tables)
    if n_bytes > max_bytes:
        msg = (
            f"The common table of {len(prepared)} samples must take {max_bytes} bytes "
            f"at most, got {n_bytes}. Raise `max_bytes`, or fit the classifiers one by "
            "one."
        )
        raise FitTogetherError(msg)


def _check_batches(prepared: Sequence[PreparedFit]) -> None:
    """Refuse samples that would have no events in many batches of a pass."""
    sizes = [one.largest_sample for one in prepared]
    n_steps, width = batch_shape(max(sizes), prepared[0].settings.batch_size)
    if -(-min(sizes) // width) < LEAST_FILLED * n_steps:
        msg = (
            "Samples that are trained on together must fill nine of ten batches, got "
            f"{min(sizes)} events in one of them and {max(sizes)} in another. Fit the "
            "classifiers one by one."
        )
        raise FitTogetherError(msg)


def _tables(
    prepared: Sequence[PreparedFit],
) -> tuple[list[Events], list[tuple[int, int]]]:
    """Return all tables, and which of them each fit trains and validates on."""
    tables: list[Events] = []
    places = []
    for one in prepared:
        own = _place(one.events, tables)
        # Without an explicit sample the validation events are rows of the own table.
        judged = own if one.held_out is None else _place(one.held_out, tables)
        places.append((own, judged))
    return tables, places


def _place(events: Events, tables: list[Events]) -> int:
    """Return which of the tables these events are; they become one if none is."""
    for k, table in enumerate(tables):
        if events.X is table.X and np.array_equal(events.y, table.y):
            return k
    tables.append(events)
    return len(tables) - 1


def _stacked(
    prepared: list[PreparedFit],
) -> tuple[list[Member], NDArray[np.float32], NDArray[Any]]:
    """Put all tables below each other; return members that count the common rows.

    Afterwards the records refer to the common table, so that the others can be freed.
    An explicit validation sample is part of it, too: rows that nobody trains on.
    """
    tables, places = _tables(prepared)
    starts = [0, *accumulate(len(table.y) for table in tables)]
    X, y = tables[0].X, tables[0].y
    if len(tables) > 1:
        X = np.concatenate([table.X for table in tables])
        y = np.concatenate([table.y for table in tables])
    members: list[Member] = []
    for k, (one, (own, judged)) in enumerate(zip(prepared, places, strict=True)):
        members += _moved(one.members, starts[own], starts[judged])
        rows = slice(starts[own], starts[own + 1])
        prepared[k] = replace(one, events=Events(X[rows], y[rows]), held_out=None)
    return members, X, y


def _moved(members: Sequence[Member], own: int, judged: int) -> list[Member]:
    """Return members whose rows are counted from other ones on."""
    # Members that share an array of rows still do.
    known: dict[tuple[int, int], NDArray[np.int64]] = {}

    def moved(rows: NDArray[np.int64], by: int) -> NDArray[np.int64]:
        if (id(rows), by) not in known:
            known[id(rows), by] = rows + by
        return known[id(rows), by]

    return [
        replace(
            member,
            rows=moved(member.rows, own),
            validation_rows=None
            if member.validation_rows is None
            else moved(member.validation_rows, judged),
        )
        for member in members
    ]


def _slices(sizes: Sequence[int]) -> list[range]:
    return [range(*pair) for pair in pairwise([0, *accumulate(sizes)])]


def _ranges(sizes: Sequence[int]) -> str:
    """Return the numbers of the members of each classifier, for messages."""
    return ", ".join(f"{r.start}-{r.stop - 1}" for r in _slices(sizes))


def _parts(trained: TrainedMembers, sizes: Sequence[int]) -> list[TrainedMembers]:
    return [trained.part(members) for members in _slices(sizes)]
