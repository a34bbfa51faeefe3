-- Small artifacts that ask for much memory.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
RESET client_min_messages;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
-- Two billion classes and no tree.
SELECT sira_create_model('ih', 'x', task => 'multiclass') IS NOT NULL AS made;
SELECT sira_import_version('ih', E'tree\nversion=v4\nnum_class=2147483647\nnum_tree_per_iteration=2147483647\nlabel_index=0\nmax_feature_idx=0\n'
    'feature_names=a\nfeature_infos=none\ntree_sizes=\n\nend of trees\n');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('ih', E'tree\nversion=v4\nnum_class=2147483647\nnum_tree_per_iteration=2147483647\nlabel_index=0\nmax_feature_idx=0\n'
    'objective=multiclass num_class:2147483647\nfeature_names=a\nfeature_infos=none\ntree_sizes=\n\nend of trees\n');
\echo :LAST_ERROR_SQLSTATE

-- Many classes by many features: each of the two is in the text, their product is not.
SELECT sira_import_version('ih', format(E'tree\nversion=v4\nnum_class=%1$s\nnum_tree_per_iteration=%1$s\nlabel_index=0\nmax_feature_idx=%2$s\n'
    'objective=multiclass num_class:%1$s\nfeature_names=%3$s\nfeature_infos=%4$s\ntree_sizes=%5$s\n\n%6$send of trees\n\n',
    count(*), 19999, (SELECT string_agg('f' || f, ' ' ORDER BY f) FROM generate_series(0, 19999) AS f), repeat('none ', 20000),
    string_agg(length(tree)::text, ' ' ORDER BY t), string_agg(tree, '' ORDER BY t)))
FROM generate_series(0, 999) AS t, LATERAL (SELECT format(E'Tree=%s\nnum_leaves=2\nnum_cat=0\nsplit_feature=%1$s\nthreshold=0.5\ndecision_type=2\n'
    'left_child=-1\nright_child=-2\nleaf_value=1 2\nleaf_count=5 5\ninternal_count=10\n\n\n', t)) AS one (tree);
SELECT feature, value, contribution, baseline FROM sira_explain('ih/1', '{"f0": 1, "f7": 0}'::jsonb, 1, class => '0');
SELECT feature, value, contribution, baseline FROM sira_explain('ih/1', '{"f0": 1, "f7": 0}'::jsonb, 1, class => '7');
-- Rows that wait to be scored together are fewer where they are wide.
SELECT sira_create_model('ih_wide', 'x', 'regression') IS NOT NULL AS made;
SELECT sira_import_version('ih_wide', format(E'tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=%s\n'
    'objective=regression\nfeature_names=%s\nfeature_infos=%s\ntree_sizes=%s\n\n%send of trees\n\n', 99999,
    (SELECT string_agg('f' || f, ' ' ORDER BY f) FROM generate_series(0, 99999) AS f), repeat('none ', 100000), length(tree), tree))
FROM (SELECT E'Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=99999\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\n'
    'leaf_value=1 2\n\n\n') AS one (tree);
SELECT count(*), sum(score) FROM sira_score_query('ih_wide/1', 'SELECT g % 2 AS f99999 FROM generate_series(1, 1500) g');
SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+) kB')::int < 600000 AS it_stays_small;
ROLLBACK;
