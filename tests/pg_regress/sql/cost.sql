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
-- What is no number of money, and what would stop everybody's sums.
SELECT sira_record_cost('llm_api', 'summaries', 1e308, 1e308);
SELECT sira_record_cost('llm_api', 'summaries', 1e8, 1e8);
DO $$
BEGIN
    INSERT INTO sira_cost_tracking (cost_type, service, units, unit_cost, billing_period) VALUES ('x', 'y', 1e8, 1e8, '2026-01-01');
EXCEPTION WHEN check_violation THEN
    RAISE WARNING 'refused';
END
$$;
SELECT sira_set_cost_rate('compute', 'scoring', -1);
SELECT sira_set_cost_rate('compute', 'scoring', NULL);
SELECT sira_set_cost_rate('compute', 'scoring', 1, 'usd');
SELECT sira_set_budget(1e-300);
SELECT sira_set_budget(1, period => 'year');
SELECT sira_set_budget(1, currency => 'usd');
SELECT sira_set_budget(1, sample => 2);
SELECT sira_set_budget(1, sample => 'NaN');
SELECT sira_set_budget(1, sample => NULL);
-- A month's budget holds what is billed in it. Of a tenant's own there is no model to name.
UPDATE sira_budgets SET enabled = false;
SELECT sira_set_budget(100, currency => 'EUR') IS NOT NULL AS made;
SELECT sira_record_cost('llm_api', 'late', 90, 1, currency => 'EUR', billing_period => (now() - interval '2 months')::date) IS NOT NULL AS recorded;
SELECT spent, state FROM sira_check_budgets();
SELECT sira_record_cost('llm_api', 'now', 90, 1, currency => 'EUR') IS NOT NULL AS recorded;
SELECT spent, state FROM sira_check_budgets();
SELECT message FROM sira_drift_alerts WHERE alert_type = 'budget' AND model_id IS NULL;
-- Each sees its own, whatever the setting says; a superuser that has become somebody else is somebody else.
CREATE ROLE budget_one;
CREATE ROLE budget_two;
GRANT sira_admin TO budget_one, budget_two;
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('default', 'budget_one'), ('other', 'budget_two');
SET ROLE budget_two;
SET sira.tenant = 'default';
SELECT count(*) FROM sira_check_budgets();
RESET sira.tenant;
SELECT sira_set_budget(7, currency => 'CHF') IS NOT NULL AS made;
SELECT tenant_id, amount FROM sira_check_budgets();
SET ROLE budget_one;
SELECT tenant_id, amount FROM sira_check_budgets();
RESET ROLE;
SELECT count(DISTINCT tenant_id) FROM sira_check_budgets();
SELECT sira_record_cost('llm_api', 'summaries', 1, 1, billing_period => 'infinity');
-- Who asks for more counters than there are leaves some to the others, and its budgets hold all the same: without a slot of one's
-- own, and when all of them begin anew.
UPDATE sira_budgets SET enabled = false;
SELECT count(sira_create_model('many' || i, 'fraud_detection')) FROM generate_series(1, 1100) AS i;
DO $$
BEGIN
    FOR i IN 1..1100 LOOP
        BEGIN
            PERFORM sira_score('many' || i, '{"a": 1}');
        EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL;
        END;
    END LOOP;
END
$$;
SELECT count(*) BETWEEN 1000 AND 1099 AS shared, count(*) FILTER (WHERE variant = 'overflow') AS overflow FROM sira_counters();
SELECT problem FROM sira_counters_problem();
SELECT version FROM sira_train('many1100', 'SELECT * FROM t', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5}');
SELECT count(*) FROM sira_promote('many1100');
SELECT sira_record_cost('llm_api', 'summaries', 10, 1, model => 'many1100', currency => 'SEK') IS NOT NULL AS recorded;
SELECT sira_set_budget(1, model => 'many1100', currency => 'SEK', on_exceeded => 'error') IS NOT NULL AS made;
SELECT score IS NOT NULL AS until_it_is_checked FROM sira_predict('many1100', 'transaction', '1', '{"a": 900, "b": 1}');
SELECT model, state, throttle FROM sira_check_budgets();
SELECT decision FROM sira_predict('many1100', 'transaction', '1', '{"a": 900, "b": 1}');
UPDATE sira_budgets SET on_exceeded = 'sampling', sample = 0.25 WHERE currency = 'SEK';
SELECT sira_set_policy('many1100', '[{"decision": "approve"}]', fallback => 'review') IS NOT NULL AS set;
SELECT count(score) AS scored, count(*) AS answered FROM sira_predict_batch('many1100', 'transaction',
    ARRAY(SELECT i::text FROM generate_series(1, 400) i), ARRAY(SELECT '{"a": 900, "b": 1}'::jsonb FROM generate_series(1, 400)));
UPDATE sira_budgets SET on_exceeded = 'error' WHERE currency = 'SEK';
SET sira.tenant = 'third';
SELECT sira_create_model('mine', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_score('mine', '{"a": 1}');
RESET sira.tenant;
SELECT calls + errors > 0 AS counted FROM sira_counters() WHERE tenant_id = 'third';
SELECT sira_reset_counters();
SELECT pg_sleep(0.2);
SELECT decision FROM sira_predict('many1100', 'transaction', '1', '{"a": 900, "b": 1}');
SELECT throttle FROM sira_counters() WHERE model_id = (SELECT id FROM sira_models WHERE name = 'many1100');
SELECT cost_type, service, model, source, entries, units, total_cost FROM sira_cost_summary_by_tenant WHERE source = 'external';
DROP EXTENSION sira CASCADE;
DROP TABLE t;
DROP ROLE budget_one, budget_two;
