-- Jobs that a job runs: whose they are, from the root down, and by which name their parent knows them.

ALTER TABLE jobs ADD COLUMN ancestors UUID[] NOT NULL DEFAULT '{}';
ALTER TABLE jobs ADD COLUMN child_key TEXT;

-- A cancel descends along open children only; a parent of thousands has few of them.
CREATE INDEX jobs_open_children ON jobs (parent_id)
    WHERE parent_id IS NOT NULL AND status IN ('pending', 'running');
