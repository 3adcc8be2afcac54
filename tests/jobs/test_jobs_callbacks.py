"""Claims about where callbacks may go, as far as the text of a URL tells."""

import socket
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.addresses import literal
from jobs.callbacks import PAUSES, Target, UrlPolicy, target_of
from jobs.errors import CallbackRefused
from tests.callbacks.corpus import PUBLIC, SPELLED

STRICT = UrlPolicy()
OPEN = UrlPolicy(https_only=False, ports=None)


def test_a_url_is_taken_apart_once():
    assert target_of("https://Hooks.example.com/a/b?c=d", STRICT) == Target(
        "https", "hooks.example.com", 443, "/a/b?c=d"
    )
    assert target_of("http://[2606:4700::1111]:8080", OPEN) == Target(
        "http", "2606:4700::1111", 8080, "/"
    )


REFUSED = {
    "no scheme": "hooks.example.com/a",
    "file": "file:///etc/passwd",
    "gopher": "gopher://example.com/",
    "plain http": "http://hooks.example.com/",
    "other port": "https://hooks.example.com:25/",
    "port that is none": "https://hooks.example.com:99999/",
    "port that is no number": "https://hooks.example.com:x/",
    "user": "https://user@hooks.example.com/",
    "user and password": "https://user:secret@hooks.example.com/",
    "hidden host": "https://hooks.example.com@127.0.0.1/",
    "backslash": "https://hooks.example.com\\@127.0.0.1/",
    "fragment": "https://hooks.example.com/#@127.0.0.1",
    "no host": "https:///path",
    "space": "https://hooks.example.com/a b",
    "tab": "https://hooks.example.com/a\tb",
    "newline": "https://hooks.example.com/\r\nX: y",
    "full stop of another script": "https://127\u30020\u30020\u30021/",
    "digits of another script": "https://\uff11\uff12\uff17.0.0.1/",
    "escaped host": "https://127.0.0.1%2f@hooks.example.com/",
    "percent in the host": "https://%31%32%37.0.0.1/",
    "broken IPv6": "https://[::1/",
    "long": "https://hooks.example.com/" + "a" * 2048,
    "empty": "",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_a_url_of_the_wrong_kind_is_refused(url: str):
    with pytest.raises(CallbackRefused):
        target_of(url, STRICT)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.com/a#b", "holds the character #"),
        ("https://example.com/" + "a" * 2048, "2,068 characters, more than"),
        ("ftp://example.com/", "not an http or https URL"),
    ],
    ids=["fragment", "long", "scheme"],
)
def test_a_refusal_says_what_is_wrong_with_the_url(url: str, why: str):
    with pytest.raises(CallbackRefused, match=why):
        target_of(url, STRICT)


@pytest.mark.parametrize("host", SPELLED.values(), ids=SPELLED)
def test_an_address_that_is_not_public_is_refused_at_the_door(host: str):
    with pytest.raises(CallbackRefused, match="not a public address"):
        target_of(f"https://{host}/hook", STRICT)


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_let_in(host: str):
    host = f"[{host}]" if ":" in host else host
    assert target_of(f"https://{host}/hook", STRICT).port == 443


def test_a_network_may_be_allowed():
    policy = UrlPolicy(https_only=False, ports=None, networks=(ip_network("127.0.0.0/8"),))
    assert target_of("http://127.0.0.1:9000/hook", policy).port == 9000
    assert target_of("http://localhost:9000/hook", policy).host == "localhost"
    with pytest.raises(CallbackRefused):
        target_of("http://10.0.0.1/hook", policy)


parts = st.one_of(
    st.integers(0, 2**32).map(str),
    st.integers(0, 300).map(hex),
    st.integers(0, 300).map(lambda number: f"0{number:o}"),
    st.sampled_from(["", "0x", "08", "1a", "-1", "+1", "1_0", "٣"]),
)


@given(st.lists(parts, min_size=1, max_size=5).map(".".join))
def test_addresses_are_spelled_as_the_c_library_reads_them(host: str):
    if not host or host.endswith("."):
        return
    try:
        expected = IPv4Address(socket.inet_aton(host))
    except OSError:
        expected = None
    assert literal(host) == expected


def test_the_retry_table_is_the_standards_example():
    assert len(PAUSES) == 9
    assert sum(each.total_seconds() for each in PAUSES) / 3600 == pytest.approx(75.585, abs=0.01)
