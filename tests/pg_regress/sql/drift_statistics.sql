-- Statistics of drift on arrays and as aggregates. What they must be is known in closed form or by scipy; the core's tests hold
-- thousands of such comparisons.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\set VERBOSITY default
SET extra_float_digits = 0;
-- (0.5 - 0.25) ln 2 + (0.25 - 0.5) ln 0.5 = 0.5 ln 2.
SELECT sira_psi(ARRAY[1, 1, 2, 3], ARRAY[1, 2, 2, 3], '{2, 3}') - ln(2.0::float8) / 2 AS nothing;
SELECT sira_psi(ARRAY[1, 2, NULL], ARRAY[1, 2, NULL]) AS same, sira_psi(ARRAY[5, 5, 5], ARRAY[5, 5]) AS constant,
       sira_psi(ARRAY[1, 2, 3], ARRAY[NULL, 'NaN', 2]::float8[]) > 0.2 AS nulls_count;
SELECT round(sira_jensen_shannon(ARRAY[1, 1], ARRAY[2, 2], '{2}')::numeric, 12) = round(sqrt(ln(2.0))::numeric, 12) AS apart,
       sira_hellinger(ARRAY[1, 1], ARRAY[2, 2], '{2}') AS hellinger, sira_total_variation(ARRAY[1, 2, 2, 2], ARRAY[1, 1, 1, 2], '{2}') AS variation;
SELECT sira_wasserstein(ARRAY[0, 1, 3], ARRAY[5, 6, 8]) AS distance, sira_wasserstein(ARRAY[0, 2], ARRAY[1, 3], normalised => true) AS normalised,
       sira_wasserstein(ARRAY[1, NULL], ARRAY[1, 'NaN']::float8[]) AS without_missing;
-- Exact: both samples apart, 2 of 20 orders.
SELECT statistic, round(p_value::numeric, 12) AS p FROM sira_ks_test(ARRAY[1, 2, 3], ARRAY[4, 5, 6]);
SELECT a, m, round(statistic::numeric, 6) AS statistic, round(p_value::numeric, 6) AS p
FROM unnest(ARRAY['two-sided', 'less', 'greater']) a, unnest(ARRAY['auto', 'exact', 'asymptotic']) m,
     sira_ks_test(ARRAY(SELECT i % 37 FROM generate_series(1, 100) i), ARRAY(SELECT i % 41 + 3 FROM generate_series(1, 90) i), a, m) ORDER BY 1, 2;
SELECT round(statistic::numeric, 10) AS statistic, round(p_value::numeric, 10) AS p, round(effect_size::numeric, 10) AS v
FROM sira_chi_square(ARRAY[50, 30, 20], ARRAY[40, 30, 30]);
SELECT round(statistic::numeric, 10) AS t, round(p_value::numeric, 10) AS p, round(effect_size::numeric, 10) AS d FROM sira_mean_test(ARRAY[1, 2, 3, 4], ARRAY[3, 4, 5, 7]);
SELECT round(statistic::numeric, 10) AS f, round(p_value::numeric, 10) AS p FROM sira_variance_test(ARRAY[1, 2, 3, 4], ARRAY[1, 5, 9, 2]);
SELECT sira_benjamini_hochberg(ARRAY[0.01, 0.04, NULL, 0.03]) AS adjusted;
-- Categories: those that the reference lacks are one bin.
SELECT (SELECT d FROM sira_categorical_drift(ARRAY['a', 'a', 'b', NULL], ARRAY['a', 'c', 'd', NULL]) d)
     = (SELECT d FROM sira_count_drift(ARRAY[2, 1, 0, 1], ARRAY[1, 0, 2, 1]) d) AS same,
       (SELECT d FROM sira_categorical_drift('{"a": 2, "b": 1}'::jsonb, '{"a": 1, "c": 1, "d": 1}'::jsonb) d)
     = (SELECT d FROM sira_count_drift(ARRAY[2, 1, 0], ARRAY[1, 0, 2]) d) AS and_of_counts;
