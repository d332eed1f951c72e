"""Which columns are important enough to keep."""

from collections.abc import Iterable

import numpy as np
from sklearn.utils import Bunch

from skhep_dnn._tables import column_positions
from skhep_dnn.feature_selection._columns import Groups, resolve_groups

__all__ = ["important_columns"]


def important_columns(
    importance: Bunch,
    *,
    cut: float = 0.005,
    keep: Iterable[str | int] = (),
    groups: Groups | None = None,
) -> list[str]:
    """Return the columns of which the importance exceeds a cut.

    Parameters
    ----------
    importance : Bunch
        Of `skhep_dnn.inspection.weighted_permutation_importance`. The columns of a
        group are kept or cut together.
    cut : float, default=0.005
        In the unit of the score. 0.005 was chosen for the fall of the accuracy of
        random forests [1]_.
    keep : iterable of str or int, default=()
        Names or positions of columns that are kept, whatever their importance.
    groups : mapping of str to sequence of str or int, default=None
        Columns of which all are kept if one is: the components of each momentum that
        an augmenter must find whole, such as the `momenta` of the events of
        `skhep_dnn.datasets`. None among the columns is left out.

    Returns
    -------
    columns : list of str
        In the order of the table.

    Raises
    ------
    TypeError
        If a column is neither a name nor a position.
    ValueError
        If an importance is nan, or a column is unknown or in two groups.

    See Also
    --------
    restricted_to_columns : The estimator for these columns.
    compare_after_cut : What another training does without the others.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, section 3.1.

    Examples
    --------
    >>> from sklearn.utils import Bunch
    >>> from skhep_dnn.feature_selection import important_columns
    >>> importance = Bunch(
    ...     names=["jet", "mass", "phi"],
    ...     columns=[["jet_pt", "jet_eta"], ["mass"], ["phi"]],
    ...     feature_names=["mass", "phi", "jet_pt", "jet_eta"],
    ...     importances_mean=[0.02, 0.11, 0.001],
    ... )
    >>> important_columns(importance)
    ['mass', 'jet_pt', 'jet_eta']
    >>> important_columns(importance, cut=0.05, keep=["jet_pt"])
    ['mass', 'jet_pt']
    """
    means = np.asarray(importance.importances_mean)
    if np.isnan(means).any():
        undefined = [importance.names[i] for i in np.flatnonzero(np.isnan(means))]
        msg = (
            f"`importance` must be defined for all groups, got nan for {undefined!r}. "
            "Use a score that is defined on all permuted events."
        )
        raise ValueError(msg)
    chosen = zip(importance.columns, means, strict=True)
    kept = {name for columns, mean in chosen if mean > cut for name in columns}
    names = list(importance.feature_names)
    kept |= {names[i] for i in column_positions(keep, names, len(names), "keep")}
    for positions in resolve_groups(names, groups).values():
        columns = {names[i] for i in positions}
        if columns & kept:
            kept |= columns
    return [name for name in names if name in kept]
