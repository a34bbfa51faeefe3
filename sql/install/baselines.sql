-- What a version saw when it was trained, frozen; and what it sees now, by the hour. Both are counts over the same bins, so a
-- comparison reads neither the training data nor the predictions again. A baseline is written once, by the library as the owner;
-- no foreign keys: a rejected version may be deleted, what it saw stays.
CREATE TABLE @extschema@.sira_baselines (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    part text NOT NULL CHECK (part IN ('training', 'validation')),
    subject text NOT NULL CHECK (subject IN ('feature', 'score', 'probability')),
    feature_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('numeric', 'categorical')),
    cut_points double precision[],
    codes double precision[],
    categories text[],
    other_codes double precision[],
    closed boolean NOT NULL DEFAULT false,
    singletons bigint NOT NULL DEFAULT 0,
    counts bigint[] NOT NULL,
    total_rows bigint NOT NULL,
    null_count bigint NOT NULL,
    unseen_count bigint NOT NULL DEFAULT 0,
    finite_count bigint NOT NULL,
    shift double precision NOT NULL,
    minimum double precision,
    maximum double precision,
    mean double precision,
    deviation double precision,
    binning text NOT NULL,
    epsilon double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (tenant_id, model_version_id, part, subject, feature_key)
);
COMMENT ON TABLE @extschema@.sira_baselines IS
    'what each input and the score of a version looked like when it was made; append-only';
COMMENT ON COLUMN @extschema@.sira_baselines.tenant_id IS 'the tenant that owns the model';
COMMENT ON COLUMN @extschema@.sira_baselines.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_baselines.model_version_id IS 'the version';
COMMENT ON COLUMN @extschema@.sira_baselines.part IS 'training or validation: which part of the run''s rows';
COMMENT ON COLUMN @extschema@.sira_baselines.subject IS
    'feature; score, in bins of equal share; probability, on an even grid, for what quality to expect without labels';
COMMENT ON COLUMN @extschema@.sira_baselines.feature_key IS 'name of the feature; score and probability bear their own names';
COMMENT ON COLUMN @extschema@.sira_baselines.kind IS 'numeric or categorical';
COMMENT ON COLUMN @extschema@.sira_baselines.cut_points IS 'of numbers: bin i holds the values in [cut i - 1, cut i), the outer ones are open';
COMMENT ON COLUMN @extschema@.sira_baselines.codes IS 'of categories: the codes with a bin of their own';
COMMENT ON COLUMN @extschema@.sira_baselines.categories IS 'their names, in the same order';
COMMENT ON COLUMN @extschema@.sira_baselines.other_codes IS 'codes that share a bin, where it takes a list to know them';
COMMENT ON COLUMN @extschema@.sira_baselines.closed IS 'whether a code outside both lists is one that was never seen';
COMMENT ON COLUMN @extschema@.sira_baselines.singletons IS 'categories seen exactly once: as many new rows are expected among as many rows again';
COMMENT ON COLUMN @extschema@.sira_baselines.counts IS 'rows by bin; of categories then all other ones and unseen ones; missing values last';
COMMENT ON COLUMN @extschema@.sira_baselines.total_rows IS 'rows of the part';
COMMENT ON COLUMN @extschema@.sira_baselines.null_count IS 'rows without a value';
COMMENT ON COLUMN @extschema@.sira_baselines.unseen_count IS 'rows with a category that the model does not know';
COMMENT ON COLUMN @extschema@.sira_baselines.finite_count IS 'rows with a value that is not infinite';
COMMENT ON COLUMN @extschema@.sira_baselines.shift IS 'the mean of the training part: sums of sketches are taken from it, so that nothing cancels';
COMMENT ON COLUMN @extschema@.sira_baselines.minimum IS 'the least finite value';
COMMENT ON COLUMN @extschema@.sira_baselines.maximum IS 'the largest finite value';
COMMENT ON COLUMN @extschema@.sira_baselines.mean IS 'mean of the finite values';
COMMENT ON COLUMN @extschema@.sira_baselines.deviation IS 'their standard deviation';
COMMENT ON COLUMN @extschema@.sira_baselines.binning IS 'how the bins were made: equal share, most frequent or even grid';
COMMENT ON COLUMN @extschema@.sira_baselines.epsilon IS 'what a share of 0 counts as in a PSI over these bins';
COMMENT ON COLUMN @extschema@.sira_baselines.created_at IS 'when it was written';
COMMENT ON COLUMN @extschema@.sira_baselines.created_by IS 'who logged in and trained, or gave the query';
CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_baselines
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();

CREATE FUNCTION @extschema@.sira_set_baseline(model text, query text) RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_set_baseline_wrapper';
COMMENT ON FUNCTION @extschema@.sira_set_baseline(text, text) IS
    'Freezes what a version that was not trained here is to be compared with, from the rows of a query with a column for each feature, and gives the number of subjects. Example: SELECT sira_set_baseline(''fraud'', ''SELECT amount, channel FROM payments'');';

