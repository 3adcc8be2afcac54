#!/bin/sh
# Run once by the image, on an empty volume: a role and a database for each of the two.
set -eu
for name in backburner temporal; do
  case $name in
    backburner) password=$BACKBURNER_POSTGRES_PASSWORD ;;
    temporal) password=$TEMPORAL_POSTGRES_PASSWORD ;;
  esac
  psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --set=name="$name" --set=password="$password" <<'SQL'
    CREATE ROLE :"name" LOGIN CREATEDB PASSWORD :'password';
    CREATE DATABASE :"name" OWNER :"name";
SQL
done
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --command='CREATE DATABASE temporal_visibility OWNER temporal'
