-- What changed on the cards since April: every tenth payment is asked about again, as of its own moment, and April is held against
-- each week of May and June. For psql with -At, on a database of the demo of 2018q2 that may be changed.
SET TimeZone = 'UTC';
SET synchronous_commit = off;
\pset format unaligned
\pset tuples_only on

-- What the model sees of a payment, as the set computes it for the payment's moment.
SELECT sira_build_training_set('demo.watched', 'cards',
    'SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount, is_fraud FROM demo.history WHERE id % 10 = 0') AS watched
\gset

-- The log as it would be had the model answered since April. `later` moves rows, `times` multiplies amounts and what is made of them.
CREATE FUNCTION pg_temp.log_payments(which text, later interval, times double precision) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    written bigint;
BEGIN
    SELECT v.id, v.model_id, v.tenant_id,
           string_agg(CASE f ->> 'name'
               WHEN 'amount' THEN '$3 * w.amount'
               WHEN 'amount_ratio' THEN '$3 * w.amount_ratio'
               WHEN 'amount_score' THEN '($3 * w.amount - w.customer_mean_30d) / nullif(w.customer_spread_30d, 0)'
               ELSE format('w.%I', f ->> 'name') END, '::float8, ' ORDER BY place) || '::float8' AS inputs
    INTO wanted
    FROM sira_model_versions v, jsonb_array_elements(v.signature -> 'features') WITH ORDINALITY AS features (f, place)
    WHERE v.model_id = (SELECT id FROM sira_models WHERE name = 'fraud') AND v.version = 1
    GROUP BY 1, 2, 3;
    EXECUTE format($query$
        INSERT INTO sira_predictions (id, tenant_id, created_at, model_id, model_version_id, entity_type, entity_id, input_features,
                                      feature_vector, prediction, score, context, source)
        SELECT sira_uuid_v7(a.at), %L, a.at, %L, %L, 'transaction', a.entity_id, '{}', a.inputs, '{}', sira_score('fraud/1', a.inputs), '{}', 'sira'
        FROM (SELECT w.as_of + $2 AS at, w.entity_id::text || $1 AS entity_id,
                     -- A value that is not there is NaN to a model.
                     ARRAY(SELECT coalesce(value, 'NaN') FROM unnest(ARRAY[%s]) WITH ORDINALITY u(value, n) ORDER BY n) AS inputs
              FROM demo.watched w WHERE %s) a $query$,
        wanted.tenant_id, wanted.model_id, wanted.id, wanted.inputs, which)
    USING CASE WHEN later = '0' THEN '' ELSE ' copied by ' || later END, later, times;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$;
SELECT pg_temp.log_payments('true', '0', 1) AS logged
\gset
-- Labels, known a week later.
INSERT INTO sira_labels (entity_type, entity_id, label_name, label, label_value, known_at)
SELECT 'transaction', w.entity_id::text, 'is_fraud', w.is_fraud::text, w.is_fraud::int, w.as_of + interval '7 days' FROM demo.watched w;
ANALYZE sira_predictions, sira_labels;

CREATE TABLE demo.drift AS
SELECT week, d.*
FROM generate_series(timestamptz '2018-05-01', '2018-06-26', '7 days') AS week,
     sira_detect_drift('fraud/1', window_size => least(week + interval '7 days', '2018-07-01') - week,
                       reference => '[2018-04-01,2018-05-01)', as_of => least(week + interval '7 days', '2018-07-01'),
                       label_name => 'is_fraud', label_delay => '7 days') AS d;

