-- Drift runs on a small world: baselines, sketches, what is found, what is written down, and the edges.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('dr', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE dr_rows AS
SELECT timestamptz '2026-01-01 00:00:00+00' + g * interval '10 minutes' AS paid_at, (g * 7919 % 1000)::float8 AS amount,
       CASE g * 31 % 50 WHEN 0 THEN NULL ELSE (ARRAY['web', 'shop', 'atm'])[1 + g % 3] END AS channel, g * 104729 % 64 AS noise,
       g % 5 = 0 AS night, 7.0::float8 AS constant, (g * 7919 % 1000 > 700) <> (g % 13 = 0) AS bad
FROM generate_series(1, 5000) g;
SELECT version, rows_train, rows_validation FROM sira_train('dr', 'TABLE dr_rows', 'bad', time_column => 'paid_at',
    params => '{"num_iterations": 20, "num_leaves": 7, "min_data_in_leaf": 10}');

-- The baseline.
SELECT part, subject, feature_key, kind, cardinality(counts) AS bins, total_rows, null_count, (SELECT sum(n) FROM unnest(counts) n) = total_rows AS whole,
       categories, round(mean::numeric, 2) AS mean, binning, epsilon
FROM sira_baselines WHERE model_id = (SELECT id FROM sira_models WHERE name = 'dr') ORDER BY 1, 2, 3;
UPDATE sira_baselines SET total_rows = 0;
DELETE FROM sira_baselines;
SELECT sira_set_baseline('dr/1', 'TABLE dr_rows');

-- Predictions as they are logged; the owner writes them here, to have them when they are wanted.
CREATE FUNCTION dr_log(from_ts timestamptz, hours int, per_hour int, amount_by float8 DEFAULT 0, null_every int DEFAULT 50,
                       kiosk_every int DEFAULT 1000000, country text DEFAULT 'FR', salt int DEFAULT 0) RETURNS bigint LANGUAGE sql AS $$
    WITH rows AS (
        SELECT from_ts + (g / per_hour) * interval '1 hour' + (g % per_hour) * interval '1 second' AS at, (g * 7907 % 1000)::float8 + amount_by AS amount,
               CASE WHEN g % kiosk_every = 1 THEN 'kiosk' WHEN g * 31 % null_every = 0 THEN NULL ELSE (ARRAY['web', 'shop', 'atm'])[1 + g % 3] END AS channel,
               g * 104723 % 64 AS noise, g % 5 = 0 AS night, g + salt AS entity
        FROM generate_series(1, hours * per_hour - 1) g),
    vectors AS (
        SELECT r.*, ARRAY[r.amount, coalesce(array_position('{atm,shop,web}', r.channel) - 1, 'NaN'::float8), r.noise, r.night::int, 7]::float8[] AS v FROM rows r),
    written AS (
        INSERT INTO sira_predictions (id, tenant_id, created_at, model_id, model_version_id, entity_type, entity_id, input_features, feature_vector,
                                      prediction, score, context, source)
        SELECT sira_uuid_v7(w.at), 'default', w.at, m.model_id, m.id, 'payment', w.entity::text, jsonb_build_object('amount', w.amount, 'channel', w.channel),
               w.v, '{}', sira_score('dr/1', w.v), jsonb_build_object('country', country), 'sira'
        FROM vectors w, sira_model_versions m WHERE m.version = 1 AND m.model_id = (SELECT id FROM sira_models WHERE name = 'dr') RETURNING 1)
    SELECT count(*) FROM written
$$;
CREATE FUNCTION dr_found(as_of timestamptz, more text DEFAULT '') RETURNS TABLE (drift_type text, feature text, methods text, severity text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT d.drift_type, d.feature, string_agg(d.method, '' '' ORDER BY d.method), max(d.severity)
        FROM sira_detect_drift(''dr/1'', as_of => %L %s) d WHERE d.detected GROUP BY 1, 2 ORDER BY 1, 2', as_of, more);
END
$$;
-- Nothing was asked yet.
SELECT drift_type, feature, method, statistic, detected, note FROM sira_detect_drift('dr/1', as_of => '2026-03-01');
-- A quiet week, and one that is not: larger amounts, missing channels, a kiosk that nobody knew.
SELECT dr_log('2026-03-01', 168, 10);
SELECT dr_log('2026-03-08', 168, 10, amount_by => 400, null_every => 4, kiosk_every => 9, salt => 10000);
SELECT * FROM dr_found('2026-03-08');
SELECT drift_type, feature, method, statistic >= 0 AS there, effect_size < threshold AS below, reference_size, current_size
FROM sira_detect_drift('dr/1', as_of => '2026-03-08') WHERE feature IN ('amount', 'channel', 'constant') ORDER BY feature, method;
SELECT * FROM dr_found('2026-03-15');
-- From the rows themselves it is the same, and so it is against the week before, the validation part, or a period.
SELECT * FROM dr_found('2026-03-15', ', from_raw => true');
SELECT * FROM dr_found('2026-03-15', ', reference => ''previous''');
SELECT * FROM dr_found('2026-03-15', ', reference => ''[2026-03-01,2026-03-08)''');
SELECT count(*) AS nothing FROM dr_found('2026-03-15', ', reference => ''[2026-03-08,2026-03-15)''');
SELECT * FROM dr_found('2026-03-15', ', reference => ''validation''');
-- Twice is the same.
SELECT count(*) > 0 AS hours, count(DISTINCT hour) AS different, sum((SELECT sum(n) FROM unnest(counts) n)) FILTER (WHERE subject = 'score') AS rows FROM sira_drift_sketches;
SELECT sira_update_sketches('dr/1') >= 0 AS again;
SELECT sum((SELECT sum(n) FROM unnest(counts) n)) FILTER (WHERE subject = 'score') AS rows FROM sira_drift_sketches;
-- Rows that come with an old time, as where a clock was set back.
SELECT dr_log('2026-03-02', 1, 101, salt => 50000);
SELECT sira_update_sketches('dr/1') AS not_looked_for, sira_update_sketches('dr/1', check_from => '2026-03-01') AS counted,
       sira_update_sketches('dr/1', check_from => '2026-03-01') AS and_not_again;
SELECT sum((SELECT sum(n) FROM unnest(counts) n)) FILTER (WHERE subject = 'score') AS rows FROM sira_drift_sketches;

-- Sides that meet within an hour share no row, and none is later than the end: one row a second from twelve on, cut at half past.
SELECT dr_log('2026-03-20 12:00', 1, 3600, salt => 100000), dr_log('2026-03-20 13:00', 1, 3600, salt => 110000);
SELECT DISTINCT reference_size, current_size FROM sira_detect_drift('dr/1', window_size => '30 minutes', reference => 'previous', as_of => '2026-03-20 13:15') WHERE feature = 'amount' AND method = 'psi';
SELECT DISTINCT reference_size, current_size FROM sira_detect_drift('dr/1', window_size => '30 minutes', reference => 'previous', as_of => '2026-03-20 13:15', from_raw => true) WHERE feature = 'amount' AND method = 'psi';
SELECT DISTINCT reference_size, current_size FROM sira_detect_drift('dr/1', window_size => '1 minute', reference => 'previous', as_of => '2026-03-20 12:30:30') WHERE feature = 'amount' AND method = 'psi';
-- An hour of fallbacks alone is counted once, and what retention has taken is not looked for again.
SELECT sira_update_sketches('dr/1', check_from => '2026-03-01') >= 0 AS up_to_date;
SELECT dr_log('2026-03-18', 1, 20, salt => 120000);
ALTER TABLE sira_predictions DISABLE TRIGGER USER;
UPDATE sira_predictions SET fallback = true WHERE created_at >= '2026-03-18' AND created_at < '2026-03-18 01:00';
DELETE FROM sira_predictions WHERE created_at >= '2026-03-20 12:00' AND created_at < '2026-03-20 14:00';
ALTER TABLE sira_predictions ENABLE TRIGGER USER;
SELECT sira_update_sketches('dr/1', check_from => '2026-03-01') > 0 AS noticed, sira_update_sketches('dr/1', check_from => '2026-03-01') AS again;
SELECT counts = array_fill(0::bigint, ARRAY[cardinality(counts)]) AS nothing, log_rows FROM sira_drift_sketches WHERE hour = '2026-03-18' AND subject = 'score';
DELETE FROM sira_drift_sketches WHERE hour >= '2026-03-20 12:00' AND hour < '2026-03-20 14:00';

-- By segment: one country drifts, the other does not. Each is held against its own past.
SELECT dr_log('2026-03-22', 168, 10, country => 'DE', salt => 60000), dr_log('2026-03-29', 168, 10, country => 'DE', salt => 70000),
       dr_log('2026-03-22', 168, 10, salt => 80000), dr_log('2026-03-29', 168, 10, amount_by => 400, salt => 90000);
SELECT segment_value, drift_type, feature, bool_or(detected) AS detected FROM sira_detect_drift('dr/1', segment => 'country', as_of => '2026-04-05')
GROUP BY 1, 2, 3 HAVING bool_or(detected) ORDER BY 1, 2, 3;

-- Another tenant's predictions of a version are not counted for the caller.
SELECT sira_logged_rows(id, '2026-03-18', '2026-03-19') AS own FROM sira_model_versions WHERE version = 1 AND model_id = (SELECT id FROM sira_models WHERE name = 'dr');
ALTER TABLE sira_predictions DISABLE TRIGGER USER;
UPDATE sira_predictions SET tenant_id = 'dr_other' WHERE created_at >= '2026-03-18' AND created_at < '2026-03-18 01:00';
ALTER TABLE sira_predictions ENABLE TRIGGER USER;
SELECT sira_logged_rows(id, '2026-03-18', '2026-03-19') AS own, (SELECT count(*) FROM sira_logged_hours(id, '2026-03-18', '2026-03-19')) AS hours
FROM sira_model_versions WHERE version = 1 AND model_id = (SELECT id FROM sira_models WHERE name = 'dr');
-- A key of very many values is refused.
DO $$ BEGIN FOR c IN 1..251 LOOP PERFORM dr_log('2026-05-01', 1, 2, country => 'C' || c, salt => 200000 + c); END LOOP; END $$;
SELECT * FROM sira_detect_drift('dr/1', segment => 'country', as_of => '2026-05-02', window_size => '1 day');
-- Quality once labels come: right in the first week, turned over in the second.
INSERT INTO sira_labels (entity_type, entity_id, label_name, label, label_value, known_at)
SELECT p.entity_type, p.entity_id, 'bad', NULL, ((p.score > 0.5) <> (p.entity_id::int % CASE WHEN p.created_at < '2026-03-08' THEN 20 ELSE 2 END = 0))::int, '2026-03-16'
FROM sira_predictions p WHERE p.created_at < '2026-03-15' AND p.model_id = (SELECT id FROM sira_models WHERE name = 'dr');
-- A label without a prediction.
SELECT sira_record_label('payment', 'nobody', 'true', label_name => 'bad') IS NOT NULL AS recorded;
-- Nobody knew them before the 16th; a past that nobody labelled is played by asking for what was said later.
SELECT count(*) AS known_then FROM sira_detect_drift('dr/1', as_of => '2026-03-15') WHERE drift_type = 'concept';
SELECT * FROM dr_found('2026-03-08', ', as_known => false');
SELECT * FROM dr_found('2026-03-15', ', as_known => false');
SELECT period_start, period_end, estimated, max(sample_size) AS rows, bool_and(auc BETWEEN 0 AND 1) AS auc, bool_and(accuracy BETWEEN 0 AND 1) AS accuracy,
       bool_or(drift_detected) AS detected
FROM sira_model_performance WHERE model_id = (SELECT id FROM sira_models WHERE name = 'dr') AND sample_size > 0 AND segment IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT drift_type, count(*) > 0 AS written, bool_or(drift_detected) AS detected FROM sira_data_drift
WHERE model_id = (SELECT id FROM sira_models WHERE name = 'dr') GROUP BY 1 ORDER BY 1;
-- What the runs raised, once each.
SELECT alert_type, subject, severity, message, occurrences > 1 AS again, retrain_due IS NOT NULL AS retrain FROM sira_drift_alerts
WHERE model_id = (SELECT id FROM sira_models WHERE name = 'dr') ORDER BY 1, 2;

-- Nothing but the answers is wrong, and that is grave.
INSERT INTO sira_labels (entity_type, entity_id, label_name, label, label_value, known_at)
SELECT p.entity_type, p.entity_id, 'bad', NULL, (p.score <= 0.5)::int, '2026-04-16' FROM sira_predictions p
WHERE p.created_at >= '2026-03-22' AND p.created_at < '2026-03-29' AND p.model_id = (SELECT id FROM sira_models WHERE name = 'dr');
SELECT drift_type, max(score) BETWEEN 0.2 AND 0.4 AS little, max(score) >= 0.7 AS much, bool_or(detected) AS detected, max(severity) FILTER (WHERE drift_type = 'overall') AS severity
FROM sira_detect_drift('dr/1', as_of => '2026-03-29', as_known => false) WHERE drift_type IN ('overall', 'concept') GROUP BY 1 ORDER BY 1;
-- How old a prediction must be for its label is the model's to say, unless the run does.
UPDATE sira_models SET label_maturity = '7 days' WHERE name = 'dr';
SELECT DISTINCT current_size FROM sira_detect_drift('dr/1', as_of => '2026-03-22') WHERE drift_type = 'concept';
SELECT period_start, period_end, count(*) > 0 AS written FROM sira_data_drift WHERE drift_type = 'concept' AND created_at = (SELECT max(created_at) FROM sira_data_drift)
  AND period_end <> '2026-03-29' AND model_id = (SELECT id FROM sira_models WHERE name = 'dr') AND current_size = 1679 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT DISTINCT current_size FROM sira_detect_drift('dr/1', as_of => '2026-03-22', label_delay => '6 days') WHERE drift_type = 'concept';
UPDATE sira_models SET label_maturity = '0' WHERE name = 'dr';
-- Under another role nothing can be queued: what was found stays all the same.
CREATE ROLE dr_dba IN ROLE sira_admin;
GRANT dr_dba TO CURRENT_USER;
SELECT count(*) AS rows, (SELECT count(*) FROM sira_jobs) AS jobs FROM sira_data_drift \gset before_
SET ROLE dr_dba;
SELECT severity FROM sira_detect_drift('dr/1', as_of => '2026-03-15') WHERE drift_type = 'overall';
RESET ROLE;
SELECT count(*) > :before_rows AS kept, (SELECT count(*) FROM sira_jobs) = :before_jobs AS not_queued FROM sira_data_drift;
-- A shared model's predictions are each tenant's own, and so is what is found of them; it is trained again by whoever has it.
SET sira.tenant = '*';
SELECT sira_create_model('dr_shared', 'fraud_detection') IS NOT NULL AS made;
SELECT version FROM sira_train('dr_shared', 'TABLE dr_rows', 'bad', time_column => 'paid_at', params => '{"num_iterations": 20, "num_leaves": 7, "min_data_in_leaf": 10}');
RESET sira.tenant;
INSERT INTO sira_predictions (id, tenant_id, created_at, model_id, model_version_id, entity_type, entity_id, input_features, feature_vector, prediction, score, context, source)
SELECT sira_uuid_v7(p.created_at), p.tenant_id, p.created_at, v.model_id, v.id, p.entity_type, p.entity_id, p.input_features, p.feature_vector, p.prediction, p.score, p.context, 'sira'
FROM sira_predictions p, sira_model_versions v
WHERE v.tenant_id = '*' AND p.created_at >= '2026-03-08' AND p.created_at < '2026-03-15' AND p.model_id = (SELECT id FROM sira_models WHERE name = 'dr');
SELECT severity FROM sira_detect_drift('dr_shared/1', as_of => '2026-03-15') WHERE drift_type = 'overall';
SELECT DISTINCT d.tenant_id, d.model_tenant_id, d.drift_type FROM sira_data_drift d JOIN sira_models m ON m.id = d.model_id WHERE m.name = 'dr_shared' ORDER BY 3;
SELECT DISTINCT p.tenant_id, p.estimated FROM sira_model_performance p JOIN sira_models m ON m.id = p.model_id WHERE m.name = 'dr_shared';
SELECT drift_score > 0.7 AS drifted, open_alerts FROM sira_model_health('dr_shared/1');
SELECT a.tenant_id, a.model_tenant_id, a.alert_type, a.subject, a.retrain_due FROM sira_drift_alerts a JOIN sira_models m ON m.id = a.model_id WHERE m.name = 'dr_shared' ORDER BY 3;
-- The worst of several segments, not the last by the alphabet.
SELECT sira_do_drift('{"model": "dr/1", "as_of": "2026-04-05", "segment": "country"}') ->> 'severity' AS worst,
       (SELECT array_agg(DISTINCT d.severity) FROM sira_detect_drift('dr/1', segment => 'country', as_of => '2026-04-05') d WHERE d.drift_type = 'overall') AS of;
-- Training against serving.
SELECT feature, finding, severity, note FROM sira_validate_data_skew('dr/1', as_of => '2026-03-15') WHERE severity <> 'low' ORDER BY 1, 2;
SELECT sira_do_drift('{"model": "dr/1", "as_of": "2026-03-08", "as_known": false}') - 'drift_score' AS job;
SELECT round(sira_calculate_drift_score(0.5, 0.2, 0.8)::numeric, 9) AS all_parts, sira_calculate_drift_score(NULL, 0.6, 0) AS two, sira_calculate_drift_score(NULL, NULL, NULL) AS none;

-- An imported version: its baseline comes from a query, once.
SELECT sira_import_version('dr', sira_export_version('dr/1'), signature => (SELECT signature FROM sira_model_versions WHERE version = 1 AND model_id = (SELECT id FROM sira_models WHERE name = 'dr'))) AS version;
SELECT * FROM sira_detect_drift('dr/2');
SELECT sira_set_baseline('dr/2', 'SELECT amount, channel, noise, night, constant FROM dr_rows') AS subjects;
SELECT sira_set_baseline('dr/2', 'SELECT amount FROM dr_rows WHERE false');
-- Infinite values, and nothing but missing ones.
SELECT sira_import_version('dr', sira_export_version('dr/1'), signature => (SELECT signature FROM sira_model_versions WHERE version = 1 AND model_id = (SELECT id FROM sira_models WHERE name = 'dr'))) AS version;
SELECT sira_set_baseline('dr/3', 'SELECT amount FROM dr_rows WHERE false');
SELECT sira_set_baseline('dr/3', 'SELECT CASE WHEN amount > 900 THEN ''Infinity'' ELSE amount END AS amount, NULL::text AS channel, NULL::float8 AS noise, night, constant FROM dr_rows') AS subjects;
SELECT feature_key, kind, null_count = total_rows AS missing, total_rows - null_count - finite_count AS infinite FROM sira_baselines
WHERE part = 'training' AND subject = 'feature' AND model_version_id = (SELECT id FROM sira_model_versions WHERE version = 3 AND model_id = (SELECT id FROM sira_models WHERE name = 'dr')) ORDER BY 1;
-- Refused.
SELECT * FROM sira_detect_drift('dr/9');
SELECT * FROM sira_detect_drift('dr/1', window_size => '0');
SELECT * FROM sira_detect_drift('dr/1', window_size => '100000 years');
SELECT * FROM sira_detect_drift('dr/1', as_of => 'infinity');
SELECT * FROM sira_detect_drift('dr/1', reference => 'empty');
SELECT * FROM sira_detect_drift('dr/1', reference => '[2026-04-01,)');
SELECT * FROM sira_detect_drift('dr/1', label_name => 'nobodys');
SELECT * FROM sira_validate_data_skew('dr/1', window_size => NULL);
SELECT * FROM sira_validate_data_skew('dr/1', window_size => '-1 day');
SELECT sira_histogram_step(ARRAY[9223372036854775807, 0, 0], 1, '{2}');
SELECT * FROM sira_judge_drift('[{"categorical": false, "reference": [18446744073709551615, 18446744073709551615], "current": [1, 2]}]');
SELECT * FROM sira_detect_drift('dr/1', reference => 'yesterday');
SELECT * FROM sira_judge_drift('[{"categorical": false, "reference": [1, 2, 3], "current": [1, 2]}]');
SELECT * FROM sira_judge_drift('[{"what": 1}]');
SELECT * FROM sira_count_predictions('dr/1', NULL, now());
ROLLBACK;
