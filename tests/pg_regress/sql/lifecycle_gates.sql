-- What a version must show before it may go on: by setting, by row, by what others were found to do on the same rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
RESET client_min_messages;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SET LOCAL sira.min_auc = 0.90;
SET LOCAL sira.min_precision = 0.80;
SET LOCAL sira.min_recall = 0.75;
SET LOCAL sira.min_improvement = 0.02;

-- Stumps: what they are called good for is what they were imported with.
CREATE FUNCTION pg_temp.stump(strength float8) RETURNS text LANGUAGE sql AS $$
    SELECT format(E'tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n'
        'objective=binary sigmoid:1\nfeature_names=amount hour\nfeature_infos=[0:1000] [0:23]\ntree_sizes=%s\n\n%send of trees\n\n'
        'feature_importances:\namount=1\n\nparameters:\nend of parameters\n\npandas_categorical:null\n', length(tree), tree)
    FROM (SELECT format(E'Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=10\nthreshold=100\ndecision_type=2\n'
        'left_child=-1\nright_child=-2\nleaf_value=-%1$s %1$s\nleaf_weight=50 50\nleaf_count=50 50\n'
        'internal_value=0\ninternal_weight=0\ninternal_count=100\nis_linear=0\nshrinkage=1\n\n\n', strength) AS tree) AS t
$$;
SELECT sira_create_model('rg', 'fraud_detection') AS model_id \gset
SELECT sira_import_version('rg', pg_temp.stump(1));
SELECT sira_import_version('rg', pg_temp.stump(2), metrics => '{"auc": 0.84, "precision": 0.9, "recall": 0.7, "rows": 100}');
SELECT sira_import_version('rg', pg_temp.stump(3), metrics => '{"auc": 0.93, "precision": 0.9, "recall": 0.8, "rows": 100}');
SELECT sira_import_version('rg', pg_temp.stump(4), metrics => '{"auc": 0.95, "precision": 0.9, "recall": 0.8, "rows": 100}');

-- What holds where nobody has said anything, and what does not fit a task.
SELECT * FROM sira_gates_in_force('rg');
SELECT sira_create_model('rg_price', 'pricing', 'regression') IS NOT NULL AS made;
SELECT * FROM sira_gates_in_force('rg_price');
-- The validated version's AUC follows the setting down only.
SET LOCAL sira.min_auc = 0.5;
SELECT stage, minimum FROM sira_gates_in_force('rg') WHERE metric = 'auc';
SET LOCAL sira.min_auc = 0.9;

-- What is not known is not there; what is there and too little is told too.
SELECT * FROM sira_promote('rg/1');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_promote('rg/2');
\echo :LAST_ERROR_SQLSTATE
SELECT stage, gate, metric, wanted, found, passed, detail FROM sira_check_gates('rg/2');
-- A plain UPDATE meets the same wall, also with metrics that it brings along.
UPDATE sira_model_versions SET status = 'validated' WHERE model_id = :'model_id' AND version = 2;
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET status = 'validated', metrics = '{"auc": 0.1, "precision": 1, "recall": 1}'
WHERE model_id = :'model_id' AND version = 3;
\echo :LAST_ERROR_SQLSTATE
-- What came with an import is its importer's word: enough to be validated, not for production.
SELECT * FROM sira_promote('rg/3', 'said to be good enough');
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION pg_temp.evaluated(of_version integer, value float8, rows_of text, sliced jsonb DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO sira_evaluations (model_id, model_version_id, version, purpose, rows, data_digest, primary_metric, primary_value,
                                  metrics, slices, evaluated_by)
    SELECT v.model_id, v.id, v.version, 'comparison', 500, sha256(rows_of::bytea), 'auc', value, jsonb_build_object('auc', value),
           sliced, 'somebody'
    FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE m.name = 'rg' AND v.version = of_version
$$;
SELECT pg_temp.evaluated(3, 0.93, 'first'), pg_temp.evaluated(4, 0.95, 'before');
SELECT gate, metric, found, passed, detail FROM sira_check_gates('rg/3', 'production') WHERE gate = 'metric';
SELECT * FROM sira_promote('rg/3', 'good enough');
SELECT to_status, jsonb_array_length(gates) AS gates, bypassed FROM sira_model_transitions
WHERE model_id = :'model_id' AND version = 3 ORDER BY id;

-- Better than the champion, on the same rows.
SELECT * FROM sira_transition('rg/4', 'validated');
SELECT * FROM sira_transition('rg/4', 'staging');
SELECT * FROM sira_promote('rg/4');
\echo :LAST_ERROR_SQLSTATE
-- Other rows say nothing. 0.90 needs 0.918, for a fiftieth is less than a fifth of what is left; 0.95 needs 0.96.
SELECT pg_temp.evaluated(3, 0.90, 'one'), pg_temp.evaluated(4, 0.99, 'other');
SELECT gate, metric, wanted, found, passed, detail FROM sira_check_gates('rg/4', 'production') WHERE gate = 'improvement';
SELECT pg_temp.evaluated(4, 0.917, 'one');
SELECT gate, metric, wanted, found, passed, detail FROM sira_check_gates('rg/4', 'production') WHERE gate = 'improvement';
SELECT * FROM sira_promote('rg/4');
\echo :LAST_ERROR_SQLSTATE
SELECT pg_temp.evaluated(3, 0.95, 'two'), pg_temp.evaluated(4, 0.96, 'two');
SELECT gate, metric, wanted, found, passed, detail FROM sira_check_gates('rg/4', 'production') WHERE gate = 'improvement';

-- Slices: the gap between the best and the worst.
SELECT sira_set_gates('rg', '[{"stage": "production", "slice": "country", "metric": "recall", "max_gap": 0.1, "min_rows": 50}]');
SELECT gate, metric, wanted, found, passed, detail FROM sira_check_gates('rg/4', 'production') WHERE gate = 'slice';
SELECT pg_temp.evaluated(4, 0.96, 'three', '{"country": {"FR": {"rows": 80, "recall": 0.75}, "DE": {"rows": 90, "recall": 0.5},
                                              "LU": {"rows": 3, "recall": 0}}}');
