-- Features of many entities, each at its own moment: rows and their order, what a query must give, tables made, leaks found.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
\pset fieldsep ' | '
SET timezone = 'UTC';
CREATE SCHEMA ff;
SET search_path = ff, public;
CREATE TABLE ff.payments (id bigint, customer_id integer, terminal_id uuid, paid_at timestamptz, amount numeric, recorded timestamptz);
INSERT INTO ff.payments VALUES
    (1, 7, '00000000-0000-0000-0000-00000000000a', '2026-03-01 10:00+00', 10, '2026-03-01 10:00+00'),
    (2, 7, '00000000-0000-0000-0000-00000000000b', '2026-03-01 11:00+00', 20, '2026-03-01 15:00+00'),
    (3, 8, '00000000-0000-0000-0000-00000000000a', '2026-03-01 12:00+00', 40, '2026-03-01 12:00+00');
SELECT sira_define_window_feature('c_n', 'customer', 'payments', 'customer_id', 'paid_at', 'count', NULL, recorded_column => 'recorded'),
       sira_define_window_feature('t_sum', 'terminal', 'payments', 'terminal_id', 'paid_at', 'sum', '1 day', 'amount'),
       sira_define_request_feature('amount', 'payment'), sira_define_derived_feature('share', 'payment', 'amount / nullif(t_sum, 0)'),
       sira_define_stored_feature('level', 'customer', max_age => '1 hour'), sira_define_stored_feature('tag', 'customer', 'text');
SELECT sira_define_feature_set('row', 'payment', '{c_n,t_sum,amount,share,level,tag}', '{"customer": "customer_id", "terminal": "terminal_id"}'),
       sira_define_feature_set('own', 'customer', '{c_n}');
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, value_text, sample_ts, recorded_at) VALUES
    ('customer', '7', 'level', 1, NULL, '2026-03-01 10:00+00', '2026-03-01 10:00+00'),
    ('customer', '7', 'level', 2, NULL, '2026-03-01 11:30+00', '2026-03-01 14:00+00'),
    ('customer', '7', 'tag', NULL, 'x', '2026-03-01 09:00+00', '2026-03-01 09:00+00'),
    -- Of values of one instant the one recorded last counts; of values recorded at one instant too the greatest, on both clocks.
    ('customer', '8', 'level', 9, NULL, '2026-03-01 12:00+00', '2026-03-01 12:01+00'),
    ('customer', '8', 'level', 3, NULL, '2026-03-01 12:00+00', '2026-03-01 12:02+00'),
    ('customer', '8', 'tag', NULL, 'b', '2026-03-01 12:00+00', '2026-03-01 12:00+00'),
    ('customer', '8', 'tag', NULL, 'c', '2026-03-01 12:00+00', '2026-03-01 12:00+00'),
    ('customer', '8', 'tag', NULL, 'a', '2026-03-01 12:00+00', '2026-03-01 12:00+00');

-- One row for each row, in its order, duplicates kept.
\set asked '''SELECT p.id AS entity_id, m AS as_of, customer_id, terminal_id, amount FROM payments p, unnest(''''{2026-03-01 13:00+00,2026-03-01 10:30+00,2026-03-01 13:00+00,2026-03-02 00:00+00}''''::timestamptz[]) WITH ORDINALITY AS u(m, n) ORDER BY p.id DESC, n'''
SELECT * FROM sira_historical_features('row', :asked);
SELECT entity_id, as_of, features ->> 'c_n' AS c_n, features ->> 'level' AS level FROM sira_historical_features('row', :asked, as_known => false);
SELECT count(*) AS differing FROM sira_historical_features('row', :asked) WITH ORDINALITY h
JOIN (SELECT row_number() OVER () AS ordinality, q.* FROM (SELECT p.*, m FROM payments p, unnest('{2026-03-01 13:00+00,2026-03-01 10:30+00,2026-03-01 13:00+00,2026-03-02 00:00+00}'::timestamptz[]) WITH ORDINALITY AS u(m, n) ORDER BY p.id DESC, n) q) q USING (ordinality)
WHERE h.features <> sira_feature_vector('row', id, m, jsonb_build_object('customer_id', customer_id, 'terminal_id', terminal_id, 'amount', amount));
-- Nobody, somebody unknown, an id that can be none, no row at all; what is asked with more columns, and with its own known_at.
SELECT entity_id, features FROM sira_historical_features('own', 'SELECT unnest(''{7,NULL,4711,seven, 8 ,99999999999}''::text[]) AS entity_id, date ''2026-03-02'' AS as_of, 1 AS more');
SELECT features FROM sira_historical_features('own', 'SELECT unnest(''{8,99999999999}''::bigint[]) AS entity_id, date ''2026-03-02'' AS as_of');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, now() AS as_of WHERE false');
SELECT k, features FROM unnest('{2026-03-01 14:00+00,2026-03-01 16:00+00,NULL}'::timestamptz[]) k,
    LATERAL sira_historical_features('own', format('SELECT 7::bigint AS entity_id, timestamp ''2026-03-01 13:00'' AS as_of, %L::timestamptz AS known_at', k));

