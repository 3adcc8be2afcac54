"""Errors of the door: requests the gateway refuses before anything starts."""

from typing import Any

from jobs.errors.base import JobError


class RequestRefused(JobError):
    """A request that was refused before anything started."""

    code = "request_refused"
    title = "Request refused"
    http_status = 400

    def __init__(
        self,
        detail: str = "",
        *,
        errors: list[dict[str, Any]] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)
        self.errors = errors or []


class InvalidRequest(RequestRefused):
    """The request itself is malformed."""

    code = "invalid_request"
    title = "Invalid request"
    advice = "Correct the request; the detail names what is wrong."


class Unauthenticated(RequestRefused):
    """No API token, or one nobody knows."""

    code = "unauthenticated"
    title = "Unauthenticated"
    advice = "Send a valid token as `Authorization: Bearer …`."
    http_status = 401


class WebhookRefused(RequestRefused):
    """The webhook's signature does not count: it is missing, wrong or too old."""

    code = "webhook_refused"
    title = "Webhook refused"
    advice = "Put the endpoint's signing secret into BACKBURNER_OPENAI_WEBHOOK_SECRETS."
    http_status = 401


class UnknownRoute(RequestRefused):
    """No such path."""

    code = "unknown_route"
    title = "Not found"
    advice = "Check the path against /docs."
    http_status = 404


class UnknownJobType(RequestRefused):
    """No job type of that name is installed."""

    code = "unknown_job_type"
    title = "Unknown job type"
    advice = "GET /api/job-types lists the names."
    http_status = 404


class JobNotFound(RequestRefused):
    """No job of that id belongs to the tenant."""

    code = "job_not_found"
    title = "Job not found"
    advice = "Check the id and the tenant of your token."
    http_status = 404


class UnknownSignal(RequestRefused):
    """The job type declares no such signal."""

    code = "unknown_signal"
    title = "Unknown signal"
    advice = "GET /api/job-types/{name} lists the signals of a job type."
    http_status = 404


class UnknownQuery(RequestRefused):
    """The job type declares no such query."""

    code = "unknown_query"
    title = "Unknown query"
    advice = "GET /api/job-types/{name} lists the queries of a job type."
    http_status = 404


class MethodNotAllowed(RequestRefused):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    title = "Method not allowed"
    advice = "The Allow header lists the methods of this path."
    http_status = 405


class JobNotStarted(RequestRefused):
    """The job waits to be started, so it cannot listen yet."""

    code = "job_not_started"
    title = "Job not started yet"
    advice = "Repeat the request after the seconds in Retry-After."
    http_status = 409
    retryable = True


class JobAlreadyFinished(RequestRefused):
    """The job has ended and listens no more."""

    code = "job_already_finished"
    title = "Job already finished"
    advice = "Read its result, or submit a new job."
    http_status = 409


class ResultNotReady(RequestRefused):
    """The job has not ended, so there is no result yet."""

    code = "result_not_ready"
    title = "Result not ready"
    advice = "Repeat the request after the seconds in Retry-After, or follow the job's events."
    http_status = 409
    retryable = True


class NoResult(RequestRefused):
    """The job ended without a result; the detail carries its own code."""

    code = "no_result"
    title = "The job ended without a result"
    advice = "Read `error` of the job: its code says why."
    http_status = 409


class RequestTooLarge(RequestRefused):
    """The body is larger than the gateway accepts."""

    code = "request_too_large"
    title = "Request too large"
    advice = (
        "Send less at once, and long texts as documents. Operators may raise "
        "BACKBURNER_MAX_REQUEST_BYTES, for uploads BACKBURNER_MAX_UPLOAD_BYTES."
    )
    http_status = 413


class UnsupportedMediaType(RequestRefused):
    """The body is not in a format this route reads."""

    code = "unsupported_media_type"
    title = "Unsupported media type"
    advice = "Send JSON, or multipart/form-data where files are uploaded."
    http_status = 415


class InvalidPayload(RequestRefused):
    """The payload does not fit the schema of its job type."""

    code = "invalid_payload"
    title = "Invalid payload"
    advice = "Each entry of `errors` points at one mistake."
    http_status = 422


class IdempotencyKeyReused(RequestRefused):
    """The Idempotency-Key was used before, with another body."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"
    advice = "Use a new key for a new request."
    http_status = 422


class InternalError(RequestRefused):
    """A defect of ours. The request id finds it in the log."""

    code = "internal_error"
    title = "Internal error"
    advice = "Report the request id; the same request may work later."
    http_status = 500
    retryable = True


class ServiceUnavailable(RequestRefused):
    """Postgres, Temporal or the object store cannot be reached."""

    code = "service_unavailable"
    title = "Service unavailable"
    advice = "Repeat the request after the seconds in Retry-After."
    http_status = 503
    retryable = True
