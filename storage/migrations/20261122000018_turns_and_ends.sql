ALTER TABLE jobs
    ADD COLUMN cancel_repeat_at TIMESTAMPTZ, -- when to tell the workflow of its cancel again
    ADD COLUMN work_ended_at TIMESTAMPTZ; -- set with responses still open: none may be added then
