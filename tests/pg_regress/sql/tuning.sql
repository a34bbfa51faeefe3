-- Studies: trials on folds in order of time, the best trained and registered; in steps, on a budget, and what is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('tu', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('tu_price', 'pricing', 'regression') IS NOT NULL AS made;
CREATE TABLE tu_rows AS
SELECT g AS id, (g::bigint * 7919 % 1000)::float8 AS amount, 'c' || g % 5 AS channel, hashint4(g) % 100 AS noise, (g::bigint * 7919 % 1000) * 2 + g % 7 AS price,
       (g::bigint * 7919 % 1000) + hashint4(g + 1000000) % 300 > 700 AS bad, timestamptz '2026-01-01 00:00:00+00' + g * interval '1 minute' AS paid_at
FROM generate_series(1, 2000) g;
\set query '''SELECT amount, channel, noise, paid_at, bad FROM tu_rows'''
\set space '''{"num_leaves": {"low": 4, "high": 64, "log": true, "int": true}, "learning_rate": {"low": 0.02, "high": 0.5, "log": true}, "boosting": ["gbdt", "goss"]}'''
\set params '''{"num_iterations": 27, "min_data_in_leaf": 10}'''

-- Each method: its trials, and one best, which is the version.
CREATE TABLE tu_random AS SELECT * FROM sira_tune('tu', :query, 'bad', :space, trials => 8, time_column => 'paid_at', params => :params, method => 'random', embargo => '10 minutes');
CREATE TABLE tu_tpe AS SELECT * FROM sira_tune('tu', :query, 'bad', :space, trials => 16, time_column => 'paid_at', params => :params, folds => 2, calibration => 'platt');
CREATE TABLE tu_halving AS SELECT * FROM sira_tune('tu', :query, 'bad', :space, trials => 9, time_column => 'paid_at', params => :params, method => 'halving', notes => 'halved');
SELECT method, count(*) AS trials, count(DISTINCT parameters) AS parameters, bool_and(status = 'completed') AS completed, bool_and(cardinality(fold_values) = folds) AS folds,
       bool_and(abs(value - (SELECT avg(v) FROM unnest(fold_values) v)) < 1e-15) AS means, count(*) FILTER (WHERE best) AS best, min(value) = min(value) FILTER (WHERE best) AS least, max(version) AS version
FROM (SELECT 'random' AS method, 3 AS folds, * FROM tu_random UNION ALL SELECT 'tpe', 2, * FROM tu_tpe UNION ALL SELECT 'halving', 3, * FROM tu_halving) t
GROUP BY 1 ORDER BY 1;
SELECT bool_and((parameters ->> 'num_leaves')::int BETWEEN 4 AND 64 AND (parameters ->> 'learning_rate')::float8 BETWEEN 0.02 AND 0.5 AND parameters ->> 'boosting' IN ('gbdt', 'goss')) AS in_the_space
FROM (SELECT parameters FROM tu_random UNION ALL SELECT parameters FROM tu_tpe UNION ALL SELECT parameters FROM tu_halving) t;
SELECT s.method, s.status, s.metric, s.higher_is_better, s.folds, s.best_trial = t.number AS best, v.version = s.version AND v.id = s.model_version_id AS version, r.id = s.run_id AS run,
       v.parameters @> (s.params || jsonb_build_object('num_leaves', t.parameters -> 'num_leaves', 'boosting', t.parameters -> 'boosting')) AS trained_with_them,
       (v.parameters ->> 'learning_rate')::float8 = (t.parameters ->> 'learning_rate')::float8 AS and_rate, v.signature #>> '{calibration,method}' AS calibration,
       v.status AS stage, s.data_digest IS NOT NULL AS digest, regexp_replace(r.notes, '[0-9a-f-]{36}', 'ID') AS notes
FROM sira_tuning_studies s JOIN sira_tuning_trials t ON t.study_id = s.id AND t.number = s.best_trial JOIN sira_model_versions v ON v.id = s.model_version_id
JOIN sira_training_runs r ON r.id = v.training_run_id ORDER BY s.version;
-- The rungs: thirds of the trials with three times the rounds, those of the least values.
SELECT t.rung, t.rung_rounds, count(*) AS trials, max(greatest_round) <= t.rung_rounds AS within
FROM sira_tuning_trials t JOIN sira_tuning_studies s ON s.id = t.study_id, LATERAL (SELECT max(r) AS greatest_round FROM unnest(t.rounds) r) m
WHERE s.method = 'halving' GROUP BY 1, 2 ORDER BY 1;
SELECT above.rung, array_agg(above.parameters ORDER BY above.trial)
       = (SELECT array_agg(parameters ORDER BY value, trial) FROM (SELECT * FROM tu_halving b WHERE b.rung = above.rung - 1 ORDER BY value, trial LIMIT CASE above.rung WHEN 2 THEN 3 ELSE 1 END) b) AS the_best_of_the_rung_below
FROM tu_halving above WHERE above.rung > 1 GROUP BY 1 ORDER BY 1;
-- A value is what a training on the same rows gives: folds are parts of the rows before the test part, one after the other.
CREATE TABLE tu_check AS
SELECT b.fold_values[3] AS value, b.rounds[3] AS round, t.run_id
FROM tu_halving b, LATERAL sira_train('tu', 'SELECT amount, channel, noise, paid_at, bad FROM tu_rows ORDER BY paid_at LIMIT 1600', 'bad', time_column => 'paid_at',
    params => '{"num_iterations": 27, "min_data_in_leaf": 10}'::jsonb || b.parameters, split => '{"method": "time", "train": 0.75, "validation": 0.25, "test": 0}') t WHERE b.best;
SELECT r.train_size, r.validation_size, abs((h ->> 'validation')::float8 - c.value) < 1e-15 AS same_as_trained
FROM tu_check c JOIN sira_training_runs r ON r.id = c.run_id, jsonb_array_elements(r.history) h WHERE (h ->> 'round')::int = c.round;

-- The same again, trial by trial, with the same seed; others with another.
SELECT bool_and(a.parameters = b.parameters AND a.fold_values = b.fold_values AND a.rounds = b.rounds) AS repeats
FROM tu_tpe a JOIN sira_tune('tu', :query, 'bad', :space, trials => 16, time_column => 'paid_at', params => :params, folds => 2, calibration => 'platt') b USING (trial);
SELECT bool_or(a.parameters = b.parameters) AS some_repeat
FROM tu_random a JOIN sira_tune('tu', :query, 'bad', :space, trials => 8, time_column => 'paid_at', params => :params, method => 'random', seed => 7) b USING (trial);
SELECT count(DISTINCT artifact_digest) AS artifacts FROM sira_model_versions v JOIN sira_tuning_studies s ON s.model_version_id = v.id WHERE s.method = 'tpe';

-- In steps, which go on where they stopped: as if in one.
SELECT sira_create_study('tu', :query, 'bad', :space, trials => 9, time_column => 'paid_at', params => :params, method => 'halving') AS study \gset
SELECT sira_tuning_step(:'study') AS more;
SELECT sira_tuning_step(:'study') AS more;
SELECT status, version, (SELECT count(*) FROM sira_tuning_trials WHERE study_id = id) AS trials FROM sira_tuning_studies WHERE id = :'study';
SELECT bool_and(a.rung = b.rung AND a.parameters = b.parameters AND a.fold_values = b.fold_values) AS as_in_one, count(*) AS trials, max(b.version) IS NOT NULL AS registered
FROM tu_halving a JOIN sira_tune(resume => :'study') b USING (trial);
SELECT sira_tuning_step(:'study') AS more;
SELECT count(*) AS once_more FROM sira_tune(resume => :'study');
-- A budget of seconds: at least one trial, and then the best of what there is.
SELECT count(*) BETWEEN 1 AND 999 AS some, count(*) FILTER (WHERE best) AS best, max(version) IS NOT NULL AS registered, sum(elapsed_seconds) >= 0.02 AS spent,
       sum(elapsed_seconds) - max(elapsed_seconds) < 0.02 AS and_no_more
FROM sira_tune('tu', :query, 'bad', :space, trials => 1000, seconds => 0.02, time_column => 'paid_at', params => :params, method => 'random');

-- What fails is a row that says why; the others count.
SELECT trial, status, value IS NULL AS no_value, error_message, best
FROM sira_tune('tu', :query, 'bad', '{"min_data_in_leaf": [10, 100000]}', trials => 2, time_column => 'paid_at', params => '{"num_iterations": 5}', method => 'random') ORDER BY status;
-- (the message holds the study)
\set VERBOSITY sqlstate
SELECT * FROM sira_tune('tu', :query, 'bad', '{"min_data_in_leaf": [100000]}', trials => 2, time_column => 'paid_at', params => '{"num_iterations": 5}');
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
-- Folds by chance where there is no time; another task and measure.
SELECT count(*) AS trials, bool_and(cardinality(fold_values) = 4) AS folds, min(value) = min(value) FILTER (WHERE best) AS least, min(value) BETWEEN 1 AND 100 AS errors
FROM sira_tune('tu_price', 'SELECT amount, channel, price FROM tu_rows', 'price', '{"num_leaves": [7, 15, 31]}', trials => 3,
    split => '{"method": "random"}', params => '{"num_iterations": 30, "metric": "rmse"}', method => 'random', folds => 4);
SELECT max(value) = max(value) FILTER (WHERE best) AS greatest, bool_and(value BETWEEN 0.5 AND 1) AS areas
FROM sira_tune('tu', :query, 'bad', '{"num_leaves": [7, 15, 31]}', trials => 3, time_column => 'paid_at', params => '{"num_iterations": 5, "metric": "auc"}', method => 'random');
SELECT DISTINCT metric, higher_is_better FROM sira_tuning_studies ORDER BY metric;

-- Rows that changed; a study of nobody, of another role.
SELECT sira_create_study('tu', :query, 'bad', :space, trials => 3, time_column => 'paid_at', params => :params) AS study \gset
SELECT sira_tuning_step(:'study') AS more;
UPDATE tu_rows SET noise = noise + 1 WHERE id = 77;
\set VERBOSITY sqlstate
SELECT sira_tuning_step(:'study') AS more;
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
SELECT sira_tuning_step('01890a5d-ac96-774b-bcce-b302099a8057');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_tuning_step(NULL);
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_tuning_studies SET started_by = 'somebody' WHERE id = :'study';
\set VERBOSITY sqlstate
SELECT sira_tuning_step(:'study') AS more;
\set VERBOSITY default
SET ROLE sira_user;
SELECT count(*) > 20 AS read FROM sira_tuning_trials;
UPDATE sira_tuning_trials SET value = 0;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- What is refused before anything is tried.
SELECT sira_create_study('tu', :query, 'bad', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', '{"num_leaves": {"low": 9, "high": 3}}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', '{"num_leaves": {"low": 1, "high": 3, "int": true}}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', '{"leaves": [3, 4]}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', '{"application": ["binary", "cross_entropy"]}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', '{"n_estimators": [10, 20]}', method => 'halving');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', :space, method => 'grid');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', :space, trials => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', :space, seconds => 'NaN');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu', :query, 'bad', :space, folds => 50);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_create_study('tu_none', :query, 'bad', :space);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_tune();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_tune('tu', :query, 'bad', :space, trials => 1, time_column => 'paid_at', folds => 3, embargo => '40 days');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