-- Histograms add up, in parallel too.
CREATE TEMP TABLE hist AS SELECT CASE WHEN i % 10 = 0 THEN NULL ELSE i % 100 END::float8 AS v, i % 3 AS part FROM generate_series(1, 30000) i;
SELECT sira_histogram(v, '{20, 50}') AS whole, sira_histogram(v, '{20, 50}') = (SELECT sira_sum_counts(h) FROM (SELECT sira_histogram(v, '{20, 50}') AS h FROM hist GROUP BY part) p) AS of_parts
FROM hist;
CREATE TABLE hist_parallel AS TABLE hist;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT sira_histogram(v, '{20, 50}') FROM hist_parallel;
SELECT sira_histogram(v, '{20, 50}') FROM hist_parallel;
DROP TABLE hist_parallel;
SELECT sira_histogram(v, '{}') AS no_cuts, sira_histogram(v, '{1}') FILTER (WHERE false) AS no_rows FROM hist;
-- Detectors: quiet, then a shift.
SELECT * FROM sira_cusum(ARRAY(SELECT CASE WHEN t > 200 THEN 3 ELSE 0 END + sin(t) FROM generate_series(1, 210) t), 0, 0.7);
SELECT count(*) > 0 AS found, bool_and(position > 200 AND direction = 'up') AS rightly
FROM sira_page_hinkley(ARRAY(SELECT CASE WHEN t > 200 THEN 3 ELSE 0 END + sin(t) FROM generate_series(1, 230) t));
SELECT count(*) > 0 AS found, bool_and(position > 200 AND direction = 'down') AS rightly
FROM sira_adwin(ARRAY(SELECT CASE WHEN t > 200 THEN -3 ELSE 0 END + sin(t) FROM generate_series(1, 300) t));
SELECT count(*) AS quiet FROM sira_adwin(ARRAY(SELECT sin(t) FROM generate_series(1, 300) t));
-- Nothing to compare, and numbers at the end of the line.
SELECT sira_psi(NULL, '{1}') AS psi, sira_jensen_shannon('{1}', NULL) AS jensen_shannon, sira_hellinger(NULL, NULL) AS hellinger,
       sira_total_variation(NULL, '{1}', '{2}') AS variation, sira_psi('{1,2}', '{1,2}', NULL) AS cut_by_tenths;
SELECT statistic < 0 AS fell, p_value BETWEEN 0 AND 1 AS p FROM sira_mean_test('{1e100,-1e100,1e100}', '{2,3}');
SELECT * FROM sira_mean_test('{1e308,-1e308,1e308}', '{2,3}');
SELECT * FROM sira_variance_test('{1e308,-1e308,1e308}', '{2,3}');
SELECT count(*) > 0 AS found FROM sira_adwin(ARRAY(SELECT CASE WHEN t > 200 THEN 1e160 ELSE 5 END FROM generate_series(1, 400) t));
-- An exact test of many values can be interrupted.
SET statement_timeout = '500ms';
SELECT * FROM sira_ks_test(ARRAY(SELECT i % 977 FROM generate_series(1, 100000) i), ARRAY(SELECT i % 1013 FROM generate_series(1, 100000) i), method => 'exact');
RESET statement_timeout;
-- Refused.
SELECT sira_benjamini_hochberg('{2,-1}');
SELECT sira_add_counts('{NULL}', '{1}');
SELECT sira_psi('{}', '{1}');
SELECT sira_psi(ARRAY[1, 2], ARRAY[1, 2], '{3, 2}');
SELECT sira_psi(ARRAY[1, 2], ARRAY[1, 2], '{2, NULL}');
SELECT sira_histogram(1, '{2, NULL}');
SELECT * FROM sira_ks_test('{}', '{1}');
SELECT * FROM sira_ks_test('{1}', '{1}', 'both');
SELECT * FROM sira_ks_test('{1}', '{1}', method => 'guess');
SELECT sira_wasserstein(ARRAY[1, 2], ARRAY[1, 'Infinity']::float8[]);
SELECT * FROM sira_chi_square(ARRAY[1, -1], ARRAY[1, 1]);
SELECT * FROM sira_chi_square(ARRAY[1, 1], ARRAY[1, 1, 1]);
SELECT * FROM sira_mean_test(ARRAY[1], ARRAY[1, 2]);
SELECT sira_histogram(1, '{2, 1}');
SELECT sira_histogram(1, NULL);
SELECT sira_histogram(v, ARRAY[v]) FROM (VALUES (1.0), (2.0)) t(v);
SELECT sira_histogram(v, CASE WHEN v = 1 THEN '{1}'::float8[] ELSE '{1, 2}' END) FROM (VALUES (1.0), (2.0)) t(v);
SELECT sira_sum_counts(c) FROM (VALUES ('{1, 2}'::bigint[]), ('{1}')) t(c);
SELECT * FROM sira_cusum('{1}', 0, 0);
SELECT * FROM sira_page_hinkley('{1}', run_length => 1);
SELECT * FROM sira_adwin('{1}', 10);
DROP TABLE hist;
