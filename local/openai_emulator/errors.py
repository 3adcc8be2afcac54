"""The error bodies of OpenAI's API: `{"error": {message, type, param, code}}`."""

from collections.abc import Mapping

from fastapi.responses import HTMLResponse, JSONResponse, Response


class ApiError(Exception):
    """Answer the request with an OpenAI error instead of a result."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": code}
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Render the error as OpenAI does."""
        return JSONResponse({"error": self.error}, self.status, self.headers)


class HtmlError(ApiError):
    """Answer as a proxy in front of the API does: with a page instead of JSON."""

    def response(self) -> Response:
        """Render the error as a page."""
        page = f"<html><body><h1>{self.status} {self.error['message']}</h1></body></html>"
        return HTMLResponse(page, self.status, self.headers)


def not_found(response_id: str, status: int = 404) -> ApiError:
    """Say that no such response can be retrieved."""
    return ApiError(status, f"Response with id {response_id!r} not found.")


def unknown_parameter(name: str) -> ApiError:
    """Refuse a parameter that the endpoint does not have."""
    return ApiError(400, f"Unknown parameter: {name!r}.", param=name, code="unknown_parameter")


def not_emulated(param: str) -> ApiError:
    """Refuse what the real API offers and this emulator does not, rather than half do it."""
    return ApiError(
        400, f"{param!r} is not emulated yet.", param=param, code="unsupported_parameter"
    )


def invalid_key() -> ApiError:
    """Refuse a key, as OpenAI refuses one it does not know."""
    return ApiError(401, "Incorrect API key provided.", code="invalid_api_key")
