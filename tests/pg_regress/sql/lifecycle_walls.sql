-- Ways around gates and signatures: by the model's type, by its name, in another's name, by an older snapshot, by retiring the
-- champion first, by lowering ahead of time.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
RESET client_min_messages;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE FUNCTION pg_temp.stump(strength float8) RETURNS text LANGUAGE sql AS $$
    SELECT format(E'tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n'
        'objective=binary sigmoid:1\nfeature_names=amount hour\nfeature_infos=[0:1000] [0:23]\ntree_sizes=%s\n\n%send of trees\n\n'
        'feature_importances:\namount=1\n\nparameters:\nend of parameters\n\npandas_categorical:null\n', length(tree), tree)
    FROM (SELECT format(E'Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=10\nthreshold=100\ndecision_type=2\n'
        'left_child=-1\nright_child=-2\nleaf_value=-%1$s %1$s\nleaf_weight=50 50\nleaf_count=50 50\n'
        'internal_value=0\ninternal_weight=0\ninternal_count=100\nis_linear=0\nshrinkage=1\n\n\n', strength) AS tree) AS t
$$;
SELECT sira_create_model('walls', 'fraud_detection') AS model_id \gset
SELECT sira_create_model('walls_other', 'fraud_detection') AS other_id \gset
SELECT sira_import_version('walls', pg_temp.stump(1));
SELECT * FROM sira_promote('walls/1');
SELECT sira_import_version('walls', pg_temp.stump(2));
SELECT sira_import_version('walls_other', pg_temp.stump(3));
CREATE ROLE walls_admin IN ROLE sira_admin;
CREATE ROLE walls_finance IN ROLE finance_ops;
CREATE ROLE walls_reader IN ROLE sira_user;

-- What gates and callers know a model by.
SET SESSION AUTHORIZATION walls_admin;
UPDATE sira_models SET model_type = 'free' WHERE name = 'walls';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_models SET name = 'walls_old' WHERE name = 'walls';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_models SET tenant_id = '*' WHERE name = 'walls';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_models SET name = 'walls_second', description = 'never in production' WHERE name = 'walls_other';
SELECT sira_set_gates('walls_second', '[{"stage": "staging", "metric": "auc", "minimum": 0.5}]');
UPDATE sira_models SET name = 'walls_third' WHERE name = 'walls_second';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_models SET display_name = 'Walls', enabled = true WHERE name = 'walls';
RESET SESSION AUTHORIZATION;
UPDATE sira_models SET model_type = 'card_fraud' WHERE name = 'walls_second';

