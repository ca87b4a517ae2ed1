-- Two roles with the least privileges: the owner migrates, the service reads and writes rows.
-- Run it as a superuser in the shop's database, for example:
--   psql -v owner_password=… -v service_password=… -f docs/database-roles.sql
-- Then: DATABASE_URL=postgresql://payments_owner:…@host/name?schema=payments   payments migrate
--       DATABASE_URL=postgresql://payments_service:…@host/name?schema=payments payments serve

CREATE ROLE payments_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE payments_service LOGIN PASSWORD :'service_password';

CREATE SCHEMA payments AUTHORIZATION payments_owner;
GRANT USAGE ON SCHEMA payments TO payments_service;

-- For the tables that exist (none yet, or those of an earlier release) …
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA payments TO payments_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA payments TO payments_service;

-- … and for those that `payments migrate` will create.
ALTER DEFAULT PRIVILEGES FOR ROLE payments_owner IN SCHEMA payments
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO payments_service;
ALTER DEFAULT PRIVILEGES FOR ROLE payments_owner IN SCHEMA payments
    GRANT USAGE ON SEQUENCES TO payments_service;
