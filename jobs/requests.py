"""What a step asks of the provider and what comes back."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from jobs.model import DEFAULT_MAX_TRIES, JobRef
from jobs.money import Cost
from jobs.values import DocumentId, Value


class TextPart(Value):
    """Text that travels inside the request."""

    kind: Literal["text"] = "text"
    text: str


class StoredText(Value):
    """Text that lies in the object store; only its key travels.

    Attributes:
        key: Object key, hashed from the content.
        characters: Length of the text, for planning without fetching it.
    """

    kind: Literal["stored"] = "stored"
    key: str
    characters: int


InputPart = Annotated[TextPart | StoredText, Field(discriminator="kind")]


class OutputSchema(Value):
    """A strict JSON Schema the answer must fit."""

    name: str
    json_schema: dict[str, Any]


class ResponseRequest(Value):
    """One request to the Responses API.

    Attributes:
        model: None takes the worker's default model.
        instructions: The system's words.
        input: The user's words, in order.
        output_schema: None asks for plain text.
        max_output_tokens: None leaves it to the provider.
        previous_response_id: The response this one continues.
    """

    input: tuple[InputPart, ...]
    instructions: str | None = None
    model: str | None = None
    output_schema: OutputSchema | None = None
    max_output_tokens: int | None = None
    previous_response_id: str | None = None


class StepRequest(Value):
    """A step of a job: a request with a key under which the ledger counts its submits.

    Attributes:
        step_key: Unique within the job and the same on every replay.
        expected: How long the response will probably take; None when nobody knows.
        max_tries: Submits allowed, the first included.
    """

    job: JobRef
    step_key: str
    request: ResponseRequest
    max_tries: int = DEFAULT_MAX_TRIES
    expected: timedelta | None = None


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


class ExtractedDocument(Value):
    """A document as text chunks in the object store, in reading order."""

    document_id: DocumentId
    name: str
    chunks: tuple[StoredText, ...]
    characters: int
    pages: int | None = None