\echo
\echo 'WHAT CHANGED SINCE APRIL, week by week'
SELECT format('  Every tenth payment (%s) was asked about again, with its features as of its moment.', to_char(:logged, 'FM999,999'));
\echo '  week from  payments  drift score        features that drifted, the most first (PSI against April)'
SELECT format('  %s  %s  %s %s  %s%s', to_char(week, 'YYYY-MM-DD'), lpad(max(current_size) FILTER (WHERE drift_type = 'overall')::text, 8),
              to_char((max(score) FILTER (WHERE drift_type = 'overall'))::numeric, '0.00'), rpad(max(severity) FILTER (WHERE drift_type = 'overall'), 9),
              rpad(count(DISTINCT feature) FILTER (WHERE detected AND drift_type = 'data') || ' of ' || count(DISTINCT feature), 9),
              (SELECT string_agg(format('%s %s', feature, round(psi::numeric, 2)), ', ' ORDER BY psi DESC, feature)
               FROM (SELECT t.feature, max(t.statistic) FILTER (WHERE t.method = 'psi') AS psi FROM demo.drift t
                     WHERE t.week = d.week AND t.drift_type = 'data' GROUP BY 1 HAVING bool_or(t.detected) ORDER BY 2 DESC NULLS LAST LIMIT 3) top))
FROM demo.drift d GROUP BY week ORDER BY week;
-- The file begins on the first of April: a window of 30 days knows one day then, and what is known of frauds comes 7 days late. That
-- windows fill is not the world's doing; it is found all the same, for the model was asked other things in April than since.
SELECT format('  Of %s features that drifted in some week, %s look back over 30 days or more, or at frauds that are known 7 days late: they were', count(*),
              count(*) FILTER (WHERE feature ~ '_(30|90)d$|fraud')),
       E'\n' || format('  still filling in April. The others: %s%s.', coalesce(string_agg(feature, ', ' ORDER BY feature) FILTER (WHERE feature !~ '_(30|90)d$|fraud'), 'none'),
                       CASE WHEN bool_or(feature = 'weekday') THEN ' (the last window has five days)' ELSE '' END)
FROM (SELECT DISTINCT feature FROM demo.drift WHERE detected AND drift_type = 'data') f;
\echo '  Quality by week, once it was known (week of the labels; the version learned from April and May):'
SELECT format('  %s  %s labels  AUC %s', to_char(period_start, 'YYYY-MM-DD'), lpad(sample_size::text, 6), coalesce(to_char(auc::numeric, '0.000'), 'too few of one class'))
FROM sira_model_performance WHERE NOT estimated AND segment IS NULL ORDER BY period_start;

-- What must be found, and what must not: the first week of June with amounts three times as high; and its payments in two halves.
SELECT pg_temp.log_payments('w.as_of >= ''2018-06-01'' AND w.as_of < ''2018-06-08''', '60 days', 3) AS tripled,
       pg_temp.log_payments('w.as_of >= ''2018-06-01'' AND w.as_of < ''2018-06-08'' AND hashint8extended(w.entity_id::bigint, 7) % 2 = 0', '90 days', 1) AS half,
       pg_temp.log_payments('w.as_of >= ''2018-06-01'' AND w.as_of < ''2018-06-08'' AND hashint8extended(w.entity_id::bigint, 7) % 2 <> 0', '120 days', 1) AS other_half
\gset
CREATE TABLE demo.tripled AS SELECT * FROM sira_detect_drift('fraud/1', reference => '[2018-06-01,2018-06-08)', as_of => timestamptz '2018-06-08' + interval '60 days');
CREATE TABLE demo.halves AS
SELECT * FROM sira_detect_drift('fraud/1', as_of => timestamptz '2018-06-08' + interval '120 days',
    reference => format('[%s,%s)', timestamptz '2018-06-01' + interval '90 days', timestamptz '2018-06-08' + interval '90 days'));
\echo '  The first week of June with amounts three times as high, against itself as it was:'
SELECT format('    found in %s', string_agg(DISTINCT feature, ', ' ORDER BY feature)) FROM demo.tripled WHERE detected AND drift_type = 'data';
SELECT format('  Its payments in two halves (%s and %s), one against the other: %s found.', :half, :other_half, coalesce(nullif(count(*), 0)::text, 'nothing'))
FROM demo.halves WHERE detected AND drift_type <> 'overall';
