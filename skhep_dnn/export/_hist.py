"""The histograms of an analysis as `hist.Hist`, with the errors of weighted events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from skhep_dnn.export._channels import (
    check_channels,
    import_extra,
    process_names,
    with_process,
)

if TYPE_CHECKING:
    from hist import Hist

__all__ = ["to_hist"]


def to_hist(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    bins: Any,
    pos_label: object = None,
    process: ArrayLike | None = None,
    X: Any = None,
    regions: Mapping[str, str] | None = None,
) -> dict[str, Hist[Any]]:
    """Histograms of a score, one for each region, with an axis of processes.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_scores)
        Scores, several only with the bins that `optimal_binning` chose on them.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    bins : BinnedDiscriminant, array-like of edges, or mapping of str to one of these
        Bins of all regions, or of each by its name.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes the larger one of
        two.
    process : array-like of shape (n_samples,), default=None
        Process of each event; None takes the labels.
    X : DataFrame or mapping of str to array-like, default=None
        Columns for `regions`.
    regions : mapping of str to str, default=None
        Expressions on the columns of `X`, such as ``{"SR": "n_jets >= 2"}``; None makes
        one histogram of all events, named "events".

    Returns
    -------
    histograms : dict of str to hist.Hist
        By region. The axes are "process", signal first, and "score"; the storage is
        `Weight`, with a sum of weights and a variance, the sum of their squares.

    Raises
    ------
    ImportError
        If hist is not installed.
    ExpressionError
        If an expression cannot be understood.
    ValueError
        If an argument is not as described, or an event is outside of the edges.

    See Also
    --------
    to_pyhf : The workspace of the same histograms.

    Examples
    --------
    >>> from skhep_dnn.export import to_hist
    >>> histograms = to_hist(
    ...     ["b", "b", "s"], [0.1, 0.7, 0.8], [2.0, -1.0, 0.5], bins=[0.0, 0.5, 1.0]
    ... )
    >>> histograms["events"]["b", :].values()
    array([ 2., -1.])
    >>> histograms["events"]["b", :].variances()
    array([4., 1.])
    """
    hist = import_extra("hist", "make histograms")
    sample = with_process(y_true, y_score, sample_weight, pos_label, process, X)
    names = [name for kind in process_names(sample) for name in kind]
    histograms = {}
    for channel in check_channels(bins, regions, X):
        histogram = hist.Hist(
            hist.axis.StrCategory([str(name) for name in names], name="process"),
            hist.axis.Variable(channel.edges, name="score", flow=False),
            storage=hist.storage.Weight(),
        )
        view: Any = histogram.view()
        view["value"] = channel.fill(sample, names)
        view["variance"] = channel.fill(sample, names, squared=True)
        histograms[channel.name] = histogram
    return histograms
