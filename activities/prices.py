"""What tokens cost, from the dated table that the genai-prices package carries."""

from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version

import genai_prices
from genai_prices import data_snapshot

from jobs.money import Usage

PROVIDER = "openai"
TABLE = f"genai-prices {version('genai-prices')}"
"""Which table a price comes from; the version is looked up on the disk, so it is looked up once."""

DEFAULT_WINDOW_TOKENS = 128_000
"""Context window assumed for a model the table does not know; the smallest of current models."""

WINDOW_SHARES = {"2h": Decimal("0.7"), "8h": Decimal("0.6")}
"""What a discounted completion window leaves of the standard price (OpenAI, guides/flex-processing,
read in November 2026); the table knows tiers only."""

STANDARD_TIERS = (None, "auto", "default")


@dataclass(frozen=True)
class Price:
    """What a response cost, and by which table."""

    usd: Decimal
    source: str


def price(
    usage: Usage, *, model: str, service_tier: str | None, window: str | None = None
) -> Price | None:
    """Return what usage costs; None when the table cannot tell, never zero instead.

    Args:
        usage: The tokens.
        model: The model that answered, as the response names it.
        service_tier: The tier that was used, as the response names it.
        window: The completion window that was asked for; only standard processing has them.
    """
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        found = genai_prices.calc_price(
            counted,
            model_ref=model,
            provider_id=PROVIDER,
            price_context={"service_tier": service_tier} if service_tier else None,
        )
    except (LookupError, ValueError):
        # ValueError: more cached tokens than input tokens, as some compatible servers report.
        return None
    share = WINDOW_SHARES.get(window or "")
    if share is None or service_tier not in STANDARD_TIERS:
        return Price(found.total_price, TABLE)
    return Price(found.total_price * share, f"{TABLE} x {share} for the window of {window}")


def window_tokens(model: str) -> int:
    """Return a model's context window in tokens, or a careful guess."""
    try:
        _, found = data_snapshot.get_snapshot().find_provider_model(model, None, PROVIDER, None)
    except LookupError:
        return DEFAULT_WINDOW_TOKENS
    return found.context_window or DEFAULT_WINDOW_TOKENS
