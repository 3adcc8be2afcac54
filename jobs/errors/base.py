"""The root of the error tree: what every error with a code can tell."""

from typing import ClassVar


class JobError(Exception):
    """Base of every error with a code.

    Attributes:
        code: Stable identifier, lower case with underscores.
        title: What kind of error this is, in a few words.
        advice: What the reader can do about it, in one sentence.
        http_status: The status the gateway answers with.
        retryable: Whether the same request or step may succeed later.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    advice: ClassVar[str] = "Look at the detail of this error."
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after_seconds = retry_after_seconds

    @property
    def facts(self) -> tuple[int | str, ...]:
        """What a workflow has to know of this error to go on; it travels beside the words."""
        return ()
