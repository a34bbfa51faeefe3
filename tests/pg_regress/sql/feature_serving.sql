-- A model that was trained on a set is served that set: asked, and by the trigger, where the row being written counts.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
\pset fieldsep ' | '
SET timezone = 'UTC';
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE SCHEMA fs;
SET search_path = fs, public;
CREATE TABLE fs.pay (id bigserial, customer_id integer, paid_at timestamptz, amount float8, bad boolean, score float8)
    PARTITION BY RANGE (paid_at);
CREATE TABLE fs.pay_spring PARTITION OF fs.pay FOR VALUES FROM ('2026-01-01') TO ('2026-06-01');
CREATE TABLE fs.pay_rest PARTITION OF fs.pay DEFAULT;
INSERT INTO fs.pay (customer_id, paid_at, amount, bad)
SELECT g % 20, timestamptz '2026-01-01 00:00+00' + g * interval '10 min', g * 7919 % 100, g * 7919 % 100 > 70
FROM generate_series(1, 1000) g;
SELECT sira_define_window_feature('n_1d', 'customer', 'fs.pay', 'customer_id', 'paid_at', 'count', '1 day'),
       sira_define_window_feature('n_before', 'customer', 'fs.pay', 'customer_id', 'paid_at', 'count', '1 day', include_current => false),
       sira_define_window_feature('mean_1d', 'customer', 'fs.pay', 'customer_id', 'paid_at', 'avg', '1 day', 'amount'),
       sira_define_request_feature('amount', 'payment'),
       sira_define_derived_feature('ratio', 'payment', 'amount / nullif(mean_1d, 0)');
SELECT sira_define_feature_set('fs_cards', 'payment', '{n_1d,n_before,mean_1d,amount,ratio}', '{"customer": "customer_id"}');
SELECT sira_create_model('fs', 'fraud_detection') IS NOT NULL AS made;
SELECT version, rows_train FROM sira_train('fs', 'SELECT id AS entity_id, paid_at AS as_of, customer_id, amount, bad FROM fs.pay',
    'bad', feature_set => 'fs_cards', params => '{"num_iterations": 5}');
SELECT count(*) AS steps FROM sira_promote('fs');
SELECT feature_set FROM sira_training_runs WHERE feature_set LIKE 'fs%';
CREATE FUNCTION fs.logged(id uuid) RETURNS jsonb LANGUAGE sql AS 'SELECT input_features FROM sira_predictions p WHERE p.id = $1';

-- What is given counts, the rest is computed with it as the row at hand.
SELECT prediction_id FROM sira_predict('fs', 'payment', '77', '{"customer_id": 3, "amount": 50}', as_of => '2026-01-04') \gset
SELECT fs.logged(:'prediction_id') AS asked, sira_feature_vector('fs_cards', 77, '2026-01-04', '{"customer_id": 3, "amount": 50}') = fs.logged(:'prediction_id') AS same;
SELECT prediction_id FROM sira_predict('fs', 'payment', '77', '{"customer_id": 3, "amount": 50, "n_1d": 1000}', as_of => '2026-01-04') \gset
SELECT fs.logged(:'prediction_id') AS given;
SELECT prediction_id FROM sira_predict('fs', 'payment', '77', '{"n_1d": 1, "n_before": 2, "mean_1d": 3, "amount": 4, "ratio": 5}') \gset
SELECT fs.logged(:'prediction_id') AS all_given;
SELECT prediction_id FROM sira_predict('fs', 'payment', '77', as_of => '2026-01-04') \gset
SELECT fs.logged(:'prediction_id') AS nothing_given;
SELECT * FROM sira_replay(:'prediction_id');
-- Columns that lead to entities are no misspelt features.
SET sira.strict_features = on;
SELECT count(*) FROM sira_predict('fs', 'payment', '77', '{"customer_id": 3, "amount": 50}', as_of => '2026-01-04');
SELECT count(*) FROM sira_predict('fs', 'payment', '77', '{"customer_id": 3, "amuont": 50}', as_of => '2026-01-04');
RESET sira.strict_features;

-- Rows of one statement see each other, in the order in which they are written; ties count; the table is partitioned.
CREATE TRIGGER score BEFORE INSERT OR UPDATE ON fs.pay FOR EACH ROW
    EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'score=score', 'features=fs_cards', 'serialize=on');
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (5001, 500, '2026-03-01 10:00+00', 10), (5002, 500, '2026-03-01 10:00+00', 20),
    (5003, 500, '2026-03-01 11:00+00', 30), (5004, 501, '2026-03-01 11:00+00', 30), (5005, 500, '2027-03-01 11:00+00', 30),
    (5006, NULL, '2026-03-01 11:00+00', 5), (5007, 500, '2026-03-02 10:00+00', NULL);
