-- The daily job: its steps, its failures, its schedule. It commits, so what it leaves is taken away at the end.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
SET client_min_messages = notice;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET sira.settle_margin = 0;
CREATE TABLE pl_payments (customer bigint, at timestamptz, amount float8);
INSERT INTO pl_payments SELECT i % 7, timestamptz '2026-01-01' + i * interval '1 hour', i FROM generate_series(1, 100) i;
SELECT sira_define_window_feature('pl_sum', 'pl_customer', 'pl_payments', 'customer', 'at', 'sum', NULL, value => 'amount',
                                  rules => '{"range": {"min": 0}}');
SELECT sira_define_feature_set('pl_cards', 'pl_customer', '{pl_sum}');
CREATE VIEW pl_jobs AS
    SELECT subject, step, status, attempt, result - '{as_of,since,settled,watermark,first}'::text[] AS result, error_sqlstate, error_message
    FROM sira_jobs WHERE subject LIKE 'pl\_%' ORDER BY queued_at;
CALL sira_run_feature_pipeline('pl_cards', batch => 3);
SELECT step, status, attempt, CASE WHEN step IS NOT NULL THEN result END AS result FROM pl_jobs;
SELECT entity_id, features FROM sira_feature_snapshots WHERE feature_set = 'pl_cards' ORDER BY 1;
-- Who has changed, and nobody else.
INSERT INTO pl_payments VALUES (3, now() - interval '1 microsecond', 1000);
CALL sira_run_feature_pipeline('pl_cards');
SELECT DISTINCT ON (entity_id) entity_id, features FROM sira_feature_snapshots WHERE feature_set = 'pl_cards' ORDER BY 1, snapshot_ts DESC;
SELECT count(*) FROM sira_snapshot_work;

-- All of them, whatever changed unseen.
UPDATE pl_payments SET customer = 7 WHERE customer = 6;
CALL sira_run_feature_pipeline('pl_cards');
SELECT entity_id, features FROM sira_latest_snapshot('pl_cards', 6), (VALUES (6)) AS v (entity_id);
CALL sira_run_feature_pipeline('pl_cards', full => true);
SELECT DISTINCT ON (entity_id) entity_id, features FROM sira_feature_snapshots WHERE feature_set = 'pl_cards' ORDER BY 1, snapshot_ts DESC;
-- The newest version is what a name means: where it cannot be materialised, no older one goes instead.
SELECT sira_define_stored_feature('pl_other', 'pl_merchant');
SELECT sira_define_feature_set('pl_mixed', 'pl_customer', '{pl_sum}');
SELECT sira_pipeline_sets(NULL) @> '{pl_cards,pl_mixed}' AS taken;
SELECT sira_define_feature_set('pl_mixed', 'pl_customer', '{pl_sum,pl_other}', '{"pl_merchant": "merchant"}');
SELECT 'pl_cards' = ANY (s) AS taken, 'pl_mixed' = ANY (s) AS mixed FROM sira_pipeline_sets(NULL) s;
DELETE FROM sira_feature_sets WHERE name = 'pl_mixed';
DELETE FROM sira_feature_definitions WHERE name = 'pl_other';

-- A gate refuses what breaks a rule: nothing of it is served, and it is tried again.
TRUNCATE sira_jobs;
INSERT INTO pl_payments VALUES (4, now(), -1000000);
CALL sira_run_feature_pipeline('pl_cards', gate => true, max_attempts => 2, retry_after => '1 hour');
SELECT step, status, attempt, error_sqlstate, error_message FROM pl_jobs;
SELECT features FROM sira_latest_snapshot('pl_cards', 4);
\set VERBOSITY terse
SELECT regexp_replace(step, '.*', 'waits') FROM pl_jobs WHERE status = 'queued' AND step = 'validate';
SET client_min_messages = warning;
CALL sira_run_feature_pipeline('pl_cards');
SET client_min_messages = notice;
\set VERBOSITY default
SELECT sira_cancel_job(id, 'enough') FROM sira_jobs WHERE parent_id IS NULL AND status = 'queued';
SELECT step, status, attempt, error_message FROM pl_jobs;
TRUNCATE sira_jobs;
-- At once, where it may, until it has failed for good: an error that cron hears of.
\set VERBOSITY terse
CALL sira_run_feature_pipeline('pl_cards', gate => true, max_attempts => 2, retry_after => '0');
CALL sira_run_feature_pipeline('pl_cards', only_retries => true, full => true);
\set VERBOSITY default
SELECT step, status, attempt, error_sqlstate FROM pl_jobs;
SELECT count(*) FROM sira_snapshot_work;
CALL sira_run_feature_pipeline('pl_cards', only_retries => true);
-- Without the gate it is served, and the findings stand in the job.
TRUNCATE sira_jobs;
CALL sira_run_feature_pipeline('pl_cards');
SELECT step, status, result -> 'findings' AS findings FROM pl_jobs WHERE step = 'validate';
SELECT features FROM sira_latest_snapshot('pl_cards', 4);
-- What waits to be stored goes with the entity that it is about, whoever takes it away; another type's keeps its own.
TRUNCATE sira_jobs;
CREATE TABLE pl_customers (id bigint);
INSERT INTO pl_customers VALUES (2), (4);
CREATE TRIGGER forget AFTER DELETE ON pl_customers FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('pl_customer', 'id');
INSERT INTO pl_payments SELECT customer, now(), -1000000 FROM unnest('{2,3,4,5}'::bigint[]) AS customer;
\set VERBOSITY terse
CALL sira_run_feature_pipeline('pl_cards', gate => true, max_attempts => 2, retry_after => '0');
\set VERBOSITY default
SELECT entity_id, features IS NOT NULL AS computed FROM sira_snapshot_work ORDER BY 1;
DELETE FROM pl_payments WHERE customer IN (2, 3);
DELETE FROM pl_customers WHERE id = 2;
SELECT * FROM sira_forget_entity('pl_customer', 3);
SELECT * FROM sira_forget_entity('pl_merchant', 4);
SELECT entity_id FROM sira_snapshot_work ORDER BY 1;
UPDATE pl_payments SET amount = 1 WHERE amount < 0;
UPDATE sira_jobs SET arguments = arguments || '{"gate": false}' WHERE parent_id IS NULL;
CALL sira_run_feature_pipeline('pl_cards', only_retries => true);
SELECT DISTINCT entity_id FROM sira_feature_snapshots WHERE feature_set = 'pl_cards' ORDER BY 1;
DROP TABLE pl_customers;
-- Past its deadline it is stopped.
TRUNCATE sira_jobs;
\set VERBOSITY terse
CALL sira_run_feature_pipeline('pl_cards', deadline => '1 microsecond');
\set VERBOSITY default
SELECT step, status, attempt, error_sqlstate, error_message FROM pl_jobs;

