"""A workflow for storage tests; a file of its own, since the sandbox imports it."""

from typing import Any

from temporalio import workflow


@workflow.defn(name="echo")
class Echo:
    """Return the ticket's text, at once or when told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @workflow.run
    async def run(self, ticket: dict[str, Any]) -> str:
        text: str = ticket["input"]["text"]
        if ticket["input"]["wait"]:
            await workflow.wait_condition(lambda: bool(self.told))
        return text

    @workflow.signal
    def cancel(self, reason: str) -> None:
        self.told.append(reason)

    @workflow.signal
    def poke(self) -> None:
        self.told.append("poked")

    @workflow.query
    def heard(self) -> list[str]:
        return self.told
