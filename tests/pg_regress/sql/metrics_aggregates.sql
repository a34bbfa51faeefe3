-- Measures as aggregates: values, ties, NULLs, infinities, empty and one-sided input, grouping, FILTER, DISTINCT, windows,
-- parallel plans, and what is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset null '(null)'
CREATE TEMP TABLE ma (score float8, label boolean, weight float8, part text);
INSERT INTO ma VALUES (0.1, false, 1, 'a'), (0.4, false, 3, 'a'), (0.35, true, 2, 'a'), (0.8, true, 1, 'b'), (0.4, true, 2, 'b'), (0.9, false, 0.5, 'b');
SELECT sira_auc(score, label), sira_average_precision(score, label), sira_ks(score, label) FROM ma;
SELECT sira_log_loss(score, label), sira_brier(score, label), sira_calibration_error(score, label) FROM ma;
SELECT sira_precision(score, label, 0.4), sira_recall(score, label, 0.4), sira_accuracy(score, label, 0.4), sira_f1(score, label, 0.4) FROM ma;
-- The label as a number, of whatever type.
SELECT sira_auc(score, label::int) = sira_auc(score, label) AS auc, sira_brier(score::numeric, label::int) = sira_brier(score, label) AS brier,
       sira_f1(score::real, label::int::smallint, 0.5) = sira_f1(score, label, 0.5) AS f1 FROM ma;
-- A weight is as many rows.
CREATE TEMP TABLE ma_many AS SELECT score, label, part, weight FROM ma, generate_series(1, (2 * weight)::int);
SELECT abs(sira_auc(score, label, weight) - (SELECT sira_auc(score, label) FROM ma_many)) < 1e-12 AS auc,
       abs(sira_average_precision(score, label, weight) - (SELECT sira_average_precision(score, label) FROM ma_many)) < 1e-12 AS average_precision,
       abs(sira_ks(score, label::int, weight) - (SELECT sira_ks(score, label) FROM ma_many)) < 1e-12 AS ks,
       abs(sira_log_loss(score, label, weight) - (SELECT sira_log_loss(score, label) FROM ma_many)) < 1e-12 AS log_loss,
       abs(sira_brier(score, label, weight) - (SELECT sira_brier(score, label) FROM ma_many)) < 1e-12 AS brier,
       abs(sira_calibration_error(score, label, weight) - (SELECT sira_calibration_error(score, label) FROM ma_many)) < 1e-12 AS calibration,
       abs(sira_f1(score, label, 0.4, weight) - (SELECT sira_f1(score, label, 0.4) FROM ma_many)) < 1e-12 AS f1
FROM ma;
-- Against what SQL can say itself: the share of pairs in order.
SELECT abs(sira_auc(score, label) - (SELECT avg(CASE WHEN p.score > n.score THEN 1 WHEN p.score = n.score THEN 0.5 ELSE 0 END)
                                     FROM ma_many p, ma_many n WHERE p.label AND NOT n.label)::float8) < 1e-12 AS auc,
       abs(sira_brier(score, label) - avg((score - label::int) ^ 2)) < 1e-12 AS brier,
       abs(sira_log_loss(score, label) - avg(-ln(CASE WHEN label THEN score ELSE 1 - score END))) < 1e-12 AS log_loss FROM ma_many;
