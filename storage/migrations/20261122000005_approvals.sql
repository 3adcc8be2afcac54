-- What jobs showed to people, and what was decided.

CREATE TABLE approvals (
    job_id UUID NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    tenant TEXT NOT NULL,
    root_id UUID NOT NULL,                 -- the root of the job, so that its view shows descendants' too
    title TEXT NOT NULL,
    shown JSONB NOT NULL,
    digest TEXT NOT NULL,                  -- of what was shown; a decision has to name it
    editable BOOLEAN NOT NULL,
    edits_schema JSONB,
    default_answer TEXT CHECK (default_answer IN ('approve', 'reject')),
    deadline TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN (
        'open',
        'approved',
        'rejected',
        'expired',    -- nobody answered, and there was no default
        'withdrawn'   -- the job ended, or went on without it
    )),
    comment TEXT,
    edits JSONB,
    decided_by TEXT,
    is_default BOOLEAN NOT NULL DEFAULT FALSE,
    answer_id TEXT,                        -- of the answer that counted
    reminders INTEGER NOT NULL DEFAULT 0,
    requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    decided_at TIMESTAMPTZ,
    PRIMARY KEY (job_id, key),
    CHECK ((state = 'open') = (decided_at IS NULL))
);
CREATE INDEX approvals_open ON approvals (tenant, requested_at DESC) WHERE state = 'open';
CREATE INDEX approvals_open_of_root ON approvals (root_id) WHERE state = 'open';
