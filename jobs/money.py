"""Tokens and what they cost."""

from collections.abc import Iterable
from decimal import Decimal

from jobs.values import Value

TENTH_OF_A_CENT = Decimal("0.001")


class Usage(Value):
    """Tokens of one response, as the provider reports them.

    Attributes:
        input_tokens: All input tokens, cached ones included.
        cached_tokens: Input tokens served from the provider's prompt cache.
        cache_write_tokens: Input tokens written to that cache.
        output_tokens: All output tokens, reasoning included.
        reasoning_tokens: Output tokens spent on reasoning.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Add up two usages field by field."""
        mine, theirs = self.model_dump(), other.model_dump()
        return Usage(**{name: mine[name] + theirs[name] for name in mine})


class Cost(Value):
    """What responses cost so far.

    Attributes:
        usd: Sum over the responses whose price is known; None when no price is known at all.
        usage: Tokens of all settled responses.
        responses: How many responses were settled.
        unpriced_responses: How many of them have no known price, so that `usd` is a lower bound.
    """

    usd: Decimal | None = None
    usage: Usage = Usage()
    responses: int = 0
    unpriced_responses: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Add up two costs; an unknown price stays visible as unpriced."""
        known = [usd for usd in (self.usd, other.usd) if usd is not None]
        return Cost(
            usd=sum(known, Decimal(0)) if known else None,
            usage=self.usage + other.usage,
            responses=self.responses + other.responses,
            unpriced_responses=self.unpriced_responses + other.unpriced_responses,
        )


def amount(usd: Decimal) -> str:
    """Write a price for people: four decimals, and of less than a tenth of a cent two digits."""
    decimals = 4 if usd == 0 or usd >= TENTH_OF_A_CENT else 1 - usd.adjusted()
    return f"{usd:.{decimals}f}"


def total(costs: Iterable[Cost]) -> Cost:
    """Add up any number of costs."""
    return sum(costs, Cost())


def one_response(usage: Usage, usd: Decimal | None) -> Cost:
    """Return the cost of a single settled response; `usd` None means its price is unknown."""
    return Cost(usd=usd, usage=usage, responses=1, unpriced_responses=int(usd is None))