CREATE TABLE @extschema@.sira_drift_sketches (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    subject text NOT NULL CHECK (subject IN ('feature', 'score', 'probability')),
    feature_key text NOT NULL,
    counts bigint[] NOT NULL,
    finite_count bigint NOT NULL,
    shifted_sum double precision NOT NULL,
    shifted_squares double precision NOT NULL,
    minimum double precision,
    maximum double precision,
    log_rows bigint NOT NULL,
    folded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (tenant_id, model_version_id, hour, subject, feature_key)
);
COMMENT ON TABLE @extschema@.sira_drift_sketches IS
    'what a version was asked, by the hour: counts over the bins of its baseline, which add up; made from sira_predictions and makeable again';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.tenant_id IS 'the tenant whose predictions they were';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.model_version_id IS 'the version';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.hour IS 'beginning of the hour';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.subject IS 'feature, score or probability, as in sira_baselines';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.feature_key IS 'name of the feature, as in sira_baselines';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.counts IS 'rows by bin of the baseline';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.finite_count IS 'rows with a value that is not infinite';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.shifted_sum IS 'sum of the finite values less the baseline''s shift';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.shifted_squares IS 'sum of the squares of the same';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.minimum IS 'the least finite value';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.maximum IS 'the largest finite value';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.log_rows IS 'rows of the hour in the log when it was counted, whatever they are: another number means that some came later';
COMMENT ON COLUMN @extschema@.sira_drift_sketches.folded_at IS 'when the hour was counted last';

CREATE TABLE @extschema@.sira_sketch_watermarks (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_version_id uuid NOT NULL,
    folded_until timestamptz NOT NULL DEFAULT '-infinity',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (tenant_id, model_version_id)
);
COMMENT ON TABLE @extschema@.sira_sketch_watermarks IS 'how far the predictions of a version have been folded into sketches';
COMMENT ON COLUMN @extschema@.sira_sketch_watermarks.tenant_id IS 'the tenant whose predictions they are';
COMMENT ON COLUMN @extschema@.sira_sketch_watermarks.model_version_id IS 'the version';
COMMENT ON COLUMN @extschema@.sira_sketch_watermarks.folded_until IS 'before this moment nothing can come any more: all its transactions have ended';
COMMENT ON COLUMN @extschema@.sira_sketch_watermarks.updated_at IS 'when sketches were updated last';

-- The one pass over predictions; reads as the caller.
CREATE FUNCTION @extschema@.sira_count_predictions(
    model text, from_ts timestamptz, to_ts timestamptz, by_hour boolean DEFAULT false, segment text DEFAULT NULL)
RETURNS TABLE (segment_value text, hour timestamptz, subject text, feature_key text, counts bigint[], finite_count bigint,
    shifted_sum double precision, shifted_squares double precision, minimum double precision, maximum double precision)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_count_predictions_wrapper';
COMMENT ON FUNCTION @extschema@.sira_count_predictions(text, timestamptz, timestamptz, boolean, text) IS
    'The predictions of a version from one moment to before another as counts over the bins of its baseline: as one, by the hour, or by a key of their context. Example: SELECT * FROM sira_count_predictions(''fraud'', now() - interval ''1 day'', now(), segment => ''country'');';

-- With the caller's rights, and their tenant's rows alone; the index has the tenant beside the time, so that it alone answers.
CREATE FUNCTION @extschema@.sira_logged_hours(version_id uuid, from_ts timestamptz, to_ts timestamptz)
RETURNS TABLE (hour timestamptz, log_rows bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT date_trunc('hour', p.created_at, 'UTC'), count(*) FROM @extschema@.sira_predictions p
    WHERE p.tenant_id = (SELECT @extschema@.sira_current_tenant()) AND p.model_version_id = $1 AND p.created_at >= $2 AND p.created_at < $3 GROUP BY 1
$$;
COMMENT ON FUNCTION @extschema@.sira_logged_hours(uuid, timestamptz, timestamptz) IS
    'How many predictions of a version the caller''s tenant logged in each hour. Example: SELECT sira_logged_hours(id, now() - interval ''1 day'', now()) FROM sira_model_versions;';

CREATE FUNCTION @extschema@.sira_logged_rows(version_id uuid, from_ts timestamptz, to_ts timestamptz) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) FROM @extschema@.sira_predictions p
    WHERE p.tenant_id = (SELECT @extschema@.sira_current_tenant()) AND p.model_version_id = $1 AND p.created_at >= $2 AND p.created_at < $3
$$;
COMMENT ON FUNCTION @extschema@.sira_logged_rows(uuid, timestamptz, timestamptz) IS
    'How many predictions of a version the caller''s tenant logged in a period. Example: SELECT sira_logged_rows(id, now() - interval ''1 day'', now()) FROM sira_model_versions;';

