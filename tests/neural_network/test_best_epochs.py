"""The best evaluation of each member against a loop written by hand."""

import numpy as np
import pytest
import torch

from skhep_dnn.neural_network._engine.judge import BestEpochs


@pytest.mark.parametrize("patience", [None, 1, 2, 5])
@pytest.mark.parametrize("tol", [0.0, 0.3])
def test_best_epochs_equal_a_hand_written_loop(hand_written_stop, patience, tol):
    losses = np.random.default_rng(2).normal(size=(20, 6)).round(1)
    state = {"weight": torch.zeros(6, 2)}
    best = BestEpochs(state, patience, tol)
    for epoch, row in enumerate(losses, start=1):
        best.update(epoch, row, {"weight": torch.full((6, 2), float(epoch))})
        best.end_unit(epoch)
    for k in range(6):
        epoch, loss, last = hand_written_stop(losses[:, k], patience, tol)
        assert best.epoch[k] == epoch
        assert best.value[k] == loss
        assert best.state["weight"][k].tolist() == [epoch, epoch]
        assert best.frozen[k] == (last < 20 or best.frozen_at[k] == 20)
        if best.frozen[k]:
            assert best.frozen_at[k] == last
    assert not state["weight"].any()


def test_a_frozen_member_keeps_its_state_while_others_run_on():
    best = BestEpochs({"weight": torch.zeros(2, 1)}, patience=2, tol=0.0)
    for epoch, row in enumerate([[1.0, 5.0], [2.0, 4.0], [2.0, 3.0], [0.0, 2.0]], 1):
        best.update(epoch, np.array(row), {"weight": torch.full((2, 1), float(epoch))})
        best.end_unit(epoch)
    assert best.frozen.tolist() == [True, False]
    assert best.frozen_at.tolist() == [3, 0]
    assert best.epoch.tolist() == [1, 4]
    assert best.state["weight"].flatten().tolist() == [1.0, 4.0]


def test_a_score_that_is_not_a_number_is_never_the_best_and_uses_up_patience():
    best = BestEpochs({"weight": torch.zeros(2, 1)}, patience=2, tol=0.0)
    for epoch, row in enumerate([[np.nan, 3.0], [np.nan, np.nan], [1.0, 2.0]], 1):
        best.update(epoch, np.array(row), {"weight": torch.full((2, 1), float(epoch))})
        best.end_unit(epoch)
    assert best.epoch.tolist() == [0, 3]
    assert best.frozen_at.tolist() == [2, 0]
    assert best.value.tolist() == [np.inf, 2.0]
    assert best.state["weight"].flatten().tolist() == [0.0, 3.0]


def test_patience_in_cycles_counts_those_without_any_improvement():
    best = BestEpochs({"weight": torch.zeros(2, 1)}, patience=1, tol=0.0)
    # two evaluations make a cycle; the second member improves within each
    values = [[1.0, 9.0], [2.0, 9.5], [0.5, 8.0], [3.0, 9.0], [1.0, 9.0], [2.0, 7.0]]
    for epoch, row in enumerate(values, start=1):
        state = {"weight": torch.full((2, 1), float(epoch))}
        best.update(epoch, np.array(row), state)
        if epoch % 2 == 0:
            best.end_unit(epoch)
    assert best.frozen.tolist() == [True, False]
    assert best.frozen_at.tolist() == [6, 0]
    assert best.epoch.tolist() == [3, 6]
