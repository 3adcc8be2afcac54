"""The provider, as the deeds see it: create, retrieve, cancel. Nothing here retries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import httpx2
import openai
from openai.types.responses import (
    Response,
    ResponseInputMessageContentListParam,
    ResponseTextConfigParam,
)

from activities import failures
from activities.lean_client import LeanClient
from jobs.errors import ProviderBadRequest, ProviderFailure, ProviderNotFound, SubmitUncertain
from jobs.requests import OutputSchema, ResponseRequest
from jobs.values import JobId
from settings import OpenAISettings

CONNECT_TIMEOUT_SECONDS = 5.0

MISSING = (openai.NotFoundError, openai.BadRequestError, openai.ConflictError)
"""How servers say that there is no such response: OpenAI by 404, compatible ones by 400 or 409. A
retrieve asks for nothing but an id, so nothing else about it can be wrong."""

WINDOW_NOTE = "backburner_window"
"""The metadata key of the completion window, which the price depends on."""

Content: TypeAlias = ResponseInputMessageContentListParam


def open_sdk(settings: OpenAISettings, waiting_responses: int) -> openai.AsyncOpenAI:
    """Return the provider's own client, to be closed by the caller."""
    seconds = settings.request_timeout.total_seconds()
    # A synchronous POST holds its connection for as long as a background response is waited for.
    connections = 1000 if settings.background else 1000 + waiting_responses
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=100)
    return openai.AsyncOpenAI(
        api_key=settings.api_key.get_secret_value(),
        base_url=settings.base_url,
        max_retries=0,
        timeout=seconds,
        http_client=openai.DefaultAsyncHttpxClient(timeout=seconds, limits=limits),
    )


@dataclass(frozen=True)
class Address:
    """What stands in a response's metadata, so that it can be told whose it is."""

    installation: UUID
    job_id: UUID
    step_key: str
    submit_number: int

    def metadata(self) -> dict[str, str]:
        """Return the metadata pairs; OpenAI echoes them on retrieve and shows them to people."""
        return {
            "backburner_installation": str(self.installation),
            "backburner_job": str(self.job_id),
            "backburner_step": self.step_key,
            "backburner_submit": str(self.submit_number),
        }

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "Address | None":
        """Read an address out of a response's metadata; None when it is not one of ours."""
        try:
            return cls(
                UUID(metadata["backburner_installation"]),
                UUID(metadata["backburner_job"]),
                metadata["backburner_step"],
                int(metadata["backburner_submit"]),
            )
        except (KeyError, ValueError):
            return None

    @property
    def client_request_id(self) -> str:
        """The id under which OpenAI's support can find the POST even when its reply was lost."""
        return f"{self.job_id}/{self.step_key}/{self.submit_number}"


@dataclass(frozen=True)
class Created:
    """What the provider said to a create."""

    response: Response
    request_id: str | None


