"""Implements `NotificationDeeds`: one attempt at a notification."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.delivering.gate import Gate
from activities.delivering.turns import due, tried, turned_away
from activities.notifying import mail
from activities.notifying.sending import Sent, Unusable
from activities.notifying.services import Services
from activities.notifying.wording import BAD_NEWS, Author
from jobs.callbacks import AttemptError, AttemptRequest, Verdict
from jobs.channels import Channels, EmailChannel
from jobs.errors import JobNotFound
from jobs.ports import NotificationDeeds
from storage.database import Database
from storage.deliveries import Attempt, Delivery
from telemetry.logs import about_job


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
        delivery = await due(self.db, request)
        if delivery is None:
            return Verdict()
        with about_job(str(delivery.job_id or "")):
            with self.gate.place_at(delivery.via or "") as wait:
                if wait is not None:
                    return await turned_away(self.db, delivery, wait)
                began, clock = datetime.now(UTC), time.monotonic()
                sent = await self._send(delivery)
            attempt = Attempt(
                started_at=began,
                duration=timedelta(seconds=time.monotonic() - clock),
                error=sent.error,
                message=sent.message,
                untold=sent.untold,
            )
            return await tried(self.db, delivery, attempt, request.pause)

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
