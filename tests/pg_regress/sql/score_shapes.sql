-- The same input gives the same score, to the last bit, in whatever shape it comes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE DOMAIN ss_amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE TYPE ss_channel AS ENUM ('web', 'shop', 'atm');
CREATE TABLE ss_rows AS
SELECT g AS id, (g * 7919 % 100003 / 100.0)::ss_amount AS amount, nullif(g % 24, 5)::smallint AS hour, (g % 97)::bigint AS visits,
       (g % 13 / 7.0)::real AS ratio, nullif(g * 31 % 500 / 3.0, 0)::float8 AS speed, (g % 9)::integer AS age,
       CASE g % 11 WHEN 0 THEN NULL ELSE (ARRAY['web', 'shop', 'atm'])[1 + g % 3]::ss_channel END AS channel,
       CASE g % 7 WHEN 0 THEN NULL ELSE 'city' || g % 17 END AS city, nullif(g % 5, 0) = 1 AS abroad,
       date '2026-01-01' + g % 90 AS due, timestamp '2026-01-01 00:00:00' + g * interval '61 minutes 1.000001 seconds' AS local_at,
       CASE g % 19 WHEN 0 THEN NULL ELSE timestamptz '2026-01-01 00:00:00+00' + g * interval '37 minutes' END AS paid_at
FROM generate_series(1, 1200) g;
-- The labels need every column, so that every column has a say in the scores.
CREATE VIEW ss_training AS
SELECT s.*, x.points, x.points > 6 AS bad, CASE WHEN x.points > 6 THEN 'high' WHEN x.points > 4 THEN 'middle' ELSE 'low' END AS risk
FROM ss_rows s, LATERAL (SELECT (amount > 500)::int + (coalesce(hour, 0) > 12)::int + (visits > 50)::int + (ratio > 1)::int
    + (coalesce(speed, 0) > 80)::int + (age > 4)::int + (channel IS NOT DISTINCT FROM 'atm')::int + (coalesce(city, '') > 'city3')::int
    + coalesce(abroad, true)::int + (due > '2026-02-10')::int + (extract(day FROM local_at) > 15)::int
    + (coalesce(paid_at, 'epoch') > '2026-01-20')::int) x (points);
