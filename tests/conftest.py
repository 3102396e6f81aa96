"""What tests of several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

settings.register_profile("ci", derandomize=True)  # a gate must say the same of the same change
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def sample_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the sample FAQ, trained for real but shortly: entries are told apart, replies are not polished."""
    from engine.training.data import read_training_data, sample_sources, sample_validation
    from engine.training.options import TrainingOptions
    from engine.training.school import train

    # Test processes that run side by side have one parent folder: whoever comes first trains for all.
    together = tmp_path_factory.getbasetemp()
    together = together.parent if os.environ.get("PYTEST_XDIST_WORKER") else together
    folder = together / "sample-model"
    with FileLock(together / "sample-model.lock"):
        if not (folder / "manifest.json").exists():
            data = read_training_data(sample_sources(), validation=sample_validation())
            train(data, folder, TrainingOptions(epochs=4), lambda _: None)
    return folder
