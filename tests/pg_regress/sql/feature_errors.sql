-- Definitions that cannot work, or could do harm, are refused before anything is stored: SQLSTATE, detail and hint.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\set VERBOSITY default
CREATE SCHEMA fe;
SET search_path = fe, public;
CREATE TABLE fe.payments (id bigint, customer_id integer, terminal_id text, paid_at timestamptz, day date, amount numeric,
                          channel text, bad boolean, span interval, spot point, note xml);
CREATE TEMP TABLE passing (customer_id integer, at timestamptz);
CREATE SEQUENCE fe.counter;
CREATE FUNCTION fe.roll(x numeric) RETURNS numeric LANGUAGE sql VOLATILE AS 'SELECT x';
CREATE FUNCTION fe.plain(x numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT x * 2';
CREATE FUNCTION fe.window_over(value text DEFAULT NULL, filter text DEFAULT NULL, aggregate text DEFAULT 'sum',
    source text DEFAULT 'fe.payments', entity_column text DEFAULT 'customer_id', time_column text DEFAULT 'paid_at',
    size interval DEFAULT '7 days', delay interval DEFAULT '0', denominator text DEFAULT NULL) RETURNS integer
LANGUAGE sql AS $$ SELECT sira_define_window_feature('f', 'customer', source, entity_column, time_column, aggregate, size,
    value, filter, delay, true, denominator) $$;

-- Relations and columns.
SELECT sira_define_window_feature('f', 'customer', 'fe.nowhere', 'customer_id', 'paid_at', 'count', '7 days');
SELECT sira_define_window_feature('f', 'customer', 'payments; DROP TABLE fe.payments', 'customer_id', 'paid_at', 'count', '7 days');
SELECT fe.window_over(source => 'fe.counter');
SELECT fe.window_over(source => 'passing', time_column => 'at');
SELECT fe.window_over('amount', entity_column => 'customer');
SELECT fe.window_over('amount', entity_column => 'customer_id OR true');
SELECT fe.window_over('amount', entity_column => 'spot');
SELECT fe.window_over('amount', time_column => 'paid');
SELECT fe.window_over('amount', time_column => 'amount');
SELECT fe.window_over('amount', time_column => 'paid_at" = now() --');

-- Windows and delays.
SELECT fe.window_over('amount', size => '1 month');
SELECT fe.window_over('amount', size => '0');
SELECT fe.window_over('amount', size => '-1 day');
SELECT fe.window_over('amount', size => '1000000000 days');
SELECT fe.window_over('amount', delay => '-1000000000 days');
SELECT fe.window_over('amount', delay => '-1 day');
SELECT fe.window_over('amount', delay => '2 months');

-- Aggregates.
SELECT fe.window_over('amount', aggregate => 'median');
SELECT fe.window_over('amount', aggregate => 'sum); DROP TABLE fe.payments; --');
SELECT fe.window_over('channel', aggregate => 'sum');
SELECT fe.window_over('channel', aggregate => 'ratio', denominator => 'amount');
SELECT fe.window_over('amount', aggregate => 'ratio', denominator => 'channel');
SELECT fe.window_over('amount', aggregate => 'ratio');
SELECT fe.window_over('amount', denominator => 'amount');
SELECT fe.window_over(aggregate => 'avg');
SELECT fe.window_over('span', aggregate => 'max');
SELECT fe.window_over('spot', aggregate => 'count_distinct');

-- Values that are no expression, or not only one.
SELECT fe.window_over('');
SELECT fe.window_over('amount, id');
SELECT fe.window_over('amount) FROM fe.payments; DROP TABLE fe.payments; --');
SELECT fe.window_over('amount; DROP TABLE fe.payments');
SELECT fe.window_over('amount) AS x, (id');
SELECT fe.window_over('amount) FROM pg_authid WHERE (true');
SELECT fe.window_over('amount) UNION SELECT (1');
SELECT fe.window_over('amount], ARRAY[id');
SELECT fe.window_over('amount -- the rest');
SELECT fe.window_over('amount /* the rest');
SELECT fe.window_over('amount AS x');
SELECT fe.window_over('*');
SELECT fe.window_over('$1');
SELECT fe.window_over('amnt');
SELECT fe.window_over('other.amount');
SELECT fe.window_over('amount + channel');
SELECT fe.window_over('nosuch(amount)');
SELECT fe.window_over('(SELECT max(amount) FROM fe.payments)');
SELECT fe.window_over('EXISTS (SELECT FROM pg_authid)');
SELECT fe.window_over('sum(amount)');
SELECT fe.window_over('rank() OVER ()');
SELECT fe.window_over('generate_series(1, 3)');
SELECT fe.window_over('random()');
SELECT fe.window_over('fe.roll(amount)');
SELECT fe.window_over('nextval(''fe.counter'')');
SELECT fe.window_over('extract(epoch FROM now() - paid_at)');
SELECT fe.window_over('extract(epoch FROM current_timestamp - paid_at)');
SELECT fe.window_over('(current_user = ''x'')::int');
SELECT fe.window_over('length(ctid::text)');
SELECT fe.window_over('payments');

-- Filters.
SELECT fe.window_over('amount', 'amount');
SELECT fe.window_over('amount', 'true) OR (true');
SELECT fe.window_over('amount', 'true); DELETE FROM fe.payments; --');
SELECT fe.window_over('amount', 'chanel = ''web''');
SELECT fe.window_over('amount', 'id IN (SELECT id FROM fe.payments)');
SELECT fe.window_over('amount', 'random() < 0.5');
SELECT fe.window_over('amount', 'amount = 1 --');
SELECT fe.window_over('amount', aggregate => 'ratio', denominator => 'amount) / (0');

-- Queries.
SELECT sira_define_sql_feature('f', 'customer', 'DELETE FROM fe.payments WHERE customer_id = $entity_id::int AND paid_at < $as_of RETURNING 1');
SELECT sira_define_sql_feature('f', 'customer', 'WITH gone AS (DELETE FROM fe.payments RETURNING id) SELECT count(*) FROM gone WHERE $as_of > now()');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT id FROM fe.payments WHERE paid_at < $as_of FOR UPDATE');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT max(id) FROM (SELECT id FROM fe.payments WHERE paid_at < $as_of FOR SHARE) s');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) INTO fe.copied FROM fe.payments WHERE paid_at < $as_of');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT 1; DROP TABLE fe.payments');
SELECT sira_define_sql_feature('f', 'customer', 'TRUNCATE fe.payments');
SELECT sira_define_sql_feature('f', 'customer', 'COPY fe.payments TO PROGRAM ''cat''');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT nextval(''fe.counter'') WHERE $as_of IS NOT NULL');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) FROM fe.payments WHERE paid_at < now() AND $as_of IS NOT NULL');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*), sum(amount) FROM fe.payments WHERE paid_at < $as_of');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT FROM fe.payments WHERE paid_at < $as_of');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) FROM fe.nowhere WHERE at < $as_of');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) FROM fe.payments WHERE paid_at < $as_off');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) FROM fe.payments WHERE paid_at < $2');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) FROM fe.payments WHERE customer_id = $entity_id AND paid_at < $as_of');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT point(1, 2) WHERE $as_of IS NOT NULL');
SELECT sira_define_sql_feature('f', 'customer', 'SELECT count(*) FROM fe.payments WHERE paid_at < $as_of', value_type => 'text');
SELECT sira_define_sql_feature('f', 'customer', '');

