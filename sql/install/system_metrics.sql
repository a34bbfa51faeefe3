-- How the system itself does: calls, errors, latency, by the hour.
--
-- Scoring counts into a small mapped file, which no rollback and no crash takes back (src/counters). Once an hour the increments
-- since the last time are written down as rows, and added to those of their day, of which weeks and months are made: a year of a
-- hundred models is a million hours. Histograms are merged, which quantiles cannot be. A counter that went back, or that bears another origin, began at zero.

COMMENT ON TABLE @extschema@.sira_system_metrics IS 'how scoring did, by version and hour, and metrics recorded by hand';
COMMENT ON COLUMN @extschema@.sira_system_metrics.id IS 'identity of the row';
COMMENT ON COLUMN @extschema@.sira_system_metrics.tenant_id IS 'the tenant that was served; * where none could be told';
COMMENT ON COLUMN @extschema@.sira_system_metrics.created_at IS 'when it was written; partitions go by it';
COMMENT ON COLUMN @extschema@.sira_system_metrics.metric IS 'inference for what scoring counted, else a name such as llm_tokens';
COMMENT ON COLUMN @extschema@.sira_system_metrics.value IS 'the value of any metric but inference';
COMMENT ON COLUMN @extschema@.sira_system_metrics.labels IS 'what tells values of one metric apart';
COMMENT ON COLUMN @extschema@.sira_system_metrics.hour IS 'the hour (UTC) that it is booked to: that of the period''s middle';
COMMENT ON COLUMN @extschema@.sira_system_metrics.period_start IS 'since when it was counted';
COMMENT ON COLUMN @extschema@.sira_system_metrics.period_end IS 'until when it was counted';
COMMENT ON COLUMN @extschema@.sira_system_metrics.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_system_metrics.model_version_id IS 'the version that answered; NULL where none was live';
COMMENT ON COLUMN @extschema@.sira_system_metrics.variant IS 'the variant of an experiment; unresolved and overflow for what belongs to no version';
COMMENT ON COLUMN @extschema@.sira_system_metrics.calls IS 'calls of sira_predict, of batches, and statements (a parallel worker each) of sira_score';
COMMENT ON COLUMN @extschema@.sira_system_metrics.row_count IS 'answers given';
COMMENT ON COLUMN @extschema@.sira_system_metrics.errors IS 'calls and rows that ended in an error';
COMMENT ON COLUMN @extschema@.sira_system_metrics.fallbacks IS 'answers that were the declared fallback decision';
COMMENT ON COLUMN @extschema@.sira_system_metrics.cache_hits IS 'how often a compiled model was there';
COMMENT ON COLUMN @extschema@.sira_system_metrics.cache_misses IS 'how often one had to be compiled';
COMMENT ON COLUMN @extschema@.sira_system_metrics.seconds IS 'time spent on answers, the writing of their audit rows included, which latencies leave out; of plain scores one in 64 is timed and stands for the others';
COMMENT ON COLUMN @extschema@.sira_system_metrics.score_sum IS 'sum of the scores between 0 and 1';
COMMENT ON COLUMN @extschema@.sira_system_metrics.decisions IS 'how often approve, review, block_and_review and decline';
COMMENT ON COLUMN @extschema@.sira_system_metrics.latencies IS 'answers by latency; the bounds are those of sira_latency_bounds()';
COMMENT ON COLUMN @extschema@.sira_system_metrics.scores IS 'answers by score: 20 equal bins between 0 and 1';
COMMENT ON COLUMN @extschema@.sira_system_metrics.source IS 'sira for what the library counted, external for what was recorded';

CREATE FUNCTION @extschema@.sira_counters()
RETURNS TABLE (tenant_id text, model_id uuid, model_version_id uuid, variant text, calls bigint, row_count bigint, errors bigint,
               fallbacks bigint, cache_hits bigint, cache_misses bigint, seconds double precision, score_sum double precision,
               last_at timestamptz, decisions bigint[], latencies bigint[], scores bigint[], throttle text, origin bigint,
               since timestamptz)
LANGUAGE c VOLATILE ROWS 20 AS 'MODULE_PATHNAME', 'sira_counters_wrapper';
COMMENT ON FUNCTION @extschema@.sira_counters() IS
    'What scoring has counted since the file of counters was made, by version: that of the caller''s tenant, for superusers of all. Rollbacks take nothing back. Example: SELECT model_id, calls, row_count, errors FROM sira_counters();';

CREATE FUNCTION @extschema@.sira_counters_problem() RETURNS TABLE (problem text, remedy text)
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'sira_counters_problem_wrapper';
COMMENT ON FUNCTION @extschema@.sira_counters_problem() IS
    'What keeps scoring from being counted, and what to do about it; no row where nothing does. Example: SELECT * FROM sira_counters_problem();';

CREATE FUNCTION @extschema@.sira_reset_counters() RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_reset_counters_wrapper';
COMMENT ON FUNCTION @extschema@.sira_reset_counters() IS
    'Lets all counters of the database begin at zero, as a restart of a service would; sessions follow within a second, and what they count meanwhile is lost. Aggregate first. Example: SELECT sira_aggregate_hourly_metrics(), sira_reset_counters();';

CREATE FUNCTION @extschema@.sira_set_throttles(tenants text[], models uuid[], actions text[], shares double precision[]) RETURNS integer
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sira_set_throttles_wrapper';
COMMENT ON FUNCTION @extschema@.sira_set_throttles(text[], uuid[], text[], double precision[]) IS
    'Lets exactly these throttles hold. For sira_check_budgets, which is the one to call. Example: SELECT sira_set_throttles(''{default}'', ''{NULL}'', ''{fallback}'', ''{NULL}'');';

CREATE FUNCTION @extschema@.sira_counts_since(now bigint[], before bigint[]) RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_counts_since_wrapper';
COMMENT ON FUNCTION @extschema@.sira_counts_since(bigint[], bigint[]) IS
    'What was counted since: a counter that went back began at zero. Example: SELECT sira_counts_since(''{5,2}'', ''{3,7}'');';

