-- A superuser does not run what others have defined, whoever it acts as, and nothing is left of the attempt.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
CREATE SCHEMA ft;
SET search_path = ft, public;
CREATE TABLE ft.payments (customer_id integer, paid_at timestamptz, amount numeric, note text);
INSERT INTO ft.payments SELECT 1 + i % 3, '2026-06-01'::timestamptz + i * interval '1 hour', i, 'n' || i FROM generate_series(1, 100) i;

\set asked '''SELECT 1 AS entity_id, ''''2026-06-04''''::timestamptz AS as_of'''
CREATE ROLE ft_author LOGIN;
GRANT sira_admin, sira_user TO ft_author;
GRANT ALL ON SCHEMA ft TO ft_author;
GRANT SELECT ON ft.payments TO ft_author;
SET SESSION AUTHORIZATION ft_author;
CREATE FUNCTION ft.mine(x text) RETURNS float8 LANGUAGE sql STABLE AS 'SELECT 1::float8';
SELECT sira_define_sql_feature('ft_mine', 'customer', 'SELECT ft.mine($entity_id) + extract(epoch FROM $as_of) * 0');
SELECT sira_define_window_feature('ft_known', 'customer', 'payments', 'customer_id', 'paid_at', 'count', '7 days');
SELECT sira_define_feature_set('ft_m', 'customer', '{ft_mine,ft_known}');
SELECT feature, value FROM sira_get_features('ft_m', '1', '2026-06-04');
SELECT features FROM sira_historical_features('ft_m', :asked);
CREATE FUNCTION ft.act() RETURNS float8 LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    ALTER ROLE ft_author SUPERUSER;
    RETURN 1;
END $$;
CREATE OR REPLACE FUNCTION ft.mine(x text) RETURNS float8 LANGUAGE plpgsql STABLE AS 'BEGIN RETURN ft.act(); END';
RESET SESSION AUTHORIZATION;
SELECT feature, value FROM sira_get_features('ft_m', '1', '2026-06-04');
SELECT features FROM sira_historical_features('ft_m', :asked);
SELECT sira_materialize_snapshots('ft_m', '2026-06-04');
SET ROLE ft_author;
SELECT feature, value FROM sira_get_features('ft_m', '1', '2026-06-04');
RESET ROLE;
SET client_min_messages = error;
\set VERBOSITY terse
CALL sira_run_feature_pipeline('ft_m', max_attempts => 1);
\set VERBOSITY default
SELECT status, error_sqlstate FROM sira_jobs WHERE subject = 'ft_m/1' AND step = 'extract';
SET client_min_messages = warning;
SELECT rolsuper FROM pg_roles WHERE rolname = 'ft_author';

-- Defined again by the superuser, it is the superuser's; and by the author again nothing new.
DROP FUNCTION ft.mine(text);
CREATE FUNCTION ft.mine(x text) RETURNS float8 LANGUAGE sql STABLE AS 'SELECT 2::float8';
SELECT sira_define_sql_feature('ft_mine', 'customer', 'SELECT ft.mine($entity_id) + extract(epoch FROM $as_of) * 0', owner => 'ft_author');
SELECT sira_define_window_feature('ft_known', 'customer', 'payments', 'customer_id', 'paid_at', 'count', '7 days', owner => 'ft_author');
SELECT sira_define_feature_set('ft_m', 'customer', '{ft_mine,ft_known}');
SELECT feature, value FROM sira_get_features('ft_m', '1', '2026-06-04');
SELECT features FROM sira_historical_features('ft_m', :asked);
SET SESSION AUTHORIZATION ft_author;
SELECT sira_define_window_feature('ft_known', 'customer', 'payments', 'customer_id', 'paid_at', 'count', '7 days');
RESET SESSION AUTHORIZATION;
-- What a function of the author defines while the superuser calls it is not the superuser's.
CREATE FUNCTION ft.innocent() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$SELECT sira_define_sql_feature('ft_planted', 'customer', 'SELECT 1::float8 + extract(epoch FROM $as_of) * 0')$$;
SELECT ft.innocent();
DELETE FROM sira_jobs WHERE subject LIKE 'ft\_%';
DELETE FROM sira_feature_sets WHERE name LIKE 'ft\_%';
DELETE FROM sira_feature_definitions WHERE name LIKE 'ft\_%';
DROP SCHEMA ft CASCADE;
DROP OWNED BY ft_author;
DROP ROLE ft_author;
