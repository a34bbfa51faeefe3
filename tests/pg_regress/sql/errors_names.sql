-- A model that cannot be meant, from every call that takes one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('en_empty', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('en_idle', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE en_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, g * 7919 % 1000 > 800 AS bad FROM generate_series(1, 300) g;
SELECT version, status FROM sira_train('en_idle', 'SELECT amount, bad FROM en_rows', 'bad', split => '{"method": "random"}',
                                       params => '{"num_iterations": 5, "min_data_in_leaf": 5}');

-- Unknown.
SELECT sira_score('en_nothing', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_raw_score('en_nothing', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score_classes('en_nothing', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('en_nothing', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('en_nothing', 'transaction', '1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict_batch('en_nothing', 'transaction', '{1}', ARRAY['{"amount": 1}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('en_nothing', 'SELECT amount, bad FROM en_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_export_version('en_nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_prewarm('en_nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('en_nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_policy('en_nothing', '[{"decision": "review"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_live_version('en_nothing');
\echo :LAST_ERROR_SQLSTATE

-- Malformed: the same words everywhere.
SELECT sira_score('', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle/', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle/0', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle/one', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle/99999999999', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle@', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle/1@latest', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('@latest', 'transaction', '1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('en_idle@a@b');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model('en@idle', 'fraud_detection');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model(NULL, 'fraud_detection');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model(repeat('x', 201), 'fraud_detection') IS NULL;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model('en_typeless', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model('en_typeless', '');
\echo :LAST_ERROR_SQLSTATE

-- NULL.
SELECT sira_score(NULL, '{"amount": 1}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain(NULL, '{"amount": 1}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict(NULL, 'transaction', '1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('en_idle@latest', NULL, '1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('en_idle@latest', 'transaction', NULL, '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict_batch('en_idle@latest', 'transaction', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict_batch('en_idle@latest', 'transaction', ARRAY['1', NULL], ARRAY['{"amount": 1}', '{"amount": 1}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train(NULL, 'SELECT amount, bad FROM en_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version(NULL, 'tree');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_export_version(NULL) IS NULL AS answered_null;
SELECT count(*) AS rows_of_replay_null FROM sira_replay(NULL);

-- A model, but not such a version.
SELECT sira_score('en_empty', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_empty@latest', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle@champion', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('en_idle', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('en_idle', 'transaction', '1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle/7', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('en_idle@shadow', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('en_empty');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('en_idle/7');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('en_idle@shadow');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_rollback('en_idle');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_export_version('en_idle');
\echo :LAST_ERROR_SQLSTATE
-- A version that is kept elsewhere cannot score.
INSERT INTO sira_model_versions (model_id, artifact_s3_key)
SELECT id, 's3://elsewhere/1' FROM sira_models WHERE name = 'en_empty';
SELECT sira_score('en_empty/1', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE

-- What can be meant is answered.
SELECT sira_score('en_idle@latest', '{"amount": 900}') = sira_score('en_idle/1', '{"amount": 900}') AS the_same;
INSERT INTO sira_model_aliases (model_id, alias, version_id)
SELECT v.model_id, 'shadow', v.id FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE m.name = 'en_idle';
SELECT sira_score('en_idle@shadow', '{"amount": 900}') = sira_score('en_idle/1', '{"amount": 900}') AS the_same;
ROLLBACK;
