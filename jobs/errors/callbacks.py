"""Errors around callbacks: what the door refuses about endpoints, secrets and deliveries."""

from jobs.errors.door import RequestRefused


class CallbackRefused(RequestRefused):
    """The URL is none that callbacks may go to."""

    code = "callback_refused"
    title = "Callback refused"
    advice = (
        "Use an https URL of a public host without user name, on an allowed port; private networks"
        " have to be listed in BACKBURNER_CALLBACK_NETWORKS."
    )
    http_status = 422


class EndpointNotFound(RequestRefused):
    """No endpoint of that id belongs to the tenant."""

    code = "endpoint_not_found"
    title = "Endpoint not found"
    advice = "GET /api/endpoints lists the endpoints."
    http_status = 404


class CallbackNotFound(RequestRefused):
    """No callback of that id belongs to the tenant."""

    code = "callback_not_found"
    title = "Callback not found"
    advice = "GET /api/callbacks lists the callbacks; those of deleted jobs are gone with them."
    http_status = 404


class EndpointDisabled(RequestRefused):
    """The endpoint is disabled, so nothing is sent to it."""

    code = "endpoint_disabled"
    title = "Endpoint disabled"
    advice = "Mend the receiver, then PATCH the endpoint with `enabled: true` and recover."
    http_status = 409


class TooManyEndpoints(RequestRefused):
    """The tenant has as many endpoints as it may have."""

    code = "too_many_endpoints"
    title = "Too many endpoints"
    advice = "Delete an endpoint that is not needed any more."
    http_status = 409


class RotationUnderWay(RequestRefused):
    """The secret was replaced a short while ago, and the old one still counts."""

    code = "rotation_under_way"
    title = "Rotation under way"
    advice = "Wait until the old secret has expired, or rotate with `force: true`, which ends it."
    http_status = 409


class ResultLinkRefused(RequestRefused):
    """The link to a result is not one of ours, or its time is up."""

    code = "result_link_refused"
    title = "Result link refused"
    advice = "Read the result from GET /api/jobs/{job_id}/result with an API token."
    http_status = 403
