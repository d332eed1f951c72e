"""Events that go another way at a threshold of a tree, in an exported pipeline.

A tree of `HistGradientBoostingClassifier` can have the value of an event of the fit as
a threshold. Behind a formula, such as a logarithm or a principal component, the last
digit of that value differs from one language to another, so that exported thresholds
are moved by the rounding. How many events differ from Python by more than 1e-5 in a
probability nevertheless, of those of the fit and of others? A hundred trees behind each
formula, for tables of float64 and of float32. An export that differs for one of 1 000
events of the fit is refused.

    python -m benchmarks.bench_export_thresholds [--quick]
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
)

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export import ExportedClassifier, to_onnx

STEPS = {
    "PCA": PCA(4),
    "PowerTransformer": PowerTransformer(),
    "logarithm": FunctionTransformer(np.log),
    "QuantileTransformer": QuantileTransformer(),
    "PolynomialFeatures": PolynomialFeatures(3),
}


def events(n_samples, seed, dtype):
    """Return positive numbers with long tails, and classes that depend on them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    y = X[:, 0] + 0.5 * X[:, 1] ** 2 + rng.normal(size=n_samples) > 0.5
    return np.exp(X).astype(dtype), y.astype(int)


def n_differing(step, dtype, n_fit, n_other, folder):
    """Count events of the fit and others that differ by more than 1e-5."""
    X, y = events(n_fit, 0, dtype)
    trees = HistGradientBoostingClassifier(max_iter=100, early_stopping=False)
    model = make_pipeline(step, trees).fit(X, y)
    path = folder / "model.onnx"
    try:
        to_onnx(model, path, X, manifest=False, overwrite=True)
    except ExportError:
        return ["refused", "refused"]
    exported = ExportedClassifier(path)
    counts = []
    for table in (X, events(n_other, 1, dtype)[0]):
        difference = np.abs(exported.predict_proba(table) - model.predict_proba(table))
        counts.append(int((difference.max(axis=1) > 1e-5).sum()))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n_fit, n_other = (2_000, 20_000) if quick else (20_000, 300_000)
    rows = {}
    print(f"{'':28} {'of the fit':>12} {'of others':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float64", "float32"):
            for name, step in STEPS.items():
                counts = n_differing(step, dtype, n_fit, n_other, Path(folder))
                rows[f"{name}, {dtype}"] = counts
                print(f"{name:20}{dtype:>8}", *(f"{c:>12}" for c in counts), flush=True)
    line = {"benchmark": "export_thresholds", "n_events": [n_fit, n_other]}
    print(json.dumps(line | {"differing": rows}))


if __name__ == "__main__":
    main()
