-- Documents that lie at the provider as files, one per document and account. Deliberately without a
-- foreign key: a row outlives its document until the file is deleted at the provider too.

CREATE TABLE provider_files (
    document_id UUID NOT NULL,
    account TEXT NOT NULL,                 -- whose files: hash of server, organization and project
    claim UUID NOT NULL,                   -- of whoever uploads, or did last
    claimed_until TIMESTAMPTZ NOT NULL,    -- until then nobody else uploads or deletes
    file_id TEXT,                          -- NULL while nothing usable is there
    expires_at TIMESTAMPTZ,
    PRIMARY KEY (document_id, account),
    CHECK ((file_id IS NULL) = (expires_at IS NULL))
);
CREATE INDEX provider_files_expiring ON provider_files (account, expires_at);
