-- Stored values come in by function, by INSERT and by COPY, and what is known already is dropped.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_write_features('customer', 'in-1', '{"n": 1.5, "t": "gold", "yes": true, "no": false, "o": {"a": [1]}, "l": [1, 2], "none": null}', '2026-01-01') AS written;
SELECT feature_key, feature_value, value_text, value_json FROM sira_features WHERE entity_id = 'in-1' ORDER BY 1;
-- The same again is dropped; what changed is added; the same at another moment is another fact.
SELECT sira_write_features('CUSTOMER', 'in-1', '{"n": 1.50, "t": "gold", "yes": true, "none": null, "l": [1,2]}', '2026-01-01') AS same,
       sira_write_features('customer', 'in-1', '{"n": 2, "t": "gold"}', '2026-01-01') AS changed,
       sira_write_features('customer', 'in-1', '{"n": 1.5}', '2026-01-01') AS changed_back,
       sira_write_features('customer', 'in-1', '{"n": 1.5}', '2026-01-02') AS another_moment,
       sira_write_features('customer', 'in-1', '{"n": "1.5"}', '2026-01-02') AS another_type;
SELECT feature_value, value_text, sample_ts::date, recorded_at > lag(recorded_at) OVER (ORDER BY id) AS recorded_later
FROM sira_features WHERE entity_id = 'in-1' AND feature_key = 'n' ORDER BY id;
SELECT sira_write_features('customer', 42, '{"n": 1}', source => 'crm'),
       sira_write_features('customer', '00000000-0000-0000-0000-000000000001'::uuid, '{"n": 1}', NULL);
SELECT entity_id, source, sample_ts = now() AS now FROM sira_features WHERE entity_id IN ('42', '00000000-0000-0000-0000-000000000001') ORDER BY 1;

-- Mistakes.
SELECT sira_write_features('customer', 'in-1', NULL);
SELECT sira_write_features('customer', 'in-1', '[1]');
SELECT sira_write_features('customer', 'in-1', '{"big": 1e999}');
SELECT sira_write_features('customer', 'in-1', '{"n": 1}', 'infinity');
INSERT INTO sira_feature_ingest (entity_type, entity_id, feature_value) VALUES ('customer', 'in-1', 1);
INSERT INTO sira_feature_ingest (entity_type, entity_id, feature_key, feature_value, value_text) VALUES ('customer', 'in-1', 'n', 1, 'x');

-- COPY, by a role that row-level security keeps from copying into the table.
CREATE ROLE in_admin IN ROLE sira_admin;
SET ROLE in_admin;
COPY sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts) FROM stdin;
\.
COPY sira_feature_ingest (entity_type, entity_id, feature_key, feature_value, value_text, value_json, sample_ts, source) FROM stdin;
customer	in-2	n	1	\N	\N	2026-01-01	kafka
customer	in-2	n	1	\N	\N	2026-01-01	kafka
customer	in-2	n	2	\N	\N	2026-01-01	kafka
customer	in-2	n	1	\N	\N	2026-01-01	kafka
Customer	in-2	n	NaN	\N	\N	2026-01-02	kafka
customer	in-2	n	NaN	\N	\N	2026-01-02	kafka
customer	in-2	t	\N	x	\N	2026-01-01	kafka
customer	in-2	j	\N	\N	{"a": 1}	2026-01-01	kafka
customer	in-2	j	\N	\N	{"a":1}	2026-01-01	kafka
customer	in-2	none	\N	\N	\N	\N	kafka
\.
SELECT feature_key, feature_value, value_text, value_json, CASE WHEN sample_ts <> now() THEN sample_ts::date END AS day, source
FROM sira_features WHERE entity_id = 'in-2' ORDER BY id;
SELECT count(*) FROM sira_feature_ingest WHERE entity_id = 'in-2';
INSERT INTO sira_feature_ingest (entity_type, entity_id, feature_key, feature_value, sample_ts)
SELECT 'customer', 'in-3', 'n', g / 10, '2026-01-01' FROM generate_series(0, 99) g;
SELECT feature_value FROM sira_features WHERE entity_id = 'in-3' ORDER BY id;
-- Of no moment there is no value.
INSERT INTO sira_feature_ingest (entity_type, entity_id, feature_key, feature_value, sample_ts) VALUES ('customer', 'in-4', 'n', 1, 'infinity');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sira_feature_ingest (entity_type, entity_id, feature_key, feature_value, sample_ts) VALUES ('customer', 'in-4', 'n', 1, '-infinity');
-- When it was recorded is the clock's to say, and stays said.
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts) VALUES ('customer', 'in-4', 'n', 1, '2026-01-01');
SELECT recorded_at >= now() AS by_the_clock FROM sira_features WHERE entity_id = 'in-4';
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
VALUES ('customer', 'in-4', 'n', 2, '2026-01-01', '2026-01-01');
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_features SET recorded_at = '2026-01-01' WHERE entity_id = 'in-4';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_features SET feature_value = 2 WHERE entity_id = 'in-4';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM sira_features WHERE entity_id = 'in-4';
RESET ROLE;

-- Another tenant's values are neither seen nor taken for known.
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('acme', 'in_admin');
SET ROLE in_admin;
SELECT count(*) AS seen FROM sira_feature_ingest;
SELECT sira_write_features('customer', 'in-3', '{"n": 9}', '2026-01-01') AS written;
SELECT count(*) AS seen FROM sira_feature_ingest;
RESET ROLE;
CREATE ROLE in_nobody IN ROLE sira_admin;
SET ROLE in_nobody;
SELECT sira_write_features('customer', 'in-3', '{"n": 9}');
\echo :LAST_ERROR_SQLSTATE
COPY sira_feature_ingest (entity_type, entity_id, feature_key, feature_value) FROM stdin;
customer	in-3	n	1
\.
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
ROLLBACK;
RESET timezone;
