#!/bin/sh
# Run once by PostgreSQL's image, when the database is created.
set -eu
psql --username postgres --dbname shop --set ON_ERROR_STOP=1 \
    --set "owner_password=$(cat /run/secrets/owner-password)" \
    --set "service_password=$(cat /run/secrets/service-password)" \
    --file /database-roles.sql
