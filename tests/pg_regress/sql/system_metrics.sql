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
SELECT sira_record_metric('llm_tokens', 1200, '{"service": "summaries"}') IS NOT NULL AS recorded;
SELECT sira_record_metric('llm tokens', 1);
SELECT sira_record_metric('llm_tokens', 'NaN');
SELECT sample, value FROM sira_prometheus_samples()
WHERE metric IN ('sira_inference_requests_total', 'sira_inference_errors_total', 'sira_fraud_detected_total') ORDER BY sample;
SELECT line FROM regexp_split_to_table(sira_metrics_prometheus(), E'\n') AS line WHERE line LIKE '# TYPE%';
SELECT sira_counts_since('{5,2}', '{3,7}');
SELECT sira_reset_counters();
SELECT count(*) FROM sira_counters();
DROP EXTENSION sira CASCADE;
DROP TABLE t;
