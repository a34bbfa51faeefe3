-- Scoring switched off: an error, or the declared fallback and an audit row that says so.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('ks', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('ks_idle', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE ks_rows AS SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, g * 7919 % 1000 > 800 AS bad FROM generate_series(1, 300) g;
SELECT version FROM sira_train('ks', 'SELECT amount, bad FROM ks_rows', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('ks');
CREATE TABLE ks_payments (id int PRIMARY KEY, amount float8, risk float8, decision text, prediction_id uuid);
CREATE TRIGGER score BEFORE INSERT ON ks_payments FOR EACH ROW
    EXECUTE FUNCTION sira_predict_trigger('ks', 'transaction', 'id', 'score=risk', 'decision=decision', 'prediction_id=prediction_id');

-- For all, without a fallback.
SET sira.enabled = off;
SELECT sira_score('ks', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score_classes('ks', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('ks', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('ks', 'transaction', '1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ks_payments VALUES (1, 990);
\echo :LAST_ERROR_SQLSTATE
-- With one.
SET sira.fallback_decision = 'review';
SELECT score, predicted_class, decision, version, prediction_id IS NOT NULL AS logged FROM sira_predict('ks', 'transaction', '1', '{"amount": 1}');
INSERT INTO ks_payments VALUES (1, 990) RETURNING risk, decision, prediction_id IS NOT NULL AS logged;
SELECT entity_id, score, decision, fallback, prediction FROM sira_predictions ORDER BY entity_id, source;
SELECT identical, note FROM sira_predictions p, sira_replay(p.id);
SELECT sira_score('ks', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
-- The model's own goes first.
SELECT sira_set_policy('ks', '[{"decision": "approve"}]', fallback => 'decline') AS policy;
SELECT decision FROM sira_predict('ks', 'transaction', '2', '{"amount": 1}');
RESET sira.enabled;
SELECT decision, score = sira_score('ks', '{"amount": 1}') AS scored FROM sira_predict('ks', 'transaction', '2', '{"amount": 1}');

-- For one model.
UPDATE sira_models SET enabled = false WHERE name = 'ks';
SELECT sira_score('ks', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT decision FROM sira_predict('ks', 'transaction', '3', '{"amount": 1}');
UPDATE sira_models SET enabled = true WHERE name = 'ks';
SELECT sira_score('ks', '{"amount": 1}') IS NOT NULL AS scored;

-- A fallback also answers for what else goes wrong in scoring, and never for what the caller may not do.
SELECT decision, prediction_id IS NOT NULL AS logged FROM sira_predict('ks', 'transaction', '4', '{"amount": "much"}');
SELECT decision FROM sira_predict('ks_idle', 'transaction', '5', '{"amount": 1}');
SELECT * FROM sira_predict('ks_unknown', 'transaction', '6', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT entity_id, decision, fallback, prediction ->> 'fallback' AS why FROM sira_predictions WHERE fallback ORDER BY entity_id, why;
RESET sira.fallback_decision;

-- Who may throw the switch, and with what.
SET sira.fallback_decision = 'panic';
\echo :LAST_ERROR_SQLSTATE
CREATE ROLE ks_inference IN ROLE sira_inference;
SET ROLE ks_inference;
SET sira.enabled = off;
\echo :LAST_ERROR_SQLSTATE
SET sira.fallback_decision = 'approve';
\echo :LAST_ERROR_SQLSTATE
SET sira.log_predictions = off;
\echo :LAST_ERROR_SQLSTATE
SET sira.strict_features = off;
\echo :LAST_ERROR_SQLSTATE
SET sira.training_memory = '100GB';
\echo :LAST_ERROR_SQLSTATE
SET sira.cache_size = '100GB';
\echo :LAST_ERROR_SQLSTATE
SET sira.no_such_setting = 1;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
ROLLBACK;