-- In another's name: by a function with its definer's rights, and by an index that is analysed.
CREATE FUNCTION walls_sign(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS $$
BEGIN
    PERFORM sira_approve('walls/2', 'validated');
    RETURN 1;
END $$;
ALTER FUNCTION walls_sign(text) OWNER TO walls_admin;
SELECT walls_sign('x');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE walls_bait AS SELECT 'x' AS x;
CREATE FUNCTION walls_bait(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF NOT sira_own_hand() THEN
        PERFORM sira_approve('walls/2', 'validated');
    END IF;
    RETURN 1;
END $$;
CREATE INDEX ON walls_bait (walls_bait(x));
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION walls_import() RETURNS integer LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO sira_model_versions (model_id, artifact_s3_key) SELECT id, 's3://x' FROM sira_models WHERE name = 'walls' RETURNING 1 $$;
SELECT walls_import();
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION walls_train(artifact text) RETURNS integer LANGUAGE sql SECURITY DEFINER AS $$
    SELECT sira_import_version('walls', artifact) $$;
SELECT walls_train(pg_temp.stump(9));
\echo :LAST_ERROR_SQLSTATE
SELECT sira_own_hand();
SELECT count(*) FROM sira_approvals WHERE model_id = :'model_id';
SET SESSION AUTHORIZATION walls_reader;
SELECT * FROM sira_approve('walls/2', 'validated');
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;

-- Who promoted it, and when, is said once.
SET SESSION AUTHORIZATION walls_finance;
UPDATE sira_model_versions SET promoted_by = 'somebody' WHERE model_id = :'model_id' AND version = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET promoted_at = 'epoch' WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;

-- Retiring the champion first does not spare the comparison.
SET LOCAL sira.min_improvement = 0.02;
SELECT * FROM sira_transition('walls/1', 'deprecated');
SELECT * FROM sira_promote('walls/2');
\echo :LAST_ERROR_SQLSTATE
SELECT found, passed, detail FROM sira_check_gates('walls/2', 'production') WHERE gate = 'improvement';

-- What administrators say adds to what the owner and the settings say, also later.
SELECT sira_create_model('walls_gates', 'fraud_detection') IS NOT NULL AS made;
SET SESSION AUTHORIZATION walls_admin;
SELECT sira_set_gates('walls_gates', '[{"stage": "production", "metric": "auc", "minimum": 0.1}, {"stage": "production", "metric": "recall", "minimum": 0.2}]');
RESET SESSION AUTHORIZATION;
SELECT metric, minimum, origin FROM sira_gates_in_force('walls_gates') WHERE stage = 'production' AND metric IS NOT NULL;
SET LOCAL sira.min_auc = 0.9;
SELECT sira_set_gates(NULL, '[{"stage": "production", "metric": "recall", "minimum": 0.6}]');
SELECT metric, minimum, origin FROM sira_gates_in_force('walls_gates') WHERE stage = 'production' AND metric IS NOT NULL;
SET SESSION AUTHORIZATION walls_admin;
SELECT sira_set_gates('walls_gates', '[{"stage": "production", "metric": "recall", "minimum": 0.7}]');
SELECT metric, minimum, origin FROM sira_gates_in_force('walls_gates') WHERE stage = 'production' AND metric IS NOT NULL;
RESET SESSION AUTHORIZATION;
SELECT sira_set_gates('walls_gates', '[{"stage": "production", "metric": "recall", "minimum": 0.3}]');
SELECT metric, minimum, origin FROM sira_gates_in_force('walls_gates') WHERE stage = 'production' AND metric IS NOT NULL;
SELECT set_by, by_owner, minimum FROM sira_gates g JOIN sira_models m ON m.id = g.model_id WHERE m.name = 'walls_gates' ORDER BY g.id;
ROLLBACK;

-- Signatures: whose they are, how often one counts, and objections. Numbers and champions that are deleted.
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE FUNCTION pg_temp.stump(strength float8) RETURNS text LANGUAGE sql AS $$
    SELECT format(E'tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n'
        'objective=binary sigmoid:1\nfeature_names=amount hour\nfeature_infos=[0:1000] [0:23]\ntree_sizes=%s\n\n%send of trees\n\n'
        'feature_importances:\namount=1\n\nparameters:\nend of parameters\n\npandas_categorical:null\n', length(tree), tree)
    FROM (SELECT format(E'Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=10\nthreshold=100\ndecision_type=2\n'
        'left_child=-1\nright_child=-2\nleaf_value=-%1$s %1$s\nleaf_weight=50 50\nleaf_count=50 50\n'
        'internal_value=0\ninternal_weight=0\ninternal_count=100\nis_linear=0\nshrinkage=1\n\n\n', strength) AS tree) AS t
$$;
CREATE ROLE walls_risk;
CREATE ROLE walls_author IN ROLE sira_admin;
CREATE ROLE walls_admin IN ROLE sira_admin;
CREATE ROLE walls_bob IN ROLE finance_ops;
CREATE ROLE walls_dave IN ROLE finance_ops, walls_risk;
SELECT sira_create_model('signed', 'fraud_detection') AS model_id \gset
SELECT sira_import_version('signed', pg_temp.stump(1));
SELECT count(*) FROM sira_promote('signed');
SET SESSION AUTHORIZATION walls_author;
SELECT sira_import_version('signed', pg_temp.stump(2));
RESET SESSION AUTHORIZATION;
INSERT INTO sira_approval_policies (model_id, stage, required_role, created_at)
VALUES (:'model_id', 'production', 'finance_ops', now() - interval '1 day'), (:'model_id', 'production', 'walls_risk', now());

-- Drawn from whoever looks at a view, calls a function, or runs what was prepared: not what they said.
CREATE FUNCTION walls_nice(value float8) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sira_approve('signed/2', 'production', 'looks good');
    RETURN round(value::numeric, 2);
END $$;
CREATE VIEW walls_figures AS SELECT 'auc' AS metric, walls_nice(0.91234) AS value;
CREATE VIEW walls_given AS SELECT s.given FROM sira_approve('signed/2', 'production') s;
CREATE FUNCTION walls_insert() RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO sira_approvals (model_version_id, stage, decision)
    SELECT v.id, 'production', 'approve' FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id
    WHERE m.name = 'signed' AND v.version = 2 RETURNING id $$;
GRANT SELECT ON walls_figures, walls_given TO PUBLIC;
SET SESSION AUTHORIZATION walls_bob;
SELECT * FROM walls_figures;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM walls_given;
\echo :LAST_ERROR_SQLSTATE
SELECT walls_insert(), my_sira_approve FROM (SELECT count(*) FROM sira_approvals) s (my_sira_approve);
\echo :LAST_ERROR_SQLSTATE
PREPARE walls_prepared AS SELECT * FROM sira_approve('signed/2', 'production');
EXECUTE walls_prepared;
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM sira_approvals WHERE model_id = :'model_id';

-- One signature is one policy's: who is in both roles signs for one of them, for the one that nobody else can sign for.
SET SESSION AUTHORIZATION walls_dave;
SELECT * FROM "sira_approve" ('signed/2', 'production');
SELECT * FROM sira_promote('signed/2');
\echo :LAST_ERROR_SQLSTATE
SELECT required_role, given, needed FROM sira_pending_approvals WHERE model = 'signed' AND stage = 'production';
SET SESSION AUTHORIZATION walls_bob;
INSERT INTO sira_approvals (model_version_id, stage, decision)
SELECT v.id, 'production', 'approve' FROM sira_model_versions v WHERE v.model_id = :'model_id' AND v.version = 2;
SELECT passed, wanted, found, detail FROM sira_check_gates('signed/2', 'production') WHERE gate = 'signatures';
-- Any order, any number: Hall's condition holds for what is placed.
SELECT sira_place_signatures('{1,1}', '{1,1,2}', '{1,2,1}') AS moved, sira_place_signatures('{2,1}', '{1,1,2,2}', '{1,2,1,2}') AS full,
       sira_place_signatures('{1,1,1}', '{1,1,2,2,3}', '{1,2,2,3,1}') AS chain, sira_place_signatures('{1}', '{}', '{}') AS nobody;

-- Objections of whoever may sign: the author's, an administrator's outside the required roles, until they say otherwise.
SET SESSION AUTHORIZATION walls_author;
SELECT * FROM sira_reject('signed/2', 'production', 'trained on the wrong month');
SELECT * FROM sira_promote('signed/2');
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
REVOKE sira_admin FROM walls_author;
SELECT bool_and(passed) AS passed FROM sira_check_gates('signed/2', 'production') WHERE gate = 'signatures';
SET SESSION AUTHORIZATION walls_admin;
SELECT * FROM sira_reject('signed/2', 'production', 'leaks the label');
SELECT * FROM sira_promote('signed/2');
\echo :LAST_ERROR_SQLSTATE
DO $$ BEGIN PERFORM sira_approve('signed/2', 'production', 'it does not'); END $$;
SELECT count(*) FROM sira_promote('signed/2');
-- Where an objection can change nothing, it is not taken.
SELECT * FROM sira_reject('signed/2', 'production', 'too late');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_reject('signed/1', 'production', 'never again');
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
SELECT signer, decision, logged_in_as = session_user AS by_superuser, at > now() AS when_it_was FROM sira_approvals
WHERE model_id = :'model_id' ORDER BY id;
-- A signature ends at a moment that can be told.
\set VERBOSITY terse
INSERT INTO sira_approval_policies (stage, valid_for) VALUES ('production', '178000000 years');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_approval_policies (stage, valid_for) VALUES ('production', '0');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default

-- The version that the next one is compared with stays, and history tells of a number once.
SET LOCAL sira.min_improvement = 0.02;
SELECT sira_import_version('signed', pg_temp.stump(3));
SELECT count(*) FROM sira_transition('signed/2', 'deprecated');
SELECT count(*) FROM sira_transition('signed/2', 'archived');
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
SELECT passed, detail FROM sira_check_gates('signed/3', 'production') WHERE gate = 'improvement';
SELECT count(*) FROM sira_transition('signed/1', 'archived');
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 1;
SELECT count(*) FROM sira_transition('signed/3', 'rejected');
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 3;
SELECT sira_import_version('signed', pg_temp.stump(4));
SELECT sira_set_alias('signed/4', 'challenger');
SELECT sira_drop_alias('signed', 'challenger');
DELETE FROM sira_model_versions WHERE model_id = :'model_id' AND version = 4;
SELECT sira_import_version('signed', pg_temp.stump(4));
ROLLBACK;

-- A handful of rows that somebody has picked passes no gate, neither by itself nor beside the champion.
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE TABLE walls_rows AS
SELECT i AS id, timestamptz '2026-01-01 00:00+00' + i * interval '1 hour' AS paid_at, (i * 7919 % 400)::float8 AS amount,
       i * 7919 % 400 > 320 AND i % 5 > 0 AS is_fraud
FROM generate_series(1, 2000) i;
SELECT sira_create_model('few', 'fraud_detection') AS model_id \gset
SELECT rows_test FROM sira_train('few', 'SELECT paid_at, amount, is_fraud FROM walls_rows', 'is_fraud', time_column => 'paid_at',
    params => '{"num_iterations": 10, "num_leaves": 4}');
SET LOCAL sira.min_auc = 0.9; SET LOCAL sira.min_improvement = 0.02;
SELECT gate, metric, passed, detail FROM sira_check_gates('few/1', 'production') WHERE gate = 'metric';
SELECT count(*) FROM sira_promote('few/1');
SELECT rows_test FROM sira_train('few', 'SELECT paid_at, amount, is_fraud FROM walls_rows WHERE id <= 1600 '
    'UNION ALL VALUES (timestamptz ''2026-06-01'', 399.0, true), (''2026-06-01'', 1.0, false)', 'is_fraud', time_column => 'paid_at',
    params => '{"num_iterations": 10, "num_leaves": 4}',
    split => '{"method": "time", "validation_from": "2026-03-01", "test_from": "2026-05-01"}');
SELECT gate, metric, wanted, found, passed, detail FROM sira_check_gates('few/2', 'production') WHERE gate IN ('metric', 'improvement');
SELECT * FROM sira_promote('few/2');
\echo :LAST_ERROR_SQLSTATE
-- Enough rows, and of one class too few.
SELECT rows_test FROM sira_train('few', 'SELECT paid_at, amount, is_fraud FROM walls_rows WHERE id <= 1600 '
    'UNION ALL SELECT ''2026-06-01'', 399.0 - 100 * (i % 25), i % 25 = 0 FROM generate_series(1, 100) i', 'is_fraud', time_column => 'paid_at',
    params => '{"num_iterations": 10, "num_leaves": 4}',
    split => '{"method": "time", "validation_from": "2026-03-01", "test_from": "2026-05-01"}');
SELECT gate, metric, found, passed, detail FROM sira_check_gates('few/3', 'production') WHERE gate IN ('metric', 'improvement');
-- Who asks for nothing needs no rows, and how many are needed is the DBA's to say.
SET LOCAL sira.min_gate_rows = 0;
SELECT gate, metric, passed FROM sira_check_gates('few/2', 'production') WHERE gate = 'metric';
SET LOCAL sira.min_gate_rows = 30; SET LOCAL sira.min_auc = 0; SET LOCAL sira.min_improvement = -1;
SELECT gate, passed FROM sira_check_gates('few/2', 'production');
-- As good as the champion is not better.
SET LOCAL sira.min_improvement = 0.02;
INSERT INTO sira_evaluations (model_id, model_version_id, version, purpose, rows, data_digest, primary_metric, primary_value, metrics)
SELECT v.model_id, v.id, v.version, 'comparison', 500, sha256('the same'), 'auc', w.auc, '{}'
FROM sira_model_versions v CROSS JOIN (VALUES (1, 0::float8), (2, 0), (3, 0.1)) w (version, auc) WHERE v.model_id = :'model_id' AND v.version = w.version;
SELECT v.version, c.passed FROM (VALUES (2), (3)) v (version), sira_check_gates('few/' || v.version, 'production') c WHERE c.gate = 'improvement';
ROLLBACK;

-- An older snapshot does not show what was rejected or asked for meanwhile.
BEGIN ISOLATION LEVEL REPEATABLE READ;
\set ON_ERROR_ROLLBACK off
SELECT sira_create_model('walls', 'fraud_detection') AS model_id \gset
INSERT INTO sira_model_versions (model_id, artifact_s3_key) VALUES (:'model_id', 's3://x');
UPDATE sira_model_versions SET status = 'validated' WHERE model_id = :'model_id';
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
