import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy.special import expit
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import BoostedDNN
from skhep_dnn.inspection import BoostingGainDisplay
from skhep_dnn.metrics import balanced_log_loss, paired_bootstrap, weighted_roc_auc
from skhep_dnn.pipeline import make_weighted_pipeline

SMALL = {"n_estimators": 3, "n_iter_no_change": None, "random_state": 0}


@pytest.fixture
def stages(scored):
    y, score, weight = scored
    noise = np.random.default_rng(0).normal(size=len(score))
    return y, [score + a * noise for a in (1.0, 0.5, 2.0)], weight


def test_the_gains_are_differences_with_paired_errors(stages):
    y, scores, weight = stages
    display = BoostingGainDisplay.from_predictions(y, scores, weight, metric="roc_auc")
    auc = [weighted_roc_auc(y, score, weight) for score in scores]
    np.testing.assert_allclose(display.gain, np.array(auc) - auc[0])
    paired = paired_bootstrap(
        "roc_auc", y, scores[1], scores[0], weight, random_state=0
    )
    assert display.error[0] == 0.0
    assert display.error[1] == pytest.approx(paired.error)
    assert display.gain[1] > 3.0 * display.error[1]
    line, _, (bars,) = display.points_
    np.testing.assert_array_equal(line.get_ydata(), display.gain)
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    heights = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(heights, 2.0 * display.error)
    assert display.ax_.get_xlabel() == "iteration"
    assert display.ax_.get_ylabel() == "gain in weighted AUC"


def test_a_lower_loss_is_a_gain(stages):
    y, scores, weight = stages
    proba = [np.column_stack([expit(-s), expit(s)]) for s in scores]
    display = BoostingGainDisplay.from_predictions(y, proba, weight)
    losses = np.array([balanced_log_loss(y, p, weight) for p in proba])
    np.testing.assert_allclose(display.gain, losses[0] - losses)
    assert display.ax_.get_ylabel() == "fall of the log-loss (nats)"


def test_from_a_boosting_and_from_a_pipeline(toy_events):
    X, y, w = toy_events
    stump = DecisionTreeClassifier(max_depth=1)
    model = BoostedDNN(stump, **SMALL).fit(X, y, w)
    display = BoostingGainDisplay.from_estimator(model, X, y, w, n_replicas=20)
    proba = list(model.staged_predict_proba(X))
    losses = np.array([balanced_log_loss(y, p, w) for p in proba])
    np.testing.assert_allclose(display.gain, losses[0] - losses)
    assert display.n_iter_line_.get_xdata() == [3, 3]
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert set(texts) == {"BoostedDNN", "predicts: iteration 3"}
    pipeline = make_weighted_pipeline(
        StandardScaler(), BoostedDNN(stump, **SMALL), preprocessing_weights="abs"
    )
    pipeline.fit(X, y, sample_weight=w)
    of_pipeline = BoostingGainDisplay.from_estimator(pipeline, X, y, w, n_replicas=20)
    assert len(of_pipeline.gain) == 3


def test_the_beginning_is_the_classifier_that_it_starts_from(toy_events):
    X, y, w = toy_events
    model = BoostedDNN(
        DecisionTreeClassifier(max_depth=1), init=LogisticRegression(), **SMALL
    ).fit(X, y, w)
    for metric in ("balanced_log_loss", "roc_auc"):
        display = BoostingGainDisplay.from_estimator(
            model, X, y, w, metric=metric, n_replicas=20
        )
        np.testing.assert_array_equal(display.iteration, [0, 1, 2, 3])
    start = balanced_log_loss(y, model.init_predict_proba(X), w)
    last = balanced_log_loss(y, model.predict_proba(X), w)
    display = BoostingGainDisplay.from_estimator(model, X, y, w, n_replicas=20)
    assert display.gain[-1] == pytest.approx(start - last)


def test_several_on_one_axes_with_own_styles(stages):
    y, scores, weight = stages
    _, ax = plt.subplots()
    one = BoostingGainDisplay.from_predictions(
        y, scores, weight, metric="roc_auc", name="one", ax=ax
    )
    two = one.plot(ax, name="two", c="red")
    assert two.ax_ is ax
    assert two.points_[0].get_color() == "red"
    assert two.n_iter_line_ is None
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["one", "two"]
    assert one.plot().ax_ is not ax


def test_stages_of_scikit_learn(toy_events):
    X, y, w = toy_events
    model = GradientBoostingClassifier(n_estimators=3).fit(X, y, np.abs(w))
    display = BoostingGainDisplay.from_estimator(
        model, X, y, w, metric="roc_auc", n_replicas=20
    )
    assert display.n_iter is None
    assert len(display.gain) == 3


def test_what_is_refused(toy_events):
    X, y, w = toy_events
    with pytest.raises(NotFittedError):
        BoostingGainDisplay.from_estimator(BoostedDNN(), X, y, w)
    plain = LogisticRegression().fit(X, y)
    with pytest.raises(TypeError, match="must have `staged_predict_proba`, got Log"):
        BoostingGainDisplay.from_estimator(plain, X, y, w)
    with pytest.raises(ValueError, match="`metric` must be one of"):
        BoostingGainDisplay.from_predictions(y, [w, w], w, metric="accuracy")
    with pytest.raises(ValueError, match="two stages or more"):
        BoostingGainDisplay.from_predictions(y, [w], w)
