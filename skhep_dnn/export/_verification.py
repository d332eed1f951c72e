"""What a verification has found: one line for each check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from skhep_dnn.exceptions import VerificationError

__all__ = ["Check", "Status", "Verification"]

Status = Literal["passed", "failed", "not checked", "told"]


@dataclass(frozen=True)
class Check:
    """One check of a verification.

    Attributes
    ----------
    name : str
        What was checked.
    status : {"passed", "failed", "not checked", "told"}
        What came of it; "told" is what is worth knowing and can be right.
    detail : str
        What was compared, or why nothing was.
    """

    name: str
    status: Status
    detail: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.status:<11}  {self.name}: {self.detail}"


@dataclass(frozen=True)
class Verification:
    """What a verification of an exported model has found.

    Attributes
    ----------
    path : str
        The exported file.
    checks : sequence of Check
        All checks, in the order in which they were made.

    See Also
    --------
    verify_export : Makes it.

    Examples
    --------
    >>> from skhep_dnn.export import Verification
    >>> from skhep_dnn.export._verification import Check
    >>> result = Verification(
    ...     "model.onnx",
    ...     [
    ...         Check("model.onnx", "passed", "unchanged, 4711 bytes"),
    ...         Check("unseen", "failed", "1 of 20 events, row 7"),
    ...         Check("figures of merit", "not checked", "no labels were passed"),
    ...     ],
    ... )
    >>> print(result)
    passed       model.onnx: unchanged, 4711 bytes
    failed       unseen: 1 of 20 events, row 7
    not checked  figures of merit: no labels were passed
    model.onnx is not verified: 1 of 3 checks failed
    >>> result.passed
    False
    """

    path: str
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether no check has failed."""
        return not self.failed

    @property
    def failed(self) -> list[Check]:
        """Checks that have failed."""
        return [check for check in self.checks if check.status == "failed"]

    def raise_if_failed(self) -> Self:
        """Raise an error if a check has failed.

        Returns
        -------
        self : Verification

        Raises
        ------
        VerificationError
            If one has; the message has those that have.
        """
        if self.failed:
            lines = "\n".join(str(check) for check in self.failed)
            msg = (
                f"An export must be as its manifest says, and score no event by a "
                f"model that has seen it, got {self.path!r} with\n{lines}\nTake the "
                "files of the export again, or other events."
            )
            raise VerificationError(msg)
        return self

    def __str__(self) -> str:
        """Return one line for each check, and the result."""
        n_checked = sum(check.status in {"passed", "failed"} for check in self.checks)
        result = f"is verified: {n_checked} checks passed"
        if self.failed:
            result = (
                f"is not verified: {len(self.failed)} of {len(self.checks)} checks "
                "failed"
            )
        return "\n".join([*map(str, self.checks), f"{self.path} {result}"])
