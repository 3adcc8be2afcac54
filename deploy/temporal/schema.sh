#!/bin/sh
# Bring both databases of the Temporal server to its schema; doing it again changes nothing.
set -eu
for database in temporal temporal_visibility; do
  folder=${database#temporal_}
  temporal-sql-tool --db "$database" setup-schema -v 0.0 || true # refused when it is there
  temporal-sql-tool --db "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done