-- Names, types, lengths and rules.
SELECT sira_define_stored_feature('a/b', 'customer');
SELECT sira_define_stored_feature('a@b', 'customer');
SELECT sira_define_stored_feature('', 'customer');
SELECT sira_define_stored_feature(NULL, 'customer');
SELECT sira_define_stored_feature('f', 'Customer');
SELECT sira_define_stored_feature('f', '');
SELECT sira_define_stored_feature('f', 'customer', value_type => 'float');
SELECT sira_define_stored_feature('f', 'customer', max_age => '-1 day');
SELECT sira_define_stored_feature('f', 'customer', max_age => '1 month');
SELECT sira_define_stored_feature('f', 'customer', rules => '[1]');

-- Derived features.
SELECT sira_define_request_feature('amount', 'transaction');
SELECT sira_define_derived_feature('d', 'customer', 'amount * 2');
SELECT sira_define_derived_feature('e', 'customer', 'd + nosuch');
SELECT sira_define_derived_feature('e', 'customer', 'e + 1');
SELECT sira_define_derived_feature('e', 'customer', 'd + 1');
SELECT sira_define_derived_feature('d', 'customer', 'e + 1');
SELECT sira_define_derived_feature('d', 'customer', 'amount || ''x'' || d');
SELECT sira_define_derived_feature('g', 'customer', 'amount) FROM pg_authid WHERE (true');
SELECT sira_define_derived_feature('g', 'customer', '(SELECT count(*) FROM fe.payments)');
SELECT sira_define_derived_feature('g', 'customer', 'amount * random()');
SELECT sira_define_derived_feature('g', 'customer', 'point(amount, amount)');