-- What a query must give.
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id');
SELECT * FROM sira_historical_features('own', 'SELECT now() AS as_of');
SELECT * FROM sira_historical_features('row', 'SELECT 7 AS entity_id, now() AS as_of, 7 AS customer_id');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, 1 AS as_of');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, ''2026-03-01'' AS as_of');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, now() AS as_of, 7 AS entity_id');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, now() AS as_of, true AS known_at');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, m AS as_of FROM unnest(ARRAY[now(), NULL]) m');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, timestamptz ''infinity'' AS as_of');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, date ''-infinity'' AS as_of');
SELECT * FROM sira_historical_features('row', 'SELECT 7 AS entity_id, now() AS as_of, 7 AS customer_id, NULL::uuid AS terminal_id, ''much''::text AS amount');
SELECT * FROM sira_historical_features('nosuch', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT * FROM sira_historical_features(NULL, 'SELECT 7 AS entity_id, now() AS as_of');
SELECT * FROM sira_historical_features('own', NULL);
-- And what it may not be.
SELECT * FROM sira_historical_features('own', 'DELETE FROM ff.payments RETURNING customer_id AS entity_id, paid_at AS as_of');
SELECT * FROM sira_historical_features('own', 'WITH gone AS (DELETE FROM ff.payments RETURNING *) SELECT customer_id AS entity_id, paid_at AS as_of FROM gone');
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, now() AS as_of; DROP TABLE ff.payments');
SELECT * FROM sira_historical_features('own', 'DROP TABLE ff.payments');
SELECT * FROM sira_historical_features('own', '');
SELECT * FROM sira_historical_features('own', 'SELECT nosuch AS entity_id, now() AS as_of FROM ff.payments');

-- A table of the query's columns and the features; what has a name already is not overwritten.
SELECT sira_build_training_set('ff.trained', 'row', 'SELECT id AS entity_id, paid_at + interval ''1 hour'' AS as_of, customer_id, terminal_id, amount, amount > 15 AS label FROM payments ORDER BY id');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'ff.trained'::regclass AND attnum > 0 ORDER BY attnum;
SELECT * FROM ff.trained;
SELECT sira_build_training_set('ff.trained', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT sira_build_training_set('nowhere.trained', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT sira_build_training_set('ff.x; DROP TABLE ff.payments', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT sira_build_training_set('ff.x (a int); DROP TABLE ff.payments; --', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT sira_build_training_set('', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT sira_build_training_set('ff.taken', 'own', 'SELECT 7 AS entity_id, now() AS as_of, 1 AS c_n');
SELECT sira_build_training_set('ff.y', 'own', 'SELECT 7 AS entity_id, now() AS as_of; DROP TABLE ff.payments');
SELECT sira_build_training_set('ff."odd; name"', 'own', 'SELECT 7 AS entity_id, now() AS as_of, 1 AS "odd"" column"');
SELECT relname FROM pg_class WHERE relnamespace = 'ff'::regnamespace AND relkind = 'r' ORDER BY 1;

-- Clean; then red where a value was planted, and where one was recorded later.
SELECT * FROM sira_lint_training_set('row', 'ff.trained');
SELECT sira_build_training_set('ff.naive', 'row', 'SELECT id AS entity_id, paid_at + interval ''1 hour'' AS as_of, customer_id, terminal_id, amount FROM payments ORDER BY id', as_known => false);
SELECT * FROM sira_lint_training_set('row', 'ff.naive');
UPDATE ff.trained SET t_sum = 1000 WHERE entity_id = 1;
UPDATE ff.trained SET tag = 'z', level = NULL WHERE entity_id = 3;
SELECT entity_id, as_of, feature, found, expected, finding FROM sira_lint_training_set('row', 'ff.trained') ORDER BY entity_id, feature;
SELECT * FROM sira_lint_training_set('row', 'ff.nosuch');
SELECT * FROM sira_lint_training_set('row', 'ff.payments; DROP TABLE ff.payments');
SELECT * FROM sira_lint_training_set('own', 'ff.payments');
SELECT * FROM sira_lint_training_set('nosuch', 'ff.trained');

-- A table cannot excuse what it knew by its own known_at. One that sets no bound is the moment; of one that is later, what was
-- recorded meanwhile is named, and what was recorded just then is the row at hand.
CREATE TABLE ff.late (id bigint, k integer, at timestamptz, recorded timestamptz);
INSERT INTO ff.late SELECT g, 1, timestamptz '2026-03-01' + g * interval '1 hour', timestamptz '2026-03-01' + g * interval '1 hour' + r * interval '1 minute'
FROM unnest('{0,1,150,1,0}'::int[]) WITH ORDINALITY AS u(r, g);
SELECT sira_define_window_feature('l_n', 'late', 'late', 'k', 'at', 'count', NULL, recorded_column => 'recorded');
SELECT sira_define_feature_set('late', 'late', '{l_n}');
SELECT sira_build_training_set('ff.at_hand', 'late', 'SELECT k AS entity_id, at AS as_of, recorded AS known_at, id FROM late ORDER BY id'),
       sira_build_training_set('ff.all_known', 'late', 'SELECT k AS entity_id, at AS as_of, NULL::timestamptz AS known_at, id FROM late ORDER BY id'),
       sira_build_training_set('ff.for_ever', 'late', 'SELECT k AS entity_id, at AS as_of, timestamptz ''infinity'' AS created_timestamp, id FROM late ORDER BY id'),
       sira_build_training_set('ff.a_year', 'late', 'SELECT k AS entity_id, at AS event_timestamp, at + interval ''365 days'' AS created_timestamp, id FROM late ORDER BY id'),
       sira_build_training_set('ff.earlier', 'late', 'SELECT k AS entity_id, at AS as_of, at - interval ''30 minutes'' AS known_at, id FROM late ORDER BY id');
SELECT t.id, t.l_n AS at_hand, a.l_n AS all_known, f.l_n AS for_ever, y.l_n AS a_year, e.l_n AS earlier
FROM ff.at_hand t JOIN ff.all_known a USING (id) JOIN ff.for_ever f USING (id) JOIN ff.a_year y USING (id) JOIN ff.earlier e USING (id) ORDER BY 1;
SELECT t, l.* FROM unnest('{at_hand,all_known,for_ever,a_year,earlier}'::text[]) WITH ORDINALITY AS u(t, n), sira_lint_training_set('late', 'ff.' || t) AS l ORDER BY n, row_number;

-- What is made is what is written to, whatever else has its name.
CREATE TEMP TABLE shadowed (x integer);
SELECT sira_build_training_set('shadowed', 'own', 'SELECT 7 AS entity_id, timestamptz ''2026-03-02'' AS as_of'),
       sira_build_training_set('pg_auth_members', 'own', 'SELECT 7 AS entity_id, timestamptz ''2026-03-02'' AS as_of'),
       sira_build_training_set('pg_temp.apart', 'own', 'SELECT 7 AS entity_id, timestamptz ''2026-03-02'' AS as_of');
SELECT (SELECT count(*) FROM pg_temp.shadowed) AS temporary, (SELECT count(*) FROM ff.shadowed) AS made,
       (SELECT count(*) FROM ff.pg_auth_members) AS not_the_catalog, (SELECT count(*) FROM pg_temp.apart) AS apart;
SELECT sira_build_training_set('pg_catalog.ours', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
DROP TABLE pg_temp.shadowed, pg_temp.apart;

-- Ids are what their type says: padded ones too, and none of a type that writes one value in several ways. A day of
-- recording is over when it is known.
CREATE TABLE ff.padded (code char(8), number numeric, at timestamptz, recorded date);
INSERT INTO ff.padded VALUES ('cu1', 1.0, '2026-03-01 10:00+00', '2026-03-01');
SELECT sira_define_window_feature('p_n', 'padded', 'padded', 'code', 'at', 'count', NULL, recorded_column => 'recorded');
SELECT sira_define_window_feature('p_number', 'padded', 'padded', 'number', 'at', 'count', NULL);
SELECT sira_define_feature_set('padded', 'padded', '{p_n}');
SET client_min_messages = notice;
SELECT features FROM sira_historical_features('padded', $$VALUES ('cu1', timestamptz '2026-03-01 12:00+00'), ('cu1', '2026-03-02')$$);
SELECT features FROM sira_historical_features('padded', $$SELECT 'cu1' AS entity_id, at AS as_of FROM unnest('{2026-03-01 12:00+00, 2026-03-02}'::timestamptz[]) AS at$$);
SELECT features FROM sira_historical_features('padded', $$SELECT 'cu1'::char(8) AS entity_id, timestamptz '2026-03-01 12:00+00' AS event_timestamp, date '2026-03-02' AS created_timestamp$$);
SET client_min_messages = warning;
SELECT at, value FROM unnest('{2026-03-01 12:00+00, 2026-03-02}'::timestamptz[]) AS at, sira_get_features('padded', 'cu1', at);

-- The rights are those of whoever asks.
CREATE ROLE ff_admin IN ROLE sira_admin;
GRANT USAGE, CREATE ON SCHEMA ff TO ff_admin;
SET ROLE ff_admin;
SELECT * FROM sira_historical_features('own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT sira_build_training_set('ff.theirs', 'own', 'SELECT 7 AS entity_id, now() AS as_of');
SELECT * FROM sira_lint_training_set('own', 'ff.trained');
RESET ROLE;
REVOKE ALL ON SCHEMA ff FROM ff_admin;
DROP ROLE ff_admin;

SELECT count(*) AS payments FROM ff.payments;
DELETE FROM sira_features WHERE feature_key IN ('level', 'tag');
DELETE FROM sira_feature_sets WHERE name IN ('row', 'own', 'padded', 'late');
DELETE FROM sira_feature_definitions WHERE name IN ('c_n', 't_sum', 'amount', 'share', 'level', 'tag', 'p_n', 'l_n');
DROP SCHEMA ff CASCADE;
