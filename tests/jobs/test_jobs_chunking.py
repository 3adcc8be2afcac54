"""Claims about cutting and grouping text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.chunking import (
    BREAKS,
    LARGEST_CHUNK_TOKENS,
    chunk_characters,
    group,
    split,
    split_under_header,
)

prose = st.text(st.sampled_from("ab. \n🦊é\u0301"), max_size=300)
limits = st.integers(1, 60)
sized = st.lists(st.integers(0, 30), max_size=40)


@given(st.text(max_size=200) | prose, limits)
def test_pieces_joined_are_the_text_again(text, limit):
    assert "".join(split(text, limit)) == text


@given(prose, limits)
def test_no_piece_is_longer_than_the_limit_and_none_is_empty(text, limit):
    pieces = split(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    assert all(pieces) or text == ""


@given(prose, limits)
def test_a_piece_but_the_last_fills_more_than_a_third_of_the_limit(text, limit):
    assert all(3 * len(piece) > limit for piece in split(text, limit)[:-1])


@given(prose, st.integers(4, 60))
def test_a_cut_falls_on_a_break_wherever_the_second_half_has_one(text, limit):
    for piece in split(text, limit)[:-1]:
        half = (piece + "x")[limit // 2 : limit]
        assert piece.endswith(BREAKS) or not any(mark in half for mark in BREAKS)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two\n\nthree", ["one two\n\n", "three"]),
        ("one. two\nthree", ["one. two\n", "three"]),
        ("one. two three", ["one. two ", "three"]),
        ("onetwothreefour", ["onetwothre", "efour"]),
        ("a b cdefghijklmn", ["a b cdefgh", "ijklmn"]),
        ("", [""]),
        ("exactly 10", ["exactly 10"]),
    ],
    ids=["paragraph", "line", "word", "nowhere", "break too early", "empty", "fits"],
)
def test_a_cut_hurts_as_little_as_possible(text, pieces):
    assert split(text, 10) == pieces


def test_every_piece_of_a_table_begins_with_its_header_and_no_row_is_cut():
    header, rows = "| a |\n| --- |\n", [f"| {number} |\n" for number in range(200)]
    pieces = split_under_header(header + "".join(rows), len(header), 60)
    assert all(piece.startswith(header) and len(piece) <= 60 for piece in pieces)
    assert "".join(piece.removeprefix(header) for piece in pieces) == "".join(rows)


def test_a_header_that_would_fill_the_pieces_is_not_repeated():
    text = "a header\n" * 4
    assert split_under_header(text, 9, 35) == split(text, 35)
    assert split_under_header(text, 0, 10) == split(text, 10)


@given(sized, st.integers(0, 60), st.integers(1, 6))
def test_grouping_keeps_every_item_in_order(sizes, limit, most):
    groups = group(range(len(sizes)), sizes, limit, most)
    assert [item for each in groups for item in each] == list(range(len(sizes)))
    assert all(groups)


@given(sized, st.integers(0, 60), st.integers(1, 6))
def test_a_group_keeps_its_limits_unless_one_item_alone_breaks_them(sizes, limit, most):
    for each in group(sizes, sizes, limit, most):
        assert len(each) <= most
        assert sum(each) <= limit or len(each) == 1


@given(sized, st.integers(0, 60), st.integers(1, 6))
def test_neighbouring_groups_could_not_have_been_one(sizes, limit, most):
    groups = group(sizes, sizes, limit, most)
    for one, following in itertools.pairwise(groups):
        assert sum(one) + following[0] > limit or len(one) == most


def test_sizes_must_match_items():
    with pytest.raises(ValueError, match="shorter"):
        group(["a", "b"], [1], 10, 10)


@given(st.integers(8, 2_000_000))
def test_a_chunk_leaves_most_of_the_window_free(window):
    characters = chunk_characters(window)
    assert 0 < characters <= window
    assert characters <= LARGEST_CHUNK_TOKENS * 4
