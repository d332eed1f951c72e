"""The result of a check: p-values together, and words."""

import pytest

from skhep_dnn.preprocessing import SymmetryCheck, SymmetryTest


def one(p_value, label=None, name="rotation", effect=0.01):
    return SymmetryTest(name, label, p_value, "azimuth of lep", effect, 0.003, 100)


def test_together():
    check = SymmetryCheck((one(0.2, "b"), one(0.01, "b"), one(0.9, "s"), one(0.6, "s")))
    assert check.p_value == pytest.approx(0.04)
    assert check.by_class == {"b": pytest.approx(0.02), "s": 1.0}
    assert check.worst.p_value == 0.01
    assert (check.effect, check.effect_error) == (0.01, 0.003)


def test_largest_effect_decides_between_equal_p_values():
    check = SymmetryCheck((one(0.01), one(0.01, effect=0.2), one(0.01, effect=0.1)))
    assert check.effect == 0.2


def test_words():
    check = SymmetryCheck((one(0.004, name="reflection in z"), one(0.5)))
    assert repr(check) == str(check)
    lines = str(check).splitlines()
    expected = "reflection in z: p = 0.004, effect 0.0100 +- 0.0030 in azimuth of lep"
    assert lines[0] == expected
    assert "under the reflection in z, most in azimuth of lep" in lines[-1]
    assert "`odd_under`" in lines[-1]
    assert "nothing speaks against" in str(SymmetryCheck((one(0.5),)))
