-- Costs, budgets, and what becomes of predictions when one is used up: declared, and never silent.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS sira CASCADE;
CREATE EXTENSION sira;
SELECT sira_create_model('m', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE t AS SELECT i % 1009 AS a, i % 17 AS b, i % 1009 > 500 AS bad FROM generate_series(1, 2000) AS i;
SELECT version FROM sira_train('m', 'SELECT * FROM t', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5}');
SELECT count(*) FROM sira_promote('m');
SELECT sira_record_cost('llm_api', 'summaries', 10, 1, model => 'm', unit => 'token') IS NOT NULL AS recorded;
SELECT sira_record_cost('llm_api', 'summaries', -1, 1);
SELECT sira_record_cost('llm_api', 'summaries', 1, 1, currency => 'euro');
SELECT sira_set_budget(12, model => 'm', on_exceeded => 'fallback') IS NOT NULL AS made;
SELECT model, round(percent) AS percent, state, throttle FROM sira_check_budgets();
SELECT sira_record_cost('llm_api', 'summaries', 2, 0.75, model => 'm', unit => 'token') IS NOT NULL AS recorded;
SELECT state FROM sira_check_budgets();
SELECT sira_record_cost('llm_api', 'summaries', 10, 1, model => 'm', unit => 'token') IS NOT NULL AS recorded;
SELECT state, throttle FROM sira_check_budgets();
-- Nothing is declared to answer with.
SELECT decision FROM sira_predict('m', 'transaction', '1', '{"a": 900, "b": 1}');
SELECT sira_set_policy('m', '[{"decision": "approve"}]', fallback => 'review') IS NOT NULL AS set;
SELECT score, decision, reasons FROM sira_predict('m', 'transaction', '1', '{"a": 900, "b": 1}');
UPDATE sira_budgets SET on_exceeded = 'sampling', sample = 0.25;
SELECT throttle FROM sira_check_budgets();
SELECT count(score) AS scored, count(*) AS answered FROM sira_predict_batch('m', 'transaction',
    ARRAY(SELECT i::text FROM generate_series(1, 400) i), ARRAY(SELECT '{"a": 900, "b": 1}'::jsonb FROM generate_series(1, 400)));
UPDATE sira_budgets SET on_exceeded = 'error';
SELECT throttle FROM sira_check_budgets();
SELECT decision FROM sira_predict('m', 'transaction', '1', '{"a": 900, "b": 1}');
SELECT severity, occurrences, message FROM sira_drift_alerts WHERE alert_type = 'budget';
UPDATE sira_budgets SET enabled = false;
SELECT count(*) FROM sira_check_budgets();
SELECT decision FROM sira_predict('m', 'transaction', '1', '{"a": 900, "b": 1}');
SELECT cost_type, service, model, source, entries, units, total_cost FROM sira_cost_summary_by_tenant WHERE source = 'external';
DROP EXTENSION sira CASCADE;
DROP TABLE t;
