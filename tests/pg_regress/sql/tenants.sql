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
SELECT to_status FROM sira_transition('rt_fraud/1', 'validated');
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
-- What can score comes from sira_train and sira_import_version.
INSERT INTO sira_model_versions (model_id, version, artifact_s3_key) VALUES (:'model_id', 7, 'x');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_model_versions (model_id, signature, artifact_s3_key) VALUES (:'model_id', '{}', 'x');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_model_artifacts (digest, format, size, content) VALUES (sha256('x'), 'lightgbm', 1, 'x');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_training_runs (model_id) VALUES (:'model_id');
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_training_runs SET metrics = '{}';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_training_runs SET notes = 'seen';

-- Listings and partitions concern every tenant: an administrator of one reads them. Without the last listing he would be in the
-- tenant "default"; with one more, others would be out of theirs.
SELECT count(*) FROM sira_tenant_members;
DELETE FROM sira_tenant_members;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_tenant_members SET member = 'nobody';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_tenant_members (member) VALUES ('rt_b');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) > -1 AS read FROM sira_partition_config;
UPDATE sira_partition_config SET enabled = false;
\echo :LAST_ERROR_SQLSTATE

-- Another tenant's prediction with a shared version counts, though its administrator cannot see it.
RESET ROLE;
CREATE ROLE rt_star IN ROLE sira_admin;
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('*', 'rt_star');
INSERT INTO sira_model_versions (tenant_id, model_id, artifact_s3_key)
SELECT '*', id, 'x' FROM sira_models WHERE name = 'rt_shared' RETURNING id AS shared_id \gset
SET ROLE rt_a;
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
VALUES (:'shared_id', 'transaction', 'rt-2', '{}');
SET ROLE rt_star;
SELECT count(*) FROM sira_predictions;
DELETE FROM sira_model_versions WHERE id = :'shared_id';
\echo :LAST_ERROR_SQLSTATE

-- Nobody locks another tenant's model.
SET ROLE rt_a;
SELECT sira_create_model('rt_locked', 'fraud_detection') AS locked_id \gset
SET ROLE rt_b;
SELECT sira_lock_model(:'locked_id');
RESET ROLE;
SELECT xmax = 0 AS unlocked FROM sira_models WHERE id = :'locked_id';
SET ROLE finance_ops;
SELECT sira_lock_model(:'locked_id');
RESET ROLE;
SELECT xmax = 0 AS unlocked FROM sira_models WHERE id = :'locked_id';
RESET ROLE;
ROLLBACK;
