"""Pages that nest without end are refused before the parser sees them; honest ones are not."""

import resource

import pytest

from activities.extraction.errors import Refusal
from activities.extraction.html_depth import DEEPEST, refuse_deep
from activities.extraction.limits import processor_seconds

MANY = DEEPEST + 1


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("<div>" * DEEPEST, id="as deep as may be"),
        pytest.param("<div><p>x</div>" * MANY, id="closed elements"),
        pytest.param("<p>x<li>y<td>z<br><hr/>" * MANY, id="elements that end by themselves"),
        pytest.param("<table><tr><td><ul><li>x</table>" * MANY, id="left open in what is closed"),
        pytest.param("<p><font size=2><a name=x><b>x" * MANY, id="old markup"),
        pytest.param("<!-- <div> -->" * MANY, id="comments"),
        pytest.param("<!--><!--->x<!-- <div> --!>" * MANY, id="odd comments"),
        pytest.param("<script a='>'>" + "'<div>'" * MANY + "</script>", id="a script"),
        pytest.param("<STYLE>" + "<div>" * MANY + "</style>", id="a style"),
        pytest.param("<p title='<div>' data-x = \"<div>\">" * MANY, id="attributes"),
        pytest.param("<DIV></div >" * MANY, id="letters of any size"),
        pytest.param("1 < div " * MANY, id="no tags"),
    ],
)
def test_an_honest_page_is_not_refused(page):
    refuse_deep(page)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("<div>" * MANY, id="plain"),
        pytest.param("<DIV class='a > b'\n id=x>" * MANY, id="with attributes"),
        pytest.param("<div></span></p>" * MANY, id="with ends of other elements"),
        pytest.param("<ul><li>x" * MANY, id="lists"),
        pytest.param("<!-- --><script></script>" + "<div>" * MANY, id="behind a script"),
        pytest.param("<p it's><div>" * MANY, id="behind a quote that opens nothing"),
        pytest.param('<p ="><div>' * MANY, id="behind an equals sign without a name"),
    ],
)
def test_a_page_that_nests_without_end_is_refused(page):
    with pytest.raises(Refusal, match="nested more than 1,000 deep") as refused:
        refuse_deep(page)
    assert refused.value.code == "document_broken"


def test_the_processor_time_of_a_block_is_bounded_while_it_lasts():
    before = resource.getrlimit(resource.RLIMIT_CPU)
    with processor_seconds(1_000):
        soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        assert 1_000 < soft < 100_000
        assert hard == before[1]
        with processor_seconds(2_000):
            assert resource.getrlimit(resource.RLIMIT_CPU)[0] == soft
    assert resource.getrlimit(resource.RLIMIT_CPU) == before
