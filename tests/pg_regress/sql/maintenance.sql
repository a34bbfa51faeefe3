-- What is due, done once; one task that fails does not keep the others from it.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS sira CASCADE;
CREATE EXTENSION sira;
SELECT sira_due_since('1 day', '02:00', 'Europe/Berlin', '2026-07-01 00:30Z') AT TIME ZONE 'UTC' AS in_summer,
       sira_due_since('1 day', '02:00', 'Europe/Berlin', '2026-01-01 00:30Z') AT TIME ZONE 'UTC' AS in_winter,
       sira_due_since('6 hours', NULL, 'UTC', '2026-07-01 17:59Z') AT TIME ZONE 'UTC' AS every_6_hours,
       sira_due_since('7 days', '03:00', 'UTC', '2026-07-01 17:59Z') AT TIME ZONE 'UTC' AS on_mondays;
CALL sira_run_maintenance();
SELECT task, every, at, last_status, last_error FROM sira_maintenance_schedule ORDER BY task;
SELECT count(*) FILTER (WHERE is_due) AS due FROM sira_maintenance_due(now());
SELECT count(*) FILTER (WHERE is_due) AS due FROM sira_maintenance_due(now() + interval '1 day');
-- A clock that was set back.
UPDATE sira_maintenance_schedule SET last_run = now() + interval '1 year' WHERE task = 'budgets';
SELECT sira_maintenance_step('budgets'), sira_maintenance_step('budgets');
UPDATE sira_maintenance_schedule SET last_run = NULL WHERE task IN ('hourly_metrics', 'budgets');
ALTER TABLE sira_counter_marks RENAME TO elsewhere;
CALL sira_run_maintenance();
ALTER TABLE elsewhere RENAME TO sira_counter_marks;
SELECT task, last_status, last_error FROM sira_maintenance_schedule WHERE task IN ('hourly_metrics', 'budgets') ORDER BY task;
SELECT alert_type, severity, subject FROM sira_drift_alerts;
-- What was imported has nothing to be compared with: it is left out, and said to be, until it has a baseline.
UPDATE sira_drift_alerts SET status = 'resolved';
CREATE TABLE t AS SELECT i % 1009 AS a, i % 17 AS b, i % 1009 > 500 AS bad FROM generate_series(1, 2000) AS i;
SELECT sira_create_model(m, 'fraud_detection') IS NOT NULL AS made FROM unnest('{trained,imported}'::text[]) AS m;
SELECT version FROM sira_train('trained', 'SELECT * FROM t', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5}');
SELECT sira_import_version('imported', sira_export_version('trained/1'));
SELECT count(*) > 0 AS live FROM unnest('{trained,imported}'::text[]) AS m, sira_promote(m);
SELECT count(score) FROM t, unnest('{trained,imported}'::text[]) AS m, sira_predict(m, 'transaction', a::text, jsonb_build_object('a', a, 'b', b)) WHERE a < 10;
UPDATE sira_maintenance_schedule SET last_run = NULL WHERE task IN ('drift', 'sketches', 'improvements');
CALL sira_run_maintenance(run_jobs => false);
SELECT task, last_status, last_error, last_left_out FROM sira_maintenance_schedule WHERE task IN ('drift', 'sketches', 'improvements') ORDER BY task;
SELECT count(*) > 0 AS compared FROM sira_data_drift d JOIN sira_models m ON m.id = d.model_id WHERE m.name = 'trained';
SELECT sira_set_baseline('imported', 'SELECT a, b FROM t') > 0 AS given;
UPDATE sira_maintenance_schedule SET last_run = NULL WHERE task IN ('drift', 'sketches');
CALL sira_run_maintenance(run_jobs => false);
SELECT task, last_status, last_error, last_left_out FROM sira_maintenance_schedule WHERE task IN ('drift', 'sketches') ORDER BY task;
-- A shared model is watched by those who ask it.
SET sira.tenant = '*';
SELECT sira_create_model('shared', 'fraud_detection') IS NOT NULL AS made;
SELECT version FROM sira_train('shared', 'SELECT * FROM t', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5}');
SELECT count(*) > 0 AS live FROM sira_promote('shared');
RESET sira.tenant;
UPDATE sira_maintenance_schedule SET last_run = NULL WHERE task = 'drift';
CALL sira_run_maintenance(run_jobs => false);
SELECT count(*) AS of_nobody FROM sira_data_drift d JOIN sira_models m ON m.id = d.model_id WHERE m.name = 'shared';
SELECT count(score) FROM t, sira_predict('shared', 'transaction', a::text, jsonb_build_object('a', a, 'b', b)) WHERE a < 10;
UPDATE sira_maintenance_schedule SET last_run = NULL WHERE task IN ('drift', 'sketches');
CALL sira_run_maintenance(run_jobs => false);
SELECT task, last_status, last_error, last_left_out FROM sira_maintenance_schedule WHERE task IN ('drift', 'sketches') ORDER BY task;
SELECT DISTINCT d.tenant_id FROM sira_data_drift d JOIN sira_models m ON m.id = d.model_id WHERE m.name = 'shared';
-- A time zone that is none would end every run.
UPDATE sira_maintenance_schedule SET time_zone = 'Nowhere/Foo' WHERE task = 'drift';
UPDATE sira_maintenance_schedule SET time_zone = 'Europe/Berlin' WHERE task = 'drift';
SELECT count(*) AS failures FROM sira_drift_alerts WHERE alert_type = 'job_failed' AND status <> 'resolved';
DROP EXTENSION sira CASCADE;
DROP TABLE t;
