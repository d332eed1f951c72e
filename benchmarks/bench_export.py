"""Speed of exported classifiers, against Python.

Is a file that is run by onnxruntime as fast as `predict_proba`, with as many threads?
And the header of C++, one event at a time? Networks of the defaults on 30 columns, an
ensemble of five, the ensemble with its mean over eight symmetric variants, and five
such ensembles cross-fitted by event number. Python and onnxruntime get the same table;
what they need to take its columns apart is timed, too. The header is compiled by g++
with -O2 and -O3, and runs on one core.

    python -m benchmarks.bench_export [--quick]
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import ExportedClassifier, to_cpp, to_onnx

# The header reads a binary file of its arguments, which the benchmark writes.
DRIVER = """
#include "{header}"
#include <chrono>
#include <cstdio>
#include <fstream>
int main() {{
  const long n = {n};
  std::ifstream in("{data}", std::ios::binary);
{reading}
  double sum = model::score({first});
  const auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < n; ++i) sum += model::score({values});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.9g %.9g\\n", took.count(), sum);
}}
"""


def classifiers():
    """Fitted after one pass over a few events: their values do not matter here."""
    sample = make_higgs_events(2000, random_state=0)
    X, y, w = sample.data, sample.target, sample.sample_weight

    def network(**params):
        return WeightedDNNClassifier(max_epochs=1, random_state=0, n_jobs=1, **params)

    numbered = X.assign(event=np.arange(len(X)))
    return {
        "one network": network().fit(X, y, w),
        "5 members": network(n_members=5).fit(X, y, w),
        "5 members, 8 variants": network(
            n_members=5, augmenter=SymmetryAugmenter()
        ).fit(X, y, w),
        "5 folds of 5 members": CrossFitClassifier(
            network(n_members=5), event_number="event"
        ).fit(numbered, y, w),
    }


def threads_of(model, n_jobs):
    """Set how many threads predict."""
    if isinstance(model, CrossFitClassifier):
        for one in model.estimators_:
            one.set_params(n_jobs=n_jobs)
    else:
        model.set_params(n_jobs=n_jobs)


def compiled(header, X, folder, flags):
    """Compile a header with a loop over events, and return the program."""
    columns = [X[name].to_numpy() for name in X]
    data = folder / "events.bin"
    data.write_bytes(b"".join(c.tobytes() for c in columns))
    kinds = ["std::int64_t" if c.dtype.kind == "i" else "float" for c in columns]
    reading = "\n".join(
        f"  std::vector<{kind}> x{k}(n);\n"
        f"  in.read(reinterpret_cast<char*>(x{k}.data()), n * sizeof({kind}));"
        for k, kind in enumerate(kinds)
    )
    names = [f"x{k}" for k in range(len(columns))]
    source = DRIVER.format(
        header=header,
        n=len(X),
        data=data,
        reading=reading,
        first=", ".join(f"{name}[0]" for name in names),
        values=", ".join(f"{name}[i]" for name in names),
    )
    path, program = folder / "main.cpp", folder / "main"
    path.write_text(source, encoding="utf-8")
    command = ["g++", "-std=c++17", *flags, str(path), "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def measured(model, n_events, rounds, folder):
    """Events per second of all contenders, that of Python with one thread first."""
    X = make_higgs_events(n_events, random_state=1).data.astype(np.float32)
    if isinstance(model, CrossFitClassifier):
        X = X.assign(event=np.arange(n_events))
    file, header = folder / "model.onnx", folder / "model.hpp"
    to_onnx(model, file, X, manifest=False, overwrite=True)
    to_cpp(model, header, X, manifest=False, overwrite=True)
    tasks = {}

    def python(n_jobs):
        threads_of(model, n_jobs)
        return seconds(model.predict_proba, X)

    for n_jobs in (1, 2):
        runtime = ExportedClassifier(file, n_jobs=n_jobs)
        tasks[f"predict_proba, n_jobs={n_jobs}"] = lambda n=n_jobs: python(n)
        tasks[f"onnxruntime, n_jobs={n_jobs}"] = lambda r=runtime: seconds(
            r.predict_proba, X
        )
    if shutil.which("g++"):
        for flags in (["-O2"], ["-O3", "-march=native"]):
            part = X.iloc[: max(1, n_events // 10)]
            own = Path(tempfile.mkdtemp(dir=folder))
            program = compiled(header, part, own, flags)
            scale = n_events / len(part)
            tasks[f"C++, {' '.join(flags)}"] = lambda p=program, s=scale: (
                s * float(subprocess.check_output([p]).split()[0])
            )
    best = best_of(rounds, tasks)
    return {name: n_events / took for name, took in best.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n_events, rounds = (5_000, 2) if quick else (100_000, 5)
    torch.set_num_threads(1)
    rows = {}
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        for name, model in classifiers().items():
            n_own = n_events // 10 if "variants" in name else n_events
            rates = measured(model, n_own, rounds, Path(folder))
            base = rates["predict_proba, n_jobs=1"]
            rows[name] = {what: rate / base for what, rate in rates.items()}
            print(f"{name:30}{'events/s':>12}{'ratio':>8}")
            for what, rate in rates.items():
                print(f"  {what:28}{rate:12,.0f}{rate / base:8.2f}", flush=True)
    print(json.dumps({"benchmark": "export", "n_events": n_events, "ratios": rows}))


if __name__ == "__main__":
    main()
