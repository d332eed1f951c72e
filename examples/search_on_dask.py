"""Run the trials of a search on a Dask cluster, here two workers in this process.

joblib hands the trials to the workers of the cluster. Proposals and records stay in the
process that runs the script. For a real cluster, make the `Client` with the address of
its scheduler, or with a cluster of `dask_jobqueue`.

    python examples/search_on_dask.py
"""

from distributed import Client, LocalCluster
from joblib import parallel_config
from optuna.distributions import FloatDistribution
from sklearn.linear_model import LogisticRegression

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.model_selection import OptunaSearchCV


def main():
    """Search on two workers."""
    events = make_gaussian_events(1000, random_state=0)
    search = OptunaSearchCV(
        LogisticRegression(),
        {"C": FloatDistribution(1e-4, 1e2, log=True)},
        n_trials=8,
        cv=3,
        n_jobs=2,  # trials at the same time
        random_state=0,
    )
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,  # True starts a process for each worker
            dashboard_address=None,
        ) as cluster,
        Client(cluster),
        parallel_config(backend="dask"),
    ):
        search.fit(events.data, events.target, sample_weight=events.sample_weight)
    print(f"{len(search.records_)} trials on {cluster.name}")
    print(f"best: trial {search.best_index_}, score {search.best_score_:.4f}")


if __name__ == "__main__":
    main()
