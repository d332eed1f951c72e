"""scikit-learn's own checks, over one table of small instances of each estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhep_dnn import WeightedDNNClassifier

SMALL = {
    "n_layers": 1,
    "width": 16,
    "dropout": 0.0,
    "max_epochs": 20,
    "batch_size": 16,
    "random_state": 0,
}
ESTIMATORS = [
    WeightedDNNClassifier(**SMALL),
    WeightedDNNClassifier(**SMALL, n_members=2),
    WeightedDNNClassifier(**SMALL, batch_norm=True),
]


def expected_failures(estimator):
    # scikit-learn puts the weights into the first of three folds, which a single
    # member leaves out: there the check must hold.
    if isinstance(estimator, WeightedDNNClassifier) and estimator.n_members > 1:
        return {
            "check_sample_weight_equivalence_on_dense_data": (
                "An event of weight 2 and two equal events fall into different "
                "batches, so that training differs as by another seed; and even in "
                "full batches float32 sums differ in their last bits. The statement "
                "itself is proved in full batches, to float32 tolerance, in "
                "tests/neural_network/test_weights_in_training.py."
            )
        }
    return {}


# Many of the checks use samples of a few events, of which the estimator rightly warns.
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)
