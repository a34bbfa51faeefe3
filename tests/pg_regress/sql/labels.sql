-- Labels: who said what, what holds now, and what training and priors make of it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
\set ON_ERROR_ROLLBACK on
-- Three kinds of ids.
SELECT sira_record_label('transaction', 'lb-1', 'groceries', 'import', '2026-01-01') IS NOT NULL AS text,
       sira_record_label('transaction', 2, 'rent', 'rule', known_at => '2026-01-01') IS NOT NULL AS integer,
       sira_record_label('Transaction', '00000000-0000-0000-0000-000000000003'::uuid, 'fuel', event_ts => '2026-01-01') IS NOT NULL AS uuid;
-- A person stands over a rule and a rule over an import, whenever they spoke; within a source the newest counts.
SELECT count(sira_record_label('transaction', 'lb-1', label, source, known_at::timestamptz))
FROM (VALUES ('restaurant', 'human', '2026-01-02'), ('cafe', 'human', '2026-01-03'), ('bar', 'rule', '2026-01-04'),
             ('shop', 'import', '2026-01-05'), ('tomorrow', 'human', '2999-01-01')) AS v (label, source, known_at);
SELECT entity_type, entity_id, label, source, weight, CASE WHEN known_at = now() THEN 'now' ELSE known_at::date::text END AS known
FROM sira_current_labels ORDER BY entity_id;
-- A NULL takes back what its source had said; the next source speaks.
SELECT sira_record_label('transaction', 'lb-1', NULL, 'human', '2026-01-06') IS NOT NULL AS taken_back;
SELECT label, source, weight FROM sira_current_labels WHERE entity_id = 'lb-1';
SELECT sira_record_label('transaction', 'lb-1', NULL, 'rule', '2026-01-06') IS NOT NULL AS taken_back;
SELECT label, source, weight FROM sira_current_labels WHERE entity_id = 'lb-1';
-- Several questions about one entity; what reads as a number is one; a weight of one's own.
SELECT count(sira_record_label('transaction', 'lb-1', label, label_name => 'q' || n, weight => n))
FROM (VALUES (1, 'true'), (2, 'False'), (3, '-12.5e1'), (4, '1e999'), (5, '12 apples'), (6, 'nan'), (7, '.5')) AS v (n, label);
SELECT label_name, label, label_value, weight FROM sira_current_labels WHERE label_name LIKE 'q%' ORDER BY label_name;
SELECT sira_label_weight('human'), sira_label_weight('rule'), sira_label_weight('import'), sira_label_weight('guess') IS NULL AS unknown;

-- Mistakes.
SELECT sira_record_label('transaction', 'lb-1', 'x', 'guess');
SELECT sira_record_label('transaction', NULL::text, 'x');
SELECT sira_record_label('transaction', 'lb-1', 'x', weight => -1);
SELECT * FROM sira_forget_entity('transaction', NULL::text);

-- The training view: features of the label's moment and never of a later one.
DELETE FROM sira_labels;
INSERT INTO sira_feature_snapshots (entity_type, entity_id, feature_set, snapshot_ts, features) VALUES
    ('customer', 'c1', 'a', '2026-01-01', '{"v": 1}'), ('customer', 'c1', 'a', '2026-02-01', '{"v": 2}'),
    ('customer', 'c1', 'a', '2026-03-01', '{"v": 3}'), ('customer', 'c1', 'b', '2026-01-15', '{"w": 1}'),
    ('customer', 'c2', 'a', '2026-02-01', '{"v": 4}');
SELECT count(sira_record_label('customer', entity, 'true', label_name => question, event_ts => event::timestamptz))
FROM (VALUES ('c1', 'on the moment', '2026-02-01'), ('c1', 'between', '2026-02-28 23:59'), ('c1', 'before b', '2026-01-02'),
             ('c1', 'before all', '2025-12-31'), ('c1', 'without a time', NULL), ('c2', 'after', '2026-09-01'),
             ('c3', 'no features', '2026-09-01')) AS v (entity, question, event);
SELECT entity_id, label_name, feature_set, features, label_value, label_source, weight, event_ts::date, snapshot_ts::date, ts_month
FROM sira_training_view ORDER BY entity_id, label_name, feature_set;

