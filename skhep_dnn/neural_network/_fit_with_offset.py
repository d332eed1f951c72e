"""A classifier that learns what known logits of the events lack.

The loss of a network is that of its own logit plus a known one, an offset for each
event: what it learns is the correction. Gradient boosting is a sequence of such fits.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from skhep_dnn._fit_tasks import has_callbacks
from skhep_dnn._told_columns import warns_once
from skhep_dnn._validation import check_numbers
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier

__all__ = ["fit_with_offset"]


@warns_once
def fit_with_offset(
    classifier: WeightedDNNClassifier,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    offset: ArrayLike,
    groups: ArrayLike | None = None,
) -> WeightedDNNClassifier:
    r"""Fit a classifier to what known logits of the events lack.

    In the loss, in training and in validation, the logit of each event is that of the
    network plus `offset`. The fitted classifier predicts its own part alone: add the
    known logit of a new event to its `decision_function`.

    Parameters
    ----------
    classifier : WeightedDNNClassifier
        It is fitted in place.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,)
        Their labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights; None counts each event once.
    offset : array-like of shape (n_samples,) or (n_samples, n_classes)
        Known logits: of `classes_[1]` for two classes; for more, logarithms of
        probabilities up to a constant for each event. They must be of models that have
        not seen the event, or the classifier learns to mend what is too good to be
        true.
    groups : array-like of shape (n_samples,), default=None
        As in `WeightedDNNClassifier.fit`.

    Returns
    -------
    classifier : WeightedDNNClassifier
        The same object, fitted.

    Raises
    ------
    TypeError
        If it is no WeightedDNNClassifier.
    ValueError
        If it cannot be fitted, as from its `fit`; if the offset is not of the shape
        described or not finite; or if the classifier has callbacks of scikit-learn,
        which would score it without the offset.
    NonFiniteLossError
        If a loss becomes nan or infinite.

    See Also
    --------
    skhep_dnn.ensemble.BoostedDNN : A sequence of such fits.

    Notes
    -----
    With logits :math:`F_i` the loss of event :math:`i` of two classes is
    :math:`\ln (1 + e^{F_i + f(x_i)}) - y_i (F_i + f(x_i))`; its minimum over all
    functions is the correction :math:`f = \ln \frac{p}{1 - p} - F` to the true logit.
    With several members the correction is the logit of their mean probability, as
    always.

    Examples
    --------
    A network that corrects a logit of half the slope:

    >>> import numpy as np
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.neural_network import fit_with_offset
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(2000) % 2
    >>> X = rng.normal(size=(2000, 1)) + (2 * y - 1)[:, np.newaxis]
    >>> model = WeightedDNNClassifier(
    ...     n_layers=1, width=8, dropout=0.0, learning_rate=0.03, random_state=0
    ... )
    >>> model = fit_with_offset(model, X, y, offset=X[:, 0])  # the truth is 2 x
    >>> correction = model.decision_function([[1.0]])[0]
    >>> bool(0.5 < correction < 1.5)
    True
    """
    if not isinstance(classifier, WeightedDNNClassifier):
        msg = (
            "`classifier` must be a WeightedDNNClassifier, whose loss takes an offset, "
            f"got {type(classifier).__name__}. Pass one that is not in a pipeline."
        )
        raise TypeError(msg)
    if has_callbacks(classifier):
        msg = (
            "`classifier` must have no callbacks of scikit-learn, which know nothing "
            "of an offset, got some. Fit a clone without them."
        )
        raise ValueError(msg)
    known = check_numbers(offset, "offset")
    prepared = classifier._prepare(X, y, sample_weight, groups=groups)
    if len(known) != len(prepared.present):
        msg = (
            f"`offset` must have one row for each of the {len(prepared.present)} "
            f"events, got {len(known)}. Pass the known logits of all of `X`."
        )
        raise ValueError(msg)
    training = classifier._training(prepared, known[prepared.present])
    return classifier._finish(prepared, training.run(classifier.n_jobs))
