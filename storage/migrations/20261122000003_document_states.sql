-- Whether a document was processed: by which job, and how that ended.

ALTER TABLE documents
    ADD COLUMN state TEXT NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'processing', 'processed', 'failed')),
    ADD COLUMN holder_id UUID,             -- the job that has it in hand, while `processing`
    ADD COLUMN holder_reads BOOLEAN NOT NULL DEFAULT FALSE, -- or only keeps it for a job it will run
    ADD COLUMN job_id UUID,                -- the last job that processed it to an end
    ADD COLUMN error_code TEXT,
    ADD COLUMN error_message TEXT,
    ADD COLUMN processed_at TIMESTAMPTZ,
    ADD CONSTRAINT documents_held CHECK ((state = 'processing') = (holder_id IS NOT NULL));

CREATE INDEX documents_by_state ON documents (tenant, state, created_at DESC, id DESC);
CREATE INDEX documents_by_holder ON documents (holder_id) WHERE holder_id IS NOT NULL;
