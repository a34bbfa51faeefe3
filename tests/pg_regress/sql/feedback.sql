-- What people say of a prediction, by whomever it may be said.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('fb', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE fb_rows AS SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, g * 7919 % 1000 > 800 AS bad FROM generate_series(1, 300) g;
SELECT version FROM sira_train('fb', 'SELECT amount, bad FROM fb_rows', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('fb');
SELECT prediction_id FROM sira_predict('fb', 'transaction', 'fb-1', '{"amount": 990}') \gset
SELECT sira_record_feedback(:'prediction_id', 'label', '{"is_fraud": true}', 'seen on the phone', 'analyst-7') IS NOT NULL AS label,
       sira_record_feedback(:'prediction_id', 'correction', '{"is_fraud": false}') IS NOT NULL AS correction,
       sira_record_feedback(:'prediction_id', 'flag', note => 'odd') IS NOT NULL AS flag,
       sira_record_feedback(:'prediction_id', 'accept', target => 'action') IS NOT NULL AS accept,
       sira_record_feedback(:'prediction_id', 'reject', target => 'action') IS NOT NULL AS reject,
       sira_record_feedback(:'prediction_id', 'rating', rating => 1, target => 'explanation') IS NOT NULL AS rating;
SELECT f.feedback_type, f.target, f.label, f.rating, f.note, f.reviewer_id = session_user AS by_me, f.needs_review, f.status, f.used_in_retraining,
       f.entity_type, f.entity_id, m.name, v.version, sira_uuid_v7_time(f.id) = f.created_at AS id_has_the_time
FROM sira_feedback f JOIN sira_models m ON m.id = f.model_id JOIN sira_model_versions v ON v.id = f.model_version_id ORDER BY 1;
-- What the label was given for, ready to train on.
SELECT p.input_features, f.label FROM sira_feedback f JOIN sira_predictions p ON p.id = f.prediction_id AND p.created_at = f.prediction_created_at
WHERE f.feedback_type = 'label';

SELECT sira_record_feedback(:'prediction_id', 'label');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', 'opinion');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', 'rating', rating => 6);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', 'flag', target => 'weather');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(NULL, 'flag');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback('01890a5d-ac96-774b-bcce-b302099a8057', 'flag');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM sira_feedback;
-- What was said stays what it was; only its processing moves on.
CREATE ROLE fb_admin IN ROLE sira_admin;
SET ROLE fb_admin;
UPDATE sira_feedback SET status = 'processed', processed_at = now() WHERE feedback_type = 'flag';
UPDATE sira_feedback SET label = '{"is_fraud": false}';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_feedback;
\echo :LAST_ERROR_SQLSTATE
SET ROLE sira_inference;
SELECT sira_record_feedback(:'prediction_id', 'flag');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
ROLLBACK;
