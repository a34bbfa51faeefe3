-- History takes new rows and nothing else, from whomever it comes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('rt_history', 'fraud_detection') AS model_id \gset
INSERT INTO sira_model_versions (model_id, artifact_s3_key) VALUES (:'model_id', 'x') RETURNING id AS version_id \gset
SELECT * FROM sira_transition('rt_history/1', 'validated');
SELECT sira_set_policy('rt_history', '[{"upto": 0.3, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]');
SELECT sira_set_policy('rt_history', '[{"upto": 0.5, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]',
                       threshold => 0.5, fallback => 'review');
SELECT sira_set_policy('rt_history', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('rt_history', '[{"class": "ALL", "decision": "review"}]', threshold => 2);
\echo :LAST_ERROR_SQLSTATE
SELECT version, threshold, fallback FROM sira_decision_policies WHERE model_id = :'model_id' ORDER BY version;

UPDATE sira_model_transitions SET reason = 'another';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_model_transitions;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE sira_model_transitions;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_approvals SET comment = 'another';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_approvals;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE sira_approvals;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_decision_policies SET threshold = 0;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_decision_policies;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE sira_decision_policies;
\echo :LAST_ERROR_SQLSTATE

-- A prediction keeps its answer; what the law may erase can be replaced.
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, input_features, prediction, score)
VALUES (:'version_id', 'transaction', 'rt-1', '{"name": "Ada"}', '{}', 0.5) RETURNING id AS prediction_id \gset
UPDATE sira_predictions SET score = 0.1 WHERE id = :'prediction_id';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_predictions SET features_digest = '\x00' WHERE id = :'prediction_id';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_predictions SET created_at = created_at - interval '1 year' WHERE id = :'prediction_id';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_predictions SET input_features = '{}', erased_at = now() WHERE id = :'prediction_id';
SELECT input_features, score, erased_at IS NOT NULL AS erased FROM sira_predictions WHERE id = :'prediction_id';
DELETE FROM sira_predictions WHERE id = :'prediction_id';
\echo :LAST_ERROR_SQLSTATE
SELECT tableoid::regclass AS partition FROM sira_predictions WHERE id = :'prediction_id' \gset
-- (these name the month)
\set VERBOSITY sqlstate
DELETE FROM :partition;
TRUNCATE :partition;
TRUNCATE sira_predictions_default;
\set VERBOSITY default
TRUNCATE sira_predictions;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
VALUES ('00000000-0000-0000-0000-000000000000', 'transaction', 'rt-1', '{}');
\echo :LAST_ERROR_SQLSTATE

-- Feedback is filled in from its prediction.
SELECT sira_record_feedback(:'prediction_id', 'label', '{"is_fraud": true}', 'seen') IS NOT NULL AS recorded;
SELECT sira_record_feedback(:'prediction_id', 'rating', rating => 2) IS NOT NULL AS recorded;
SELECT sira_record_feedback(:'prediction_id', 'rating', rating => 5, target => 'explanation') IS NOT NULL AS recorded;
SELECT sira_record_feedback(:'prediction_id', 'rating');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', 'label');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', 'shout');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback('00000000-0000-0000-0000-000000000000', 'flag');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_feedback (prediction_id, feedback_type) VALUES (:'prediction_id', 'shout');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_feedback (prediction_id, feedback_type, target) VALUES (:'prediction_id', 'flag', 'weather');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_feedback (feedback_type) VALUES ('flag');
\echo :LAST_ERROR_SQLSTATE
SELECT f.feedback_type, f.target, f.rating, f.needs_review, f.status, f.entity_type, f.entity_id,
       f.prediction_created_at = p.created_at AND f.model_id = p.model_id AND f.model_version_id = p.model_version_id AS filled_in
FROM sira_feedback f JOIN sira_predictions p ON p.id = f.prediction_id
WHERE f.prediction_id = :'prediction_id' ORDER BY f.feedback_type, f.rating;
ROLLBACK;
