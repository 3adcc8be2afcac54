"""Whatever breaks, no promise does. A failure names its seed: `python -m tests.chaos --seed N`."""

from pathlib import Path

import pytest

from tests.chaos.storm import storm

SHORT_SEED = 7


@pytest.mark.timeout(300)
async def test_a_short_storm_breaks_no_promise(tmp_path: Path):
    assert await storm(tmp_path, seed=SHORT_SEED, jobs=4, seconds=15) == []


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_a_long_storm_breaks_no_promise(tmp_path: Path, seed: int):
    assert await storm(tmp_path, seed=seed, jobs=50, seconds=120) == []
