-- What features are for one entity at a moment: windows and their edges, NULLs, kinds, statuses, versions, indexes, lineage.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
\pset fieldsep ' | '
SET timezone = 'UTC';
CREATE SCHEMA fo;
SET search_path = fo, public;
CREATE TABLE fo.payments (id bigint, customer_id integer, terminal_id text, merchant uuid, paid_at timestamptz, local timestamp,
    day date, amount numeric, channel varchar(8), bad boolean, recorded timestamptz);
INSERT INTO fo.payments (id, customer_id, terminal_id, merchant, paid_at, amount, channel, bad, recorded)
VALUES (1, 7, 'a', '00000000-0000-0000-0000-000000000001', '2026-03-01 10:00+00', 10, 'web', false, '2026-03-01 10:00+00'),
       (2, 7, 'a', '00000000-0000-0000-0000-000000000001', '2026-03-01 11:00+00', 20, 'shop', true, '2026-03-01 11:00+00'),
       (3, 7, 'b', '00000000-0000-0000-0000-000000000002', '2026-03-01 12:00+00', NULL, 'web', NULL, '2026-03-02 12:00+00'),
       (4, 7, 'b', '00000000-0000-0000-0000-000000000002', '2026-03-01 12:00+00', 40, NULL, false, '2026-03-01 12:00+00'),
       (5, 8, 'a', NULL, '2026-03-01 12:00+00', 99, 'atm', true, '2026-03-01 12:00+00'),
       (6, NULL, 'a', NULL, '2026-03-01 12:00+00', 1, 'web', true, NULL),
       (7, 7, 'a', NULL, NULL, 1000, 'web', true, NULL);
UPDATE fo.payments SET local = paid_at AT TIME ZONE 'UTC', day = (paid_at AT TIME ZONE 'UTC')::date;

CREATE FUNCTION fo.w(name text, aggregate text, size interval DEFAULT NULL, value text DEFAULT NULL, filter text DEFAULT NULL,
    delay interval DEFAULT '0', current boolean DEFAULT true, time_column text DEFAULT 'paid_at', denominator text DEFAULT NULL,
    recorded text DEFAULT NULL) RETURNS integer LANGUAGE sql AS $$
    SELECT sira_define_window_feature(name, 'customer', 'fo.payments', 'customer_id', time_column, aggregate, size, value, filter,
                                      delay, current, denominator, recorded) $$;

-- Every aggregate, over everything.
SELECT fo.w('n', 'count'), fo.w('n_amount', 'count', value => 'amount'), fo.w('total', 'sum', value => 'amount'),
       fo.w('mean', 'avg', value => 'amount'), fo.w('least', 'min', value => 'amount'), fo.w('most', 'max', value => 'amount'),
       fo.w('spread', 'stddev', value => 'amount'), fo.w('channels', 'count distinct', value => 'channel'),
       fo.w('first_channel', 'first', value => 'channel'), fo.w('last_channel', 'last', value => 'channel'),
       fo.w('last_amount', 'last', value => 'amount'), fo.w('since', 'time_since'),
       fo.w('bad_rate', 'avg', value => 'bad'), fo.w('per_bad', 'ratio', value => 'amount', denominator => 'bad::int'),
       fo.w('top_channel', 'max', value => 'channel'), fo.w('newest', 'max', value => 'paid_at');
SELECT sira_define_feature_set('all', 'customer', '{n,n_amount,total,mean,least,most,spread,channels,first_channel,last_channel,last_amount,since,bad_rate,per_bad,top_channel,newest}');
SELECT * FROM sira_get_features('all', 7, '2026-03-01 12:30+00');
-- Of an entity without rows: a count is 0, the rest is NULL. Of an id that can be none: not found.
SELECT status, count(*), sum(value) FROM sira_get_features('all', 4711, '2026-03-01 12:30+00') GROUP BY 1 ORDER BY 1;
SELECT DISTINCT status FROM sira_get_features('all', 'seven', '2026-03-01 12:30+00');
SELECT DISTINCT status FROM sira_get_features('all', '99999999999999', '2026-03-01 12:30+00');
SELECT DISTINCT status FROM sira_get_features('all', NULL::text, '2026-03-01 12:30+00');

