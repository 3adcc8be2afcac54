-- The first schema. A superset of the seed architecture's jobs table.

CREATE TABLE installation (
    -- One row: the identity that our responses carry in their metadata, so that installations sharing
    -- an OpenAI project never touch one another's responses.
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    id UUID NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE jobs (
    id UUID PRIMARY KEY,
    tenant TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'canceled')),
    payload JSONB NOT NULL,
    options JSONB NOT NULL DEFAULT '{}',
    labels JSONB NOT NULL DEFAULT '{}',
    result JSONB,
    result_key TEXT,                       -- object that holds a result too large for the row
    error_code TEXT,
    error_message TEXT,
    callback_url TEXT,
    parent_id UUID REFERENCES jobs (id),
    root_id UUID NOT NULL,
    idempotency_key TEXT,
    fingerprint TEXT NOT NULL,             -- of the request; tells a replay from a reused key
    retry_count INTEGER NOT NULL DEFAULT 0, -- submits beyond the first, over all steps
    progress_stage TEXT NOT NULL DEFAULT '',
    progress_current BIGINT NOT NULL DEFAULT 0,
    progress_total BIGINT NOT NULL DEFAULT 0,
    waiting_for TEXT,
    cost_usd NUMERIC,                      -- NULL until a response with a known price is settled
    input_tokens BIGINT NOT NULL DEFAULT 0,
    cached_tokens BIGINT NOT NULL DEFAULT 0,
    cache_write_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0,
    reasoning_tokens BIGINT NOT NULL DEFAULT 0,
    settled_responses INTEGER NOT NULL DEFAULT 0,
    unpriced_responses INTEGER NOT NULL DEFAULT 0,
    cancel_requested_at TIMESTAMPTZ,
    cancel_requested_by TEXT,
    cancel_reason TEXT,
    last_seq BIGINT NOT NULL DEFAULT 0,    -- of job_events; taken inside the writer's transaction
    start_checked_at TIMESTAMPTZ,          -- when maintenance last saw to a pending job's workflow
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK ((status IN ('succeeded', 'failed', 'canceled')) = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX jobs_idempotency ON jobs (tenant, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_newest ON jobs (tenant, created_at DESC, id DESC);
CREATE INDEX jobs_open ON jobs (created_at) WHERE status IN ('pending', 'running');
CREATE INDEX jobs_durations ON jobs (type, completed_at DESC) WHERE status = 'succeeded';
CREATE INDEX jobs_children ON jobs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_labels ON jobs USING gin (labels jsonb_path_ops);

CREATE TABLE job_events (
    job_id UUID NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    data JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, seq)
);

CREATE TABLE responses (
    job_id UUID NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    step_key TEXT NOT NULL,
    submit_number INTEGER NOT NULL CHECK (submit_number > 0),
    tenant TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,             -- of the request, ids left out
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN (
        'open',       -- submitted or about to be; nothing is known about its end
        'effective',  -- its answer is the step's answer
        'failed',     -- ended without a usable answer
        'rejected',   -- the provider refused it: nothing exists, nothing was paid
        'uncertain',  -- sent, but the reply was lost: a paid response may exist under an unknown id
        'canceled',   -- canceled by us
        'wasted'      -- ended, but another submit of the step was used
    )),
    response_id TEXT UNIQUE,
    request_id TEXT,
    service_tier TEXT,
    error_code TEXT,
    error_message TEXT,
    usage JSONB,
    cost_usd NUMERIC,                      -- NULL: unknown price or unknown usage, never zero for it
    price_source TEXT,
    output TEXT,
    output_key TEXT,                       -- object that holds an output too large for the row
    intent_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    submitted_at TIMESTAMPTZ,
    settled_at TIMESTAMPTZ,
    PRIMARY KEY (job_id, step_key, submit_number)
);
CREATE UNIQUE INDEX responses_one_effective ON responses (job_id, step_key)
    WHERE state = 'effective';
CREATE INDEX responses_open ON responses (intent_at) WHERE state = 'open';

CREATE TABLE documents (
    id UUID PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    object_key TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX documents_newest ON documents (tenant, created_at DESC, id DESC);

CREATE TABLE document_texts (
    document_id UUID NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    chunk_characters INTEGER NOT NULL,
    extracted JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, chunk_characters)
);

CREATE TABLE rate_budgets (
    -- When the next submit would be due if submits were evenly spaced (GCRA); ahead of the clock by
    -- more than the burst means: no room.
    name TEXT PRIMARY KEY,
    next_due TIMESTAMPTZ NOT NULL
);

CREATE TABLE watermarks (
    -- How far maintenance has read something that only grows.
    name TEXT PRIMARY KEY,
    reached TIMESTAMPTZ NOT NULL
);
