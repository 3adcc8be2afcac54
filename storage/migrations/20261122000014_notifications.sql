-- Notifications: people who are told of jobs through channels that administrators configure.

ALTER TABLE jobs
    -- Whom to tell of what: [{"channel": "ops", "events": ["job.failed"], "to": []}]
    ADD COLUMN notify JSONB NOT NULL DEFAULT '[]';

ALTER TABLE deliveries
    ADD COLUMN via TEXT,                             -- the channel; NULL for callbacks
    ADD COLUMN recipients TEXT[] NOT NULL DEFAULT '{}', -- instead of the channel's own
    ADD COLUMN untold TEXT[];                        -- recipients left; NULL while all of them are
