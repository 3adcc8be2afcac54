-- Repairs that come in turn, and lists that find few among many.

ALTER TABLE jobs ADD COLUMN cancel_repeat_at TIMESTAMPTZ; -- when to tell the workflow of it again

-- The oldest notices, which are forgotten; most of them are matched.
CREATE INDEX inbox_received ON inbox (received_at);

-- Lists of a tenant by status, by type, or both, newest first.
CREATE INDEX jobs_by_status ON jobs (tenant, status, created_at DESC, id DESC);
CREATE INDEX jobs_by_type ON jobs (tenant, type, created_at DESC, id DESC);
CREATE INDEX deliveries_by_status ON deliveries (tenant, status, created_at DESC, id DESC);

-- What a tenant's recent successes took. Type first: until they are replaced, older gateways ask
-- for those of all tenants.
CREATE INDEX jobs_successes ON jobs (type, tenant, completed_at DESC) WHERE status = 'succeeded';
DROP INDEX jobs_durations;
