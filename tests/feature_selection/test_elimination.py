"""The loop of an elimination, with scores that are known."""

import numpy as np
import pytest

from skhep_dnn.feature_selection._elimination import (
    EliminationRules,
    best_iteration,
    eliminate,
)
from skhep_dnn.feature_selection._paired_scores import ScoredTraining

WORTH = {"a": 1.0, "b": 0.5, "c": -0.1, "d": -0.2, "e": 0.0}
NAMES = list(WORTH)


def rules(**options):
    defaults = {
        "groups": {name: (k,) for k, name in enumerate(NAMES)},
        "always_keep": frozenset(),
        "strategy": "retrain",
        "n_candidates": 2,
        "n_seeds": 3,
        "n_features": None,
        "threshold": 0.0,
        "threshold_unit": "score",
        "patience": 1,
    }
    return EliminationRules(**{**defaults, **options})


class Trainer:
    """A score is the sum of what the columns are worth, and of a seed."""

    def __init__(self, seed_effect=0.0, importances=WORTH):
        self.seed_effect = seed_effect
        self.importances = importances
        self.asked = []

    def __call__(self, subsets):
        self.asked += subsets
        return [self.score(subset) for subset in subsets]

    def score(self, subset):
        score = sum(WORTH[NAMES[k]] for k in subset.columns)
        score += self.seed_effect * [0, 1, -1][subset.seed]
        ranked = [
            [sum(self.importances[NAMES[k]] for k in group)] * 2
            for group in subset.ranked
        ]
        return ScoredTraining(
            score, np.zeros(1), 1.0, np.array(ranked).reshape(len(ranked), 2)
        )


def dropped(path):
    return [one.dropped for one in path[1:]]


def test_the_least_useful_goes_first_until_something_is_missed():
    path = eliminate(Trainer(), rules())
    # d and c make it worse, e does nothing, and b costs more than both have gained
    assert dropped(path) == ["d", "c", "e", "b"]
    assert [one.accepted for one in path] == [True, True, True, True, False]
    np.testing.assert_allclose([p.score for p in path], [1.2, 1.4, 1.5, 1.5, 1.0])
    np.testing.assert_allclose([p.change.value for p in path], [0, 0.2, 0.3, 0.3, -0.2])
    # of equal scores the one with fewer columns
    assert best_iteration(path, rules(), "best") == 3
    assert best_iteration(path, rules(), "smallest") == 3


def test_fewest_columns_or_the_best_ones():
    own = rules(threshold=0.21)
    path = eliminate(Trainer(), own)
    assert dropped(path) == ["d", "c", "e", "b"]  # one column is left
    assert best_iteration(path, own, "best") == 3
    assert best_iteration(path, own, "smallest") == 4


def test_threshold_in_units_of_the_error():
    # Variance of the first set 0.01, which is common to all five: a fifth is left, and
    # the error of a change of three seeds is sqrt(2 / 3 * 0.002) = 0.0365.
    for factor, accepted in ((5.4, False), (5.5, True)):
        own = rules(threshold=factor, threshold_unit="error")
        path = eliminate(Trainer(seed_effect=0.1), own)
        assert path[4].dropped == "b"
        assert path[4].change.error == pytest.approx(np.sqrt(0.004 / 3))
        assert path[4].accepted is accepted


def test_patience_goes_on_and_comes_back():
    worth_again = rules(patience=3)
    path = eliminate(Trainer(), worth_again)
    assert len(path) == 5  # nothing is left to drop
    assert best_iteration(path, worth_again, "best") == 3


def test_a_number_of_columns_is_reached_whatever_the_score():
    own = rules(n_features=1)
    path = eliminate(Trainer(), own)
    assert path[-1].n_features == 1
    assert best_iteration(path, own, "best") == 4
    own = rules(n_features=4)
    assert dropped(eliminate(Trainer(), own)) == ["d"]