SELECT sira_create_model('ss', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('ss_risk', 'risk_scoring', 'multiclass') IS NOT NULL AS made;
SELECT sira_create_model('ss_points', 'risk_scoring', 'regression') IS NOT NULL AS made;
SELECT version FROM sira_train('ss', 'SELECT * FROM ss_training', 'bad', exclude => '{id,points,risk}', split => '{"method": "random"}',
    params => '{"num_iterations": 60, "num_leaves": 15, "min_data_in_leaf": 3, "early_stopping_rounds": 0, "feature_fraction": 0.5}');
SELECT version FROM sira_train('ss_risk', 'SELECT * FROM ss_training', 'risk', exclude => '{id,points,bad}', split => '{"method": "random"}',
    params => '{"num_iterations": 20, "num_leaves": 15, "min_data_in_leaf": 3, "early_stopping_rounds": 0, "feature_fraction": 0.5}');
SELECT version FROM sira_train('ss_points', 'SELECT * FROM ss_training', 'points', exclude => '{id,risk,bad}', split => '{"method": "random"}',
    params => '{"num_iterations": 60, "num_leaves": 15, "min_data_in_leaf": 3, "early_stopping_rounds": 0, "feature_fraction": 0.5}');
SELECT count(*) AS steps FROM sira_promote('ss');
SELECT count(*) AS steps FROM sira_promote('ss_risk');
SELECT count(*) AS steps FROM sira_promote('ss_points');
SELECT f ->> 'name' AS feature, f ->> 'kind' AS kind, jsonb_array_length(f -> 'categories') AS categories
FROM sira_model_versions v, jsonb_array_elements(v.signature -> 'features') WITH ORDINALITY x (f, place)
WHERE v.model_id = (SELECT id FROM sira_models WHERE name = 'ss') ORDER BY place;
SELECT count(*) AS features_that_never_split FROM sira_training_runs r, jsonb_array_elements(r.feature_importance) i
WHERE r.model_id = (SELECT id FROM sira_models WHERE name = 'ss') AND (i ->> 'split')::int = 0;

-- float8[] in the model's order: dates and times as seconds and days of 1970, categories as codes.
CREATE TABLE ss_arrays AS
SELECT s.id, ARRAY[amount, hour, visits, ratio, speed, age,
    (SELECT place - 1 FROM jsonb_array_elements_text(v.signature -> 'features' -> 6 -> 'categories') WITH ORDINALITY c (name, place) WHERE name = channel::text),
    (SELECT place - 1 FROM jsonb_array_elements_text(v.signature -> 'features' -> 7 -> 'categories') WITH ORDINALITY c (name, place) WHERE name = city),
    abroad::int, due - date '1970-01-01', extract(epoch FROM local_at), extract(epoch FROM paid_at)]::float8[] AS features
FROM ss_rows s, sira_model_versions v WHERE v.model_id = (SELECT id FROM sira_models WHERE name = 'ss');

-- One bit apart would show: every shape, and the ways to hand over a row.
SELECT count(*) AS rows, count(DISTINCT sira_score('ss', s)) > 500 AS scores_vary,
       bool_and(sira_score('ss', s) = sira_score('ss', to_jsonb(s))) AS jsonb,
       bool_and(sira_score('ss', s) = sira_score('ss', to_json(s))) AS json,
       bool_and(sira_score('ss', s) = sira_score('ss', to_json(s)::text)) AS text,
       bool_and(sira_score('ss', s) = sira_score('ss', a.features)) AS float8_array,
       bool_and(sira_score('ss', s) = sira_score('ss', s.*)) AS star,
       bool_and(sira_score('ss', s) = (SELECT sira_score('ss', sub) FROM (SELECT s.*) sub)) AS sub_select,
       bool_and(sira_raw_score('ss', s) = sira_raw_score('ss', a.features)) AS raw
FROM ss_rows s JOIN ss_arrays a USING (id);
SELECT bool_and(sira_score('ss_points', s) = sira_score('ss_points', to_jsonb(s))) AS jsonb,
       bool_and(sira_score('ss_points', s) = sira_score('ss_points', a.features)) AS float8_array,
       bool_and(sira_score('ss_points', s) = sira_raw_score('ss_points', s)) AS value_is_raw
FROM ss_rows s JOIN ss_arrays a USING (id);
SELECT bool_and(sira_score_classes('ss_risk', s) = sira_score_classes('ss_risk', to_jsonb(s))) AS jsonb,
       bool_and(sira_score_classes('ss_risk', s) = sira_score_classes('ss_risk', a.features)) AS float8_array,
       bool_and((SELECT abs(sum(p) - 1) < 1e-12 FROM unnest(sira_score_classes('ss_risk', s)) p)) AS sum_is_one
FROM ss_rows s JOIN ss_arrays a USING (id);
SELECT bool_and(sira_score_classes('ss', s) = ARRAY[1 - sira_score('ss', s), sira_score('ss', s)]) AS binary_classes FROM ss_rows s;
SELECT bool_and(abs(sira_score('ss', s) - 1 / (1 + exp(-sira_raw_score('ss', s)))) < 1e-12) AS sigmoid FROM ss_rows s;

-- A missing key equals null, the order of keys and of columns is nothing, and other keys are left alone.
SELECT bool_and(sira_score('ss', jsonb_strip_nulls(to_jsonb(s))) = sira_score('ss', s)) AS missing_is_null FROM ss_rows s;
SELECT bool_and(sira_score('ss', s) = sira_score('ss', o)) AS column_order
FROM ss_rows s JOIN (SELECT paid_at, city, channel, abroad, due, id, local_at, age, speed, ratio, visits, hour, amount FROM ss_rows) o USING (id);
SELECT bool_and(sira_score('ss', (SELECT json_object_agg(key, value ORDER BY key DESC) FROM jsonb_each(to_jsonb(s)))) = sira_score('ss', s)) AS key_order
FROM ss_rows s WHERE id <= 200;
SELECT bool_and(sira_score('ss', to_jsonb(s) || '{"Amount": 1, "colour": [1], "ts": "never"}') = sira_score('ss', s)) AS other_keys FROM ss_rows s;
-- Columns of other numeric types.
SELECT bool_and(sira_score('ss', s) = sira_score('ss', o)) AS other_types
FROM ss_rows s JOIN (SELECT id, amount::float8, hour::numeric, visits::integer, ratio::float8, speed, age::smallint, channel::text,
                            city::varchar(20), abroad::int, due, local_at::timestamptz(6) AT TIME ZONE current_setting('timezone') AS local_at,
                            paid_at FROM ss_rows) o USING (id);

-- A char(n) is its text without padding, in every shape; so is a domain over it.
CREATE DOMAIN ss_code AS char(8);
CREATE TABLE ss_padded (amount numeric, city char(10), channel ss_code);
INSERT INTO ss_padded SELECT amount, city, channel::text FROM ss_rows;
SELECT bool_and(to_jsonb(p) ->> 'city' LIKE 'city%  ') AS padded, count(DISTINCT sira_score('ss', p)) > 50 AS scores_vary,
       bool_and(sira_score('ss', p) = sira_score('ss', jsonb_build_object('amount', amount, 'city', city::text, 'channel', channel::text))) AS as_text,
       bool_and(sira_score('ss', to_jsonb(p)) = sira_score('ss', p)) AS jsonb, bool_and(sira_score('ss', to_json(p)) = sira_score('ss', p)) AS json,
       bool_and(sira_score('ss', to_json(p)::text) = sira_score('ss', p)) AS text
FROM ss_padded p;
SELECT bool_and(sira_score('ss', p) = q.score) AS score_query
FROM sira_score_query('ss', 'SELECT *, ctid AS place FROM ss_padded', 'place') q JOIN ss_padded p ON p.ctid = q.key::tid;

-- Dates and times do not depend on where the session is.
CREATE TABLE ss_before AS SELECT id, sira_score('ss', s) AS score, to_jsonb(s) AS features FROM ss_rows s;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT bool_and(score = sira_score('ss', s)) AS row, bool_and(score = sira_score('ss', to_jsonb(s))) AS jsonb_made_here,
       bool_and(score = sira_score('ss', b.features)) AS jsonb_made_elsewhere
FROM ss_rows s JOIN ss_before b USING (id);
RESET timezone;
RESET datestyle;
SELECT sira_score('ss', '{"paid_at": "2026-01-10 12:00:00"}') = sira_score('ss', '{"paid_at": "2026-01-10T12:00:00Z"}') AS no_zone_is_utc,
       sira_score('ss', '{"paid_at": "2026-01-10T21:00:00+09:00"}') = sira_score('ss', '{"paid_at": "2026-01-10 12:00Z"}') AS zones,
       sira_score('ss', '{"paid_at": "2026-01-10"}') = sira_score('ss', '{"paid_at": "2026-01-10 00:00"}') AS a_date_is_its_midnight;

-- Years that ISO 8601 writes with more than four digits, or before Christ, are those of the row.
SELECT t.at, sira_score('ss', r) = sira_score('ss', to_jsonb(r)) AS same
FROM (VALUES (timestamp '10000-01-01'), ('294276-12-31 23:59:59'), ('0044-03-15 12:00 BC')) t (at), LATERAL (SELECT t.at AS local_at, t.at::date AS due) r;
SELECT feature, value FROM sira_explain('ss', '{"abroad": "NaN"}') WHERE feature = 'abroad';

-- A table whose column bears the table's own name.
CREATE TABLE amount AS SELECT amount, hour FROM ss_rows WHERE id = 1;
SELECT sira_score('ss', amount.*) = sira_score('ss', jsonb_build_object('amount', amount.amount, 'hour', amount.hour)) AS star FROM amount;

-- Explanations add up, in every shape and for every class.
SELECT count(*) AS explained, bool_and(abs(e.total - sira_raw_score('ss', s)) < 1e-9) AS add_up
FROM ss_rows s, LATERAL (SELECT sum(contribution) + max(baseline) AS total FROM sira_explain('ss', s)) e WHERE id <= 100;
SELECT bool_and(abs(e.total - sira_score('ss_points', s)) < 1e-9) AS add_up
FROM ss_rows s, LATERAL (SELECT sum(contribution) + max(baseline) AS total FROM sira_explain('ss_points', s)) e WHERE id <= 100;
-- Softmax of the three raw scores gives the probabilities back.
SELECT bool_and(abs(p - exp(t) / z) < 1e-9) AS softmax
FROM (SELECT id, place, t, p, sum(exp(t)) OVER (PARTITION BY id) AS z
      FROM ss_rows s, unnest('{high,low,middle}'::text[], sira_score_classes('ss_risk', s)) WITH ORDINALITY c (class, p, place),
           LATERAL (SELECT sum(contribution) + max(baseline) AS t FROM sira_explain('ss_risk', s, class => c.class)) e
      WHERE id <= 50) x;
SELECT v.signature -> 'classes' AS classes FROM sira_model_versions v WHERE v.model_id = (SELECT id FROM sira_models WHERE name = 'ss_risk');
-- (a real has more digits as a number than PostgreSQL writes into JSON; no split that training finds lies between the two)
SELECT bool_and(r.contribution = j.contribution AND r.baseline = j.baseline) AS contributions, string_agg(DISTINCT r.feature, ' ') FILTER (WHERE r.value IS DISTINCT FROM j.value) AS shown_differently
FROM ss_rows s, sira_explain('ss', s) r JOIN LATERAL sira_explain('ss', to_jsonb(s)) j USING (feature) WHERE id <= 50;
-- Largest first, top_k of them, values as people read them.
SELECT count(*) AS features, bool_and(abs(contribution) <= before) AS largest_first
FROM (SELECT abs(contribution) AS size, contribution, lag(abs(contribution), 1, 'infinity') OVER (ORDER BY place) AS before
      FROM ss_rows s, sira_explain('ss', s) WITH ORDINALITY e (feature, value, contribution, baseline, place) WHERE s.id = 1) x;
SELECT (SELECT count(*) FROM sira_explain('ss', s, 3)) AS three, (SELECT count(*) FROM sira_explain('ss', s, 0)) AS none,
       (SELECT count(*) FROM sira_explain('ss', s, 1000)) AS all_there_are
FROM ss_rows s WHERE id = 1;
SELECT feature, value FROM ss_rows s, sira_explain('ss', s) WHERE s.id = 10 ORDER BY feature;
SELECT feature, value FROM sira_explain('ss', '{"amount": 10, "city": "Atlantis", "due": "2026-03-01", "paid_at": "2026-01-10 12:00+01", "abroad": false}') ORDER BY feature;
-- Without a class the most probable one is explained.
SELECT bool_and((SELECT array_agg(e.contribution) FROM sira_explain('ss_risk', s) e)
                = (SELECT array_agg(e.contribution) FROM sira_explain('ss_risk', s, class => c.name) e)) AS the_most_probable
FROM ss_rows s, LATERAL (SELECT ('{high,low,middle}'::text[])[array_position(p, (SELECT max(x) FROM unnest(p) x))] AS name
                         FROM sira_score_classes('ss_risk', s) p) c WHERE s.id <= 50;
SELECT * FROM sira_explain('ss_risk', '{"amount": 1}', class => 'dreadful');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ss_risk', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_raw_score('ss_risk', '{"amount": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score_classes('ss_points', '{"amount": 1}') = ARRAY[sira_score('ss_points', '{"amount": 1}')] AS one_output;

-- The version of each row's own choosing, in one statement.
SELECT count(DISTINCT m), bool_and(sira_score(m, '{"amount": 700}'::jsonb) = CASE WHEN m LIKE 'ss_points%'
       THEN sira_score('ss_points', '{"amount": 700}'::jsonb) ELSE sira_score('ss', '{"amount": 700}'::jsonb) END) AS right_version
FROM ss_rows, LATERAL (SELECT (ARRAY['ss', 'ss/1', 'ss_points', 'ss_points@latest'])[1 + id % 4] AS m) x;

-- Many rows at once: the same bits again, more rows than one block holds, and the column that tells them apart.
SELECT count(*) AS rows, bool_and(q.score = sira_score('ss', s)) AS score_query, bool_and(q.row_number = s.id) AS in_order
FROM sira_score_query('ss', 'SELECT * FROM ss_rows ORDER BY id', 'id') q JOIN ss_rows s ON s.id = q.key::bigint;
SELECT count(*) AS rows, bool_and(q.score = sira_score('ss_points', s)) AS score_query, count(q.key) AS keys
FROM sira_score_query('ss_points', 'SELECT s.*, repeat(''x'', 300) AS more FROM ss_rows s, generate_series(1, 3) ORDER BY s.id') q
JOIN ss_rows s ON s.id = (q.row_number + 2) / 3;
CREATE TABLE ss_batch AS
SELECT l.* FROM (SELECT array_agg(id::text ORDER BY id) AS ids, array_agg(to_jsonb(s) - 'id' ORDER BY id) AS all_features FROM ss_rows s WHERE id <= 1130) a,
     LATERAL sira_predict_batch('ss', 'transaction', ids, all_features) l;
SELECT count(*) AS rows, bool_and(l.score = sira_score('ss', s)) AS predict_batch, bool_and(l.score = p.score) AS logged
FROM ss_batch l JOIN sira_predictions p ON p.id = l.prediction_id JOIN ss_rows s ON s.id = p.entity_id::bigint;
SELECT count(*) AS rows FROM sira_score_query('ss', 'SELECT * FROM ss_rows WHERE false');
SELECT * FROM sira_score_query('ss', 'SELECT id FROM ss_rows');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_score_query('ss', 'SELECT amount, amount FROM ss_rows');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_score_query('ss', 'SELECT amount FROM ss_rows', 'id');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_score_query('ss', 'DELETE FROM ss_rows RETURNING amount');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_score_query('ss', 'SELECT 1 / (id - 7) AS amount FROM ss_rows');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_score_query('ss_risk', 'SELECT amount FROM ss_rows');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_score_query('ss', NULL);
\echo :LAST_ERROR_SQLSTATE

-- Two columns of a feature's name are two answers to one question.
SELECT sira_score('ss', r) FROM (SELECT 0.05 AS amount, 7 AS amount) r;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_score('ss', r) = sira_score('ss', '{"amount": 7}') AS of_other_names FROM (SELECT 1 AS x, 2 AS x, 7 AS amount) r;

-- Numbers of every length and size are the double that the server makes of them, as numeric and in jsonb; what is logged of
-- them is what the server would have written.
SELECT sira_create_model('ss_exact', 'risk_scoring', 'regression') IS NOT NULL AS made;
SELECT setseed(0.5);
CREATE TABLE ss_numbers AS
SELECT g AS id, (CASE WHEN g % 2 = 0 THEN '' ELSE '-' END || (random() * 10 ^ (g % 25))::numeric(60, 20)::text)::numeric AS a,
       round((random() * 10 ^ (g % 40 - 20))::numeric, g % 45) AS b, (random() * 10 ^ (g % 300 - 150))::text::numeric AS c,
       floor(random() * 9e15)::numeric * 10 ^ (g % 6)::numeric AS d, (random()::text || floor(random() * 1e9)::bigint)::numeric AS e
FROM generate_series(1, 2000) g;
SELECT version FROM sira_train('ss_exact', 'SELECT a, b, c, d, e, d::float8 / 1e18 AS y FROM ss_numbers', 'y', split => '{"method": "random"}',
    params => '{"num_iterations": 3, "min_data_in_leaf": 20, "early_stopping_rounds": 0}');
CREATE TABLE ss_scored (id bigint PRIMARY KEY, a numeric, b numeric, c numeric, d numeric, e numeric, prediction uuid);
CREATE TRIGGER score BEFORE INSERT ON ss_scored FOR EACH ROW
    EXECUTE FUNCTION sira_predict_trigger('ss_exact/1', 'number', 'id', 'prediction_id=prediction');
INSERT INTO ss_scored SELECT * FROM ss_numbers;
SELECT count(*) AS numbers, bool_and(p.feature_vector = ARRAY[a, b, c, d, e]::float8[]) AS of_rows,
       bool_and(p.input_features = p.input_features::text::jsonb
                AND ARRAY[input_features -> 'a', input_features -> 'b', input_features -> 'c', input_features -> 'd', input_features -> 'e']::float8[]
                    = p.feature_vector) AS logged
FROM ss_scored s JOIN sira_predictions p ON p.id = s.prediction;
CREATE TABLE ss_numbers_batch AS
SELECT l.prediction_id FROM (SELECT array_agg(id::text ORDER BY id) AS ids, array_agg(to_jsonb(n) ORDER BY id) AS features FROM ss_numbers n) a,
     LATERAL sira_predict_batch('ss_exact/1', 'number', ids, features) l;
SELECT count(*) AS numbers, bool_and(p.feature_vector = ARRAY[a, b, c, d, e]::float8[]) AS of_jsonb
FROM ss_numbers_batch l JOIN sira_predictions p ON p.id = l.prediction_id JOIN ss_numbers s ON s.id = p.entity_id::bigint;
ROLLBACK;
