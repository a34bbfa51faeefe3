-- Suggestions: recorded, answered, and held against what turned out to be true.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_record_suggestion('transaction', 'sg-1', '["groceries", "fuel"]', features => '{"b": 1, "a": 2}') IS NOT NULL AS text,
       sira_record_suggestion('transaction', 2, '[{"label": "rent", "score": 0.9}]', 'model', features => '{"a": 2, "b": 1}') IS NOT NULL AS integer,
       sira_record_suggestion('Transaction', '00000000-0000-0000-0000-000000000003'::uuid, '[{"category": "fuel"}]') IS NOT NULL AS uuid;
SELECT entity_type, entity_id, mode, source, candidates, left(features_hash, 8) AS hash, sira_first_candidate(candidates)
FROM sira_suggestions ORDER BY entity_id;
-- Mistakes.
SELECT sira_record_suggestion('transaction', 'sg-1', '"groceries"');
SELECT sira_record_suggestion('transaction', 'sg-1', '[]');
SELECT sira_record_suggestion('transaction', 'sg-1', '[{"name": "groceries"}]');
SELECT sira_record_suggestion('transaction', 'sg-1', '["x"]', 'guess');
SELECT sira_record_suggestion('transaction', 'sg-1', '["x"]', source => 'guess');
SELECT sira_record_suggestion('transaction', NULL::text, '["x"]');
SELECT sira_record_suggestion('transaction', 'sg-1', '["x"]', 'model', model => 'no such model');
SELECT sira_answer_suggestion('00000000-0000-0000-0000-000000000000', 'accept');
SELECT sira_answer_suggestion(id, 'maybe') FROM sira_suggestions WHERE entity_id = 'sg-1';

-- A model's own version is named.
SELECT sira_create_model('sg', 'categorization', 'multiclass') IS NOT NULL AS made;
CREATE TABLE sg_rows AS SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, 'c' || g % 3 AS category FROM generate_series(1, 300) g;
SELECT version FROM sira_train('sg', 'SELECT amount, category FROM sg_rows', 'category', split => '{"method": "random"}',
                               params => '{"num_iterations": 3, "min_data_in_leaf": 5}');
SELECT sira_record_suggestion('transaction', 4, '["c1"]', 'model', model => 'sg/1') IS NOT NULL AS recorded;
SELECT m.name, v.version FROM sira_suggestions s JOIN sira_models m ON m.id = s.model_id JOIN sira_model_versions v ON v.id = s.model_version_id;

-- Two hundred suggestions with answers and labels, and the same figures counted by hand.
DELETE FROM sira_suggestions;
CREATE TEMP TABLE sg_plan AS
SELECT g AS id, CASE WHEN g % 2 = 0 THEN 'model' ELSE 'heuristic' END AS mode, 'c' || g % 3 AS suggested,
       CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN 'reject' WHEN 2 THEN 'reject' ELSE 'accept' END AS answer,
       CASE WHEN g % 7 = 0 THEN NULL WHEN g % 11 < 6 THEN 'c' || g % 3 ELSE 'other' END AS truth
FROM generate_series(1, 200) g;
SELECT count(sira_record_suggestion('transaction', id, jsonb_build_array(suggested), mode, features => jsonb_build_object('id', id))) FROM sg_plan;
-- The first answers are taken back by the second ones.
SELECT count(sira_answer_suggestion(s.id, CASE p.answer WHEN 'accept' THEN 'reject' ELSE 'accept' END))
FROM sg_plan p JOIN sira_suggestions s ON s.entity_id = p.id::text WHERE p.answer IS NOT NULL AND p.id % 4 = 0;
SELECT count(sira_answer_suggestion(s.id, p.answer, label => p.truth, note => 'seen'))
FROM sg_plan p JOIN sira_suggestions s ON s.entity_id = p.id::text WHERE p.answer IS NOT NULL;
SELECT count(sira_record_label('transaction', id, truth)) FROM sg_plan WHERE truth IS NOT NULL;
-- A label of another question judges nothing.
SELECT count(sira_record_label('transaction', id, suggested, label_name => 'another question')) FROM sg_plan;
SELECT suggestion_mode, source, suggestions, answered, accepted, rejected, correct_accepts, correct_rejects, judged_accepts,
       round(acceptance_rate::numeric, 4) AS acceptance_rate, round(precision::numeric, 4) AS precision,
       round(against_heuristic::numeric, 4) AS against_heuristic
FROM sira_suggestion_evaluation ORDER BY suggestion_mode;
SELECT mode, count(*), count(answer) AS answered, count(*) FILTER (WHERE answer = 'accept') AS accepted,
       count(*) FILTER (WHERE answer = 'reject') AS rejected,
       count(*) FILTER (WHERE answer = 'accept' AND truth = suggested) AS correct_accepts,
       count(*) FILTER (WHERE answer = 'reject' AND truth <> suggested) AS correct_rejects,
       count(*) FILTER (WHERE answer = 'accept' AND truth IS NOT NULL) AS judged_accepts
FROM sg_plan GROUP BY mode ORDER BY mode;
-- As people ask it of the view that they had.
SELECT suggestion_mode, count(*) AS suggestions, round(avg(is_accepted), 4) AS acceptance_rate,
       round(sum(is_correct_accept) / nullif(sum(is_accepted), 0), 4) AS precision
FROM sira_suggestion_outcomes WHERE suggested_at >= now() - interval '1 hour' GROUP BY suggestion_mode ORDER BY 1;
SELECT f.feedback_type, f.label, f.note, f.entity_type, f.model_id IS NULL AS of_no_model FROM sira_feedback f
JOIN sira_suggestions s ON s.id = f.suggestion_id WHERE s.entity_id = '1';

-- Tenants stay apart.
CREATE ROLE sg_admin IN ROLE sira_admin;
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('acme', 'sg_admin');
SET ROLE sg_admin;
SELECT count(*) AS seen FROM sira_suggestion_outcomes;
SELECT count(*) AS seen FROM sira_suggestion_evaluation;
SELECT sira_record_suggestion('transaction', 1, '["ours"]') IS NOT NULL AS recorded;
SELECT suggested, label, is_accepted FROM sira_suggestion_outcomes;
RESET ROLE;
ROLLBACK;