-- Mistakes.
CALL sira_run_feature_pipeline('pl_nothing');
CALL sira_run_feature_pipeline('pl_cards', batch => 0);
CALL sira_run_feature_pipeline('pl_cards', max_attempts => 0);
CALL sira_run_feature_pipeline('pl_cards', retry_after => '-1 hour');
CALL sira_run_feature_pipeline('pl_cards', deadline => '0');
CALL sira_run_feature_pipeline('pl_cards', time_zone => 'Mars', at_hour => 2);
BEGIN;
CALL sira_run_feature_pipeline('pl_cards');
ROLLBACK;
SET default_transaction_isolation = 'repeatable read';
CALL sira_run_feature_pipeline('pl_cards');
RESET default_transaction_isolation;

-- Jobs are written by functions, in the name of who logged in.
TRUNCATE sira_jobs;
SELECT sira_queue_job('other', 'x', tenant => 'default') IS NOT NULL AS queued;
SET ROLE sira_admin;
INSERT INTO sira_jobs (kind) VALUES ('by hand');
UPDATE sira_jobs SET status = 'done';
RESET ROLE;
SET ROLE sira_user;
SELECT sira_queue_job('other');
CALL sira_run_feature_pipeline('pl_cards');
RESET ROLE;
SELECT sira_job_begin(id) FROM sira_jobs;
SELECT sira_job_end(id, 'finished') FROM sira_jobs;
SELECT sira_job_end(id, 'running') FROM sira_jobs;
SELECT sira_job_end(id, 'done', '{"rows": 1}') FROM sira_jobs;
SELECT sira_job_begin('00000000-0000-0000-0000-000000000000');
SELECT status, attempt, queued_by = session_user AS mine, worker_pid = pg_backend_pid() AS here, result FROM sira_jobs;

-- The clock, without pg_cron.
SELECT job_name, scheduled, replace(line, current_database(), 'db') AS line FROM sira_schedule('pl_cards');
SET client_min_messages = warning;
SELECT replace(line, current_database(), 'db') AS line FROM sira_schedule('pl_cards', '0 2 * * *', 'Europe/Berlin');
SELECT replace(line, current_database(), 'db') AS line FROM sira_schedule('pl_cards', '30 1 * * *', 'Asia/Kolkata');
SELECT replace(line, current_database(), 'db') AS line FROM sira_schedule(schedule => '*/15 1-5 * * MON');
SELECT sira_schedule('pl_cards', '30 1 * * 1', 'Asia/Kolkata');
SELECT sira_schedule('pl_cards', '61 1 * * *', 'Asia/Kolkata');
SELECT sira_schedule('pl_cards', 'daily');
SELECT sira_schedule('pl_cards', '0 2 * * *; rm');
SELECT sira_schedule('pl_cards', NULL);
SELECT sira_schedule('pl_cards', '0 2 * * *', 'Mars');
SELECT sira_schedule('pl''; DROP TABLE pl_payments; --');
SELECT sira_unschedule();

TRUNCATE sira_jobs;
DELETE FROM sira_feature_snapshots WHERE feature_set = 'pl_cards';
DELETE FROM sira_feature_watermarks WHERE feature_set = 'pl_cards';
DELETE FROM sira_feature_statistics WHERE feature_set = 'pl_cards';
DELETE FROM sira_feature_sets WHERE name = 'pl_cards';
DELETE FROM sira_feature_definitions WHERE name = 'pl_sum';
DROP VIEW pl_jobs;
DROP TABLE pl_payments;
