"""Which input variables does a classifier need: leave out, retrain, compare.

From all columns on, the one whose removal helps most, or hurts least, is dropped, until
something is missed. Removals are judged by the pooled out-of-fold predictions of a
cross-validation, as paired differences on the same events, folds and seeds. Source:
the variable selection of E. Bachmann, "Automated Hyperparameter Optimization of Neural
Networks for ATLAS analyses", DPG meeting 2023, T 63.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.feature_selection import SelectorMixin
from sklearn.model_selection import check_cv
from sklearn.utils import Tags, check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from skhep_dnn._fit_tasks import without_callbacks
from skhep_dnn._fold_numbers import as_splitter
from skhep_dnn._learnt_table import LearntTable
from skhep_dnn._native_methods import of_native_events
from skhep_dnn._present_events import (
    events_of_weighted_classes,
    splits_of_present,
    taken,
)
from skhep_dnn._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _num_samples,
)
from skhep_dnn._tables import check_table
from skhep_dnn._told_columns import warns_once
from skhep_dnn._validation import check_event_weights
from skhep_dnn.feature_selection._columns import (
    Groups,
    kept_groups,
    resolve_groups,
    with_momenta,
)
from skhep_dnn.feature_selection._elimination import (
    EliminationRules,
    Iteration,
    best_iteration,
    eliminate,
)
from skhep_dnn.feature_selection._paired_scores import ScoredTraining, ScoringRules
from skhep_dnn.feature_selection._restriction import momenta_of, needed_columns
from skhep_dnn.feature_selection._subset_training import Splits, Subset, SubsetTrainer
from skhep_dnn.feature_selection._training_records import TrainingRecords
from skhep_dnn.model_selection._fingerprint import fingerprint
from skhep_dnn.model_selection._folds import Events, FoldRules
from skhep_dnn.model_selection._routing import routed_params, router_of
from skhep_dnn.model_selection._scoring import Scoring, as_scoring
from skhep_dnn.model_selection._target import check_target
from skhep_dnn.neural_network import WeightedDNNClassifier

__all__ = ["BackwardEliminationSelector"]

MAX_SEED = 2**31 - 1
_LOG_LOSS = "balanced_log_loss"


class BackwardEliminationSelector(SelectorMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Drop input variables that are not missed, by retraining without each of them.

    The estimator is trained on all columns, then without each of them in turn, by
    cross-validation. The one whose removal helps most is dropped, and so on, until the
    score falls below that of all columns; the best columns on the way are selected. An
    importance tells what a model relies on, and correlated columns hide each other;
    only a training without a column tells whether it is needed.

    Event weights go to every fit, to the scores and to their errors, negative ones as
    they are.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn estimator, or a pipeline; it is cloned. What it says about
        columns that are dropped is taken out as by `restricted_to_columns`. A bare
        `WeightedDNNClassifier` is trained on the whole table with columns hidden by
        masks: its categories and its augmenter work as they are.
    n_features_to_select : int, float or "auto", default="auto"
        "auto" lets the score decide and may keep all. A number or a share of the
        columns is reached whatever the score; with `groups`, at least as many stay.
    groups : mapping of str to sequence of str or int, default=None
        Columns that go together, by name or position, such as all components of one
        jet; None among them is left out. A column in no group stands alone, unless it
        is of a momentum that the estimator needs whole: px and py that `augmenter`
        rotates; with any other estimator than a bare `WeightedDNNClassifier` all
        components.
    always_keep : sequence of str or int, default=None
        Names of groups, and names or positions of columns, that are not dropped.
        Columns of event numbers that the estimator names never are.
    strategy : {"retrain", "shuffle", "hybrid"}, default="retrain"
        How the next column is found. "retrain" trains without each one. "shuffle"
        takes the one of the least weighted permutation importance to the models at
        hand, and trains without this one alone. "hybrid" trains without the
        `n_candidates` least important ones, and takes the best of these. In all of
        them trainings decide whether a removal is accepted.
    n_candidates : int, default=5
        Candidates that "hybrid" trains in each iteration.
    n_repeats : int, default=2
        Permutations of each fold in "shuffle" and "hybrid", by the models of one seed.
    scoring : str or callable, default=None
        Any scorer that works on predictions, of the out-of-fold predictions of all
        events together; greater is better. None takes minus the balanced log-loss of
        classifiers and the coefficient of determination of regressors. The former wants
        probabilities of the balanced problem: of a classifier that is trained on
        unequal sums of weights per class take "roc_auc".
    threshold : float, default=0.0
        By how much the score may be below that of all columns. 0 drops while the loss
        is not above that of the first baseline.
    threshold_unit : {"score", "error"}, default="score"
        Unit of `threshold`: that of the score, or the error of the difference.
    patience : int, default=1
        Number of iterations in a row below the threshold that end the elimination.
    revert_to : {"best", "smallest"}, default="best"
        What is selected of the iterations that are not below the threshold: the
        columns of the highest score, or the fewest.
    n_seeds : int, default=3
        Seeds that all columns and each accepted removal are trained with, for the
        spread over trainings. Candidates are trained with the first one.
    cv : int, splitter, iterable, fold numbers or None, default=None
        Folds; None for five. A column has the fold number of each event, -1 for one
        that trains all models.
    n_replicas : int, default=200
        Bootstrap replicas for the errors of scores other than the log-loss.
    as_members : bool or "auto", default="auto"
        Whether the candidates and folds of a bare `WeightedDNNClassifier` train as
        members of one batch. "auto" does where it is possible, which is faster than
        processes; False trains a candidate at a time, in processes; True insists.
        Ranking and scores are the same but for rounding.
    directory : str or path, default=None
        Where each training that has ended is written to, as one file of JSON. An
        elimination that was interrupted goes on from there.
    n_jobs : int, default=None
        Number of processes, as in joblib. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations, and of all parts of the estimator that have none.
    verbose : int, default=0
        Above 0 shows a progress bar of the trainings.

    Attributes
    ----------
    support_ : ndarray of bool of shape (n_features,)
        Which columns are selected.
    ranking_ : ndarray of int of shape (n_features,)
        1 for the selected columns; the later a column was dropped, the smaller.
    n_features_ : int
        Number of selected columns.
    elimination_path_ : DataFrame
        One row for each score of each candidate in each iteration: "iteration",
        "candidate" (nan for all columns), "n_features", "score", "difference" to the
        baseline of the iteration (positive is better), its "error", "p_value"
        (corrected for the number of candidates), "dropped", "method" ("retrain", or
        "shuffle" for a candidate that was permuted only), "n_seeds" and "time" in
        seconds of one process.
    iterations_ : DataFrame
        One row for each set of columns on the way: "iteration", "dropped",
        "n_features", "score" (the mean over the seeds), "difference" to all columns,
        "error", "accepted", "p_value" and "luck" of the removal, "time", "selected".
    best_iteration_ : int
        The iteration whose columns are selected.
    groups_ : dict of str to list of int
        Positions of the columns of each group.
    n_splits_ : int
        Number of folds.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if they have any.

    See Also
    --------
    SeparationSelector : Filters columns without any training.
    skhep_dnn.inspection.EliminationDisplay : The figure.
    skhep_dnn.inspection.weighted_permutation_importance : What a model relies on.
    compare_after_cut : One training without all that is unimportant.
    sklearn.feature_selection.SequentialFeatureSelector : Without errors and a baseline
        to compare with; with weights under metadata routing only.

    Notes
    -----
    **Error of a difference.** With the balanced log-loss the score is a mean over
    events, and the losses of an event with and without a column are subtracted before
    anything is squared:

    .. math:: \sigma^2 = \sum_i \left[\frac{w_i}{C W_c}
              (\Delta_i - \bar\Delta_c)\right]^2
              + \frac{2}{S} \sigma_\mathrm{seed}^2

    for event i of class c, of C classes, with the signed sum :math:`W_c` and the
    difference :math:`\Delta_i` of the mean losses of S seeds. Other scores take the
    first term from bootstrap replicas of the pooled predictions, the same replicas for
    both. :math:`\sigma_\mathrm{seed}^2` is the variance of a score over the seeds, as
    far as it is not common to all sets of columns, which drops out of a difference at
    the same seed. It comes from all columns and from each set that was dropped to, all
    of which are trained with the same seeds; at first it is the whole variance of the
    score of all columns. It is 0 for an estimator whose seeds change nothing, which is
    then trained once.

    **Look-elsewhere effect.** Of many removals that change nothing the best one seems
    to help. "p_value" is the probability that the best of all candidates of the
    iteration is at least so many errors above 0, if none of them changes the score,
    from normal numbers with the covariance of the differences; "luck" is the mean gain
    of the best one in this case, among those that are not certainly missed. With
    "shuffle" and "hybrid" only what was trained counts, and not the choice of it. The
    winner is trained with the other seeds before it is accepted, so that the luck of
    its first seed does not decide; that of the events is left, since all iterations
    have the same events. The score of the selected columns is therefore optimistic by
    up to "luck": quote that of other events.

    **Interrupted.** A directory has a file for each training of all folds, with the
    out-of-fold predictions, about 11 bytes for an event and class; files are written
    whole. Data, weights, folds, estimator, scoring and seeds must be the same when it
    goes on; the rules that end the elimination may be others. As members, up to
    60 networks train at the same time, and end together.

    **Masks.** A hidden column contributes nothing, and nothing is learnt of it. The
    network has the initial weights of one that sees all columns; one that is trained
    on a table of fewer columns draws other ones, which is a difference as by a seed.
    A group that hides one of the components px and py that `augmenter` rotates cannot
    be masked, and a table without the column is refused: put both into it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn import BackwardEliminationSelector
    >>> rng = np.random.default_rng(2)
    >>> y = np.repeat(["b", "s"], 500)
    >>> X = rng.normal(size=(1000, 4))
    >>> X[:, :2] += np.outer(y == "s", [1.0, 0.7])
    >>> w = rng.exponential(size=1000)
    >>> selector = BackwardEliminationSelector(LogisticRegression())
    >>> selector.fit(X, y, sample_weight=w).get_support()
    array([ True,  True, False, False])
    >>> selector.iterations_[["dropped", "n_features", "accepted"]]
      dropped  n_features  accepted
    0     NaN           4      True
    1      x2           3      True
    2      x3           2      True
    3      x1           1     False
    """

    elimination_path_ = LearntTable()
    iterations_ = LearntTable()

    __metadata_request__fit: ClassVar[dict[str, bool]] = {
        "sample_weight": True,
        "groups": True,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit"])],
        "n_features_to_select": [
            StrOptions({"auto"}),
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "groups": [dict, None],
        "always_keep": ["array-like", None],
        "strategy": [StrOptions({"retrain", "shuffle", "hybrid"})],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "scoring": [str, callable, None],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "threshold_unit": [StrOptions({"score", "error"})],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "revert_to": [StrOptions({"best", "smallest"})],
        "n_seeds": [Interval(Integral, 3, None, closed="left")],
        "cv": ["cv_object"],
        "n_replicas": [Interval(Integral, 2, None, closed="left")],
        "as_members": ["boolean", StrOptions({"auto"})],
        "directory": [str, PathLike, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        n_features_to_select: int | float | Literal["auto"] = "auto",
        groups: Groups | None = None,
        always_keep: Sequence[str | int] | None = None,
        strategy: Literal["retrain", "shuffle", "hybrid"] = "retrain",
        n_candidates: int = 5,
        n_repeats: int = 2,
        scoring: Any = None,
        threshold: float = 0.0,
        threshold_unit: Literal["score", "error"] = "score",
        patience: int = 1,
        revert_to: Literal["best", "smallest"] = "best",
        n_seeds: int = 3,
        cv: Any = None,
        n_replicas: int = 200,
        as_members: bool | Literal["auto"] = "auto",
        directory: str | PathLike[str] | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_features_to_select = n_features_to_select
        self.groups = groups
        self.always_keep = always_keep
        self.strategy = strategy
        self.n_candidates = n_candidates
        self.n_repeats = n_repeats
        self.scoring = scoring
        self.threshold = threshold
        self.threshold_unit = threshold_unit
        self.patience = patience
        self.revert_to = revert_to
        self.n_seeds = n_seeds
        self.cv = cv
        self.n_replicas = n_replicas
        self.as_members = as_members
        self.directory = directory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @warns_once
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Find the columns that the estimator needs.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,), default=None
            Labels or values; required.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed, given to every fit and every score;
            None counts each event once.
        groups : array-like of shape (n_samples,), default=None
            Events of one group stay together where `cv` knows groups; also given to a
            fit that takes them. Not to be taken for the groups of columns.
        **params : dict
            Further arguments of the estimator's `fit`; those with one value for each
            event are split. With metadata routing they go where they are requested.

        Returns
        -------
        self : BackwardEliminationSelector

        Raises
        ------
        ValueError
            If there are no labels, a column or group is not known, the models of the
            folds know different classes, or `directory` is that of another
            elimination.
        TypeError
            If weights would be left out by a step of the estimator or by the scorer,
            or the scorer looks at the model.
        FitTogetherError
            If `as_members` is True and the candidates cannot train together.
        DataFileError
            If a file of `directory` cannot be read.
        """
        table, y = self._check_sample(X, y)
        params = _check_method_params(table, params=params)
        if sample_weight is not None:
            sample_weight = check_event_weights(sample_weight, _num_samples(table))
        scoring = self._scorers(is_weighted=sample_weight is not None)
        given = {"sample_weight": sample_weight, "groups": groups, **params}
        present = events_of_weighted_classes(
            self.estimator, y, sample_weight, _num_samples(table)
        )
        table, y, given = taken(present, table, y, given)
        sample_weight = given["sample_weight"]
        routed = routed_params(self, self.estimator, scoring, given)
        events = Events(table, y, routed.estimator.fit, routed.scorer.score)
        cv = as_splitter(self.cv)
        splitter = check_cv(cv, y, classifier=is_classifier(self.estimator))
        splits = splits_of_present(
            splitter, cv, present, table, y, **routed.splitter.split
        )
        rules = self._rules()
        records, seed = self._open_records(table, y, given, splits)
        scoring = scoring.for_sample(y, sample_weight, table)
        trainer = self._trainer(events, splits, scoring, seed)
        rules = replace(rules, n_seeds=len(trainer.estimators))
        scored = ScoringRules(
            events=events,
            splits=splits,
            scoring=scoring,
            is_log_loss=self._scores_log_loss,
            estimator=self.estimator,
            n_replicas=self.n_replicas,
        )
        with tqdm(desc="Trainings", disable=not self.verbose) as bar:
            train = _remembering(trainer, scored, records, bar)
            path = eliminate(train, rules)
        self.n_splits_ = len(splits)
        self._record(path, rules)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Metadata that goes to the estimator, the splitter and the scorer.

        Returns
        -------
        routing : MetadataRouter
        """
        splitter = check_cv(
            as_splitter(self.cv), classifier=is_classifier(self.estimator)
        )
        scoring = self._scorers(is_weighted=False)
        router = router_of(type(self).__name__, self.estimator, scoring, splitter)
        return router.add_self_request(self)

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: undefined values if the estimator takes them."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.input_tags.allow_nan = inner.allow_nan
        tags.input_tags.categorical = inner.categorical
        tags.target_tags.required = True
        return tags

    # scikit-learn's own would drop a mask in silence.
    transform = of_native_events(SelectorMixin, "transform")

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        support: NDArray[np.bool_] = self.support_
        return support

    def _check_sample(self, X: Any, y: Any) -> tuple[Any, Any]:
        if y is None:
            msg = (
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None. Pass one label for each event."
            )
            raise ValueError(msg)
        table = check_table(self, X, reset=True)
        table, y = indexable(table, y)
        return table, check_target(y, self.estimator)

    def _scorers(self, *, is_weighted: bool) -> Scoring:
        scoring = as_scoring(self.scoring, self.estimator, is_weighted=is_weighted)
        if len(scoring.scorers) != 1:
            msg = (
                "`scoring` must be one scorer, by which columns are dropped, got "
                f"{list(scoring.scorers)!r}. Choose one of them."
            )
            raise ValueError(msg)
        return scoring

    @property
    def _scores_log_loss(self) -> bool:
        named = isinstance(self.scoring, str) and self.scoring == _LOG_LOSS
        return is_classifier(self.estimator) and (self.scoring is None or named)

    def _rules(self) -> EliminationRules:
        """Return what may be dropped, and when it ends."""
        given = getattr(self, "feature_names_in_", None)
        n_features: int = self.n_features_in_
        names = [f"x{i}" for i in range(n_features)] if given is None else list(given)
        groups = resolve_groups(
            names, with_momenta(names, self.groups, self._inseparable(names))
        )
        self.groups_ = groups
        return EliminationRules(
            groups={name: tuple(columns) for name, columns in groups.items()},
            always_keep=kept_groups(names, groups, self._always_kept(names)),
            strategy=self.strategy,
            n_candidates=self.n_candidates,
            n_seeds=self.n_seeds,
            n_features=self._n_wanted(n_features),
            threshold=self.threshold,
            threshold_unit=self.threshold_unit,
            patience=self.patience,
        )

    def _inseparable(self, names: list[str]) -> list[tuple[int, ...]]:
        """Return sets of columns of which a part is of no use to the estimator."""
        momenta = momenta_of(self.estimator, names)
        if isinstance(self.estimator, WeightedDNNClassifier):
            # Behind a mask rotations mix px and py alone; the rest may go one by one.
            return [m.columns[:2] for m in momenta if not m.cylindrical]
        return [momentum.columns for momentum in momenta]

    def _always_kept(self, names: list[str]) -> list[str | int]:
        given = [] if self.always_keep is None else list(self.always_keep)
        return [*given, *sorted(needed_columns(self.estimator, names))]

    def _n_wanted(self, n_features: int) -> int | None:
        wanted = self.n_features_to_select
        if isinstance(wanted, str):
            return None
        if isinstance(wanted, Integral):
            if wanted > n_features:
                msg = (
                    f"`n_features_to_select` must be at most the {n_features} columns "
                    f"of `X`, got {wanted}. Choose a smaller number, or 'auto'."
                )
                raise ValueError(msg)
            return int(wanted)
        return max(1, int(wanted * n_features))

    def _open_records(
        self, table: Any, y: Any, fit_arguments: dict[str, Any], splits: Splits
    ) -> tuple[TrainingRecords, int]:
        fixed = self.random_state is not None
        seed = int(check_random_state(self.random_state).randint(MAX_SEED))
        return TrainingRecords.open(
            self.directory,
            classes=np.unique(np.asarray(y)) if is_classifier(self.estimator) else None,
            own=fingerprint(
                X=table,
                y=y,
                fit_arguments=fit_arguments,
                splits=splits,
                estimator=self.estimator,
                scoring=self.scoring,
                groups=self.groups,
                n_repeats=self.n_repeats,
            ),
            seed=seed if fixed else None,
            new_seed=seed,
        )

    def _trainer(
        self, events: Events, splits: Splits, scoring: Scoring, seed: int
    ) -> SubsetTrainer:
        estimators = _with_seeds(without_callbacks(self.estimator), seed, self.n_seeds)
        further = ("predict_proba",) if self._scores_log_loss else ()
        return SubsetTrainer(
            estimators=estimators,
            events=events,
            splits=splits,
            rules=FoldRules(scoring, methods=further),
            n_repeats=self.n_repeats,
            seed=seed,
            as_members=self.as_members,
            n_jobs=self.n_jobs,
        )

    def _record(self, path: list[Iteration], rules: EliminationRules) -> None:
        """Set what was learnt."""
        best = best_iteration(path, rules, self.revert_to)
        self.best_iteration_ = best
        self.support_ = np.zeros(self.n_features_in_, dtype=np.bool_)
        self.support_[list(rules.columns_of(path[best].kept))] = True
        self.n_features_ = int(self.support_.sum())
        self.ranking_ = np.ones(self.n_features_in_, dtype=np.intp)
        later = [one.dropped for one in path[1 : best + 1]]
        for rank, name in enumerate(reversed(later), start=2):
            self.ranking_[self.groups_[str(name)]] = rank
        self.elimination_path_ = _table_of_candidates(path)
        self.iterations_ = _table_of_iterations(path, best)


def _with_seeds(estimator: Any, seed: int, n_seeds: int) -> list[Any]:
    """Return clones with other seeds; the first has those that were given, if any.

    One alone for an estimator that has no seeds.
    """
    rng = np.random.RandomState(seed % 2**32)
    seeds = {}
    for name, value in sorted(estimator.get_params(deep=True).items()):
        if name.rpartition("__")[2] != "random_state":
            continue
        drawn = int(rng.randint(MAX_SEED))
        if value is None or isinstance(value, Integral):
            seeds[name] = drawn if value is None else int(value)
    if not seeds:
        return [clone(estimator)]
    return [
        clone(estimator).set_params(
            **{name: (value + k) % MAX_SEED for name, value in seeds.items()}
        )
        for k in range(n_seeds)
    ]


def _remembering(
    trainer: SubsetTrainer, rules: ScoringRules, records: TrainingRecords, bar: Any
) -> Any:
    """Return a function that trains on subsets, and takes what has ended before."""

    def train(subsets: Sequence[Subset]) -> list[ScoredTraining]:
        found: dict[int, ScoredTraining] = {}
        for k, subset in enumerate(subsets):
            training = records.load(subset)
            if training is not None:
                found[k] = rules.score(training)
                bar.update()
        missing = [k for k in range(len(subsets)) if k not in found]
        for position, training in trainer.train([subsets[k] for k in missing]):
            k = missing[position]
            records.save(subsets[k], training)
            found[k] = rules.score(training)
            bar.update()
        return [found[k] for k in range(len(subsets))]

    return train


def _table_of_candidates(path: Sequence[Iteration]) -> pd.DataFrame:
    columns = [
        "iteration",
        "candidate",
        "n_features",
        "score",
        "difference",
        "error",
        "p_value",
        "dropped",
        "method",
        "n_seeds",
        "time",
    ]
    rows = [
        {"p_value": np.nan, "dropped": False, "iteration": one.number, **row}
        for one in path
        for row in one.rows
    ]
    table = pd.DataFrame(rows)
    sizes = {one.number: one.n_features for one in path}
    table["n_features"] = table["iteration"].map(sizes)
    return table[columns]


def _table_of_iterations(path: Sequence[Iteration], best: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "iteration": one.number,
                "dropped": one.dropped,
                "n_features": one.n_features,
                "score": one.score,
                "difference": one.change.value,
                "error": one.change.error,
                "accepted": one.accepted,
                "p_value": one.p_value,
                "luck": one.luck,
                "time": one.seconds,
                "selected": one.number == best,
            }
            for one in path
        ]
    )
