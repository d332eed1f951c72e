"""Which significance a scan computes, with which uncertainty of the background."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from skhep_dnn.metrics._significance import (
    FloatArray,
    check_not_negative,
    ratio_to_root,
    regularise,
    significance_kernel,
)

__all__ = ["FigureOfMerit"]

Kind = Literal["asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"]
_KINDS = ("asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb")

# Events evaluated together: their temporaries stay in the processor's cache.
_BLOCK = 2**14


@dataclass(frozen=True)
class FigureOfMerit:
    """A significance of yields with its options fixed.

    Calling it with the yields returns the significance, nan without a warning where it
    is undefined: whoever ranks selections masks these points.

    Parameters
    ----------
    kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
        The significance; "ams" is "asimov" with another default of `b_reg`.
    b_reg : float or None, default=None
        Added to `b`, in events; None means 10 for "ams" and 0 otherwise.
    sigma_b : float, default=0.0
        Absolute uncertainty of `b`, in events.
    rel_sigma_b : float, default=0.0
        Relative uncertainty of `b`: it follows the selection.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of `b` counts as an uncertainty too.

    Raises
    ------
    ValueError
        If `kind` is unknown, a number is negative, or a ratio is given an uncertainty
        or `b_reg`.

    See Also
    --------
    asimov_significance : The formula and its uncertainties.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import FigureOfMerit
    >>> ams = FigureOfMerit("ams")
    >>> ams.b_reg
    10.0
    >>> ams(np.array([5.0]), np.array([15.0]), np.array([1.0])).round(3)
    array([0.969])
    """

    kind: Kind = "asimov"
    b_reg: float | None = None
    sigma_b: float = 0.0
    rel_sigma_b: float = 0.0
    mc_stat: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            msg = f"`kind` must be one of {_KINDS!r}, got {self.kind!r}. Choose one."
            raise ValueError(msg)
        if self.b_reg is None:
            object.__setattr__(self, "b_reg", 10.0 if self.kind == "ams" else 0.0)
        options = {name: getattr(self, name) for name in _UNCERTAINTIES}
        check_not_negative(**options)
        if self._is_ratio and (self.mc_stat or any(options.values())):
            msg = (
                f"`kind` must be 'asimov' or 'ams' with an uncertainty or `b_reg`, got "
                f"{self.kind!r}. Leave these options out or choose 'asimov'."
            )
            raise ValueError(msg)

    @property
    def _is_ratio(self) -> bool:
        return self.kind.startswith("s_over")

    def __call__(
        self, s: FloatArray, b: FloatArray, sum_w2_b: FloatArray
    ) -> FloatArray:
        """Return the significance of the yields.

        Parameters
        ----------
        s : ndarray of shape (n_points,)
            Signal yield, in events.
        b : ndarray of shape (n_points,)
            Background yield, in events.
        sum_w2_b : ndarray of shape (n_points,)
            Sum of the squared background weights, in events squared.

        Returns
        -------
        z : ndarray of shape (n_points,)
            Significance, nan where it is undefined.
        """
        z = np.empty_like(s)
        for start in range(0, len(s), _BLOCK):
            block = slice(start, start + _BLOCK)
            z[block] = self._evaluate(s[block], b[block], sum_w2_b[block])
        return z

    def _evaluate(
        self, s: FloatArray, b: FloatArray, sum_w2_b: FloatArray
    ) -> FloatArray:
        if self.kind == "s_over_sqrt_b":
            return ratio_to_root(s, b, b > 0)
        if self.kind == "s_over_sqrt_sb":
            return ratio_to_root(s, s + b, (b >= 0) & (s + b > 0))
        v = self.sigma_b**2 + (self.rel_sigma_b * b) ** 2
        if self.mc_stat:
            v += sum_w2_b
        return significance_kernel(s, regularise(b, self.b_reg or 0.0), v)


_UNCERTAINTIES = ("b_reg", "sigma_b", "rel_sigma_b")
