"""What a job will probably take: seconds and dollars, and what nobody knows beforehand."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from heapq import heapreplace

_Seconds = Callable[[Sequence[float]], float]

ENOUGH = 5
"""Finished jobs after which history is believed more than the job type's own word."""


@dataclass(frozen=True)
class History:
    """What recent jobs of a type took.

    Attributes:
        finished: Jobs that succeeded, the latest hundred at the most.
        median_seconds: From submission to the end.
        p95_seconds: One in twenty took longer.
        priced: How many of them have a known price.
        low_usd: One in ten cost less.
        typical_usd: Half of them cost more.
        high_usd: One in ten cost more.
    """

    finished: int = 0
    median_seconds: float = 0.0
    p95_seconds: float = 0.0
    priced: int = 0
    low_usd: Decimal | None = None
    typical_usd: Decimal | None = None
    high_usd: Decimal | None = None


@dataclass(frozen=True)
class Prices:
    """A range of prices in dollars; None is unknown, never free."""

    low: Decimal | None
    typical: Decimal | None
    high: Decimal | None

    def __add__(self, other: "Prices") -> "Prices":
        """Add up; what is known stays a lower bound, the rest is unknown once a part is."""
        known = [each for each in (self.low, other.low) if each is not None]
        return Prices(
            low=sum(known, Decimal(0)) if known else None,
            typical=_both(self.typical, other.typical),
            high=_both(self.high, other.high),
        )


FREE = Prices(Decimal(0), Decimal(0), Decimal(0))
UNKNOWN = Prices(None, None, None)


def _both(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True)
class Forecast:
    """What a job, or a part of one, will probably take.

    Attributes:
        typical_seconds: As often more as less.
        late_seconds: Seldom more. Of several jobs, as if all of them were late.
        prices: What its responses cost.
        jobs: How many jobs it is, as far as that is known.
        unknown: What could not be counted, each with a pointer and a sentence.
        picture: Mermaid text.
    """

    typical_seconds: float = 0.0
    late_seconds: float = 0.0
    prices: Prices = FREE
    jobs: int = 0
    unknown: tuple[tuple[str, str], ...] = field(default=())
    picture: str = ""


def of_history(name: str, expected: timedelta, history: History | None) -> Forecast:
    """Forecast one job from the jobs of its type that have finished."""
    seconds = expected.total_seconds()
    typical, late, prices = seconds, seconds, UNKNOWN
    unknown: list[tuple[str, str]] = []
    if history is not None and history.finished >= ENOUGH:
        typical, late = history.median_seconds, history.p95_seconds
    if history is not None and history.priced:
        prices = Prices(history.low_usd, history.typical_usd, history.high_usd)
    else:
        unknown.append(("", f"no job of type {name!r} with a known price has finished yet"))
    return Forecast(typical, late, prices, jobs=1, unknown=tuple(unknown))


def in_turn(parts: Iterable[Forecast]) -> Forecast:
    """Forecast parts that run one after the other."""
    return _joined(list(parts), sum)


def side_by_side(parts: Sequence[Forecast], window: int) -> Forecast:
    """Forecast parts of which so many run at once, begun in order as places become free."""
    return _joined(parts, lambda seconds: _makespan(seconds, window))


def times(part: Forecast, count: int, window: int) -> Forecast:
    """Forecast the same part, many times over."""
    waves = -(-count // window)
    prices = Prices(*(_scaled(each, count) for each in _three(part.prices)))
    return Forecast(
        part.typical_seconds * waves,
        part.late_seconds * waves,
        prices,
        part.jobs * count,
        part.unknown,
    )


def _joined(parts: Sequence[Forecast], seconds: _Seconds) -> Forecast:
    return Forecast(
        typical_seconds=seconds([each.typical_seconds for each in parts]),
        late_seconds=seconds([each.late_seconds for each in parts]),
        prices=sum((each.prices for each in parts), FREE),
        jobs=sum(each.jobs for each in parts),
        unknown=tuple(dict.fromkeys(each for part in parts for each in part.unknown)),
    )


def _makespan(seconds: Sequence[float], window: int) -> float:
    ends = [0.0] * min(window, max(1, len(seconds)))
    for each in seconds:
        heapreplace(ends, ends[0] + each)
    return max(ends)


def _three(prices: Prices) -> tuple[Decimal | None, ...]:
    return prices.low, prices.typical, prices.high


def _scaled(price: Decimal | None, count: int) -> Decimal | None:
    return None if price is None else price * count
