-- Words that pandas has for codes: numbers are found by value, words go to the columns that have their codes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
RESET client_min_messages;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
-- Codes 0 to 3 of the second feature score 1 to 4, whatever else is there 5.
CREATE FUNCTION pg_temp.by_code(infos text, declared text, pandas text) RETURNS text LANGUAGE sql AS $$
    SELECT format(E'tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=regression\n'
        'feature_names=size mcc\nfeature_infos=%s\ntree_sizes=%s\n\n%send of trees\n\nparameters:\n[categorical_feature: %s]\n'
        'end of parameters\n\npandas_categorical:%s\n', infos, length(tree), tree, declared, pandas)
    FROM (SELECT E'Tree=0\nnum_leaves=5\nnum_cat=4\nsplit_feature=1 1 1 1\nthreshold=0 1 2 3\ndecision_type=1 1 1 1\n'
        'left_child=-1 -2 -3 -4\nright_child=1 2 3 -5\nleaf_value=1 2 3 4 5\ncat_boundaries=0 1 2 3 4\ncat_threshold=1 2 4 8\n\n\n' AS tree) AS t
$$;
CREATE FUNCTION pg_temp.features(model text) RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT f FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id, jsonb_array_elements(v.signature -> 'features') AS f
    WHERE m.name = model ORDER BY version, f ->> 'name'
$$;

-- Floats with whole values, as pandas makes them of numbers some of which are missing.
SELECT sira_create_model('ic_floats', 'x', 'regression') IS NOT NULL AS made;
SELECT sira_import_version('ic_floats', pg_temp.by_code('none -1:0:1:2:3', '1', '[[10.0, 4829.5, 5411.0, 7995.0]]'));
SELECT * FROM pg_temp.features('ic_floats');
CREATE TABLE ic_numbers (n float8);
INSERT INTO ic_numbers VALUES (10), (4829.5), (5411), (7995), (1), ('NaN'), (NULL);
SELECT n, sira_score('ic_floats/1', f) AS float8, sira_score('ic_floats/1', r) AS real, sira_score('ic_floats/1', d) AS numeric,
       sira_score('ic_floats/1', w) AS two_digits, sira_score('ic_floats/1', t) AS text, sira_score('ic_floats/1', to_jsonb(d)) AS jsonb,
       sira_score('ic_floats/1', to_jsonb(w)) AS jsonb_two_digits, sira_score('ic_floats/1', to_json(f)) AS json
FROM ic_numbers, LATERAL (SELECT n AS mcc) f, LATERAL (SELECT n::real AS mcc) r, LATERAL (SELECT n::numeric AS mcc) d,
    LATERAL (SELECT n::numeric(8, 2) AS mcc) w, LATERAL (SELECT n::text AS mcc) t ORDER BY n;
SELECT n, sira_score('ic_floats/1', i) AS integer, sira_score('ic_floats/1', b) AS bigint, sira_score('ic_floats/1', t) AS text,
       sira_score('ic_floats/1', c) AS python, sira_score('ic_floats/1', to_jsonb(i)) AS jsonb
FROM (VALUES (10), (5411), (7995), (1)) v (n), LATERAL (SELECT n AS mcc) i, LATERAL (SELECT n::bigint AS mcc) b,
    LATERAL (SELECT n::text AS mcc) t, LATERAL (SELECT n || '.0' AS mcc) c ORDER BY n;
-- The session's way of showing floats has no say.
SET LOCAL extra_float_digits = -15;
SELECT n, sira_score('ic_floats/1', f) AS float8 FROM ic_numbers, LATERAL (SELECT n AS mcc) f WHERE n > 1000 ORDER BY n;
RESET extra_float_digits;
-- A version that was imported when floats were spelt as Python spells them; integers with decimals; texts are no numbers.
SELECT sira_import_version('ic_floats', pg_temp.by_code('none -1:0:1:2:3', '1', 'null'), signature => '{"task": "regression", "features": [
    {"name": "size", "kind": "numeric"}, {"name": "mcc", "kind": "text", "categories": ["10.0", "4829.5", "5411.0", "7995.0"]}]}');
SELECT sira_import_version('ic_floats', pg_temp.by_code('none -1:0:1:2:3', '1', '[[10, 4829, 5411, 7995]]'));
SELECT sira_import_version('ic_floats', pg_temp.by_code('none -1:0:1:2:3', '1', '[["0010", "10", "5411", "x"]]'));
SELECT version, sira_score('ic_floats/' || version, i) AS integer, sira_score('ic_floats/' || version, w) AS two_digits,
       sira_score('ic_floats/' || version, to_jsonb(w)) AS jsonb
FROM generate_series(2, 4) AS version, LATERAL (SELECT 5411 AS mcc) i, LATERAL (SELECT 5411::numeric(8, 2) AS mcc) w ORDER BY 1;
SELECT sira_score('ic_floats/3', f) FROM (SELECT 5411::float8 AS mcc) f;
SELECT sira_score('ic_floats/4', f) FROM (SELECT 5411::float8 AS mcc) f;
\echo :LAST_ERROR_SQLSTATE

-- An ordered category has words but is a number to LightGBM, a column named by hand is a category and has none.
SELECT sira_create_model('ic_ordered', 'x', 'regression') IS NOT NULL AS made;
SELECT sira_import_version('ic_ordered', pg_temp.by_code('[0:2] -1:0:1:2:3', '1', '[["S", "M", "L"]]'));
SELECT sira_import_version('ic_ordered', pg_temp.by_code('[0:2] -1:0:1:2:3', '1', '[["S", "M", "L"], ["a", "b", "c", "d"]]'));
SELECT * FROM pg_temp.features('ic_ordered');
SELECT sira_score('ic_ordered/1', '{"mcc": 3}');
-- A word is a word, whatever Python calls what is not there.
SELECT sira_create_model('ic_words', 'x', 'regression') IS NOT NULL AS made;
SELECT sira_import_version('ic_words', pg_temp.by_code('none -1:0:1:2:3', '1', '[["NaN", "Oslo", "\"NaN", "Rome"]]'));
SELECT sira_import_version('ic_words', pg_temp.by_code('none -1:0:1:2:3', '1', '[[NaN, 1.5, 2.5, 3.5]]'));
SELECT * FROM pg_temp.features('ic_words');
SELECT sira_score('ic_words/1', '{"mcc": "NaN"}') AS a, sira_score('ic_words/1', '{"mcc": "Oslo"}') AS b;
ROLLBACK;
