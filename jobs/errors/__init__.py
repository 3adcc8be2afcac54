"""Every error a client or an operator can meet, each with a stable code.

::

    JobError
    ├── RequestRefused            the door said no; nothing was started
    │   ├── InvalidRequest · InvalidPayload · UnsupportedMediaType · RequestTooLarge
    │   ├── Unauthenticated · WebhookRefused · UnknownJobType · UnknownRoute · MethodNotAllowed
    │   ├── JobNotFound · UnknownSignal · UnknownQuery
    │   ├── ScheduleNotFound · ScheduleExists · ScheduleConflict
    │   ├── IdempotencyKeyReused · JobNotStarted · JobAlreadyFinished · ResultNotReady · NoResult
    │   ├── ApprovalNotFound · ApprovalNotOpen · ApprovalStale
    │   ├── CallbackRefused · CallbackNotFound · EndpointNotFound · EndpointDisabled ·
    │   │   TooManyEndpoints · RotationUnderWay · ResultLinkRefused
    │   ├── ChannelNotFound · RecipientNotAllowed
    │   └── ServiceUnavailable · InternalError
    └── JobFailure                a job ended, or would end, with this code
        ├── ProviderFailure       what OpenAI or its network did
        ├── DocumentFailure       what a document was like, AttachmentTooLarge too
        ├── ApprovalTimedOut · ApprovalEditsUnfit · ApprovalMalformed
        ├── ColumnNotFound · RowUnanswered · NoSources
        ├── NestedTooDeep · ChildGoesOn
        ├── ReferenceFailed · NodePayloadInvalid · TooFewSucceeded · TooManyItems ·
        │                     ApprovalRejected
        └── DeadlineExceeded · PayloadTooLarge · OutputMismatch · WorkflowLost ·
                              JobDefect · JobCanceled · StepTakenOver · WorkerDraining ·
                              ScheduleBroken

Codes are part of the API: they never change meaning. `docs/errors.md` explains each one.
"""

from jobs.errors.approvals import (
    ApprovalEditsUnfit,
    ApprovalMalformed,
    ApprovalNotFound,
    ApprovalNotOpen,
    ApprovalStale,
    ApprovalTimedOut,
)
from jobs.errors.attachments import AttachmentTooLarge
from jobs.errors.base import JobError
from jobs.errors.callbacks import (
    CallbackNotFound,
    CallbackRefused,
    EndpointDisabled,
    EndpointNotFound,
    ResultLinkRefused,
    RotationUnderWay,
    TooManyEndpoints,
)
from jobs.errors.composition import ChildGoesOn, NestedTooDeep
from jobs.errors.door import (
    IdempotencyKeyReused,
    InternalError,
    InvalidPayload,
    InvalidRequest,
    JobAlreadyFinished,
    JobNotFound,
    JobNotStarted,
    MethodNotAllowed,
    NoResult,
    RequestRefused,
    RequestTooLarge,
    ResultNotReady,
    ServiceUnavailable,
    Unauthenticated,
    UnknownJobType,
    UnknownQuery,
    UnknownRoute,
    UnknownSignal,
    UnsupportedMediaType,
    WebhookRefused,
)
from jobs.errors.failures import (
    DeadlineExceeded,
    DocumentBroken,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentFailure,
    DocumentHasNoText,
    DocumentNotFound,
    DocumentTooLarge,
    DocumentUnsupported,
    ExtractionOutOfMemory,
    ExtractionTimedOut,
    JobCanceled,
    JobDefect,
    JobFailure,
    OutputMismatch,
    PayloadTooLarge,
    ProviderBadRequest,
    ProviderFailure,
    ProviderNotFound,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderUnauthorized,
    ProviderUnreachable,
    ResponseCallsTools,
    ResponseCanceledUpstream,
    ResponseExpired,
    ResponseFailed,
    ResponseFailedTransiently,
    ResponseIncomplete,
    ResponseRefused,
    ResponseStuck,
    ResponseStuckQueued,
    ResponseTruncated,
    StepTakenOver,
    SubmitParked,
    SubmitUncertain,
    TriesExhausted,
    WorkerDraining,
    WorkflowLost,
)
from jobs.errors.notifications import ChannelNotFound, RecipientNotAllowed
from jobs.errors.pipelines import (
    ApprovalRejected,
    NodePayloadInvalid,
    ReferenceFailed,
    TooFewSucceeded,
    TooManyItems,
)
from jobs.errors.reports import NoSources
from jobs.errors.schedules import (
    ScheduleBroken,
    ScheduleConflict,
    ScheduleExists,
    ScheduleNotFound,
)
from jobs.errors.tables import ColumnNotFound, DocumentNotATable, RowUnanswered, TooManyRows

