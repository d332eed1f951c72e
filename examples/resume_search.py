"""Kill a search, and go on where it was.

A search with a journal stores each trial as it ends. This script starts itself as a
second process, which it kills in the middle of the search; then it calls the same
`fit`, which runs the trials that are missing. They are those that the uninterrupted
search proposes.

    python examples/resume_search.py
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from optuna.distributions import FloatDistribution
from sklearn.linear_model import SGDClassifier

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.model_selection import OptunaSearchCV

N_TRIALS = 8
SPACE = {
    "alpha": FloatDistribution(1e-5, 1e-1, log=True),
    "l1_ratio": FloatDistribution(0.0, 1.0),
}


def search(folder):
    """Return the fitted search; without a folder nothing is stored."""
    events = make_gaussian_events(1000, random_state=0)
    one = OptunaSearchCV(
        SGDClassifier(loss="log_loss", penalty="elasticnet"),
        SPACE,
        n_trials=N_TRIALS,
        cv=3,
        storage=None if folder is None else folder / "search.log",
        directory=None if folder is None else folder / "trials",
        random_state=0,
    )
    return one.fit(events.data, events.target, sample_weight=events.sample_weight)


def files(folder):
    """Return the trials that have ended, one file of JSON each."""
    return sorted((folder / "trials").glob("trial_*.json"))


def main():
    """Kill a search, resume it, compare with one that was not killed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = subprocess.Popen([sys.executable, __file__, name])
        while len(files(folder)) < 3 and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        process.wait()
        print(f"killed after {len(files(folder))} of {N_TRIALS} trials")

        begun = {path.name: path.stat().st_mtime_ns for path in files(folder)}
        resumed = search(folder)
        kept = [folder / "trials" / name for name in begun]
        assert all(path.stat().st_mtime_ns == begun[path.name] for path in kept)
        print(f"resumed: {len(begun)} trials kept, {N_TRIALS - len(begun)} run")

    whole = search(None)
    same = resumed.cv_results_["params"] == whole.cv_results_["params"]
    print(f"same proposals as without the kill: {same}")
    print(f"best: trial {resumed.best_index_}, score {resumed.best_score_:.4f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        search(Path(sys.argv[1]))
    else:
        main()
