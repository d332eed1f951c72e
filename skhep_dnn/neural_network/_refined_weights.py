r"""Positive weights with the density of signed ones, for classifiers of any kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skhep_dnn._event_sample import check_event_sample
from skhep_dnn._tables import check_table
from skhep_dnn._told_columns import tell
from skhep_dnn._validation import check_labels, known_labels
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._networks.shapes import embedding_width
from skhep_dnn.neural_network._preparation.column_findings import column_findings
from skhep_dnn.neural_network._preparation.columns import Categorical, ColumnEncoder
from skhep_dnn.neural_network._preparation.members import MAX_SEED
from skhep_dnn.neural_network._preparation.refinement import Refinement, sign_settings
from skhep_dnn.neural_network._preparation.sample import encoded, without_weightless

__all__ = ["refined_weights"]


def refined_weights(
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    categorical_features: Categorical = None,
    missing_values: float = float("nan"),
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    r"""Positive weights whose density is that of signed event weights.

    An event of a class with negative weights gets `|w|` times the mean sign of the
    weights near it, whatever its own sign: what refuses negative weights can then be
    trained on the density that they stand for, and what takes them learns it with far
    less noise. `WeightedDNNClassifier(negative_weights="refine")` does the same inside.

    Pass the events that are trained on, and no others: in a cross-validation those of
    each training fold. Weights that are refined on a whole sample before it is split
    carry the signs of the test events into the training. Validate and test with the
    signed weights.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        Training events, in an array or a table of pandas, polars or pyarrow.
    y : array-like of shape (n_samples,)
        Their labels, of one class or more.
    sample_weight : array-like of shape (n_samples,)
        Signed physics weights, in events.
    groups : array-like of shape (n_samples,), default=None
        Events of one group, such as copies of one generated event, are in one half.
    categorical_features : sequence, "from_dtype" or None, default=None
        Columns of categories, by name, position, mask or dtype, as in
        `WeightedDNNClassifier`.
    missing_values : float, default=nan
        Value that marks an undefined entry besides nan.
    random_state : int, RandomState or None, default=None
        Seed of the halves and of the networks.
    n_jobs : int, default=None
        Number of processes; it has no effect on the results.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
        Not negative, in events. Each class has the sum of its signed weights; those
        of a class without negative weights are unchanged.

    Raises
    ------
    WeightsError
        If there are no weights, or those of a class do not sum to more than zero.
    ValueError
        If events, labels or groups are not what is described above.

    Warns
    -----
    UndeclaredMissingValueWarning, LostPrecisionWarning
        As from `WeightedDNNClassifier.fit`.

    See Also
    --------
    WeightedDNNClassifier : Has it as a policy for negative weights.
    skhep_dnn.weights.training_weights : Balances the classes afterwards.

    Notes
    -----
    The weight of an event is :math:`|w|\, \max(r(x), 0)`, times a constant of its class
    that restores the signed sum, with

    .. math::
        r(x) = \frac{\sum w}{\sum |w|}\Big|_x = 2\, p_+(x) - 1

    and the probability :math:`p_+` of a positive sign under the weights `|w|` [1]_
    [2]_. Small networks learn it, for each class by itself: the events are split into
    halves with equal shares of both signs, and a network of each half tells
    :math:`p_+` in the other one, so that it does not follow an event's own sign.
    Weights of the networks are drawn to zero, where :math:`r` is that of the class,
    the more the fewer effective events there are, and a straight line through the
    logits of all events of the class corrects their scale: where signs are drawn at
    random it makes :math:`r` a constant. The mean :math:`r` of three such splits is
    taken.

    A class with fewer than ten events of either sign in a half, as one with a few
    negative weights or a single group, gets the mean :math:`\sum w / \sum |w|` of the
    class for all its events; so does one in which no :math:`r` is positive.

    The effective number of events of these weights tells the noise of a training. The
    precision of a yield is that of the signed weights.

    References
    ----------
    .. [1] B. Nachman, J. Thaler, "A Neural Resampler for Monte Carlo Reweighting with
       Preserved Uncertainties", arXiv:2007.11586.
    .. [2] B. Nachman, D. Noll, "Stay Positive: Neural Refinement of Sample Weights",
       arXiv:2505.03724.

    Examples
    --------
    Every fifth weight is negative where x is below 0, and none above:

    >>> import numpy as np
    >>> from skhep_dnn.neural_network import refined_weights
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(4000, 1))
    >>> w = np.where((x[:, 0] < 0.0) & (np.arange(4000) % 5 == 0), -1.0, 1.0)
    >>> weights = refined_weights(x, np.repeat("b", 4000), w, random_state=0)
    >>> below, above = weights[x[:, 0] < -1.0], weights[x[:, 0] > 1.0]
    >>> bool(abs(below.mean() - 0.6) < 0.1), bool(abs(above.mean() - 1.0) < 0.1)
    (True, True)
    >>> bool(np.isclose(weights.sum(), w.sum()))
    True
    """
    if sample_weight is None:
        msg = "`sample_weight` must be signed event weights, got None. Pass them."
        raise WeightsError(msg)
    labels = check_labels(y)
    known_labels(labels)  # of one kind
    model = BaseEstimator()
    table = check_table(model, X, reset=True)
    names = getattr(model, "feature_names_in_", None)
    events, present = without_weightless(
        *check_event_sample(
            table,
            labels,
            sample_weight,
            groups,
            estimator="refined_weights",
        )
    )
    weights = np.zeros(len(present))
    if not (events.sample_weight < 0.0).any():
        weights[present] = events.sample_weight
        return weights
    encoder = ColumnEncoder(categorical_features, missing_values)
    encoder.fit(events.X, None if names is None else names.tolist())
    sample = encoded(events, present, encoder)
    tell(column_findings(sample, encoder))
    settings = TrainingSettings(
        n_numeric=len(encoder.numeric_),
        embeddings=[(n, embedding_width(n, "n-1")) for n in encoder.n_categories],
        missing_values=missing_values,
    )
    refinement = Refinement(
        columns=sample.columns,
        targets=events.targets,
        groups=events.groups,
        settings=sign_settings(settings),
        seed=int(check_random_state(random_state).randint(MAX_SEED)),
        n_jobs=n_jobs,
    )
    weights[present] = refinement.weights(np.arange(len(events)))
    return weights