-- An hour is counted anew as long as a row of it may still come: until the watermark, before which every transaction has ended,
-- has passed it. So nothing is counted twice and nothing is missed, however often this runs, and scoring writes nothing but its
-- audit row. A row may come later than that with an old time all the same (a clock set back, an import): the hours from
-- check_from on are held against the log's index, as a whole and only then one by one, and counted again from the first that
-- has more rows than it had. An hour whose rows say nothing (fallbacks) has a sketch of nothing, so that it is known to have been
-- counted; one whose rows retention has taken keeps what was counted.
CREATE FUNCTION @extschema@.sira_update_sketches(model text, check_from timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    wanted record;
    since timestamptz;
    settled timestamptz;
    folded bigint;
BEGIN
    SELECT * INTO wanted FROM @extschema@.sira_resolve_version(model);
    INSERT INTO @extschema@.sira_sketch_watermarks (tenant_id, model_version_id) VALUES (tenant, wanted.version_id)
    ON CONFLICT DO NOTHING;
    -- Two sessions take turns; the second begins where the first ended.
    SELECT w.folded_until INTO since FROM @extschema@.sira_sketch_watermarks w
    WHERE w.tenant_id = tenant AND w.model_version_id = wanted.version_id FOR UPDATE;
    -- Asked before the rows are read: what ends after this may not have been seen.
    settled := @extschema@.sira_settled_at();
    since := date_trunc('hour', since, 'UTC');
    check_from := date_trunc('hour', check_from, 'UTC');
    IF check_from < since AND @extschema@.sira_logged_rows(wanted.version_id, check_from, since) <> (
        SELECT coalesce(sum(s.log_rows), 0) FROM @extschema@.sira_drift_sketches s
        WHERE s.tenant_id = tenant AND s.model_version_id = wanted.version_id AND s.subject = 'score' AND s.hour >= check_from
          AND s.hour < since) THEN
        SELECT least(since, min(l.hour)) INTO since
        FROM @extschema@.sira_logged_hours(wanted.version_id, check_from, since) l
        LEFT JOIN (SELECT DISTINCT s.hour, s.log_rows FROM @extschema@.sira_drift_sketches s
                   WHERE s.tenant_id = tenant AND s.model_version_id = wanted.version_id AND s.subject = 'score' AND s.hour >= check_from) k
            ON k.hour = l.hour
        WHERE l.log_rows > coalesce(k.log_rows, 0);
    END IF;
    INSERT INTO @extschema@.sira_drift_sketches AS s (tenant_id, model_id, model_version_id, hour, subject, feature_key, counts,
        finite_count, shifted_sum, shifted_squares, minimum, maximum, log_rows)
    WITH counted AS MATERIALIZED (
        SELECT * FROM @extschema@.sira_count_predictions(format('%s/%s', wanted.model_name, wanted.version), since, 'infinity', true)),
    logged AS MATERIALIZED (SELECT * FROM @extschema@.sira_logged_hours(wanted.version_id, since, 'infinity'))
    SELECT tenant, wanted.model_id, wanted.version_id, c.hour, c.subject, c.feature_key, c.counts, c.finite_count, c.shifted_sum,
           c.shifted_squares, c.minimum, c.maximum, coalesce(l.log_rows, 0)
    FROM counted c LEFT JOIN logged l ON l.hour = c.hour
    UNION ALL
    SELECT tenant, wanted.model_id, wanted.version_id, l.hour, b.subject, b.feature_key, array_fill(0::bigint, ARRAY[b.bins]), 0, 0, 0,
           NULL, NULL, l.log_rows
    FROM logged l
    CROSS JOIN (SELECT b.subject, b.feature_key, max(cardinality(b.counts)) AS bins FROM @extschema@.sira_baselines b
                WHERE b.model_version_id = wanted.version_id AND b.subject = 'score' GROUP BY b.subject, b.feature_key) b
    WHERE l.hour NOT IN (SELECT c.hour FROM counted c)
    ON CONFLICT (tenant_id, model_version_id, hour, subject, feature_key) DO UPDATE
    SET counts = excluded.counts, finite_count = excluded.finite_count, shifted_sum = excluded.shifted_sum,
        shifted_squares = excluded.shifted_squares, minimum = excluded.minimum, maximum = excluded.maximum,
        log_rows = excluded.log_rows, folded_at = clock_timestamp();
    GET DIAGNOSTICS folded = ROW_COUNT;
    UPDATE @extschema@.sira_sketch_watermarks w
    SET folded_until = greatest(w.folded_until, settled), updated_at = clock_timestamp()
    WHERE w.tenant_id = tenant AND w.model_version_id = wanted.version_id;
    RETURN folded;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_update_sketches(text, timestamptz) IS
    'Folds the predictions since the last time into hourly sketches and gives how many were written; check_from has older hours looked at for rows that came late. Example: SELECT sira_update_sketches(''fraud'');';
