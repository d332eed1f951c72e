"""Which columns are important enough to keep."""

import numpy as np
from sklearn.utils import Bunch

__all__ = ["important_columns"]


def important_columns(importance: Bunch, *, cut: float = 0.005) -> list[str]:
    """Return the columns of which the importance exceeds a cut.

    Parameters
    ----------
    importance : Bunch
        Of `skhep_dnn.inspection.weighted_permutation_importance`. The columns of a
        group are kept or cut together.
    cut : float, default=0.005
        In the unit of the score. 0.005 was chosen for the fall of the accuracy of
        random forests [1]_.

    Returns
    -------
    columns : list of str
        In the order of the table.

    Raises
    ------
    ValueError
        If an importance is nan.

    See Also
    --------
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
    return [name for name in importance.feature_names if name in kept]
