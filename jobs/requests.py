"""What a step asks of the provider and what comes back."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from jobs.fingerprints import fingerprint
from jobs.model import JobRef
from jobs.money import Cost
from jobs.options import (
    DEFAULT_MAX_TRIES,
    KeptResponseOptions,
    OnIncomplete,
    OnUncertain,
    ResponseOptions,
)
from jobs.polling import Ceilings
from jobs.values import DocumentId, JobId, Value


class TextPart(Value):
    """Text that travels inside the request."""

    kind: Literal["text"] = "text"
    text: str


class StoredText(Value):
    """Text that lies in the object store; only its key travels.

    Attributes:
        key: Object key; its last segment is the hash of the content.
        characters: Length of the text, for planning without fetching it.
    """

    kind: Literal["stored"] = "stored"
    key: str
    characters: int


class FilePart(Value):
    """A file the provider has already, by the id it gave."""

    kind: Literal["file"] = "file"
    file_id: str


class DocumentPart(Value):
    """A document as it was uploaded: the provider is given the original file.

    Attributes:
        sha256: Of its bytes.
    """

    kind: Literal["document"] = "document"
    document_id: DocumentId
    name: str
    media_type: str
    size_bytes: int
    sha256: str


InputPart = Annotated[TextPart | StoredText | FilePart | DocumentPart, Field(discriminator="kind")]


class PromptReference(Value):
    """A prompt that is kept at the provider."""

    id: str
    version: str | None = None
    variables: dict[str, str] = {}


class OutputSchema(Value):
    """A strict JSON Schema the answer must fit."""

    name: str
    json_schema: dict[str, Any]


class ResponseRequest(Value):
    """One request to the Responses API.

    Attributes:
        instructions: The system's words.
        input: The user's words, in order.
        output_schema: None asks for plain text.
        options: Everything about how it is made.
        prompt: A prompt kept at the provider, used together with the input.
        tools: The provider's built-in tools, in its own words; only such as it runs itself.
        previous_response_id: The response this one continues.
    """

    input: tuple[InputPart, ...]
    instructions: str | None = None
    output_schema: OutputSchema | None = None
    options: KeptResponseOptions = ResponseOptions()
    prompt: PromptReference | None = None
    tools: tuple[dict[str, Any], ...] = ()
    previous_response_id: str | None = None

    def fingerprint(self) -> str:
        """Return a hash that is the same for the same question.

        Documents count by their content, so that one uploaded twice makes no difference.
        """
        asked = self.model_dump(mode="json")
        for part in asked["input"]:
            part.pop("document_id", None)
            if "key" in part:
                part["key"] = part["key"].rpartition("/")[2]
        return fingerprint(asked)


class StepRequest(Value):
    """A step of a job: a request with a key under which the ledger counts its submits.

    Attributes:
        step_key: Unique within the job and the same on every replay.
        root: The outermost of the jobs that led to this step's; None when it is that itself.
        expected: How long the response will probably take; None when nobody knows.
        max_tries: Submits allowed, the first included.
        on_uncertain: What to do when a submit's reply was lost.
        ceilings: When to give up on a response that does not end.
        retry_of: The uncertain submit after which an operator had the step submitted again; 0 while
            none was decided upon.
        wait: Which part of the wait is wanted: all of it, as before there were parts; the first,
            which is over when the response takes long; the rest, during which heartbeats are rare
            and nothing is submitted.
    """

    job: JobRef
    step_key: str
    root: JobId | None = None
    request: ResponseRequest
    max_tries: int = DEFAULT_MAX_TRIES
    expected: timedelta | None = None
    on_uncertain: OnUncertain = "resubmit"
    ceilings: Ceilings = Ceilings.none()
    retry_of: int = 0
    wait: Literal["all", "first", "rest"] = "all"

    @property
    def window(self) -> str:
        """The completion window, by name."""
        return self.request.options.completion_window or "soonest"

    @property
    def on_incomplete(self) -> OnIncomplete:
        """What an answer counts as that the token limit cut off; only a limit can be extended."""
        options = self.request.options
        if options.on_incomplete == "extend" and options.max_output_tokens is None:
            return "fail"
        return options.on_incomplete or "fail"


class Unanswered(Value):
    """A part of a wait is over and the step has no answer yet.

    Attributes:
        waits_for: The response to be waited for; None when another one has to be submitted.
    """

    waits_for: str | None


class AdoptRequest(Value):
    """Take a response that an operator names as the answer to an uncertain submit of a step."""

    step: StepRequest
    response_id: str


class SubmitDecision(Value):
    """What an operator decides about a parked step.

    Attributes:
        step_key: Which one; None takes the one that has waited longest.
        submit_number: Which of its submits; a decision about one that is not parked is void. None
            takes the one that is.
        response_id: The response to adopt; None submits again.
    """

    step_key: str | None = None
    submit_number: int | None = Field(default=None, ge=1)
    response_id: str | None = Field(default=None, min_length=1, max_length=500)


class StepOutcome(Value):
    """The effective response of a step.

    Attributes:
        response_id: The provider's id.
        text: The answer, verbatim.
        cost: Cost of all settled submits of the step, wasted ones included.
    """

    response_id: str
    text: str
    cost: Cost


class CancelRequest(Value):
    """Cancel every open response of a job.

    Attributes:
        reason: Why, for the record.
        job_too: Whether the job itself is being canceled, not only its leftovers after a failure.
    """

    job: JobRef
    reason: str
    job_too: bool


class ExtractRequest(Value):
    """Turn a document into text chunks.

    Attributes:
        model: The model that will read them; its context window bounds a chunk. None is the
            worker's default.
    """

    job: JobRef
    document_id: DocumentId
    model: str | None = None


class AttachRequest(Value):
    """Make sure that a document can be given to the model as the original file."""

    job: JobRef
    document_id: DocumentId


class ExtractedDocument(Value):
    """A document as text chunks in the object store, in reading order."""

    document_id: DocumentId
    name: str
    chunks: tuple[StoredText, ...]
    characters: int
    pages: int | None = None