SELECT gate, metric, wanted, found, passed, detail FROM sira_check_gates('rg/4', 'production') WHERE gate = 'slice';
SELECT * FROM sira_promote('rg/4');
\echo :LAST_ERROR_SQLSTATE
SELECT pg_temp.evaluated(4, 0.96, 'four', '{"country": {"FR": {"rows": 80, "recall": 0.75}, "DE": {"rows": 90, "recall": 0.75}}}');
SELECT * FROM sira_promote('rg/4', 'fair enough');
-- A rollback asks nothing.
SELECT * FROM sira_rollback('rg', 'back');
SELECT gates FROM sira_model_transitions WHERE model_id = :'model_id' AND reason = 'back';
SELECT * FROM sira_rollback('rg', 'and forth');

-- Rows: the narrower before the wider, the newer before the older.
SELECT sira_set_gates(NULL, '[{"stage": "validated", "metric": "auc", "minimum": 0.86}]', reason => 'all of us');
SELECT sira_set_gates(NULL, '[{"stage": "validated", "metric": "auc", "minimum": 0.87}]', model_type => 'fraud_detection');
SELECT stage, minimum, origin FROM sira_gates_in_force('rg') WHERE metric = 'auc';
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": 0.7}, {"stage": "validated", "metric": "recall", "enabled": false},
                              {"stage": "production", "improvement": false}, {"stage": "staging", "metric": "latency_us", "maximum": 100000}]');
SELECT stage, gate, metric, slice, minimum, maximum, max_gap, min_rows, origin FROM sira_gates_in_force('rg');
SELECT passed, found::float8 > 0 AS measured FROM sira_check_gates('rg/2', 'staging') WHERE metric = 'latency_us';
SELECT * FROM sira_transition('rg/2', 'validated', 'by its own measure');
SELECT sira_set_gates('rg', '[{"stage": "staging", "metric": "latency_us", "maximum": 0.000001}]');
SELECT gate, metric, wanted, passed FROM sira_check_gates('rg/2', 'staging');
SELECT sira_set_gates('rg', '[{"stage": "staging", "metric": "latency_us", "enabled": false}]');

-- What cannot be read. The hint lists the metrics that there are.
\set VERBOSITY terse
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "ouch", "minimum": 1}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_gates('rg', '[{"stage": "archived", "metric": "auc", "minimum": 1}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_gates('rg', '[{"metric": "auc", "minimum": 1}]');
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": "much"}]');
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "at_least": 1}]');
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc"}]');
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": 1e400}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_gates('rg', '[{"stage": "validated", "slice": "country", "metric": "auc", "max_gap": 0.1, "min_rows": 1e30}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_gates('rg', '[{"stage": "production", "slice": "country", "max_gap": 0.1}]');
SELECT sira_set_gates('rg', '[{"stage": "production", "improvement": 0.1, "metric": "auc"}]');
SELECT sira_set_gates('rg', '["auc"]');
SELECT sira_set_gates('rg', '{"stage": "validated"}');
SELECT sira_set_gates('rg', '[]');
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": 1}]', model_type => 'pricing');
SELECT sira_set_gates('rg_none', '[{"stage": "validated", "metric": "auc", "minimum": 1}]');
SELECT * FROM sira_check_gates('rg/4', 'archived');
\echo :LAST_ERROR_SQLSTATE

\set VERBOSITY default

