"""The end-to-end of the seeds, small. `make prove` does it with 150 PDFs and processes."""

from api.gateway import Gateway
from tests.api.conftest import served
from tests.installation import Installation, serving
from tests.journey import travelled


async def test_pdfs_are_uploaded_summarised_polled_and_the_result_is_served(
    gateway: Gateway, bare: Installation
):
    async with serving(bare), served(gateway) as client:
        job = await travelled(client, 5)
    assert job["cost"]["responses"] == 5 + 1
