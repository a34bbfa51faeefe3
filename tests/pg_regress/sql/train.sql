-- Training: from a query to a candidate, with everything written down that a repetition needs.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('tn', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('tn_kind', 'transaction_type', 'multiclass') IS NOT NULL AS made;
SELECT sira_create_model('tn_price', 'pricing', 'regression') IS NOT NULL AS made;
CREATE TABLE tn_rows AS
SELECT g AS id, timestamptz '2026-01-01 00:00:00+00' + (g - 1) * interval '1 hour' AS paid_at, (g * 7919 % 1000)::float8 AS amount,
       CASE g % 10 WHEN 0 THEN NULL ELSE (ARRAY['web', 'shop', 'atm'])[1 + g % 3] END AS channel, g % 7 AS noise,
       (g * 7919 % 1000 > 700) <> (g % 13 = 0) AS bad, (ARRAY['rent', 'food', 'fun'])[1 + (g * 7919 % 1000) / 334] AS kind,
       g * 7919 % 1000 * 2.5 + g % 3 AS price, (ARRAY['human', 'rule', 'import'])[1 + g % 3] AS label_source, 1 + g % 2 AS w
FROM generate_series(1, 1000) g;
CREATE TABLE tn_digests (what text, version int, train bigint, validation bigint, test bigint, digest bytea);
CREATE FUNCTION tn_train(what text, query text, more text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    EXECUTE format($q$SELECT * FROM sira_train('tn', %L, 'bad', params => '{"num_iterations": 20, "num_leaves": 7, "min_data_in_leaf": 10}', %s)$q$, query, more) INTO t;
    INSERT INTO tn_digests SELECT what, t.version, t.rows_train, t.rows_validation, t.rows_test, v.artifact_digest
    FROM sira_model_versions v WHERE v.training_run_id = t.run_id;
END
$$;
SELECT sira_define_request_feature('amount', 'transaction'), sira_define_request_feature('channel', 'transaction', 'text'),
       sira_define_request_feature('noise', 'transaction'), sira_define_feature_set('cards', 'transaction', '{amount,channel,noise}');

-- By time: 70, 10, 20 per cent.
SELECT version, status, rows_train, rows_validation, rows_test, seconds > 0 AS took_time,
       (metrics ->> 'auc')::float8 > 0.8 AS learnt, (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(metrics) key) AS metrics
FROM sira_train('tn', 'SELECT id AS entity_id, paid_at AS as_of, amount, channel, noise, bad FROM tn_rows', 'bad',
                params => '{"rounds": 20, "num_leaves": 7, "min_child_samples": 10}', feature_set => 'cards', notes => 'the first');
SELECT (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(metrics -> 'validation') key) AS of_the_validation,
       (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(metrics -> 'confusion') key) AS confusion,
       (SELECT sum(value::int) FROM jsonb_each_text(metrics -> 'confusion')) AS rows_counted, metrics -> 'threshold' AS threshold
FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE m.name = 'tn';
-- The row of the run.
SELECT r.status, r.query, r.label, r.split, r.embargo, r.feature_count, r.train_size, r.validation_size, r.test_size, r.class_count, r.seed,
       r.threads, r.feature_set, r.notes, r.error_message, r.options - '{best_round,build,settings}'::text[] AS options, r.options ->> 'build' <> '' AS build,
       r.options #>> '{settings,TimeZone}' AS time_zone
FROM sira_training_runs r \gx
SELECT r.metrics = v.metrics AS metrics, r.artifact_digest = v.artifact_digest AS artifact, r.model_version_id = v.id AND v.training_run_id = r.id AS version,
       r.params = v.parameters AS parameters, r.params ->> 'num_iterations' AS rounds, r.params ->> 'min_data_in_leaf' AS by_its_own_name,
       length(r.data_digest) AS data_digest, r.library_version = sira_lightgbm_version() AS library, r.started_by = session_user AS by_me,
       r.finished_at > r.started_at AS took_time, jsonb_array_length(r.history) AS rounds_in_history,
       (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(r.history -> 0) key) AS history,
       (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(r.feature_importance -> 0) key) AS importance,
       (SELECT string_agg(i ->> 'feature', ' ' ORDER BY i ->> 'feature') FROM jsonb_array_elements(r.feature_importance) i) AS features,
       (r.options ->> 'best_round')::int BETWEEN 1 AND 20 AS best_round
FROM sira_training_runs r JOIN sira_model_versions v ON v.artifact_digest = r.artifact_digest \gx

-- The same again is the same to the last byte, whatever the order of the rows; another seed is not.
SELECT tn_train('first', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows', 'time_column => ''paid_at''');
SELECT tn_train('again', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows', 'time_column => ''paid_at''');
SELECT tn_train('backwards', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows ORDER BY id DESC', 'time_column => ''paid_at''');
SELECT tn_train('random', 'SELECT amount, channel, noise, bad FROM tn_rows', 'split => ''{"method": "random"}''');
SELECT tn_train('random again', 'SELECT amount, channel, noise, bad FROM tn_rows ORDER BY amount', 'split => ''{"method": "random"}''');
SELECT tn_train('random, other seed', 'SELECT amount, channel, noise, bad FROM tn_rows', 'split => ''{"method": "random"}'', seed => 7');
-- The random split of shares that the caller gives; bounds of time; an embargo before each border.
SELECT tn_train('random, 50 to 50', 'SELECT amount, channel, noise, bad FROM tn_rows', 'split => ''{"method": "random", "train": 0.5, "test": 0.5}''');
SELECT tn_train('bounds', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows', 'time_column => ''paid_at'', split => ''{"method": "time", "validation_from": "2026-01-21", "test_from": "2026-02-01 00:00+00"}''');
SELECT tn_train('bounds, embargo', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows', 'time_column => ''paid_at'', embargo => ''2 days'', split => ''{"method": "time", "validation_from": "2026-01-21", "test_from": "2026-02-01"}''');
SELECT tn_train('test bound only', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows', 'time_column => ''paid_at'', split => ''{"method": "time", "test_from": "2026-02-01"}''');
SELECT tn_train('embargo', 'SELECT paid_at, amount, channel, noise, bad FROM tn_rows', 'time_column => ''paid_at'', embargo => ''10 hours''');
-- Weights: from where the label came, from a column, none.
SELECT tn_train('label sources', 'SELECT amount, channel, noise, label_source, bad FROM tn_rows', 'split => ''{"method": "random"}''');
SELECT tn_train('the same as numbers', 'SELECT amount, channel, noise, CASE label_source WHEN ''human'' THEN 3.0 WHEN ''rule'' THEN 1.0 ELSE 0.5 END AS w, bad FROM tn_rows', 'split => ''{"method": "random"}'', weight => ''w''');
SELECT tn_train('column', 'SELECT amount, channel, noise, w, bad FROM tn_rows', 'split => ''{"method": "random"}'', weight => ''w''');
-- What is left out: columns by name, rows without a label.
SELECT tn_train('excluded', 'SELECT id, amount, channel, noise, kind, bad FROM tn_rows', 'split => ''{"method": "random"}'', exclude => ''{id,kind}''');
SELECT tn_train('unlabelled', 'SELECT amount, channel, noise, CASE WHEN id % 4 > 0 THEN bad END AS bad FROM tn_rows', 'split => ''{"method": "random"}''');
SELECT what, train, validation, test, digest = (SELECT digest FROM tn_digests WHERE what = 'first') AS as_first,
       digest = (SELECT digest FROM tn_digests WHERE what = 'random') AS as_random, digest = (SELECT digest FROM tn_digests WHERE what = 'label sources') AS as_weighted
FROM tn_digests ORDER BY version;
SELECT v.version, r.options -> 'rows_without_label' AS unlabelled, r.options -> 'rows_in_embargo' AS in_embargo, r.embargo
FROM sira_training_runs r JOIN sira_model_versions v ON v.id = r.model_version_id
WHERE r.options -> 'rows_without_label' <> '0' OR r.options -> 'rows_in_embargo' <> '0' ORDER BY 1;

-- The positive class: true, 1, the one that is named, else the rarer.
SELECT count(*) FROM sira_train('tn', 'SELECT amount, bad::int AS y FROM tn_rows', 'y', split => '{"method": "random"}', params => '{"rounds": 2}');
SELECT count(*) FROM sira_train('tn', 'SELECT amount, CASE WHEN bad THEN ''fraud'' ELSE ''fine'' END AS y, paid_at FROM tn_rows', 'y', time_column => 'paid_at', params => '{"rounds": 2}');
SELECT count(*) FROM sira_train('tn', 'SELECT amount, CASE WHEN bad THEN ''fraud'' ELSE ''fine'' END AS y, paid_at FROM tn_rows', 'y', positive => 'fine', time_column => 'paid_at', params => '{"rounds": 2}');
SELECT count(*) FROM sira_train('tn', 'SELECT amount, CASE WHEN bad THEN 1 ELSE 2 END AS y FROM tn_rows', 'y', split => '{"method": "random"}', params => '{"rounds": 2}');
SELECT v.signature -> 'classes' AS classes, v.signature -> 'positive' AS positive, r.options -> 'positive' AS run_says, r.class_count
FROM sira_model_versions v JOIN sira_training_runs r ON r.id = v.training_run_id WHERE r.label = 'y' ORDER BY v.version;
SELECT max(version) AS newest FROM sira_training_runs r JOIN sira_model_versions v ON v.id = r.model_version_id WHERE r.label = 'y' \gset
SELECT abs(sira_score('tn/' || (:newest - 2), '{"amount": 900}'::jsonb) + sira_score('tn/' || (:newest - 1), '{"amount": 900}'::jsonb) - 1) < 1e-9 AS each_others_complement;

-- Other tasks.
SELECT (metrics ->> 'accuracy')::float8 > 0.9 AS learnt, (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(metrics) key) AS metrics
FROM sira_train('tn_kind', 'SELECT amount, channel, kind FROM tn_rows', 'kind', split => '{"method": "random"}', params => '{"rounds": 20, "min_data_in_leaf": 10}');
SELECT r.class_count, v.signature -> 'classes' AS classes, jsonb_array_length(v.metrics -> 'confusion') AS confusion
FROM sira_training_runs r JOIN sira_model_versions v ON v.id = r.model_version_id WHERE r.label = 'kind';
SELECT (metrics ->> 'r2')::float8 > 0.9 AS learnt, (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(metrics) key) AS metrics
FROM sira_train('tn_price', 'SELECT amount, channel, price FROM tn_rows', 'price', split => '{"method": "random"}', params => '{"rounds": 50, "min_data_in_leaf": 10}');
SELECT r.class_count, v.signature -> 'classes' AS classes, v.signature -> 'task' AS task
FROM sira_training_runs r JOIN sira_model_versions v ON v.id = r.model_version_id WHERE r.label = 'price';
SELECT count(*) FROM sira_train('tn_price', 'SELECT amount, price FROM tn_rows', 'price', split => '{"method": "random"}', params => '{"objective": "mae", "rounds": 2, "boosting": "dart"}');

-- Early stopping: as many trees as the best round, and a history that goes on behind it.
SELECT count(*) FROM sira_train('tn', 'SELECT noise, id % 11 AS more_noise, id % 5 = hashint4(id) % 5 AS stop FROM tn_rows', 'stop', split => '{"method": "random"}',
                                params => '{"rounds": 500, "early_stopping_rounds": 5, "min_data_in_leaf": 5}');
SELECT (options ->> 'best_round')::int < 500 AS stopped, jsonb_array_length(history) - (options ->> 'best_round')::int AS rounds_behind_the_best
FROM sira_training_runs WHERE label = 'stop';

-- A query runs as the caller and sees what the caller sees; what rolls back leaves nothing.
CREATE ROLE tn_admin IN ROLE sira_admin;
SET ROLE tn_admin;
SELECT * FROM sira_train('tn', 'SELECT amount, bad FROM tn_rows', 'bad', split => '{"method": "random"}');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT count(*) AS runs FROM sira_training_runs \gset
SAVEPOINT before_it;
SELECT count(*) FROM sira_train('tn', 'SELECT amount, noise * 2 AS twice, bad FROM tn_rows', 'bad', split => '{"method": "random"}', params => '{"rounds": 2}');
ROLLBACK TO before_it;
SELECT count(*) = :runs AS as_before FROM sira_training_runs;
ROLLBACK;