-- Edges: (t - delay - size, t - delay], ties counted, the current instant in or out.
SELECT fo.w('n_1h', 'count', '1 hour'), fo.w('n_2h', 'count', '2 hours'), fo.w('n_2h_before', 'count', '2 hours', current => false),
       fo.w('n_1h_late', 'count', '1 hour', delay => '1 hour'), fo.w('n_web', 'count', '2 hours 1 microsecond', filter => 'channel = ''web'''),
       fo.w('n_day', 'count', '24 hours', time_column => 'day'), fo.w('n_local', 'count', '1 hour', time_column => 'local');
SELECT sira_define_feature_set('edges', 'customer', '{n_1h,n_2h,n_2h_before,n_1h_late,n_web,n_day,n_local}');
SELECT t::time, v.* FROM unnest('{2026-03-01 09:59:59.999999+00,2026-03-01 10:00+00,2026-03-01 11:00+00,2026-03-01 11:59:59.999999+00,2026-03-01 12:00+00,2026-03-01 13:00+00,2026-03-02 00:00+00}'::timestamptz[]) t,
    LATERAL (SELECT sira_feature_vector('edges', 7, t)) v;
-- The session's settings change nothing.
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET standard_conforming_strings = off;
SELECT sira_feature_vector('edges', 7, '2026-03-01T12:00:00Z') = '{"n_1h": 2, "n_2h": 3, "n_web": 2, "n_day": 4, "n_local": 2, "n_1h_late": 1, "n_2h_before": 1}' AS same;
RESET standard_conforming_strings;
RESET datestyle;
SET timezone = 'UTC';

-- A filter keeps an expression from rows that it could not bear, shared by all windows or not.
SELECT fo.w('logs', 'sum', value => 'ln(amount - 10)', filter => 'amount > 10'), fo.w('ones', 'sum', value => '1', filter => 'amount >= 10');
SELECT sira_define_feature_set('guarded', 'customer', '{logs,ones}'), sira_define_feature_set('shared', 'customer', '{logs}');
SELECT feature, round(value::numeric, 9) AS value FROM sira_get_features('guarded', 7, '2026-03-02') UNION ALL
SELECT feature, round(value::numeric, 9) FROM sira_get_features('shared', 7, '2026-03-02');

-- Recorded later: a past moment does not know it, unless it is asked to.
SELECT fo.w('n_known', 'count', recorded => 'recorded');
SELECT sira_define_feature_set('known', 'customer', '{n_known}');
SELECT sira_feature_vector('known', 7, '2026-03-01 13:00+00') AS then, sira_feature_vector('known', 7, '2026-03-03') AS later,
       sira_feature_vector('known', 7, '2026-03-01 13:00+00', as_known => false) AS all, sira_feature_vector('known', 7) AS now;

-- Several entities of one row, of different types; request features; a query; derived features.
SELECT sira_define_window_feature('t_bad', 'terminal', 'fo.payments', 'terminal_id', 'paid_at', 'avg', '1 day', 'bad');
SELECT sira_define_window_feature('m_n', 'merchant', 'fo.payments'::regclass, 'merchant', 'paid_at', 'count', NULL);
SELECT sira_define_request_feature('amount', 'transaction'), sira_define_request_feature('channel', 'transaction', 'text'),
       sira_define_request_feature('abroad', 'transaction', 'boolean');
SELECT sira_define_sql_feature('first_seen', 'customer', 'SELECT extract(epoch FROM $as_of - min(paid_at)) FROM fo.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of /* $entity_id */ AND channel <> ''$as_of'' HAVING count(*) > 0');
SELECT sira_define_derived_feature('times_mean', 'transaction', 'amount / nullif(mean, 0)');
SELECT sira_define_derived_feature('odd', 'transaction', 'times_mean > 3 AND coalesce(channel = ''web'', false) AND NOT abroad');
SELECT sira_define_derived_feature('label', 'transaction', 'channel || ''/'' || coalesce(n::text, ''?'')');
SELECT sira_define_feature_set('row', 'transaction', '{label,odd,times_mean,amount,channel,abroad,n,mean,t_bad,m_n,first_seen}',
    '{"customer": "customer_id", "terminal": "terminal_id", "merchant": "merchant"}');
