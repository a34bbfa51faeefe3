-- A report on a version in production, for people: what changed, how good it is, what it costs. One document in JSON, read as the
-- caller and drawn by a function that reads nothing. It writes nothing either: the current side are the sketches as they stand.

-- What a version is asked and answers, then and now, judged as a drift run judges it; the drifted first.
CREATE FUNCTION @extschema@.sira_report_subjects(version_id uuid, from_ts timestamptz, to_ts timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH baseline AS (
        -- Of the scores the validation part: a model is surer of what it learnt from.
        SELECT DISTINCT ON (b.subject, b.feature_key) b.* FROM @extschema@.sira_baselines b
        WHERE b.model_version_id = $1 AND b.subject <> 'probability'
        ORDER BY b.subject, b.feature_key,
                 (b.part = CASE WHEN b.subject = 'score' AND b.total_rows >= 100 THEN 'validation' ELSE 'training' END) DESC, b.part),
    seen AS (
        SELECT s.subject, s.feature_key, @extschema@.sira_sum_counts(s.counts) AS counts
        FROM @extschema@.sira_drift_sketches s
        WHERE s.tenant_id = @extschema@.sira_current_tenant() AND s.model_version_id = $1 AND s.subject <> 'probability'
          AND s.hour >= date_trunc('hour', $2, 'UTC') AND s.hour < $3
        GROUP BY s.subject, s.feature_key),
    pairs AS (
        SELECT row_number() OVER (ORDER BY b.subject, b.feature_key) AS pair, b.subject, b.feature_key, b.kind, b.part, b.cut_points,
               b.categories, b.codes, b.singletons, b.counts AS before,
               coalesce(s.counts, array_fill(0::bigint, ARRAY[cardinality(b.counts)])) AS after
        FROM baseline b LEFT JOIN seen s ON s.subject = b.subject AND s.feature_key = b.feature_key),
    judged AS (
        SELECT j.pair, bool_or(j.detected) AS detected, max(j.score) AS score,
               (array_agg(j.severity ORDER BY j.detected DESC, j.score DESC NULLS LAST))[1] AS severity,
               jsonb_agg(jsonb_strip_nulls(to_jsonb(j) - 'pair') ORDER BY j.method) AS tests
        FROM (SELECT jsonb_agg(jsonb_build_object('categorical', p.kind = 'categorical', 'singletons', p.singletons, 'reference', p.before,
                                                  'current', p.after) ORDER BY p.pair) AS asked FROM pairs p) a
        CROSS JOIN LATERAL @extschema@.sira_judge_drift(a.asked, @extschema@.sira_drift_rule()) j
        GROUP BY j.pair)
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'subject', p.subject, 'name', p.feature_key, 'kind', p.kind, 'part', p.part, 'cut_points', p.cut_points,
               'names', coalesce(to_jsonb(p.categories), to_jsonb(p.codes)), 'reference', p.before, 'current', p.after,
               'detected', coalesce(j.detected, false), 'score', j.score, 'severity', j.severity, 'tests', j.tests)
               ORDER BY p.subject DESC, coalesce(j.detected, false) DESC, j.score DESC NULLS LAST, p.feature_key), '[]')
    FROM pairs p LEFT JOIN judged j ON j.pair = p.pair
$$;
COMMENT ON FUNCTION @extschema@.sira_report_subjects(uuid, timestamptz, timestamptz) IS
    'The features and scores of a version over the bins of its baseline, then and in a period, with what is judged of the difference. Example: SELECT sira_report_subjects(id, now() - interval ''7 days'', now()) FROM sira_model_versions;';

-- Drift runs and quality, oldest first, at the end of their periods; of runs about the same period the last.
CREATE FUNCTION @extschema@.sira_report_history(version_id uuid, to_ts timestamptz, OUT runs jsonb, OUT performance jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'day', extract(epoch FROM r.period_end) / 86400, 'until', to_char(r.period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                       'score', r.drift_score, 'severity', r.severity, 'reference', r.details ->> 'reference',
                       'concept', r.details -> 'concept', 'data', r.details -> 'data', 'prediction', r.details -> 'prediction')
                       ORDER BY r.period_end), '[]')
            FROM (SELECT DISTINCT ON (d.period_end) d.* FROM @extschema@.sira_data_drift d
                  WHERE d.tenant_id = @extschema@.sira_current_tenant() AND d.model_version_id = $1 AND d.drift_type = 'overall'
                    AND d.segment IS NULL AND d.period_end <= $2
                  ORDER BY d.period_end DESC, d.created_at DESC LIMIT 200) r),
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'day', extract(epoch FROM r.period_end) / 86400, 'until', to_char(r.period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                       'rows', r.sample_size, 'prevalence', r.metrics -> 'prevalence', 'auc', r.auc, 'accuracy', r.accuracy, 'mape', r.mape,
                       'mae', r.mae, 'rmse', r.rmse, 'estimated', r.estimated)
                       ORDER BY r.period_end, r.estimated), '[]')
            FROM (SELECT DISTINCT ON (p.period_end, p.estimated) p.* FROM @extschema@.sira_model_performance p
                  WHERE p.tenant_id = @extschema@.sira_current_tenant() AND p.model_version_id = $1 AND p.segment IS NULL
                    AND p.sample_size > 0 AND p.period_end <= $2
                  ORDER BY p.period_end DESC, p.estimated, p.created_at DESC LIMIT 400) r)
