-- What gives another answer to the same question is refused, when it is defined and when what it calls was replaced since.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
CREATE SCHEMA fy;
SET search_path = fy, public;
CREATE TABLE fy.payments (customer_id integer, paid_at timestamptz, amount numeric, note text);
INSERT INTO fy.payments SELECT 1 + i % 3, '2026-06-01'::timestamptz + i * interval '1 hour', i, 'n' || i FROM generate_series(1, 100) i;

-- A function that becomes volatile: known plans and new ones refuse, online and offline, in every kind.
CREATE FUNCTION fy.score(x float8) RETURNS float8 LANGUAGE plpgsql STABLE AS 'BEGIN RETURN x; END';
SELECT sira_define_sql_feature('fy_query', 'customer',
    'SELECT fy.score(count(*)) FROM fy.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of');
SELECT sira_define_window_feature('fy_window', 'customer', 'payments', 'customer_id', 'paid_at', 'sum', '7 days', value => 'fy.score(amount::float8)');
SELECT sira_define_window_feature('fy_filter', 'customer', 'payments', 'customer_id', 'paid_at', 'count', '7 days', filter => 'fy.score(amount::float8) > 1');
SELECT sira_define_window_feature('fy_plain', 'customer', 'payments', 'customer_id', 'paid_at', 'count', '7 days');
SELECT sira_define_derived_feature('fy_derived', 'customer', 'fy.score(fy_plain)');
SELECT sira_define_window_feature('fy_ruled', 'customer', 'payments', 'customer_id', 'paid_at', 'count', '7 days', rules => '{"sql": "fy.score(value) >= 0"}');
SELECT sira_define_feature_set(s, 'customer', features) FROM (VALUES ('fy_q', '{fy_query}'::text[]), ('fy_w', '{fy_window}'),
    ('fy_f', '{fy_filter}'), ('fy_d', '{fy_plain,fy_derived}'), ('fy_r', '{fy_ruled}')) AS v (s, features);
\set asked '''SELECT 1 AS entity_id, ''''2026-06-04''''::timestamptz AS as_of'''
SELECT s, (SELECT jsonb_agg(f.value) FROM sira_get_features(s, '1', '2026-06-04') f) AS online,
       (SELECT jsonb_agg(f.features) FROM sira_historical_features(s, :asked) f) AS offline
FROM unnest('{fy_q,fy_w,fy_f,fy_d,fy_r}'::text[]) s;
SELECT count(*) FROM sira_validate_features('fy_r', entities => :asked);
CREATE OR REPLACE FUNCTION fy.score(x float8) RETURNS float8 LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN x; END';
SELECT * FROM sira_get_features('fy_q', '1', '2026-06-04');
SELECT * FROM sira_get_features('fy_w', '1', '2026-06-04');
SELECT * FROM sira_get_features('fy_f', '1', '2026-06-04');
SELECT * FROM sira_get_features('fy_d', '1', '2026-06-04');
SELECT * FROM sira_historical_features('fy_q', :asked);
SELECT * FROM sira_historical_features('fy_w', :asked);
SELECT * FROM sira_historical_features('fy_f', :asked);
SELECT * FROM sira_historical_features('fy_d', :asked);
SELECT count(*) FROM sira_validate_features('fy_r', entities => :asked);
SELECT sira_materialize_snapshots('fy_w', '2026-06-04');

