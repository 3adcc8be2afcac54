-- The latest jobs of a schedule are looked up whenever it is shown; a frequent one has many.

CREATE INDEX jobs_of_schedules
    ON jobs (tenant, (labels ->> 'backburner.schedule'), created_at DESC, id DESC)
    WHERE labels ->> 'backburner.schedule' IS NOT NULL AND parent_id IS NULL;
