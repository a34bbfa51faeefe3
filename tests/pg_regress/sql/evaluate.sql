-- Evaluation: metrics that plain SQL can check, the same rows in any order, slices, comparisons, thresholds, champions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('ev', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('ev_kind', 'transaction_type', 'multiclass') IS NOT NULL AS made;
SELECT sira_create_model('ev_price', 'pricing', 'regression') IS NOT NULL AS made;
CREATE TABLE ev_rows AS
SELECT g AS id, timestamptz '2026-01-01 00:00:00+00' + (g - 1) * interval '1 hour' AS paid_at, (g * 7919 % 1000)::float8 AS amount,
       CASE g % 10 WHEN 0 THEN NULL ELSE (ARRAY['web', 'shop', 'atm'])[1 + g % 3] END AS channel, g % 7 AS noise,
       (g * 7919 % 1000 > 700) <> (g % 13 = 0) AS bad, (ARRAY['rent', 'food', 'fun'])[1 + (g * 7919 % 1000) / 334] AS kind,
       g * 7919 % 1000 * 2.5 + g % 3 AS price, 1 + g % 2 AS w
FROM generate_series(1, 600) g;
SELECT version FROM sira_train('ev', 'SELECT paid_at, amount, channel, noise, bad FROM ev_rows', 'bad', time_column => 'paid_at', params => '{"rounds": 20, "num_leaves": 7}');
SELECT version FROM sira_train('ev', 'SELECT paid_at, amount, noise, bad FROM ev_rows', 'bad', time_column => 'paid_at', params => '{"rounds": 3, "num_leaves": 3}');
SELECT version FROM sira_train('ev_kind', 'SELECT amount, noise, kind FROM ev_rows', 'kind', split => '{"method": "random"}', params => '{"rounds": 3, "num_leaves": 4}');
SELECT version FROM sira_train('ev_price', 'SELECT amount, noise, price FROM ev_rows', 'price', split => '{"method": "random"}', params => '{"rounds": 20}');

-- Every metric that SQL can say by itself, against what it says: the area under the curve by all pairs of rows.
CREATE TEMP TABLE ev_scored AS SELECT sira_score('ev/1', r) AS score, bad, w FROM ev_rows r;
CREATE TEMP TABLE ev_found AS SELECT * FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad', threshold => 0.4, capacity => 0.1, resamples => 200);
SELECT metric, abs(f.value - checked.value) < 1e-12 AS equal
FROM (SELECT 'rows' AS metric, count(*)::float8 AS value FROM ev_scored
      UNION ALL SELECT 'prevalence', avg(bad::int)::float8 FROM ev_scored
      UNION ALL SELECT 'auc', avg((p.score > n.score)::int + (p.score = n.score)::int / 2.0)::float8 FROM ev_scored p, ev_scored n WHERE p.bad AND NOT n.bad
      UNION ALL SELECT 'log_loss', avg(-ln(CASE WHEN bad THEN score ELSE 1 - score END)) FROM ev_scored
      UNION ALL SELECT 'brier', avg((score - bad::int) ^ 2) FROM ev_scored
      UNION ALL SELECT 'accuracy', avg(((score >= 0.4) = bad)::int)::float8 FROM ev_scored
      UNION ALL SELECT 'precision', avg(bad::int)::float8 FROM ev_scored WHERE score >= 0.4
      UNION ALL SELECT 'recall', avg((score >= 0.4)::int)::float8 FROM ev_scored WHERE bad
      UNION ALL SELECT 'specificity', avg((score < 0.4)::int)::float8 FROM ev_scored WHERE NOT bad
      UNION ALL SELECT 'tp', count(*)::float8 FROM ev_scored WHERE bad AND score >= 0.4
      UNION ALL SELECT 'fn', count(*)::float8 FROM ev_scored WHERE bad AND score < 0.4
      UNION ALL SELECT 'ks', max(abs((SELECT avg((score >= t.score)::int) FROM ev_scored WHERE bad) - (SELECT avg((score >= t.score)::int) FROM ev_scored WHERE NOT bad)))::float8 FROM ev_scored t
     ) checked JOIN ev_found f USING (metric) ORDER BY metric;
SELECT string_agg(metric, ' ') AS metrics, string_agg(metric, ' ') FILTER (WHERE low IS NOT NULL) AS with_interval,
       bool_and(low <= value AND value <= high) FILTER (WHERE low IS NOT NULL) AS around FROM ev_found;
-- By weight.
SELECT abs(e.value - (SELECT sum(s.w * p.w * ((s.score > p.score)::int + (s.score = p.score)::int / 2.0)) / sum(s.w * p.w) FROM ev_scored s JOIN ev_scored p ON s.bad AND NOT p.bad)) < 1e-12 AS equal
FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad', weight => 'w', resamples => 0) e WHERE metric = 'auc';
-- The same rows in another order of rows and columns, or under other settings: the same digest, and the same values to the last bit.
SELECT count(*) AS metrics, count(DISTINCT e) = count(*) / 2 AS identical FROM (
    SELECT e::text AS e FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad') e
    UNION ALL SELECT e::text FROM sira_evaluate('ev/1', 'SELECT kind, price, w, bad, noise, channel, amount, paid_at, id FROM ev_rows ORDER BY md5(id::text)', 'bad') e) both_of_them;
SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET extra_float_digits = 0;
SELECT count(*) FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad', resamples => 0);
RESET DateStyle; RESET TimeZone; RESET extra_float_digits;
SELECT count(*) FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows WHERE id > 1', 'bad', resamples => 0);
SELECT count(*) FROM sira_evaluate('ev/1', 'SELECT *, NOT bad AS good FROM ev_rows', 'good', resamples => 0, record => false) AS not_recorded;
SELECT count(*) AS evaluations, count(DISTINCT data_digest) AS tests, count(DISTINCT weight) AS weights, bool_and(evaluated_by = session_user) AS by_me
FROM sira_evaluations;
SELECT version, purpose, label, weight, threshold, rows, length(data_digest) AS digest, primary_metric, primary_value = (metrics ->> 'auc')::float8 AS primary,
       jsonb_array_length(metrics -> 'gains') AS gains, jsonb_array_length(metrics -> 'calibration') > 1 AS calibrated, intervals - 'auc' ->> 'resamples' AS resamples, jsonb_array_length(intervals -> 'auc') AS bounds
FROM sira_evaluations ORDER BY evaluated_at LIMIT 3;
-- Labels bind by what they say; rows without one are left out and counted.
SELECT label, metric, value FROM unnest(ARRAY['bad', 'bad::int', 'bad::text', 'CASE WHEN bad THEN 1.0 ELSE 0.0 END', 'CASE WHEN id % 4 > 0 THEN bad END']) label,
     LATERAL sira_evaluate('ev/1', format('SELECT amount, channel, noise, %s AS y FROM ev_rows', label), 'y', resamples => 0, record => false)
WHERE metric IN ('rows', 'rows_without_label', 'tp') ORDER BY label, metric;
-- Slices: each is the evaluation of its own rows.
SELECT s.metric, s.value IS NOT DISTINCT FROM w.value AS equal
FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad', slices => '{channel}', resamples => 0) s
JOIN LATERAL sira_evaluate('ev/1', 'SELECT * FROM ev_rows WHERE channel = ''web''', 'bad', resamples => 0, record => false) w ON s.metric = w.metric || '[channel=web]'
WHERE w.metric IN ('rows', 'auc', 'recall', 'tp');
SELECT key AS channel, value -> 'rows' AS rows FROM (SELECT slices FROM sira_evaluations WHERE slices IS NOT NULL) e, jsonb_each(slices -> 'channel') ORDER BY key COLLATE "C";
-- A slice of one class says what can be said.
SELECT metric, value FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows WHERE NOT bad', 'bad', resamples => 0, record => false) WHERE metric IN ('auc', 'recall', 'rows', 'specificity') ORDER BY metric;

-- Two versions: one with itself differs in nothing; the better one wins, and both stand under one digest.
SELECT count(*) AS metrics, bool_and(difference = 0) AS same, bool_and(low = 0 AND high = 0) AS surely, count(better) + count(winner) AS better
FROM sira_compare_versions('ev/1', 'ev/1', 'SELECT * FROM ev_rows WHERE amount > 300', 'bad', resamples => 100, record => false);
SELECT c.metric, abs(value_a - a.value) < 1e-15 AS a, abs(value_b - b.value) < 1e-15 AS b, difference = value_b - value_a AS difference, c.low < c.high AS interval, better, winner
FROM sira_compare_versions('ev/2', 'ev/1', 'SELECT * FROM ev_rows', 'bad', threshold => 0.5, resamples => 200) c
JOIN sira_evaluate('ev/2', 'SELECT * FROM ev_rows', 'bad', threshold => 0.5, resamples => 0, record => false) a USING (metric)
JOIN sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad', threshold => 0.5, resamples => 0, record => false) b USING (metric)
WHERE metric IN ('auc', 'log_loss', 'fpr', 'recall') ORDER BY metric;
SELECT count(*) AS rows, count(DISTINCT data_digest) AS tests, array_agg(version ORDER BY version) AS versions FROM sira_evaluations WHERE purpose = 'comparison';
SELECT count(*) FILTER (WHERE winner IS NOT NULL) AS winners FROM sira_compare_versions('ev/2', 'ev/1', 'SELECT * FROM ev_rows', 'bad', resamples => 0, record => false);

-- What if the threshold moves? Each cut against plain SQL; the best is the best of all, the policy's is marked.
SELECT sira_set_policy('ev', '[{"decision": "review"}]', threshold => 0.45, cost_matrix => '{"fp": 1, "fn": 20}') AS policy;
SELECT count(*) BETWEEN 10 AND 23 AS steps, count(*) FILTER (WHERE best) AS best, array_agg(threshold) FILTER (WHERE current) AS current,
       bool_and(tp = (SELECT count(*) FROM ev_scored WHERE bad AND score >= threshold) AND fp = (SELECT count(*) FROM ev_scored WHERE NOT bad AND score >= threshold)) AS counts,
       bool_and(abs(cost - (fp + 20 * fn) / 600) < 1e-12) AS costs, bool_and(tp + fp + tn + fn = 600) AS all_rows,
       (array_agg(cost) FILTER (WHERE best))[1] = (SELECT min(c) FROM (SELECT (SELECT count(*) FILTER (WHERE NOT bad AND score >= t.score) + 20 * count(*) FILTER (WHERE bad AND score < t.score) FROM ev_scored) / 600.0 AS c FROM ev_scored t) tried) AS cheapest
FROM sira_threshold_sweep('ev/1', 'SELECT * FROM ev_rows', 'bad', steps => 20);
SELECT (array_agg(cost ORDER BY cost))[1] = (SELECT min(cost) FROM sira_threshold_sweep('ev/1', 'SELECT * FROM ev_rows', 'bad', '{"fp": 5}')) AS by_another_matrix
FROM sira_threshold_sweep('ev/1', 'SELECT * FROM ev_rows', 'bad', '{"fp": 5}', steps => 1);
SELECT e.metric, e.value = s.value AS equal
FROM sira_evaluate('ev/1', 'SELECT * FROM ev_rows', 'bad', resamples => 0, record => false) e
JOIN (SELECT 'cost' AS metric, cost AS value FROM sira_threshold_sweep('ev/1', 'SELECT * FROM ev_rows', 'bad') WHERE current
      UNION ALL SELECT 'best_cost', cost FROM sira_threshold_sweep('ev/1', 'SELECT * FROM ev_rows', 'bad') WHERE best
      UNION ALL SELECT 'best_threshold', threshold FROM sira_threshold_sweep('ev/1', 'SELECT * FROM ev_rows', 'bad') WHERE best
      UNION ALL SELECT 'threshold', 0.45) s USING (metric) ORDER BY metric;

-- Several classes, and numbers.
CREATE TEMP TABLE ev_classes AS
SELECT kind, (ARRAY['food', 'fun', 'rent'])[array_position(p, (SELECT max(x) FROM unnest(p) x))] AS said
FROM (SELECT kind, sira_score_classes('ev_kind/1', r) AS p FROM ev_rows r) scored;
SELECT e.metric, abs(e.value - s.value) < 1e-12 AS equal
FROM sira_evaluate('ev_kind/1', 'SELECT amount, noise, kind FROM ev_rows', 'kind', resamples => 50) e
JOIN (SELECT 'accuracy' AS metric, avg((kind = said)::int)::float8 AS value FROM ev_classes
      UNION ALL SELECT 'recall_macro', avg(recall) FROM (SELECT avg((kind = said)::int)::float8 AS recall FROM ev_classes GROUP BY kind) r) s USING (metric) ORDER BY metric;
SELECT e.metric, abs(e.value - s.value) < 1e-9 AS equal, e.low < e.high AS interval
FROM sira_evaluate('ev_price/1', 'SELECT amount, noise, price FROM ev_rows', 'price', resamples => 50) e
JOIN (SELECT 'rmse' AS metric, sqrt(avg((sira_score('ev_price/1', r) - price) ^ 2)) AS value FROM ev_rows r
      UNION ALL SELECT 'mae', avg(abs(sira_score('ev_price/1', r) - price)) FROM ev_rows r) s USING (metric) ORDER BY metric;
SELECT version, primary_metric, threshold FROM sira_evaluations WHERE primary_metric <> 'auc' ORDER BY primary_metric;
SELECT count(*) FILTER (WHERE difference = 0) = count(*) AS same FROM sira_compare_versions('ev_kind/1', 'ev_kind/1', 'SELECT * FROM ev_rows', 'kind', resamples => 20, record => false);
SELECT metric, better, winner FROM sira_compare_versions('ev_price/1', 'ev_price/1', 'SELECT * FROM ev_rows', 'price', resamples => 20, record => false) WHERE metric = 'rmse';

-- A champion is evaluated beside each new version, on the new one's test part: as sira_evaluate does on the same rows.
SELECT from_status, to_status FROM sira_promote('ev/2') ORDER BY 1;
SELECT version FROM sira_train('ev', 'SELECT paid_at, amount, channel, noise, bad FROM ev_rows', 'bad', time_column => 'paid_at', params => '{"rounds": 10}');
SELECT e.version, e.rows, e.run_id = r.id AS of_the_run, e.metrics = r.metrics - 'validation' AS as_the_run_says, e.primary_value = (r.metrics ->> 'auc')::float8 AS value,
       count(*) OVER (PARTITION BY e.data_digest) AS together
FROM sira_evaluations e JOIN sira_training_runs r ON r.id = e.run_id WHERE purpose = 'test' ORDER BY e.version;
SELECT e.primary_value = v.value AS equal FROM sira_evaluations e,
     sira_evaluate('ev/2', 'SELECT * FROM ev_rows ORDER BY paid_at DESC LIMIT 120', 'bad', resamples => 0, record => false) v
WHERE e.purpose = 'test' AND e.version = 2 AND v.metric = 'auc';
-- One that looks at columns that the run has not keeps nobody from training.
SET client_min_messages = notice;
SELECT version FROM sira_train('ev', 'SELECT paid_at, channel, bad FROM ev_rows', 'bad', time_column => 'paid_at', params => '{"rounds": 2}');
SET client_min_messages = warning;

-- History stays, and nobody writes it by hand.
UPDATE sira_evaluations SET primary_value = 1;
DELETE FROM sira_evaluations;
TRUNCATE sira_evaluations;
ROLLBACK;
