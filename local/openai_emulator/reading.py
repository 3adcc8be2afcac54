"""Read a text the simple way: find its sentences and guess which of them matter."""

import math
import re
from collections import Counter

_SECTION = re.compile(r"<([A-Za-z][\w-]*)(?:\s[^<>]*)?>(.*?)</\1>", re.DOTALL)
_FACT = re.compile(r"^(\d+)\. (.*\[S\d+\])$", re.MULTILINE)
_MARKUP = re.compile(r"#|<|\||```|~~~|[-=*_]{3,}|[\[\]{}]")
_BULLET = re.compile(r"(?:[-*\u2022\u2013]|\d{1,2}[.)])\s+")
_ORDER = re.compile(
    r"(?:please |summari[sz]e|write|return|answer|combine|list the|give|produce|do not|use only"
    r"|you are|below|here (?:is|are) the|the following)\b",
    re.IGNORECASE,
)
# A sentence that opens with a pronoun or a quotation means little away from its paragraph.
_LEANS_BACK = re.compile(
    r".{0,20}\b(?:it|they|he|she|this|these|those)\b|(?:but|and|so)\b|[\"\u201c]", re.I
)
_FOOTER = re.compile(r".*\bpage \d+(?: of \d+)?$", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[.!?])[\"')\u201d]?\s+(?=[\"'(\u201c]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|No|St|Inc|Ltd|approx|vs|e\.g|i\.e|[A-Z])\.$")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f][\w'-]+")
_COMMON_WORDS = """
about after also been before being between both could does each from have here into more most much
must only other over same should some such than that their them then there these they this those
through under until very were what when where which while will with would your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_LONGEST_SENTENCE = 400


class Reader:
    """Hold the sentences of one text, ranked by how many of its frequent words they carry."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.facts = {int(number): fact for number, fact in _FACT.findall(text)}
        # Facts that cite their sources are the material; an outline beside them is none.
        text = "" if self.facts else _inside_sections(text)
        self.sentences = list(self.facts.values()) or _sentences(text)
        self._headings = [line.lstrip("# ").strip() for line in text.splitlines() if _titles(line)]
        self._weights = Counter(word for line in self.sentences for word in words(line))
        count = len(self.sentences)
        scores = [self._score(line, i / count) for i, line in enumerate(self.sentences)]
        self._ranking = sorted(range(len(scores)), key=lambda i: (-scores[i], i))

    def summary(self, count: int) -> str:
        """Join the best sentences in the order of the text."""
        return " ".join(self.sentences[i] for i in sorted(self._ranking[:count]))

    def points(self, count: int) -> list[str]:
        """Return the best sentences, those with figures first, in the order of the text."""
        ranking = sorted(self._ranking, key=lambda i: not re.search(r"\d", self.sentences[i]))
        return [self.sentences[i] for i in sorted(ranking[:count])]

    def title(self, turn: int = 0) -> str:
        """Return a heading, the first one first; when there is none, the start of a sentence."""
        if turn < len(self._headings):
            return self._headings[turn][:80]
        return " ".join(self.best(rank=turn).split()[:8]).rstrip(".,;:")

    def best(self, about: str = "", rank: int = 0) -> str:
        """Return the sentence that shares most words with `about`; ties go by rank."""
        if not self.sentences:
            return "The input holds no sentence."
        wanted = set(words(about))
        turn = rank % len(self._ranking)
        ranking = self._ranking[turn:] + self._ranking[:turn]
        return self.sentences[
            max(ranking, key=lambda i: len(wanted & set(words(self.sentences[i]))))
        ]

    def mentions(self, phrase: str) -> int:
        """Count how often the words of a phrase occur."""
        return sum(self._weights[word] for word in words(phrase))

    def numbers(self) -> list[float]:
        """Return the numbers of the text, best sentences first."""
        found = (
            re.findall(r"(?<![\w.])\d{1,12}(?:\.\d+)?", self.sentences[i]) for i in self._ranking
        )
        return [float(number) for numbers in found for number in numbers]

    def _score(self, sentence: str, place: float) -> float:
        """Weigh a sentence that stands at `place`, from 0 for the first to 1 for the last."""
        distinct = set(words(sentence))
        # Dividing by less than the count favours sentences that say much, but not without end.
        weight = sum(self._weights[word] for word in distinct) / math.pow(len(distinct) or 1, 0.6)
        weight *= min(1.0, len(sentence.split()) / 12) * (1.4 - 0.4 * place)
        weight *= 0.6 if _LEANS_BACK.match(sentence) else 1.0
        return weight * (1.15 if re.search(r"\d", sentence) else 1.0)


def words(text: str) -> list[str]:
    """Return the telling words of a text in lower case."""
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in found if len(word) > 3 and word not in _COMMON]


def _inside_sections(text: str) -> str:
    """Prefer what is wrapped in tags: prompts put instructions around `<document>` sections."""
    sections = [match.group(2) for match in _SECTION.finditer(text)]
    inside = "\n\n".join(sections)
    if len(inside) > len(text) / 3:
        return _inside_sections(inside)
    return text


def _titles(line: str) -> bool:
    """Tell whether a line reads as a heading: marked as one, or short and without a full stop."""
    line = line.strip()
    if line.startswith("#"):
        return True
    fits = 1 < len(line.split()) <= 8 and line[0].isupper() and line[-1] not in ".!?:;,"
    return fits and not _ORDER.match(line)


def _sentences(text: str) -> list[str]:
    kept: dict[str, str] = {}
    for paragraph in _paragraphs(text):
        for sentence in _split(paragraph):
            if len(sentence.split()) >= 4 and not _ORDER.match(sentence):
                kept.setdefault(sentence.lower(), sentence)
    return list(kept.values())


def _paragraphs(text: str) -> list[str]:
    """Join wrapped lines; drop markup and headings; let every list item stand alone."""
    paragraphs: list[str] = []
    wrapped = False
    for line in map(str.strip, text.splitlines()):
        if _FOOTER.match(line):
            continue  # a page break may fall inside a sentence
        ended = not wrapped or paragraphs[-1][-1] in ".!?:"
        if not line or _MARKUP.match(line) or (ended and _titles(line)):
            wrapped = False
            continue
        bullet = _BULLET.match(line)
        if wrapped and not bullet:
            paragraphs[-1] += " " + line
        else:
            paragraphs.append(line[bullet.end() :] if bullet else line)
        wrapped = True
    return paragraphs


def _split(paragraph: str) -> list[str]:
    sentences: list[str] = []
    for part in _BREAK.split(paragraph):
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] += " " + part
        else:
            sentences.append(part)
    return [_shortened(" ".join(sentence.split())) for sentence in sentences]


def _shortened(sentence: str) -> str:
    if len(sentence) <= _LONGEST_SENTENCE:
        return sentence
    return sentence[:_LONGEST_SENTENCE].rsplit(" ", 1)[0] + "\u2026"
