"""OpenAI's rate limits: two buckets per model, told in the headers of every create."""

from collections.abc import Callable
from dataclasses import dataclass

from local.openai_emulator.errors import ApiError
from local.openai_emulator.settings import Tuning

_PER_MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    left: float
    counted_at: float

    def take(self, amount: float, limit: int, now: float) -> float:
        """Refill for the time gone by, take, and return what is missing (0 when it was there)."""
        refilled = self.left + (now - self.counted_at) * limit / _PER_MINUTE
        self.left, self.counted_at = min(limit, refilled), now
        missing = max(0.0, min(amount, limit) - self.left)
        if not missing:
            self.left -= amount
        return missing


class RateLimits:
    """Count requests and tokens per model; refuse what is over only when told to enforce."""

    def __init__(self, tuning: Tuning, clock: Callable[[], float]) -> None:
        self._tuning = tuning
        self._now = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def clear(self) -> None:
        """Fill every bucket again."""
        self._buckets.clear()

    def take(self, model: str, tokens: int) -> dict[str, str]:
        """Count one create and return its headers.

        Raises:
            ApiError: A limit is used up and limits are enforced (429).
        """
        headers: dict[str, str] = {}
        amounts = {
            "requests": (1, self._tuning.requests_per_minute),
            "tokens": (tokens, self._tuning.tokens_per_minute),
        }
        for name, (amount, limit) in amounts.items():
            now = self._now()
            bucket = self._buckets.setdefault((model, name), _Bucket(limit, now))
            missing = bucket.take(amount, limit, now)
            left = max(0.0, bucket.left)
            headers |= {
                f"x-ratelimit-limit-{name}": str(limit),
                f"x-ratelimit-remaining-{name}": str(int(left)),
                f"x-ratelimit-reset-{name}": go_duration((limit - left) * _PER_MINUTE / limit),
            }
            if missing and self._tuning.enforce_rate_limits:
                raise _over(model, name, headers, missing * _PER_MINUTE / limit)
        return headers


def _over(model: str, name: str, headers: dict[str, str], seconds: float) -> ApiError:
    message = f"Rate limit reached for {model} on {name} per min. Please try again later."
    headers = headers | {"retry-after-ms": str(int(seconds * 1000) + 1)}
    return ApiError(429, message, kind=name, code="rate_limit_exceeded", headers=headers)


def go_duration(seconds: float) -> str:
    """Write a duration as Go does and OpenAI's reset headers do: `6m0s`, `1.5s`, `120ms`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms" if seconds else "0s"
    minutes, rest = divmod(seconds, _PER_MINUTE)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{round(rest, 3):g}s"
    if hours:
        return f"{hours}h{minutes}m{shown}"
    return f"{minutes}m{shown}" if minutes else shown
