"""Whatever breaks, no promise does. A failure names its seed: `python -m tests.chaos --seed N`."""

from pathlib import Path

import pytest

from tests.chaos.storm import storm

SHORT_SEED = 7


async def no_promise_breaks(folder: Path, *, seed: int, jobs: int, seconds: float) -> None:
    broken = await storm(folder, seed=seed, jobs=jobs, seconds=seconds)
    again = f"python -m tests.chaos --seed {seed} --jobs {jobs} --seconds {seconds}"
    assert not broken, "\n".join([again, f"diary in {folder}", *broken])


@pytest.mark.timeout(400)
async def test_a_short_storm_breaks_no_promise(tmp_path: Path):
    await no_promise_breaks(tmp_path, seed=SHORT_SEED, jobs=4, seconds=12)


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_a_long_storm_breaks_no_promise(tmp_path: Path, seed: int):
    await no_promise_breaks(tmp_path, seed=seed, jobs=50, seconds=120)
