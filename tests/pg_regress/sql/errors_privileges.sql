-- Who may call what: each role's calls work, all others end with 42501.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('ep', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE ep_rows AS SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, g * 7919 % 1000 > 800 AS bad FROM generate_series(1, 300) g;
GRANT SELECT ON ep_rows TO PUBLIC;
SELECT version FROM sira_train('ep', 'SELECT amount, bad FROM ep_rows', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('ep');
SELECT count(*) FROM sira_predict('ep', 'transaction', '1', '{"amount": 1}');
CREATE ROLE ep_nobody;
CREATE FUNCTION ep_may(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := 'yes';
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', who);
    BEGIN
        EXECUTE query;
        -- Whatever it did is undone.
        RAISE EXCEPTION USING ERRCODE = 'SR000';
    EXCEPTION
        WHEN SQLSTATE 'SR000' THEN NULL;
        WHEN OTHERS THEN answer := SQLSTATE;
    END;
    RESET ROLE;
    RETURN answer;
END
$$;
CREATE TABLE ep_calls (place int GENERATED ALWAYS AS IDENTITY, what text, query text);
INSERT INTO ep_calls (what, query) VALUES
    ('sira_version', 'SELECT sira_version()'),
    ('sira_score', $$SELECT sira_score('ep', '{"amount": 1}'::jsonb)$$),
    ('sira_score, row', $$SELECT sira_score('ep', r) FROM ep_rows r WHERE id = 1$$),
    ('sira_score_classes', $$SELECT sira_score_classes('ep', '{"amount": 1}'::jsonb)$$),
    ('sira_raw_score', $$SELECT sira_raw_score('ep', '{1}'::float8[])$$),
    ('sira_explain', $$SELECT * FROM sira_explain('ep', '{"amount": 1}'::jsonb)$$),
    ('sira_predict', $$SELECT * FROM sira_predict('ep', 'transaction', '2', '{"amount": 1}')$$),
    ('sira_predict, number', $$SELECT * FROM sira_predict('ep', 'transaction', 2, '{"amount": 1}')$$),
    ('sira_predict_batch', $$SELECT * FROM sira_predict_batch('ep', 'transaction', '{3}', ARRAY['{"amount": 1}']::jsonb[])$$),
    ('sira_prewarm', $$SELECT sira_prewarm('ep')$$),
    ('sira_replay', $$SELECT * FROM sira_replay((SELECT id FROM sira_predictions LIMIT 1))$$),
    ('sira_create_model', $$SELECT sira_create_model('ep_' || current_user, 'pricing')$$),
    ('sira_train', $$SELECT * FROM sira_train('ep', 'SELECT amount, bad FROM ep_rows', 'bad', split => '{"method": "random"}', params => '{"rounds": 2}')$$),
    ('sira_import_version', $$SELECT sira_import_version('ep', 'tree')$$),
    ('sira_export_version', $$SELECT sira_export_version('ep')$$),
    ('sira_promote', $$SELECT * FROM sira_promote('ep/1')$$),
    ('sira_transition', $$SELECT * FROM sira_transition('ep/1', 'deprecated')$$),
    ('sira_live_version', $$SELECT sira_live_version('ep')$$),
    ('sira_set_policy', $$SELECT sira_set_policy('ep', '[{"decision": "review"}]')$$),
    ('sira_record_feedback', $$SELECT sira_record_feedback('00000000-0000-0000-0000-000000000000', 'flag')$$),
    ('sira_maintain_partitions', $$SELECT * FROM sira_maintain_partitions()$$),
    ('sira_doctor', $$SELECT * FROM sira_doctor()$$),
    ('read artifacts', 'SELECT content FROM sira_model_artifacts'),
    ('read versions', 'SELECT * FROM sira_model_versions'),
    ('read predictions', 'SELECT * FROM sira_predictions'),
    ('read feedback', 'SELECT * FROM sira_feedback'),
    ('read training runs', 'SELECT * FROM sira_training_runs'),
    ('forge a prediction', $$INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction, source) SELECT id, 'x', 'y', '{}', 'sira' FROM sira_model_versions$$),
    ('write a request', $$INSERT INTO sira_prediction_requests (entity_type, entity_id, request_id, model_id, prediction_id) VALUES ('a', 'b', 'c', gen_random_uuid(), gen_random_uuid())$$),
    ('join a tenant', $$INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('*', current_user)$$);
-- Refusals are 42501. An administrator's other answers are what the calls say to anybody who may call them: 22P02 the text is no
-- model, 23503 no such prediction.
SELECT what, ep_may('ep_nobody', query) AS nobody, ep_may('sira_inference', query) AS inference, ep_may('sira_user', query) AS "user",
       ep_may('pay_admin', query) AS pay_admin, ep_may('finance_ops', query) AS finance, ep_may('sira_auditor', query) AS auditor,
       ep_may('sira_admin', query) AS admin
FROM (SELECT * FROM ep_calls ORDER BY place) c;
-- In words.
SET ROLE sira_inference;
SELECT sira_export_version('ep');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('ep');
\echo :LAST_ERROR_SQLSTATE
SET ROLE sira_user;
SELECT sira_score('ep', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
-- A table owner whose role may not call the trigger function cannot bind it; who writes to the table needs no right of its own.
RESET ROLE;
CREATE TABLE ep_payments (id int PRIMARY KEY, amount float8, risk float8);
ALTER TABLE ep_payments OWNER TO ep_nobody;
SET ROLE ep_nobody;
CREATE TRIGGER score BEFORE INSERT ON ep_payments FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('ep', 'transaction', 'id', 'score=risk');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
CREATE TRIGGER score BEFORE INSERT ON ep_payments FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('ep', 'transaction', 'id', 'score=risk');
SET ROLE ep_nobody;
INSERT INTO ep_payments VALUES (1, 990) RETURNING risk IS NOT NULL AS scored;
RESET ROLE;
ROLLBACK;