-- As sira_evaluate has it, to the last bit.
BEGIN;
SELECT sira_create_model('ma', 'fraud_detection') IS NOT NULL AS made, sira_create_model('ma_price', 'pricing', 'regression') IS NOT NULL AS made_price;
CREATE TABLE ma_paid AS SELECT (g * 7919 % 1000)::float8 AS amount, g % 7 AS noise, (g * 7919 % 1000 > 700) <> (g % 13 = 0) AS bad, g * 7919 % 1000 * 2.5 + g % 3 AS price, 1 + g % 4 / 3.0::float8 AS w
FROM generate_series(1, 600) g;
SELECT version FROM sira_train('ma', 'SELECT amount, noise, bad FROM ma_paid', 'bad', split => '{"method": "random"}', params => '{"rounds": 3, "num_leaves": 3}');
SELECT version FROM sira_train('ma_price', 'SELECT amount, noise, price FROM ma_paid', 'price', split => '{"method": "random"}', params => '{"rounds": 3, "num_leaves": 3}');
CREATE TEMP TABLE ma_scored AS SELECT sira_score('ma/1', p) AS score, sira_score('ma_price/1', p) AS guess, bad, price::float8, w FROM ma_paid p;
WITH said AS (
    SELECT key AS metric, value::float8, weighted FROM (
        SELECT false AS weighted, jsonb_build_object('auc', sira_auc(score, bad), 'average_precision', sira_average_precision(score, bad), 'ks', sira_ks(score, bad),
                   'log_loss', sira_log_loss(score, bad), 'brier', sira_brier(score, bad), 'calibration_error', sira_calibration_error(score, bad), 'precision', sira_precision(score, bad, 0.3),
                   'recall', sira_recall(score, bad, 0.3), 'accuracy', sira_accuracy(score, bad, 0.3), 'f1', sira_f1(score, bad, 0.3), 'mae', sira_mae(guess, price), 'rmse', sira_rmse(guess, price),
                   'mape', sira_mape(guess, price), 'smape', sira_smape(guess, price), 'r2', sira_r2(guess, price)) AS measures FROM ma_scored
        UNION ALL
        SELECT true, jsonb_build_object('auc', sira_auc(score, bad, w), 'average_precision', sira_average_precision(score, bad, w), 'ks', sira_ks(score, bad, w),
                   'log_loss', sira_log_loss(score, bad, w), 'brier', sira_brier(score, bad, w), 'calibration_error', sira_calibration_error(score, bad, w), 'precision', sira_precision(score, bad, 0.3, w),
                   'recall', sira_recall(score, bad, 0.3, w), 'accuracy', sira_accuracy(score, bad, 0.3, w), 'f1', sira_f1(score, bad, 0.3, w), 'mae', sira_mae(guess, price, w), 'rmse', sira_rmse(guess, price, w),
                   'mape', sira_mape(guess, price, w), 'smape', sira_smape(guess, price, w), 'r2', sira_r2(guess, price, w)) FROM ma_scored) m, jsonb_each(measures)
), found AS (
    SELECT false AS weighted, metric, value FROM sira_evaluate('ma/1', 'SELECT * FROM ma_paid', 'bad', threshold => 0.3, resamples => 0)
    UNION ALL SELECT true, metric, value FROM sira_evaluate('ma/1', 'SELECT * FROM ma_paid', 'bad', weight => 'w', threshold => 0.3, resamples => 0)
    UNION ALL SELECT false, metric, value FROM sira_evaluate('ma_price/1', 'SELECT * FROM ma_paid', 'price', resamples => 0)
    UNION ALL SELECT true, metric, value FROM sira_evaluate('ma_price/1', 'SELECT * FROM ma_paid', 'price', weight => 'w', resamples => 0)
)
SELECT weighted, count(*) AS measures, bool_and(said.value = found.value) AS equal, string_agg(metric, ', ') FILTER (WHERE said.value IS DISTINCT FROM found.value) AS different
FROM said LEFT JOIN found USING (weighted, metric) GROUP BY weighted ORDER BY weighted;
ROLLBACK;
-- Nothing, one class, nothing called positive, NULLs.
SELECT sira_auc(score, label), sira_brier(score, label), sira_recall(score, label, 0.5), sira_mae(score, weight) FROM ma WHERE false;
SELECT sira_auc(score, label), sira_ks(score, label), sira_average_precision(score, label), sira_log_loss(score, label), sira_recall(score, label, 0.5) FROM ma WHERE NOT label;
SELECT sira_precision(score, label, 2), sira_recall(score, label, 2), sira_f1(score, label, 2), sira_accuracy(score, label, 2) FROM ma;
SELECT sira_auc(score, label), sira_auc(score, label, weight), sira_brier(score, label), sira_recall(score, label, threshold)
FROM (VALUES (NULL, true, 1, 0.5), (0.5, NULL, 1, 0.5), (0.5, true, NULL, 0.5), (0.4, false, 1, NULL), (0.2, false, 1, 0.5), (0.9, true, 0, 0.5::float8)) AS t (score, label, weight, threshold);
SELECT sira_auc(NULL::float8, NULL::boolean), sira_r2(NULL, 1);
-- Only the order of scores counts to what ranks: infinite ones are fine, and 0 is −0.
SELECT sira_auc(score, label), sira_ks(score, label), sira_recall(score, label, 'Infinity')
FROM (VALUES ('Infinity'::float8, true), ('-Infinity', false), (0, true), ('-0', false)) AS t (score, label);
-- Groups, FILTER, DISTINCT, windows.
SELECT part, sira_auc(score, label), sira_auc(score, label) FILTER (WHERE score < 0.9) AS below, sira_accuracy(score, label, 0.4) FROM ma GROUP BY part ORDER BY part;
SELECT part, count(*), sira_auc(score, label) FROM ma GROUP BY ROLLUP (part) ORDER BY part;
SELECT sira_auc(DISTINCT score, label) = (SELECT sira_auc(score, label) FROM ma) AS distinct_rows,
       sira_auc(score, label ORDER BY weight DESC) = sira_auc(score, label ORDER BY score) AS ordered FROM ma_many;
