"""The long statements of `storage/responses.py`: an intent, a lost reply, an end.

A submit that brought no answer, and whose step is submitted again, is told of in the job's events,
by the statement that books it: `retrying`. Until that step's next intent, or the next progress, the
job's `waiting_for` says so, too, unless somebody's signal is waited for, which matters more.
"""

from storage.jobs import WANTS_ANSWERS

COLUMNS = """tenant, job_id, step_key, submit_number, state, model, response_id, error_code,
    error_message, usage, cost_usd, output, output_key, intent_at, submitted_at, settled_at,
    deleted_at, delete_due, delete_error"""


def _another_try(step: str) -> str:
    """Begin the words of `waiting_for`."""
    return f"'another try of step ' || {step}::text || ': '"


INTENT = f"""
WITH locked AS (
    SELECT id, status, cancel_requested_at, work_ended_at FROM jobs
    WHERE tenant = $1 AND (id = $2
        OR $4 > 1 AND id = ANY(ARRAY(SELECT unnest(ancestors) FROM jobs WHERE id = $2)))
    ORDER BY id FOR UPDATE),
old AS (
    SELECT id, status FROM locked
    WHERE id = $2 AND {WANTS_ANSWERS}
        AND NOT EXISTS (SELECT FROM responses r WHERE r.job_id = $2 AND r.step_key = $3
            AND (r.state = 'effective' OR r.state = 'open' AND r.response_id IS NOT NULL))),
intent AS (
    INSERT INTO responses
        (tenant, job_id, step_key, submit_number, model, fingerprint, delete_wanted)
    SELECT $1, id, $3, $4, $5, $6, $7 FROM old
    ON CONFLICT (job_id, step_key, submit_number) DO NOTHING
    RETURNING {COLUMNS}),
job AS (
    UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, now()),
        last_seq = last_seq + (old.status = 'pending')::int,
        retry_count = retry_count + ($4 > 1)::int, updated_at = now(),
        waiting_for = CASE WHEN $4 > 1 AND starts_with(waiting_for, {_another_try("$3")})
            THEN NULL ELSE waiting_for END
    FROM old, intent WHERE jobs.id = old.id
    RETURNING jobs.id, last_seq, old.status AS was),
event AS (
    INSERT INTO job_events (job_id, seq, type)
    SELECT id, last_seq, 'started' FROM job WHERE was = 'pending'),
above AS (
    UPDATE jobs SET retry_count = retry_count + 1, updated_at = now()
    FROM locked, intent WHERE jobs.id = locked.id AND locked.id <> $2 AND $4 > 1)
SELECT {COLUMNS}, (SELECT was FROM job) AS was FROM intent
"""  # noqa: S608 # constant


_GOES_ON = f"""{WANTS_ANSWERS}
    AND NOT EXISTS (SELECT FROM responses r WHERE r.job_id = $1 AND r.step_key = $2
        AND r.submit_number <> $3
        AND (r.state = 'effective' OR r.state = 'open' AND r.response_id IS NOT NULL))"""
"""Whether a step may be submitted again, as the next intent will ask."""


def _waits_for(code: str) -> str:
    return f"COALESCE(waiting_for, {_another_try('$2')} || {code}::text)"


def _told(submit: str, job: str, seconds: str) -> str:
    """Return the statement that tells of the next try.

    Args:
        submit: Where the submit stands as it is booked.
        job: Where `id` and `last_seq` of its job stand, once or not at all.
        seconds: Until the next try.
    """
    return f"""
    INSERT INTO job_events (job_id, seq, type, data)
    SELECT id, last_seq, 'retrying', jsonb_build_object('step', step_key,
        'submit', submit_number, 'code', error_code, 'message', error_message,
        'retry_after_seconds', {seconds}::float8)
    FROM {submit}, {job}"""  # noqa: S608 # constant


LOSE = f"""
WITH lost AS (
    UPDATE responses SET state = 'uncertain', error_code = $4, error_message = $5
    WHERE job_id = $1 AND step_key = $2 AND submit_number = $3
        AND state = 'open' AND response_id IS NULL
    RETURNING {COLUMNS}),
job AS (
    UPDATE jobs SET last_seq = last_seq + 1, waiting_for = {_waits_for("$4")}, updated_at = now()
    FROM lost WHERE id = job_id AND $6::float8 IS NOT NULL AND {_GOES_ON}
    RETURNING id, last_seq),
event AS ({_told("lost", "job", "$6")})
SELECT true FROM lost
"""  # noqa: S608 # constant


SETTLE = f"""
WITH settled AS (
    UPDATE responses SET usage = $5,
        state = CASE WHEN $4 = 'canceled' AND EXISTS (SELECT FROM responses r
            WHERE r.job_id = $1 AND r.step_key = $2 AND r.state = 'effective')
            THEN 'wasted' ELSE $4 END, cost_usd = $6, price_source = $7,
        service_tier = $8, output = $9, output_key = $10, error_code = $11,
        error_message = $12, settled_at = now(),
        -- A little later: the step itself, if it waits, has the first try.
        delete_due = CASE WHEN delete_wanted AND response_id IS NOT NULL
            THEN now() + interval '10 seconds' END
    WHERE job_id = $1 AND step_key = $2 AND submit_number = $3 AND settled_at IS NULL
    RETURNING {COLUMNS}),
line AS (
    SELECT id, id = $1 AND $18::float8 IS NOT NULL AND {_GOES_ON} AS goes_on FROM jobs
    WHERE id = ANY(ARRAY(SELECT unnest(ancestors || id) FROM jobs WHERE id = $1))
        AND EXISTS (SELECT FROM settled)
    ORDER BY id FOR UPDATE),
booked AS (
    UPDATE jobs SET
        cost_usd = CASE WHEN $6::numeric IS NULL THEN cost_usd
            ELSE COALESCE(cost_usd, 0) + $6::numeric END,
        input_tokens = input_tokens + $13, cached_tokens = cached_tokens + $14,
        cache_write_tokens = cache_write_tokens + $15, output_tokens = output_tokens + $16,
        reasoning_tokens = reasoning_tokens + $17,
        settled_responses = settled_responses + ($4 <> 'rejected')::int,
        unpriced_responses = unpriced_responses
            + ($4 <> 'rejected' AND $6::numeric IS NULL)::int,
        last_seq = last_seq + goes_on::int,
        waiting_for = CASE WHEN goes_on THEN {_waits_for("$11")} ELSE waiting_for END,
        updated_at = now()
    FROM line WHERE jobs.id = line.id
    RETURNING jobs.id, last_seq, goes_on),
event AS ({_told("settled", "(SELECT id, last_seq FROM booked WHERE goes_on) AS job", "$18")})
SELECT * FROM settled
"""  # noqa: S608 # constant
