-- A feature whose SQL fails is answered by the declared fallback, and leaves nothing open behind it: no WARNING of the
-- transaction's end, no level of SPI, no wrong row handed to whoever called. In a database of its own, for it commits.
CREATE DATABASE ff_commits TEMPLATE template0 ENCODING 'UTF8';
\c ff_commits
SET client_min_messages = warning;
CREATE EXTENSION sira;
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
\pset fieldsep ' | '
SET timezone = 'UTC';
CREATE SCHEMA ff;
SET search_path = ff, public;
CREATE TABLE ff.pay (id bigint, customer_id integer, paid_at timestamptz, amount float8, bad boolean, decision text);
INSERT INTO ff.pay (id, customer_id, paid_at, amount, bad)
SELECT g, g % 20, timestamptz '2026-01-01 00:00+00' + g * interval '10 min', 20 + g * 7919 % 100, g * 7919 % 100 > 70
FROM generate_series(1, 500) g;
CREATE FUNCTION ff.inverse(id text) RETURNS float8 LANGUAGE plpgsql STABLE AS $$
DECLARE one ff.pay;
BEGIN
    FOR one IN SELECT * FROM ff.pay p WHERE p.customer_id = $1::integer ORDER BY p.id LOOP
        PERFORM 1 / (one.amount - 13);
    END LOOP;
    RETURN 1;
END $$;
SELECT sira_define_window_feature('ff_inverse', 'customer', 'ff.pay', 'customer_id', 'paid_at', 'sum', '90 days', '1 / (amount - 13)'),
       sira_define_sql_feature('ff_called', 'customer', 'SELECT ff.inverse($entity_id)'),
       sira_define_request_feature('amount', 'payment'),
       sira_define_derived_feature('ff_derived', 'payment', '1 / (amount - 14)');
CREATE FUNCTION ff.model(name text, features text[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sira_define_feature_set(name, 'payment', features, '{"customer": "customer_id"}');
    PERFORM sira_create_model(name, 'fraud_detection');
    PERFORM sira_set_policy(name, '[{"decision": "approve"}]', fallback => 'review');
    PERFORM sira_train(name, 'SELECT id AS entity_id, paid_at AS as_of, customer_id, amount, bad FROM ff.pay WHERE id <= 500', 'bad',
                       feature_set => name, params => '{"num_iterations": 3}');
    RETURN (SELECT count(*) FROM sira_promote(name));
END $$;
SELECT ff.model('ff_window', '{ff_inverse,amount}') AS window_steps, ff.model('ff_called', '{ff_called,amount}') AS called_steps,
       ff.model('ff_derived', '{ff_derived,amount}') AS derived_steps;
CREATE FUNCTION ff.pay(id bigint, amount float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; n bigint;
BEGIN
    INSERT INTO ff.pay (id, customer_id, paid_at, amount) VALUES (pay.id, 3, '2026-02-01', pay.amount) RETURNING decision INTO d;
    SELECT count(*) INTO n FROM ff.pay p WHERE p.id = pay.id;
    RETURN d || ', rows: ' || n;
END $$;
CREATE FUNCTION ff.through(model text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DROP TRIGGER IF EXISTS score ON ff.pay;
    EXECUTE format('CREATE TRIGGER score BEFORE INSERT ON ff.pay FOR EACH ROW EXECUTE FUNCTION
                    sira_predict_trigger(%L, ''payment'', ''id'', ''decision=decision'', ''features=%s'')', model, model);
END $$;

SELECT ff.through('ff_window');
SELECT ff.pay(601, 13) AS failing, ff.pay(602, 20) AS poisoned;
INSERT INTO ff.pay (id, customer_id, paid_at, amount) VALUES (603, 3, '2026-02-01', 13), (604, 4, '2026-02-01', 20) RETURNING id, decision;
SELECT ff.through('ff_called');
SELECT ff.pay(701, 20) AS failing;
DO $$ BEGIN INSERT INTO ff.pay (id, customer_id, paid_at, amount) VALUES (702, 3, '2026-02-01', 20); END $$;
SELECT id, decision FROM ff.pay WHERE id = 702;
SELECT ff.through('ff_derived');
SELECT ff.pay(801, 14) AS failing, ff.pay(802, 20) AS sound;
SELECT decision, score IS NULL AS unscored FROM sira_predict_batch('ff_called', 'payment', '{9,10,11}', as_of => '2026-02-01',
    features => ARRAY['{"customer_id": 3, "amount": 1}', '{"customer_id": 4, "amount": 1}', '{"customer_id": 3, "amount": 1}']::jsonb[]);
SELECT model_version_id IS NULL AS unscored, count(*), min(prediction ->> 'fallback') FROM sira_predictions WHERE fallback GROUP BY 1;
-- Without a fallback the failure is raised, and undone like any other.
SELECT sira_set_policy('ff_derived', '[{"decision": "approve"}]') IS NOT NULL AS set;
SELECT ff.pay(901, 14) AS failing;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM ff.pay WHERE id = 901;
-- What is nobody's text at fault is raised through, and a block around it goes on.
CREATE ROLE ff_reader IN ROLE sira_inference;
GRANT USAGE ON SCHEMA ff TO ff_reader;
SET ROLE ff_reader;
DO $$
BEGIN
    PERFORM sira_predict('ff_window', 'payment', '1', '{"customer_id": 3, "amount": 1}');
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'caught: %', SQLERRM;
    PERFORM count(*) FROM sira_predict('ff_window', 'payment', '1', '{"ff_inverse": 3, "amount": 1}');
END $$;
RESET ROLE;
SELECT entity_id, fallback FROM sira_predictions WHERE input_features @> '{"ff_inverse": 3}';
DROP OWNED BY ff_reader;
DROP ROLE ff_reader;
\c sira_regress
DROP DATABASE ff_commits;
