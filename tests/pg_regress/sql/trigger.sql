-- A row is scored while it is written; the answer goes into the row and the audit row, or neither.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('tr', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE tr_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, (ARRAY['web', 'shop', 'atm'])[1 + g % 3] AS channel,
       g * 7919 % 1000 > 800 OR (g * 7919 % 1000 > 300 AND g % 3 = 1) AS bad
FROM generate_series(1, 400) g;
SELECT version FROM sira_train('tr', 'SELECT amount, channel, bad FROM tr_rows', 'bad', split => '{"method": "random"}',
                               params => '{"num_iterations": 30, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('tr');
SELECT sira_set_policy('tr', '[{"upto": 0.5, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]');
CREATE TABLE tr_payments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount numeric, channel text, risk_score float8,
    risk_class varchar(10), sure real, risk_decision text, prediction_id uuid, why jsonb, by_version int, by_model text);
CREATE TRIGGER score BEFORE INSERT ON tr_payments FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id',
    'score=risk_score', 'class=risk_class', 'confidence=sure', 'decision=risk_decision', 'prediction_id=prediction_id', 'reasons=why',
    'version=by_version', 'model=by_model', 'explain=1');

INSERT INTO tr_payments (amount, channel) VALUES (10, 'web'), (990, 'shop'), (NULL, NULL), (500, 'pigeon');
SELECT p.id, p.amount, p.risk_class, p.risk_decision, p.by_version, p.by_model, p.risk_score = sira_score('tr', p) AS scored,
       jsonb_array_length(p.why) AS reasons, p.sure = greatest(p.risk_score, 1 - p.risk_score)::real AS sure
FROM tr_payments p ORDER BY id;
SELECT p.id, l.entity_type, l.entity_id, l.input_features, l.score = p.risk_score AS score, l.decision = p.risk_decision AS decision, l.source, r.identical
FROM tr_payments p JOIN sira_predictions l ON l.id = p.prediction_id, sira_replay(l.id) r ORDER BY p.id;
-- An id is what everything else writes of it: a char(n) without its padding.
SAVEPOINT codes;
CREATE TABLE tr_codes (code char(8) PRIMARY KEY, amount numeric, channel text, risk_score float8);
CREATE TRIGGER score BEFORE INSERT ON tr_codes FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'coded', 'code', 'score=risk_score');
INSERT INTO tr_codes VALUES ('a b', 10, 'web');
SELECT '"' || entity_id || '"' AS entity_id FROM sira_predictions WHERE entity_type = 'coded';
ROLLBACK TO codes;
-- INSERT … SELECT and RETURNING.
INSERT INTO tr_payments (amount, channel) SELECT 900 + g, 'web' FROM generate_series(1, 3) g RETURNING id, risk_decision, risk_score = sira_score('tr', tr_payments.*) AS scored;
-- A constraint that fails takes the audit row with it.
ALTER TABLE tr_payments ADD CHECK (amount < 5000);
-- (the message holds the row)
\set VERBOSITY sqlstate
INSERT INTO tr_payments (amount, channel) VALUES (6000, 'web');
\set VERBOSITY default
SELECT (SELECT count(*) FROM tr_payments) = (SELECT count(*) FROM sira_predictions) AS a_row_each;
-- An upsert that finds its row leaves an audit row of a payment that never was: said in the documentation.
INSERT INTO tr_payments (id, amount, channel) OVERRIDING SYSTEM VALUE VALUES (1, 3, 'web') ON CONFLICT DO NOTHING;
SELECT (SELECT count(*) FROM tr_payments) + 1 = (SELECT count(*) FROM sira_predictions) AS one_more;

-- A promotion in the middle of a transaction counts from the next statement on.
SELECT version FROM sira_train('tr', 'SELECT amount, channel, bad FROM tr_rows', 'bad', split => '{"method": "random"}',
                               params => '{"num_iterations": 3, "min_data_in_leaf": 5}');
SELECT count(*) FROM sira_promote('tr');
INSERT INTO tr_payments (amount, channel) VALUES (20, 'web') RETURNING by_version;

-- Where the DBA says so, an UPDATE is scored too.
CREATE TRIGGER score_again BEFORE UPDATE OF amount ON tr_payments FOR EACH ROW
    EXECUTE FUNCTION sira_predict_trigger('tr/1', 'transaction', 'id', 'score=risk_score', 'decision=risk_decision', 'prediction_id=prediction_id');
