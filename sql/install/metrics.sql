-- Measures of predictions as aggregates: sira_auc(score, label) and its kin, each with and without a weight a row, the label a
-- boolean or a number that is 0 or 1. They stay open to all: they are functions of their arguments alone.
--
-- A family shares its state and the functions that make, join and carry it: several measures of the same columns pass over
-- the rows once. Sums are exact and rows are ranked by content, so that a parallel plan, another order of rows or a window
-- gives the same bits. The table below is the list; what a measure means where it cannot be said is in its comment.
DO $metrics$
DECLARE
    family record;
    measure record;
    label text;
    weight text;
    declared text;
BEGIN
    FOR family IN
        SELECT * FROM (VALUES
            ('ranking', ARRAY['boolean', 'double precision'], 'score double precision, label %s', 65536),
            ('probability', ARRAY['boolean', 'double precision'], 'score double precision, label %s', 4096),
            ('decision', ARRAY['boolean', 'double precision'], 'score double precision, label %s, threshold double precision', 512),
            ('regression', ARRAY[''], 'prediction double precision, actual double precision', 1024)
        ) AS families (name, labels, arguments, size)
    LOOP
        FOREACH label IN ARRAY family.labels LOOP
            FOREACH weight IN ARRAY ARRAY['', ', weight double precision'] LOOP
                declared := pg_catalog.format('@extschema@.sira_%s_add(state internal, %s%s)',
                                          family.name, pg_catalog.format(family.arguments, label), weight);
                EXECUTE pg_catalog.format('CREATE FUNCTION %s RETURNS internal LANGUAGE c IMMUTABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', %L',
                    declared, 'sira_' || family.name || '_add' || CASE label WHEN 'boolean' THEN '_boolean' WHEN '' THEN '' ELSE '_number' END || '_wrapper');
                EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', declared, pg_catalog.format(
                    'Takes a row into the state of a measure. Example: SELECT aggfnoid::regprocedure FROM pg_aggregate WHERE aggtransfn::text ~ ''sira_%s_add$'';', family.name));
            END LOOP;
        END LOOP;
        EXECUTE pg_catalog.format($create$
            CREATE FUNCTION @extschema@.sira_%1$s_combine(state internal, other internal) RETURNS internal
                LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_%1$s_combine_wrapper';
            CREATE FUNCTION @extschema@.sira_%1$s_write(state internal) RETURNS bytea
                LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_%1$s_write_wrapper';
            CREATE FUNCTION @extschema@.sira_%1$s_read(bytes bytea, state internal) RETURNS internal
                LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_%1$s_read_wrapper';
            COMMENT ON FUNCTION @extschema@.sira_%1$s_combine(internal, internal) IS
                'Joins what two parallel workers have taken in. Example: SELECT aggfnoid::regprocedure FROM pg_aggregate WHERE aggcombinefn::text ~ ''sira_%1$s_combine$'';';
            COMMENT ON FUNCTION @extschema@.sira_%1$s_write(internal) IS
                'A parallel worker''s state as bytes. Example: SELECT aggfnoid::regprocedure FROM pg_aggregate WHERE aggserialfn::text ~ ''sira_%1$s_write$'';';
            COMMENT ON FUNCTION @extschema@.sira_%1$s_read(bytea, internal) IS
                'A parallel worker''s state from its bytes. Example: SELECT aggfnoid::regprocedure FROM pg_aggregate WHERE aggdeserialfn::text ~ ''sira_%1$s_read$'';'
        $create$, family.name);

        FOR measure IN
            SELECT * FROM (VALUES
                ('ranking', 'auc', 'The chance that a positive scores above a negative, a tie counting half (area under the ROC curve). NULL when one class is missing.'),
                ('ranking', 'average_precision', 'Precision averaged over recall, the area under the precision-recall curve by steps. NULL without positives.'),
                ('ranking', 'ks', 'The largest distance between the distributions of the scores of both classes (Kolmogorov-Smirnov). NULL when one class is missing.'),
                ('probability', 'log_loss', 'The mean of -ln(probability given to what came true), probabilities held within machine epsilon of 0 and 1. An error for a score outside 0 to 1.'),
                ('probability', 'brier', 'The mean squared distance of a probability from what came true. An error for a score outside 0 to 1.'),
                ('probability', 'calibration_error', 'The mean distance of score and truth over ten bins of equal width, by rows. An error for a score outside 0 to 1.'),
                ('decision', 'precision', 'How many of the rows that score the threshold or more are positive. NULL where none does.'),
                ('decision', 'recall', 'How many of the positives score the threshold or more. NULL without positives.'),
                ('decision', 'accuracy', 'How many rows the threshold tells rightly.'),
                ('decision', 'f1', 'The harmonic mean of precision and recall at a threshold. NULL without positives, predicted or true.'),
                ('regression', 'mae', 'The mean distance of prediction and truth.'),
                ('regression', 'rmse', 'The root of the mean squared distance of prediction and truth.'),
                ('regression', 'mape', 'The mean distance as a fraction of the truth, over rows whose truth is not 0. NULL without such rows.'),
                ('regression', 'smape', 'The mean distance as a fraction of the mean of both sizes, from 0 to 2; two zeros are no error.'),
                ('regression', 'r2', 'The share of the truth''s variance that is explained; below 0 for predictions worse than the mean. NULL where the truth is constant.')
            ) AS measures (family, name, meaning)
            WHERE measures.family OPERATOR(pg_catalog.=) family.name
        LOOP
            EXECUTE pg_catalog.format($create$
                CREATE FUNCTION @extschema@.sira_%1$s_final(state internal) RETURNS double precision
                    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_%1$s_final_wrapper';
                COMMENT ON FUNCTION @extschema@.sira_%1$s_final(internal) IS
                    'What the state of sira_%1$s says. Example: SELECT aggfnoid::regprocedure FROM pg_aggregate WHERE aggfinalfn::text ~ ''sira_%1$s_final$'';'
            $create$, measure.name);
            FOREACH label IN ARRAY family.labels LOOP
                FOREACH weight IN ARRAY ARRAY['', ', weight double precision'] LOOP
                    declared := pg_catalog.format('@extschema@.sira_%s(%s%s)', measure.name, pg_catalog.format(family.arguments, label), weight);
                    EXECUTE pg_catalog.format($create$
                        CREATE AGGREGATE %1$s (
                            SFUNC = @extschema@.sira_%2$s_add, STYPE = internal, SSPACE = %3$s, FINALFUNC = @extschema@.sira_%4$s_final,
                            COMBINEFUNC = @extschema@.sira_%2$s_combine, SERIALFUNC = @extschema@.sira_%2$s_write,
                            DESERIALFUNC = @extschema@.sira_%2$s_read, PARALLEL = SAFE)
                    $create$, declared, family.name, family.size, measure.name);
                    -- The example's rows are its own, so that it can be typed as it stands.
                    EXECUTE pg_catalog.format('COMMENT ON AGGREGATE %s IS %L', declared, pg_catalog.format(
                        '%s NULL without rows; a row in which anything is NULL is none%s; NaN is an error. Example: SELECT sira_%s(%s%s) FROM (VALUES %s) AS t (%s, w);',
                        measure.meaning, CASE weight WHEN '' THEN '' ELSE ', as is one of weight 0' END, measure.name,
                        CASE family.name WHEN 'decision' THEN 'score, label, 0.5' WHEN 'regression' THEN 'prediction, actual' ELSE 'score, label' END,
                        CASE weight WHEN '' THEN '' ELSE ', w' END,
                        CASE label WHEN 'boolean' THEN '(0.9, true, 1), (0.2, false, 3)' WHEN '' THEN '(9, 10, 1), (4, 3.5, 3)' ELSE '(0.9, 1, 1), (0.2, 0, 3)' END,
                        CASE family.name WHEN 'regression' THEN 'prediction, actual' ELSE 'score, label' END));
                END LOOP;
            END LOOP;
        END LOOP;
    END LOOP;
END
$metrics$;
