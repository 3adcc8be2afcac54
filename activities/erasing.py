"""Deleting responses at the provider, for jobs that asked for it.

The answers are ours by then, so nothing waits for a deletion: a step tries once, and maintenance
goes on trying until it is done or the provider refuses for good.
"""

import asyncio
import logging
from collections.abc import Iterable

from activities.provider import Provider
from jobs.errors import ProviderFailure, ProviderUnauthorized
from storage import deletions
from storage.database import Database
from storage.responses import Submit

logger = logging.getLogger(__name__)

BATCH, AT_ONCE = 200, 8
"""Deletions of one pass of maintenance, and how many of them run at once."""

PATIENCE_SECONDS = 5.0
"""How long a step, which has its answer already, may be held up by its deletions."""


async def erase(db: Database, provider: Provider, submits: Iterable[Submit]) -> None:
    """Delete those of a step's responses that are settled and not to be kept; try each once."""
    due = [each for each in submits if each.is_delete_due]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(_erased(db, provider, each) for each in due))
    except TimeoutError:
        logger.info("the provider takes long to delete: maintenance goes on with it")


async def erase_due(db: Database, provider: Provider) -> None:
    """Delete what earlier attempts could not; leave the rest when the provider is in trouble."""
    gate, is_away = asyncio.Semaphore(AT_ONCE), False

    async def one(submit: Submit) -> None:
        nonlocal is_away
        async with gate:
            if not is_away:
                is_away = not await _erased(db, provider, submit)

    await asyncio.gather(*(one(each) for each in await deletions.due(db, limit=BATCH)))


async def _erased(db: Database, provider: Provider, submit: Submit) -> bool:
    """Delete a response; False when it has to be tried again."""
    if submit.response_id is None:
        return True
    try:
        await provider.delete(submit.response_id)
    except ProviderFailure as error:
        why = f"{error.code}: {error.detail}"
        logger.warning("response %s is not deleted yet: %s", submit.response_id, why)
        # A key can be mended, and what it may do; anything else permanent is the provider's word.
        if error.retryable or isinstance(error, ProviderUnauthorized):
            await deletions.postponed(db, submit, why)
            return False
        await deletions.refused(db, submit, why)
        return True
    await deletions.done(db, submit)
    return True