CREATE TABLE tr_old AS SELECT prediction_id FROM tr_payments WHERE id = 1;
UPDATE tr_payments SET amount = 995, channel = 'shop' WHERE id = 1
RETURNING amount, risk_decision, risk_score = sira_score('tr/1', tr_payments.*) AS scored, prediction_id <> (SELECT prediction_id FROM tr_old) AS new_prediction;
UPDATE tr_payments SET channel = 'web' WHERE id = 1 RETURNING risk_score = sira_score('tr/1', '{"amount": 995, "channel": "shop"}') AS untouched;

-- On a partitioned table, whose parts have their columns in other places.
CREATE TABLE tr_parts (id int, amount float8, channel text, day date, risk float8) PARTITION BY RANGE (day);
CREATE TABLE tr_part_1 (gone text, channel text, day date, risk float8, amount float8, id int);
ALTER TABLE tr_part_1 DROP COLUMN gone;
ALTER TABLE tr_parts ATTACH PARTITION tr_part_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE tr_part_2 PARTITION OF tr_parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TRIGGER score BEFORE INSERT ON tr_parts FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id', 'score=risk');
INSERT INTO tr_parts (id, amount, channel, day) VALUES (1, 990, 'shop', '2026-01-05'), (2, 10, 'web', '2026-02-05'), (3, 990, 'shop', '2026-02-06'), (4, 10, 'web', '2026-01-06');
SELECT tableoid::regclass, id, risk = sira_score('tr', p) AS scored FROM tr_parts p ORDER BY id;

-- A generated column still holds the value of before: it feeds no feature, no id and no window; one that feeds none is fine.
CREATE TABLE tr_generated (id int, gross float8, amount float8 GENERATED ALWAYS AS (gross * 2) STORED, channel text, risk float8);
INSERT INTO tr_generated (id, gross) VALUES (1, 2);
CREATE TRIGGER score BEFORE INSERT OR UPDATE ON tr_generated FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id', 'score=risk');
INSERT INTO tr_generated (id, gross) VALUES (2, 2);
\echo :LAST_ERROR_SQLSTATE
UPDATE tr_generated SET gross = 3;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE tr_generated RENAME amount TO twice;
UPDATE tr_generated SET channel = 'web' RETURNING risk = sira_score('tr', '{"channel": "web"}') AS scored;
DROP TRIGGER score ON tr_generated;
CREATE TRIGGER score BEFORE INSERT ON tr_generated FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'twice', 'score=risk');
INSERT INTO tr_generated (id, gross, channel) VALUES (3, 2, 'web');
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER score ON tr_generated;
CREATE TRIGGER score BEFORE INSERT ON tr_generated FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id', 'score=twice');
INSERT INTO tr_generated (id, gross, channel) VALUES (3, 2, 'web');
\echo :LAST_ERROR_SQLSTATE

-- What a trigger may not be.
CREATE TABLE tr_bad (id int, amount float8, risk float8, word text);
CREATE TRIGGER bad AFTER INSERT ON tr_bad FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id');
INSERT INTO tr_bad VALUES (1, 2);
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER bad ON tr_bad;
CREATE TRIGGER bad BEFORE INSERT ON tr_bad FOR EACH STATEMENT EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id');
INSERT INTO tr_bad VALUES (1, 2);
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER bad ON tr_bad;
INSERT INTO tr_bad VALUES (1, 2);
CREATE TRIGGER bad BEFORE DELETE ON tr_bad FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('tr', 'transaction', 'id');
DELETE FROM tr_bad;
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER bad ON tr_bad;
SELECT sira_predict_trigger();
\echo :LAST_ERROR_SQLSTATE
-- Arguments that cannot be meant.
CREATE FUNCTION tr_try(VARIADIC arguments text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER bad BEFORE INSERT ON tr_bad FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger(%s)',
                   (SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) a));
    INSERT INTO tr_bad VALUES (1, 990);
    DROP TRIGGER bad ON tr_bad;
END
$$;
SELECT tr_try('tr', 'transaction');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'key');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'id', 'score=danger');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'id', 'danger=risk');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'id', 'score');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'id', 'explain=many');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'id', 'explain=-1');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'id', 'decision=risk');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr', 'transaction', 'word');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('nothing', 'transaction', 'id', 'score=risk');
\echo :LAST_ERROR_SQLSTATE
SELECT tr_try('tr@', 'transaction', 'id', 'score=risk');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE tr_bad ALTER amount TYPE text;
SELECT tr_try('tr', 'transaction', 'id', 'score=risk');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE tr_bad DROP amount;
SELECT tr_try('tr', 'transaction', 'id', 'score=risk');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
