-- What scoring counts, what becomes of it hour by hour, and what Prometheus reads.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS sira CASCADE;
CREATE EXTENSION sira;
SELECT sira_reset_counters() AS reset;
SELECT sira_create_model('m "x"', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE t AS SELECT i % 1009 AS a, i % 17 AS b, i % 1009 > 500 AS bad FROM generate_series(1, 2000) AS i;
SELECT version FROM sira_train('m "x"', 'SELECT * FROM t', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5}');
SELECT count(*) FROM sira_promote('m "x"');
SELECT sira_set_policy('m "x"', '[{"upto": 0.5, "decision": "approve"}, {"decision": "decline"}]') IS NOT NULL AS set;
SELECT decision FROM sira_predict('m "x"', 'transaction', '1', '{"a": 900, "b": 1}');
-- What is rolled back was answered.
BEGIN;
SELECT decision FROM sira_predict('m "x"', 'transaction', '1', '{"a": 3, "b": 1}');
ROLLBACK;
SELECT count(sira_score('m "x"', t)) FROM t;
SELECT count(*) FROM sira_score_query('m "x"', 'SELECT a, b FROM t');
SELECT sira_score('m "x"', '{"a": "none"}');
SELECT sira_score('unheard', '{"a": 1}');
SELECT variant, calls, row_count, errors, fallbacks, decisions FROM sira_counters() ORDER BY model_id;
SET sira.monitoring_enabled = off;
SELECT count(sira_score('m "x"', t)) FROM t;
RESET sira.monitoring_enabled;
SELECT sira_aggregate_hourly_metrics() AS first, sira_aggregate_hourly_metrics() AS again;
SELECT model, version, calls, row_count, errors, p50_seconds > 0 AND p50_seconds <= p95_seconds AND p95_seconds <= p99_seconds AS ordered
FROM sira_monthly_metrics ORDER BY model;
SELECT name, version, status, predictions, open_alerts, last_prediction > now() - interval '1 hour' AS recent FROM sira_model_health('m "x"');
-- Of drift it is the score of the run, not that of its worst test.
INSERT INTO sira_data_drift (model_id, model_version_id, drift_type, method, drift_score)
SELECT v.model_id, v.id, d.drift_type, 'psi', d.score FROM sira_model_versions v, (VALUES ('data', 0.9), ('overall', 0.3), ('prediction', 0.7)) AS d(drift_type, score);
SELECT drift_score, drift_severity FROM sira_model_health('m "x"');
SELECT last_score, last_severity, worst_score FROM sira_drift_detection_summary;
DELETE FROM sira_data_drift;
SELECT sira_record_metric('llm_tokens', 1200, '{"service": "summaries"}') IS NOT NULL AS recorded;
SELECT sira_record_metric('llm tokens', 1);
-- What was recorded is shown beside our own, and never as our own, however large it is.
SELECT sira_record_metric('llm_tokens', 900, '{"service": "summaries", "__name": "x", "le": 1, "a b": 2}') IS NOT NULL AS recorded;
SELECT sira_record_metric('suggestions', 1.7e308);
SELECT count(sira_record_metric('huge', 1.7e308, '{"of": "\"x\"\n"}')) AS recorded FROM generate_series(1, 2);
INSERT INTO sira_system_metrics (metric, value, labels, hour) SELECT m, 1.7e308, '{"source": "rule", "entity_type": "card"}', now()
FROM unnest('{suggestions,suggestions,feature_ingestion_lag_seconds,inference}'::text[]) m;
SELECT name, labels, entries, total > 1.7e308 AS huge, last_value FROM sira_recorded_metrics WHERE name IN ('llm_tokens', 'huge') ORDER BY 1, 2;
SELECT sample, value FROM sira_prometheus_samples() WHERE metric LIKE 'sira_suggestions%' OR metric LIKE 'sira_feature_ing%' OR metric = 'sira_recorded_metric' ORDER BY 1;
SELECT sira_metrics_prometheus() LIKE '%sira_recorded_metric{tenant="default",name="llm_tokens",service="summaries"} 900%' AS told;
SELECT count(*) FILTER (WHERE calls IS NULL) AS made_up FROM sira_hourly_metrics;
DELETE FROM sira_system_metrics WHERE source = 'external' AND value > 1e308;
-- How late values come, of each kind its newest, however many others there are; in one series, however often it is looked at.
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
SELECT 'merchant', i::text, 'turnover', i, now() - interval '3 hours', now() FROM generate_series(1, 50) i;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
SELECT 'customer', i::text, 'payments', i, now() - interval '1 minute', now() FROM generate_series(1, 1100) i;
SELECT sira_aggregate_hourly_metrics() >= 0 AS written;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
SELECT 'customer', i::text, 'payments', i, now() - interval '30 seconds', now() FROM generate_series(1, 1000) i;
SELECT sira_aggregate_hourly_metrics() >= 0 AS written;
SELECT sample, value FROM sira_prometheus_samples() WHERE metric = 'sira_feature_ingestion_lag_seconds' ORDER BY 1;
SELECT count(*) = count(DISTINCT sample) AS each_once FROM sira_prometheus_samples();
-- A model that is down: nothing is live, and every call fails or gets the fallback decision.
SELECT sira_create_model('down', 'fraud_detection') IS NOT NULL AS made;
SELECT version, status, predictions, error_rate FROM sira_model_health('down');
SELECT decision FROM sira_predict('down', 'transaction', '1', '{"a": 1}');
SELECT sira_set_policy('down', '[{"decision": "approve"}]', fallback => 'review') IS NOT NULL AS set;
SELECT decision FROM sira_predict('down', 'transaction', '1', '{"a": 1}');
SELECT version, status, predictions, error_rate, fallback_rate, open_alerts FROM sira_model_health('down');
DELETE FROM sira_features;
SELECT sira_record_metric('llm_tokens', 'NaN');
SELECT sample, value FROM sira_prometheus_samples()
WHERE metric IN ('sira_inference_requests_total', 'sira_inference_errors_total', 'sira_fraud_detected_total') ORDER BY sample;
SELECT line FROM regexp_split_to_table(sira_metrics_prometheus(), E'\n') AS line WHERE line LIKE '# TYPE%';
-- Who may read them, and whose: each role its tenant's models, whoever has no tenant nothing, whoever only scores nothing at all.
CREATE ROLE sm_user IN ROLE sira_user;
CREATE ROLE sm_finance IN ROLE finance_ops;
CREATE ROLE sm_auditor IN ROLE sira_auditor;
CREATE ROLE sm_scorer IN ROLE sira_inference;
CREATE ROLE sm_other IN ROLE sira_admin;
CREATE ROLE sm_nobody IN ROLE sira_user;
INSERT INTO sira_tenant_members (tenant_id, member)
VALUES ('default', 'sm_user'), ('default', 'sm_finance'), ('default', 'sm_auditor'), ('default', 'sm_scorer'), ('sm-other', 'sm_other');
SET ROLE sm_other;
SELECT sira_create_model('other', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_score('other', '{"a": 1}');
CREATE TEMP TABLE sm_seen AS
SELECT 'x' AS reader, 'x' AS what, '{}'::text[] AS models LIMIT 0;
GRANT ALL ON sm_seen TO PUBLIC;
RESET ROLE;
SELECT sira_aggregate_hourly_metrics() > 0 AS written;
DO $$
DECLARE
    reader text;
    what text;
    query text;
    seen text[];
BEGIN
    FOREACH reader IN ARRAY '{sm_user,sm_finance,sm_auditor,sm_scorer,sm_other,sm_nobody}'::text[] LOOP
        FOR what, query IN VALUES
            ('counters', 'SELECT DISTINCT tenant_id FROM sira_counters()'),
            ('prometheus', 'SELECT DISTINCT m[1] FROM regexp_matches(sira_metrics_prometheus(), ''tenant="([^"]*)"'', ''g'') m'),
            ('samples', 'SELECT DISTINCT substring(labels FROM ''tenant="([^"]*)"'') FROM sira_prometheus_samples()'),
            ('health', 'SELECT name FROM sira_model_health(''m "x"'')'),
            ('hours', 'SELECT DISTINCT tenant_id FROM sira_hourly_metrics'),
            ('months', 'SELECT DISTINCT tenant_id FROM sira_monthly_metrics'),
            ('days', 'SELECT DISTINCT tenant_id FROM sira_metric_days'),
            ('rows', 'SELECT DISTINCT tenant_id FROM sira_system_metrics'),
            ('drift', 'SELECT DISTINCT tenant_id FROM sira_drift_detection_summary'),
            ('marks', 'SELECT DISTINCT tenant_id FROM sira_counter_marks'),
            ('reset', 'SELECT sira_reset_counters()::text'),
            ('aggregate', 'SELECT sira_aggregate_hourly_metrics()::text')
        LOOP
            BEGIN
                PERFORM set_config('role', reader, true);
                EXECUTE format('SELECT array_agg(t.x ORDER BY t.x) FROM (%s) AS t(x)', query) INTO seen;
            EXCEPTION WHEN insufficient_privilege THEN
                seen := '{-}';
            WHEN undefined_object THEN
                seen := '{no such model}';
            END;
            INSERT INTO sm_seen VALUES (reader, what, coalesce(seen, '{}'));
        END LOOP;
    END LOOP;
END
$$;
RESET ROLE;
SELECT what, max(models::text) FILTER (WHERE reader = 'sm_user') AS sira_user, max(models::text) FILTER (WHERE reader = 'sm_finance') AS finance_ops,
       max(models::text) FILTER (WHERE reader = 'sm_auditor') AS sira_auditor, max(models::text) FILTER (WHERE reader = 'sm_scorer') AS sira_inference,
       max(models::text) FILTER (WHERE reader = 'sm_other') AS sira_admin_elsewhere, max(models::text) FILTER (WHERE reader = 'sm_nobody') AS without_tenant
FROM sm_seen GROUP BY what ORDER BY what;
DROP TABLE sm_seen;
SELECT sira_counts_since('{5,2}', '{3,7}');
SELECT sira_reset_counters();
SELECT count(*) FROM sira_counters();
DROP EXTENSION sira CASCADE;
DROP TABLE t;
DROP ROLE sm_user, sm_finance, sm_auditor, sm_scorer, sm_other, sm_nobody;
