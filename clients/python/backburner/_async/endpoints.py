"""URLs that receive the callbacks of all jobs: `client.endpoints`."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from backburner._async.callbacks import DAY, rotate
from backburner._async.transport import AsyncTransport
from backburner._requests import path, without_none
from backburner.models.callbacks import Callback, Endpoint, EventType, Secret


class AsyncEndpoints:
    """URLs that receive the callbacks of all jobs, each with a signing secret of its own."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        url: str,
        *,
        description: str = "",
        events: Iterable[EventType | str] = (),
        include_children: bool = False,
    ) -> Endpoint:
        """Register a URL; the endpoint returned holds its secret, this once.

        Raises:
            ApiError: With code `callback_refused` when callbacks may not go there.
        """
        body = {
            "url": url,
            "description": description,
            "events": [str(each) for each in events],
            "include_children": include_children,
        }
        # Twice would make two, each of which is sent everything.
        return await self._transport.fetch(
            Endpoint, "POST", path("endpoints"), json=body, repeatable=False
        )

    async def list(self) -> Sequence[Endpoint]:
        """Return all endpoints, newest first."""
        return await self._transport.fetch_list(Endpoint, path("endpoints"), "endpoints")

    async def get(self, endpoint_id: UUID | str) -> Endpoint:
        """Return an endpoint, without its secret."""
        return await self._transport.fetch(Endpoint, "GET", path("endpoints", endpoint_id))

    async def change(self, endpoint_id: UUID | str, **changes: Any) -> Endpoint:
        """Change `url`, `description`, `events`, `include_children` or `enabled`."""
        return await self._transport.fetch(
            Endpoint, "PATCH", path("endpoints", endpoint_id), json=changes
        )

    async def delete(self, endpoint_id: UUID | str) -> None:
        """Delete an endpoint; what is on its way to it is abandoned."""
        await self._transport.request("DELETE", path("endpoints", endpoint_id), repeatable=False)

    async def rotate_secret(
        self, endpoint_id: UUID | str, *, overlap: timedelta = DAY, force: bool = False
    ) -> Secret:
        """Replace the secret of an endpoint; both sign during the overlap.

        Raises:
            ApiError: With code `rotation_under_way` during an earlier overlap, unless forced.
        """
        where = path("endpoints", endpoint_id, "rotate-secret")
        return await rotate(self._transport, where, overlap, force)

    async def test(self, endpoint_id: UUID | str) -> Callback:
        """Have a callback of type `endpoint.test` sent; ask `callbacks.get` how it went."""
        return await self._transport.fetch(
            Callback, "POST", path("endpoints", endpoint_id, "test"), repeatable=False
        )

    async def recover(
        self, endpoint_id: UUID | str, since: datetime, until: datetime | None = None
    ) -> int:
        """Have everything sent again that happened in a time and never arrived; return how many."""
        where = path("endpoints", endpoint_id, "recover")
        reply = await self._transport.request(
            "POST", where, json=without_none(since=since, until=until)
        )
        return int(reply.json()["callbacks"])
