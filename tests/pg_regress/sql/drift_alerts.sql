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
-- Settled is settled for its cooldown from then on, seen often or not, and never for what is graver.
SELECT sira_raise_alert('data_quality', 'medium', 'missing', evidence => '{"al": 1}', subject => 'settled') AS settled \gset
SELECT sira_resolve_alert(:'settled');
SELECT sira_raise_alert('data_quality', 'medium', 'missing', subject => 'settled', seen_at => now() + interval '23 hours') = :'settled' AS within,
       sira_raise_alert('data_quality', 'medium', 'missing', subject => 'settled', seen_at => now() + interval '25 hours') = :'settled' AS seen_often;
SELECT sira_raise_alert('data_quality', 'medium', 'missing', subject => 'graver') AS settled \gset
SELECT sira_resolve_alert(:'settled');
SELECT sira_raise_alert('data_quality', 'low', 'missing', subject => 'graver') = :'settled' AS lesser, sira_raise_alert('data_quality', 'critical', 'missing', subject => 'graver') = :'settled' AS graver;
-- Who did it is not the statement's to say, nor is what was settled opened again.
UPDATE sira_drift_alerts SET resolved_by = 'somebody', acknowledged_by = 'somebody', resolved_at = '2000-01-01', status = 'open' WHERE id = :'settled'
RETURNING status, resolved_by = session_user AS own, acknowledged_by = session_user AS own, resolved_at > '2000-01-01' AS kept;
SELECT c, has_column_privilege('sira_admin', 'sira_drift_alerts', c, 'UPDATE') AS may_update, has_column_privilege('sira_admin', 'sira_drift_alerts', c, 'INSERT') AS may_insert
FROM unnest('{note,resolved_by,resolved_at,acknowledged_by,acknowledged_at}'::text[]) c;
SELECT has_table_privilege('sira_admin', t, 'UPDATE') OR has_table_privilege('sira_admin', t, 'DELETE') AS history_is_theirs_to_change
FROM unnest('{sira_data_drift,sira_model_performance}'::text[]) t;
-- Due retraining is queued once.
SELECT sira_raise_alert('drift_detected', 'critical', 'everything', 'al', '{"al": 1}', retrain_due => now()) IS NOT NULL AS raised,
       sira_raise_alert('performance_degradation', 'high', 'some', 'al', '{"al": 1}', retrain_due => now() + interval '7 days') IS NOT NULL AS raised;
SELECT sira_queue_due_retraining() AS queued, (SELECT count(*) FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al') AS before;
SELECT sira_queue_due_retraining() AS queued, sira_queue_due_retraining(now() + interval '8 days') AS a_week_later, count(*) AS jobs FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al';
SELECT alert_type, retrain_job_id IS NOT NULL AS has_job FROM sira_drift_alerts WHERE evidence ? 'al' AND retrain_due IS NOT NULL ORDER BY 1;
-- A job that has ended is followed by another, where the drift is still there, a cooldown later.
SELECT sira_cancel_job(id) IS NOT NULL AS cancelled FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al';
SELECT sira_raise_alert('drift_detected', 'critical', 'still', 'al', '{"al": 2}', retrain_due => now()) IS NOT NULL AS still;
SELECT sira_queue_due_retraining() AS at_once, sira_queue_due_retraining(now() + interval '25 hours') AS later;
SELECT sira_raise_alert('drift_detected', 'critical', 'still', 'al', '{"al": 3}', retrain_due => now()) IS NOT NULL AS still;
SELECT sira_queue_due_retraining(now() + interval '25 hours') AS while_it_is_queued, count(*) AS jobs FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al';
-- The job reads under the search_path of the champion's run, whatever is in force where it is queued.
CREATE SCHEMA al_data;
CREATE TABLE al_data.al_rows AS SELECT timestamptz '2026-01-01 00:00:00+00' + g * interval '10 minutes' AS paid_at, (g * 7919 % 1000)::float8 AS amount, g * 7919 % 1000 > 700 AS bad
FROM generate_series(1, 1000) g;
SELECT sira_create_model('al_path', 'fraud_detection') IS NOT NULL AS made;
SET LOCAL search_path = al_data, public;
SELECT version FROM sira_train('al_path', 'TABLE al_rows', 'bad', time_column => 'paid_at', params => '{"num_iterations": 5, "num_leaves": 4, "min_data_in_leaf": 10}');
RESET search_path;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE sira_model_versions DISABLE TRIGGER USER;
UPDATE sira_model_versions SET status = 'production' WHERE model_id = (SELECT id FROM sira_models WHERE name = 'al_path');
ALTER TABLE sira_model_versions ENABLE TRIGGER USER;
SELECT sira_alert_of_drift('al_path', NULL, NULL, 'critical', 0.9, '[{"drift_type": "data", "feature": "amount", "method": "psi", "statistic": 1, "detected": true, "severity": "high", "score": 1}]', now());
SELECT search_path FROM sira_jobs WHERE kind = 'retrain' AND subject = 'al_path';
-- Refused.
SELECT sira_raise_alert('latency', 'low', 'x', cooldown => '-1 day');
SELECT sira_raise_alert('latency', 'low', 'x', seen_at => 'infinity');
SELECT sira_move_alert(:'settled', 'foo');
SELECT sira_raise_alert('smoke', 'low', 'x');
SELECT sira_raise_alert('latency', 'dire', 'x');
SELECT sira_raise_alert('latency', 'low', 'x', 'nobody');
SELECT sira_acknowledge_alert('00000000-0000-0000-0000-000000000000');
ROLLBACK;
