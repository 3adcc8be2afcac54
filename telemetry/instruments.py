"""Every metric of Backburner, in one place. `docs/metrics.md` explains them.

Names follow Prometheus: a unit at the end, `_total` is added to counters. Attributes have few
values each: job types, statuses and codes, never ids.
"""

from opentelemetry.metrics import get_meter

METER = get_meter("backburner")

QUEUE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
RUN_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14_400, 86_400)

JOBS_SUBMITTED = METER.create_counter(
    "backburner_jobs_submitted", description="Jobs taken in, by type"
)
JOBS_ENDED = METER.create_counter(
    "backburner_jobs_ended", description="Jobs whose end this process recorded, by type and status"
)
JOB_QUEUE_LATENCY = METER.create_histogram(
    "backburner_job_queue_latency_seconds",
    description="From the POST of a job until its first submit to the provider",
    explicit_bucket_boundaries_advisory=QUEUE_SECONDS,
)
JOB_DURATION = METER.create_histogram(
    "backburner_job_duration_seconds",
    description="From the POST of a job to its end, by type and status",
    explicit_bucket_boundaries_advisory=RUN_SECONDS,
)
SUBMITS = METER.create_counter(
    "backburner_submits", description="Responses asked for, by model and by how the POST went"
)
RESPONSES_SETTLED = METER.create_counter(
    "backburner_responses_settled", description="Responses booked, by model, state and error code"
)
TOKENS = METER.create_counter(
    "backburner_tokens", description="Tokens of booked responses, by model and kind"
)
COST = METER.create_counter(
    "backburner_cost_usd", description="Known cost of booked responses in dollars, by model"
)
AMBIGUOUS = METER.create_counter(
    "backburner_ambiguous_submits",
    description="Submits whose reply was lost, by what became of them",
)
RETRIES = METER.create_counter(
    "backburner_retries", description="Submits that repeat a step, by what ended the one before"
)
WEBHOOKS = METER.create_counter(
    "backburner_openai_webhooks", description="Webhooks received from the provider, by outcome"
)
DELIVERIES = METER.create_counter(
    "backburner_delivery_attempts",
    description="Attempts to deliver to programs and people, by outcome",
)
HOOK_CALLS = METER.create_counter(
    "backburner_hook_calls", description="Calls of operators' own hooks, by hook and outcome"
)
ENDPOINTS_DISABLED = METER.create_counter(
    "backburner_endpoints_disabled", description="Endpoints that were disabled, by reason"
)
