-- Documents whose objects have to go: written before an upload's first object, taken away when the
-- document stands, and written again when it is deleted. Deliberately without a foreign key: a row
-- here is about a document that is not there.

CREATE TABLE erasures (
    document_id UUID PRIMARY KEY,
    tenant TEXT NOT NULL,
    due_at TIMESTAMPTZ NOT NULL            -- not before: somebody may still be writing objects
);
CREATE INDEX erasures_due ON erasures (due_at);
