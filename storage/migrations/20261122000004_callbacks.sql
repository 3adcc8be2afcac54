-- Telling others: who wants to hear, what they were told, and with which secrets it was signed.

CREATE TABLE endpoints (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    events TEXT[] NOT NULL DEFAULT '{}',   -- what it wants to hear; empty: everything
    hears_children BOOLEAN NOT NULL DEFAULT FALSE,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    disabled_reason TEXT CHECK (disabled_reason IN ('by_owner', 'gone', 'failing')),
    disabled_at TIMESTAMPTZ,
    failures INTEGER NOT NULL DEFAULT 0,   -- in a row
    failing_since TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    deleted_at TIMESTAMPTZ,                -- kept, because the log of its deliveries names it
    CHECK (enabled = (disabled_reason IS NULL))
);
CREATE INDEX endpoints_newest ON endpoints (tenant, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;

CREATE TABLE signing_secrets (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant TEXT NOT NULL,
    endpoint_id UUID REFERENCES endpoints (id), -- NULL: the tenant's, for the callback_url of jobs
    sealed TEXT NOT NULL,                       -- encrypted with a key that is not in here
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ                      -- since another one replaced it
);
CREATE UNIQUE INDEX signing_secrets_current
    ON signing_secrets (tenant, COALESCE(endpoint_id, '00000000-0000-0000-0000-000000000000'))
    WHERE expires_at IS NULL;
CREATE INDEX signing_secrets_endpoint ON signing_secrets (endpoint_id);

CREATE TABLE deliveries (
    -- Outbox and log at once: a row is written in the transaction of what it tells of.
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(), -- also the id of its workflow, and the webhook-id
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL DEFAULT 'callback',
    event TEXT NOT NULL,
    data JSONB NOT NULL DEFAULT '{}',      -- what the event says beyond its job
    job_id UUID REFERENCES jobs (id) ON DELETE CASCADE,
    endpoint_id UUID REFERENCES endpoints (id),
    url TEXT,                              -- the job's own, or the endpoint's at that time
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending',    -- no worker has taken it up
        'delivering', -- its workflow tries, or waits to try again
        'delivered',  -- the receiver said 2xx
        'exhausted',  -- every try of the retry table failed
        'abandoned'   -- nobody to deliver to: endpoint disabled or deleted, or the receiver said 410
    )),
    round INTEGER NOT NULL DEFAULT 1,      -- grows whenever somebody asks for it to be sent again
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    claimed_until TIMESTAMPTZ,             -- a dispatcher is about to start its workflow
    next_attempt_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ
);
CREATE INDEX deliveries_pending ON deliveries (created_at) WHERE status = 'pending';
CREATE INDEX deliveries_under_way ON deliveries (next_attempt_at) WHERE status = 'delivering';
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deliveries_newest ON deliveries (tenant, created_at DESC, id DESC);
CREATE INDEX deliveries_job ON deliveries (job_id);
CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, created_at);

CREATE TABLE delivery_attempts (
    delivery_id UUID NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    duration_ms INTEGER NOT NULL,
    http_status INTEGER,                   -- NULL: no answer came
    error_code TEXT,                       -- NULL: it was delivered
    error_message TEXT,
    response_excerpt TEXT,
    PRIMARY KEY (delivery_id, number)
);
