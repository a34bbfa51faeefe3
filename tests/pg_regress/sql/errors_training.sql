-- Training that cannot be meant. None of these leaves a version or a run.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('et', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('et_classes', 'transaction_type', 'multiclass') IS NOT NULL AS made;
SELECT sira_create_model('et_value', 'pricing', 'regression') IS NOT NULL AS made;
SELECT sira_create_model('et_odd', 'anomaly_detection', 'anomaly') IS NOT NULL AS made;
CREATE TABLE et_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, 'c' || g % 5 AS channel, g * 7919 % 1000 > 800 AS bad, g % 3 AS kind,
       timestamptz '2026-01-01 00:00:00+00' + g * interval '1 hour' AS paid_at, 1.0 AS w
FROM generate_series(1, 300) g;

-- The label.
SELECT * FROM sira_train('et', 'SELECT amount, true AS bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, NULL::boolean AS bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, kind FROM et_rows', 'kind', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'fraud', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', NULL, split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', positive => 'yes', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_classes', 'SELECT amount, 1 AS kind FROM et_rows', 'kind', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_classes', 'SELECT amount, kind FROM et_rows', 'kind', positive => '1', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_classes', 'SELECT amount, g AS kind FROM et_rows, generate_series(1, 2000) g', 'kind', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_value', 'SELECT amount, channel FROM et_rows', 'channel', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_value', 'SELECT id, amount / (CASE id WHEN 7 THEN ''infinity''::float8 ELSE 1 END) AS amount, CASE id WHEN 8 THEN ''infinity''::float8 ELSE 1 END AS y FROM et_rows', 'y', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_value', 'SELECT amount, 5 AS y FROM et_rows', 'y', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_value', 'SELECT amount, NULL::float8 AS y FROM et_rows', 'y', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et_odd', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE

-- The query.
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows WHERE false', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', '', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'DELETE FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'DELETE FROM et_rows RETURNING amount, bad', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'WITH gone AS (DELETE FROM et_rows RETURNING amount, bad) SELECT * FROM gone', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'EXPLAIN SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows; SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'COMMIT', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount FROM et_absent', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELEKT amount', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, amount, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount / (id - 5) AS ratio, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS rows_still_there FROM et_rows;

-- Columns in their roles.
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', time_column => 'paid');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, channel, bad FROM et_rows', 'bad', time_column => 'channel');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, nullif(paid_at, ''2026-01-01 05:00:00+00'') AS paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, CASE id WHEN 9 THEN ''infinity'' ELSE paid_at END AS paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, CASE id WHEN 9 THEN ''-infinity'' ELSE paid_at::date END AS due, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', weight => 'w', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, channel, bad FROM et_rows', 'bad', weight => 'channel', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, 4 - id AS w, bad FROM et_rows', 'bad', weight => 'w', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, nullif(w, 1) AS w, bad FROM et_rows', 'bad', weight => 'w', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, 0 AS w, bad FROM et_rows', 'bad', weight => 'w', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', exclude => '{id}', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', exclude => '{amount}', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', group_column => 'customer', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, ''rumour''::text AS label_source, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE

-- Parameters.
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"leaves": 3}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"num_leaves": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"learning_rate": 0}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"learning_rate": "fast"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"num_leaves": 3.5}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"eta": 0.1, "learning_rate": 0.2}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"objective": "poisson"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"num_threads": 8}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 1e400}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random"}', params => '[]');
\echo :LAST_ERROR_SQLSTATE

-- Splits.
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "alphabet"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"train": 0.5}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random", "holdout": 0.5}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random", "train": 0.9, "test": 0.9}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows', 'bad', split => '{"method": "random", "train": -1, "test": 2}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', split => '{"method": "time", "test_from": "2026-01-05", "train": 0.5}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', split => '{"method": "time", "test_from": "some day"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', split => '{"method": "time", "test_from": "infinity"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', split => '{"method": "time", "validation_from": "2026-01-09", "test_from": "2026-01-05"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', split => '{"method": "time", "test_from": "2020-01-05"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', embargo => '1 month');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', embargo => '-1 day');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, paid_at, bad FROM et_rows', 'bad', time_column => 'paid_at', embargo => '1000 days');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, bad FROM et_rows LIMIT 2', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE

-- Memory, before it is used.
-- A text that is no category, a type that is no feature; excluded, either may be there.
SELECT * FROM sira_train('et', 'SELECT amount, repeat(''x'', 2000) AS story, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('et', 'SELECT amount, interval ''1 day'' AS since, bad FROM et_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
SELECT status FROM sira_train('et', 'SELECT amount, repeat(''x'', 2000) AS story, interval ''1 day'' AS since, bad FROM et_rows', 'bad', exclude => '{story,since}', split => '{"method": "random"}', params => '{"num_iterations": 2, "min_data_in_leaf": 2}');
SET sira.training_memory = '1MB';
SELECT * FROM sira_train('et', 'SELECT e.*, e.amount + g AS more FROM (SELECT amount, bad FROM et_rows) e, generate_series(1, 400) g', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
RESET sira.training_memory;

SELECT (SELECT count(*) FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE m.name LIKE 'et%') AS versions,
       (SELECT count(*) FROM sira_training_runs) AS runs, (SELECT count(*) FROM sira_model_artifacts) AS artifacts;
ROLLBACK;