CREATE FUNCTION @extschema@.sira_latency_quantile(latencies bigint[], q double precision) RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_latency_quantile_wrapper';
COMMENT ON FUNCTION @extschema@.sira_latency_quantile(bigint[], double precision) IS
    'A quantile of a histogram of latencies in seconds, wrong by 6.25 % at most. Example: SELECT sira_latency_quantile(sira_sum_counts(latencies), 0.99) FROM sira_system_metrics;';

CREATE FUNCTION @extschema@.sira_latency_bounds() RETURNS double precision[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_latency_bounds_wrapper';
COMMENT ON FUNCTION @extschema@.sira_latency_bounds() IS
    'The upper bounds of the bins of latencies in seconds; the last bin has none. Example: SELECT sira_latency_bounds();';

-- What the counters stood at when they were last written down. Where a database is restored, or the file was made anew, the
-- origin differs, and all that is counted is new.
CREATE TABLE @extschema@.sira_counter_marks (
    tenant_id text NOT NULL,
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    variant text NOT NULL,
    origin bigint NOT NULL,
    at timestamptz NOT NULL,
    counts bigint[] NOT NULL,
    decisions bigint[] NOT NULL,
    latencies bigint[] NOT NULL,
    scores bigint[] NOT NULL,
    PRIMARY KEY (tenant_id, model_id, model_version_id, variant)
);
COMMENT ON TABLE @extschema@.sira_counter_marks IS 'what the counters stood at when they were last written down; ids of zeros stand for none';
COMMENT ON COLUMN @extschema@.sira_counter_marks.tenant_id IS 'the tenant';
COMMENT ON COLUMN @extschema@.sira_counter_marks.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_counter_marks.model_version_id IS 'the version';
COMMENT ON COLUMN @extschema@.sira_counter_marks.variant IS 'the variant';
COMMENT ON COLUMN @extschema@.sira_counter_marks.origin IS 'the number of the file that they were read from';
COMMENT ON COLUMN @extschema@.sira_counter_marks.at IS 'when';
COMMENT ON COLUMN @extschema@.sira_counter_marks.counts IS 'calls, rows, errors, fallbacks, cache hits and misses, nanoseconds, billionths of scores';
COMMENT ON COLUMN @extschema@.sira_counter_marks.decisions IS 'decisions';
COMMENT ON COLUMN @extschema@.sira_counter_marks.latencies IS 'answers by latency';
COMMENT ON COLUMN @extschema@.sira_counter_marks.scores IS 'answers by score';

-- What was counted on a day, of which weeks and months are made.
CREATE TABLE @extschema@.sira_metric_days (
    tenant_id text NOT NULL,
    day date NOT NULL,
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    variant text NOT NULL,
    calls bigint NOT NULL,
    row_count bigint NOT NULL,
    errors bigint NOT NULL,
    fallbacks bigint NOT NULL,
    cache_hits bigint NOT NULL,
    cache_misses bigint NOT NULL,
    seconds double precision NOT NULL,
    score_sum double precision NOT NULL,
    decisions bigint[] NOT NULL,
    latencies bigint[] NOT NULL,
    scores bigint[] NOT NULL,
    PRIMARY KEY (tenant_id, day, model_id, model_version_id, variant)
);
COMMENT ON TABLE @extschema@.sira_metric_days IS 'the hours of sira_system_metrics by day (UTC), for as long as nobody deletes them; ids of zeros stand for none';
COMMENT ON COLUMN @extschema@.sira_metric_days.tenant_id IS 'the tenant that was served';
COMMENT ON COLUMN @extschema@.sira_metric_days.day IS 'the day (UTC)';
COMMENT ON COLUMN @extschema@.sira_metric_days.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_metric_days.model_version_id IS 'the version that answered';
COMMENT ON COLUMN @extschema@.sira_metric_days.variant IS 'the variant of an experiment, or nothing';
COMMENT ON COLUMN @extschema@.sira_metric_days.calls IS 'calls';
COMMENT ON COLUMN @extschema@.sira_metric_days.row_count IS 'answers given';
COMMENT ON COLUMN @extschema@.sira_metric_days.errors IS 'calls and rows that ended in an error';
COMMENT ON COLUMN @extschema@.sira_metric_days.fallbacks IS 'answers that were the declared fallback decision';
COMMENT ON COLUMN @extschema@.sira_metric_days.cache_hits IS 'how often a compiled model was there';
COMMENT ON COLUMN @extschema@.sira_metric_days.cache_misses IS 'how often one had to be compiled';
COMMENT ON COLUMN @extschema@.sira_metric_days.seconds IS 'time spent on answers and their audit rows';
COMMENT ON COLUMN @extschema@.sira_metric_days.score_sum IS 'sum of the scores between 0 and 1';
COMMENT ON COLUMN @extschema@.sira_metric_days.decisions IS 'how often approve, review, block_and_review and decline';
COMMENT ON COLUMN @extschema@.sira_metric_days.latencies IS 'answers by latency, between sira_latency_bounds()';
COMMENT ON COLUMN @extschema@.sira_metric_days.scores IS 'answers by score, in 20 bins';

-- Until when something was counted that is counted in steps.
CREATE TABLE @extschema@.sira_metric_marks (
    tenant_id text NOT NULL DEFAULT '*',
    name text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
COMMENT ON TABLE @extschema@.sira_metric_marks IS 'until when things are counted that are counted in steps';
COMMENT ON COLUMN @extschema@.sira_metric_marks.tenant_id IS 'always *: steps are taken for all tenants';
COMMENT ON COLUMN @extschema@.sira_metric_marks.name IS 'what is counted';
COMMENT ON COLUMN @extschema@.sira_metric_marks.at IS 'until when';

-- Moves a mark to now and answers where it was; a first time begins a day ago.
CREATE FUNCTION @extschema@.sira_move_mark(mark text, until timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    was timestamptz;
BEGIN
    SELECT m.at INTO was FROM @extschema@.sira_metric_marks m WHERE m.tenant_id = '*' AND m.name = mark FOR UPDATE;
    INSERT INTO @extschema@.sira_metric_marks AS m (name, at) VALUES (mark, until)
    ON CONFLICT (tenant_id, name) DO UPDATE SET at = greatest(m.at, excluded.at);
    RETURN coalesce(was, until - interval '1 day');
END
$$;
COMMENT ON FUNCTION @extschema@.sira_move_mark(text, timestamptz) IS
    'Moves the mark until which something is counted, and answers where it was. For sira_aggregate_hourly_metrics. Example: SELECT sira_move_mark(''suggestions'', now());';

-- The least id of a moment: ids made by sira_uuid_v7 go by time, and the key of a partition begins with the id.
CREATE FUNCTION @extschema@.sira_first_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (lpad(to_hex(floor(1000 * extract(epoch FROM at))::bigint), 12, '0') || '70008000000000000000')::uuid
$$;
COMMENT ON FUNCTION @extschema@.sira_first_id(timestamptz) IS
    'The least UUID version 7 of a millisecond. Example: SELECT count(*) FROM sira_predictions WHERE id >= sira_first_id(now() - interval ''1 hour'') AND created_at >= now() - interval ''1 hour'';';

-- SECURITY DEFINER: it writes for all tenants what all of them were counted. Nothing in it comes from a caller.
--
-- Two sessions take turns, and the second finds nothing new; a second call within the hour adds rows, which are added up.
CREATE FUNCTION @extschema@.sira_aggregate_hourly_metrics() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    nobody constant uuid := '00000000-0000-0000-0000-000000000000';
    until timestamptz;
    since timestamptz;
    written integer;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- The marks themselves: an advisory lock would let a REPEATABLE READ session see marks of before its wait.
    LOCK TABLE @extschema@.sira_counter_marks IN SHARE ROW EXCLUSIVE MODE;
    until := clock_timestamp();
    WITH counted AS MATERIALIZED (
        SELECT coalesce(c.tenant_id, '*') AS tenant_id, coalesce(c.model_id, nobody) AS model_id,
               coalesce(c.model_version_id, nobody) AS model_version_id, coalesce(c.variant, '') AS variant, c.origin, c.since,
               ARRAY[c.calls, c.row_count, c.errors, c.fallbacks, c.cache_hits, c.cache_misses, round(c.seconds * 1e9)::bigint,
                     round(c.score_sum * 1e9)::bigint] AS counts, c.decisions, c.latencies, c.scores
        FROM @extschema@.sira_counters() c
    ), increments AS MATERIALIZED (
        SELECT c.tenant_id, c.model_id, c.model_version_id, c.variant, coalesce(m.at, c.since) AS since,
               date_trunc('hour', (coalesce(m.at, c.since) + (until - coalesce(m.at, c.since)) / 2) AT TIME ZONE 'UTC') AS hour,
               @extschema@.sira_counts_since(c.counts, coalesce(m.counts, '{}')) AS counts,
               @extschema@.sira_counts_since(c.decisions, coalesce(m.decisions, '{}')) AS decisions,
               @extschema@.sira_counts_since(c.latencies, coalesce(m.latencies, '{}')) AS latencies,
               @extschema@.sira_counts_since(c.scores, coalesce(m.scores, '{}')) AS scores
        FROM counted c
        LEFT JOIN @extschema@.sira_counter_marks m
          ON m.tenant_id = c.tenant_id AND m.model_id = c.model_id AND m.model_version_id = c.model_version_id
         AND m.variant = c.variant AND m.origin = c.origin
    ), written AS (
        INSERT INTO @extschema@.sira_system_metrics (tenant_id, metric, hour, period_start, period_end, model_id, model_version_id,
            variant, calls, row_count, errors, fallbacks, cache_hits, cache_misses, seconds, score_sum, decisions, latencies, scores, source)
        SELECT i.tenant_id, 'inference', i.hour AT TIME ZONE 'UTC', i.since, until, nullif(i.model_id, nobody), nullif(i.model_version_id, nobody),
               nullif(i.variant, ''), i.counts[1], i.counts[2], i.counts[3], i.counts[4], i.counts[5], i.counts[6], i.counts[7] / 1e9, i.counts[8] / 1e9,
               i.decisions, i.latencies, i.scores, 'sira'
        FROM increments i WHERE i.counts[1] + i.counts[2] + i.counts[3] > 0
        RETURNING tenant_id, model_id, seconds
    ), added AS (
        INSERT INTO @extschema@.sira_metric_days AS d (tenant_id, day, model_id, model_version_id, variant, calls, row_count, errors, fallbacks,
            cache_hits, cache_misses, seconds, score_sum, decisions, latencies, scores)
        SELECT i.tenant_id, i.hour::date, i.model_id, i.model_version_id, i.variant, i.counts[1], i.counts[2], i.counts[3], i.counts[4],
               i.counts[5], i.counts[6], i.counts[7] / 1e9, i.counts[8] / 1e9, i.decisions, i.latencies, i.scores
        FROM increments i WHERE i.counts[1] + i.counts[2] + i.counts[3] > 0
        ON CONFLICT (tenant_id, day, model_id, model_version_id, variant) DO UPDATE
        SET calls = d.calls + excluded.calls, row_count = d.row_count + excluded.row_count, errors = d.errors + excluded.errors,
            fallbacks = d.fallbacks + excluded.fallbacks, cache_hits = d.cache_hits + excluded.cache_hits,
            cache_misses = d.cache_misses + excluded.cache_misses, seconds = d.seconds + excluded.seconds,
            score_sum = d.score_sum + excluded.score_sum, decisions = @extschema@.sira_add_counts(d.decisions, excluded.decisions),
            latencies = @extschema@.sira_add_counts(d.latencies, excluded.latencies),
            scores = @extschema@.sira_add_counts(d.scores, excluded.scores)
    ), booked AS (
        -- What it cost the machine, at the tenant's own rate.
        INSERT INTO @extschema@.sira_cost_tracking (tenant_id, cost_type, service, model_id, units, unit, unit_cost, currency, billing_period, source)
        SELECT w.tenant_id, 'compute', 'scoring', w.model_id, sum(w.seconds), 'second', r.unit_cost, r.currency,
               date_trunc('month', until AT TIME ZONE 'UTC')::date, 'sira'
        FROM written w CROSS JOIN LATERAL @extschema@.sira_cost_rate(w.tenant_id, 'compute', 'scoring') r
        WHERE w.tenant_id <> '*'
        GROUP BY w.tenant_id, w.model_id, r.unit_cost, r.currency
    ), marked AS (
        INSERT INTO @extschema@.sira_counter_marks AS m (tenant_id, model_id, model_version_id, variant, origin, at, counts, decisions, latencies, scores)
        SELECT c.tenant_id, c.model_id, c.model_version_id, c.variant, c.origin, until, c.counts, c.decisions, c.latencies, c.scores
        FROM counted c
        ON CONFLICT (tenant_id, model_id, model_version_id, variant) DO UPDATE
        SET origin = excluded.origin, at = excluded.at, counts = excluded.counts, decisions = excluded.decisions,
            latencies = excluded.latencies, scores = excluded.scores
    )
    SELECT count(*) INTO written FROM written;

    -- Suggestions and what became of them. Rows that are committed late are looked for a minute late.
    until := until - interval '1 minute';
    since := @extschema@.sira_move_mark('suggestions', until);
    INSERT INTO @extschema@.sira_system_metrics (tenant_id, metric, value, labels, hour, period_start, period_end, source)
    SELECT s.tenant_id, 'suggestions', count(*), jsonb_build_object('source', s.source), date_trunc('hour', until AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', since, until, 'sira'
    FROM @extschema@.sira_suggestions s
    WHERE s.id >= @extschema@.sira_first_id(since) AND s.created_at >= since AND s.created_at < until
    GROUP BY s.tenant_id, s.source;
    INSERT INTO @extschema@.sira_system_metrics (tenant_id, metric, value, labels, hour, period_start, period_end, source)
    SELECT f.tenant_id, 'suggestions_' || f.feedback_type || 'ed', count(*), jsonb_build_object('source', s.source),
           date_trunc('hour', until AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', since, until, 'sira'
    FROM @extschema@.sira_feedback f
    JOIN @extschema@.sira_suggestions s ON s.tenant_id = f.tenant_id AND s.id = f.suggestion_id
    WHERE f.id >= @extschema@.sira_first_id(since) AND f.created_at >= since AND f.created_at < until
      AND f.feedback_type IN ('accept', 'reject') AND f.suggestion_id IS NOT NULL
    GROUP BY f.tenant_id, f.feedback_type, s.source;

    -- How long after they were true values are recorded: of each tenant's and entity type's newest 1000 among those recorded since
    -- the last time. What was committed late is looked for ten minutes back: to be looked at twice changes no maximum.
    until := clock_timestamp();
    since := @extschema@.sira_move_mark('ingestion', until);
    INSERT INTO @extschema@.sira_system_metrics (tenant_id, metric, value, labels, hour, period_start, period_end, source)
    SELECT n.tenant_id, 'feature_ingestion_lag_seconds', extract(epoch FROM max(n.lag)), jsonb_build_object('entity_type', n.entity_type),
           date_trunc('hour', until AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', since, until, 'sira'
    FROM (SELECT f.tenant_id, f.entity_type, greatest(f.recorded_at - f.sample_ts, interval '0') AS lag,
                 row_number() OVER (PARTITION BY f.tenant_id, f.entity_type ORDER BY f.sample_ts DESC) AS place
          FROM @extschema@.sira_features f
          WHERE f.recorded_at >= since - interval '10 minutes' AND f.sample_ts <= now() AND isfinite(f.sample_ts)) n
    WHERE n.place <= 1000
    GROUP BY n.tenant_id, n.entity_type;
    PERFORM @extschema@.sira_book_training();
    RETURN written;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_aggregate_hourly_metrics() IS
    'Writes down what scoring has counted since the last time, for all tenants, and answers the number of rows; with it suggestions, the lag of features, and the cost of scoring and training. Example: SELECT sira_aggregate_hourly_metrics();';

CREATE FUNCTION @extschema@.sira_record_metric(name text, value double precision, labels jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    recorded uuid;
BEGIN
    IF sira_record_metric.name IS NULL OR sira_record_metric.name !~ '^[a-zA-Z_][a-zA-Z0-9_]*$' OR length(sira_record_metric.name) > 200 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" is no name of a metric', coalesce(left(sira_record_metric.name, 200), 'NULL')),
            HINT = 'Use at most 200 letters, digits and underscores, such as llm_tokens.';
    END IF;
    IF sira_record_metric.name IN ('inference', 'feature_ingestion_lag_seconds', 'suggestions', 'suggestions_accepted', 'suggestions_rejected') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('metric "%s" is counted by the library itself', sira_record_metric.name),
            HINT = 'Choose another name, such as llm_tokens.';
    END IF;
    IF sira_record_metric.value IS NULL OR sira_record_metric.value IN ('NaN', 'Infinity', '-Infinity') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('metric "%s" has no value', sira_record_metric.name), DETAIL = format('It is %s.', coalesce(value::text, 'NULL')),
            HINT = 'Give a finite number.';
    END IF;
    IF jsonb_typeof(coalesce(sira_record_metric.labels, '{}')) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('the labels of metric "%s" are no JSON object', sira_record_metric.name),
            HINT = 'Write {"model": "fraud", "service": "llm"}.';
    END IF;
    INSERT INTO @extschema@.sira_system_metrics (metric, value, labels, hour)
    VALUES (sira_record_metric.name, sira_record_metric.value, coalesce(sira_record_metric.labels, '{}'),
            date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
    RETURNING id INTO recorded;
    RETURN recorded;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_record_metric(text, double precision, jsonb) IS
    'Records something that happened outside: LLM calls, tokens, cache hits, actions executed, approved, failed; sira_recorded_metrics and Prometheus show it. Example: SELECT sira_record_metric(''llm_tokens'', 1200, ''{"service": "summaries"}'');';

-- What was recorded, by hour: a total for what is counted, the last value for what is measured. Totals are numeric, for a sum that
-- no double holds would be an error for all that read it.
CREATE VIEW @extschema@.sira_recorded_metrics AS
SELECT t.tenant_id, t.metric AS name, t.labels, t.hour, count(*) AS entries,
       sum(t.value::numeric) FILTER (WHERE t.value > '-Infinity' AND t.value < 'Infinity') AS total, min(t.value) AS smallest, max(t.value) AS largest,
       (pg_catalog.array_agg(t.value ORDER BY t.created_at DESC, t.id DESC))[1] AS last_value
FROM @extschema@.sira_system_metrics t
WHERE t.source = 'external' AND t.value IS NOT NULL
  AND (t.tenant_id = (SELECT @extschema@.sira_current_tenant()) OR (SELECT pg_catalog.current_setting('is_superuser')::boolean))
GROUP BY 1, 2, 3, 4;
DO $recorded$
BEGIN
    EXECUTE pg_catalog.format('ALTER VIEW @extschema@.sira_recorded_metrics SET (%s = true)',
        CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
END
$recorded$;
COMMENT ON VIEW @extschema@.sira_recorded_metrics IS 'what was recorded of things outside, by name, labels and hour (UTC)';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.tenant_id IS 'the tenant';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.name IS 'what was recorded';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.labels IS 'what tells values of one name apart';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.hour IS 'when the hour began';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.entries IS 'how often';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.total IS 'the sum of the finite values';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.smallest IS 'the least value';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.largest IS 'the greatest value';
COMMENT ON COLUMN @extschema@.sira_recorded_metrics.last_value IS 'the last value';

-- The same by hour, day, week and month (UTC). Quantiles are those of the merged histograms. The period of the first two is the
-- column itself, so that whoever asks for the last day finds it by an index.
DO $periods$
DECLARE
    period text;
    name text;
    source text;
    col text;
    said text;
BEGIN
    FOR period, name, source IN VALUES
        ('hour', 'sira_hourly_metrics', 't.hour'),
        ('day', 'sira_daily_metrics', 't.day'),
        ('week', 'sira_weekly_metrics', 'pg_catalog.date_trunc(''week'', t.day::timestamp)::date'),
        ('month', 'sira_monthly_metrics', 'pg_catalog.date_trunc(''month'', t.day::timestamp)::date')
    LOOP
        EXECUTE pg_catalog.format($view$
            CREATE VIEW @extschema@.%1$I AS
            SELECT s.tenant_id, s.period, %5$s AS model_id, m.name AS model, v.version,
                   nullif(s.variant, '') AS variant, s.calls, s.row_count, s.errors, s.fallbacks, s.errors / nullif(s.row_count + s.errors, 0)::float8 AS error_rate,
                   s.cache_hits / nullif(s.cache_hits + s.cache_misses, 0)::float8 AS cache_hit_ratio, s.seconds,
                   @extschema@.sira_latency_quantile(s.latencies, 0.5) AS p50_seconds,
                   @extschema@.sira_latency_quantile(s.latencies, 0.95) AS p95_seconds,
                   @extschema@.sira_latency_quantile(s.latencies, 0.99) AS p99_seconds, s.decisions, s.latencies, s.scores
            FROM (SELECT t.tenant_id, %2$s AS period, t.model_id,
                         t.model_version_id, t.variant, sum(t.calls)::bigint AS calls, sum(t.row_count)::bigint AS row_count,
                         sum(t.errors)::bigint AS errors, sum(t.fallbacks)::bigint AS fallbacks, sum(t.cache_hits)::bigint AS cache_hits,
                         sum(t.cache_misses)::bigint AS cache_misses, sum(t.seconds) AS seconds,
                         @extschema@.sira_sum_counts(t.decisions) AS decisions, @extschema@.sira_sum_counts(t.latencies) AS latencies,
                         @extschema@.sira_sum_counts(t.scores) AS scores
                  FROM @extschema@.%3$I t WHERE %4$s
                    (t.tenant_id = (SELECT @extschema@.sira_current_tenant()) OR (SELECT pg_catalog.current_setting('is_superuser')::boolean))
                  GROUP BY 1, 2, 3, 4, 5) s
            LEFT JOIN @extschema@.sira_models m ON m.id = s.model_id
            LEFT JOIN @extschema@.sira_model_versions v ON v.id = s.model_version_id $view$,
            name, source, CASE period WHEN 'hour' THEN 'sira_system_metrics' ELSE 'sira_metric_days' END,
            CASE period WHEN 'hour' THEN 't.metric = ''inference'' AND t.source = ''sira'' AND ' ELSE '' END,
            CASE period WHEN 'hour' THEN 's.model_id' ELSE 'nullif(s.model_id, ''00000000-0000-0000-0000-000000000000'')' END);
        EXECUTE pg_catalog.format('ALTER VIEW @extschema@.%I SET (%s = true)', name,
            CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
        EXECUTE pg_catalog.format('COMMENT ON VIEW @extschema@.%I IS %L', name, 'how scoring did, by version and ' || period || ' (UTC)');
        FOR col, said IN VALUES
            ('tenant_id', 'the tenant that was served'), ('period', 'when the ' || period || ' began'), ('model_id', 'the model'),
            ('model', 'its name'), ('version', 'the version that answered'), ('variant', 'the variant of an experiment'),
            ('calls', 'calls'), ('row_count', 'answers given'), ('errors', 'calls and rows that failed'),
            ('fallbacks', 'answers that were the declared fallback decision'), ('error_rate', 'share of answers that failed'),
            ('cache_hit_ratio', 'share of uses of a compiled model in which it was there'), ('seconds', 'time spent on answers and their audit rows'),
            ('p50_seconds', 'median latency'), ('p95_seconds', 'latency that 95 of 100 answers keep'),
            ('p99_seconds', 'latency that 99 of 100 answers keep'), ('decisions', 'how often approve, review, block_and_review, decline'),
            ('latencies', 'answers by latency, between sira_latency_bounds()'), ('scores', 'answers by score, in 20 bins')
        LOOP
            EXECUTE pg_catalog.format('COMMENT ON COLUMN @extschema@.%I.%I IS %L', name, col, said);
        END LOOP;
    END LOOP;
END
$periods$;

-- Prometheus' text format. Names, help and order of metrics:
CREATE FUNCTION @extschema@.sira_prometheus_metrics() RETURNS TABLE (place integer, metric text, kind text, help text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES (1, 'sira_inference_requests_total', 'counter', 'Answers given and failed.'),
           (2, 'sira_inference_errors_total', 'counter', 'Answers that failed.'),
           (3, 'sira_inference_fallbacks_total', 'counter', 'Answers that were the declared fallback decision.'),
           (4, 'sira_inference_latency_seconds', 'histogram', 'Time until an answer was made; the sum holds the writing of audit rows too. Of plain scores one in 64 is timed and stands for the others.'),
           (5, 'sira_prediction_distribution', 'histogram', 'Scores between 0 and 1.'),
           (6, 'sira_error_rate', 'gauge', 'Share of answers that failed since the counters began.'),
           (7, 'sira_cache_hit_ratio', 'gauge', 'Share of uses of a compiled model in which it was there.'),
           (8, 'sira_fraud_detected_total', 'counter', 'Decisions to block or decline.'),
           (9, 'sira_experiment_requests_total', 'counter', 'Answers by variant of an experiment.'),
           (10, 'sira_last_prediction_timestamp_seconds', 'gauge', 'When the last answer was given.'),
           (11, 'sira_model_auc', 'gauge', 'AUC of the version as last evaluated.'),
           (12, 'sira_drift_detected_total', 'counter', 'Drift findings.'),
           (13, 'sira_feature_drift', 'gauge', 'Drift of a feature in the last run, between 0 and 1.'),
           (14, 'sira_prediction_drift', 'gauge', 'Drift of the scores in the last run, between 0 and 1.'),
           (15, 'sira_training_run_duration_seconds', 'histogram', 'Duration of trainings that were completed.'),
           (16, 'sira_feature_ingestion_lag_seconds', 'gauge', 'How long after they were true the newest values were recorded.'),
           (17, 'sira_suggestions_total', 'counter', 'Suggestions made.'),
           (18, 'sira_suggestions_accepted_total', 'counter', 'Suggestions accepted.'),
           (19, 'sira_suggestions_rejected_total', 'counter', 'Suggestions rejected.'),
           (20, 'sira_recorded_metric', 'gauge', 'The last value of a day that was recorded of something outside, by its name.')
$$;
COMMENT ON FUNCTION @extschema@.sira_prometheus_metrics() IS
    'The metrics of sira_metrics_prometheus with type and help. Example: SELECT metric, kind FROM sira_prometheus_metrics();';

-- Labels as Prometheus writes them, of names and values in turn; a NULL value leaves its label out.
CREATE FUNCTION @extschema@.sira_prometheus_labels(VARIADIC pairs text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce('{' || string_agg(format('%s="%s"', pairs[i], replace(replace(replace(pairs[i + 1], '\', '\\'), '"', '\"'), E'\n', '\n')), ',' ORDER BY i) || '}', '')
    FROM generate_series(1, cardinality(pairs), 2) i WHERE pairs[i + 1] IS NOT NULL
$$;
COMMENT ON FUNCTION @extschema@.sira_prometheus_labels(text[]) IS
    'Labels as Prometheus writes them. Example: SELECT sira_prometheus_labels(''model'', ''a "b"'', ''version'', NULL);';

CREATE FUNCTION @extschema@.sira_prometheus_number(value double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE value WHEN 'Infinity' THEN '+Inf' WHEN '-Infinity' THEN '-Inf' ELSE value::text END $$;
COMMENT ON FUNCTION @extschema@.sira_prometheus_number(double precision) IS
    'A number as Prometheus writes it. Example: SELECT sira_prometheus_number(''Infinity'');';

-- Each sample: its metric, labels, ending and value, and where it stands within a histogram.
CREATE FUNCTION @extschema@.sira_prometheus_samples()
RETURNS TABLE (metric text, labels text, place integer, sample text, value double precision)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
    WITH counted AS MATERIALIZED (
        SELECT c.*, m.name AS model, v.version, ARRAY['tenant', c.tenant_id, 'model', m.name, 'version', v.version::text, 'variant', c.variant] AS pairs
        FROM @extschema@.sira_counters() c
        JOIN @extschema@.sira_models m ON m.id = c.model_id
        LEFT JOIN @extschema@.sira_model_versions v ON v.id = c.model_version_id
        WHERE c.calls + c.row_count + c.errors > 0
    ), named AS (
        SELECT v.id, v.model_id, v.metrics, ARRAY['tenant', v.tenant_id, 'model', m.name, 'version', v.version::text] AS pairs
        FROM @extschema@.sira_model_versions v JOIN @extschema@.sira_models m ON m.id = v.model_id
    ), recorded AS (
        -- What a label may be called, names and tenants apart; what cannot be is left out. One sample for what is then the same: the
        -- newest. However much is recorded, a scrape reads the newest 100,000 rows, and shows each tenant 200.
        SELECT DISTINCT ON (s.pairs) s.pairs, s.value
        FROM (SELECT n.id, n.value, ARRAY['tenant', n.tenant_id, 'name', n.metric] || ARRAY(
                         SELECT u.word FROM jsonb_each_text(n.labels) e CROSS JOIN LATERAL unnest(ARRAY[e.key, e.value]) WITH ORDINALITY AS u(word, place)
                         WHERE e.key ~ '^[a-zA-Z_][a-zA-Z0-9_]*$' AND e.key !~ '^__' AND e.key NOT IN ('tenant', 'name', 'le') AND e.value <> ''
                         ORDER BY e.key COLLATE "C", u.place) AS pairs
              FROM (SELECT m.id, m.tenant_id, m.metric, m.value, m.labels FROM @extschema@.sira_system_metrics m
                    WHERE m.id >= @extschema@.sira_first_id(now() - interval '1 day') AND m.created_at >= now() - interval '1 day'
                      AND m.source = 'external' AND m.value IS NOT NULL
                    ORDER BY m.id DESC LIMIT 100000) n) s
        ORDER BY s.pairs, s.id DESC
    ), plain AS (
        SELECT x.metric, c.pairs, x.value
        FROM counted c CROSS JOIN LATERAL (VALUES
            ('sira_inference_requests_total', (c.row_count + c.errors)::float8),
            ('sira_inference_errors_total', c.errors),
            ('sira_inference_fallbacks_total', c.fallbacks),
            ('sira_error_rate', c.errors / nullif(c.row_count + c.errors, 0)::float8),
            ('sira_cache_hit_ratio', c.cache_hits / nullif(c.cache_hits + c.cache_misses, 0)::float8),
            ('sira_fraud_detected_total', c.decisions[3] + c.decisions[4]),
            ('sira_experiment_requests_total', CASE WHEN c.variant IS NOT NULL THEN c.row_count END),
            ('sira_last_prediction_timestamp_seconds', extract(epoch FROM c.last_at)::float8)) AS x(metric, value)
        UNION ALL
        SELECT 'sira_model_auc', n.pairs, coalesce(e.auc, (n.metrics ->> 'auc')::float8)
        FROM named n LEFT JOIN LATERAL (
            SELECT (e.metrics ->> 'auc')::float8 AS auc FROM @extschema@.sira_evaluations e
            WHERE e.model_version_id = n.id AND e.metrics ? 'auc' ORDER BY e.evaluated_at DESC LIMIT 1) e ON true
        UNION ALL
        SELECT 'sira_drift_detected_total', n.pairs, f.found
        FROM named n CROSS JOIN LATERAL (
            SELECT nullif(count(*), 0) AS found FROM @extschema@.sira_data_drift d WHERE d.model_version_id = n.id AND d.drift_detected) f
        UNION ALL
        SELECT CASE d.drift_type WHEN 'data' THEN 'sira_feature_drift' ELSE 'sira_prediction_drift' END,
               n.pairs || CASE d.drift_type WHEN 'data' THEN ARRAY['feature', d.feature_key] ELSE '{}' END, d.score
        FROM named n
        CROSS JOIN LATERAL (SELECT d.created_at FROM @extschema@.sira_data_drift d
                            WHERE d.model_version_id = n.id AND d.segment IS NULL ORDER BY d.created_at DESC LIMIT 1) r
        CROSS JOIN LATERAL (
            SELECT d.drift_type, CASE d.drift_type WHEN 'data' THEN d.feature_key END AS feature_key, max(d.drift_score) AS score
            FROM @extschema@.sira_data_drift d
            WHERE d.model_version_id = n.id AND d.created_at = r.created_at AND d.segment IS NULL
              AND (d.drift_type = 'prediction' OR d.drift_type = 'data' AND d.feature_key IS NOT NULL)
            GROUP BY 1, 2) d
        UNION ALL
        SELECT 'sira_feature_ingestion_lag_seconds', ARRAY['tenant', s.tenant_id, 'entity_type', s.labels ->> 'entity_type'], s.value
        FROM (SELECT DISTINCT ON (s.tenant_id, s.labels ->> 'entity_type') s.* FROM @extschema@.sira_system_metrics s
              WHERE s.metric = 'feature_ingestion_lag_seconds' AND s.source = 'sira' AND s.hour >= now() - interval '1 day'
              ORDER BY s.tenant_id, s.labels ->> 'entity_type', s.created_at DESC, s.id DESC) s
        UNION ALL
        SELECT 'sira_' || s.metric || '_total', ARRAY['tenant', s.tenant_id, 'source', s.labels ->> 'source'], sum(s.value)
        FROM @extschema@.sira_system_metrics s
        WHERE s.metric IN ('suggestions', 'suggestions_accepted', 'suggestions_rejected') AND s.source = 'sira'
        GROUP BY s.metric, s.tenant_id, s.labels ->> 'source'
        UNION ALL
        SELECT 'sira_recorded_metric', r.pairs, r.value
        FROM (SELECT l.pairs, l.value, row_number() OVER (PARTITION BY l.pairs[2] ORDER BY l.pairs) AS place FROM recorded l) r
        WHERE r.place <= 200
    ), binned AS (
        -- Every octave of the latencies' bins: the bins between two bounds belong to the upper one.
        SELECT 'sira_inference_latency_seconds' AS metric, c.pairs, b.at, b.bound, sum(l.n) FILTER (WHERE l.i <= b.at) AS n, c.seconds AS total
        FROM counted c
        CROSS JOIN (SELECT i AS at, bound FROM unnest(@extschema@.sira_latency_bounds() || 'Infinity'::float8) WITH ORDINALITY AS u(bound, i)
                    WHERE i % 8 = 1 OR bound = 'Infinity') b
        CROSS JOIN LATERAL unnest(c.latencies) WITH ORDINALITY AS l(n, i)
        GROUP BY c.pairs, b.at, b.bound, c.seconds
        UNION ALL
        SELECT 'sira_prediction_distribution', c.pairs, b.at, b.bound, sum(s.n) FILTER (WHERE s.i <= b.at), c.score_sum
        FROM counted c
        CROSS JOIN (SELECT i AS at, CASE WHEN i = 21 THEN 'Infinity' ELSE i / 20.0 END::float8 AS bound FROM generate_series(1, 21) i) b
        CROSS JOIN LATERAL unnest(c.scores) WITH ORDINALITY AS s(n, i)
        GROUP BY c.pairs, b.at, b.bound, c.score_sum
        UNION ALL
        SELECT 'sira_training_run_duration_seconds', r.pairs, b.at, b.bound, count(*) FILTER (WHERE r.seconds <= b.bound), sum(r.seconds)
        FROM (SELECT ARRAY['tenant', t.tenant_id, 'model', m.name] AS pairs, extract(epoch FROM t.finished_at - t.started_at)::float8 AS seconds
              FROM @extschema@.sira_training_runs t JOIN @extschema@.sira_models m ON m.id = t.model_id
              WHERE t.status = 'completed' AND t.finished_at >= t.started_at) r
        CROSS JOIN unnest('{0.1,0.5,1,5,10,30,60,300,900,3600,14400,Infinity}'::float8[]) WITH ORDINALITY AS b(bound, at)
        GROUP BY r.pairs, b.at, b.bound
    )
    SELECT p.metric, @extschema@.sira_prometheus_labels(VARIADIC p.pairs), 0,
           p.metric || @extschema@.sira_prometheus_labels(VARIADIC p.pairs), p.value
    FROM plain p WHERE p.value IS NOT NULL
    UNION ALL
    SELECT b.metric, @extschema@.sira_prometheus_labels(VARIADIC b.pairs), b.at,
           b.metric || '_bucket' || @extschema@.sira_prometheus_labels(VARIADIC b.pairs || ARRAY['le', @extschema@.sira_prometheus_number(b.bound)]), b.n
    FROM binned b
    UNION ALL
    SELECT b.metric, @extschema@.sira_prometheus_labels(VARIADIC b.pairs), b.at + e.place,
           b.metric || e.ending || @extschema@.sira_prometheus_labels(VARIADIC b.pairs), CASE e.place WHEN 1 THEN b.total ELSE b.n END
    FROM binned b CROSS JOIN (VALUES (1, '_sum'), (2, '_count')) AS e(place, ending)
    WHERE b.bound = 'Infinity'
$$;
COMMENT ON FUNCTION @extschema@.sira_prometheus_samples() IS
    'The samples of sira_metrics_prometheus. Example: SELECT sample, value FROM sira_prometheus_samples() WHERE metric = ''sira_error_rate'';';

CREATE FUNCTION @extschema@.sira_metrics_prometheus() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
    SELECT coalesce(string_agg(t.lines, E'\n' ORDER BY t.place) || E'\n', '')
    FROM (SELECT m.place, format(E'# HELP %s %s\n# TYPE %s %s\n', m.metric, m.help, m.metric, m.kind)
                 || string_agg(s.sample || ' ' || @extschema@.sira_prometheus_number(s.value), E'\n' ORDER BY s.labels COLLATE "C", s.place) AS lines
          FROM @extschema@.sira_prometheus_metrics() m JOIN @extschema@.sira_prometheus_samples() s ON s.metric = m.metric
          GROUP BY m.place, m.metric, m.help, m.kind) t
$$;
COMMENT ON FUNCTION @extschema@.sira_metrics_prometheus() IS
    'What Prometheus scrapes, in its text format: of the caller''s tenant, for superusers of all. Counters that go back were reset. Example: SELECT sira_metrics_prometheus();';

CREATE FUNCTION @extschema@.sira_model_health(model text)
RETURNS TABLE (name text, version integer, status text, enabled boolean, predictions bigint, p50_seconds double precision,
               p95_seconds double precision, p99_seconds double precision, error_rate double precision, fallback_rate double precision,
               drift_score double precision, drift_severity text, drift_at timestamptz, last_prediction timestamptz,
               cache_hit_ratio double precision, open_alerts bigint, throttle text, training_seconds double precision)
LANGUAGE plpgsql VOLATILE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted record;
    home @extschema@.sira_models;
    number integer;
BEGIN
    SELECT * INTO wanted FROM @extschema@.sira_parse_model(sira_model_health.model);
    home := @extschema@.sira_find_model(wanted.name);
    IF sira_model_health.model LIKE '%/%' OR sira_model_health.model LIKE '%@%' THEN
        SELECT v.version INTO number FROM @extschema@.sira_model_versions v
        WHERE v.id = (@extschema@.sira_resolve_version(sira_model_health.model)).version_id;
    END IF;
    RETURN QUERY
    SELECT home.name, v.version, v.status, home.enabled, c.row_count,
           @extschema@.sira_latency_quantile(c.latencies, 0.5), @extschema@.sira_latency_quantile(c.latencies, 0.95),
           @extschema@.sira_latency_quantile(c.latencies, 0.99), c.errors / nullif(c.row_count + c.errors, 0)::float8,
           c.fallbacks / nullif(c.row_count, 0)::float8, d.score, d.severity, d.created_at, c.last_at,
           c.cache_hits / nullif(c.cache_hits + c.cache_misses, 0)::float8,
           (SELECT count(*) FROM @extschema@.sira_drift_alerts a WHERE a.model_id = home.id AND a.status <> 'resolved'), c.throttle,
           (SELECT extract(epoch FROM r.finished_at - r.started_at)::float8 FROM @extschema@.sira_training_runs r WHERE r.id = v.training_run_id)
    -- Beside the versions what was answered while none was live: a model that is down is told of too.
    FROM (SELECT v.id, v.version, v.status, v.training_run_id FROM @extschema@.sira_model_versions v
          WHERE v.model_id = home.id AND (number IS NULL OR v.version = number)
          UNION ALL SELECT NULL, NULL, NULL, NULL WHERE number IS NULL) v
    LEFT JOIN (SELECT c.model_version_id, sum(c.calls)::bigint AS calls, sum(c.row_count)::bigint AS row_count, sum(c.errors)::bigint AS errors,
                      sum(c.fallbacks)::bigint AS fallbacks, sum(c.cache_hits) AS cache_hits, sum(c.cache_misses) AS cache_misses,
                      max(c.last_at) AS last_at, max(c.throttle) AS throttle, @extschema@.sira_sum_counts(c.latencies) AS latencies
               FROM @extschema@.sira_counters() c WHERE c.model_id = home.id GROUP BY c.model_version_id) c
        ON c.model_version_id IS NOT DISTINCT FROM v.id
    LEFT JOIN LATERAL (
        SELECT d.drift_score AS score, @extschema@.sira_drift_severity(d.drift_score) AS severity, d.created_at
        FROM @extschema@.sira_data_drift d
        WHERE d.model_id = home.id AND d.model_version_id = v.id AND d.segment IS NULL AND d.drift_type = 'overall'
        ORDER BY d.created_at DESC LIMIT 1) d ON true
    WHERE number IS NOT NULL OR v.status = 'production' OR c.calls + c.row_count + c.errors > 0
       OR v.id IS NULL AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_model_versions p WHERE p.model_id = home.id AND p.status = 'production')
    ORDER BY v.version;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_model_health(text) IS
    'How a model does: the version in production and every other that has answered or failed, or the one named; a row without a version says what was answered while none was live, and stands alone where none is. Counts and latencies since the counters began. Example: SELECT * FROM sira_model_health(''fraud'');';
