"""A mail server for every test."""

from collections.abc import AsyncIterator

import pytest

from tests.callbacks.receiver import Receiver, receiving
from tests.notifications.mailbox import Mailbox, mailbox


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as found:
        yield found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found
