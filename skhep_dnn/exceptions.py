"""Errors and warnings of the package.

Each error inherits from `SkhepDNNError` and from the builtin that it refines, each
warning from `UserWarning`, so that both `except ValueError` and a filter on one class
work.
"""

__all__ = [
    "AssumedSignalWarning",
    "AzimuthRangeWarning",
    "CancellingWeightsWarning",
    "ChangedWeightsWarning",
    "DataFileError",
    "DifferentWeightsWarning",
    "DivergenceWarning",
    "DownloadError",
    "ExportError",
    "ExpressionError",
    "FitTogetherError",
    "FoldYieldWarning",
    "IgnoredConstraintWarning",
    "IgnoredParameterWarning",
    "JournalRepairWarning",
    "LostPrecisionWarning",
    "LowStatisticsWarning",
    "MeanCombinationWarning",
    "MergedBinsWarning",
    "MissingWeightsError",
    "ModelFileError",
    "NonFiniteLossError",
    "RefitCutWarning",
    "SkhepDNNError",
    "UndeclaredMissingValueWarning",
    "UndefinedSignificanceWarning",
    "UnscoredEventsWarning",
    "UntrustedTypeError",
    "UnweightedScoreWarning",
    "UnweightedStepWarning",
    "VerificationError",
    "WeightsError",
]


class SkhepDNNError(Exception):
    """Base class of the errors raised by this package."""


class WeightsError(SkhepDNNError, ValueError):
    """Event weights that cannot be used as they are."""


class MissingWeightsError(SkhepDNNError, ValueError):
    """A scorer or a validation sample that needs event weights did not get any."""


class DataFileError(SkhepDNNError, ValueError):
    """A data file whose content is not what it must be."""


class ModelFileError(SkhepDNNError, ValueError):
    """A file that is no stored model, was damaged, or is of another version."""


class UntrustedTypeError(SkhepDNNError, TypeError):
    """A model that holds types or functions which are not trusted."""


class DownloadError(SkhepDNNError, OSError):
    """A file that could not be fetched from its server."""


class ExportError(SkhepDNNError, ValueError):
    """A model cannot be written down as a file, or the file does not agree with it."""


class ExpressionError(SkhepDNNError, ValueError):
    """An expression on columns that cannot be understood or evaluated."""


class NonFiniteLossError(SkhepDNNError, FloatingPointError):
    """The training loss became infinite or nan."""


class FitTogetherError(SkhepDNNError, ValueError):
    """Classifiers that cannot train as members of one training, but one by one."""


class VerificationError(SkhepDNNError, ValueError):
    """An exported model that is not what its manifest says, or has seen its events."""


class AssumedSignalWarning(UserWarning):
    """No label was named as that of the signal, and the labels do not say which."""


class AzimuthRangeWarning(UserWarning):
    """Azimuths stay far from half a turn, as if they were not in rad."""


class CancellingWeightsWarning(UserWarning):
    """Negative weights that are kept cancel a large part of the weights of a class."""


class ChangedWeightsWarning(UserWarning):
    """A classifier of others gets other weights than those that were passed."""


class DifferentWeightsWarning(UserWarning):
    """Two samples that are compared have weights of different distributions."""


class DivergenceWarning(UserWarning):
    """The training loss runs away, as it can with negative event weights."""


class FoldYieldWarning(UserWarning):
    """A significance was computed from a fold's own yields and is therefore low."""


class JournalRepairWarning(UserWarning):
    """Half a line was cut from the end of the journal of a search."""


class IgnoredConstraintWarning(UserWarning):
    """A sampler takes no notice of the condition that trials have to meet."""


class LostPrecisionWarning(UserWarning):
    """The values of a column lie so close that float32 does not keep them apart."""


class IgnoredParameterWarning(UserWarning):
    """A parameter has no effect beside the values of others."""


class LowStatisticsWarning(UserWarning):
    """A class has few effective events, so that figures based on it are noisy."""


class MeanCombinationWarning(UserWarning):
    """New events get the mean of fold models, which is another variable than theirs."""


class MergedBinsWarning(UserWarning):
    """Bins of a histogram that a fit cannot use are merged with their neighbours."""


class RefitCutWarning(UserWarning):
    """A cut that fold models chose is applied to a model that was fitted anew."""


class UndeclaredMissingValueWarning(UserWarning):
    """A value that stands apart, -999 say, looks like a mark of undefined entries."""


class UndefinedSignificanceWarning(UserWarning):
    """A significance is undefined for some of the yields given, and is nan there."""


class UnscoredEventsWarning(UserWarning):
    """Folds that no member leaves out keep their events without a score."""


class UnweightedScoreWarning(UserWarning):
    """A function that scores weighted events takes no weights."""


class UnweightedStepWarning(UserWarning):
    """A part of a pipeline that accepts event weights is fitted without them."""
