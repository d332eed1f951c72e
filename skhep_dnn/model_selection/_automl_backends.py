"""How AutoML libraries are called: two entrances that do the same.

Both get a table with columns "x0", "x1", ..., numbers of classes and positive weights,
keep their models in a folder, and give a column of probabilities for each class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["BACKENDS", "FitSettings"]

_LABEL, _WEIGHT = "label", "weight"


@dataclass(frozen=True)
class FitSettings:
    """What a fit by an AutoML library is told.

    Attributes
    ----------
    mode : {"quick", "thorough"}
        How much is tried.
    n_classes : int
        Number of classes.
    time_limit : float
        Seconds, as far as the library keeps to them.
    seed : int
        Of the library.
    n_jobs : int
        Cores.
    verbose : int
        Above 0 lets the library print.
    options : mapping
        Further arguments of the library.
    """

    mode: str
    n_classes: int
    time_limit: float
    seed: int
    n_jobs: int
    verbose: int
    options: Mapping[str, Any]


class _Mljar:
    """mljar-supervised: modes "Explain" and "Compete"."""

    # Nearest neighbours and its neural network leave the weights out in silence.
    ignores_weights: ClassVar = ("Neural Network", "Nearest Neighbors")
    _MODES: ClassVar = {"quick": "Explain", "thorough": "Compete"}

    def fit(
        self,
        events: pd.DataFrame,
        codes: NDArray[np.intp],
        weights: NDArray[np.float64],
        folder: Path,
        settings: FitSettings,
    ) -> Any:
        several = settings.n_classes > 2
        options = {
            "mode": self._MODES[settings.mode],
            "explain_level": 0,
            "total_time_limit": settings.time_limit,
            "eval_metric": "logloss",
            "ml_task": f"{'multiclass' if several else 'binary'}_classification",
            "n_jobs": settings.n_jobs,
            "random_state": settings.seed,
            "verbose": settings.verbose,
            **settings.options,
        }
        model = self._library()(results_path=str(folder), **options)
        return model.fit(events, codes, sample_weight=weights)

    def load(self, folder: Path) -> Any:
        return self._library()(results_path=str(folder))

    def predict_proba(
        self, model: Any, events: pd.DataFrame, n_classes: int
    ) -> NDArray[np.float64]:
        found = model.predict_all(events)
        columns = [f"prediction_{code}" for code in range(n_classes)]
        return np.asarray(found[columns], dtype=np.float64)

    @staticmethod
    def _library() -> Any:
        try:
            from supervised import AutoML  # noqa: PLC0415 - an optional dependency
        except ImportError as error:
            msg = (
                "`AutoMLClassifier` must have mljar-supervised, got none installed. "
                'Run `pip install "skhep-dnn[automl]"`.'
            )
            raise ImportError(msg) from error
        return AutoML


class _AutoGluon:
    """AutoGluon: presets "medium_quality" and "best_quality"."""

    ignores_weights: ClassVar = ()
    _PRESETS: ClassVar = {"quick": "medium_quality", "thorough": "best_quality"}

    def fit(
        self,
        events: pd.DataFrame,
        codes: NDArray[np.intp],
        weights: NDArray[np.float64],
        folder: Path,
        settings: FitSettings,
    ) -> Any:
        several = settings.n_classes > 2
        model = self._library()(
            label=_LABEL,
            path=str(folder),
            problem_type="multiclass" if several else "binary",
            eval_metric="log_loss",
            sample_weight=_WEIGHT,
            weight_evaluation=True,
            verbosity=2 * settings.verbose,
        )
        options = {
            "presets": self._PRESETS[settings.mode],
            "time_limit": settings.time_limit,
            "num_cpus": settings.n_jobs if settings.n_jobs > 0 else "auto",
            **settings.options,
        }
        return model.fit(events.assign(**{_LABEL: codes, _WEIGHT: weights}), **options)

    def load(self, folder: Path) -> Any:
        return self._library().load(str(folder))

    def predict_proba(
        self, model: Any, events: pd.DataFrame, n_classes: int
    ) -> NDArray[np.float64]:
        found = model.predict_proba(events, as_multiclass=True)
        return np.asarray(found[list(range(n_classes))], dtype=np.float64)

    @staticmethod
    def _library() -> Any:
        try:
            from autogluon.tabular import (  # noqa: PLC0415 - an optional dependency
                TabularPredictor,
            )
        except ImportError as error:
            msg = (
                '`AutoMLClassifier(backend="autogluon")` must have autogluon.tabular, '
                "got none installed. Run `pip install autogluon.tabular`, or take "
                'backend="mljar".'
            )
            raise ImportError(msg) from error
        return TabularPredictor


BACKENDS: dict[str, Any] = {"mljar": _Mljar(), "autogluon": _AutoGluon()}
