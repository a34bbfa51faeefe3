-- Versions move along the transition table only, whatever the way in, and every step leaves a row.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
RESET client_min_messages;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('rt_lifecycle', 'fraud_detection', description => 'test') AS model_id \gset
INSERT INTO sira_model_artifacts (digest, format, size, content)
SELECT sha256(t::bytea), 'lightgbm', length(t), t::bytea FROM unnest('{lifecycle one,lifecycle two,lifecycle three}'::text[]) t;

-- Numbers and keys are filled in.
INSERT INTO sira_model_versions (model_id, artifact_digest) VALUES (:'model_id', sha256('lifecycle one'));
INSERT INTO sira_model_versions (model_id, artifact_digest) VALUES (:'model_id', sha256('lifecycle two'));
INSERT INTO sira_model_versions (model_id, artifact_s3_key) VALUES (:'model_id', 's3://elsewhere/3');
SELECT version, status, artifact_s3_key FROM sira_model_versions WHERE model_id = :'model_id' ORDER BY version;

-- Names.
SELECT sira_create_model('rt_lifecycle', 'fraud_detection');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model('rt/lifecycle', 'fraud_detection');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_model('rt_task', 'fraud_detection', 'guessing');
\echo :LAST_ERROR_SQLSTATE
SELECT p.* FROM unnest('{a,a@b,a/3}'::text[]) m, sira_parse_model(m) p;
SELECT * FROM sira_parse_model('a/3@b');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_parse_model('');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_parse_model(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM sira_resolve_version('rt_nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM sira_resolve_version('rt_lifecycle/9');
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM sira_resolve_version('rt_lifecycle@challenger');
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM sira_resolve_version('rt_lifecycle');
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM sira_resolve_version('rt_lifecycle@latest');

-- Promotion: a bare name takes the newest version that has an artifact.
SELECT * FROM sira_promote('rt_lifecycle/1', 'first');
SELECT * FROM sira_promote('rt_lifecycle', 'better');
SELECT * FROM sira_promote('rt_lifecycle', 'again');
SELECT version, status FROM sira_model_versions WHERE model_id = :'model_id' ORDER BY version;
SELECT version FROM sira_resolve_version('rt_lifecycle');
SELECT version FROM sira_resolve_version('rt_lifecycle@champion');
INSERT INTO sira_model_aliases (model_id, alias, version_id)
SELECT model_id, 'challenger', id FROM sira_model_versions WHERE model_id = :'model_id' AND version = 3;
SELECT version FROM sira_resolve_version('rt_lifecycle@challenger');

-- Back and forth.
SELECT * FROM sira_rollback('rt_lifecycle', 'too many declines');
SELECT sira_live_version('rt_lifecycle'), sira_live_version('rt_lifecycle', '2000-01-01');
SELECT * FROM sira_rollback('rt_lifecycle');
SELECT * FROM sira_rollback('rt_lifecycle/3');
\echo :LAST_ERROR_SQLSTATE
SELECT version, from_status, to_status, reason, actor = session_user AS by_session, acted_as = current_user AS as_current,
       length(digest) AS digest_length
FROM sira_model_transitions WHERE model_id = :'model_id' ORDER BY id;

-- What has no artifact could not score.
SELECT * FROM sira_promote('rt_lifecycle/3');
\echo :LAST_ERROR_SQLSTATE

-- A rolled-back promotion leaves nothing.
SAVEPOINT before_promotion;
SELECT * FROM sira_promote('rt_lifecycle/1');
SELECT sira_live_version('rt_lifecycle');
ROLLBACK TO before_promotion;
SELECT sira_live_version('rt_lifecycle');

-- Steps that are not in the table, by function and by UPDATE.
SELECT * FROM sira_transition('rt_lifecycle/3', 'staging');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_transition('rt_lifecycle/3', 'nowhere');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_transition('rt_lifecycle/3', 'candidate');
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET status = 'candidate' WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET status = 'nowhere' WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_transition('rt_lifecycle', 'rejected', 'leak in a feature');
SELECT * FROM sira_promote('rt_lifecycle/3');
\echo :LAST_ERROR_SQLSTATE
-- The latest is one that may still be used.
SELECT version FROM sira_resolve_version('rt_lifecycle@latest');
SELECT version FROM sira_resolve_version('rt_lifecycle/2147483648');
\echo :LAST_ERROR_SQLSTATE
-- A reason belongs to its step; the next one does not inherit it.
SELECT * FROM sira_transition('rt_lifecycle/1', 'archived', 'old');
INSERT INTO sira_model_versions (model_id, artifact_digest) VALUES (:'model_id', sha256('lifecycle three'));
UPDATE sira_model_versions SET status = 'validated', status_reason = 'looked at' WHERE model_id = :'model_id' AND version = 4;
UPDATE sira_model_versions SET status = 'staging' WHERE model_id = :'model_id' AND version = 4;
SELECT to_status, reason FROM sira_model_transitions t WHERE model_id = :'model_id' AND version = 4 ORDER BY id;

-- One statement may not promote two.
INSERT INTO sira_model_versions (model_id, artifact_digest) VALUES (:'model_id', sha256('lifecycle three'));
UPDATE sira_model_versions SET status = 'validated' WHERE model_id = :'model_id' AND version = 5;
UPDATE sira_model_versions SET status = 'staging' WHERE model_id = :'model_id' AND version = 5;
UPDATE sira_model_versions SET status = 'production' WHERE model_id = :'model_id' AND version IN (4, 5);
\echo :LAST_ERROR_SQLSTATE
SELECT version, status FROM sira_model_versions WHERE model_id = :'model_id' ORDER BY version;

-- What a version is stays; what was in use stays.
UPDATE sira_model_versions SET artifact_digest = NULL WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET signature = '{}' WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_models SET task = 'regression' WHERE id = :'model_id';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET version_label = 'v2' WHERE model_id = :'model_id' AND version = 2;
INSERT INTO sira_model_versions (model_id, version_label, artifact_s3_key) VALUES (:'model_id', 'v2', 'x');
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET version_label = 'v2' WHERE model_id = :'model_id' AND version IN (1, 2);
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET tags = '{"seen": true}' WHERE model_id = :'model_id' AND version = 2;
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction)
SELECT id, 'transaction', 'rt-1', '{}' FROM sira_model_versions WHERE model_id = :'model_id' AND version = 1;
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 1;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_model_aliases WHERE model_id = :'model_id';
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 3;
SELECT count(*) AS history_of_the_deleted FROM sira_model_transitions WHERE model_id = :'model_id' AND version = 3;

-- Signatures, where a policy asks for them.
CREATE ROLE rt_author IN ROLE sira_admin;
CREATE ROLE rt_signer IN ROLE finance_ops;
CREATE ROLE rt_other IN ROLE sira_admin;
INSERT INTO sira_approval_policies (model_id, stage, required_signatures, required_role)
VALUES (:'model_id', 'production', 1, 'finance_ops');
INSERT INTO sira_model_versions (model_id, artifact_digest, created_by) VALUES (:'model_id', sha256('lifecycle one'), 'rt_author');
SET SESSION AUTHORIZATION rt_author;
-- The wall is not the administrator's to lower, nor what it looks at to change.
UPDATE sira_approval_policies SET required_signatures = 1;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_approval_policies;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET metrics = '{"auc": 1}' WHERE model_id = :'model_id';
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('rt_lifecycle/6');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_approve('rt_lifecycle/6', 'production');
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION rt_other;
SELECT * FROM sira_approve('rt_lifecycle/6', 'production', 'not of the required role');
SET SESSION AUTHORIZATION rt_signer;
SELECT * FROM sira_approve('rt_lifecycle/6', 'production', 'looks right');
SELECT * FROM sira_approve('rt_lifecycle/6', 'nowhere');
\echo :LAST_ERROR_SQLSTATE
-- A change of what was signed voids the signature.
RESET SESSION AUTHORIZATION;
UPDATE sira_model_versions SET metrics = '{"auc": 0.99}' WHERE model_id = :'model_id' AND version = 6;
SET SESSION AUTHORIZATION rt_author;
SELECT * FROM sira_promote('rt_lifecycle/6');
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION rt_signer;
SELECT * FROM sira_approve('rt_lifecycle/6', 'production');
SELECT * FROM sira_reject('rt_lifecycle/6', 'production', '');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_reject('rt_lifecycle/6', 'production', 'on second thoughts');
SELECT * FROM sira_promote('rt_lifecycle/6');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_approve('rt_lifecycle/6', 'production', 'after all');
SELECT * FROM sira_promote('rt_lifecycle/6', 'signed');
RESET SESSION AUTHORIZATION;
SELECT to_status, reason, actor, acted_as FROM sira_model_transitions WHERE model_id = :'model_id' AND version = 6 ORDER BY id;
ROLLBACK;
