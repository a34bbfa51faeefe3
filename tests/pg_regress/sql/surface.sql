-- The calls that users have in their fingers: names, order and defaults of parameters, results, and how each may be run.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
\pset fieldsep ' | '
CREATE TEMP VIEW surface AS
SELECT p.oid, p.proname, p.proowner, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef, e.extowner
FROM pg_depend d
JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'sira'
WHERE d.deptype = 'e' AND p.prorettype <> 'trigger'::regtype;

SELECT wanted AS missing FROM unnest(ARRAY[
    'sira_create_model', 'sira_train', 'sira_import_version', 'sira_export_version', 'sira_promote', 'sira_rollback',
    'sira_transition', 'sira_approve', 'sira_reject', 'sira_live_version', 'sira_score', 'sira_score_classes', 'sira_raw_score',
    'sira_explain', 'sira_predict', 'sira_predict_batch', 'sira_replay', 'sira_record_feedback', 'sira_set_policy',
    'sira_prewarm', 'sira_collect_cache', 'sira_maintain_partitions', 'sira_version', 'sira_doctor', 'sira_current_tenant', 'sira_uuid_v7',
    'sira_uuid_v7_time', 'sira_define_window_feature', 'sira_define_sql_feature', 'sira_define_stored_feature',
    'sira_define_derived_feature', 'sira_define_request_feature', 'sira_deprecate_feature', 'sira_define_feature_set',
    'sira_feature_members', 'sira_feature_indexes', 'sira_create_feature_indexes', 'sira_get_features', 'sira_feature_vector',
    'sira_historical_features', 'sira_build_training_set', 'sira_lint_training_set', 'sira_write_features', 'sira_record_label',
    'sira_label_weight', 'sira_forget_entity', 'sira_record_suggestion', 'sira_answer_suggestion', 'sira_materialize_snapshots',
    'sira_backfill_features', 'sira_latest_snapshot', 'sira_validate_features', 'sira_feature_violations',
    'sira_record_feature_statistics', 'sira_run_feature_pipeline', 'sira_schedule', 'sira_unschedule', 'sira_cancel_job',
    'sira_normalize_text', 'sira_tokens', 'sira_is_subscription', 'sira_channel', 'sira_calendar_features',
    'sira_transaction_features']) wanted
WHERE wanted NOT IN (SELECT proname FROM surface);

SELECT proname || '(' || pg_get_function_arguments(oid) || ')' AS call, pg_get_function_result(oid) AS gives
FROM surface
WHERE proname IN ('sira_create_model', 'sira_train', 'sira_import_version', 'sira_export_version', 'sira_promote', 'sira_rollback',
    'sira_transition', 'sira_approve', 'sira_reject', 'sira_live_version', 'sira_score', 'sira_score_classes', 'sira_raw_score',
    'sira_explain', 'sira_predict', 'sira_predict_batch', 'sira_replay', 'sira_record_feedback', 'sira_set_policy',
    'sira_prewarm', 'sira_collect_cache', 'sira_maintain_partitions', 'sira_version', 'sira_doctor', 'sira_current_tenant', 'sira_uuid_v7',
    'sira_uuid_v7_time', 'sira_define_window_feature', 'sira_define_sql_feature', 'sira_define_stored_feature',
    'sira_define_derived_feature', 'sira_define_request_feature', 'sira_deprecate_feature', 'sira_define_feature_set',
    'sira_feature_members', 'sira_feature_indexes', 'sira_create_feature_indexes', 'sira_get_features', 'sira_feature_vector',
    'sira_historical_features', 'sira_build_training_set', 'sira_lint_training_set', 'sira_write_features', 'sira_record_label',
    'sira_label_weight', 'sira_forget_entity', 'sira_record_suggestion', 'sira_answer_suggestion', 'sira_materialize_snapshots',
    'sira_backfill_features', 'sira_latest_snapshot', 'sira_validate_features', 'sira_feature_violations',
    'sira_record_feature_statistics', 'sira_run_feature_pipeline', 'sira_schedule', 'sira_unschedule', 'sira_cancel_job',
    'sira_normalize_text', 'sira_tokens', 'sira_is_subscription', 'sira_channel', 'sira_calendar_features',
    'sira_transaction_features')
ORDER BY proname, pg_get_function_arguments(oid) COLLATE "C";

SELECT p.proname, p.prorettype::regtype, p.provolatile FROM pg_proc p WHERE p.oid = 'sira_predict_trigger'::regproc;
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname IN ('sira_prediction', 'sira_version_step', 'sira_model_cache')
ORDER BY c.relname, a.attnum;

-- Volatility (i, s, v), parallel safety (s, r, u), strict, security definer: one line for every kind there is.
SELECT provolatile AS volatile, proparallel AS parallel, proisstrict AS strict, prosecdef AS definer,
       string_agg(DISTINCT proname, ' ' ORDER BY proname) AS functions
FROM surface GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT count(*) AS of_another_owner FROM surface WHERE proowner <> extowner;

-- Each comment holds an example, and each example names calls, parameters and columns that exist.
CREATE TEMP TABLE payments (id bigint PRIMARY KEY, paid_at timestamptz, amount float8, channel text, is_fraud boolean,
                            prediction_id uuid, risk_score float8, risk_decision text);
DO $$
DECLARE
    f record;
    example text;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS call, p.prorettype, obj_description(p.oid, 'pg_proc') AS comment
             FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
             JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'sira'
             WHERE d.deptype = 'e' ORDER BY 1
    LOOP
        -- Trigger functions that nobody calls need none; the one that users bind does.
        CONTINUE WHEN f.comment LIKE 'Trigger: %';
        example := substring(f.comment FROM 'Example: (.*;)$');
        IF example IS NULL THEN
            RAISE WARNING '% has no example', f.call;
            CONTINUE;
        END IF;
        IF position(split_part(f.call::text, '(', 1) IN example) = 0 THEN
            RAISE WARNING '% has an example of something else: %', f.call, example;
        END IF;
        BEGIN
            IF example LIKE 'SELECT%' THEN
                EXECUTE 'PREPARE sira_example AS ' || example;
                DEALLOCATE sira_example;
            ELSE
                EXECUTE example;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            -- A procedure cannot be prepared: that it was called and looked for the example's set or study says that the call is one.
            CONTINUE WHEN example LIKE 'CALL%' AND (SQLERRM IN ('feature set "cards" does not exist', 'invalid transaction termination')
                OR SQLERRM LIKE 'tuning study % does not exist');
            RAISE WARNING '%: % (%)', f.call, SQLERRM, example;
        END;
    END LOOP;
END
$$;

-- Types have comments too.
SELECT t.oid::regtype
FROM pg_depend d JOIN pg_type t ON t.oid = d.objid AND d.classid = 'pg_type'::regclass
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'sira'
JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
WHERE d.deptype = 'e' AND obj_description(t.oid, 'pg_type') IS NULL;

-- Settings: who may set them, and what holds when nobody has. They are there once the library is loaded.
SELECT sira_version() IS NOT NULL AS loaded;
SELECT name, context, vartype, boot_val, unit, min_val, max_val FROM pg_settings WHERE name LIKE 'sira.%' ORDER BY name;
DROP TABLE payments;
DROP VIEW surface;
