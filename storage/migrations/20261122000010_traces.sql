-- Where a job's trace goes on: the W3C `traceparent` of the request that asked for the job.

ALTER TABLE jobs ADD COLUMN traceparent TEXT;

-- For the queue times of jobs that have just started.
CREATE INDEX jobs_started ON jobs (started_at) WHERE started_at IS NOT NULL;