-- What runs beside a value: the CHECK of a domain, wherever the domain stands, and the parts of an aggregate.
CREATE FUNCTION fy.evil(x text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN true; END';
CREATE FUNCTION fy.fine(x text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE DOMAIN fy.evildom AS text CHECK (fy.evil(value));
CREATE DOMAIN fy.evilchild AS fy.evildom CHECK (value <> '');
CREATE DOMAIN fy.finedom AS text CHECK (fy.fine(value));
CREATE TYPE fy.evilrow AS (a integer, b fy.evildom);
CREATE FUNCTION fy.evilstep(s text, x text) RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN x; END';
CREATE AGGREGATE fy.evilagg (text) (SFUNC = fy.evilstep, STYPE = text);
CREATE FUNCTION fy.counted(value text) RETURNS integer LANGUAGE sql AS $$
    SELECT sira_define_window_feature('fy_x', 'customer', 'fy.payments', 'customer_id', 'paid_at', 'count_distinct', '7 days', value) $$;
SELECT fy.counted('(note::fy.evildom)::text');
SELECT fy.counted('(note::fy.evilchild)::text');
SELECT fy.counted('(ARRAY[note]::fy.evildom[])[1]::text');
SELECT fy.counted('((''{'' || note || ''}'')::fy.evildom[])[1]::text');
SELECT fy.counted('(ROW(1, note)::fy.evilrow)::text');
SELECT fy.counted('(json_populate_record(NULL::fy.evilrow, json_build_object(''b'', note))).b::text');
SELECT fy.counted('(note::fy.finedom)::text');
SELECT sira_define_sql_feature('fy_x', 'customer', 'SELECT ($entity_id::fy.evildom)::text || left($as_of::text, 0)');
SELECT sira_define_sql_feature('fy_x', 'customer', 'SELECT max(r.b::text) FROM json_to_record(json_build_object(''b'', $entity_id)) AS r (b fy.evildom) WHERE $as_of IS NOT NULL');
SELECT sira_define_sql_feature('fy_x', 'customer', 'SELECT fy.evilagg(note) FROM fy.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of');

-- What depends on the session, on chance, on where a row lies, and what reads unseen, also behind a view.
CREATE VIEW fy.sampled AS SELECT * FROM fy.payments TABLESAMPLE BERNOULLI (50);
CREATE FUNCTION fy.asked(query text) RETURNS integer LANGUAGE sql AS $$ SELECT sira_define_sql_feature('fy_x', 'customer', query) $$;
SELECT fy.asked('SELECT count(*) FROM fy.payments TABLESAMPLE SYSTEM (50) WHERE customer_id = $entity_id::int AND paid_at <= $as_of');
SELECT fy.asked('SELECT count(*) FROM fy.sampled WHERE customer_id = $entity_id::int AND paid_at <= $as_of');
SELECT fy.asked('SELECT pg_backend_pid() FROM fy.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of LIMIT 1');
SELECT fy.asked('SELECT count(*) FROM fy.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of AND xmin IS NOT NULL');
SELECT fy.asked('SELECT count(*) FROM fy.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of AND ctid IS NOT NULL');
SELECT fy.asked('SELECT length(table_to_xml(''fy.payments'', true, false, '''')::text) WHERE $entity_id IS NOT NULL AND $as_of IS NOT NULL');
SELECT sira_define_window_feature('fy_x', 'customer', 'fy.payments', 'customer_id', 'paid_at', 'max', '7 days', value => 'pg_backend_pid()');

-- The clock and the user by other names.
CREATE FUNCTION fy.filtered(filter text) RETURNS integer LANGUAGE sql AS $$
    SELECT sira_define_window_feature('fy_y', 'customer', 'fy.payments', 'customer_id', 'paid_at', 'count', '7 days', filter => filter) $$;
SELECT fy.filtered('paid_at < timestamptz ''now''');
SELECT fy.filtered('paid_at < ''now''');
SELECT fy.filtered('paid_at < ''  Today 10:00 ''::timestamp');
SELECT fy.filtered('paid_at > date ''yesterday''');
SELECT fy.filtered('paid_at < E''\x6eow''');
SELECT fy.filtered(E'paid_at < ''no''\n''w''');
SELECT fy.filtered('paid_at < $a$tomorrow$a$');
SELECT fy.filtered('paid_at = ANY (''{now}'')');
SELECT fy.filtered('paid_at < ''now''::text::timestamptz');
SELECT fy.filtered('paid_at < note::date');
SELECT fy.filtered('paid_at < timestamptz_in(''now'', 0, -1)');
SELECT fy.filtered('note = pg_catalog."current_user"()::text');
SELECT fy.filtered('note = session_user::text');
SELECT fy.filtered('note = getpgusername()::text');
SELECT fy.filtered('note IN (''now'', ''today'') OR paid_at > ''epoch'' OR paid_at > ''2026-01-01'' OR paid_at > to_timestamp(note, ''YYYY'')');

-- Forms that online takes and offline cannot.
SELECT sira_define_sql_feature('fy_z', 'customer', 'SELECT count(*) FROM fy.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of;');
SELECT sira_define_sql_feature('fy_z', 'customer', 'SELECT max(extract(epoch FROM $as_of)) FROM fy.payments WHERE customer_id = $entity_id::int');

-- Names that nothing could use.
SELECT sira_define_feature_set('fy_s', 'transaction', '{fy_plain}', '{"customer": "as_of"}');
SELECT sira_define_feature_set('fy_s', 'transaction', '{fy_plain}', '{"customer": "created_timestamp"}');
SELECT sira_define_stored_feature(repeat('n', 64), 'customer');
SELECT sira_define_stored_feature('ctid', 'customer');
SELECT sira_define_window_feature('fy_s', 'customer', 0::oid::regclass, 'customer_id', 'paid_at', 'count', '1 day');
SELECT sira_define_window_feature('fy_s', 'customer', 'a.b.c.d', 'customer_id', 'paid_at', 'count', '1 day');
SELECT sira_define_window_feature('fy_s', 'customer', '"unterminated', 'customer_id', 'paid_at', 'count', '1 day');

DELETE FROM sira_feature_sets WHERE name LIKE 'fy\_%';
DELETE FROM sira_feature_definitions WHERE name LIKE 'fy\_%';
DROP SCHEMA fy CASCADE;