__all__ = [
    "BY_CODE",
    "ApprovalEditsUnfit",
    "ApprovalMalformed",
    "ApprovalNotFound",
    "ApprovalNotOpen",
    "ApprovalRejected",
    "ApprovalStale",
    "ApprovalTimedOut",
    "AttachmentTooLarge",
    "CallbackNotFound",
    "CallbackRefused",
    "ChannelNotFound",
    "ChildGoesOn",
    "ColumnNotFound",
    "DeadlineExceeded",
    "DocumentBroken",
    "DocumentEmpty",
    "DocumentEncrypted",
    "DocumentFailure",
    "DocumentHasNoText",
    "DocumentNotATable",
    "DocumentNotFound",
    "DocumentTooLarge",
    "DocumentUnsupported",
    "EndpointDisabled",
    "EndpointNotFound",
    "ExtractionOutOfMemory",
    "ExtractionTimedOut",
    "IdempotencyKeyReused",
    "InternalError",
    "InvalidPayload",
    "InvalidRequest",
    "JobAlreadyFinished",
    "JobCanceled",
    "JobDefect",
    "JobError",
    "JobFailure",
    "JobNotFound",
    "JobNotStarted",
    "MethodNotAllowed",
    "NestedTooDeep",
    "NoResult",
    "NoSources",
    "NodePayloadInvalid",
    "OutputMismatch",
    "PayloadTooLarge",
    "ProviderBadRequest",
    "ProviderFailure",
    "ProviderNotFound",
    "ProviderOverloaded",
    "ProviderQuotaExhausted",
    "ProviderRateLimited",
    "ProviderUnauthorized",
    "ProviderUnreachable",
    "RecipientNotAllowed",
    "ReferenceFailed",
    "RequestRefused",
    "RequestTooLarge",
    "ResponseCallsTools",
    "ResponseCanceledUpstream",
    "ResponseExpired",
    "ResponseFailed",
    "ResponseFailedTransiently",
    "ResponseIncomplete",
    "ResponseRefused",
    "ResponseStuck",
    "ResponseStuckQueued",
    "ResponseTruncated",
    "ResultLinkRefused",
    "ResultNotReady",
    "RotationUnderWay",
    "RowUnanswered",
    "ScheduleBroken",
    "ScheduleConflict",
    "ScheduleExists",
    "ScheduleNotFound",
    "ServiceUnavailable",
    "StepTakenOver",
    "SubmitParked",
    "SubmitUncertain",
    "TooFewSucceeded",
    "TooManyEndpoints",
    "TooManyItems",
    "TooManyRows",
    "TriesExhausted",
    "Unauthenticated",
    "UnknownJobType",
    "UnknownQuery",
    "UnknownRoute",
    "UnknownSignal",
    "UnsupportedMediaType",
    "WebhookRefused",
    "WorkerDraining",
    "WorkflowLost",
    "advice_for",
    "every_error",
]


def every_error() -> list[type[JobError]]:
    """List the error classes of this package, bases included, in order of definition."""
    found: list[type[JobError]] = []
    queue: list[type[JobError]] = [JobError]
    while queue:
        kind = queue.pop(0)
        found.append(kind)
        queue.extend(each for each in kind.__subclasses__() if each.__module__.startswith(__name__))
    return found


BY_CODE: dict[str, type[JobError]] = {kind.code: kind for kind in every_error()}


def advice_for(code: str) -> str:
    """Return the advice of a code; job types outside this repository may use codes of their own."""
    return BY_CODE.get(code, JobFailure).advice
