-- Model texts that are not whole, and such as somebody made to do harm: all are refused before LightGBM could see them, and
-- the server stands.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('em', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('em_value', 'pricing', 'regression') IS NOT NULL AS made;
CREATE TABLE em_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, (ARRAY['web', 'shop', 'atm'])[1 + g % 3] AS channel,
       g * 7919 % 1000 > 800 OR (g * 7919 % 1000 > 300 AND g % 3 = 1) AS bad
FROM generate_series(1, 400) g;
SELECT version FROM sira_train('em', 'SELECT amount, channel, bad FROM em_rows', 'bad', split => '{"method": "random"}',
                               params => '{"num_iterations": 4, "num_leaves": 5, "min_data_in_leaf": 5}');
CREATE TABLE em_text AS SELECT convert_from(sira_export_version('em@latest'), 'UTF8') AS whole;

-- Not a model.
SELECT sira_import_version('em', '');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', ''::bytea);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', 'Dear colleague, please find the model attached.');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', '{"learner": {"gradient_booster": {}}}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', decode(repeat('1f8b0800', 200), 'hex'));
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', '\xc3'::bytea || convert_to(whole, 'UTF8')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', 'tree'::bytea || '\x0a00ff'::bytea);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', NULL::text);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, 'onnx') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, NULL) FROM em_text;
\echo :LAST_ERROR_SQLSTATE

-- Cut: in the header, in the middle of a tree, between two trees, before the end mark.
SELECT sira_import_version('em', left(whole, 3)) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', left(whole, position('tree_sizes' IN whole) - 1)) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', left(whole, position('Tree=1' IN whole) - 1)) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', left(whole, position('leaf_value' IN whole) + 20)) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', left(whole, position('end of trees' IN whole) - 1)) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
-- Cut anywhere before the end mark: one answer.
CREATE FUNCTION em_import(artifact text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sira_import_version('em', artifact);
    RETURN 'registered';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT answer, count(*) > 100 AS many
FROM em_text, LATERAL (SELECT em_import(left(whole, cut)) AS answer
                       FROM generate_series(0, position('end of trees' IN whole) - 2, 17) cut) x
GROUP BY answer ORDER BY answer;

-- Sizes, counts and children that do not fit.
SELECT sira_import_version('em', regexp_replace(whole, 'tree_sizes=\d+', 'tree_sizes=7')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'tree_sizes=[^\n]*', 'tree_sizes=99999999999999999999')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', left(regexp_replace(whole, 'tree_sizes=[^\n]*\n', ''), 1500)) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'num_leaves=\d+', 'num_leaves=2000000000')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'num_leaves=\d+', 'num_leaves=-1')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'left_child=-?\d+', 'left_child=77')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'left_child=-?\d+', 'left_child=0')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'split_feature=\d+', 'split_feature=9')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'leaf_value=[^ ]+', 'leaf_value=nan')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'leaf_value=[^ ]+', 'leaf_value=many')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'max_feature_idx=\d+', 'max_feature_idx=1000000000')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'num_class=\d+', 'num_class=1000000000')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', regexp_replace(whole, 'objective=[^\n]*', 'objective=divination')) FROM em_text;
\echo :LAST_ERROR_SQLSTATE

-- A whole model that answers another question, or is said to take other features.
SELECT sira_import_version('em_value', whole) FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature => '{"task": "binary"}') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature => '[]') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature => '{"task": "guessing", "features": []}') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature => '{"task": "binary", "features": [{"name": "amount", "kind": "numeric"}]}') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature =>
    '{"task": "binary", "features": [{"name": "amount", "kind": "numeric"}, {"name": "channel", "kind": "numeric"}]}') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature =>
    '{"task": "binary", "features": [{"name": "amount", "kind": "numeric"}, {"name": "amount", "kind": "text"}]}') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, signature =>
    '{"task": "multiclass", "features": [{"name": "amount", "kind": "numeric"}, {"name": "channel", "kind": "text"}]}') FROM em_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('em', whole, metrics => '[1]') FROM em_text;
\echo :LAST_ERROR_SQLSTATE

-- Nothing of all that was registered, and the server still scores.
SELECT version, status FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE m.name LIKE 'em%' ORDER BY 1;
SELECT count(*) AS artifacts FROM sira_model_artifacts;
SELECT sira_score('em@latest', '{"amount": 900}') IS NOT NULL AS scores;
ROLLBACK;
