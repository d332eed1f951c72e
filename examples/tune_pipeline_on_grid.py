"""Tune a pipeline with event weights by scikit-learn's own search.

`GridSearchCV` passes the weights on where pipeline and scorer take `sample_weight`, as
those of this package do. It ranks by the mean score of the folds.

    python examples/tune_pipeline_on_grid.py
"""

import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.pipeline import make_weighted_pipeline


def main():
    """Tune, and print all points, the best first."""
    events = make_higgs_events(1500, random_state=0)
    network = WeightedDNNClassifier(n_members=1, width=24, max_epochs=5, random_state=0)
    pipeline = make_weighted_pipeline(SimpleImputer(), StandardScaler(), network)
    grid = {
        "simpleimputer__strategy": ["median"],
        "weighteddnnclassifier__learning_rate": [0.01, 0.03],
        "weighteddnnclassifier__n_layers": [1, 2],
    }
    search = GridSearchCV(pipeline, grid, scoring=weighted_scorer("roc_auc"), cv=3)
    search.fit(events.data, events.target, sample_weight=events.sample_weight)

    names = {name: name.rpartition("__")[2] for name in grid}
    table = pd.DataFrame(search.cv_results_["params"]).rename(columns=names)
    table["AUC"] = search.cv_results_["mean_test_score"]
    print(table.sort_values("AUC", ascending=False).to_string(float_format="%.4f"))
    print(f"best: point {search.best_index_}, AUC {search.best_score_:.4f}")


if __name__ == "__main__":
    main()
