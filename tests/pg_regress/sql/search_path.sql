-- Statements that run with the owner's rights are analysed under the caller's search_path. A caller who puts operators,
-- types and functions of their own before pg_catalog must not have them called.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
BEGIN;
CREATE TABLE public.trap (acting_as text);
GRANT INSERT ON public.trap TO PUBLIC;
CREATE ROLE sira_trapper;
GRANT sira_inference, sira_auditor TO sira_trapper;
CREATE SCHEMA hijack AUTHORIZATION sira_trapper;

SELECT sira_create_model('m', 'fraud_detection') IS NOT NULL AS created;
CREATE TABLE seen AS SELECT n AS id, timestamptz '2026-01-01 00:00+00' + n * interval '1 hour' AS at,
    (n * 7919 % 100)::float8 AS amount, n * 7919 % 100 > 80 AS bad FROM generate_series(1, 600) AS n;
SELECT status FROM sira_train('m', 'SELECT at, amount, bad FROM seen', 'bad', 'at', params => '{"num_iterations": 5}');
SELECT to_status FROM sira_promote('m');

SET ROLE sira_trapper;
CREATE FUNCTION hijack.spring(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.trap VALUES (current_user);
    RETURN pg_catalog.texteq(a, b);
END $$;
CREATE OPERATOR hijack.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hijack.spring);
CREATE DOMAIN hijack.jsonb AS pg_catalog.jsonb CHECK (hijack.spring('a', 'a'));
CREATE DOMAIN hijack.text AS pg_catalog.text CHECK (hijack.spring('a', 'a'));
SET search_path = hijack, pg_catalog, public;
-- The trap works: this comparison is the caller's own.
SELECT 'a'::pg_catalog.text = 'a'::pg_catalog.text AS equal;
SELECT sira_score('m', '{"amount": 90}'::pg_catalog.jsonb) IS NOT NULL AS scored;
SELECT decision IS NULL AS undecided FROM sira_predict('m', 'payment', '1', '{"amount": 90}', request_id => 'r');
SELECT decision IS NULL AS undecided FROM sira_predict('m', 'payment', '1', '{"amount": 90}', request_id => 'r');
SELECT identical FROM sira_replay((SELECT id FROM public.sira_predictions LIMIT 1));
RESET search_path;
RESET ROLE;
-- Only the caller was.
SELECT DISTINCT acting_as FROM trap;
ROLLBACK;
