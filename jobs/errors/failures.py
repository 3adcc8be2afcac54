"""Failures of jobs: each code here can stand in `error.code` of a job."""

from jobs.errors.base import JobError


class JobFailure(JobError):
    """A reason for which a job fails; its code becomes the job's `error.code`."""

    code = "job_failed"
    title = "The job failed"
    http_status = 409


class DeadlineExceeded(JobFailure):
    """The job's deadline passed before it was done."""

    code = "deadline_exceeded"
    title = "Deadline exceeded"
    advice = "Give the job a longer `options.deadline_seconds`, or less work."


class PayloadTooLarge(JobFailure):
    """The job's result, or what it gives a child, is larger than 32 MiB of JSON."""

    code = "payload_too_large"
    title = "Payload too large"
    advice = "Split the job, or hand on documents by id instead of their text."


class OutputMismatch(JobFailure):
    """The model's answer did not fit the schema, even after one repair."""

    code = "output_mismatch"
    title = "Output does not fit its schema"
    advice = "Simplify the output model or use a stronger model."


class WorkflowLost(JobFailure):
    """The workflow is gone or was ended from outside without recording how."""

    code = "workflow_lost"
    title = "Workflow lost"
    advice = "The workflow was terminated or deleted; submit the job again if it is wanted."


class JobDefect(JobFailure):
    """The job type's own code raised an unexpected exception."""

    code = "job_defect"
    title = "Defect in the job type"
    advice = "Read the failure in Temporal UI; the job type's code needs mending."


class JobCanceled(JobFailure):
    """The job was canceled; deeds that start late are refused with this code."""

    code = "job_canceled"
    title = "Job canceled"
    advice = "Nothing to do: somebody asked for it."


class StepTakenOver(JobFailure):
    """Another attempt of the same deed is at work on the step."""

    code = "step_taken_over"
    title = "Step taken over"
    advice = "Nothing to do: the next attempt goes on where the other one was."
    retryable = True


class WorkerDraining(JobFailure):
    """This worker was told to stop; another one goes on with the deed."""

    code = "worker_draining"
    title = "Worker shutting down"
    advice = "Nothing to do: the work goes on in another worker."
    retryable = True


class ProviderFailure(JobFailure):
    """Something OpenAI, or the way to it, did."""

    code = "provider_failure"
    title = "Provider failure"
    advice = "Look at the provider's status page and at the ledger of the job."
    retryable = True


class ProviderUnreachable(ProviderFailure):
    """No connection; the request was certainly not sent."""

    code = "provider_unreachable"
    title = "Provider unreachable"
    advice = "Check OPENAI_BASE_URL and the network."


class SubmitUncertain(ProviderFailure):
    """The submit was sent and its reply lost: a response may or may not exist."""

    code = "submit_uncertain"
    title = "Submit uncertain"
    advice = "The ledger lists the submit as uncertain; it was submitted again."


class ProviderRateLimited(ProviderFailure):
    """The provider asks us to slow down."""

    code = "provider_rate_limited"
    title = "Provider rate limit"
    advice = "The step waits as long as the provider asks. Raise the limit if it is frequent."


class ProviderQuotaExhausted(ProviderFailure):
    """The account has no credit or has hit its spending limit."""

    code = "provider_quota_exhausted"
    title = "Provider quota exhausted"
    advice = "Add credit or raise the spending limit of the OpenAI project, then submit again."


class ProviderOverloaded(ProviderFailure):
    """The provider refused for lack of capacity, before accepting anything."""

    code = "provider_overloaded"
    title = "Provider overloaded"
    advice = "Nothing to do: the step is submitted again with growing pauses."


class ProviderBadRequest(ProviderFailure):
    """The provider calls our request wrong."""

    code = "provider_bad_request"
    title = "Provider refused the request"
    advice = (
        "Read the message: model name, options or size of the input are wrong. "
        "A server without background mode needs `OPENAI_BACKGROUND=false`."
    )
    retryable = False


class ProviderUnauthorized(ProviderFailure):
    """The API key is wrong or may not do this."""

    code = "provider_unauthorized"
    title = "Provider refused the key"
    advice = "Check OPENAI_API_KEY and the rights of its project."
    retryable = False


class ProviderNotFound(ProviderFailure):
    """The provider does not know the model or the object."""

    code = "provider_not_found"
    title = "Provider does not know it"
    advice = "Check the model name and that the project may use it."
    retryable = False


class ResponseFailed(ProviderFailure):
    """The response ended as failed, for a reason that a new try will not change."""

    code = "response_failed"
    title = "Response failed"
    advice = "Read the message: it is the provider's own."
    retryable = False


class ResponseFailedTransiently(ProviderFailure):
    """The response ended as failed, for a reason that a new try may change."""

    code = "response_failed_transiently"
    title = "Response failed transiently"
    advice = "Nothing to do: the step is submitted again, up to `options.max_tries`."


