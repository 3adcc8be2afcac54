"""Replies that come in pieces."""

from collections.abc import AsyncIterator


async def opened(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Fetch the first piece now, while an error can still become a problem document."""
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        first = b""

    async def every() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return every()
