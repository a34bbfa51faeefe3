-- The report on a version in production: every part in one page, whatever features are called, for whoever may read it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE TABLE rp_rows AS
    SELECT timestamptz '2026-01-01 00:00+00' + i * interval '1 hour' AS at, (i * 7919) % 101 AS "<b onload=alert(1)>&""'",
           (ARRAY['<i>web', 'pos', 'app'])[1 + i % 3] AS channel, (i * 7919) % 101 + (i * 31) % 40 > 95 AS is_fraud
    FROM generate_series(1, 2000) i;
SELECT sira_create_model('reported', 'fraud_detection') IS NOT NULL AS made;
SELECT version FROM sira_train('reported', 'TABLE rp_rows', 'is_fraud', 'at', params => '{"num_iterations": 20}');

-- Of a version that nobody asked yet.
SELECT m[1] AS section FROM regexp_matches(sira_report_html('reported/1'), '<h2 [^>]*>([^<]*)</h2>', 'g') m;
SELECT report -> 'predictions' AS predictions, report -> 'runs' AS runs, report -> 'alerts' AS alerts, report -> 'has_baseline' AS baseline
FROM sira_report('reported/1') report;

-- A week of larger amounts, with channels that are missing or that nobody knows; labels for some.
INSERT INTO sira_predictions (id, tenant_id, created_at, model_id, model_version_id, entity_type, entity_id, input_features, feature_vector,
                              prediction, score, context, source)
SELECT sira_uuid_v7(w.at), 'default', w.at, m.model_id, m.id, 'payment', w.i::text, jsonb_build_object('channel', w.channel), w.v, '{}',
       sira_score('reported/1', w.v), '{}', 'sira'
FROM (SELECT timestamptz '2026-06-01 00:00+00' + i * interval '6 minutes' AS at, i,
             CASE WHEN i % 4 = 0 THEN 'kiosk' WHEN i % 5 = 0 THEN NULL ELSE 'pos' END AS channel,
             ARRAY[60 + i % 90, CASE WHEN i % 4 = 0 OR i % 5 = 0 THEN 'NaN'::float8 ELSE 2 END] AS v
      FROM generate_series(0, 1679) i) w, sira_model_versions m
WHERE m.version = 1 AND m.model_id = (SELECT id FROM sira_models WHERE name = 'reported');
SELECT bool_or(detected) AS found FROM sira_detect_drift('reported/1', as_of => '2026-06-08');
SELECT sira_record_cost('llm_api', '<u>summaries', 1000, 0.002, model => 'reported', billing_period => '2026-06-01') IS NOT NULL AS booked,
       sira_set_budget(10, model => 'reported') IS NOT NULL AS budget;
SELECT s ->> 'subject' AS subject, s ->> 'name' AS name, s ->> 'kind' AS kind, s -> 'detected' AS drifted,
       jsonb_array_length(s -> 'reference') = jsonb_array_length(s -> 'current') AS same_bins
FROM sira_report('reported/1', as_of => '2026-06-08') report, jsonb_array_elements(report -> 'subjects') s ORDER BY 1, 2;
SELECT report -> 'predictions' AS predictions, jsonb_array_length(report -> 'runs') AS runs, jsonb_array_length(report -> 'costs') AS costs,
       (SELECT array_agg(DISTINCT a ->> 'type' ORDER BY a ->> 'type') FROM jsonb_array_elements(report -> 'alerts') a) AS alerts,
       (SELECT bool_and((p -> 'estimated')::boolean) FROM jsonb_array_elements(report -> 'performance') p) AS estimates
FROM sira_report('reported/1', as_of => '2026-06-08') report;
-- What is drawn, and that nothing is fetched, run or taken for markup.
SELECT m[1] AS plot FROM regexp_matches(sira_report_html('reported/1', as_of => '2026-06-08'), 'role="img" aria-label="([^"]*)"', 'g') m;
SELECT xmlparse(DOCUMENT replace(page, '<!DOCTYPE html>', '')) IS DOCUMENT AS well_formed,
       page LIKE '%&lt;b onload=alert(1)&gt;&amp;&quot;&#39;%' AND page LIKE '%&lt;u&gt;summaries%' AND page NOT LIKE '%<u>%' AS escaped,
       page !~* '<(script|link|img|iframe|object)' AND page !~* '(src=|url\(|@import|javascript:)' AS whole,
       replace(page, 'http://www.w3.org/2000/svg', '') !~ 'https?:' AS alone, page LIKE '%estimate without labels%' AS says_estimate
FROM sira_report_html('reported/1', as_of => '2026-06-08') page;
-- The same twice; it writes nothing.
SELECT sira_report_html('reported/1', as_of => '2026-06-08') = sira_report_html('reported/1', as_of => '2026-06-08') AS same;

-- Who reads models and metrics reads reports; who scores only does not.
CREATE ROLE report_reader;
GRANT sira_user TO report_reader;
CREATE ROLE report_scorer;
GRANT sira_inference TO report_scorer;
SET ROLE report_reader;
SELECT report -> 'predictions' AS predictions, report ? 'alerts' AS alerts, report ? 'runs' AS runs, report ? 'costs' AS costs
FROM sira_report('reported/1', as_of => '2026-06-08') report;
RESET ROLE;
SET ROLE report_scorer;
SELECT sira_report_html('reported/1');
RESET ROLE;
-- Another tenant's sketches are not counted.
SET LOCAL sira.tenant = 'elsewhere';
SELECT sira_report_html('reported/1');
RESET sira.tenant;
-- Refused; and whatever is given to the renderer is a page.
SELECT sira_report('reported/1', window_size => '0');
SELECT sira_report('reported/1', as_of => 'infinity');
SELECT sira_report('reported/1', as_of => NULL);
SELECT sira_report('unheard of');
SELECT sira_render_report('[1, {"subjects": 2}]') LIKE '%<h2%At a glance%' AS a_page;
ROLLBACK;
