-- Drift runs: what is asked now against what was seen when the version was made, and whether the answers still are right.
CREATE FUNCTION @extschema@.sira_calculate_drift_score(
    concept double precision, data double precision, prediction double precision)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_calculate_drift_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_calculate_drift_score(double precision, double precision, double precision) IS
    '0.40 concept + 0.35 data + 0.25 prediction, each from 0 to 1; a part that is NULL gives its weight to the others. Example: SELECT sira_calculate_drift_score(NULL, 0.6, 0.2);';

CREATE FUNCTION @extschema@.sira_drift_severity(score double precision) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_drift_severity_wrapper';
COMMENT ON FUNCTION @extschema@.sira_drift_severity(double precision) IS
    'critical above 0.7, high above 0.4, medium above 0.2, else low. Example: SELECT sira_drift_severity(0.45);';

CREATE FUNCTION @extschema@.sira_judge_drift(pairs jsonb, rule jsonb DEFAULT '{}')
RETURNS TABLE (pair integer, method text, statistic double precision, p_value double precision, adjusted_p_value double precision,
    effect_size double precision, threshold double precision, detected boolean, score double precision, severity text, note text)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_judge_drift_wrapper';
COMMENT ON FUNCTION @extschema@.sira_judge_drift(jsonb, jsonb) IS
    'Which of several pairs of histograms have drifted: an effect above its threshold (PSI, KS, chi-square, shares of missing and unseen values; the noise of a PSI allowed for) that is no chance (p adjusted over all tests below 0.01), of at least 100 rows a side. Example: SELECT * FROM sira_judge_drift(''[{"categorical": false, "reference": [500, 500, 0], "current": [200, 800, 0]}]'');';

CREATE FUNCTION @extschema@.sira_judge_quality(
    task text, scores double precision[], labels double precision[], before jsonb, accuracy_threshold double precision DEFAULT 0.10,
    mape_threshold double precision DEFAULT 0.15)
RETURNS TABLE (pair integer, method text, statistic double precision, p_value double precision, adjusted_p_value double precision,
    effect_size double precision, threshold double precision, detected boolean, score double precision, severity text, note text,
    metrics jsonb)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_judge_quality_wrapper';
COMMENT ON FUNCTION @extschema@.sira_judge_quality(text, double precision[], double precision[], jsonb, double precision, double precision) IS
    'Whether labelled answers are worse than a version''s metrics: AUC and accuracy lost, or MAPE grown, relative to before, by more than the threshold and than chance; at least 100 labels. Labels of a multiclass model say whether the answer was right. Example: SELECT * FROM sira_judge_quality(''binary'', ARRAY[0.1, 0.9], ARRAY[0, 1], ''{"auc": 0.9}'');';

CREATE FUNCTION @extschema@.sira_expected_quality(counts bigint[], threshold double precision) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_expected_quality_wrapper';
COMMENT ON FUNCTION @extschema@.sira_expected_quality(bigint[], double precision) IS
    'The quality to expect without labels if probabilities are calibrated, from their counts over an even grid of 200: an estimate, blind to a changed concept. Example: SELECT sira_expected_quality(counts, 0.5) FROM sira_drift_sketches WHERE subject = ''probability'';';

-- What a run tolerates; settings say it.
CREATE FUNCTION @extschema@.sira_drift_rule() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('ks', coalesce(nullif(current_setting('sira.drift_ks_threshold', true), ''), '0.15')::float8,
                              'psi', coalesce(nullif(current_setting('sira.drift_psi_threshold', true), ''), '0.2')::float8)
$$;
COMMENT ON FUNCTION @extschema@.sira_drift_rule() IS
    'The thresholds that sira.drift_ks_threshold and sira.drift_psi_threshold set. Example: SELECT sira_drift_rule();';

