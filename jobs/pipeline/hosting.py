"""What the interpreter needs of whoever runs a pipeline; in production that is the workflow."""

import hashlib
from typing import Any, Protocol

from jobs.approvals import Answered
from jobs.model import Failure
from jobs.options import JobOptions
from jobs.pipeline.tree import ApprovalStep
from jobs.status import JobStatus
from jobs.values import JobId


class Ended(Protocol):
    """How a child job ended."""

    @property
    def job_id(self) -> JobId:
        """The child."""

    @property
    def status(self) -> JobStatus:
        """Its terminal status."""

    @property
    def output(self) -> Any:
        """Its output as JSON, when it succeeded."""

    @property
    def failure(self) -> Failure | None:
        """Why it failed, when it did."""


class Decided(Answered, Protocol):
    """What a person decided."""

    @property
    def approved(self) -> bool:
        """Whether it was approved."""

    @property
    def edits(self) -> Any:
        """What to take instead of what was shown."""


class Host(Protocol):
    """Does what a tree asks for."""

    def own_references(self, job_type: str) -> frozenset[str]:
        """Return the members of a type's payload whose references are not the pipeline's."""

    async def run(
        self, job_type: str, payload: dict[str, Any], options: JobOptions, *, key: str
    ) -> Ended:
        """Run a child job to its end; its own failure is no exception."""

    async def ask(self, step: ApprovalStep, shown: Any, *, key: str) -> Decided:
        """Ask a person."""

    def moved(self) -> None:
        """Hear that something changed on the board."""


def short(name: str, longest: int) -> str:
    """Return the name of a node, or one that stands for it where it is too long for a key."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: longest - 17]}~{digest}"