def test_groups_go_together_and_leave_at_least_the_number():
    groups = {"a": (0,), "bc": (1, 2), "de": (3, 4)}
    own = rules(groups=groups, n_features=2)
    path = eliminate(Trainer(), own)
    assert dropped(path) == ["de", "a"]  # without "bc" one column would be left
    assert path[-1].n_features == 2
    own = rules(groups=groups, always_keep=frozenset({"de", "a"}))
    assert dropped(eliminate(Trainer(), own)) == ["bc"]


def test_all_are_kept_if_all_are_missed(monkeypatch):
    monkeypatch.setitem(WORTH, "c", 0.1)
    monkeypatch.setitem(WORTH, "d", 0.2)
    monkeypatch.setitem(WORTH, "e", 0.3)
    path = eliminate(Trainer(), rules())
    assert dropped(path) == ["c"]
    assert best_iteration(path, rules(), "smallest") == 0


def test_candidates_have_one_seed_and_what_is_dropped_has_all():
    trainer = Trainer(seed_effect=0.1)
    path = eliminate(trainer, rules(n_features=4))
    seeds = [(subset.label, subset.seed) for subset in trainer.asked]
    assert seeds[:3] == [("iteration_000_all", seed) for seed in range(3)]
    assert [seed for _, seed in seeds[3:8]] == [0] * 5
    assert seeds[8:] == [("iteration_001_candidate_003", seed) for seed in (1, 2)]
    assert path[1].seconds == 7.0
    assert path[0].seconds == 3.0
    # the error of a candidate: twice the variance of one seed
    assert path[1].rows[0]["error"] == pytest.approx(np.sqrt(0.02))


def test_seeds_that_change_nothing_are_not_trained_again():
    trainer = Trainer()
    path = eliminate(trainer, rules(n_features=3))
    assert len(trainer.asked) == 3 + 5 + 4
    assert [len(one.trainings) for one in path] == [1, 1, 1]


def test_the_lucky_seed_of_the_winner_does_not_decide():
    class Lucky(Trainer):
        def score(self, subset):
            found = super().score(subset)
            lucky = NAMES.index("a") not in subset.columns and subset.seed == 0
            score = found.score + 5.0 * lucky + 0.01 * subset.seed
            return ScoredTraining(score, found.fluctuation, 1.0)

    path = eliminate(Lucky(), rules())
    assert path[1].dropped == "a"
    assert path[1].rows[0]["difference"] == pytest.approx(4.0)
    assert path[1].change.value == pytest.approx(-1.0 + 5.0 / 3.0)
    assert best_iteration(path, rules(threshold=-9.0), "best") > 0


def test_shuffling_proposes_and_training_decides():
    # the importances are wrong about a and c
    wrong = {"a": -1.0, "b": 0.5, "c": 1.0, "d": -0.2, "e": 0.0}
    for effect in (0.0, 0.1):
        hybrid = Trainer(effect, wrong)
        path = eliminate(hybrid, rules(strategy="hybrid", n_candidates=2))
        assert dropped(path)[:2] == ["d", "e"]
        first = {row["candidate"]: row for row in path[1].rows}
        assert [first[name]["method"] for name in NAMES] == [
            "retrain",
            "shuffle",
            "shuffle",
            "retrain",
            "shuffle",
        ]
        assert first["c"]["difference"] == -1.0
        assert np.isnan(first["c"].get("p_value", np.nan))
        shuffle = Trainer(effect, wrong)
        path = eliminate(shuffle, rules(strategy="shuffle"))
        assert dropped(path) == ["a"]
        assert not path[1].accepted


def test_importances_are_asked_for_once_for_each_baseline():
    trainer = Trainer(0.1)
    eliminate(trainer, rules(strategy="hybrid", n_features=3))
    asked = [len(subset.ranked) for subset in trainer.asked]
    # all columns with three seeds; two candidates; two seeds of the winner, and so on
    assert asked == [0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 0]
