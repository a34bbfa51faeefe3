-- Decision policies: half-open bands, the newest holds, a replay uses the one of then.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('po', 'risk_scoring', 'regression') IS NOT NULL AS made;
SELECT sira_create_model('po_binary', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE po_rows AS SELECT g AS id, g % 4 AS amount, (g % 4)::float8 / 4 AS y, CASE WHEN g % 4 = 3 THEN 'bad' ELSE 'good' END AS verdict FROM generate_series(1, 400) g;
-- One leaf for each amount.
SELECT version FROM sira_train('po', 'SELECT amount, y FROM po_rows', 'y', split => '{"method": "random", "train": 1}',
    params => '{"num_iterations": 1, "learning_rate": 1, "num_leaves": 4, "min_data_in_leaf": 5, "min_sum_hessian_in_leaf": 0}');
SELECT count(*) FROM sira_promote('po');
SELECT version FROM sira_train('po_binary', 'SELECT amount, verdict FROM po_rows', 'verdict', positive => 'bad', split => '{"method": "random"}',
    params => '{"num_iterations": 30, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('po_binary');
CREATE TABLE po_scores AS SELECT a AS amount, sira_score('po', jsonb_build_object('amount', a)) AS score FROM generate_series(0, 3) a;
SELECT count(DISTINCT score) AS scores FROM po_scores;

-- Without a policy there is no decision.
SELECT predicted_class, decision FROM sira_predict('po', 'transaction', 'before', '{"amount": 1}');
-- Borders exactly on two of the scores: below goes here, at goes there.
SELECT sira_set_policy('po', jsonb_build_array(
    jsonb_build_object('upto', (SELECT score FROM po_scores WHERE amount = 1), 'class', 'LOW', 'decision', 'approve'),
    jsonb_build_object('upto', (SELECT score FROM po_scores WHERE amount = 2), 'class', 'MIDDLE', 'decision', 'review'),
    jsonb_build_object('class', 'HIGH', 'decision', 'block_and_review'))) AS policy_version;
SELECT a AS amount, p.predicted_class, p.decision FROM generate_series(0, 3) a, sira_predict('po', 'transaction', 'po-' || a, jsonb_build_object('amount', a)) p ORDER BY a;
-- A band without a class leaves the task's own, which a regression lacks.
SELECT sira_set_policy('po', '[{"upto": 0.6, "decision": "approve"}, {"decision": "decline"}]') AS policy_version;
SELECT a AS amount, p.predicted_class, p.decision FROM generate_series(0, 3) a, sira_predict('po', 'transaction', 'pq-' || a, jsonb_build_object('amount', a)) p ORDER BY a;
-- Each replays with its own.
SELECT l.entity_id, l.decision, d.version AS policy, r.identical, r.note
FROM sira_predictions l LEFT JOIN sira_decision_policies d ON d.id = l.policy_id, sira_replay(l.id) r ORDER BY entity_id;

-- A binary model answers with the positive class from the threshold on: 0.7, or what the policy says.
SELECT score > 0.7 AS above, predicted_class FROM sira_predict('po_binary', 'transaction', '1', '{"amount": 3}');
SELECT score > 0.7 AS above, predicted_class FROM sira_predict('po_binary', 'transaction', '1', '{"amount": 0}');
SELECT sira_set_policy('po_binary', '[{"decision": "review"}]', threshold => 0, cost_matrix => '{"fp": 1, "fn": 20}', fallback => 'review') AS policy_version;
SELECT score > 0.7 AS above, predicted_class, decision FROM sira_predict('po_binary', 'transaction', '1', '{"amount": 0}');
SELECT d.version, d.bands, d.cost_matrix, d.threshold, d.fallback, d.created_by = session_user AS by_me
FROM sira_decision_policies d JOIN sira_models m ON m.id = d.model_id WHERE m.name = 'po_binary';
SELECT bool_and(identical) AS all_replay FROM sira_predictions p, sira_replay(p.id);

-- What cannot be meant.
SELECT sira_set_policy('po', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '{"upto": 0.5, "decision": "approve"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"upto": 0.5, "decision": "approve"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"upto": 0.5, "decision": "approve"}, {"upto": 0.5, "decision": "review"}, {"decision": "decline"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"decision": "approve"}, {"decision": "decline"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"upto": "half", "decision": "approve"}, {"decision": "decline"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"upto": 0.5}, {"decision": "decline"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"decision": "shrug"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"decision": "review", "color": "red"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"decision": "review"}]', threshold => -0.1);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"decision": "review"}]', threshold => 'NaN');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('po', '[{"decision": "review"}]', fallback => 'panic');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_decision_policies (model_id, bands, fallback) SELECT id, '[{"decision": "review"}]', 'panic' FROM sira_models WHERE name = 'po';
\echo :LAST_ERROR_SQLSTATE
SELECT sira_check_decision('panic');
\echo :LAST_ERROR_SQLSTATE
SELECT max(version) AS newest FROM sira_decision_policies d JOIN sira_models m ON m.id = d.model_id WHERE m.name = 'po';
-- A policy that rolls back never held.
SAVEPOINT before_it;
SELECT sira_set_policy('po', '[{"class": "ALL", "decision": "decline"}]') AS policy_version;
SELECT decision FROM sira_predict('po', 'transaction', 'x', '{"amount": 0}');
ROLLBACK TO before_it;
SELECT decision FROM sira_predict('po', 'transaction', 'x', '{"amount": 0}');
ROLLBACK;