SELECT * FROM sira_get_features('row', 'tx-1', '2026-03-01 13:00+00',
    '{"customer_id": 7, "terminal_id": "a", "merchant": "00000000-0000-0000-0000-000000000002", "amount": 100, "channel": "web", "abroad": false}');
-- What is not given is not found; an entity may be named by its type.
SELECT feature, value, value_text, status FROM sira_get_features('row', 'tx-1', '2026-03-01 13:00+00', '{"customer": "7", "terminal_id": null, "merchant": "no uuid", "amount": null}');
SELECT DISTINCT status FROM sira_get_features('row', 'tx-1', '2026-03-01 13:00+00') ORDER BY 1;
SELECT * FROM sira_get_features('row', 'tx-1', '2026-03-01 13:00+00', '{"amount": "much"}');
SELECT * FROM sira_get_features('row', 'tx-1', '2026-03-01 13:00+00', '{"customer_id": "seven"}');

-- A query that gives more than one row is an error when it does.
SELECT sira_define_sql_feature('each', 'customer', 'SELECT amount FROM fo.payments WHERE customer_id = $entity_id::int AND paid_at <= $as_of');
SELECT sira_define_feature_set('each', 'customer', '{each}');
SELECT feature, value, status FROM sira_get_features('each', 8, '2026-03-02');
SELECT feature, value, status FROM sira_get_features('each', 9, '2026-03-02');
SELECT feature, value, status FROM sira_get_features('each', 7, '2026-03-02');

-- Stored features: the newest up to the moment, of one instant the one recorded last; max_age; other types.
SELECT sira_define_stored_feature('risk', 'customer', max_age => '1 day'), sira_define_stored_feature('segment', 'customer', 'text'),
       sira_define_stored_feature('profile', 'customer', 'json'), sira_define_stored_feature('never', 'customer');
SELECT sira_define_feature_set('stored', 'customer', '{segment,risk,profile,never}');
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, value_text, value_json, sample_ts, recorded_at) VALUES
    ('customer', '7', 'risk', 1, NULL, NULL, '2026-03-01 10:00+00', '2026-03-01 10:00+00'),
    ('customer', '7', 'risk', 2, NULL, NULL, '2026-03-01 10:00+00', '2026-03-01 10:05+00'),
    ('customer', '7', 'risk', NULL, NULL, NULL, '2026-03-01 12:00+00', '2026-03-01 12:00+00'),
    ('customer', '7', 'risk', 9, NULL, NULL, '2026-03-01 11:00+00', '2026-03-05 00:00+00'),
    ('merchant', '7', 'risk', 5, NULL, NULL, '2026-03-01 10:00+00', '2026-03-01 10:00+00'),
    ('customer', '7', 'segment', NULL, 'gold', NULL, '2025-06-01 00:00+00', '2025-06-01 00:00+00'),
    ('customer', '7', 'profile', NULL, NULL, '{"a": [1]}', '2026-03-01 00:00+00', '2026-03-01 00:00+00');
SELECT t::time, f.* FROM unnest('{2026-03-01 10:01+00,2026-03-01 10:30+00,2026-03-01 11:30+00,2026-03-01 12:30+00}'::timestamptz[]) t,
    LATERAL sira_get_features('stored', 7, t) f WHERE f.feature = 'risk';
SELECT * FROM sira_get_features('stored', 7, '2026-03-01 11:30+00', as_known => false) WHERE feature = 'risk';
SELECT * FROM sira_get_features('stored', 7, '2026-03-02 12:00:00.000001+00');
SELECT sira_feature_vector('stored', 7, '2026-03-02 11:00+00');
-- What this transaction stored is known to it.
BEGIN;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts) VALUES ('customer', '7', 'risk', 3, now());
SELECT value, status, sampled_at = now() AS now FROM sira_get_features('stored', 7) WHERE feature = 'risk';
ROLLBACK;

-- Versions: the same again is the same, a change is the next, sets pin what they were made of.
SELECT fo.w('n', 'count') AS same, fo.w('n', 'count', '1 hour') AS next;
SELECT sira_define_feature_set('pins', 'customer', '{n}'), sira_define_feature_set('pins', 'customer', '{n}'),
       sira_define_feature_set('pins', 'customer', '{n/1}');
