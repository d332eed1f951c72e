"""Make the stored model that later versions must load: once for each format.

``python -m tests.data.make_stored_model`` writes `stored_model.skops`, and beside it
`stored_model.json` with events and what the model has answered when it was saved.
"""

import json
from pathlib import Path

import numpy as np

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.export import save_model

FOLDER = Path(__file__).parent


def main():
    """Fit a small network, save it and its answers."""
    events = make_gaussian_events(400, random_state=0)
    X = events.data.assign(channel=np.array(["e", "mu"])[np.arange(400) % 2])
    X.loc[::7, "x1"] = np.nan
    model = WeightedDNNClassifier(
        n_members=2,
        n_layers=1,
        width=3,
        max_epochs=3,
        categorical_features=["channel"],
        random_state=0,
    ).fit(X, events.target, sample_weight=events.sample_weight)
    save_model(model, FOLDER / "stored_model.skops", overwrite=True)
    few = X[:20]
    about = {
        "columns": {name: few[name].tolist() for name in few},
        "logit": model.decision_function(few).tolist(),
    }
    text = json.dumps(about, indent=1)
    (FOLDER / "stored_model.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
