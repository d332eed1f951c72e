"""Which types a model file may hold: exact names, by what is done with them.

A name on one of these lists is safe in its role alone. Of `OBJECTS` an empty instance
is made, without `__init__`, and gets its attributes; `FUNCTIONS` and `TYPES` are looked
up and never called; `CONSTRUCTED` are classes that are called with values. A list of
whole packages would let in `torch.hub.load`, `numpy.load` and whatever else a package
has beside its classes.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import all_estimators

__all__ = [
    "CONSTRUCTED",
    "CONTAINERS",
    "KEYS",
    "TUPLES",
    "functions",
    "import_named",
    "objects",
]

_OWN = {
    "_fold_numbers": ["FoldNumbers"],
    "ensemble._boosted_dnn": ["BoostedDNN"],
    "ensemble._boosting_rules": ["Gradient", "Reweighting", "Vote"],
    "ensemble._cross_fit": ["CrossFitClassifier"],
    "ensemble._start_of_boosting": ["BoostingStart"],
    "ensemble._symmetry_averaged": ["SymmetryAveragedClassifier"],
    "feature_selection._backward_elimination": ["BackwardEliminationSelector"],
    "feature_selection._separation_filter": ["SeparationSelector"],
    "metrics._bootstrap": ["BootstrapResult"],
    "metrics._challenge": ["MaximalAMS", "MeanAMSAt"],
    "metrics._cross_fitted": ["CrossFittedSignificance"],
    "metrics._efficiency": ["EfficiencyAt", "RejectionAt"],
    "metrics._figure_of_merit": ["FigureOfMerit"],
    "metrics._fixed_cut": ["SignificanceAt"],
    "metrics._metric_scorer": ["WeightedMetric"],
    "metrics._metric_with_error": ["MetricWithError"],
    "metrics._scan": ["SignificanceScan", "WorkingPoint"],
    "metrics._scorer": ["EventWeightScorer"],
    "metrics._significance_scorer": ["ScoredSignificance"],
    "model_selection._cut_stability": ["CutStability", "EfficiencyShift"],
    "model_selection._event_number_kfold": ["EventNumberKFold"],
    "model_selection._fold_models": ["FoldModels"],
    "model_selection._limits": ["Limit"],
    "model_selection._optuna_search": ["OptunaSearchCV"],
    "model_selection._overtraining": ["OvertrainingLimit"],
    "model_selection._pruning": ["MedianRule", "PairedTest"],
    "model_selection._significance_threshold": ["SignificanceThresholdClassifier"],
    "model_selection._space": ["SearchSpace"],
    "model_selection._study": ["_SamplerOfTrial"],
    "model_selection._trial_record": ["PooledValue", "TrialRecord"],
    "neural_network._averaging": ["ExponentialAverage", "StochasticWeightAverage"],
    "neural_network._classifier": ["WeightedDNNClassifier"],
    "neural_network._engine.net": ["MemberNet"],
    "neural_network._engine.settings": ["TrainingSettings"],
    "neural_network._feature_split": ["FeatureSplit"],
    "neural_network._losses": ["FocalLoss"],
    "neural_network._numeric_embedding": [
        "PeriodicEmbedding",
        "PiecewiseLinearEmbedding",
    ],
    "neural_network._preparation.columns": ["ColumnEncoder"],
    "neural_network._schedules": ["CosineRestarts", "LinearCycles", "OneCycle"],
    "neural_network._snapshots": ["Snapshots"],
    "pipeline": ["WeightedPipeline"],
    "preprocessing._aligner": ["SymmetryAligner"],
    "preprocessing._augmenter": ["SymmetryAugmenter"],
    "preprocessing._cartesian": ["CartesianMomenta"],
    "preprocessing._invariants": ["InvariantFeatures"],
    "preprocessing._momenta": ["Momentum"],
    "preprocessing._orientation": ["Orientation"],
    "preprocessing._symmetry_kernel": ["SymmetryKernel"],
    "weights._scheme": ["WeightScheme"],
}
# Parts of scikit-learn's estimators. No `KDTree`, `BallTree` or `SparseMatrix`: what
# their compiled code reads cannot be checked.
_SCIKIT_LEARN = {
    "sklearn._loss.link": [
        "HalfLogitLink",
        "IdentityLink",
        "Interval",
        "LogLink",
        "LogitLink",
        "MultinomialLogit",
    ],
    "sklearn._loss.loss": [
        "AbsoluteError",
        "ExponentialLoss",
        "HalfBinomialLoss",
        "HalfGammaLoss",
        "HalfMultinomialLoss",
        "HalfPoissonLoss",
        "HalfSquaredError",
        "HalfTweedieLoss",
        "HalfTweedieLossIdentity",
        "HuberLoss",
        "PinballLoss",
    ],
    "sklearn.calibration": ["_CalibratedClassifier", "_SigmoidCalibration"],
    "sklearn.ensemble._hist_gradient_boosting.binning": ["_BinMapper"],
    "sklearn.ensemble._hist_gradient_boosting.predictor": ["TreePredictor"],
    "sklearn.gaussian_process._gpc": ["_BinaryGaussianProcessClassifierLaplace"],
    "sklearn.gaussian_process.kernels": [
        "ConstantKernel",
        "Matern",
        "Product",
        "RBF",
        "Sum",
        "WhiteKernel",
    ],
    "sklearn.metrics._scorer": ["_CurveScorer", "_PassthroughScorer", "_Scorer"],
    "sklearn.model_selection._split": [
        "GroupKFold",
        "GroupShuffleSplit",
        "KFold",
        "LeaveOneGroupOut",
        "PredefinedSplit",
        "RepeatedKFold",
        "RepeatedStratifiedKFold",
        "ShuffleSplit",
        "StratifiedGroupKFold",
        "StratifiedKFold",
        "StratifiedShuffleSplit",
        "TimeSeriesSplit",
    ],
    "sklearn.neural_network._stochastic_optimizers": ["AdamOptimizer", "SGDOptimizer"],
    "sklearn.utils._metadata_requests": [
        "MetadataRequest",
        "MethodMetadataRequest",
    ],
}
_OTHERS = {
    "optuna.distributions": [
        "CategoricalDistribution",
        "FloatDistribution",
        "IntDistribution",
    ],
    "optuna.pruners._median": ["MedianPruner"],
    "optuna.pruners._nop": ["NopPruner"],
    "optuna.pruners._percentile": ["PercentilePruner"],
    "optuna.storages._in_memory": ["InMemoryStorage", "_StudyInfo"],
    "optuna.study.study": ["Study"],
    "optuna.trial._frozen": ["FrozenTrial"],
    "scipy.interpolate._bsplines": ["BSpline"],
    "skorch.callbacks.training": ["EarlyStopping"],
}

TUPLES = frozenset(
    {
        "builtins.tuple",
        "skhep_dnn.model_selection._dimensions.Choices",
        "skhep_dnn.model_selection._dimensions.Numbers",
        "skhep_dnn.model_selection._dimensions.Quantile",
        "skhep_dnn.neural_network._engine.settings.Rules",
        "skhep_dnn.neural_network._networks.shapes.SplitLayout",
    }
)
_INTEGERS = [f"numpy.{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)]
_NUMBERS = {*_INTEGERS, "numpy.float32", "numpy.float64"}
# What the keys of a dict are made with. No `bool`: of "False" it makes True.
KEYS = frozenset({"builtins.str", "builtins.int", "builtins.float", "numpy.str_"}) | (
    _NUMBERS
)
_LOSSES = [
    f"sklearn._loss._loss.Cy{name}"
    for name in (
        "AbsoluteError",
        "ExponentialLoss",
        "HalfBinomialLoss",
        "HalfGammaLoss",
        "HalfMultinomialLoss",
        "HalfPoissonLoss",
        "HalfSquaredError",
        "HalfTweedieLoss",
        "HalfTweedieLossIdentity",
        "HuberLoss",
        "PinballLoss",
    )
]
CONSTRUCTED = frozenset({"datetime.datetime", "datetime.timedelta"})
CONTAINERS = {
    "BytesNode": frozenset({"builtins.bytes"}),
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset(
        {"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}
    ),
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "LossNode": frozenset(
        {
            *_LOSSES,
            "sklearn.linear_model._sgd_fast.EpsilonInsensitive",
            "sklearn.linear_model._sgd_fast.Hinge",
            "sklearn.linear_model._sgd_fast.ModifiedHuber",
            "sklearn.linear_model._sgd_fast.SquaredEpsilonInsensitive",
            "sklearn.linear_model._sgd_fast.SquaredHinge",
        }
    ),
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray"}),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "PartialNode": frozenset({"functools.partial"}),  # of a function that is allowed
    "NdArrayNode": frozenset({"numpy.ndarray", "numpy.bool", "numpy.str_"}) | _NUMBERS,
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "SetNode": frozenset({"builtins.frozenset", "builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TypeNode": KEYS
    | {
        "builtins.bool",
        "builtins.dict",
        "builtins.list",
        "builtins.print",
        "builtins.tuple",
        "collections.OrderedDict",
        "numpy.bool",
    },
}

_FUNCTIONS = {
    "numpy": ["abs", "arcsinh", "cbrt", "cos", "exp", "expm1", "log", "log10"],
    "skhep_dnn.model_selection._search_spaces": ["_evolved_layers"],
    "skhep_dnn.neural_network._losses": ["cross_entropy"],
    "skhep_dnn.neural_network._schedules": ["constant"],
    "scipy._lib.array_api_compat.numpy._aliases": ["asarray"],
    "sklearn.feature_selection._univariate_selection": ["chi2", "f_classif"],
    "sklearn.utils.validation": ["check_array"],
}


@cache
def objects() -> frozenset[str]:
    """Return the classes of which instances are made and given attributes.

    Examples
    --------
    >>> "sklearn.linear_model._logistic.LogisticRegression" in objects()
    True
    >>> "subprocess.Popen" in objects()
    False
    """
    estimators = {_name(estimator) for _, estimator in all_estimators()}
    own = _names({f"skhep_dnn.{module}": names for module, names in _OWN.items()})
    parts = _names(_SCIKIT_LEARN) | _names(_OTHERS)
    return frozenset({name for name in estimators if name.startswith("sklearn.")}) | (
        own | parts
    )


@cache
def functions() -> frozenset[str]:
    """Return the functions that attributes may be.

    Examples
    --------
    >>> "skhep_dnn.neural_network._losses.cross_entropy" in functions()
    True
    """
    scorers = [get_scorer(name) for name in get_scorer_names()]
    metrics = {_name(s._score_func) for s in scorers if hasattr(s, "_score_func")}
    return _names(_FUNCTIONS) | metrics


def _names(table: dict[str, list[str]]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module in table for name in table[module])


def _name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def import_named(name: str) -> object:
    """Return what a name stands for, whose module is imported.

    Parameters
    ----------
    name : str
        Module and name, of what is trusted.

    Raises
    ------
    ImportError, AttributeError
        If there is no such thing.

    Examples
    --------
    >>> import_named("builtins.dict")
    <class 'dict'>
    """
    module, _, attribute = name.rpartition(".")
    found: object = getattr(import_module(module), attribute)
    return found
