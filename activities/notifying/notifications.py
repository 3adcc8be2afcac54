"""Implements `NotificationDeeds`: one attempt at a notification."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.delivering.gate import Gate
from activities.notifying import mail
from activities.notifying.sending import Sent, Unusable
from activities.notifying.services import Services
from activities.notifying.wording import BAD_NEWS, Author
from jobs.callbacks import AttemptError, AttemptRequest, DeliveryStatus, Verdict
from jobs.channels import Channels, EmailChannel
from jobs.errors import CallbackNotFound, JobNotFound
from jobs.ports import NotificationDeeds
from storage import deliveries
from storage.database import Database
from storage.deliveries import Attempt, Delivery

FINAL = (AttemptError.RECIPIENT_REFUSED, AttemptError.MESSAGE_REFUSED, AttemptError.GONE)
"""What no other attempt would change."""


@dataclass(frozen=True)
class Notifications(NotificationDeeds):
    """The deed that tells people."""

    db: Database
    channels: Channels
    author: Author
    services: Services
    gate: Gate
    timeout: timedelta

    @activity.defn(name="attempt_notification")
    async def attempt_notification(self, request: AttemptRequest) -> Verdict:
        """Send a notification once and write down how it went, unless there is nothing to do."""
        try:
            delivery = await deliveries.get(self.db, request.tenant, request.delivery_id)
        except CallbackNotFound:
            return Verdict()  # deleted with its job
        if not delivery.status.is_open:
            return Verdict()
        with self.gate.place_at(delivery.via or "") as wait:
            if wait is not None:
                await deliveries.postpone(self.db, delivery, wait)
                return Verdict(wait=wait, turned_away=True)
            began, clock = datetime.now(UTC), time.monotonic()
            sent = await self._send(delivery)
        took = timedelta(seconds=time.monotonic() - clock)
        return await self._settle(delivery, request.pause, began, took, sent)

    async def _send(self, delivery: Delivery) -> Sent:
        name = delivery.via or ""
        channel = self.channels.of(delivery.tenant).get(name)
        if channel is None and name in self.channels.operators:
            channel = self.channels.channels[name]
        if channel is None:
            return Sent(AttemptError.CHANNEL_UNKNOWN, f"no channel {name!r} is configured")
        try:
            message = await self.author.message(channel, delivery)
            if isinstance(channel, EmailChannel):
                to = delivery.recipients or channel.to
                written = mail.written(channel, to, message, delivery.created_at)
                return await mail.send(channel, delivery.untold or to, written, self.timeout)
            bad = delivery.event in BAD_NEWS
            return await self.services.send(name, channel, message, is_bad_news=bad)
        except JobNotFound as error:
            return Sent(AttemptError.GONE, error.detail)
        except Unusable as error:
            return Sent(AttemptError.CHANNEL_UNUSABLE, str(error))

    async def _settle(
        self,
        delivery: Delivery,
        pause: timedelta | None,
        began: datetime,
        took: timedelta,
        sent: Sent,
    ) -> Verdict:
        status, wait = _standing(sent.error, pause)
        attempt = Attempt(
            started_at=began,
            duration=took,
            error=sent.error,
            message=sent.message,
            untold=sent.untold,
        )
        await deliveries.record(self.db, delivery, attempt, status, wait=wait)
        return Verdict(wait=wait)


def _standing(
    error: AttemptError | None, pause: timedelta | None
) -> tuple[DeliveryStatus, timedelta | None]:
    if error is None:
        return DeliveryStatus.DELIVERED, None
    if error in FINAL:
        return DeliveryStatus.ABANDONED, None
    if pause is None:
        return DeliveryStatus.EXHAUSTED, None
    return DeliveryStatus.DELIVERING, pause
