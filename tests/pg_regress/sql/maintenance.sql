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
DROP EXTENSION sira CASCADE;
