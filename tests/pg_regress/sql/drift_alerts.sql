-- Alerts: raised once, counted while they are open, told of at the commit, worked on and settled.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE VIEW al_alerts AS SELECT alert_type, subject, severity, message, status, occurrences, acknowledged_by IS NOT NULL AS taken_on, resolved_by IS NOT NULL AS settled, note
FROM sira_drift_alerts WHERE evidence ? 'al' ORDER BY alert_type, subject, first_seen_at;
SELECT sira_create_model('al', 'fraud_detection') IS NOT NULL AS made;
-- The same within the cooldown is counted, whatever is worse stays worse.
SELECT sira_raise_alert('latency', 'medium', 'p99 is 20 ms', 'al', '{"al": 1}', seen_at => '2026-03-01') = sira_raise_alert('latency', 'critical', 'p99 is 90 ms', 'al', '{"al": 2}', seen_at => '2026-03-01 01:00')
   AND sira_raise_alert('latency', 'low', 'p99 is 10 ms', 'al', '{"al": 3}', seen_at => '2026-03-05') IS NOT NULL AS one;
SELECT sira_raise_alert('latency', 'low', 'of another subject', 'al', '{"al": 1}', 'sira_predict') IS NOT NULL AS another;
SELECT sira_raise_alert('budget', 'high', '80 % are spent', evidence => '{"al": 1}', seen_at => '2026-03-01') IS NOT NULL AS of_the_tenant;
SELECT * FROM al_alerts;
-- Taken on, settled; within the cooldown it is the same alert, later a new one.
SELECT sira_acknowledge_alert(id, 'looking') FROM sira_drift_alerts WHERE evidence ? 'al' AND alert_type = 'budget';
DO $$ BEGIN PERFORM sira_acknowledge_alert(id) FROM sira_drift_alerts WHERE evidence ? 'al' AND alert_type = 'budget';
EXCEPTION WHEN object_not_in_prerequisite_state THEN RAISE WARNING '%', regexp_replace(SQLERRM, '[0-9a-f-]{36}', 'ID'); END $$;
SELECT sira_resolve_alert(id, 'paid') FROM sira_drift_alerts WHERE evidence ? 'al' AND alert_type = 'budget';
DO $$ BEGIN PERFORM sira_resolve_alert(id) FROM sira_drift_alerts WHERE evidence ? 'al' AND alert_type = 'budget';
EXCEPTION WHEN object_not_in_prerequisite_state THEN RAISE WARNING '%', regexp_replace(SQLERRM, '[0-9a-f-]{36}', 'ID'); END $$;
SELECT sira_raise_alert('budget', 'high', '81 % are spent', evidence => '{"al": 1}') IS NOT NULL AS within;
SELECT sira_raise_alert('budget', 'high', '82 % are spent', evidence => '{"al": 1}', seen_at => now() + interval '25 hours') IS NOT NULL AS later;
SELECT * FROM al_alerts WHERE alert_type = 'budget';
-- Due retraining is queued once.
SELECT sira_raise_alert('drift_detected', 'critical', 'everything', 'al', '{"al": 1}', retrain_due => now()) IS NOT NULL AS raised,
       sira_raise_alert('performance_degradation', 'high', 'some', 'al', '{"al": 1}', retrain_due => now() + interval '7 days') IS NOT NULL AS raised;
SELECT sira_queue_due_retraining() AS queued, (SELECT count(*) FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al') AS before;
SELECT sira_queue_due_retraining() AS queued, sira_queue_due_retraining(now() + interval '8 days') AS a_week_later, count(*) AS jobs FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al';
SELECT alert_type, retrain_job_id IS NOT NULL AS has_job FROM sira_drift_alerts WHERE evidence ? 'al' AND retrain_due IS NOT NULL ORDER BY 1;
-- Refused.
SELECT sira_raise_alert('smoke', 'low', 'x');
SELECT sira_raise_alert('latency', 'dire', 'x');
SELECT sira_raise_alert('latency', 'low', 'x', 'nobody');
SELECT sira_acknowledge_alert('00000000-0000-0000-0000-000000000000');
ROLLBACK;