class ResponseIncomplete(ProviderFailure):
    """The response stopped early: token limit or content filter."""

    code = "response_incomplete"
    title = "Response incomplete"
    advice = "Raise `options.max_output_tokens`, or change the input when a filter stopped it."
    retryable = False


class ResponseTruncated(ProviderFailure):
    """The response met its token limit and is asked for again with a larger one."""

    code = "response_truncated"
    title = "Response truncated"
    advice = "Nothing to do: the step is submitted again with twice the token limit."


class ResponseStuckQueued(ProviderFailure):
    """The provider did not begin to work on the response in time."""

    code = "response_stuck_queued"
    title = "Response stuck in the queue"
    advice = "It was canceled and submitted again; `options.queued_ceiling_seconds` is the limit."


class ResponseStuck(ProviderFailure):
    """The provider did not finish the response in time."""

    code = "response_stuck"
    title = "Response stuck"
    advice = "It was canceled and submitted again; `options.running_ceiling_seconds` is the limit."


class SubmitParked(ProviderFailure):
    """A submit's reply was lost, and the job's policy leaves the decision to an operator."""

    code = "submit_parked"
    title = "Submit parked"
    advice = "Send the job the signal `retry`, or `adopt` with the id of the response."
    retryable = False

    def __init__(self, detail: str = "", *, submit_number: int = 0) -> None:
        super().__init__(detail)
        self.submit_number = submit_number

    @property
    def facts(self) -> tuple[int]:
        """The number of the submit that is parked."""
        return (self.submit_number,)


class ResponseRefused(ProviderFailure):
    """The model declined to answer."""

    code = "response_refused"
    title = "The model refused"
    advice = "Change the input: the model's words are in the message."
    retryable = False


class ResponseCallsTools(ProviderFailure):
    """The response ended with calls of tools in the place of an answer, and nobody runs those."""

    code = "response_calls_tools"
    title = "The response calls tools"
    advice = "Use only tools that the provider runs itself, in kept prompts as in the job type."
    retryable = False


class ResponseCanceledUpstream(ProviderFailure):
    """Somebody canceled the response at the provider, not the job."""

    code = "response_canceled_upstream"
    title = "Response canceled at the provider"
    advice = "Submit the job again if it is still wanted."
    retryable = False


class ResponseExpired(ProviderFailure):
    """The provider no longer has the response."""

    code = "response_expired"
    title = "Response expired"
    advice = "Submit the job again; keep `store` on so that responses outlive outages."
    retryable = False


class TriesExhausted(ProviderFailure):
    """The step was submitted as often as allowed and never ended well."""

    code = "tries_exhausted"
    title = "Tries exhausted"
    advice = "The ledger lists every try with its code; `options.max_tries` allows more."
    retryable = False


class DocumentFailure(JobFailure):
    """Something about one document.

    Attributes:
        document_name: What its owner calls it; empty where nobody has found it yet.
    """

    document_name: str = ""

    code = "document_failure"
    title = "Document failure"
    advice = "Read the message, mend what it names, upload it again, and submit the job anew."
    http_status = 422

    @property
    def facts(self) -> tuple[int | str, ...]:
        """The name: whoever skips the document still says which one it was."""
        return (self.document_name,)


class DocumentNotFound(DocumentFailure):
    """No document of that id belongs to the tenant."""

    code = "document_not_found"
    title = "Document not found"
    advice = "Upload it with POST /api/documents and use the id from the reply."
    http_status = 404


class DocumentEmpty(DocumentFailure):
    """The file has no bytes or no visible character."""

    code = "document_empty"
    title = "Document empty"
    advice = "Upload a file with content."


class DocumentEncrypted(DocumentFailure):
    """The file needs a password to be opened."""

    code = "document_encrypted"
    title = "Document encrypted"
    advice = "Remove the password and upload the file again."


class DocumentHasNoText(DocumentFailure):
    """The pages are pictures."""

    code = "document_has_no_text"
    title = "Document has no text"
    advice = "Run text recognition over the scan and upload the result."


class DocumentBroken(DocumentFailure):
    """The file cannot be read as what it claims to be."""

    code = "document_broken"
    title = "Document broken"
    advice = "Open and save the file again in the program it came from, then upload it."


class DocumentUnsupported(DocumentFailure):
    """The file is of a kind we do not read."""

    code = "document_unsupported"
    title = "Document kind unsupported"
    advice = "Convert it to PDF, DOCX, HTML, Markdown, CSV or plain text."


class DocumentTooLarge(DocumentFailure):
    """The document has more pages, characters or parts than allowed."""

    code = "document_too_large"
    title = "Document too large"
    advice = "Split the document."


class ExtractionTimedOut(DocumentFailure):
    """Reading the document took longer than allowed."""

    code = "extraction_timed_out"
    title = "Extraction timed out"
    advice = "Simplify or split the document; such files are often damaged."


class ExtractionOutOfMemory(DocumentFailure):
    """Reading the document needed more memory than allowed."""

    code = "extraction_out_of_memory"
    title = "Extraction out of memory"
    advice = "Split the document; tiny files that inflate to gigabytes are refused on purpose."
