"""The kernel: NumPy and torch alike, geometry, conventions, undefined values."""

import math
import pickle

import numpy as np
import pytest
import torch

from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel, Transformation

# pt, eta, phi of two objects, met and its phi, px, py, pz and two signed columns
KERNEL = SymmetryKernel(
    phi=(2, 5, 7),
    eta=(1, 4),
    px=(8,),
    py=(9,),
    pz=(10,),
    odd=(11, 12),
    odd_axes=("zyx", "z"),
)
N_COLUMNS = 14


def numpy_cos_sin(angle):
    return np.cos(angle), np.sin(angle)


def torch_cos_sin(angle):
    return torch.cos(angle), torch.sin(angle)


def events(*shape, low=-math.pi, seed=0):
    X = np.random.default_rng(seed).normal(size=(*shape, N_COLUMNS))
    X[..., [2, 5, 7]] = low + np.mod(X[..., [2, 5, 7]] * 2.0, 2.0 * math.pi)
    return X


def uniform(*shape, seed=1):
    return np.random.default_rng(seed).random((*shape, 4))


def vectors(X):
    """Unit vectors in the transverse plane, from the azimuths."""
    phi = X[..., [2, 5, 7]]
    return np.concatenate([np.cos(phi), X[..., 8:9]], axis=-1), np.concatenate(
        [np.sin(phi), X[..., 9:10]], axis=-1
    )


@pytest.mark.parametrize("low", [-math.pi, 0.0])
def test_azimuths_turn_as_vectors_do(low):
    kernel = KERNEL.moved(range(N_COLUMNS))
    kernel = SymmetryKernel(**{**_fields(kernel), "phi_low": low})
    X = events(5_000, low=low)
    by = kernel.transformation(uniform(5_000), numpy_cos_sin)
    new = kernel.apply(X, by)
    (x, y), (new_x, new_y) = vectors(X), vectors(new)
    x, y = x * by.sign_x, y * by.sign_y
    np.testing.assert_allclose(new_x, by.cos * x - by.sin * y, atol=1e-12)
    np.testing.assert_allclose(new_y, by.sin * x + by.cos * y, atol=1e-12)
    phi = new[:, [2, 5, 7]]
    assert phi.min() >= low - 1e-12
    assert phi.max() <= low + 2.0 * math.pi + 1e-12


def _fields(kernel):
    names = (*_KINDS, "odd_axes", "rotation", "reflections", "missing_values")
    return {name: getattr(kernel, name) for name in names}


_KINDS = ("phi", "eta", "px", "py", "pz", "odd")


def test_signs():
    X = events(1_000)
    by = KERNEL.transformation(uniform(1_000), numpy_cos_sin)
    new = KERNEL.apply(X, by)
    np.testing.assert_array_equal(new[:, [1, 4, 10, 12]], X[:, [1, 4, 10, 12]] * by[5])
    np.testing.assert_array_equal(new[:, 11:12], X[:, 11:12] * by[3] * by[4] * by[5])
    np.testing.assert_array_equal(new[:, [0, 3, 6, 13]], X[:, [0, 3, 6, 13]])


def test_transformations_are_uniform():
    by = KERNEL.transformation(uniform(100_000), numpy_cos_sin)
    counts, _ = np.histogram(by.angle, bins=20, range=(0.0, 2.0 * math.pi))
    assert abs(counts - 5_000).max() < 5 * math.sqrt(5_000)
    signs = np.concatenate(by[3:], axis=1)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(np.corrcoef(signs.T) - np.eye(3)).max() < 0.02
    assert abs(signs.mean(axis=0)).max() < 5 / math.sqrt(100_000)


def test_what_is_off_stays_off():
    kernel = SymmetryKernel(phi=(0,), eta=(1,), rotation=False, reflections="y")
    by = kernel.transformation(uniform(10), numpy_cos_sin)
    assert (by.angle, by.cos, by.sin, by.sign_x, by.sign_z) == (0.0, 1.0, 0.0, 1.0, 1.0)
    assert by.sign_y.shape == (10, 1)
    X = np.array([[0.5, 2.0]])
    new = kernel.apply(X, Transformation(sign_y=-1.0))
    np.testing.assert_array_equal(new, [[-0.5, 2.0]])


@pytest.mark.parametrize("shape", [(500,), (3, 200)])
@pytest.mark.parametrize("missing", [math.nan, -999.0])
def test_torch_is_numpy(shape, missing):
    kernel = SymmetryKernel(**{**_fields(KERNEL), "missing_values": missing})
    X = events(*shape).astype(np.float32)
    X[..., 0, :6] = missing
    X[..., 1, 8:11] = missing
    X[..., 2, 3] = math.nan
    U = uniform(*shape).astype(np.float32)
    new = kernel.apply(X, kernel.transformation(U, numpy_cos_sin))
    T = kernel.transformation(torch.from_numpy(U), torch_cos_sin)
    tensor = kernel.apply(torch.from_numpy(X), T)
    assert (new.dtype, tensor.dtype) == (np.float32, torch.float32)
    assert all(part.dtype == torch.float32 for part in T)
    difference = np.abs(new - tensor.numpy())
    difference[..., [2, 5, 7]] %= 2.0 * math.pi - 1e-5
    assert np.nanmax(difference) < 1e-5
    np.testing.assert_array_equal(np.isnan(new), np.isnan(X))
    np.testing.assert_array_equal(np.isnan(tensor.numpy()), np.isnan(X))
    undefined = missing == X
    np.testing.assert_array_equal(new[undefined], X[undefined])
    np.testing.assert_array_equal(tensor.numpy()[undefined], X[undefined])


