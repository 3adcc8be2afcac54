"""The generated pages say what the code says."""

import pytest

from docs.reference import FOLDER, pages


@pytest.mark.parametrize("name", pages())
def test_the_page_is_up_to_date(name: str):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == pages()[name], "run `python -m docs.reference`"
