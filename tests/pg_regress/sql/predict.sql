-- A prediction is a score, a class, a decision and one audit row; a retried call gets the first answer.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('pr', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('pr_kind', 'transaction_type', 'multiclass') IS NOT NULL AS made;
SELECT sira_create_model('pr_price', 'pricing', 'regression') IS NOT NULL AS made;
CREATE TABLE pr_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, (ARRAY['web', 'shop', 'atm'])[1 + g % 3] AS channel,
       CASE WHEN g * 7919 % 1000 > 800 OR (g * 7919 % 1000 > 300 AND g % 3 = 1) THEN 'fraud' ELSE 'fine' END AS verdict,
       (ARRAY['rent', 'food', 'fun'])[1 + (g * 7919 % 1000) / 334] AS kind, (g * 7919 % 1000) * 2.5 + g % 3 AS price
FROM generate_series(1, 400) g;
SELECT version FROM sira_train('pr', 'SELECT amount, channel, verdict FROM pr_rows', 'verdict', positive => 'fraud',
                               split => '{"method": "random"}', params => '{"num_iterations": 30, "min_data_in_leaf": 5}');
SELECT version FROM sira_train('pr_kind', 'SELECT amount, channel, kind FROM pr_rows', 'kind',
                               split => '{"method": "random"}', params => '{"num_iterations": 30, "min_data_in_leaf": 5}');
SELECT version FROM sira_train('pr_price', 'SELECT amount, channel, price FROM pr_rows', 'price',
                               split => '{"method": "random"}', params => '{"num_iterations": 30, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('pr');
SELECT count(*) FROM sira_promote('pr_kind');
SELECT count(*) FROM sira_promote('pr_price');

-- One.
CREATE TABLE pr_answer AS
SELECT * FROM sira_predict('pr', 'transaction', 'tx-1', '{"amount": 950, "channel": "shop", "note": "left out"}',
                           as_of => '2026-01-01 00:00:00+00', explain => 2, context => '{"country": "SN"}');
SELECT a.prediction_id = p.id AS id, a.score = p.score AS score, a.score = sira_score('pr', '{"amount": 950, "channel": "shop"}') AS scored,
       a.predicted_class, p.predicted_class, a.confidence = greatest(a.score, 1 - a.score) AS confidence, p.confidence = a.confidence AS logged,
       a.decision, p.decision, a.model, a.version, a.variant, a.latency_us > 0 AS took_time
FROM pr_answer a JOIN sira_predictions p ON p.id = a.prediction_id;
SELECT p.tenant_id, p.entity_type, p.entity_id, p.input_features, p.source, p.fallback, p.context, p.as_of AT TIME ZONE 'UTC' AS as_of,
       p.request_id, p.policy_id, p.created_at = transaction_timestamp() AS now, sira_uuid_v7_time(p.id) = p.created_at AS id_has_the_time,
       m.name, v.version, length(p.features_digest) AS digest, array_length(p.feature_vector, 1) AS features,
       p.raw_score = sira_raw_score('pr', '{"amount": 950, "channel": "shop"}') AS raw, p.latency_us = a.latency_us AS latency
FROM pr_answer a JOIN sira_predictions p ON p.id = a.prediction_id JOIN sira_models m ON m.id = p.model_id
JOIN sira_model_versions v ON v.id = p.model_version_id;
SELECT p.prediction - 'score' AS prediction, (p.prediction ->> 'score')::float8 = p.score AS score
FROM pr_answer a JOIN sira_predictions p ON p.id = a.prediction_id;
-- Reasons are those of sira_explain.
SELECT a.reasons = p.explanation AS logged,
       a.reasons = (SELECT jsonb_agg(jsonb_build_object('feature', feature, 'value', CASE feature WHEN 'amount' THEN to_jsonb(950) ELSE to_jsonb(value) END,
                                                        'contribution', contribution))
                    FROM sira_explain('pr', '{"amount": 950, "channel": "shop"}', 2)) AS as_explained
FROM pr_answer a JOIN sira_predictions p ON p.id = a.prediction_id;
SELECT * FROM sira_replay((SELECT prediction_id FROM pr_answer)) \gset replay_
SELECT :'replay_recorded'::float8 = :'replay_recomputed'::float8 AS same, :'replay_identical' AS identical, :'replay_note' AS note;

-- Of other tasks.
SELECT predicted_class, confidence = score AS largest, decision FROM sira_predict('pr_kind', 'transaction', 'tx-1', '{"amount": 950, "channel": "shop"}');
SELECT (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(p.prediction -> 'probabilities') key) AS classes,
       (SELECT array_agg(value::float8 ORDER BY key) FROM jsonb_each_text(p.prediction -> 'probabilities'))
       = (SELECT array_agg(x ORDER BY n) FROM unnest('{food,fun,rent}'::text[], sira_score_classes('pr_kind', '{"amount": 950, "channel": "shop"}')) u (n, x)) AS probabilities
FROM sira_predictions p JOIN sira_models m ON m.id = p.model_id WHERE m.name = 'pr_kind';
SELECT predicted_class, confidence, decision, reasons, score = sira_score('pr_price', '{"amount": 950, "channel": "shop"}') AS value
FROM sira_predict('pr_price', 'transaction', 'tx-1', '{"amount": 950, "channel": "shop"}');

-- Ids of other types.
SELECT count(*) FROM sira_predict('pr', 'of_type', 4711, '{"amount": 1}');
SELECT count(*) FROM sira_predict('pr', 'of_type', '5f0c6e1a-6d1c-4c38-9a55-0f3e8a9b2c11'::uuid, '{"amount": 1}');
SELECT count(*) FROM sira_predict('pr', 'of_type', 9223372036854775807, '{"amount": 1}');
SELECT entity_id FROM sira_predictions WHERE entity_type = 'of_type' ORDER BY 1;

-- Many: a row each, in order, numbered ids and all.
CREATE TABLE pr_batch AS SELECT *
FROM sira_predict_batch('pr', 'transaction', '{b-3,b-1,b-2}', ARRAY['{"amount": 3}', '{"amount": 900}', '{"amount": 500}']::jsonb[], explain => 1)
     WITH ORDINALITY s (prediction_id, score, predicted_class, confidence, decision, reasons, model, version, variant, latency_us, n);
SELECT n, s.score = sira_score('pr', f) AS scored, p.entity_id, jsonb_array_length(s.reasons) AS reasons
FROM pr_batch s JOIN unnest(ARRAY['{"amount": 3}', '{"amount": 900}', '{"amount": 500}']::jsonb[]) WITH ORDINALITY g (f, n) USING (n)
JOIN sira_predictions p ON p.id = s.prediction_id ORDER BY n;
SELECT count(*) AS of_none FROM sira_predict_batch('pr', 'transaction', '{}');

-- From the newest snapshot that is not later than as_of.
INSERT INTO sira_feature_snapshots (entity_type, entity_id, snapshot_ts, features)
VALUES ('transaction', 's-1', '2026-01-01 00:00:00+00', '{"amount": 10}'), ('transaction', 's-1', '2026-01-02 00:00:00+00', '{"amount": 990, "channel": "atm"}'),
       ('transaction', 's-1', '2999-01-01 00:00:00+00', '{"amount": 5}');
SELECT score = sira_score('pr', '{"amount": 990, "channel": "atm"}') AS newest FROM sira_predict('pr', 'transaction', 's-1');
SELECT score = sira_score('pr', '{"amount": 10}') AS earlier FROM sira_predict('pr', 'transaction', 's-1', as_of => '2026-01-01 12:00:00+00');
SELECT score = sira_score('pr', '{"amount": 990, "channel": "atm"}') AS at_its_moment FROM sira_predict('pr', 'transaction', 's-1', as_of => '2026-01-02 00:00:00+00');
SELECT as_of AT TIME ZONE 'UTC' AS as_of, input_features FROM sira_predictions WHERE entity_id = 's-1' ORDER BY as_of;
SELECT * FROM sira_predict('pr', 'transaction', 's-1', as_of => '2025-12-31 23:59:59+00');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('pr', 'customer', 's-1');
\echo :LAST_ERROR_SQLSTATE
-- A batch may mix both.
SELECT array_agg(score) = ARRAY[sira_score('pr', '{"amount": 990, "channel": "atm"}'), sira_score('pr', '{"amount": 7}')] AS both
FROM sira_predict_batch('pr', 'transaction', '{s-1,s-2}', ARRAY[NULL, '{"amount": 7}']::jsonb[]);

-- Retried: the first answer, one row.
CREATE TABLE pr_first AS SELECT * FROM sira_predict('pr', 'transaction', 'r-1', '{"amount": 990}', explain => 1, request_id => 'request-1');
SELECT f.prediction_id = r.prediction_id AS id, f.score = r.score AS score, f.predicted_class = r.predicted_class AS class,
       f.confidence = r.confidence AS confidence, f.reasons = r.reasons AS reasons, f.version = r.version AS version, f.latency_us = r.latency_us AS latency
FROM pr_first f, sira_predict('pr', 'transaction', 'r-1', '{"amount": 1}', request_id => 'request-1') r;
SELECT count(*) AS rows FROM sira_predictions WHERE entity_id = 'r-1';
-- The same id of another entity is another request; the same one for another model is a mistake.
SELECT (SELECT prediction_id FROM sira_predict('pr', 'transaction', 'r-2', '{"amount": 1}', request_id => 'request-1')) <> (SELECT prediction_id FROM pr_first) AS another;
SELECT * FROM sira_predict('pr_price', 'transaction', 'r-1', '{"amount": 1}', request_id => 'request-1');
\echo :LAST_ERROR_SQLSTATE
SELECT entity_id, request_id FROM sira_prediction_requests ORDER BY 1;
-- A call that failed has claimed nothing.
SELECT * FROM sira_predict('pr', 'transaction', 'r-3', '{"amount": "much"}', request_id => 'request-3');
\echo :LAST_ERROR_SQLSTATE
SELECT score = sira_score('pr', '{"amount": 3}') AS scored FROM sira_predict('pr', 'transaction', 'r-3', '{"amount": 3}', request_id => 'request-3');

-- A request whose answer went with its month is made anew, and is answered as before from then on.
UPDATE sira_prediction_requests SET prediction_id = sira_uuid_v7('2020-01-01'), created_at = '2020-01-01' WHERE request_id = 'request-3';
CREATE TABLE pr_anew AS SELECT * FROM sira_predict('pr', 'transaction', 'r-3', '{"amount": 990}', request_id => 'request-3');
SELECT a.score = sira_score('pr', '{"amount": 990}') AS scored, l.id = a.prediction_id AS logged, r.created_at = l.created_at AS claimed
FROM pr_anew a JOIN sira_prediction_requests r ON r.prediction_id = a.prediction_id JOIN sira_predictions l ON l.id = r.prediction_id;
SELECT a.prediction_id = p.prediction_id AS the_same FROM pr_anew a, sira_predict('pr', 'transaction', 'r-3', '{"amount": 1}', request_id => 'request-3') p;

-- Without the log there is an answer and no row, hence no id.
SET sira.log_predictions = off;
SELECT prediction_id, score = sira_score('pr', '{"amount": 3}') AS scored FROM sira_predict('pr', 'transaction', 'unlogged', '{"amount": 3}');
RESET sira.log_predictions;
SELECT count(*) AS rows FROM sira_predictions WHERE entity_id = 'unlogged';

-- What rolls back leaves no row.
SAVEPOINT before_it;
SELECT count(*) FROM sira_predict('pr', 'transaction', 'gone', '{"amount": 3}', request_id => 'gone');
ROLLBACK TO before_it;
SELECT (SELECT count(*) FROM sira_predictions WHERE entity_id = 'gone') AS predictions,
       (SELECT count(*) FROM sira_prediction_requests WHERE request_id = 'gone') AS requests;

-- A replay computes from what was stored: the version of then, erased features, rows written by hand.
SELECT version FROM sira_train('pr', 'SELECT amount, channel, verdict FROM pr_rows', 'verdict', positive => 'fraud',
                               split => '{"method": "random"}', params => '{"num_iterations": 3, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('pr');
SELECT sira_score('pr', '{"amount": 950, "channel": "shop"}') = a.score AS same_now, r.identical, r.note
FROM pr_answer a, sira_replay(a.prediction_id) r;
UPDATE sira_predictions SET input_features = '{}', feature_vector = NULL, erased_at = now() WHERE entity_id = 's-1';
SELECT DISTINCT recomputed, identical, note FROM sira_predictions p, sira_replay(p.id) WHERE entity_id = 's-1';
UPDATE sira_predictions SET feature_vector = ARRAY[1, 1] WHERE entity_id = 'r-2';
SELECT recomputed, identical, note FROM sira_predictions p, sira_replay(p.id) WHERE entity_id = 'r-2';
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, prediction, score)
SELECT model_version_id, 'transaction', 'by-hand', '{}', 0.5 FROM sira_predictions WHERE entity_id = 'r-1';
SELECT recorded, recomputed, identical, note FROM sira_predictions p, sira_replay(p.id) WHERE entity_id = 'by-hand';
SELECT bool_and(identical) AS all_others FROM sira_predictions p, sira_replay(p.id) WHERE entity_id NOT IN ('s-1', 'r-2', 'by-hand');
ROLLBACK;
