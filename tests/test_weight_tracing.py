"""One vector of weights traced through every public path of the package.

Each path takes the weights of the whole sample and returns what it computes from them.
The weight of a single event is changed: the result must change if the event belongs to
the path, and must stay the same to the bit if it does not. A new path is one line of
the table `PATHS`.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import methodcaller
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler

from skhep_dnn import (
    BackwardEliminationSelector,
    BoostedDNN,
    WeightedDNNClassifier,
)
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.metrics import (
    make_significance_scorer,
    overtraining_test,
    weighted_scorer,
)
from skhep_dnn.model_selection import (
    AutoMLClassifier,
    EventNumberKFold,
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    compare_classifiers,
    cross_validate_pooled,
)
from skhep_dnn.neural_network import refined_weights
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import SymmetryAugmenter
from tests.model_selection import fake_automl

# Samples are small here, of which classifier and scorers rightly warn.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    # Kept weights that cancel are what is looked at here.
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.CancellingWeightsWarning"),
]

# Events 0-59 are trained on, 60-89 are the explicit validation sample, 90-119 are
# scored. Even events are background, odd ones signal.
N = 120
RNG = np.random.default_rng(5)
Y = np.where(np.arange(N) % 2, "s", "b")
X = pd.DataFrame(RNG.normal(size=(N, 3)) + 1.0 * (Y == "s")[:, None], columns=[*"abc"])
W = np.where(Y == "s", 0.05, 2.0) * RNG.uniform(0.5, 1.5, size=N)
TRAIN, VALID, SCORED = slice(0, 60), slice(60, 90), slice(90, N)

# Two splits without a common event; 110 and above are in neither.
SPLITS = [
    (np.arange(0, 35), np.arange(35, 55)),
    (np.arange(55, 90), np.arange(90, 110)),
]


def small(**changes: Any) -> WeightedDNNClassifier:
    options = {
        "n_members": 1,
        "n_layers": 1,
        "width": 4,
        "activation": "tanh",
        "connection": "plain",
        "dropout": 0.0,
        "learning_rate": 1e-2,
        "optimizer_eps": 1e-8,
        "schedule": "constant",
        "batch_size": 32,
        "max_epochs": 2,
        "early_stopping": False,
        "validation_fraction": None,
        "cv": None,
        "random_state": 0,
    }
    return WeightedDNNClassifier(**{**options, **changes})


def trained(w: np.ndarray, **changes: Any) -> WeightedDNNClassifier:
    """Fit on the training events alone."""
    return small(**changes).fit(X[TRAIN], Y[TRAIN], w[TRAIN])


def validated(w: np.ndarray, **changes: Any) -> WeightedDNNClassifier:
    """Fit on the training events with the explicit validation sample."""
    training, validation = ((X[s], Y[s], w[s]) for s in (TRAIN, VALID))
    return small(**changes).fit(*training, *validation)


def in_folds(w: np.ndarray, **changes: Any) -> WeightedDNNClassifier:
    """Fit three members; member k leaves out the training events k modulo 3."""
    folds = PredefinedSplit(np.arange(60) % 3)
    return trained(w, n_members=3, cv=folds, max_epochs=6, **changes)


def averaged(w: np.ndarray, **changes: Any) -> WeightedDNNClassifier:
    """Fit a network to copies of the training events, validated on those of others."""
    augmenter = SymmetryAugmenter(rotation=False, reflections="z", odd_under={"c": "z"})
    model = SymmetryAveragedClassifier(
        small(**changes), augmenter=augmenter, n_copies=2, random_state=0
    )
    training, validation = ((X[s], Y[s], w[s]) for s in (TRAIN, VALID))
    return model.fit(*training, *validation).estimator_


# Without factors and waves a network needs some passes to learn.
SLOW = {
    "numeric_scaling": "standard",
    "scale_learning_rate": None,
    "numeric_embedding": None,
}


def boosted(w: np.ndarray, estimator: Any = None, **options: Any) -> BoostedDNN:
    """Boost on the training events with the explicit validation sample."""
    estimator = small(**SLOW) if estimator is None else estimator
    options = {"n_estimators": 2, "n_iter_no_change": None, **options}
    training, validation = ((X[s], Y[s], w[s]) for s in (TRAIN, VALID))
    model = BoostedDNN(estimator, random_state=0, **options)
    return model.fit(*training, *validation)


def start_of_boosting(w: np.ndarray, **options: Any) -> np.ndarray:
    """Score of the training events that boosting starts from, in folds modulo 3."""
    folds = PredefinedSplit(np.arange(60) % 3)
    model = boosted(w, init=LogisticRegression(), cv=folds, **options)
    return model.init_estimators_[1].coef_


def history_of(model: WeightedDNNClassifier, name: str, member: int = 0) -> np.ndarray:
    return model.history_.loc[model.history_["member"] == member, name].to_numpy()


def parameters_of(model: WeightedDNNClassifier, member: int) -> np.ndarray:
    state = model.net_.module_.state_dict().values()
    return np.concatenate([value[member].numpy().ravel() for value in state])


@cache
def ready() -> FrozenEstimator:
    """A model that is fitted already, so that only its scoring sees the weights."""
    return FrozenEstimator(trained(W, max_epochs=20, learning_rate=0.05))


def scored(w: np.ndarray, scorer: Any) -> float:
    return scorer(ready(), X[SCORED], Y[SCORED], sample_weight=w[SCORED])


def significance(**options: Any) -> Any:
    yields = {"signal_yield": 20.0, "background_yield": 500.0, "min_n_eff": 1.0}
    return make_significance_scorer(**{**yields, **options})


def carrying(w: np.ndarray, make: Callable[..., Any], **options: Any) -> float:
    """Score without passing weights: the scorer carries those of all events."""
    series = pd.Series(w, index=X.index)
    scorer = make(sample_weight=series, **options)
    return scorer(ready(), X[SCORED], Y[SCORED])


def cross_validated(w: np.ndarray, estimator: Any, scorer: Any, key: str) -> np.ndarray:
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            estimator,
            X,
            Y,
            cv=SPLITS,
            scoring=scorer,
            params={"sample_weight": w},
            return_train_score=True,
        )
    return result[key]


def pooled(w: np.ndarray, estimator: Any, scorer: Any = None, **options: Any) -> Any:
    return cross_validate_pooled(
        estimator, X, Y, w, cv=SPLITS, scoring=scorer, n_replicas=3, **options
    )


def compared(w: np.ndarray) -> Any:
    """Compare a network with a classifier of others."""
    models = {"network": small(), "linear": LogisticRegression()}
    return compare_classifiers(models, X, Y, w, cv=SPLITS, n_replicas=3, random_state=0)


def overtrained(w: np.ndarray) -> list[float]:
    """Return what is said of the first column on training and scored events."""
    (y, score, train), (y_test, score_test, test) = (
        (Y[s], X["a"].to_numpy()[s], w[s]) for s in (TRAIN, SCORED)
    )
    result = overtraining_test(
        *(y, score, y_test, score_test, train, test),
        n_permutations=2,
        n_replicas=2,
        random_state=0,
    )
    gap = result.gaps["roc_auc"]
    return [gap.gap, *result.samples_to_frame()["distance"]]


def of_automl(w: np.ndarray) -> np.ndarray:
    """Fit an AutoML library that has one linear model."""
    with pytest.MonkeyPatch.context() as patch:
        fake_automl.install(patch)
        model = AutoMLClassifier(random_state=0, backend="autogluon")
        return model.fit(X[TRAIN], Y[TRAIN], w[TRAIN]).predict_proba(X)


def searched(
    w: np.ndarray,
    estimator: Any,
    scorer: Any = None,
    *,
    routing: bool = False,
    search: Any = GridSearchCV,
    width: str = "weighteddnnclassifier__width",
    refit: bool = False,
) -> Any:
    options = {"cv": SPLITS, "scoring": scorer, "refit": refit}
    if search is RandomizedSearchCV:
        options |= {"n_iter": 2, "random_state": 0}
    with sklearn.config_context(enable_metadata_routing=routing):
        return search(estimator, {width: [2, 3]}, **options).fit(X, Y, sample_weight=w)


def searched_on(
    w: np.ndarray,
    estimator: Any,
    scorer: Any = None,
    *,
    name: str = "width",
    choices: Any = (2, 3),
    **options: Any,
) -> OptunaSearchCV:
    """Search on a grid with pooled scores."""
    options = {"n_replicas": 3, "random_state": 0, "refit": False, **options}
    search = OptunaSearchCV(
        estimator,
        {name: list(choices)},
        n_trials=len(choices),
        sampler="grid",
        scoring=scorer,
        cv=SPLITS,
        **options,
    )
    return search.fit(X, Y, sample_weight=w)


def cross_fitted(w: np.ndarray, estimator: Any, **options: Any) -> CrossFitClassifier:
    """Fit one model for each of three folds: that of event k is k modulo 3."""
    model = CrossFitClassifier(
        estimator, cv=EventNumberKFold(3, rule="modulo"), **options
    )
    return model.fit(X, Y, sample_weight=w, event_number=np.arange(N))


def chosen_cut(w: np.ndarray, **options: Any) -> SignificanceThresholdClassifier:
    """Choose a cut on the scored events."""
    model = SignificanceThresholdClassifier(
        ready(), cv="prefit", min_n_eff=1.0, n_replicas=3, random_state=0, **options
    )
    return model.fit(X[SCORED], Y[SCORED], sample_weight=w[SCORED])


def eliminated(w: np.ndarray, estimator: Any, **options: Any) -> Any:
    """Drop one column, by trainings without each of them."""
    options = {"cv": SPLITS, "n_features_to_select": 2, "random_state": 0, **options}
    selector = BackwardEliminationSelector(estimator, n_replicas=3, **options)
    return selector.fit(X, Y, sample_weight=w)


def filtered(w: np.ndarray) -> SeparationSelector:
    return SeparationSelector(n_bins=6, n_replicas=2).fit(
        X[TRAIN], Y[TRAIN], sample_weight=w[TRAIN]
    )


def pipeline(*, scale: bool = True) -> Any:
    scaler = StandardScaler()
    if not scale:
        scaler.set_fit_request(sample_weight=False)
    return make_weighted_pipeline(scaler, small())


def split_scores(search: Any, split: int) -> np.ndarray:
    return search.cv_results_[f"split{split}_test_score"]


def scaler_means(w: np.ndarray, *, scale: bool) -> np.ndarray:
    with sklearn.config_context(enable_metadata_routing=True):
        fitted = pipeline(scale=scale).fit(X[TRAIN], Y[TRAIN], sample_weight=w[TRAIN])
    return fitted[0].mean_


def tuned_threshold(w: np.ndarray) -> float:
    with sklearn.config_context(enable_metadata_routing=True):
        tuned = TunedThresholdClassifierCV(
            ready(), scoring=significance(), cv="prefit", refit=False, thresholds=20
        )
        tuned.fit(X[SCORED], Y[SCORED], sample_weight=w[SCORED])
    return tuned.best_score_


def with_negative(w: np.ndarray, *rows: int) -> np.ndarray:
    signed = w.copy()
    signed[list(rows)] *= -0.3
    return signed


def chosen_by_number(w: np.ndarray) -> SignificanceThresholdClassifier:
    model = SignificanceThresholdClassifier(
        CrossFitClassifier(small(), event_number="number"),
        choose=NO_CUT,
        n_replicas=0,
    )
    return model.fit(X.assign(number=np.arange(N)), Y, sample_weight=w)


NO_CUT = methodcaller("at", -np.inf)
AUC = weighted_scorer("roc_auc")
LOG_LOSS = weighted_scorer("balanced_log_loss")


class Path(NamedTuple):
    """What is computed from the weights, and which events belong to it."""

    result: Callable[[np.ndarray], Any]
    inside: Sequence[int]
    outside: Sequence[int]


TRAINING, VALIDATION, SCORING = (4, 7), (60, 61), (90, 91)
NOT_TRAINING = (*VALIDATION, *SCORING)
TRAINING_OF_FOLD_1 = (3, 6, 5)
PATHS = {
    # comparisons
    "compared network": Path(
        lambda w: compared(w).out_of_fold["network"][35:55], (4, 7), (40, 60, 95, 115)
    ),
    "compared classifier of others": Path(
        lambda w: compared(w).out_of_fold["linear"][35:55], (4, 7), (40, 60, 95, 115)
    ),
    "compared figure": Path(
        lambda w: compared(w).metrics["roc_auc"]["linear"].value,
        (4, 40, 60, 95),
        (112, 115),
    ),
    "compared overfitting": Path(
        lambda w: compared(w).overfitting["balanced_log_loss"]["linear"].value,
        (4, 40, 60, 95),
        (112, 115),
    ),
    "overtraining": Path(overtrained, (*TRAINING, *SCORING), VALIDATION),
    "automl": Path(of_automl, TRAINING, NOT_TRAINING),
    # fit
    "fit": Path(lambda w: trained(w).decision_function(X), TRAINING, NOT_TRAINING),
    "training loss": Path(
        lambda w: history_of(validated(w), "train_loss"), TRAINING, NOT_TRAINING
    ),
    "scaling of the inputs": Path(
        lambda w: validated(w).net_.module_.inputs.center.numpy(),
        TRAINING,
        NOT_TRAINING,
    ),
    "robust scaling of the inputs": Path(
        lambda w: validated(
            w, numeric_scaling="robust"
        ).net_.module_.inputs.center.numpy(),
        TRAINING,
        NOT_TRAINING,
    ),
    "quantiles of the inputs": Path(
        lambda w: validated(
            w, numeric_scaling="quantile"
        ).net_.module_.inputs.knots.numpy(),
        TRAINING,
        NOT_TRAINING,
    ),
    "edges of bins": Path(
        lambda w: validated(
            w, numeric_scaling="standard", numeric_embedding="piecewise_linear"
        ).net_.module_.numbers.edges.numpy(),
        TRAINING,
        NOT_TRAINING,
    ),
    "factors of the inputs": Path(
        lambda w: (
            trained(w, scale_learning_rate=5.0)
            .net_.module_.numbers.factor.detach()
            .numpy()
        ),
        TRAINING,
        NOT_TRAINING,
    ),
    "capped training": Path(
        lambda w: trained(w, max_weight=1.2).decision_function(X),
        TRAINING,
        NOT_TRAINING,
    ),
    "unbalanced training": Path(
        lambda w: trained(w, class_weight=None).decision_function(X),
        TRAINING,
        NOT_TRAINING,
    ),
    "report of the weights": Path(
        lambda w: validated(w).weight_report_["yield"].to_numpy(),
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    "copies of the training events": Path(
        lambda w: history_of(averaged(w), "train_loss"), TRAINING, NOT_TRAINING
    ),
    "copies of the validation events": Path(
        lambda w: history_of(averaged(w), "valid_loss"),
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    # boosting: the validation events decide the step of "gradient"
    "boosting by gradient, first network": Path(
        lambda w: parameters_of(boosted(w).estimators_[0], 0), TRAINING, NOT_TRAINING
    ),
    "boosting by gradient, second network and its offset": Path(
        lambda w: boosted(w).decision_function(X),
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    "boosting by gradient of another classifier": Path(
        lambda w: boosted(w, LogisticRegression()).decision_function(X),
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    "boosting by vote, error rates": Path(
        lambda w: boosted(w, method="vote").estimator_errors_, TRAINING, NOT_TRAINING
    ),
    "boosting by reweighting, second network": Path(
        lambda w: parameters_of(boosted(w, method="reweight").estimators_[1], 0),
        TRAINING,
        NOT_TRAINING,
    ),
    "boosting, validation scores": Path(
        lambda w: boosted(w, method="reweight").validation_scores_[1:],
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    "boosting, training scores": Path(
        lambda w: boosted(w, method="reweight").train_score_[1:],
        TRAINING,
        NOT_TRAINING,
    ),
    "start of boosting, model of fold 1": Path(
        start_of_boosting, TRAINING_OF_FOLD_1, (*NOT_TRAINING,)
    ),
    "start of boosting, score of the validation events": Path(
        lambda w: boosted(w, init=LogisticRegression(), cv=3).validation_scores_[:1],
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    # negative weights: 4 and 60 are negative
    "training with a negative event, kept": Path(
        lambda w: history_of(validated(with_negative(w, 4)), "train_loss"),
        (4, 6),
        (60,),
    ),
    "training with a negative event, abs": Path(
        lambda w: history_of(
            validated(with_negative(w, 4), negative_weights="abs"), "train_loss"
        ),
        (4, 6),
        (60,),
    ),
    "training with a negative event, zero": Path(
        lambda w: history_of(
            validated(with_negative(w, 4), negative_weights="zero"), "train_loss"
        ),
        (6, 7),
        (4, 60),
    ),
    "training with negative events, refined": Path(
        lambda w: history_of(
            validated(with_negative(w, 4, 8), negative_weights="refine"), "train_loss"
        ),
        (4, 6, 7),
        (60, 61),
    ),
    "validation with negative events, refined": Path(
        lambda w: history_of(
            validated(with_negative(w, 4, 60), negative_weights="refine"), "valid_loss"
        ),
        (60, 6, 4),
        SCORING,
    ),
    "refined weights": Path(
        lambda w: refined_weights(
            X[TRAIN], Y[TRAIN], with_negative(w, 4, 8)[TRAIN], random_state=0
        )[20:],
        (4, 6),
        (1, 3, *NOT_TRAINING),
    ),
    "boosting of refined weights": Path(
        lambda w: boosted(
            with_negative(w, 4), method="reweight", negative_weights="refine"
        ).train_score_[1:],
        TRAINING,
        NOT_TRAINING,
    ),
    "validation with a negative event, zero": Path(
        lambda w: history_of(
            validated(with_negative(w, 4, 60), negative_weights="zero"), "valid_loss"
        ),
        (60, 6),
        (4,),
    ),
    # validation
    "validation loss": Path(
        lambda w: history_of(validated(w), "valid_loss"),
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    "best loss": Path(
        lambda w: validated(w).best_loss_, (*TRAINING, *VALIDATION), SCORING
    ),
    "weights of the members": Path(
        lambda w: (
            validated(w, n_members=2, member_weighting="inverse_loss").member_weights_
        ),
        (*TRAINING, *VALIDATION),
        SCORING,
    ),
    "training loss of member 1, which leaves out fold 1": Path(
        lambda w: history_of(in_folds(w), "train_loss", 1), (3, 6, 5), (1, 4, 7, 60)
    ),
    "validation loss of member 1 in fold 1": Path(
        lambda w: history_of(in_folds(w, validate_on_fold=True), "valid_loss", 1),
        (1, 4, 3, 5),
        (60,),
    ),
    "member 1 without a validation sample": Path(
        lambda w: parameters_of(in_folds(w), 1), (3, 6, 5), (1, 4, 7, 10, 60)
    ),
    "member 1 whose fold 1 is untouched": Path(
        lambda w: parameters_of(
            in_folds(w, validation_fraction=0.3, early_stopping=True), 1
        ),
        # of the other folds those count that the member trains on: see below
        (),
        (1, 4, 7, 10, 60),
    ),
    # scorers
    "default score": Path(
        lambda w: ready().score(X[SCORED], Y[SCORED], sample_weight=w[SCORED]),
        SCORING,
        (*TRAINING, *VALIDATION),
    ),
    "binned significance": Path(
        lambda w: scored(w, significance()), SCORING, (*TRAINING, *VALIDATION)
    ),
    "maximal significance": Path(
        lambda w: scored(w, significance(at="max")), SCORING, TRAINING
    ),
    "significance of the predictions": Path(
        lambda w: scored(w, significance(at="predict")), SCORING, TRAINING
    ),
    "significance at a threshold": Path(
        lambda w: scored(w, significance(at=0.5)), SCORING, TRAINING
    ),
    "roc_auc": Path(lambda w: scored(w, AUC), SCORING, TRAINING),
    "balanced_log_loss": Path(lambda w: scored(w, LOG_LOSS), SCORING, TRAINING),
    "roc_auc that carries all weights": Path(
        lambda w: carrying(w, weighted_scorer, name="roc_auc"), SCORING, TRAINING
    ),
    "significance that carries all weights": Path(
        lambda w: carrying(w, significance), SCORING, TRAINING
    ),
    "significance in the yields of all carried weights": Path(
        lambda w: carrying(
            w,
            make_significance_scorer,
            target=pd.Series(Y, index=X.index),
            min_n_eff=1.0,
        ),
        (*SCORING, *TRAINING, *VALIDATION),
        (),
    ),
    "choice of a threshold": Path(tuned_threshold, SCORING, TRAINING),
    # cross-validation
    "test score of split 0, ready model": Path(
        lambda w: cross_validated(w, ready(), AUC, "test_score")[0],
        (35, 36),
        (4, 60, 90, 91, 115),
    ),
    "training score of split 0, ready model": Path(
        lambda w: cross_validated(w, ready(), AUC, "train_score")[0],
        (4, 7),
        (35, 60, 90, 115),
    ),
    "test score of split 1, ready model": Path(
        lambda w: cross_validated(w, ready(), LOG_LOSS, "test_score")[1],
        (90, 91),
        (4, 35, 36, 60, 115),
    ),
    "test score of split 0": Path(
        lambda w: cross_validated(w, small(), LOG_LOSS, "test_score")[0],
        (4, 7, 35, 36),
        (60, 61, 90, 91, 115),
    ),
    "test score of split 1, significance": Path(
        lambda w: cross_validated(w, small(), significance(), "test_score")[1],
        (90, 91),
        (4, 7, 35, 36, 115),
    ),
    "test score of split 1, pipeline": Path(
        lambda w: cross_validated(w, pipeline(), LOG_LOSS, "test_score")[1],
        (60, 61, 90, 91),
        (4, 7, 35, 36, 115),
    ),
    # scores of the whole sample; of split 0 the test events are 35 to 54
    "pooled score, ready model": Path(
        lambda w: pooled(w, ready(), AUC).score.value,
        (35, 36, 90, 91),
        (4, 60, 61, 115),
    ),
    "replicas of a pooled score, ready model": Path(
        lambda w: pooled(w, ready(), LOG_LOSS).score.replicas[0],
        (35, 90),
        (4, 60, 115),
    ),
    "pooled significance in the yields of all events": Path(
        lambda w: (
            pooled(w, ready(), make_significance_scorer(min_n_eff=1.0)).score.value
        ),
        (4, 35, 60, 90, 115),
        (),
    ),
    "out-of-fold scores of split 0, as members": Path(
        lambda w: pooled(w, small(), as_members=True).oof_decision_function[35:55],
        (4, 7),
        (35, 60, 90, 115),
    ),
    "out-of-fold scores of split 1, as members behind a step": Path(
        lambda w: pooled(w, pipeline(), as_members=True).oof_decision_function[90:110],
        (60, 61),
        (4, 35, 90, 115),
    ),
    "test score of split 0, one by one": Path(
        lambda w: pooled(w, pipeline(), as_members=False).test_scores["score"][0],
        (4, 7, 35, 36),
        (60, 90, 115),
    ),
    # searches with pooled scores
    "pooled search, score of split 0": Path(
        lambda w: split_scores(searched_on(w, small(), LOG_LOSS), 0),
        (4, 7, 35, 36),
        (60, 90, 115),
    ),
    "pooled search, score of split 1, pipeline": Path(
        lambda w: split_scores(
            searched_on(w, pipeline(), name="weighteddnnclassifier__width"), 1
        ),
        (60, 90),
        (4, 35, 115),
    ),
    "pooled search, pooled score": Path(
        lambda w: searched_on(w, small(), AUC).cv_results_["pooled_test_score"],
        (4, 35, 60, 90),
        (115,),
    ),
    "pooled search, error of the pooled score": Path(
        lambda w: searched_on(w, small()).cv_results_["pooled_test_error_score"],
        (35, 90),
        (115,),
    ),
    "pooled search, what is reported beside": Path(
        lambda w: searched_on(w, small()).cv_results_["pooled_test_roc_auc"],
        (35, 90),
        (115,),
    ),
    "pooled search, training scores of split 0": Path(
        lambda w: searched_on(w, small(), return_train_score=True).cv_results_[
            "split0_train_score"
        ],
        (4, 7),
        (35, 60, 90, 115),
    ),
    "pooled search, out-of-fold scores of split 0": Path(
        lambda w: searched_on(w, small()).best_oof_decision_function_[35:55],
        (4, 7),
        (60, 115),
    ),
    "pruned search, score of split 0": Path(
        lambda w: split_scores(searched_on(w, small(), pruning="paired"), 0),
        (4, 7, 35, 36),
        (60, 90, 115),
    ),
    "refit of a pooled search": Path(
        lambda w: searched_on(w, small(), refit=True).decision_function(X),
        (4, 35, 60, 90, 115),
        (),
    ),
    "refit of a pooled search over a pipeline": Path(
        lambda w: (
            searched_on(w, pipeline(), name="weighteddnnclassifier__width", refit=True)
            .best_estimator_[0]
            .mean_
        ),
        (4, 35, 60, 90, 115),
        (),
    ),
    # cross-fitting; the model of fold 1 is trained on the events 0, 2, 3, 5, ...
    "model of fold 1, as members": Path(
        lambda w: cross_fitted(w, small()).oof_decision_function_[1::3],
        (0, 2, 60, 90),
        (1, 4, 91, 115),
    ),
    "model of fold 1, one by one behind a step": Path(
        lambda w: cross_fitted(w, pipeline(), as_members=False).decision_function(
            X, event_number=np.ones(N, dtype=int)
        ),
        (0, 2, 60, 90),
        (1, 4, 91, 115),
    ),
    "yields of fold 1": Path(
        lambda w: cross_fitted(w, LogisticRegression()).fold_report_["yield"][2:4],
        (1, 4, 91, 115),
        (0, 2, 60, 90),
    ),
    # choice of a cut
    "significance of all that is selected": Path(
        lambda w: chosen_cut(w, choose=NO_CUT).best_score_, SCORING, TRAINING
    ),
    "largest significance": Path(
        lambda w: np.append(chosen_cut(w).best_score_, chosen_cut(w).gain_),
        (91, 93),
        TRAINING,
    ),
    "replicas of the cut": Path(
        lambda w: chosen_cut(w).stability_.significance.replicas, (91, 93), TRAINING
    ),
    "cross-fitted significance": Path(
        lambda w: chosen_by_number(w).cross_fitted_.value, (4, 60, 90, 115), ()
    ),
    # selection of columns: 110 and above are in no fold
    "elimination, scores": Path(
        lambda w: eliminated(w, small()).elimination_path_["score"],
        (4, 35, 60, 90),
        (110, 115),
    ),
    "elimination, scores of a pipeline": Path(
        lambda w: eliminated(w, pipeline()).elimination_path_["score"],
        (4, 35, 60, 90),
        (110, 115),
    ),
    "elimination, errors": Path(
        lambda w: eliminated(w, LogisticRegression()).elimination_path_["error"],
        (4, 35, 60, 90),
        (110, 115),
    ),
    "elimination, errors of another score": Path(
        lambda w: eliminated(
            w, LogisticRegression(), scoring="neg_brier_score"
        ).elimination_path_["error"],
        (4, 35, 60, 90),
        (110, 115),
    ),
    "elimination, permutation importances": Path(
        lambda w: eliminated(
            w, small(), strategy="hybrid", n_candidates=1
        ).elimination_path_["difference"],
        (4, 35, 60, 90),
        (),  # the yields of all events belong to it, as they scale each fold
    ),
    "separations of a filter": Path(
        lambda w: filtered(w).table_["separation"], TRAINING, NOT_TRAINING
    ),
    "correlations of a filter": Path(
        lambda w: filtered(w).correlation_.to_numpy(), TRAINING, NOT_TRAINING
    ),
    # pipelines
    "network of a pipeline": Path(
        lambda w: (
            pipeline()
            .fit(X[TRAIN], Y[TRAIN], sample_weight=w[TRAIN])
            .decision_function(X)
        ),
        TRAINING,
        NOT_TRAINING,
    ),
    "preprocessing step of a pipeline": Path(
        lambda w: scaler_means(w, scale=True), TRAINING, NOT_TRAINING
    ),
    "preprocessing step that wants no weights": Path(
        lambda w: scaler_means(w, scale=False), (), (*TRAINING, *NOT_TRAINING)
    ),
    # searches
    "search, split 0": Path(
        lambda w: split_scores(searched(w, small(), LOG_LOSS, width="width"), 0),
        (4, 35),
        (60, 90, 115),
    ),
    "search, split 0, default score": Path(
        lambda w: split_scores(searched(w, small(), width="width"), 0),
        (35, 36),
        (60, 90, 115),
    ),
    "search, split 1, with routing": Path(
        lambda w: split_scores(
            searched(w, small(), LOG_LOSS, width="width", routing=True), 1
        ),
        (60, 90),
        (4, 35, 115),
    ),
    "search over a pipeline, split 0": Path(
        lambda w: split_scores(searched(w, pipeline(), LOG_LOSS), 0),
        (4, 35),
        (60, 90, 115),
    ),
    "search over a pipeline, split 1, with routing": Path(
        lambda w: split_scores(searched(w, pipeline(), LOG_LOSS, routing=True), 1),
        (60, 90),
        (4, 35, 115),
    ),
    "random search over a pipeline, split 0": Path(
        lambda w: split_scores(
            searched(w, pipeline(), LOG_LOSS, search=RandomizedSearchCV), 0
        ),
        (4, 35),
        (60, 90, 115),
    ),
    "refit of a search": Path(
        lambda w: searched(w, pipeline(), LOG_LOSS, refit=True).decision_function(X),
        (4, 35, 60, 90, 115),
        (),
    ),
}


def changed(w: np.ndarray, row: int) -> np.ndarray:
    other = w.copy()
    other[row] *= 3.0
    return other


@pytest.mark.parametrize("name", PATHS)
def test_the_result_changes_exactly_if_the_event_belongs_to_the_path(name):
    path = PATHS[name]
    before = np.asarray(path.result(W))
    assert np.isfinite(before).all()
    np.testing.assert_array_equal(path.result(W.copy()), before)
    for row in path.inside:
        assert (path.result(changed(W, row)) != before).any(), f"event {row} is lost"
    for row in path.outside:
        same = (path.result(changed(W, row)) == before).all()
        assert same, f"event {row} leaks in"


def test_a_random_validation_part_takes_events_out_of_training_and_into_the_loss():
    options = {"validation_fraction": 0.25, "max_epochs": 1}
    before = trained(W, **options)
    held_out = []
    for row in range(60):
        after = trained(changed(W, row), **options)
        # an event that is trained on changes the network and so both losses
        assert history_of(after, "valid_loss") != history_of(before, "valid_loss")
        if history_of(after, "train_loss") == history_of(before, "train_loss"):
            np.testing.assert_array_equal(
                parameters_of(after, 0), parameters_of(before, 0)
            )
            held_out.append(row)
    assert len(held_out) == 15
    report = before.weight_report_
    yields = report.loc[report["sample"] == "validation", "yield"].sum()
    assert yields == pytest.approx(W[held_out].sum())


def test_a_member_with_an_untouched_fold_uses_all_other_events():
    options = {"validation_fraction": 0.3, "member_weighting": "inverse_loss"}
    before = in_folds(W, **options)
    for row in range(30):
        after = in_folds(changed(W, row), **options)
        uses = after.best_loss_[1] != before.best_loss_[1]
        assert uses == (row % 3 != 1)


def test_the_weight_of_a_validation_event_decides_the_kept_epoch():
    # a background event in the middle of the signal: the more the network learns of
    # the others the more it loses there
    X_val = X[VALID].to_numpy(copy=True)
    X_val[0] = 3.0
    w_val = W[VALID].copy()
    kept = []
    for factor in (1e-3, 1e3):
        w_val[0] = factor * W[VALID][0]
        model = small(max_epochs=20, **SLOW)
        model.fit(X[TRAIN].to_numpy(), Y[TRAIN], W[TRAIN], X_val, Y[VALID], w_val)
        kept.append(int(model.best_epoch_[0]))
    assert kept[0] > 10
    assert kept[1] < 4


def test_the_weight_of_a_validation_event_ends_the_patience():
    X_val = X[VALID].to_numpy(copy=True)
    X_val[0] = 3.0
    w_val = W[VALID].copy()
    ended = []
    for factor in (1e-3, 1e3):
        w_val[0] = factor * W[VALID][0]
        model = small(max_epochs=20, early_stopping=True, n_iter_no_change=2, **SLOW)
        model.fit(X[TRAIN].to_numpy(), Y[TRAIN], W[TRAIN], X_val, Y[VALID], w_val)
        ended.append(int(model.n_iter_[0]))
    assert ended[0] > 10
    assert ended[1] < 6


def test_the_weights_of_tested_events_decide_whether_a_trial_is_pruned():
    # The second trial is worse for nearly all events. If one event of each class has an
    # overwhelming weight it is all that there is to know, and one event proves nothing.
    def states(rows, factor):
        w = W.copy()
        w[rows] *= factor
        search = searched_on(
            w, LogisticRegression(), name="C", choices=(1.0, 1e-4), pruning="paired"
        )
        order = np.argsort(search.cv_results_["param_C"].astype(float))
        return search.cv_results_["state"][order].tolist()

    tested, in_no_fold = [36, 37], [114, 115]
    assert states(tested, 1.0) == ["pruned", "complete"], "the better one comes first"
    assert states(tested, 1e6) == ["complete", "complete"]
    assert states(in_no_fold, 1e6) == ["pruned", "complete"]
