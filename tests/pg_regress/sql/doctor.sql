-- The doctor says what is wrong and what to type.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_version() ~ '^\d+\.\d+\.\d+$' AS a_version, sira_version() = extversion AS as_installed FROM pg_extension WHERE extname = 'sira';
SELECT sira_lightgbm_version() ~ '\d+\.\d+\.\d+' AS a_version;
SELECT sira_create_model('dr_idle', 'fraud_detection') IS NOT NULL AS made;
-- Within a transaction block that made no months, whose locks would stay.
SELECT count(*) > -1 AS maintained FROM sira_maintain_partitions();
-- (version numbers left out)
CREATE VIEW dr AS
SELECT check_name, status, regexp_replace(detail, '\d+(\.\d+)+[^,]*', 'x.y', 'g') AS detail, remedy FROM sira_doctor() WHERE check_name <> 'schedule';
SELECT * FROM dr \gx
SELECT check_name, status IN ('ok', 'note') AS fine FROM sira_doctor() WHERE check_name = 'schedule';
SET sira.enabled = off;
SET sira.log_predictions = off;
DO $$
BEGIN
    EXECUTE format('DROP TABLE sira_predictions_%s',
                   to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', 'YYYYMM'));
END
$$;
SELECT * FROM dr WHERE status = 'look' \gx
RESET sira.enabled;
RESET sira.log_predictions;
SELECT count(*) AS months_made FROM sira_maintain_partitions();
SELECT * FROM dr WHERE status = 'look';
-- It is for those who can do something about it.
SET ROLE sira_user;
SELECT * FROM sira_doctor();
\echo :LAST_ERROR_SQLSTATE
SET ROLE sira_admin;
SELECT count(*) > 5 AS answers FROM sira_doctor();
RESET ROLE;
ROLLBACK;
