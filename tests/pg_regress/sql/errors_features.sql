-- Features that cannot be meant, in every shape.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('ef', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE ef_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, g % 3 = 0 AS abroad, (ARRAY['web', 'shop', 'atm'])[1 + g % 3] AS channel,
       date '2026-01-01' + g % 60 AS due, timestamptz '2026-01-01 00:00:00+00' + g * interval '1 hour' AS paid_at,
       g * 7919 % 1000 > 800 OR (g * 7919 % 1000 > 300 AND g % 3 = 1) AS bad
FROM generate_series(1, 400) g;
SELECT version FROM sira_train('ef', 'SELECT amount, abroad, channel, due, paid_at, bad FROM ef_rows', 'bad',
                               split => '{"method": "random"}', params => '{"num_iterations": 10, "min_data_in_leaf": 5}');
SELECT count(*) AS steps FROM sira_promote('ef');

-- Wrong types: JSON.
SELECT sira_score('ef', '{"amount": "much"}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": "12"}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": [1]}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": {"value": 1}}'::json);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"abroad": "yes"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"channel": ["web"]}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"due": 20260101}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"due": "soon"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"due": "2026-02-30"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"due": "2026-02-01 and more"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"paid_at": "2026-02-01 25:00"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"paid_at": 1767225600}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"paid_at": "yesterday noon"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"paid_at": true}');
\echo :LAST_ERROR_SQLSTATE
-- Wrong types: rows.
SELECT sira_score('ef', r) FROM (SELECT 'much'::text AS amount) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT now() AS amount) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT '2026-01-01'::text AS due) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT now() AS due) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT 1 AS paid_at) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT ARRAY[1.0] AS amount) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT '{"a": 1}'::jsonb AS amount) r;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('ef', (SELECT r FROM (SELECT 'much'::text AS amount) r));
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('ef', 'transaction', '1', '{"amount": "much"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict_batch('ef', 'transaction', '{1,2}', ARRAY['{"amount": 1}', '{"amount": "much"}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS logged FROM sira_predictions;

-- Arrays of the wrong length or shape.
SELECT sira_score('ef', ARRAY[1.0, 0.0]::float8[]);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{}'::float8[]);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', ARRAY[1, 0, 1, 20454, 1767225600, 7]::float8[]);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', ARRAY[[1, 0, 1, 20454, 1767225600]]::float8[]);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', ARRAY[[1, 0], [1, 20454]]::float8[]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict_batch('ef', 'transaction', '{1,2}', ARRAY['{"amount": 1}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE

-- NULL for the whole is an error; NULL inside is a missing value.
SELECT sira_score('ef', NULL::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', NULL::json);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', NULL::float8[]);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', NULL::text);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', NULL::ef_rows);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT 1) x LEFT JOIN ef_rows r ON false;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('ef', NULL::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', 'null'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": null, "channel": null}'::jsonb) = sira_score('ef', ARRAY[NULL, NULL, NULL, NULL, NULL]::float8[]) AS missing;

-- Categories that training never saw are missing values.
SELECT sira_score('ef', '{"amount": 900, "channel": "pigeon"}'::jsonb) = sira_score('ef', '{"amount": 900}'::jsonb) AS missing;
SELECT sira_score('ef', '{"amount": 900, "channel": ""}'::jsonb) = sira_score('ef', '{"amount": 900}'::jsonb) AS missing;
SELECT sira_score('ef', r) = sira_score('ef', '{"amount": 900}'::jsonb) AS missing FROM (SELECT 900 AS amount, 'pigeon' AS channel) r;
SELECT sira_score('ef', '{"amount": 900, "channel": "web"}'::jsonb) = sira_score('ef', '{"amount": 900}'::jsonb) AS seen_is_missing;

-- JSON that is no object, not JSON, or beyond float8.
SELECT sira_score('ef', '[1, 2]'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '7'::json);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '"amount"');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{amount: 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": 1');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": NaN}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": 1e400}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": -1e400}');
\echo :LAST_ERROR_SQLSTATE
-- In a row it compares as infinity does.
SELECT sira_score('ef', r) = sira_score('ef', s) AS as_infinity
FROM (SELECT 1e400::numeric AS amount) r, (SELECT 'Infinity'::float8 AS amount) s;
SELECT sira_score('ef', r) FROM (SELECT interval '1 day' AS channel) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', repeat('[', 1000));
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('ef', 'transaction', '1', '[]');
\echo :LAST_ERROR_SQLSTATE

-- Infinite times mean nothing; infinite numbers are numbers.
SELECT sira_score('ef', '{"due": "infinity"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"paid_at": "-infinity"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT 'infinity'::date AS due) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT '-infinity'::timestamptz AS paid_at) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) = sira_score('ef', '{"amount": "Infinity"}'::jsonb) AS the_same FROM (SELECT 'infinity'::float8 AS amount) r;
SELECT sira_score('ef', r) = sira_score('ef', '{"amount": "NaN"}'::jsonb) AS the_same FROM (SELECT 'NaN'::float8 AS amount) r;

-- Unknown features are ignored, and refused where the DBA is strict.
SELECT sira_score('ef', '{"amount": 900, "colour": "red"}'::jsonb) = sira_score('ef', '{"amount": 900}'::jsonb) AS ignored;
SET sira.strict_features = on;
SELECT sira_score('ef', '{"amount": 900, "abroad": true, "channel": "web", "due": "2026-01-05", "paid_at": "2026-01-05", "colour": 1}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{"amount": 900, "abroad": true}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT 1 AS amount, 2 AS colour) r;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('ef', '{"colour": "red"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('ef', 'transaction', '1', '{"colour": "red"}');
\echo :LAST_ERROR_SQLSTATE
-- A table may have other columns: rows are held to have the model's features, not to have no others.
SELECT sira_score('ef', r) IS NOT NULL AS scored FROM ef_rows r WHERE id = 1;
RESET sira.strict_features;
-- Where nothing at all binds, the names are wrong rather than the values missing.
SELECT sira_score('ef', '{"colour": "red"}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', r) FROM (SELECT 1 AS colour) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ef', '{}'::jsonb);
\echo :LAST_ERROR_SQLSTATE

-- Explanations.
SELECT * FROM sira_explain('ef', '{"amount": 1}', -1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_explain('ef', '{"amount": 1}', class => 'true');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict('ef', 'transaction', '1', '{"amount": 1}', explain => -1);
\echo :LAST_ERROR_SQLSTATE

-- Snapshots and replays that are not there.
SELECT * FROM sira_predict('ef', 'transaction', 'ef-none');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_predict_batch('ef', 'transaction', '{ef-none}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_replay('00000000-0000-0000-0000-000000000000');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_replay('01890a5d-ac96-774b-bcce-b302099a8057');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
