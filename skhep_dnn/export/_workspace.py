"""The histograms of an analysis, with all variations, as a HistFactory workspace.

The workspace is the JSON of pyhf: what pyhf, cabinetry and, by `pyhf json2xml`, the
HistFactory of ROOT fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._warnings import warn_caller
from skhep_dnn._whole_file import write_whole
from skhep_dnn.exceptions import MergedBinsWarning
from skhep_dnn.export._channels import (
    Channel,
    check_channels,
    check_disjoint,
    import_extra,
    process_names,
    quiet,
    with_process,
)
from skhep_dnn.metrics import VariedSample
from skhep_dnn.metrics._binned import merge_starts
from skhep_dnn.metrics._significance import check_not_negative
from skhep_dnn.metrics._varied_sample import (
    FilledSample,
    check_normalisations,
    check_variations,
    whole_sample,
)

__all__ = ["to_pyhf"]

FloatArray = NDArray[np.float64]


def to_pyhf(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    bins: Any,
    pos_label: object = None,
    process: ArrayLike | None = None,
    X: Any = None,
    regions: Mapping[str, str] | None = None,
    stat: Literal["shapesys", "staterror"] | None = "shapesys",
    rel_sigma_b: float = 0.0,
    normalisations: Mapping[str, Any] | None = None,
    variations: Mapping[str, Any] | None = None,
    data: VariedSample | None = None,
    min_n_eff: float = 0.0,
    poi: str = "mu",
    path: str | PathLike[str] | None = None,
) -> dict[str, Any]:
    """Workspace of a binned fit: regions, processes, and all their uncertainties.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_scores)
        Scores by a model that has not seen the event, such as those of
        `CrossFitClassifier`; several only with the bins that `optimal_binning` chose on
        them.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, scaled to the yields of the whole analysis, negative ones
        allowed; None counts every event once.
    bins : BinnedDiscriminant, array-like of edges, or mapping of str to one of these
        Bins of all regions, or of each by its name; ``[-inf, inf]`` is one bin.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes the larger one of
        two.
    process : array-like of shape (n_samples,), default=None
        Process of each event, which becomes a sample; None takes the labels.
    X : DataFrame or mapping of str to array-like, default=None
        Columns for `regions`.
    regions : mapping of str to str, default=None
        Channels by name, as expressions on the columns of `X`: comparisons, arithmetic,
        `and`, `or`, `not`, `abs`, `sqrt`. They must not share events. None makes one
        channel of all events, named "events".
    stat : {"shapesys", "staterror"} or None, default="shapesys"
        Monte Carlo errors: of each bin of each process by a Poisson term, of each bin
        of the sum of the background by a Gaussian term, or none.
    rel_sigma_b : float, default=0.0
        Relative uncertainty of each background process in each bin, independent between
        bins; added in quadrature to the "shapesys".
    normalisations : mapping of str to float or mapping, default=None
        Relative uncertainty of the yield of all processes, or of some by their names:
        ``{"lumi": 0.02, "ttbar_xsec": {"ttbar": 0.06}}``. A "normsys" each.
    variations : mapping of str to variation, default=None
        Variations by name: an array of the weights of all events, a `VariedSample`, or
        a tuple of two for up and down. One alone is mirrored. A "histosys" each; one
        with the name of a normalisation shares its parameter.
    data : VariedSample or None, default=None
        Recorded events: their scores, and `X` with regions. None observes the sum of
        the expected yields, the Asimov data with the signal.
    min_n_eff : float, default=0.0
        Smallest number of effective background events in a bin.
    poi : str, default="mu"
        Name of the signal strength, a factor on all signal processes.
    path : str or path-like, default=None
        File to write the workspace to; an existing one is replaced as a whole.

    Returns
    -------
    workspace : dict
        Valid by the schema of pyhf: ``pyhf.Workspace(workspace)``.

    Raises
    ------
    ImportError
        If pyhf is not installed.
    ExpressionError
        If an expression cannot be understood.
    ValueError
        If an argument is not as described, regions share events, events are outside of
        the edges, or even the sum of all bins of a region is no admissible bin.

    Warns
    -----
    MergedBinsWarning
        If bins of a region are merged.

    See Also
    --------
    discovery_significance : The significance of a workspace.
    skhep_dnn.metrics.optimal_binning : Bins that are best for this fit.

    Notes
    -----
    HistFactory has no negative yields. A bin in which a process, or a variation of one,
    is negative, the background not positive, or its effective number too small, is
    merged with its neighbour towards the background, by the rule of `merge_bins`. A
    process without events in a region is left out there.

    A "staterror" is relative to the sum of the samples that have it. The signal has
    none: with it the error of a bin with much signal would be shared by the signal, and
    the background of the fit without signal known too well.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.export import to_pyhf
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 1000)
    >>> x = rng.normal(size=2000) + 2.0 * (y == "s")
    >>> workspace = to_pyhf(
    ...     y,
    ...     x,
    ...     np.where(y == "s", 0.01, 1.0),
    ...     bins={"SR": [-np.inf, 1.0, np.inf], "CR": [-np.inf, np.inf]},
    ...     X={"x": x},
    ...     regions={"SR": "x > 0", "CR": "x <= 0"},
    ...     normalisations={"lumi": 0.02},
    ... )
    >>> [channel["name"] for channel in workspace["channels"]]
    ['SR', 'CR']
    >>> [m["type"] for m in workspace["channels"][0]["samples"][0]["modifiers"]]
    ['normfactor', 'normsys', 'shapesys']
    """
    pyhf = import_extra("pyhf", "write its workspaces")
    options = _Options(stat, rel_sigma_b, min_n_eff, poi)
    options.check()
    sample = with_process(y_true, y_score, sample_weight, pos_label, process, X)
    channels = check_channels(bins, regions, X)
    check_disjoint(channels, sample)
    normal = check_normalisations(normalisations, sample.process)
    varied = check_variations(variations, sample)
    _check_names(options, normal, varied)
    observed = None if data is None else whole_sample(data, "data")
    filled = [_filled(channel, sample, varied, options) for channel in channels]
    workspace = {
        "channels": [_channel(one, normal, options) for one in filled],
        "observations": [_observation(one, observed) for one in filled],
        "measurements": [
            {"name": "measurement", "config": {"poi": poi, "parameters": []}}
        ],
        "version": "1.0.0",
    }
    with quiet(DeprecationWarning):  # jsonschema's, of what pyhf calls
        pyhf.schema.validate(workspace, "workspace.json")
    if path is not None:
        write_whole(Path(path), json.dumps(workspace, indent=1, allow_nan=False))
    return workspace


class _Options(NamedTuple):
    stat: Literal["shapesys", "staterror"] | None
    rel_sigma_b: float
    min_n_eff: float
    poi: str

    def check(self) -> None:
        """Refuse values that are not as described."""
        check_not_negative(rel_sigma_b=self.rel_sigma_b, min_n_eff=self.min_n_eff)
        if self.stat not in {"shapesys", "staterror", None}:
            msg = (
                "`stat` must be 'shapesys', 'staterror' or None, got "
                f"{shown(self.stat)}. Choose one of them."
            )
            raise ValueError(msg)
        if self.rel_sigma_b > 0 and self.stat != "shapesys":
            msg = (
                "`rel_sigma_b` must come with stat='shapesys', to which it is added, "
                f"got {shown(self.stat)}. Leave it out, or use a normalisation."
            )
            raise ValueError(msg)


class _Filled(NamedTuple):
    """The templates of a channel, by process, each of shape (n_processes, n_bins)."""

    channel: Channel
    names: list[Any]
    is_signal: NDArray[np.bool_]
    nominal: FloatArray
    sum_w2: FloatArray
    varied: dict[str, tuple[FloatArray, FloatArray]]
    starts: list[int]


def _check_names(
    options: _Options, normal: Mapping[str, Any], varied: Mapping[str, Any]
) -> None:
    """Refuse names of parameters that stand for something else."""
    for name in {*normal, *varied}:
        if name == options.poi or name.startswith("mc_"):
            msg = (
                "Names of variations and normalisations must be others than that of "
                f"the signal strength, {options.poi!r}, and must not begin with 'mc_', "
                f"got {name!r}. Choose another name."
            )
            raise ValueError(msg)


def _filled(
    channel: Channel,
    sample: FilledSample,
    varied: Mapping[str, tuple[FilledSample, FilledSample | None]],
    options: _Options,
) -> _Filled:
    """Fill the templates of a channel, and merge bins that a fit cannot use."""
    signal, background = process_names(sample)
    names = [*signal, *background]
    nominal = channel.fill(sample, names)
    pairs = {}
    for name, (up, down) in varied.items():
        high = channel.fill(up, names)
        low = 2.0 * nominal - high if down is None else channel.fill(down, names)
        pairs[name] = high, low
    filled = _Filled(
        channel,
        names,
        np.isin(np.arange(len(names)), range(len(signal))),
        nominal,
        channel.fill(sample, names, squared=True),
        pairs,
        [],
    )
    return _merged(filled, options)


def _merged(filled: _Filled, options: _Options) -> _Filled:
    sides = [side for pair in filled.varied.values() for side in pair]
    is_background = ~filled.is_signal
    columns = np.concatenate(
        [
            [filled.nominal[is_background].sum(axis=0)],
            [filled.sum_w2[is_background].sum(axis=0)],
            filled.nominal,
            *sides,
        ]
    )

    def admissible(b: float, sum_w2: float, *yields: float) -> bool:
        enough = b > 0 and b * b >= options.min_n_eff * sum_w2
        return enough and all(one >= 0 for one in yields)

    starts = merge_starts(columns, admissible)
    merged = np.add.reduceat(columns, starts, axis=1)
    _check_left(filled, merged, admissible)
    if len(starts) < columns.shape[1]:
        msg = (
            "Every bin must have background and no negative process, got some in "
            f"{filled.channel.name!r} that have not: of {columns.shape[1]} bins "
            f"{len(starts)} are left after merging. Choose bins with `optimal_binning` "
            "and `process`, or take fewer."
        )
        warn_caller(msg, MergedBinsWarning)

    def joined(values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, starts, axis=1))

    return filled._replace(
        nominal=joined(filled.nominal),
        sum_w2=joined(filled.sum_w2),
        varied={k: (joined(up), joined(low)) for k, (up, low) in filled.varied.items()},
        starts=starts,
    )


def _check_left(filled: _Filled, merged: FloatArray, admissible: Any) -> None:
    if all(admissible(*one) for one in merged.T.tolist()):
        return
    total = merged[:, 0]
    n_processes = len(filled.names)
    yields = dict(zip(filled.names, total[2 : 2 + n_processes].tolist(), strict=True))
    n_eff = total[0] ** 2 / total[1] if total[1] > 0 else 0.0
    msg = (
        f"The region {filled.channel.name!r} as one bin must have background, with "
        "enough effective events, and no negative process or variation, got the yields "
        f"{shown(yields)} with {n_eff:.6g} effective background events. Join small "
        "processes to one, widen the region, or lower `min_n_eff`."
    )
    raise ValueError(msg)


def _channel(
    filled: _Filled, normal: Mapping[str, Any], options: _Options
) -> dict[str, Any]:
    samples = [
        _sample(filled, k, normal, options)
        for k in range(len(filled.names))
        if filled.nominal[k].any() or filled.sum_w2[k].any()
    ]
    return {"name": filled.channel.name, "samples": samples}


def _sample(
    filled: _Filled, k: int, normal: Mapping[str, Any], options: _Options
) -> dict[str, Any]:
    """Return a process of a channel with its modifiers."""
    name, nominal = filled.names[k], filled.nominal[k]
    modifiers: list[dict[str, Any]] = []
    if filled.is_signal[k]:
        modifiers.append({"name": options.poi, "type": "normfactor", "data": None})
    for label, sizes in normal.items():
        size = sizes.get(name) if isinstance(sizes, Mapping) else sizes
        if size is not None:
            data = {"hi": 1.0 + size, "lo": 1.0 - size}
            modifiers.append({"name": label, "type": "normsys", "data": data})
    for label, (up, low) in filled.varied.items():
        if not (np.array_equal(up[k], nominal) and np.array_equal(low[k], nominal)):
            templates = {"hi_data": up[k].tolist(), "lo_data": low[k].tolist()}
            modifiers.append({"name": label, "type": "histosys", "data": templates})
    errors = filled.sum_w2[k]
    if not filled.is_signal[k]:
        errors = errors + (options.rel_sigma_b * nominal) ** 2
    # A `staterror` is shared by the processes of a channel, a `shapesys` is not.
    if options.stat == "shapesys" or (options.stat and not filled.is_signal[k]):
        own = f"_{name}" if options.stat == "shapesys" else ""
        modifiers.append(
            {
                "name": f"mc_{filled.channel.name}{own}",
                "type": options.stat,
                "data": np.sqrt(errors).tolist(),
            }
        )
    return {"name": str(name), "data": nominal.tolist(), "modifiers": modifiers}


def _observation(filled: _Filled, data: FilledSample | None) -> dict[str, Any]:
    if data is None:
        counts = filled.nominal.sum(axis=0)
    else:
        fine = filled.channel.fill(data, [])[0]
        counts = np.add.reduceat(fine, filled.starts)
    return {"name": filled.channel.name, "data": counts.tolist()}