-- Merchant priors, against a count by hand: many random labels, merchants in several spellings.
DELETE FROM sira_labels;
DELETE FROM sira_feature_snapshots;
CREATE TEMP TABLE lb_rows AS
SELECT g AS id, (ARRAY['Alpha', 'beta', 'Gamma', 'netflix'])[1 + m] AS merchant,
       CASE WHEN g * 7919 % 100 < (ARRAY[95, 70, 50, 100])[1 + m] THEN 'main' ELSE 'other' || g % 2 END AS label
FROM generate_series(1, 163) g, LATERAL (SELECT CASE WHEN g <= 100 THEN 0 WHEN g <= 130 THEN 1 WHEN g <= 160 THEN 2 ELSE 3 END AS m) x;
INSERT INTO sira_feature_snapshots (entity_type, entity_id, feature_set, snapshot_ts, features)
SELECT 'transaction', id::text, set, timestamptz '2026-01-01' + id * interval '1 hour',
       sira_transaction_features('POS ' || merchant, id, CASE id % 3 WHEN 0 THEN merchant WHEN 1 THEN upper(merchant) || ', INC.'
                                                         ELSE merchant || ' #12345' END)
FROM lb_rows, unnest(ARRAY['a', 'b']) AS set;
SELECT count(sira_record_label('transaction', id, label, CASE WHEN id % 2 = 0 THEN 'human' ELSE 'rule' END)) FROM lb_rows;
SELECT merchant, category, n, labels, round(p::numeric, 3) AS p, confidence, human_labels, is_subscription
FROM sira_merchant_priors ORDER BY merchant, labels DESC, category;
SELECT count(*) AS priors_that_differ_from_a_count_by_hand
FROM (SELECT lower(merchant) AS merchant, label AS category, count(*) AS labels, sum(count(*)) OVER (PARTITION BY merchant) AS n
      FROM lb_rows GROUP BY merchant, label) x
FULL JOIN sira_merchant_priors p USING (merchant, category)
WHERE (x.labels, x.n, x.labels / x.n::float8) IS DISTINCT FROM (p.labels, p.n, p.p);

-- A deleted row takes its features and labels along, and nothing else.
CREATE TABLE lb_payments (id bigint PRIMARY KEY, amount float8);
CREATE TRIGGER forget AFTER DELETE ON lb_payments FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('Transaction', 'id');
INSERT INTO lb_payments SELECT id, id FROM lb_rows;
SELECT sira_write_features('transaction', 7, '{"a": 1, "b": "x"}'), sira_write_features('customer', 7, '{"a": 1}');
INSERT INTO sira_suggestions (entity_type, entity_id, mode, source, candidates) VALUES ('transaction', '7', 'heuristic', 'rule', '["main"]');
DELETE FROM lb_payments WHERE id = 7;
SELECT (SELECT count(*) FROM sira_features WHERE entity_id = '7' AND entity_type = 'transaction') AS features,
       (SELECT count(*) FROM sira_feature_snapshots WHERE entity_id = '7') AS snapshots,
       (SELECT count(*) FROM sira_labels WHERE entity_id = '7') AS labels,
       (SELECT count(*) FROM sira_features WHERE entity_id = '7' AND entity_type = 'customer') AS of_another_type,
       (SELECT count(*) FROM sira_suggestions WHERE entity_id = '7') AS suggestions,
       (SELECT count(*) FROM sira_labels) AS other_labels;
