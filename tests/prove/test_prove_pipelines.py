"""Many random pipelines on real servers."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.installation import Installation
from tests.jobs.pipeline.trees import pipelines
from tests.workflows import numbers  # noqa: F401 # declares its job type
from tests.workflows.pipelines import check_random

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1800)]

MANY = settings(
    max_examples=300,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@MANY
@given(pipelines())
async def test_random_pipelines_give_what_plain_python_says(house: Installation, payload):
    await check_random(house, payload)
