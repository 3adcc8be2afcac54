"""Settings of callbacks that would break every delivery are refused at the start."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from settings import CallbackSettings


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-5)], ids=["none", "negative"])
@pytest.mark.parametrize(
    "name", ["callback_timeout", "callback_disable_after", "result_link_lifetime"]
)
def test_a_time_that_is_no_time_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        CallbackSettings.model_validate({name: value})


@pytest.mark.parametrize("pause", [0, -5])
def test_a_pause_that_is_none_is_refused(pause, monkeypatch):
    monkeypatch.setenv("BACKBURNER_CALLBACK_PAUSES", f"[5, {pause}]")
    with pytest.raises(ValidationError, match=r"callback_pauses\.1"):
        CallbackSettings()


def test_no_pauses_mean_one_attempt():
    assert CallbackSettings(callback_pauses=()).callback_pauses == ()
