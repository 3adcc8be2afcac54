-- What people started, newest first, however many children lie between.

CREATE INDEX jobs_newest_roots ON jobs (tenant, created_at DESC, id DESC) WHERE parent_id IS NULL;