class Provider:
    """A thin shell around the SDK's client, which must have been built with `max_retries=0`."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        lean_client: LeanClient,
        *,
        submit_timeout_seconds: float,
        is_synchronous: bool = False,
    ) -> None:
        """Wrap a client.

        Args:
            client: The SDK's, built with `max_retries=0`.
            lean_client: For what is asked most often; the SDK asks again where it has no answer.
            submit_timeout_seconds: How long a POST may take.
            is_synchronous: Whether the server has no background mode, so that a POST lasts until
                the answer is there.
        """
        if client.max_retries:
            raise ValueError("the OpenAI client must not retry: it would submit twice in silence")
        self._client, self._lean_client = client, lean_client
        self.submit_timeout_seconds = submit_timeout_seconds
        self.is_synchronous = is_synchronous

    async def create(
        self,
        request: ResponseRequest,
        content: Content,
        *,
        model: str,
        address: Address,
        root: JobId | None = None,
    ) -> Created:
        """Submit a response: in the background, unless the server cannot do that.

        Args:
            request: What to ask; its options leave out what the provider should choose.
            content: The parts of the input, fetched.
            model: The model to ask.
            address: Whose response it is.
            root: The outermost of the jobs that led to that job; None when it is that itself.

        Raises:
            SubmitUncertain: The reply was lost; the response may exist.
            ProviderFailure: The provider refused, or was never reached; nothing exists.
        """
        chosen = _chosen(request, root or address.job_id) | self._mode(request)
        try:
            raw = await self._client.responses.with_raw_response.create(
                model=model,
                input=[{"role": "user", "content": content}],
                store=request.options.store is not False,
                metadata=address.metadata() | _window_note(request.options.completion_window),
                extra_headers={"X-Client-Request-Id": address.client_request_id},
                timeout=httpx2.Timeout(
                    self.submit_timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS
                ),
                **chosen,
            )
        except openai.APIError as error:
            raise failures.of_submit(error) from error
        try:
            return Created(_understood(raw.parse()), raw.headers.get("x-request-id"))
        except ValueError as error:
            raise SubmitUncertain(f"the reply cannot be read: {error}") from error

    def _mode(self, request: ResponseRequest) -> dict[str, Any]:
        if not self.is_synchronous:
            return {"background": True}
        if _window_note(request.options.completion_window):
            raise ProviderBadRequest("completion windows need a server with background mode")
        return {"background_options": openai.omit}

    async def retrieve(self, response_id: str) -> Response:
        """Fetch a response as it stands.

        Raises:
            ProviderNotFound: It does not exist, or not any more.
            ProviderFailure: It could not be fetched.
        """
        found = await self._lean_client.fetch(response_id)
        if isinstance(found, dict) and found.get("id"):
            return Response.construct(**found)
        try:
            return _understood(await self._client.responses.retrieve(response_id))
        except MISSING as error:
            raise ProviderNotFound(f"response {response_id}: {failures.words_of(error)}") from error
        except openai.APIError as error:
            raise failures.of_request(error) from error
        except ValueError as error:
            raise ProviderFailure(f"the reply cannot be read: {error}") from error

    async def cancel(self, response_id: str) -> Response:
        """Cancel a response and return it as it stands; one that has ended stays as it is.

        Raises:
            ProviderNotFound: It does not exist, or not any more.
            ProviderFailure: It could not be canceled.
        """
        try:
            return _understood(await self._client.responses.cancel(response_id))
        except (openai.BadRequestError, openai.ConflictError):
            # Some compatible servers refuse to cancel what has ended, where OpenAI returns it.
            return await self.retrieve(response_id)
        except openai.APIError as error:
            raise failures.of_request(error) from error
        except ValueError as error:
            raise ProviderFailure(f"the reply cannot be read: {error}") from error

    async def delete(self, response_id: str) -> None:
        """Delete a response at the provider; one that is gone already is fine.

        Raises:
            ProviderFailure: It could not be deleted; deleting again is safe.
        """
        try:
            await self._client.responses.delete(response_id)
        except openai.NotFoundError:
            return
        except (openai.BadRequestError, openai.ConflictError) as error:
            if await self._exists(response_id):
                raise failures.of_request(error) from error
        except openai.APIError as error:
            raise failures.of_request(error) from error

    async def _exists(self, response_id: str) -> bool:
        try:
            await self.retrieve(response_id)
        except ProviderNotFound:
            return False
        return True


def account_headers(sdk: openai.AsyncOpenAI) -> dict[str, str]:
    """Return what the lean client has to send: the key, and whose account it is."""
    wanted = ("Authorization", "OpenAI-Organization", "OpenAI-Project")
    sent = {**sdk.default_headers, **sdk.auth_headers}
    return {name: value for name in wanted if isinstance(value := sent.get(name), str)}


def _understood(answer: object) -> Response:
    """Return what the provider sent if it is a response: the SDK passes on any body of a 2xx."""
    if isinstance(answer, Response) and getattr(answer, "id", None):
        return answer
    raise ValueError(f"not a response but {str(answer)[:100]!r}")


def _chosen(request: ResponseRequest, root: UUID) -> dict[str, Any]:
    """Return the parameters that somebody chose; none is sent that nobody asked for."""
    options = request.options
    chosen: dict[str, Any] = {
        "instructions": request.instructions,
        "max_output_tokens": options.max_output_tokens,
        "previous_response_id": request.previous_response_id,
        "service_tier": options.service_tier,
        "tools": list(request.tools) or None,
        "prompt": request.prompt.model_dump(exclude_none=True) if request.prompt else None,
        "text": _format(request.output_schema) if request.output_schema else None,
        "reasoning": {"effort": options.reasoning_effort} if options.reasoning_effort else None,
        "background_options": _window(options.completion_window, root),
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _window(window: str | None, root: UUID) -> dict[str, str] | None:
    """Choose the lane; follow-ups within one family of jobs are told as such.

    That moves them up the provider's queue.
    """
    if window is None:
        return None
    return {"completion_window": window, "continuation_id": str(root)}


def _window_note(window: str | None) -> dict[str, str]:
    """Note a discounted lane where whoever books the response finds it; OpenAI does not echo it."""
    return {} if window in (None, "soonest") else {WINDOW_NOTE: str(window)}


def _format(schema: OutputSchema) -> ResponseTextConfigParam:
    return {
        "format": {
            "type": "json_schema",
            "name": schema.name,
            "schema": schema.json_schema,
            "strict": True,
        }
    }