$$;
COMMENT ON FUNCTION @extschema@.sira_report_history(uuid, timestamptz) IS
    'The drift runs and the performance of a version up to a moment. Example: SELECT h.* FROM sira_model_versions v, sira_report_history(v.id, now()) h;';

-- Calls by hour, or by day where the window is long; quantiles of all variants' histograms together.
CREATE FUNCTION @extschema@.sira_report_calls(version_id uuid, from_ts timestamptz, to_ts timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'day', extract(epoch FROM c.period) / 86400, 'calls', c.calls, 'rows', c.answers, 'errors', c.errors,
               'p50', @extschema@.sira_latency_quantile(c.latencies, 0.5), 'p95', @extschema@.sira_latency_quantile(c.latencies, 0.95),
               'p99', @extschema@.sira_latency_quantile(c.latencies, 0.99)) ORDER BY c.period), '[]')
    FROM (SELECT date_trunc(CASE WHEN $3 - $2 > interval '8 days' THEN 'day' ELSE 'hour' END, s.hour, 'UTC') AS period, sum(s.calls) AS calls,
                 sum(s.row_count) AS answers, sum(s.errors) AS errors, @extschema@.sira_sum_counts(s.latencies) AS latencies
          FROM @extschema@.sira_system_metrics s
          WHERE s.tenant_id = @extschema@.sira_current_tenant() AND s.metric = 'inference' AND s.model_version_id = $1
            AND s.hour >= $2 AND s.hour < $3
          GROUP BY 1) c
$$;
COMMENT ON FUNCTION @extschema@.sira_report_calls(uuid, timestamptz, timestamptz) IS
    'Calls, errors and latency of a version by hour or day. Example: SELECT sira_report_calls(id, now() - interval ''7 days'', now()) FROM sira_model_versions;';

-- Runs as the caller: a part whose table the caller may not read is null, and the page says so.
CREATE FUNCTION @extschema@.sira_report(
    model text, window_size interval DEFAULT '7 days', as_of timestamptz DEFAULT pg_catalog.now())
RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    since timestamptz := sira_report.as_of - sira_report.window_size;
    target record;
    report jsonb;
    part jsonb;
    also jsonb;
