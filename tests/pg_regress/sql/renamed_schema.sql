-- The functions name the schema of the installation. When it is renamed, a stranger may make one of that name: whatever runs with
-- the owner's rights stops before it reads what he put there.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('rn', 'fraud_detection') AS model_id \gset
CREATE TABLE rn_rows AS SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, g * 7919 % 1000 > 800 AS bad FROM generate_series(1, 300) g;
SELECT version FROM sira_train('rn', 'SELECT amount, bad FROM rn_rows', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5, "min_data_in_leaf": 5}');
SELECT id AS version_id FROM sira_model_versions WHERE model_id = :'model_id' \gset
SELECT convert_from(sira_export_version('rn/1'), 'UTF8') AS artifact \gset
SELECT prediction_id FROM sira_predict('rn/1', 'transaction', '1', '{"amount": 1}') \gset
CREATE ROLE rn_admin IN ROLE sira_admin;
ALTER SCHEMA public RENAME TO elsewhere;
CREATE ROLE rn_stranger;
CREATE SCHEMA public AUTHORIZATION rn_stranger;
GRANT USAGE ON SCHEMA public TO PUBLIC;
SET search_path = elsewhere;
SET ROLE rn_stranger;
CREATE TABLE public.sira_seen (acting_as text);
GRANT INSERT ON public.sira_seen TO PUBLIC;
CREATE FUNCTION public.sira_allowed_statuses(text) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.sira_seen VALUES (current_user);
    RETURN '{validated}'::text[];
END $$;
CREATE FUNCTION public.sira_current_tenant() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.sira_seen VALUES (current_user);
    RETURN 'default';
END $$;
CREATE VIEW public.sira_models AS SELECT gen_random_uuid() AS id, public.sira_current_tenant() AS tenant_id;
GRANT SELECT ON public.sira_models TO PUBLIC;
SET ROLE rn_admin;
SELECT sira_score('rn/1', '{"amount": 1}') IS NOT NULL AS scoring_goes_on;
SELECT * FROM sira_maintain_partitions();
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET status = 'validated' WHERE id = :'version_id';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_model_versions WHERE id = :'version_id';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_feedback (prediction_id, feedback_type) VALUES (:'prediction_id', 'flag');
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('rn', convert_to(:'artifact', 'UTF8'));
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT DISTINCT acting_as FROM public.sira_seen;
-- Renamed back, it goes on.
DROP SCHEMA public CASCADE;
ALTER SCHEMA elsewhere RENAME TO public;
SET search_path = public;
SET ROLE rn_admin;
UPDATE sira_model_versions SET status = 'validated' WHERE id = :'version_id';
SELECT count(*) FROM sira_model_transitions WHERE version_id = :'version_id';
RESET ROLE;
ROLLBACK;
RESET search_path;
-- A name that needs quotes is quoted once.
BEGIN;
\set ON_ERROR_ROLLBACK on
SET LOCAL client_min_messages = error;
DROP EXTENSION sira CASCADE;
CREATE SCHEMA "Odd one";
CREATE EXTENSION sira SCHEMA "Odd one";
ALTER SCHEMA "Odd one" RENAME TO rn_plain;
SELECT rn_plain.sira_queue_job('other');
SELECT * FROM rn_plain.sira_maintain_partitions();
ROLLBACK;