SELECT entity_id, input_features FROM sira_predictions WHERE entity_id BETWEEN '5001' AND '5007' ORDER BY entity_id;
-- An UPDATE leaves out the version that it replaces.
UPDATE fs.pay SET amount = 100 WHERE id = 5002;
SELECT input_features FROM sira_predictions WHERE entity_id = '5002' AND input_features @> '{"amount": 100}';
-- Where nothing ties, what the trigger saw is what is asked for later.
SELECT p.id, EXISTS (
    SELECT FROM sira_predictions l WHERE l.entity_id = p.id::text AND l.input_features =
        sira_feature_vector('fs_cards', p.id, p.paid_at, jsonb_build_object('customer_id', p.customer_id, 'amount', p.amount))) AS same
FROM fs.pay p WHERE p.id IN (5002, 5004, 5005) ORDER BY 1;

-- The model keeps the set that it was trained on.
SELECT sira_define_window_feature('n_1d', 'customer', 'fs.pay', 'customer_id', 'paid_at', 'count', '1 hour');
SELECT sira_define_feature_set('fs_cards', 'payment', '{n_1d,n_before,mean_1d,amount,ratio}', '{"customer": "customer_id"}') AS next;
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (5008, 501, '2026-03-01 12:30+00', 10);
-- The audit row keeps the moment that the row says, not only when it was written.
SELECT p.as_of = t.paid_at AS of_its_moment FROM sira_predictions p JOIN fs.pay t ON t.id::text = p.entity_id WHERE p.entity_id = '5008';
SELECT input_features ->> 'n_1d' AS pinned FROM sira_predictions WHERE entity_id = '5008';
DROP TRIGGER score ON fs.pay;
CREATE TRIGGER score BEFORE INSERT ON fs.pay FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'features=fs_cards/2');
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (5009, 501, '2026-03-01 12:30+00', 10);
SELECT input_features ->> 'n_1d' AS named FROM sira_predictions WHERE entity_id = '5009';
DROP TRIGGER score ON fs.pay;
CREATE TRIGGER score BEFORE INSERT ON fs.pay FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'features=nosuch');
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (5010, 501, '2026-03-01 12:30+00', 10);
DROP TRIGGER score ON fs.pay;
CREATE TRIGGER score BEFORE INSERT ON fs.pay FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'serialize=maybe');
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (5010, 501, '2026-03-01 12:30+00', 10);
SELECT models FROM sira_feature_catalog WHERE name = 'mean_1d';

-- A generated column is not computed yet: as a request feature, as a key and within a window it is refused.
DROP TRIGGER IF EXISTS score ON fs.pay;
CREATE TABLE fs.orders (id int, customer_id int, half float8, amount float8 GENERATED ALWAYS AS (half * 2) STORED);
CREATE TRIGGER score BEFORE INSERT ON fs.orders FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'features=fs_cards');
INSERT INTO fs.orders (id, customer_id, half) VALUES (1, 3, 2);
ALTER TABLE fs.orders DROP amount, DROP customer_id, ADD amount float8, ADD customer_id int GENERATED ALWAYS AS (id + 2) STORED;
INSERT INTO fs.orders (id, half, amount) VALUES (1, 2, 4);
ALTER TABLE fs.pay ADD twice float8 GENERATED ALWAYS AS (amount * 2) STORED;
SELECT sira_define_window_feature('twice_1d', 'customer', 'fs.pay', 'customer_id', 'paid_at', 'avg', '1 day', 'twice');
SELECT sira_define_feature_set('fs_twice', 'payment', '{twice_1d,amount}', '{"customer": "customer_id"}');
CREATE TRIGGER score BEFORE INSERT ON fs.pay FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'features=fs_twice');
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (6001, 500, '2026-03-01 10:00+00', 10);
DROP TRIGGER score ON fs.pay;
CREATE TRIGGER score BEFORE INSERT ON fs.pay FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fs', 'payment', 'id', 'features=fs_cards');
INSERT INTO fs.pay (id, customer_id, paid_at, amount) VALUES (6002, 500, '2026-03-01 10:00+00', 10) RETURNING id, twice;
ROLLBACK;
