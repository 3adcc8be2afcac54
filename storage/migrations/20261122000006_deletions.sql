-- Deleting at the provider what a job asked not to be kept there, until it is done or refused.

ALTER TABLE responses
    ADD COLUMN delete_wanted BOOLEAN NOT NULL DEFAULT FALSE, -- as soon as the response is settled
    ADD COLUMN delete_due TIMESTAMPTZ,  -- when maintenance tries next; NULL: nothing is left to do
    ADD COLUMN delete_error TEXT;       -- why it was refused for good, or did not work last time
CREATE INDEX responses_delete_due ON responses (delete_due) WHERE delete_due IS NOT NULL;