-- What a window cannot be, said before a moment is computed that does not exist.
CREATE FUNCTION @extschema@.sira_check_window(window_size interval, as_of timestamptz, label_delay interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(window_size <= interval '0', true) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the window of a drift run is empty',
            HINT = 'SELECT * FROM sira_detect_drift(''fraud'', window_size => ''7 days'');';
    END IF;
    IF window_size > interval '100 years' OR label_delay > interval '100 years' OR label_delay < interval '0' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the window of a drift run is out of range',
            DETAIL = format('window_size is %s, label_delay %s.', window_size, coalesce(label_delay::text, 'NULL')),
            HINT = 'Give at most 100 years, and no negative label_delay.';
    END IF;
    IF as_of IS NULL OR NOT isfinite(as_of) OR as_of < '0001-01-01 00:00:00+00' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the window of a drift run has no end',
            DETAIL = format('as_of is %s.', coalesce(as_of::text, 'NULL')), HINT = 'Give a moment as as_of, or leave it out: then it is now.';
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_check_window(interval, timestamptz, interval) IS
    'Refuses a window, an end or a delay that a drift run cannot have. Example: SELECT sira_check_window(''7 days'', now());';

-- One side of a comparison: a version's predictions from one moment to before another, from the predictions themselves or, of the
-- whole hours between, from the sketches: what is left of the hours at both ends is read from the rows, so that no row is on two
-- sides and none later than the end on any.
CREATE FUNCTION @extschema@.sira_drift_side(
    model text, from_ts timestamptz, to_ts timestamptz, from_raw boolean DEFAULT false, segment text DEFAULT NULL)
RETURNS TABLE (segment_value text, subject text, feature_key text, counts bigint[], finite_count bigint,
    shifted_sum double precision, shifted_squares double precision, minimum double precision, maximum double precision)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted record;
    whole_from timestamptz := date_trunc('hour', from_ts, 'UTC') + CASE WHEN from_ts > date_trunc('hour', from_ts, 'UTC') THEN interval '1 hour' ELSE '0' END;
    whole_to timestamptz := date_trunc('hour', to_ts, 'UTC');
BEGIN
    IF from_raw OR sira_drift_side.segment IS NOT NULL THEN
        RETURN QUERY SELECT c.segment_value, c.subject, c.feature_key, c.counts, c.finite_count, c.shifted_sum, c.shifted_squares,
                            c.minimum, c.maximum
        FROM @extschema@.sira_count_predictions(sira_drift_side.model, from_ts, to_ts, false, sira_drift_side.segment) c;
        RETURN;
    END IF;
    SELECT * INTO wanted FROM @extschema@.sira_resolve_version(sira_drift_side.model);
    RETURN QUERY
    WITH pieces AS (
        SELECT k.subject, k.feature_key, k.counts, k.finite_count, k.shifted_sum, k.shifted_squares, k.minimum, k.maximum
        FROM @extschema@.sira_drift_sketches k
        WHERE k.tenant_id = @extschema@.sira_current_tenant() AND k.model_version_id = wanted.version_id
          AND k.hour >= whole_from AND k.hour < whole_to
        UNION ALL
        SELECT c.subject, c.feature_key, c.counts, c.finite_count, c.shifted_sum, c.shifted_squares, c.minimum, c.maximum
        FROM (VALUES (from_ts, least(whole_from, to_ts)), (greatest(whole_to, whole_from), to_ts)) AS e(starts, ends)
        CROSS JOIN LATERAL @extschema@.sira_count_predictions(sira_drift_side.model, e.starts, e.ends) c
        WHERE e.starts < e.ends)
    SELECT NULL::text, s.subject, s.feature_key, @extschema@.sira_sum_counts(s.counts), sum(s.finite_count)::bigint,
           sum(s.shifted_sum), sum(s.shifted_squares), min(s.minimum), max(s.maximum)
    FROM pieces s
    GROUP BY s.subject, s.feature_key;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_drift_side(text, timestamptz, timestamptz, boolean, text) IS
    'The predictions of a period as one sketch a subject, from hourly sketches (the hours at both ends, where they are not whole, from the rows) or from the rows. Example: SELECT * FROM sira_drift_side(''fraud'', now() - interval ''7 days'', now());';

-- The labels of a period's predictions. The truth of a binary model is whether the label is its positive class; of a multiclass
-- one, whether its answer was right. What was said later than known_by was not known then: of what was, the newest of each source
-- holds, human over rule over import, as in sira_current_labels.
CREATE FUNCTION @extschema@.sira_drift_labels(
    model text, from_ts timestamptz, to_ts timestamptz, label_name text DEFAULT NULL, segment text DEFAULT NULL,
    known_by timestamptz DEFAULT pg_catalog.now())
RETURNS TABLE (segment_value text, scores double precision[], labels double precision[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
-- Labels and predictions are many on both sides; taken for few they would be compared each with each.
SET enable_nestloop = off
AS $$
#variable_conflict use_column
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    wanted record;
    name text := sira_drift_labels.label_name;
BEGIN
    SELECT r.version_id, m.task, v.signature ->> 'positive' AS positive, t.label INTO wanted
    FROM @extschema@.sira_resolve_version(sira_drift_labels.model) r
    JOIN @extschema@.sira_models m ON m.id = r.model_id
    JOIN @extschema@.sira_model_versions v ON v.id = r.version_id
    LEFT JOIN @extschema@.sira_training_runs t ON t.id = v.training_run_id;
    IF name IS NULL THEN
        name := CASE WHEN EXISTS (SELECT 1 FROM @extschema@.sira_labels l WHERE l.tenant_id = tenant AND l.label_name = wanted.label)
                     THEN wanted.label ELSE 'label' END;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM @extschema@.sira_labels l WHERE l.tenant_id = tenant AND l.label_name = name) THEN
        -- A name that was given and is nobody's would leave the quality out for ever, and silently.
        IF sira_drift_labels.label_name IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('no label is named "%s"', name),
                HINT = 'SELECT DISTINCT label_name FROM sira_labels; or leave label_name out until there is one.';
        END IF;
        RETURN;
    END IF;
    RETURN QUERY
    WITH known AS (
        SELECT DISTINCT ON (s.entity_type, s.entity_id) s.entity_type, s.entity_id, s.label, s.label_value
        FROM (SELECT DISTINCT ON (l.entity_type, l.entity_id, l.source) l.*
              FROM @extschema@.sira_labels l
              WHERE l.tenant_id = tenant AND l.label_name = name AND l.known_at <= least(sira_drift_labels.known_by, now())
              ORDER BY l.entity_type, l.entity_id, l.source, l.known_at DESC, l.recorded_at DESC, l.id DESC) s
        WHERE s.label IS NOT NULL OR s.label_value IS NOT NULL OR s.label_json IS NOT NULL
        ORDER BY s.entity_type, s.entity_id, array_position('{human,rule,import}', s.source))
    SELECT a.segment_value, array_agg(a.score ORDER BY a.created_at, a.id), array_agg(a.truth ORDER BY a.created_at, a.id)
    FROM (SELECT p.context ->> sira_drift_labels.segment AS segment_value, p.score, p.created_at, p.id,
                 CASE wanted.task
                     WHEN 'binary' THEN CASE WHEN wanted.positive IS NOT NULL AND l.label IS NOT NULL AND wanted.positive NOT IN ('true', '1')
                                             THEN (l.label = wanted.positive)::int::float8
                                             ELSE (l.label_value <> 0)::int::float8 END
                     WHEN 'multiclass' THEN (l.label = p.predicted_class)::int::float8
                     ELSE l.label_value END AS truth
          FROM @extschema@.sira_predictions p
          JOIN known l ON l.entity_type = p.entity_type AND l.entity_id = p.entity_id
          WHERE p.tenant_id = tenant AND p.model_version_id = wanted.version_id AND NOT p.fallback
            AND p.created_at >= from_ts AND p.created_at < to_ts) a
    WHERE a.truth IS NOT NULL
    GROUP BY a.segment_value;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_drift_labels(text, timestamptz, timestamptz, text, text, timestamptz) IS
    'Scores and truths of a period''s predictions whose label was known by a moment. Example: SELECT * FROM sira_drift_labels(''fraud'', now() - interval ''30 days'', now());';

CREATE FUNCTION @extschema@.sira_detect_drift(
    model text, window_size interval DEFAULT '7 days', reference text DEFAULT NULL, segment text DEFAULT NULL,
    as_of timestamptz DEFAULT pg_catalog.now(), from_raw boolean DEFAULT false, label_name text DEFAULT NULL,
    label_delay interval DEFAULT NULL, as_known boolean DEFAULT true)
RETURNS TABLE (drift_type text, feature text, segment_value text, method text, statistic double precision, p_value double precision,
    adjusted_p_value double precision, effect_size double precision, threshold double precision, detected boolean, severity text,
    score double precision, reference_size bigint, current_size bigint, note text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    wanted record;
    exact text;
    period tstzrange;
    part text := 'training';
    since timestamptz;
    labels_until timestamptz;
    pairs jsonb;
    findings jsonb;
    quality jsonb := '[]';
    results jsonb;
    one record;
    performance jsonb;
    worst record;
BEGIN
    PERFORM @extschema@.sira_check_window(sira_detect_drift.window_size, sira_detect_drift.as_of, sira_detect_drift.label_delay);
    since := sira_detect_drift.as_of - sira_detect_drift.window_size;
    SELECT r.*, m.task, m.label_maturity, v.metrics, v.signature, t.embargo INTO wanted
    FROM @extschema@.sira_resolve_version(sira_detect_drift.model) r
    JOIN @extschema@.sira_models m ON m.id = r.model_id
    JOIN @extschema@.sira_model_versions v ON v.id = r.version_id
    LEFT JOIN @extschema@.sira_training_runs t ON t.id = v.training_run_id;
    exact := format('%s/%s', wanted.model_name, wanted.version);
    -- Segments differ from each other without any drift: each is compared with its own past.
    IF sira_detect_drift.reference IS NULL AND sira_detect_drift.segment IS NOT NULL OR sira_detect_drift.reference = 'previous' THEN
        period := tstzrange(since - sira_detect_drift.window_size, since);
    ELSIF sira_detect_drift.reference IN ('training', 'validation') THEN
        part := sira_detect_drift.reference;
    ELSIF sira_detect_drift.reference IS NOT NULL THEN
        BEGIN
            period := sira_detect_drift.reference::tstzrange;
        EXCEPTION WHEN data_exception OR syntax_error THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('reference "%s" is not known', sira_detect_drift.reference),
                HINT = 'Choose training, validation, previous or a period such as [2026-04-01,2026-05-01).';
        END;
        IF isempty(period) OR lower_inf(period) OR upper_inf(period) OR NOT isfinite(lower(period)) OR NOT isfinite(upper(period))
           OR lower(period) = upper(period) THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the reference''s period is empty or has no end',
                DETAIL = format('It is %s.', period), HINT = 'Give two moments, such as [2026-04-01,2026-05-01).';
        END IF;
    END IF;
    IF NOT from_raw AND sira_detect_drift.segment IS NULL THEN
        PERFORM @extschema@.sira_update_sketches(exact, least(since, lower(period)));
    END IF;

    -- Both sides, subject by subject. A subject that nothing was asked about has a current side without rows.
    SELECT jsonb_agg(jsonb_build_object('pair', jsonb_build_object('categorical', s.kind = 'categorical', 'singletons', s.singletons,
                                                                   'reference', s.before, 'current', s.after),
                                        'subject', s.subject, 'feature', s.feature_key, 'segment', s.segment_value)
                     ORDER BY s.segment_value NULLS FIRST, s.subject, s.feature_key)
    INTO pairs
    FROM (
        WITH current_side AS MATERIALIZED (
            SELECT * FROM @extschema@.sira_drift_side(exact, since, sira_detect_drift.as_of, from_raw, sira_detect_drift.segment)),
        past_side AS MATERIALIZED (
            SELECT * FROM @extschema@.sira_drift_side(exact, lower(period), upper(period), from_raw, sira_detect_drift.segment)
            WHERE period IS NOT NULL),
        -- The training part where a part is missing; of the scores the validation part, for a model is surer of what it learnt from.
        baseline AS (
            SELECT DISTINCT ON (b.subject, b.feature_key) b.* FROM @extschema@.sira_baselines b
            WHERE b.model_version_id = wanted.version_id
            ORDER BY b.subject, b.feature_key,
                     (b.part = CASE WHEN sira_detect_drift.reference IS NULL AND b.subject <> 'feature' AND b.total_rows >= 100
                                    THEN 'validation' ELSE part END) DESC, b.part),
        segments AS (
            SELECT c.segment_value FROM current_side c WHERE sira_detect_drift.segment IS NOT NULL AND c.subject = 'score'
            UNION SELECT NULL WHERE sira_detect_drift.segment IS NULL)
        SELECT g.segment_value, b.subject, b.feature_key, b.kind, b.singletons,
               CASE WHEN period IS NULL THEN b.counts ELSE coalesce(r.counts, array_fill(0::bigint, ARRAY[cardinality(b.counts)])) END AS before,
               coalesce(c.counts, array_fill(0::bigint, ARRAY[cardinality(b.counts)])) AS after
        FROM segments g CROSS JOIN baseline b
        -- A key that is never NULL, for equality alone can be hashed.
        LEFT JOIN current_side c ON c.subject = b.subject AND c.feature_key = b.feature_key
                                AND coalesce('=' || c.segment_value, '') = coalesce('=' || g.segment_value, '')
        LEFT JOIN past_side r ON r.subject = b.subject AND r.feature_key = b.feature_key
                             AND coalesce('=' || r.segment_value, '') = coalesce('=' || g.segment_value, '')) s;

    SELECT coalesce(jsonb_agg(to_jsonb(j) || jsonb_build_object(
               'drift_type', CASE s.about ->> 'subject' WHEN 'score' THEN 'prediction' ELSE 'data' END,
               'feature', CASE s.about ->> 'subject' WHEN 'feature' THEN s.about ->> 'feature' END, 'segment_value', s.about ->> 'segment',
               'reference_size', (SELECT sum(v::bigint) FROM jsonb_array_elements_text(s.about #> '{pair,reference}') v),
               'current_size', (SELECT sum(v::bigint) FROM jsonb_array_elements_text(s.about #> '{pair,current}') v))
               ORDER BY j.pair, j.method), '[]')
    INTO findings
    FROM (SELECT jsonb_agg(p.about ORDER BY p.place) AS subjects, jsonb_agg(p.about -> 'pair' ORDER BY p.place) AS asked
          FROM jsonb_array_elements(pairs) WITH ORDINALITY AS p(about, place) WHERE p.about ->> 'subject' <> 'probability') a
    CROSS JOIN LATERAL @extschema@.sira_judge_drift(a.asked, @extschema@.sira_drift_rule()) j
    CROSS JOIN LATERAL (SELECT a.subjects -> (j.pair - 1) AS about) s;

    -- Quality, where labels have come. They are asked of predictions that are old enough to have one, and only what was known at the
    -- run's moment is: a run about the past does not know what was said later, unless it plays a past that nobody labelled.
    labels_until := sira_detect_drift.as_of
                    - coalesce(sira_detect_drift.label_delay, nullif(wanted.label_maturity, interval '0'), wanted.embargo, interval '0');
    SELECT coalesce(jsonb_agg(to_jsonb(q) || jsonb_build_object('drift_type', 'concept', 'feature', NULL, 'segment_value', l.segment_value,
               'current_size', cardinality(l.labels), 'reference_size', wanted.metrics -> 'rows')), '[]')
    INTO quality
    FROM @extschema@.sira_drift_labels(exact, labels_until - sira_detect_drift.window_size, labels_until,
                                       sira_detect_drift.label_name, sira_detect_drift.segment,
                                       CASE WHEN sira_detect_drift.as_known IS FALSE THEN 'infinity' ELSE sira_detect_drift.as_of END) l
    CROSS JOIN LATERAL @extschema@.sira_judge_quality(wanted.task, l.scores, l.labels, coalesce(wanted.metrics, '{}') - '{history,confusion}'::text[],
        coalesce(nullif(current_setting('sira.drift_accuracy_threshold', true), ''), '0.10')::float8,
        coalesce(nullif(current_setting('sira.drift_mape_threshold', true), ''), '0.15')::float8) q;
    results := findings || quality;

    -- One number a segment. Answers found to be wrong are at least grave, however little else has changed: 0.40 of the weight
    -- would make them "medium".
    SELECT results || coalesce(jsonb_agg(jsonb_build_object('drift_type', 'overall', 'segment_value', o.segment_value, 'method', 'weighted',
               'statistic', o.score, 'threshold', 0.2, 'detected', o.detected, 'score', o.score,
               'severity', CASE WHEN o.wrong >= 0.7 AND o.score <= 0.4 THEN 'high' ELSE @extschema@.sira_drift_severity(o.score) END, 'reference_size', o.reference_size, 'current_size', o.current_size,
               'concept', o.concept, 'data', o.data, 'prediction', o.prediction)), '[]')
    INTO results
    FROM (SELECT t.segment_value, t.concept, t.wrong, t.data, t.prediction, t.detected, t.reference_size, t.current_size,
                 @extschema@.sira_calculate_drift_score(t.concept, t.data, t.prediction) AS score
          FROM (SELECT p.segment_value, max(p.score) FILTER (WHERE p.drift_type = 'concept') AS concept,
                       max(p.score) FILTER (WHERE p.drift_type = 'concept' AND p.detected) AS wrong,
                       (max(p.score) FILTER (WHERE p.drift_type = 'data') + avg(p.score) FILTER (WHERE p.drift_type = 'data')) / 2 AS data,
                       max(p.score) FILTER (WHERE p.drift_type = 'prediction') AS prediction, bool_or(p.detected) AS detected,
                       max(p.reference_size) AS reference_size, max(p.current_size) AS current_size
                FROM (SELECT f.segment_value, f.drift_type, f.feature, max(f.score) AS score, bool_or(f.detected) AS detected,
                             max(f.reference_size) AS reference_size, max(f.current_size) AS current_size
                      FROM jsonb_to_recordset(results) AS f(segment_value text, drift_type text, feature text, score float8, detected boolean,
                                                            statistic float8, reference_size bigint, current_size bigint)
                      WHERE f.statistic IS NOT NULL GROUP BY f.segment_value, f.drift_type, f.feature) p
                GROUP BY p.segment_value) t) o;

    -- A shared model's row is another tenant's; what was found of this one's predictions is its own.
    INSERT INTO @extschema@.sira_data_drift (tenant_id, model_tenant_id, model_id, model_version_id, drift_type, feature_key, method, statistic, p_value,
        effect_size, threshold, drift_score, drift_detected, severity, segment, reference_start, reference_end, period_start, period_end,
        reference_size, current_size, details)
    SELECT tenant, wanted.tenant_id, wanted.model_id, wanted.version_id, f.drift_type, f.feature, f.method, f.statistic, f.p_value, f.effect_size, f.threshold,
           f.score, f.detected, f.severity,
           CASE WHEN sira_detect_drift.segment IS NOT NULL THEN jsonb_build_object(sira_detect_drift.segment, f.segment_value) END,
           lower(period), upper(period), CASE f.drift_type WHEN 'concept' THEN labels_until - sira_detect_drift.window_size ELSE since END,
           CASE f.drift_type WHEN 'concept' THEN labels_until ELSE sira_detect_drift.as_of END, f.reference_size, f.current_size,
           jsonb_strip_nulls(jsonb_build_object('adjusted_p_value', f.adjusted_p_value, 'note', f.note, 'reference', coalesce(sira_detect_drift.reference, CASE WHEN period IS NULL THEN 'baseline' ELSE 'previous' END),
               'from', CASE WHEN from_raw OR sira_detect_drift.segment IS NOT NULL THEN 'rows' ELSE 'sketches' END,
               'epsilon', CASE f.method WHEN 'psi' THEN 0.0001 END, 'concept', f.concept, 'data', f.data, 'prediction', f.prediction))
    FROM jsonb_to_recordset(results) AS f(drift_type text, feature text, segment_value text, method text, statistic float8, p_value float8,
        adjusted_p_value float8, effect_size float8, threshold float8, detected boolean, severity text, score float8, reference_size bigint,
        current_size bigint, note text, concept float8, data float8, prediction float8);

    -- Performance: measured where there are labels, expected where there are probabilities.
    INSERT INTO @extschema@.sira_model_performance (tenant_id, model_id, model_version_id, period_start, period_end, sample_size, auc,
        accuracy, mape, mae, rmse, metrics, drift_score, ks_statistic, psi, drift_detected, estimated, segment)
    SELECT tenant, wanted.model_id, wanted.version_id, m.period_start, m.period_end, (m.metrics ->> 'rows')::bigint, (m.metrics ->> 'auc')::float8,
           (m.metrics ->> 'accuracy')::float8, (m.metrics ->> 'mape')::float8, (m.metrics ->> 'mae')::float8, (m.metrics ->> 'rmse')::float8,
           m.metrics, o.score, k.statistic, p.statistic, coalesce(o.detected, false), m.estimated,
           CASE WHEN sira_detect_drift.segment IS NOT NULL THEN jsonb_build_object(sira_detect_drift.segment, m.segment_value) END
    FROM (SELECT DISTINCT ON (q.segment_value) q.segment_value, q.metrics, false AS estimated,
                 labels_until - sira_detect_drift.window_size AS period_start, labels_until AS period_end
          FROM jsonb_to_recordset(quality) AS q(segment_value text, metrics jsonb)
          UNION ALL
          SELECT p.about ->> 'segment', x.expected || jsonb_build_object('method', 'expected from calibrated probabilities'), true, since,
                 sira_detect_drift.as_of
          FROM jsonb_array_elements(pairs) AS p(about)
          CROSS JOIN LATERAL (SELECT @extschema@.sira_expected_quality(
              ARRAY(SELECT v.value::bigint FROM jsonb_array_elements_text(p.about #> '{pair,current}') WITH ORDINALITY v(value, place) ORDER BY v.place),
              CASE wanted.task WHEN 'binary' THEN coalesce((wanted.metrics ->> 'threshold')::float8, 0.7) ELSE 0 END)
              - CASE wanted.task WHEN 'binary' THEN '' ELSE 'auc' END AS expected) x
          WHERE p.about ->> 'subject' = 'probability' AND x.expected IS NOT NULL) m
    LEFT JOIN jsonb_to_recordset(results) AS o(drift_type text, segment_value text, score float8, detected boolean)
        ON o.drift_type = 'overall' AND o.segment_value IS NOT DISTINCT FROM m.segment_value
    LEFT JOIN jsonb_to_recordset(results) AS k(drift_type text, segment_value text, method text, statistic float8)
        ON k.drift_type = 'prediction' AND k.method = 'ks' AND k.segment_value IS NOT DISTINCT FROM m.segment_value
    LEFT JOIN jsonb_to_recordset(results) AS p(drift_type text, segment_value text, method text, statistic float8)
        ON p.drift_type = 'prediction' AND p.method = 'psi' AND p.segment_value IS NOT DISTINCT FROM m.segment_value;

    FOR worst IN
        SELECT o.segment_value, o.severity, o.score FROM jsonb_to_recordset(results) AS o(drift_type text, segment_value text, severity text,
            score float8, detected boolean)
        WHERE o.drift_type = 'overall' AND o.detected
    LOOP
        PERFORM @extschema@.sira_alert_of_drift(exact, sira_detect_drift.segment, worst.segment_value, worst.severity, worst.score, results,
                                                sira_detect_drift.as_of);
    END LOOP;

    RETURN QUERY
    SELECT f.drift_type, f.feature, f.segment_value, f.method, f.statistic, f.p_value, f.adjusted_p_value, f.effect_size, f.threshold,
           f.detected, f.severity, f.score, f.reference_size, f.current_size, f.note
    FROM jsonb_to_recordset(results) AS f(drift_type text, feature text, segment_value text, method text, statistic float8, p_value float8,
        adjusted_p_value float8, effect_size float8, threshold float8, detected boolean, severity text, score float8, reference_size bigint,
        current_size bigint, note text)
    ORDER BY f.segment_value NULLS FIRST, array_position('{overall,concept,prediction,data}', f.drift_type), f.score DESC, f.feature, f.method;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_detect_drift(text, interval, text, text, timestamptz, boolean, text, interval, boolean) IS
    'Compares the predictions of a window with the version''s baseline (reference: training, validation, previous or a period), feature by feature, the scores and, where labels have come, the quality; writes sira_data_drift and sira_model_performance and raises alerts. The overall severity is that of the score, and at least high where the quality''s own is found to be 0.7 or more. Segments, by a key of the predictions'' context, are compared with their own previous window; at most 250 values of the key (else error 54000). Labels count from label_delay on (else the model''s label_maturity, else its run''s embargo), as they were known at as_of (as_known => false: also what was said later). Example: SELECT * FROM sira_detect_drift(''fraud'', window_size => ''7 days'');';

-- One alert a kind of finding, and when the model is to be trained again: now where drift is critical, within seven days where
-- it is high, whatever was found. A shared model is trained by whoever has it.
CREATE FUNCTION @extschema@.sira_alert_of_drift(
    model text, segment text, segment_value text, severity text, score double precision, results jsonb, as_of timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about text := CASE WHEN segment IS NULL THEN '' ELSE format('%s=%s', segment, coalesce(segment_value, 'NULL')) END;
    is_own boolean := (@extschema@.sira_find_model((@extschema@.sira_parse_model(sira_alert_of_drift.model)).name)).tenant_id
                      = @extschema@.sira_current_tenant();
    due timestamptz := CASE WHEN is_own THEN CASE severity WHEN 'critical' THEN as_of WHEN 'high' THEN as_of + interval '7 days' END END;
    kind record;
BEGIN
    FOR kind IN
        SELECT CASE WHEN f.drift_type = 'concept' THEN 'performance_degradation'
                    WHEN f.method IN ('null_share', 'unseen_share') THEN 'data_quality' ELSE 'drift_detected' END AS alert_type,
               count(DISTINCT f.feature) AS features, max(f.severity) FILTER (WHERE f.severity = 'high') AS grave,
               jsonb_agg(jsonb_build_object('type', f.drift_type, 'feature', f.feature, 'method', f.method, 'statistic', f.statistic,
                                            'p_value', f.p_value, 'threshold', f.threshold) ORDER BY f.score DESC, f.feature) AS found,
               string_agg(DISTINCT coalesce(f.feature, CASE f.drift_type WHEN 'concept' THEN f.method ELSE 'the scores' END), ', ') AS names
        FROM jsonb_to_recordset(results) AS f(drift_type text, feature text, segment_value text, method text, statistic float8, p_value float8,
            threshold float8, detected boolean, severity text, score float8)
        WHERE f.detected AND f.drift_type <> 'overall' AND f.segment_value IS NOT DISTINCT FROM sira_alert_of_drift.segment_value
        GROUP BY 1
    LOOP
        PERFORM @extschema@.sira_raise_alert(kind.alert_type, severity,
            format('%s of model "%s"%s: %s', CASE kind.alert_type WHEN 'performance_degradation' THEN 'quality' WHEN 'data_quality'
                   THEN 'missing or unknown values' ELSE 'drift' END, model, CASE WHEN about = '' THEN '' ELSE format(' (%s)', about) END, kind.names),
            model, jsonb_build_object('drift_score', score, 'findings', kind.found, 'as_of', as_of), about, interval '24 hours',
            due, NULL);
    END LOOP;
    -- A job bears the name of who logged in. Where the session acts as somebody else, what was found is kept all the same, and
    -- the alert says by when.
    IF severity = 'critical' AND is_own AND (CURRENT_USER <> SESSION_USER OR NOT @extschema@.sira_own_hand()) THEN
        RAISE WARNING USING MESSAGE = format('retraining of model "%s" is due and was not queued', model),
            DETAIL = 'Jobs are queued by whoever logged in, not under another role.',
            HINT = 'RESET ROLE; SELECT sira_queue_due_retraining(); or leave it to maintenance by a role of its own.';
    ELSIF severity = 'critical' AND is_own THEN
        PERFORM @extschema@.sira_queue_due_retraining(greatest(as_of, clock_timestamp()));
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_alert_of_drift(text, text, text, text, double precision, jsonb, timestamptz) IS
    'Raises the alerts of a drift run; called by sira_detect_drift. Example: SELECT sira_alert_of_drift(''fraud'', NULL, NULL, ''low'', 0.1, ''[]'', now());';

-- Training against serving: the same histograms, read for what is wrong with the way features reach the model.
CREATE FUNCTION @extschema@.sira_validate_data_skew(
    model text, window_size interval DEFAULT '7 days', as_of timestamptz DEFAULT pg_catalog.now())
RETURNS TABLE (feature text, finding text, training double precision, serving double precision, difference double precision,
    p_value double precision, severity text, note text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted record;
    exact text;
BEGIN
    PERFORM @extschema@.sira_check_window(sira_validate_data_skew.window_size, sira_validate_data_skew.as_of);
    SELECT * INTO wanted FROM @extschema@.sira_resolve_version(sira_validate_data_skew.model);
    exact := format('%s/%s', wanted.model_name, wanted.version);
    PERFORM @extschema@.sira_update_sketches(exact, sira_validate_data_skew.as_of - sira_validate_data_skew.window_size);
    RETURN QUERY
    SELECT f.* FROM (
    WITH sides AS (
        SELECT row_number() OVER (ORDER BY b.feature_key) AS pair, b.feature_key, b.kind, b.singletons, b.counts AS before, c.counts AS after,
               b.total_rows AS m, (SELECT sum(n) FROM unnest(c.counts) n)::float8 AS n, b.null_count, b.minimum, b.maximum, b.mean, b.deviation,
               c.minimum AS least, c.maximum AS most, b.shift + c.shifted_sum / nullif(c.finite_count, 0) AS average
        FROM @extschema@.sira_baselines b
        JOIN @extschema@.sira_drift_side(exact, sira_validate_data_skew.as_of - sira_validate_data_skew.window_size, sira_validate_data_skew.as_of) c
            ON c.subject = b.subject AND c.feature_key = b.feature_key
        WHERE b.model_version_id = wanted.version_id AND b.part = 'training' AND b.subject = 'feature'),
    judged AS (
        SELECT s.*, j.method, j.statistic, j.adjusted_p_value, j.detected, j.severity AS grade, j.note AS remark
        FROM (SELECT jsonb_agg(jsonb_build_object('categorical', s.kind = 'categorical', 'singletons', s.singletons, 'reference', s.before,
                                                  'current', s.after) ORDER BY s.pair) AS asked FROM sides s) a
        CROSS JOIN LATERAL @extschema@.sira_judge_drift(a.asked, @extschema@.sira_drift_rule()) j
        JOIN sides s ON s.pair = j.pair)
    SELECT j.feature_key, CASE j.method WHEN 'psi' THEN 'distribution' WHEN 'null_share' THEN 'missing values' ELSE 'unknown categories' END,
           CASE j.method WHEN 'psi' THEN 0 WHEN 'null_share' THEN j.null_count / nullif(j.m, 0)::float8 ELSE j.singletons / nullif(j.m, 0)::float8 END,
           CASE j.method WHEN 'psi' THEN j.statistic WHEN 'null_share' THEN j.after[cardinality(j.after)] / nullif(j.n, 0)
                         ELSE j.after[cardinality(j.after) - 1] / nullif(j.n, 0) END,
           j.statistic, j.adjusted_p_value, CASE WHEN j.detected THEN j.grade ELSE 'low' END,
           coalesce(j.remark, CASE WHEN j.detected THEN 'differs from training' ELSE 'as in training' END)
    FROM judged j WHERE j.method IN ('psi', 'null_share', 'unseen_share')
    UNION ALL
    -- A unit that changed shows as values far outside of all that training knew.
    SELECT s.feature_key, r.finding, r.training, r.serving, r.serving - r.training, NULL,
           CASE WHEN abs(r.serving - r.training) > 10 * greatest(s.deviation, 1e-9) THEN 'high' ELSE 'medium' END,
           format('training saw values from %s to %s', s.minimum, s.maximum)
    FROM sides s CROSS JOIN LATERAL (VALUES ('below the training range', s.minimum, s.least, s.least < s.minimum - 3 * s.deviation),
                                            ('above the training range', s.maximum, s.most, s.most > s.maximum + 3 * s.deviation),
                                            ('mean', s.mean, s.average, abs(s.average - s.mean) > s.deviation)) r(finding, training, serving, holds)
    WHERE s.kind = 'numeric' AND r.holds AND s.n >= 100
    UNION ALL
    SELECT s.feature_key, 'always missing', 1 - s.null_count / nullif(s.m, 0)::float8, 0, NULL, NULL, 'critical', 'no prediction had a value'
    FROM sides s WHERE s.n >= 100 AND s.after[cardinality(s.after)] = s.n AND s.null_count < s.m
    ) AS f(feature, finding, training, serving, difference, p_value, severity, note)
    ORDER BY array_position('{critical,high,medium,low}', f.severity), f.feature, f.finding;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_validate_data_skew(text, interval, timestamptz) IS
    'Training against serving, feature by feature: distribution (PSI), missing values, unknown categories, range, mean, features that never arrive. Example: SELECT * FROM sira_validate_data_skew(''fraud'') WHERE severity <> ''low'';';

CREATE FUNCTION @extschema@.sira_do_drift(arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb;
BEGIN
    SELECT jsonb_build_object('drift_score', max(d.score) FILTER (WHERE d.drift_type = 'overall'),
                              'severity', (array_agg(d.severity ORDER BY array_position('{critical,high,medium,low}', d.severity))
                                           FILTER (WHERE d.drift_type = 'overall'))[1],
                              'detected', count(*) FILTER (WHERE d.detected AND d.drift_type <> 'overall'), 'tests', count(d.statistic))
    INTO answer
    FROM @extschema@.sira_detect_drift(arguments ->> 'model', coalesce((arguments ->> 'window_size')::interval, interval '7 days'),
        arguments ->> 'reference', arguments ->> 'segment', coalesce((arguments ->> 'as_of')::timestamptz, now()),
        coalesce((arguments ->> 'from_raw')::boolean, false), arguments ->> 'label_name', (arguments ->> 'label_delay')::interval,
        coalesce((arguments ->> 'as_known')::boolean, true)) d;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_do_drift(jsonb) IS
    'A drift run as a job: sira_queue_job(''drift'', ''fraud''). Example: SELECT sira_do_drift(''{"model": "fraud"}'');';
