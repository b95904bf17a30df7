"""One thread and one seed for every test: small layers are slower on two threads, and a failure must come again."""

import pytest
import torch

from omni_ref import OmniConfig


@pytest.fixture(autouse=True)
def _one_thread_one_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def tiny() -> OmniConfig:
    return OmniConfig.tiny()