def test_undefined_values_stay():
    X = events(4)
    X[0] = math.nan
    new = KERNEL.apply(X, KERNEL.transformation(uniform(4), numpy_cos_sin))
    assert np.isnan(new[0]).all()
    assert not np.isnan(new[1:]).any()
    marked = SymmetryKernel(**{**_fields(KERNEL), "missing_values": -999.0})
    X[0] = -999.0
    new = marked.apply(X, marked.transformation(uniform(4), numpy_cos_sin))
    np.testing.assert_array_equal(new[0], X[0])


@pytest.mark.parametrize("angle", [1.0, math.pi])
def test_half_a_momentum_is_not_rotated(angle):
    kernel = SymmetryKernel(px=(0,), py=(1,), missing_values=-999.0)
    X = np.array([[-999.0, 2.0], [2.0, -999.0]])
    new = kernel.apply(X, Transformation(angle, math.cos(angle), math.sin(angle)))
    np.testing.assert_array_equal(new, X)


def test_the_identity_changes_no_bit():
    kernel = SymmetryKernel(phi=(0, 1))
    X = np.array([[3.142, math.pi], [-3.142, 7.0]])
    for by in (Transformation(), Transformation(sign_z=-1.0)):
        np.testing.assert_array_equal(kernel.apply(X, by), X)


def test_kernels_that_look_alike_are_equal():
    one, other = (SymmetryKernel(phi=(0,), missing_values=float("nan")) for _ in "ab")
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other)
    assert one != SymmetryKernel(phi=(0,), missing_values=-999.0)
    assert one != SymmetryKernel(phi=(1,))
    assert one != "kernel"


def test_events_are_not_changed_unless_asked():
    X = events(50)
    by = KERNEL.transformation(uniform(50), numpy_cos_sin)
    copy, other = X.copy(), np.empty_like(X)
    new = KERNEL.apply(X, by)
    np.testing.assert_array_equal(X, copy)
    assert KERNEL.apply(X, by, out=other) is other
    np.testing.assert_array_equal(other, new)
    assert KERNEL.apply(X, by, out=X) is X
    np.testing.assert_array_equal(X, new)


def test_default_variants_are_eight():
    variants = KERNEL.variants()
    assert variants[0] == Transformation()
    X = events(20)
    np.testing.assert_array_equal(KERNEL.apply(X, variants[0]), X)
    assert {(v.angle, v.sign_x, v.sign_y, v.sign_z) for v in variants} == {
        (angle, 1.0, y, z) for angle in (0.0, math.pi) for y in (1, -1) for z in (1, -1)
    }
    assert len({KERNEL.apply(X, v).tobytes() for v in variants}) == 8


@pytest.mark.parametrize(
    ("rotation", "reflections", "n_variants"),
    [
        (True, "", 2),
        (True, "yz", 8),
        (True, "x", 4),
        (True, "z", 4),
        (False, "xyz", 8),
        (False, "z", 2),
        (False, "xy", 4),
    ],
)
def test_number_of_variants(rotation, reflections, n_variants):
    kernel = SymmetryKernel(phi=(0,), rotation=rotation, reflections=reflections)
    variants = kernel.variants()
    assert len(set(variants)) == n_variants
    assert variants[0] == Transformation()
    for axis in set("xyz") - set(reflections):
        assert {getattr(v, f"sign_{axis}") for v in variants} == {1.0}


def test_other_order_of_the_columns():
    order = [7, 0, 9, 8, 10, 5, 4, 11, 2, 12, 1]
    X = events(100)
    by = KERNEL.transformation(uniform(100), numpy_cos_sin)
    moved = KERNEL.moved(order)
    np.testing.assert_array_equal(
        moved.apply(X[:, order], by), KERNEL.apply(X, by)[:, order]
    )
    assert moved.columns == tuple(i for i in range(11) if i != 1)


def test_declared_columns_must_be_kept():
    with pytest.raises(
        ValueError, match=r"every declared column that changes, got none for.*\[8\]"
    ):
        KERNEL.moved([1, 2, 4, 5, 7, 9, 10, 11, 12])


@pytest.mark.parametrize("columns", [(3, 1, 2), (0, 1, 2, 3), (0, 5, 7, 9), (9, 2)])
def test_any_order_of_columns_is_cut_into_slices(columns):
    X = events(30)
    by = Transformation(sign_z=-1.0)
    expected = X.copy()
    expected[:, list(columns)] *= -1.0
    kernel = SymmetryKernel(eta=columns)
    np.testing.assert_array_equal(kernel.apply(X, by), expected)
