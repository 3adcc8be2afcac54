"""Refuse web pages whose elements nest too deep, before they are parsed: the parser is slow there.

For most tags it looks through all elements that are open, so the time that a page takes grows with
the square of its depth: 2.2 MB of `<div>` took more than ten seconds.
"""

import re
from collections import Counter
from typing import Final

from activities.extraction.errors import Refusal

DEEPEST: Final = 1_000
"""Elements within one another. Browsers stop at 512, so no page that people read comes near."""

NESTING_NAMES: Final = """
address article aside blockquote button center details dialog dir div dl fieldset figcaption
figure footer form h1 h2 h3 h4 h5 h6 header hgroup main menu nav object ol optgroup pre rt ruby
search section select summary table template ul
"""
NESTING: Final = frozenset(NESTING_NAMES.split())
"""Elements that stay open until they are closed. Others end by themselves, as `p` and `td` do, or
are cheap however many are open, as `span` and `b` are."""

_ATTRIBUTES: Final = r"""
(?: [\s/]++
  | [^\s/>] [^\s/>=]*+ (?: \s*+ = \s*+ (?: "[^"]*+"?+ | '[^']*+'?+ | [^\s>"'] [^\s>]*+ )? )?+
)*+
"""
_TAG: Final = re.compile(
    rf"""
    < (?: !-- (?: -?> | .*? (?: --!?> | \Z ) )                 # a comment
        | [!?] [^>]*+                                          # a declaration
        | (?P<raw> iframe | noembed | noframes | script | style | textarea | title | xmp )
          (?= [\s/>] ) {_ATTRIBUTES} >?
          .*? (?: </ (?P=raw) (?= [\s/>] ) | \Z )              # and what is no markup
        | (?P<end> /? ) (?P<name> [a-z] [^\s/>]*+ ) {_ATTRIBUTES}
    )
    """,
    re.ASCII | re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
"""Whatever begins with `<`; every repetition is possessive, so that no page makes it look twice."""


def refuse_deep(page: str) -> None:
    """Go through the tags of a page once and count the elements that are open.

    Raises:
        Refusal: `document_broken`, when there are more than `DEEPEST`.
    """
    opened: list[str] = []
    counted: Counter[str] = Counter()
    for tag in _TAG.finditer(page):
        name = (tag["name"] or "").lower()
        if name not in NESTING:
            continue
        if not tag["end"]:
            opened.append(name)
            counted[name] += 1
            if len(opened) > DEEPEST:
                raise Refusal("document_broken", f"elements nested more than {DEEPEST:,} deep")
        elif counted[name]:
            # With an element ends what was left open inside of it.
            _close(name, opened, counted)


def _close(name: str, opened: list[str], counted: Counter[str]) -> None:
    while opened:
        last = opened.pop()
        counted[last] -= 1
        if last == name:
            return
