-- Results keep the order of their fields, which JSONB sorts by the length of their names.

ALTER TABLE jobs ALTER COLUMN result TYPE JSON;