SELECT * FROM sira_forget_entity('transaction', 8);
SELECT * FROM sira_forget_entity('transaction', 8);
-- The id is what everything else writes of it: a char(n) without its padding, a numeric with its digits, a uuid in small letters.
CREATE DOMAIN lb_code AS char(8);
CREATE TABLE lb_ids (c char(8), d lb_code, n numeric, m numeric(10, 2), u uuid, at timestamptz DEFAULT '2026-01-01');
INSERT INTO lb_ids VALUES ('lb-c', 'lb-d', 1.0, 1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT k, v, sira_write_features('lb_' || k, v, '{"a": 1}') AS written
FROM lb_ids, LATERAL (VALUES ('c', c::text), ('d', d::text), ('n', n::text), ('m', m::text), ('u', u::text)) AS x (k, v);
SELECT sira_define_window_feature('lb_n_' || k, 'lb_' || k, 'lb_ids', k, 'at', 'count', NULL) FROM unnest('{c,d,u}'::text[]) k;
SELECT sira_define_feature_set('lb_set_' || k, 'lb_' || k, ARRAY['lb_n_' || k]) FROM unnest('{c,d,u}'::text[]) k;
SELECT sira_materialize_snapshots('lb_set_' || k) FROM unnest('{c,d,u}'::text[]) k;
SELECT f.entity_type, f.entity_id, s.entity_id = f.entity_id AS same
FROM sira_features f LEFT JOIN sira_feature_snapshots s USING (entity_type) WHERE entity_type LIKE 'lb\_%' ORDER BY 1;
CREATE TRIGGER c AFTER DELETE ON lb_ids FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('lb_c', 'c');
CREATE TRIGGER d AFTER DELETE ON lb_ids FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('lb_d', 'd');
CREATE TRIGGER n AFTER DELETE ON lb_ids FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('lb_n', 'n');
CREATE TRIGGER m AFTER DELETE ON lb_ids FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('lb_m', 'm');
CREATE TRIGGER u AFTER DELETE ON lb_ids FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('lb_u', 'u');
DELETE FROM lb_ids;
SELECT entity_type, entity_id FROM sira_features WHERE entity_type LIKE 'lb\_%'
UNION ALL SELECT entity_type, entity_id FROM sira_feature_snapshots WHERE entity_type LIKE 'lb\_%';
-- Misused triggers.
CREATE TRIGGER wrong BEFORE DELETE ON lb_payments FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('transaction', 'id');
DELETE FROM lb_payments WHERE id = 9;
DROP TRIGGER wrong ON lb_payments;
CREATE TRIGGER wrong AFTER DELETE ON lb_payments FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('transaction');
DELETE FROM lb_payments WHERE id = 9;
DROP TRIGGER wrong ON lb_payments;
CREATE TRIGGER wrong AFTER DELETE ON lb_payments FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('transaction', 'nr');
DELETE FROM lb_payments WHERE id = 9;
DROP TRIGGER wrong ON lb_payments;
SELECT sira_delete_entity_trigger();

-- Whoever deletes payments need not reach the store, nor may they aim the trigger elsewhere. Tenants stay apart.
CREATE ROLE lb_clerk;
CREATE ROLE lb_admin IN ROLE sira_admin;
GRANT SELECT, DELETE ON lb_payments TO lb_clerk;
GRANT CREATE ON SCHEMA public TO lb_clerk;
SELECT sira_record_label('transaction', 10, 'theirs') IS NOT NULL AS recorded;
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('acme', 'lb_clerk'), ('other', 'lb_admin');
INSERT INTO sira_labels (tenant_id, entity_type, entity_id, label) VALUES ('acme', 'transaction', '10', 'ours');
SET ROLE lb_clerk;
DELETE FROM lb_payments WHERE id = 10;
SELECT count(*) FROM sira_current_labels;
CREATE TABLE lb_own (id text);
CREATE TRIGGER forget AFTER DELETE ON lb_own FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('transaction', 'id');
SET ROLE lb_admin;
SELECT count(*) AS seen_by_another_tenant FROM sira_current_labels;
SELECT count(*) AS seen_by_another_tenant FROM sira_training_view;
SELECT count(*) AS seen_by_another_tenant FROM sira_merchant_priors;
SELECT sum(rows_deleted) AS deleted_by_another_tenant FROM sira_forget_entity('transaction', 11);
SELECT sira_record_label('transaction', 11, 'of another tenant') IS NOT NULL AS recorded;
SELECT entity_id, label FROM sira_current_labels;
RESET ROLE;
SELECT tenant_id, entity_id, label FROM sira_labels WHERE entity_id IN ('10', '11') ORDER BY 1, 2, 3;
ROLLBACK;
RESET timezone;
RESET datestyle;
