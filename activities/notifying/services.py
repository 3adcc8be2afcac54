"""Telling through Apprise: Slack, Teams and whatever else it knows.

Apprise blocks, so each channel has threads of its own: one that hangs delays no other. It tells
whether a message was taken, but not in a form to rely upon why it was not; so every failure is
tried again. What its plugins log may hold their secrets, so nothing of that reaches our logs, and
the warnings that go into the record of an attempt are masked.
"""

import asyncio
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from activities.notifying.secrets import secret
from activities.notifying.sending import Message, Sent, Unusable, one_line
from jobs.callbacks import AttemptError
from jobs.channels import AppriseChannel

if TYPE_CHECKING:
    from apprise import NotifyType

THREADS = 4
"""Messages of one channel on their way at once."""

SHORTEST_SECRET = 4
"""Shorter parts of a URL are words like `v1`, and nobody's secret."""

LONGEST_WARNING = 500

APART = re.compile(r"[^A-Za-z0-9_.~-]+")


class Services:
    """Sends through Apprise.

    Args:
        timeout: How long one message may take.
    """

    def __init__(self, timeout: timedelta) -> None:
        self._seconds = timeout.total_seconds()
        self._threads: dict[str, ThreadPoolExecutor] = {}

    async def send(
        self, name: str, channel: AppriseChannel, message: Message, *, is_bad_news: bool
    ) -> Sent:
        """Send a message and return how that went.

        Raises:
            Unusable: Apprise does not know what the channel's URL means.
        """
        if name not in self._threads:
            self._threads[name] = ThreadPoolExecutor(THREADS, thread_name_prefix=f"channel-{name}")
        url = secret(channel.url)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                return await loop.run_in_executor(
                    self._threads[name], _send, url, message, is_bad_news
                )
        except TimeoutError:
            return Sent(AttemptError.TIMED_OUT, f"not taken within {self._seconds:g} s")

    def close(self) -> None:
        """Let the threads go; what they are at is not waited for."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)


def _send(url: str, message: Message, is_bad_news: bool) -> Sent:
    # Imported when the first channel needs it: a fifth of a second and 20 MB.
    import apprise

    _keep_to_itself(logging.getLogger("apprise"))
    asset = apprise.AppriseAsset(
        app_id="Backburner",
        app_desc="Backburner",
        app_url="",
        async_mode=False,  # this thread will do
        http_redirects=False,  # the administrators chose the address, not who answers there
        interpret_escapes=False,
        interpret_emojis=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        result_log_memory_size=64 * 1024,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        raise Unusable("Apprise does not know a service by this URL, or it lacks something")
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    kind: NotifyType = apprise.NotifyType.FAILURE if is_bad_news else apprise.NotifyType.INFO
    result = sender.notify(
        body=message.body,
        title=message.title,
        notify_type=kind,
        body_format=apprise.NotifyFormat.TEXT,  # so that services show it and do not interpret it
    )
    if result:
        return Sent()
    said = " ".join(entry.message for each in result.results for entry in each.logs())
    words = one_line(masked(said, url), LONGEST_WARNING)
    return Sent(AttemptError.NOT_ACCEPTED, words or "the service did not take it")


def _keep_to_itself(logger: logging.Logger) -> None:
    if logger.propagate:
        logger.propagate = False
        logger.addHandler(logging.NullHandler())  # or else warnings would go to standard error


def masked(text: str, url: str) -> str:
    """Return a text without anything that stands in a URL behind its scheme."""
    for part in sorted(_parts(url), key=len, reverse=True):
        text = text.replace(part, "***")
    return text


def _parts(url: str) -> Iterator[str]:
    rest = url.partition("://")[2]
    for spelled in (rest, unquote(rest)):
        yield from (each for each in APART.split(spelled) if len(each) >= SHORTEST_SECRET)
