"""A classifier whose scores are known, for tests of scorers."""

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin


class KnownScores(ClassifierMixin, BaseEstimator):
    """A classifier whose logit of class 's' is the column 'logit'."""

    classes_ = np.array(["b", "s"])

    def decision_function(self, X):
        return np.asarray(X)[:, 0]

    def predict_proba(self, X):
        probability = expit(self.decision_function(X))
        return np.column_stack([1 - probability, probability])

    def predict(self, X):
        return self.classes_[(self.decision_function(X) >= 0).astype(int)]