-- Sets.
SELECT sira_define_feature_set('s', 'transaction', '{}');
SELECT sira_define_feature_set('s', 'transaction', '{amount,nosuch}');
SELECT sira_define_feature_set('s', 'transaction', '{amount,amount}');
SELECT sira_define_feature_set('s', 'transaction', '{amount/7}');
SELECT sira_define_feature_set('s', 'transaction', '{amount/x}');
SELECT sira_define_feature_set('s', 'transaction', '{d}');
SELECT sira_define_feature_set('s/1', 'transaction', '{amount}');
SELECT sira_define_feature_set('s', 'transaction', '{amount}', '[]');
SELECT sira_define_feature_set('s', 'transaction', '{amount}', '{"customer": 1}');
SELECT sira_define_feature_set('s', 'transaction', '{amount}', '{"transaction": "id", "customer": "customer_id"}');
SELECT sira_define_stored_feature('risk', 'customer');
SELECT sira_define_feature_set('s', 'transaction', '{amount,risk}');
SELECT sira_define_feature_set('s', 'transaction', '{amount,risk}', '{"terminal": "terminal_id"}');
-- An old version needs what a new one gives: the cycle shows in the set that pins both.
SELECT sira_define_stored_feature('e', 'customer');
SELECT sira_define_derived_feature('d', 'customer', 'e + 1');
SELECT sira_define_feature_set('s', 'customer', '{amount,d,e/1}', '{"transaction": "id"}');
SELECT sira_deprecate_feature('amount', 'no longer sent');
SELECT sira_define_feature_set('s', 'transaction', '{amount}');
SELECT sira_deprecate_feature('nosuch');

-- Asking.
SELECT * FROM sira_get_features('nosuch', '1');
SELECT sira_define_feature_set('t', 'customer', '{risk}');
SELECT * FROM sira_get_features('t/2', '1');
SELECT * FROM sira_get_features('t', '1', 'infinity');
SELECT * FROM sira_get_features('t', '1', keys => '[1]');
SELECT * FROM sira_get_features(NULL, '1');

-- The SQLSTATE of each kind of refusal.
CREATE FUNCTION fe.state(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE query; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT fe.state(format('SELECT fe.window_over(%s)', arguments)) AS sqlstate, arguments
FROM unnest(ARRAY['source => ''fe.nowhere''', 'source => ''fe.counter''', 'source => ''passing''', '''amnt''',
    '''amount'', entity_column => ''customer''', '''amount'', entity_column => ''spot''', '''amount'', time_column => ''amount''',
    '''amount'', size => ''1 month''', '''amount'', size => ''0''', '''amount'', aggregate => ''median''', '''channel''', '''span''',
    '''''', '''amount, id''', '''amount; DROP TABLE x''', '''(SELECT 1)''', '''sum(amount)''', '''random()''', '''now()::text''',
    '''ctid::text''', '''amount'', ''amount''', '''amount + channel''']) arguments;
SELECT fe.state(query) AS sqlstate, query
FROM unnest(ARRAY['SELECT sira_define_sql_feature(''f'', ''c'', ''DELETE FROM fe.payments'')',
    'SELECT sira_define_sql_feature(''f'', ''c'', ''SELECT 1 FROM fe.payments FOR UPDATE'')',
    'SELECT sira_define_sql_feature(''f'', ''c'', ''SELECT $1'')', 'SELECT sira_define_stored_feature(''a/b'', ''c'')',
    'SELECT sira_define_stored_feature(NULL, ''c'')', 'SELECT sira_define_derived_feature(''x'', ''c'', ''x + 1'')',
    'SELECT sira_define_derived_feature(''x'', ''c'', ''nosuch + 1'')', 'SELECT sira_define_feature_set(''s'', ''c'', ''{nosuch}'')',
    'SELECT sira_define_feature_set(''s'', ''c'', ''{risk,risk}'')', 'SELECT sira_define_feature_set(''s'', ''c'', ''{amount}'')',
    'SELECT sira_define_feature_set(''s'', ''c'', ''{d}'')', 'SELECT sira_get_features(''nosuch'', ''1'')',
    'SELECT sira_get_features(''t'', ''1'', ''infinity'')', 'SELECT sira_get_features(NULL, ''1'')']) query;

-- Rows by hand are refused, changes too.
SELECT count(*) AS stored FROM sira_feature_definitions WHERE name = 'f';
UPDATE sira_feature_definitions SET kind = 'stored' WHERE name = 'd';
UPDATE sira_feature_sets SET features = '{x}' WHERE name = 't';
SELECT count(*) AS payments FROM fe.payments;
DELETE FROM sira_feature_sets WHERE name IN ('t');
DELETE FROM sira_feature_definitions WHERE name IN ('d', 'e', 'f', 'amount', 'risk');
DROP SCHEMA fe CASCADE;
