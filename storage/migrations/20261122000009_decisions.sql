-- Decisions are written at the door, and the workflow takes them from the row.

ALTER TABLE approvals ADD COLUMN tell_at TIMESTAMPTZ; -- when to tell the workflow again; null: it knows
CREATE INDEX approvals_untold ON approvals (tell_at) WHERE tell_at IS NOT NULL;

-- The list of a tenant: open ones first, each half newest first.
CREATE INDEX approvals_listed
    ON approvals (tenant, (state = 'open') DESC, requested_at DESC, job_id DESC, key DESC);
CREATE INDEX approvals_of_root ON approvals (root_id);
DROP INDEX approvals_open;
DROP INDEX approvals_open_of_root;
