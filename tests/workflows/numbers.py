"""The job type of random pipelines; Temporal's sandbox imports this file, so it is a light one."""

import json
from datetime import timedelta
from typing import Any

from tests.jobs.pipeline.kinds import NumberInput, NumberOutput, number
from workflows.core import Job, job


@job("number", title="Double and add one", expected=timedelta(seconds=1))
class Number(Job[NumberInput, NumberOutput]):
    """Have the provider do what `kinds.number` does, failures included."""

    async def work(self, input: NumberInput) -> NumberOutput:
        found = number(input.n)
        unlucky = {"outcome": "failed", "error_code": "invalid_prompt"}
        script: dict[str, Any] = unlucky if found is None else {"output_text": str(found)}
        said = await self.respond(
            f"Number {input.n}. [[emulator: {json.dumps(script)}]]", summary="Double"
        )
        return NumberOutput(n=int(said))