BEGIN
    IF coalesce(NOT isfinite(since) OR since >= sira_report.as_of, true) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the window of a report is empty',
            HINT = 'SELECT sira_report_html(''fraud'', window_size => ''7 days'');';
    END IF;
    SELECT r.*, m.task, v.status, v.metrics INTO target
    FROM @extschema@.sira_resolve_version(sira_report.model) r
    JOIN @extschema@.sira_models m ON m.id = r.model_id
    JOIN @extschema@.sira_model_versions v ON v.id = r.version_id;
    report := jsonb_build_object(
        'model', jsonb_build_object('name', target.model_name, 'version', target.version, 'task', target.task, 'status', target.status),
        'from', to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
        'until', to_char(sira_report.as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
        'metrics', coalesce(target.metrics, '{}') - '{history,confusion}'::text[], 'rule', @extschema@.sira_drift_rule());

    IF has_table_privilege('@extschema@.sira_baselines'::regclass, 'SELECT')
       AND has_table_privilege('@extschema@.sira_drift_sketches'::regclass, 'SELECT')
    THEN
        part := @extschema@.sira_report_subjects(target.version_id, since, sira_report.as_of);
        report := report || jsonb_build_object(
            'subjects', part, 'has_baseline', part <> '[]',
            'predictions', (SELECT sum(n.value::bigint) FROM jsonb_array_elements(part) s, jsonb_array_elements_text(s -> 'current') n
                            WHERE s ->> 'subject' = 'score'),
            'folded_at', (SELECT to_char(max(s.folded_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM @extschema@.sira_drift_sketches s
                          WHERE s.tenant_id = tenant AND s.model_version_id = target.version_id));
    END IF;
    IF has_table_privilege('@extschema@.sira_data_drift'::regclass, 'SELECT')
       AND has_table_privilege('@extschema@.sira_model_performance'::regclass, 'SELECT')
    THEN
        SELECT h.runs, h.performance INTO part, also FROM @extschema@.sira_report_history(target.version_id, sira_report.as_of) h;
        report := report || jsonb_build_object('runs', part, 'performance', also);
    END IF;
    IF has_table_privilege('@extschema@.sira_drift_alerts'::regclass, 'SELECT') THEN
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'severity', a.severity, 'type', a.alert_type, 'status', a.status, 'times', a.occurrences, 'message', a.message,
                   'seen', to_char(a.last_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                   'retrain_due', to_char(a.retrain_due AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
                   ORDER BY a.status = 'resolved', array_position('{critical,high,medium,low}', a.severity), a.last_seen_at DESC), '[]')
        INTO part
        FROM (SELECT * FROM @extschema@.sira_drift_alerts
              WHERE tenant_id = tenant AND model_id = target.model_id
              ORDER BY status = 'resolved', last_seen_at DESC LIMIT 50) a;
        report := report || jsonb_build_object('alerts', part);
    END IF;
    IF has_table_privilege('@extschema@.sira_system_metrics'::regclass, 'SELECT') THEN
        report := report || jsonb_build_object('calls', @extschema@.sira_report_calls(target.version_id, since, sira_report.as_of));
    END IF;
    IF has_function_privilege('@extschema@.sira_counters()'::regprocedure, 'EXECUTE') THEN
        SELECT jsonb_build_object(
                   'since', to_char(min(c.since) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'calls', sum(c.calls), 'rows', sum(c.row_count),
                   'errors', sum(c.errors), 'fallbacks', sum(c.fallbacks),
                   'p50', @extschema@.sira_latency_quantile(@extschema@.sira_sum_counts(c.latencies), 0.5),
                   'p95', @extschema@.sira_latency_quantile(@extschema@.sira_sum_counts(c.latencies), 0.95),
                   'p99', @extschema@.sira_latency_quantile(@extschema@.sira_sum_counts(c.latencies), 0.99))
        INTO part
        FROM @extschema@.sira_counters() c WHERE c.tenant_id = tenant AND c.model_version_id = target.version_id
        HAVING count(*) > 0;
        report := report || jsonb_build_object('counters', part);
    END IF;
    IF has_table_privilege('@extschema@.sira_cost_tracking'::regclass, 'SELECT')
       AND has_table_privilege('@extschema@.sira_budgets'::regclass, 'SELECT')
    THEN
        SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.period DESC, c.cost DESC, c.type, c.service), '[]') INTO part
        FROM (SELECT t.billing_period AS period, t.cost_type AS type, t.service, t.unit, t.currency, sum(t.units) AS units,
                     sum(t.units * t.unit_cost) AS cost
              FROM @extschema@.sira_cost_tracking t
              WHERE t.tenant_id = tenant AND t.model_id = target.model_id
                AND t.billing_period > (sira_report.as_of - interval '1 year')::date AND t.billing_period <= (sira_report.as_of AT TIME ZONE 'UTC')::date
              GROUP BY 1, 2, 3, 4, 5 ORDER BY 1 DESC LIMIT 200) c;
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'of', CASE WHEN b.model_id IS NULL THEN 'the tenant' ELSE 'this model' END, 'period', b.period, 'amount', b.amount,
                   'currency', b.currency, 'spent', b.spent, 'percent', 100 * b.spent / b.amount, 'state', b.state,
                   'throttle', CASE WHEN b.state = 'exceeded' THEN b.on_exceeded END) ORDER BY b.model_id NULLS LAST, b.period), '[]') INTO also
        FROM @extschema@.sira_budgets b
        WHERE b.tenant_id = tenant AND b.enabled AND (b.model_id IS NULL OR b.model_id = target.model_id);
        report := report || jsonb_build_object('costs', part, 'budgets', also);
    END IF;
    RETURN report;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_report(text, interval, timestamptz) IS
    'What is known of a version in production in one document: histograms then and now, drift runs, performance, alerts, latency, cost. What the caller may not read is left out; sketches are taken as they stand (sira_update_sketches, sira_detect_drift). Example: SELECT jsonb_pretty(sira_report(''fraud''));';

CREATE FUNCTION @extschema@.sira_render_report(report jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_render_report_wrapper';
COMMENT ON FUNCTION @extschema@.sira_render_report(jsonb) IS
    'A report as one HTML page with its plots drawn into it; reads nothing but its argument. Example: SELECT sira_render_report(sira_report(''fraud''));';

CREATE FUNCTION @extschema@.sira_report_html(
    model text, window_size interval DEFAULT '7 days', as_of timestamptz DEFAULT pg_catalog.now())
RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT @extschema@.sira_render_report(@extschema@.sira_report($1, $2, $3))
$$;
COMMENT ON FUNCTION @extschema@.sira_report_html(text, interval, timestamptz) IS
    'The report on a version in production as one self-contained HTML page, without scripts or anything from elsewhere. Example: SELECT sira_report_html(''fraud'', window_size => ''7 days'');';
