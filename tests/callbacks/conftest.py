"""A receiver for every test."""

from collections.abc import AsyncIterator

import pytest

from tests.callbacks.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found
