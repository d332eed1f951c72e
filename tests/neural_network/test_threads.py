"""The settings of torch in the engine, and that they are put back."""

import numpy as np
import pytest
import torch

from skhep_dnn.neural_network._engine.prediction import CHUNKS_OF_THREAD, ROWS
from skhep_dnn.neural_network._engine.torch_settings import engine_settings

TINY = 1e-40  # below the smallest normal float32

pytestmark = pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot flush"
)


def flushes():
    return bool(torch.tensor(TINY) * 2.0 == 0.0)


@pytest.mark.parametrize("before", [False, True])
def test_tiny_numbers_are_zero_in_the_block_alone(before):
    torch.set_flush_denormal(before)
    try:
        with engine_settings():
            assert flushes()
            with engine_settings():
                assert flushes()
            assert flushes()
        assert flushes() == before
        with pytest.raises(KeyError), engine_settings():
            raise KeyError
        assert flushes() == before
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_thread_of_a_prediction_takes_them_as_zero(make_model, events, n_jobs):
    X, y, _ = events
    model = make_model(n_members=1, n_layers=1, width=2, max_epochs=1).fit(X, y)
    seen = []
    model.net_.module_.activations[0].register_forward_pre_hook(
        lambda _module, _inputs: seen.append(flushes())
    )
    many = np.resize(np.asarray(X), ((CHUNKS_OF_THREAD + 1) * ROWS, X.shape[1]))
    model.set_params(n_jobs=n_jobs).decision_function(many)
    assert len(seen) > CHUNKS_OF_THREAD
    assert all(seen)
    assert not flushes()