SELECT score, label, sira_auc(score, label) OVER (ORDER BY score) AS running, sira_brier(score, label) OVER (ORDER BY score ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving,
       sira_auc(score, label) OVER () AS whole FROM ma ORDER BY score, label;
-- Regressions.
CREATE TEMP TABLE ma_price (prediction float8, actual float8, weight int);
INSERT INTO ma_price VALUES (3, 2.5, 1), (0, -0.5, 2), (2, 2, 1), (8, 7, 3), (1, 0, 1), (0, 0, 1);
SELECT sira_mae(prediction, actual), sira_rmse(prediction, actual), sira_mape(prediction, actual), sira_smape(prediction, actual), sira_r2(prediction, actual) FROM ma_price;
SELECT sira_mae(prediction, actual, weight), sira_rmse(prediction, actual, weight), sira_mape(prediction, actual, weight), sira_smape(prediction, actual, weight), sira_r2(prediction, actual, weight) FROM ma_price;
SELECT sira_mape(1, 0), sira_r2(1, 2), sira_smape(0, 0);
-- What cancels takes nothing with it.
SELECT sira_r2(1e9 + x + 0.5, 1e9 + x) = sira_r2(x + 0.5, x::float8) AS far_from_zero, sira_mae(x, 0.1) FILTER (WHERE x = 1) AS one FROM generate_series(1, 9) x;
-- The same bits from one process and from several, in any order.
CREATE TABLE ma_rows AS SELECT n, (n * 7919 % 1000) / 1000.0::float8 AS score, n::bigint * 104729 % 17 < 5 AS label, (n % 7) / 3.0::float8 AS weight FROM generate_series(1, 30000) n;
ANALYZE ma_rows;
CREATE VIEW ma_all AS SELECT ARRAY[sira_auc(score, label), sira_average_precision(score, label), sira_ks(score, label), sira_auc(score, label, weight), sira_average_precision(score, label::int, weight),
    sira_log_loss(score, label), sira_brier(score, label, weight), sira_calibration_error(score, label, weight), sira_precision(score, label, 0.3), sira_recall(score, label, 0.3, weight),
    sira_accuracy(score, label, 0.3), sira_f1(score, label, 0.3), sira_mae(score, weight), sira_rmse(score, weight, weight), sira_mape(score, weight), sira_smape(score, weight), sira_r2(score, weight, weight)] AS measured FROM ma_rows;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE ma_alone AS SELECT measured FROM ma_all;
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT sira_auc(score, label), sira_r2(score, weight) FROM ma_rows;
SELECT array_length(measured, 1) AS measures, measured = (SELECT measured FROM ma_alone) AS the_same FROM ma_all;
SELECT label, sira_mae(score, weight) > 0 AS grouped FROM ma_rows GROUP BY label ORDER BY label;
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;
-- Refused.
SELECT sira_auc('NaN'::float8, true);
SELECT sira_auc(0.5, 2);
SELECT sira_auc(0.5, 'NaN'::float8);
SELECT sira_auc(0.5, true, -1);
SELECT sira_auc(0.5, true, 'NaN');
SELECT sira_brier(1.5, true);
SELECT sira_log_loss('NaN'::float8, true);
SELECT sira_recall(0.5, true, 'NaN');
SELECT sira_mae('Infinity', 1);
SELECT sira_mae(1, '-Infinity');
SELECT sira_rmse(1e200, -1e200);
SELECT sira_auc(0.5, true, 1e-200);
SELECT sira_r2(1, 2, 1e308);
SET sira.training_memory = '1MB';
SELECT sira_auc(n, n % 2 = 0) FROM generate_series(1, 1000000) n;
RESET sira.training_memory;
-- Everybody may measure.
SELECT count(*) AS aggregates, bool_and(has_function_privilege('sira_user', p.oid, 'EXECUTE')) AS open, bool_and(p.proparallel = 's') AS parallel,
       bool_and(obj_description(p.oid, 'pg_proc') ~ 'Example: SELECT') AS explained
FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE a.aggtransfn::text ~ 'sira_(ranking|probability|decision|regression)_add$';
DROP VIEW ma_all; DROP TABLE ma_rows;
