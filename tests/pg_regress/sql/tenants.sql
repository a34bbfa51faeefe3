-- One tenant never sees, changes or counts another's, and each role does what it is for and no more.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE ROLE rt_a IN ROLE sira_admin;
CREATE ROLE rt_b IN ROLE sira_admin;
CREATE ROLE rt_none IN ROLE sira_admin;
CREATE ROLE rt_group;
CREATE ROLE rt_c IN ROLE sira_user, rt_group;
INSERT INTO sira_tenant_members (tenant_id, member)
VALUES ('rt-a', 'rt_a'), ('rt-b', 'rt_b'), ('rt-a', 'rt_group'), ('rt-a', 'sira_inference'), ('rt-a', 'pay_admin'),
       ('rt-a', 'sira_auditor'), ('rt-a', 'finance_ops');
INSERT INTO sira_models (tenant_id, name, model_type) VALUES ('*', 'rt_shared', 'pricing'), ('*', 'rt_fraud', 'pricing');

SET ROLE rt_a;
SELECT sira_create_model('rt_fraud', 'fraud_detection') AS model_id \gset
SELECT sira_create_model('rt_churn', 'churn_prediction') IS NOT NULL AS made;
INSERT INTO sira_model_versions (model_id, artifact_s3_key) VALUES (:'model_id', 'x') RETURNING id AS version_id \gset
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
VALUES (:'version_id', 'transaction', 'rt-1', '{}') RETURNING id AS prediction_id \gset
INSERT INTO sira_features (entity_type, entity_id, feature_key, sample_ts) VALUES ('user', 'rt-1', 'rt', now());
-- Own before shared.
SELECT tenant_id, model_type FROM sira_find_model('rt_fraud');
SELECT tenant_id, name FROM sira_models ORDER BY 1, 2;

-- The other tenant, whatever it says.
SET ROLE rt_b;
SET sira.tenant = 'rt-a';
SELECT count(*) FROM sira_models WHERE tenant_id <> '*';
SET sira.tenant = 'rt-b';
SELECT tenant_id, name FROM sira_models ORDER BY 1, 2;
SELECT tenant_id FROM sira_find_model('rt_fraud');
SELECT count(*) FROM sira_predictions;
SELECT count(*) FROM sira_features;
SELECT * FROM sira_promote('rt_churn');
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_models SET owner = 'rt_b' RETURNING name;
SELECT sira_set_policy('rt_shared', '[{"class": "ALL", "decision": "review"}]');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_models (tenant_id, name, model_type) VALUES ('rt-a', 'rt_planted', 'pricing');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_models (tenant_id, name, model_type) VALUES ('*', 'rt_planted', 'pricing');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_model_versions (model_id, artifact_s3_key) VALUES (:'model_id', 'x');
\echo :LAST_ERROR_SQLSTATE
-- (these messages hold ids)
\set VERBOSITY sqlstate
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
VALUES (:'version_id', 'transaction', 'rt-1', '{}');
SELECT sira_record_feedback(:'prediction_id', 'flag');
\set VERBOSITY default
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('rt-a', 'rt_b');
\echo :LAST_ERROR_SQLSTATE
SELECT tenant_id, member FROM sira_tenant_members;
RESET sira.tenant;

-- Nor may anybody bind what runs as the owner to a table of their own.
CREATE TEMP TABLE forged AS SELECT * FROM sira_model_versions WITH NO DATA;
CREATE TRIGGER forge AFTER UPDATE ON forged FOR EACH ROW EXECUTE FUNCTION sira_version_record();
\echo :LAST_ERROR_SQLSTATE
CREATE TRIGGER forge BEFORE INSERT ON forged FOR EACH ROW EXECUTE FUNCTION sira_feedback_fill();
\echo :LAST_ERROR_SQLSTATE
DROP TABLE forged;

-- A role that no listing names sees nothing and writes nothing.
SET ROLE rt_none;
SELECT count(*) FROM sira_models;
SELECT sira_create_model('rt_nobody', 'pricing');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_features (entity_type, entity_id, feature_key, sample_ts) VALUES ('user', 'rt-1', 'rt', now());
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
VALUES (:'version_id', 'transaction', 'rt-1', '{}');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_model_versions (model_id, artifact_s3_key) VALUES (:'model_id', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_record_feedback(:'prediction_id', 'flag');
\echo :LAST_ERROR_SQLSTATE

-- Inherited membership counts.
SET ROLE rt_c;
SELECT tenant_id, name FROM sira_models ORDER BY 1, 2;
SELECT count(*) FROM sira_model_artifacts;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM sira_predictions;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('rt_churn');
\echo :LAST_ERROR_SQLSTATE

-- Scores and nothing else.
SET ROLE sira_inference;
SELECT count(*) FROM sira_models;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
VALUES (:'version_id', 'transaction', 'rt-1', '{}');
\echo :LAST_ERROR_SQLSTATE

-- Fraud models and metrics only.
SET ROLE pay_admin;
SELECT name, model_type FROM sira_models;
SELECT count(*) FROM sira_model_versions;
SELECT count(*) FROM sira_model_performance;
SELECT count(*) FROM sira_model_transitions;
\echo :LAST_ERROR_SQLSTATE

-- Approves production: status, and no other column.
SET ROLE finance_ops;
SELECT to_status FROM sira_promote('rt_fraud/1');
UPDATE sira_model_versions SET metrics = '{}';
\echo :LAST_ERROR_SQLSTATE

-- Reads history.
SET ROLE sira_auditor;
SELECT (SELECT count(*) FROM sira_predictions) AS predictions, (SELECT count(*) FROM sira_model_transitions) AS transitions;
UPDATE sira_predictions SET input_features = '{}';
\echo :LAST_ERROR_SQLSTATE

-- The administrator cannot write history, nor an audit row that looks like ours, nor a version in any other state.
SET ROLE rt_a;
INSERT INTO sira_model_versions (model_id, artifact_s3_key, status) VALUES (:'model_id', 'x', 'production');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction, source)
VALUES (:'version_id', 'transaction', 'rt-1', '{}', 'sira');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_approvals (model_version_id, stage, decision, signer) VALUES (:'version_id', 'staging', 'approve', 'rt_b');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_model_transitions (model_id, version_id, version, from_status, to_status, actor, acted_as, digest, at)
VALUES (:'model_id', :'version_id', 1, 'staging', 'production', 'rt_a', 'rt_a', '\x00', now());
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET status_set_by = 'rt_b';
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
ROLLBACK;
