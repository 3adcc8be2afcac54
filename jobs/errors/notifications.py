"""Errors around notifications: what the door refuses about channels."""

from jobs.errors.door import RequestRefused


class ChannelNotFound(RequestRefused):
    """The administrators have configured no such channel for the tenant."""

    code = "channel_not_found"
    title = "Channel not found"
    advice = "GET /api/channels lists the channels; administrators add them."
    http_status = 404


class RecipientNotAllowed(RequestRefused):
    """The channel does not send to these recipients, or needs some."""

    code = "recipient_not_allowed"
    title = "Recipient not allowed"
    advice = "GET /api/channels tells which domains a channel sends to."
    http_status = 422