-- Raising is an administrator's, lowering is not; a row by hand is a row by function; what was said stays.
CREATE ROLE rg_admin IN ROLE sira_admin;
CREATE ROLE rg_reader IN ROLE sira_user;
SET SESSION AUTHORIZATION rg_admin;
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": 0.75}]', reason => 'raised');
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": 0.74}]');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_gates('rg', '[{"stage": "validated", "smoke_test": false}]');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_gates (model_id, stage, kind, metric, enabled) VALUES (:'model_id', 'validated', 'metric', 'auc', false);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_gates (model_id, stage, kind, metric, minimum, set_by) VALUES (:'model_id', 'validated', 'metric', 'auc', 0, 'x');
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_gates SET minimum = 0;
\echo :LAST_ERROR_SQLSTATE
SET LOCAL sira.min_auc = 0;
\echo :LAST_ERROR_SQLSTATE
SET LOCAL sira.bypass_gates = on;
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION rg_reader;
SELECT * FROM sira_check_gates('rg/4');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_set_gates('rg', '[{"stage": "validated", "metric": "auc", "minimum": 1}]');
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
UPDATE sira_gates SET minimum = 0;
\echo :LAST_ERROR_SQLSTATE
SELECT minimum, enabled, reason, set_by FROM sira_gates WHERE model_id = :'model_id' AND stage = 'validated' AND metric = 'auc' ORDER BY id;

-- Stored examples, of every version that the library has registered; another artifact's do not match.
SELECT v.version, s.examples, s.identical, s.latency_us > 0 AS measured, s.problem
FROM sira_model_versions v, sira_smoke_test(v.id) s WHERE v.model_id = :'model_id' ORDER BY v.version;
SELECT place, features, raw_scores FROM sira_model_examples e JOIN sira_model_versions v ON v.id = e.model_version_id
WHERE v.model_id = :'model_id' AND v.version = 2 AND place < 4 ORDER BY place;
ALTER TABLE sira_model_examples DISABLE TRIGGER sira_append_only;
UPDATE sira_model_examples e SET raw_scores = '{0.5}' FROM sira_model_versions v
WHERE v.id = e.model_version_id AND v.model_id = :'model_id' AND v.version = 1 AND place = 0;
ALTER TABLE sira_model_examples ENABLE TRIGGER sira_append_only;
SELECT gate, wanted, found, passed, detail FROM sira_check_gates('rg/1', 'validated') WHERE gate = 'smoke_test';

-- Where no policy asks for a signature, an objection counts all the same.
SET SESSION AUTHORIZATION rg_admin;
SELECT * FROM sira_reject('rg/2', 'staging', 'wait for June');
RESET SESSION AUTHORIZATION;
SELECT * FROM sira_transition('rg/2', 'staging');
SET SESSION AUTHORIZATION rg_admin;
SELECT * FROM sira_approve('rg/2', 'staging');
RESET SESSION AUTHORIZATION;
SELECT * FROM sira_transition('rg/2', 'staging');

-- By itself, where the DBA lets it, as far as nobody has to sign.
SELECT sira_import_version('rg', pg_temp.stump(5), metrics => '{"auc": 0.97, "precision": 0.9, "recall": 0.8, "rows": 100}');
SELECT * FROM sira_auto_promote('rg', 5);
SET LOCAL sira.auto_promote = on;
INSERT INTO sira_approval_policies (model_id, stage, required_signatures, required_role) VALUES (:'model_id', 'production', 1, 'finance_ops');
SELECT pg_temp.evaluated(5, 0.97, 'half', '{"country": {"FR": {"rows": 80, "recall": 0.75}, "DE": {"rows": 20, "recall": 0.1}}}');
SELECT found, passed, detail FROM sira_check_gates('rg/5', 'production') WHERE gate = 'slice';
SELECT pg_temp.evaluated(5, 0.97, 'five', '{"country": {"FR": {"rows": 80, "recall": 0.75}, "DE": {"rows": 80, "recall": 0.75}}}');
SELECT * FROM sira_auto_promote('rg');
SELECT * FROM sira_pending_approvals WHERE model = 'rg' AND version = 5 \gset waiting_
\echo :waiting_version :waiting_status :waiting_stage :waiting_is_next :waiting_required_role :waiting_given :waiting_needed
SELECT * FROM sira_auto_promote('rg', 1);
SELECT * FROM sira_auto_promote('rg', 4);

-- A superuser's way past, which everybody can read afterwards. Being one is no signature of the role that was asked for.
UPDATE sira_model_versions SET metrics = metrics || '{"seen": 1}' WHERE model_id = :'model_id' AND version = 5;
CREATE ROLE rg_root SUPERUSER;
SET SESSION AUTHORIZATION rg_root;
SELECT * FROM sira_approve('rg/5', 'production');
RESET SESSION AUTHORIZATION;
SELECT * FROM sira_promote('rg/5');
\echo :LAST_ERROR_SQLSTATE
SET LOCAL sira.bypass_gates = on;
SELECT * FROM sira_promote('rg/5', 'the house is on fire');
SELECT version, to_status, bypassed FROM sira_model_transitions WHERE model_id = :'model_id' AND bypassed IS NOT NULL;
ROLLBACK;
