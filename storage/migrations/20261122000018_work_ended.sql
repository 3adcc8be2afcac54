-- When a job's work came to its end with responses still open: from then on none may be added.
ALTER TABLE jobs ADD COLUMN work_ended_at TIMESTAMPTZ;
