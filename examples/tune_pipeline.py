"""Tune a pipeline with event weights: Optuna's proposals, scored out of fold.

The weights reach every step, every fit and every score. Trials are ranked by the AUC of
the out-of-fold predictions of all events together.

    python examples/tune_pipeline.py
"""

import pandas as pd
from optuna.distributions import FloatDistribution
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.model_selection import OptunaSearchCV
from skhep_dnn.pipeline import make_weighted_pipeline


def main():
    """Tune, and print all trials, the best first."""
    events = make_higgs_events(1500, random_state=0)
    network = WeightedDNNClassifier(n_members=1, width=24, max_epochs=5)
    pipeline = make_weighted_pipeline(SimpleImputer(), StandardScaler(), network)
    space = {
        "simpleimputer__strategy": ["mean", "median"],
        "weighteddnnclassifier__learning_rate": FloatDistribution(3e-3, 0.1, log=True),
        "weighteddnnclassifier__n_layers": range(1, 4),
    }
    search = OptunaSearchCV(
        pipeline, space, n_trials=6, scoring="roc_auc", cv=3, random_state=0
    )
    search.fit(events.data, events.target, sample_weight=events.sample_weight)

    names = {name: name.rpartition("__")[2] for name in space}
    table = pd.DataFrame(search.cv_results_["params"]).rename(columns=names)
    table["AUC"] = search.cv_results_["pooled_test_score"]
    table["error"] = search.cv_results_["pooled_test_error_score"]
    print(table.sort_values("AUC", ascending=False).to_string(float_format="%.4f"))
    print(f"best: trial {search.best_index_}, AUC {search.best_score_:.4f}")


if __name__ == "__main__":
    main()
