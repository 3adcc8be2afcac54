-- Which processes live, and which waits are theirs: a long wait beats too seldom for Temporal to
-- notice soon that its worker has died.

CREATE TABLE workers (
    id UUID PRIMARY KEY,
    seen_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE long_waits (
    job_id UUID NOT NULL REFERENCES jobs ON DELETE CASCADE,
    run_id TEXT NOT NULL,
    activity_id TEXT NOT NULL,
    token UUID NOT NULL UNIQUE,
    worker_id UUID NOT NULL,
    claimed_until TIMESTAMPTZ,
    PRIMARY KEY (job_id, activity_id)
);

CREATE INDEX long_waits_by_worker ON long_waits (worker_id);
