-- concurrently
-- Lists that find few among many. Each index is dropped first: one whose making was cut off stays
-- behind, and is of no use.

-- The oldest notices, which are forgotten; most of them are matched.
DROP INDEX CONCURRENTLY IF EXISTS inbox_received;
CREATE INDEX CONCURRENTLY inbox_received ON inbox (received_at);

-- Lists of a tenant by status, by type, or both, newest first.
DROP INDEX CONCURRENTLY IF EXISTS jobs_by_status;
CREATE INDEX CONCURRENTLY jobs_by_status ON jobs (tenant, status, created_at DESC, id DESC);
DROP INDEX CONCURRENTLY IF EXISTS jobs_by_type;
CREATE INDEX CONCURRENTLY jobs_by_type ON jobs (tenant, type, created_at DESC, id DESC);
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_status;
CREATE INDEX CONCURRENTLY deliveries_by_status
    ON deliveries (tenant, status, created_at DESC, id DESC);

-- What a tenant's recent successes took. Type first: until they are replaced, older gateways ask
-- for those of all tenants.
DROP INDEX CONCURRENTLY IF EXISTS jobs_successes;
CREATE INDEX CONCURRENTLY jobs_successes
    ON jobs (type, tenant, completed_at DESC) WHERE status = 'succeeded';
DROP INDEX CONCURRENTLY IF EXISTS jobs_durations;
