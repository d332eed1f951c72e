"""The tasks of a fit, of which callbacks of scikit-learn hear.

Since version 1.9 scikit-learn has callbacks, as an experiment: a fit is a tree of
tasks, such as the evaluations of a training or the trials of a search, and a progress
bar or a monitor of scores is told when each begins and ends. All that the package knows
of this is here; in a version without callbacks nobody is told anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from sklearn.base import clone

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this version of scikit-learn has no callbacks."""


__all__ = ["CallbackSupportMixin", "FitTask", "has_callbacks", "without_callbacks"]


class FitTask:
    """A task of a fit; nothing happens where there is nobody to be told.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted.
    context : sklearn.callback.CallbackContext or None
        The place in scikit-learn's tree of tasks; None where it has none.
    n_subtasks : int or None, default=0
        Most subtasks; None where it is not known.
    """

    def __init__(
        self, estimator: Any, context: Any, *, n_subtasks: int | None = 0
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.n_subtasks = n_subtasks
        self.n_begun = 0

    @classmethod
    def of_fit(cls, estimator: Any, *, n_subtasks: int | None = 0) -> Self:
        """Return the task that is the whole fit of an estimator.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted, in a method with scikit-learn's `_fit_context`,
            which tells the callbacks of its end.
        n_subtasks : int or None, default=0
            Most subtasks; None where it is not known.
        """
        context = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=n_subtasks)
        return cls(estimator, context, n_subtasks=n_subtasks)

    @property
    def is_full(self) -> bool:
        """Whether there have been as many subtasks as there may be."""
        return self.n_subtasks is not None and self.n_begun >= self.n_subtasks

    def subtask(
        self,
        name: str,
        *,
        number: int | None = None,
        n_subtasks: int | None = 0,
        in_order: bool = True,
    ) -> FitTask:
        """Return a part of this task.

        Parameters
        ----------
        name : str
            What it does.
        number : int or None, default=None
            Its number, where the subtasks of this task are not done in order.
        n_subtasks : int or None, default=0
            Most subtasks of its own; None where it is not known.
        in_order : bool, default=True
            Whether these are done one after the other.
        """
        context = None
        # More than was said would be an error; that of a search, for example, whose
        # trials come back from another machine.
        if self.context is not None and not self.is_full:
            context = self.context.subcontext(
                task_name=name,
                task_id=number,
                max_subtasks=n_subtasks,
                sequential_subtasks=in_order,
            )
        self.n_begun += 1
        return FitTask(self.estimator, context, n_subtasks=n_subtasks)

    def begin(self, *sample: Any) -> Self:
        """Tell that it begins, with the training events: X, y and their weights."""
        if self.context is not None:
            self.context.call_on_fit_task_begin(
                estimator=self.estimator, **_named(*sample)
            )
        return self

    def end(
        self, *sample: Any, learnt: Callable[[], Mapping[str, Any]] | None = None
    ) -> bool:
        """Tell that it ends; return whether somebody wants no further task like it.

        Parameters
        ----------
        *sample : X, y and sample_weight
            The training events.
        learnt : callable or None, default=None
            Gives the attributes that the estimator would have if its fit ended now;
            called if somebody asks for them.
        """
        if self.context is None:
            return False
        stops: bool = self.context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=learnt,
            **_named(*sample),
        )
        return stops

    @contextmanager
    def lent_to(self, estimator: Any) -> Iterator[None]:
        """Let another estimator be fitted as this task, with the same callbacks."""
        if self.context is None:
            yield
            return
        with self.context.propagate_callback_context(estimator):
            yield


def _named(X: Any = None, y: Any = None, sample_weight: Any = None) -> dict[str, Any]:
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": metadata}


def has_callbacks(estimator: Any) -> bool:
    """Return whether callbacks of scikit-learn are set on an estimator, or inside."""
    return any(getattr(part, "_skl_callbacks", ()) for part in _parts(estimator))


def without_callbacks(estimator: Any) -> Any:
    """Return a clone that tells nobody of its fit."""
    silent = clone(estimator)
    for part in _parts(silent):
        if getattr(part, "_skl_callbacks", ()):
            part.set_callbacks()
    return silent


def _parts(estimator: Any) -> list[Any]:
    if not hasattr(estimator, "get_params"):
        return [estimator]
    return [estimator, *estimator.get_params(deep=True).values()]