SELECT s, sira_feature_vector(s, 7, '2026-03-01 13:00+00') FROM unnest('{all,pins,pins/1,pins/2}'::text[]) s WHERE s <> 'all';
SELECT sira_deprecate_feature('n', 'too coarse'), sira_deprecate_feature('n/1');
SELECT sira_feature_vector('pins', 7, '2026-03-01 13:00+00') AS goes_on, fo.w('n', 'count', '1 hour') AS revived;
SELECT version, status, status_reason, window_size, lookback FROM sira_feature_definitions WHERE name = 'n' ORDER BY 1;

-- Each session keeps plans; what they read may change under them.
ALTER TABLE fo.payments ALTER COLUMN amount TYPE double precision;
SELECT value FROM sira_get_features('all', 7, '2026-03-01 12:30+00') WHERE feature = 'total';
ALTER TABLE fo.payments ALTER COLUMN customer_id TYPE text;
SELECT value FROM sira_get_features('all', 7, '2026-03-01 12:30+00') WHERE feature = 'total';
ALTER TABLE fo.payments ALTER COLUMN customer_id TYPE bigint USING customer_id::bigint;
ALTER TABLE fo.payments RENAME COLUMN amount TO sum;
SELECT value FROM sira_get_features('all', 7, '2026-03-01 12:30+00') WHERE feature = 'total';
ALTER TABLE fo.payments RENAME COLUMN sum TO amount;
ALTER TABLE fo.payments RENAME TO paid;
SELECT value FROM sira_get_features('all', 7, '2026-03-01 12:30+00') WHERE feature = 'total';
CREATE VIEW fo.payments AS SELECT * FROM fo.paid WHERE id <> 2;
SELECT value FROM sira_get_features('all', 7, '2026-03-01 12:30+00') WHERE feature = 'total';
DROP VIEW fo.payments;
ALTER TABLE fo.paid RENAME TO payments;

-- Indexes: one for all windows over the same rows.
SELECT feature, index_columns, "exists" FROM sira_feature_indexes('edges');
SELECT DISTINCT statement FROM sira_feature_indexes('row') ORDER BY 1;
SELECT * FROM sira_create_feature_indexes('row');
SELECT * FROM sira_create_feature_indexes('row');
SELECT feature, "exists" FROM sira_feature_indexes('n/1');
SELECT * FROM sira_feature_indexes('nosuch');

-- The rights are those of whoever asks.
CREATE ROLE fo_asker IN ROLE sira_inference;
GRANT USAGE ON SCHEMA fo TO fo_asker;
SET ROLE fo_asker;
SELECT * FROM sira_get_features('edges', 7);
SELECT value FROM sira_get_features('stored', 7, '2026-03-01 10:30+00') WHERE feature = 'risk';
SELECT sira_define_stored_feature('x', 'customer');
SELECT sira_store_definition('default', '{}');
RESET ROLE;
GRANT SELECT ON fo.payments TO fo_asker;
ALTER TABLE fo.payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON fo.payments USING (terminal_id = 'a');
SELECT sira_feature_vector('known', 7) AS owner;
SET ROLE fo_asker;
SELECT sira_feature_vector('known', 7) AS asker;
RESET ROLE;
REVOKE ALL ON fo.payments FROM fo_asker;
REVOKE ALL ON SCHEMA fo FROM fo_asker;
DROP ROLE fo_asker;

-- Lineage.
SELECT name, version, kind, sources, source_columns, expression, sets, models FROM sira_feature_catalog
WHERE name IN ('n', 'mean', 'odd', 'risk', 'first_seen', 'n_web') ORDER BY 1, 2;

DELETE FROM sira_features WHERE entity_id = '7';
DELETE FROM sira_feature_sets WHERE name IN ('all', 'each', 'edges', 'guarded', 'known', 'pins', 'row', 'shared', 'stored');
DELETE FROM sira_feature_definitions WHERE search_path LIKE 'fo,%' OR name IN ('risk', 'segment', 'profile', 'never', 'amount', 'channel', 'abroad');
SELECT name FROM sira_feature_catalog;
DROP SCHEMA fo CASCADE;
