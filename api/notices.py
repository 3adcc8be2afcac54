"""Which channels are told of a job: what a client asked for, checked against the configuration."""

from api.bodies import JobRequest
from api.gateway import Gateway
from api.problems import Refusal
from jobs.errors import ChannelNotFound, InvalidPayload, RecipientNotAllowed
from jobs.notifications import Notice
from jobs.values import Tenant


def notices(
    gateway: Gateway, tenant: Tenant, wanted: JobRequest, base: str = ""
) -> tuple[Notice, ...]:
    """Return what is written down with a job, which lies at a pointer inside the body.

    Raises:
        InvalidPayload: It names a channel twice.
        Refusal: It names a channel that the tenant has not, or recipients it does not reach.
    """
    found: dict[str, Notice] = {}
    for index, use in enumerate(wanted.notify):
        at = f"{base}/notify/{index}"
        if use.channel in found:
            detail = f"the channel {use.channel!r} is named twice"
            raise InvalidPayload(detail, errors=[{"pointer": at, "detail": detail}])
        try:
            found[use.channel] = gateway.callbacks.channels.settled(tenant, use)
        except (ChannelNotFound, RecipientNotAllowed) as error:
            wrong = [{"pointer": at, "detail": error.detail}]
            raise Refusal(error, status=InvalidPayload.http_status, errors=wrong) from error
    return tuple(found.values())
