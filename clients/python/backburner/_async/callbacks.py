"""The log of callbacks: `client.callbacks`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

from backburner._async.transport import AsyncTransport
from backburner._deadline import Deadline
from backburner._requests import path, without_none
from backburner.models.callbacks import Callback, DeliveryStatus, Secret

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
_POLL_SECONDS = 0.25


class AsyncCallbacks:
    """The log of callbacks, and the secret behind the `callback_url` of jobs."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: DeliveryStatus | None = None,
        event: str | None = None,
        endpoint_id: UUID | str | None = None,
        channel: str | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[Callback]:
        """Yield callbacks and notifications, newest first; pages are fetched as they are needed."""
        params = without_none(
            status=status, event=event, endpoint_id=endpoint_id, channel=channel, limit=page_size
        )
        return self._transport.pages(Callback, path("callbacks"), "callbacks", params)

    async def of_job(self, job_id: UUID | str) -> Sequence[Callback]:
        """Return the callbacks and notifications of a job, with every attempt."""
        return await self._transport.fetch_list(
            Callback, path("jobs", job_id, "callbacks"), "callbacks"
        )

    async def get(self, callback_id: UUID | str) -> Callback:
        """Return a callback with every attempt."""
        return await self._transport.fetch(Callback, "GET", path("callbacks", callback_id))

    async def wait(
        self, callback_id: UUID | str, *, attempts: int, timeout: timedelta = MINUTE
    ) -> Callback:
        """Return a callback once so many attempts at it were made, or none will be made any more.

        When that takes longer than the timeout, it is returned as it stands.
        """
        deadline = Deadline(timeout)
        while True:
            found = await self.get(callback_id)
            if found.attempt_count >= attempts or not found.status.is_open:
                return found
            try:
                await asyncio.sleep(deadline.limit(_POLL_SECONDS))
            except TimeoutError:
                return found

    async def redeliver(self, callback_id: UUID | str) -> Callback:
        """Have a callback sent once more, under the same id.

        Raises:
            ApiError: With code `endpoint_disabled` when its endpoint takes none.
        """
        return await self._transport.fetch(
            Callback, "POST", path("callbacks", callback_id, "redeliver")
        )

    async def secret(self) -> Secret:
        """Return the secret that signs what goes to the `callback_url` of jobs."""
        return await self._transport.fetch(Secret, "GET", path("callback-secret"))

    async def rotate_secret(self, *, overlap: timedelta = DAY, force: bool = False) -> Secret:
        """Replace that secret; both sign during the overlap.

        Raises:
            ApiError: With code `rotation_under_way` during an earlier overlap, unless forced.
        """
        return await rotate(self._transport, path("callback-secret", "rotate"), overlap, force)


async def rotate(transport: AsyncTransport, path: str, overlap: timedelta, force: bool) -> Secret:
    """Replace a secret of the callback URL of jobs, or of an endpoint."""
    body = {"expire_previous_after_seconds": int(overlap.total_seconds()), "force": force}
    # Twice would end the overlap that the first one began.
    return await transport.fetch(Secret, "POST", path, json=body, repeatable=False)
