-- Statistics of drift as functions and aggregates. NULL and NaN are missing values: a bin of their own where there are bins,
-- left out where there are none. What each measures and where it comes from stands in the core's documentation.
CREATE FUNCTION @extschema@.sira_psi(
    reference double precision[], current double precision[], cut_points double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_psi_wrapper';
COMMENT ON FUNCTION @extschema@.sira_psi(double precision[], double precision[], double precision[]) IS
    'The population stability index: below 0.1 little has changed, above 0.2 much. Bins are [a, b) between the cut points, else tenths of the reference; missing values have their own; an empty share counts as 0.0001. Example: SELECT sira_psi(ARRAY[0.1, 0.4, 0.8], ARRAY[0.2, 0.9, 0.9], ''{0.3, 0.5, 0.7}'');';

CREATE FUNCTION @extschema@.sira_jensen_shannon(
    reference double precision[], current double precision[], cut_points double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_jensen_shannon_wrapper';
COMMENT ON FUNCTION @extschema@.sira_jensen_shannon(double precision[], double precision[], double precision[]) IS
    'The Jensen-Shannon distance to base e of the same histograms as sira_psi: 0 for equal ones, 0.83 for those that share nothing. Example: SELECT sira_jensen_shannon(ARRAY[1, 2, 3, 4], ARRAY[3, 4, 5, 6]);';

CREATE FUNCTION @extschema@.sira_hellinger(
    reference double precision[], current double precision[], cut_points double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_hellinger_wrapper';
COMMENT ON FUNCTION @extschema@.sira_hellinger(double precision[], double precision[], double precision[]) IS
    'The Hellinger distance, from 0 to 1, of the same histograms as sira_psi. Example: SELECT sira_hellinger(ARRAY[1, 2, 3, 4], ARRAY[3, 4, 5, 6]);';

CREATE FUNCTION @extschema@.sira_total_variation(
    reference double precision[], current double precision[], cut_points double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_total_variation_wrapper';
COMMENT ON FUNCTION @extschema@.sira_total_variation(double precision[], double precision[], double precision[]) IS
    'The share of rows that would have to change their bin, of the same histograms as sira_psi. Example: SELECT sira_total_variation(ARRAY[1, 2, 3, 4], ARRAY[3, 4, 5, 6]);';

CREATE FUNCTION @extschema@.sira_wasserstein(
    reference double precision[], current double precision[], normalised boolean DEFAULT false)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_wasserstein_wrapper';
COMMENT ON FUNCTION @extschema@.sira_wasserstein(double precision[], double precision[], boolean) IS
    'The area between the two distribution functions, in the unit of the values; normalised, in standard deviations of the reference. Example: SELECT sira_wasserstein(ARRAY[1, 2, 3], ARRAY[2, 3, 4], normalised => true);';

CREATE FUNCTION @extschema@.sira_ks_test(
    a double precision[], b double precision[], alternative text DEFAULT 'two-sided', method text DEFAULT 'auto')
RETURNS TABLE (statistic double precision, p_value double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_ks_test_wrapper';
COMMENT ON FUNCTION @extschema@.sira_ks_test(double precision[], double precision[], text, text) IS
    'The two-sample test of Kolmogorov and Smirnov (two-sided, less, greater); p-values are exact up to 10,000 values a side unless the method says asymptotic. Example: SELECT * FROM sira_ks_test(ARRAY[1, 2, 3], ARRAY[4, 5, 6]);';

CREATE FUNCTION @extschema@.sira_chi_square(reference bigint[], current bigint[])
RETURNS TABLE (statistic double precision, p_value double precision, effect_size double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_chi_square_wrapper';
COMMENT ON FUNCTION @extschema@.sira_chi_square(bigint[], bigint[]) IS
    'Whether two sets of counts over the same categories come from one distribution; the effect is Cramér''s V: 0.1 small, 0.3 medium, 0.5 large. Example: SELECT * FROM sira_chi_square(ARRAY[50, 30, 20], ARRAY[40, 30, 30]);';

CREATE FUNCTION @extschema@.sira_mean_test(reference double precision[], current double precision[])
RETURNS TABLE (statistic double precision, p_value double precision, effect_size double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_mean_test_wrapper';
COMMENT ON FUNCTION @extschema@.sira_mean_test(double precision[], double precision[]) IS
    'Welch''s test of two means; the effect is Cohen''s d. Values that are missing or infinite are left out. Example: SELECT * FROM sira_mean_test(ARRAY[1, 2, 3], ARRAY[4, 5, 6]);';

CREATE FUNCTION @extschema@.sira_variance_test(reference double precision[], current double precision[])
RETURNS TABLE (statistic double precision, p_value double precision, effect_size double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_variance_test_wrapper';
COMMENT ON FUNCTION @extschema@.sira_variance_test(double precision[], double precision[]) IS
    'Fisher''s F test of two variances, for about normal values; the effect is the logarithm of the ratio of the deviations. Values that are missing or infinite are left out. Example: SELECT * FROM sira_variance_test(ARRAY[1, 2, 3], ARRAY[1, 5, 9]);';

CREATE FUNCTION @extschema@.sira_categorical_drift(reference text[], current text[])
RETURNS TABLE (psi double precision, jensen_shannon double precision, hellinger double precision, total_variation double precision,
    chi_square double precision, p_value double precision, effect_size double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_categorical_drift_wrapper';
COMMENT ON FUNCTION @extschema@.sira_categorical_drift(text[], text[]) IS
    'Every distance between two sets of categories; those that the reference lacks are one bin, missing ones another. Example: SELECT * FROM sira_categorical_drift(ARRAY[''web'', ''shop''], ARRAY[''web'', ''atm'']);';

CREATE FUNCTION @extschema@.sira_count_drift(reference bigint[], current bigint[])
RETURNS TABLE (psi double precision, jensen_shannon double precision, hellinger double precision, total_variation double precision,
    chi_square double precision, p_value double precision, effect_size double precision)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_count_drift_wrapper';
COMMENT ON FUNCTION @extschema@.sira_count_drift(bigint[], bigint[]) IS
    'Every distance between two histograms over the same bins. Example: SELECT * FROM sira_count_drift(ARRAY[50, 30, 20], ARRAY[40, 30, 30]);';

CREATE FUNCTION @extschema@.sira_categorical_drift(reference jsonb, current jsonb)
RETURNS TABLE (psi double precision, jensen_shannon double precision, hellinger double precision, total_variation double precision,
    chi_square double precision, p_value double precision, effect_size double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT ROWS 1
AS $$
    SELECT d.psi, d.jensen_shannon, d.hellinger, d.total_variation, d.chi_square, d.p_value, d.effect_size
    FROM @extschema@.sira_count_drift(
        ARRAY(SELECT r.value::pg_catalog.int8 FROM pg_catalog.jsonb_each_text(reference) r ORDER BY r.key)
            OPERATOR(pg_catalog.||) 0::pg_catalog.int8,
        ARRAY(SELECT coalesce((current OPERATOR(pg_catalog.->>) r.key)::pg_catalog.int8, 0) FROM pg_catalog.jsonb_each_text(reference) r ORDER BY r.key)
            OPERATOR(pg_catalog.||) (SELECT coalesce(pg_catalog.sum(c.value::pg_catalog.int8), 0)::pg_catalog.int8
                                     FROM pg_catalog.jsonb_each_text(current) c WHERE NOT reference OPERATOR(pg_catalog.?) c.key)) d
$$;
COMMENT ON FUNCTION @extschema@.sira_categorical_drift(jsonb, jsonb) IS
    'The same from counts by category; those that the reference lacks are one bin. Example: SELECT * FROM sira_categorical_drift(''{"web": 50, "shop": 30}''::jsonb, ''{"web": 40, "atm": 30}''::jsonb);';

CREATE FUNCTION @extschema@.sira_benjamini_hochberg(p_values double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_benjamini_hochberg_wrapper';
COMMENT ON FUNCTION @extschema@.sira_benjamini_hochberg(double precision[]) IS
    'p-values adjusted for their number, in the order given: calling those below 0.05 keeps false calls at 5 % of all calls. Example: SELECT sira_benjamini_hochberg(ARRAY[0.001, 0.02, 0.9]);';

-- Histograms: one count a bin, those below and above the cut points included, and missing values last. They add up.
CREATE FUNCTION @extschema@.sira_histogram_step(counts bigint[], value double precision, cut_points double precision[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_histogram_step_wrapper';
COMMENT ON FUNCTION @extschema@.sira_histogram_step(bigint[], double precision, double precision[]) IS
    'One value more in a histogram; the step of sira_histogram. Example: SELECT sira_histogram_step(NULL, 3, ''{1, 2}'');';

CREATE FUNCTION @extschema@.sira_add_counts(a bigint[], b bigint[]) RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_add_counts_wrapper';
COMMENT ON FUNCTION @extschema@.sira_add_counts(bigint[], bigint[]) IS
    'Two histograms over the same bins, added. Example: SELECT sira_add_counts(''{1, 2, 0}'', ''{3, 4, 1}'');';

CREATE AGGREGATE @extschema@.sira_histogram(value double precision, cut_points double precision[]) (
    SFUNC = @extschema@.sira_histogram_step, STYPE = bigint[], COMBINEFUNC = @extschema@.sira_add_counts, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.sira_histogram(double precision, double precision[]) IS
    'How many values fall into each bin between the cut points, below and above them, and how many are missing. Example: SELECT sira_histogram(v, ''{10, 20}'') FROM generate_series(1, 30) v;';

CREATE AGGREGATE @extschema@.sira_sum_counts(counts bigint[]) (
    SFUNC = @extschema@.sira_add_counts, STYPE = bigint[], COMBINEFUNC = @extschema@.sira_add_counts, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.sira_sum_counts(bigint[]) IS
    'Histograms over the same bins, added. Example: SELECT sira_sum_counts(counts) FROM sira_drift_sketches;';

-- Detectors over values in order. run_length is how many values there are between two false alarms, on average; slack is half of
-- the shift to be found, in standard deviations.
CREATE FUNCTION @extschema@.sira_page_hinkley(
    "values" double precision[], slack double precision DEFAULT 0.25, run_length double precision DEFAULT 10000)
RETURNS TABLE ("position" integer, direction text)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'sira_page_hinkley_wrapper';
COMMENT ON FUNCTION @extschema@.sira_page_hinkley(double precision[], double precision, double precision) IS
    'Where the mean of values in order rose or fell, by the two-sided test of Page and Hinkley, which learns mean and deviation from them. Example: SELECT * FROM sira_page_hinkley(ARRAY(SELECT CASE WHEN t > 200 THEN 3 ELSE 0 END + sin(t) FROM generate_series(1, 300) t));';

CREATE FUNCTION @extschema@.sira_cusum(
    "values" double precision[], mean double precision, deviation double precision, slack double precision DEFAULT 0.25,
    run_length double precision DEFAULT 10000)
RETURNS TABLE ("position" integer, direction text)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'sira_cusum_wrapper';
COMMENT ON FUNCTION @extschema@.sira_cusum(double precision[], double precision, double precision, double precision, double precision) IS
    'Where values in order left a known mean, by two-sided cumulative sums. Example: SELECT * FROM sira_cusum(ARRAY(SELECT CASE WHEN t > 200 THEN 3 ELSE 0 END + sin(t) FROM generate_series(1, 300) t), 0, 0.7);';

CREATE FUNCTION @extschema@.sira_adwin("values" double precision[], run_length double precision DEFAULT 10000)
RETURNS TABLE ("position" integer, direction text)
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'sira_adwin_wrapper';
COMMENT ON FUNCTION @extschema@.sira_adwin(double precision[], double precision) IS
    'Where the mean of values in order changed, by an adaptive window (ADWIN), which knows neither mean nor size of the change. Its bound holds for values of any distribution, so that false alarms come at most as often as run_length says, and of quiet normal values far less often. Example: SELECT * FROM sira_adwin(ARRAY(SELECT CASE WHEN t > 200 THEN 3 ELSE 0 END + sin(t) FROM generate_series(1, 300) t));';
