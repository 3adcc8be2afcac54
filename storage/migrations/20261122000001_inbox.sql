-- What the provider's webhooks told us, one row per notice, whether we know the response or not.

CREATE TABLE inbox (
    webhook_id TEXT PRIMARY KEY,
    response_id TEXT NOT NULL,
    type TEXT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- When the response was found in the ledger, adopted, or found not to be ours.
    matched_at TIMESTAMPTZ
);
CREATE INDEX inbox_response ON inbox (response_id);
CREATE INDEX inbox_unmatched ON inbox (received_at) WHERE matched_at IS NULL;

-- When a response was deleted at the provider, because its job asked for that.
ALTER TABLE responses ADD COLUMN deleted_at TIMESTAMPTZ;

-- Submits whose id is not known: what an unknown response may belong to.
CREATE INDEX responses_nameless ON responses (intent_at)
    WHERE response_id IS NULL AND state IN ('open', 'uncertain');
