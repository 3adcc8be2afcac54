"""What tests of workflows may ask for."""

from datetime import timedelta

import pytest


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give quick writes longer: on a busy machine they become ordinary ones, with more events."""
    monkeypatch.setattr("workflows.core.timing.LOCAL_RECORD", timedelta(seconds=8))
