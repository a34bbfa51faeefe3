-- Evaluations: how good a version was, on which rows, and how it compares with another on the same ones. Written by the library
-- as the owner, for gates decide by them. No foreign keys: a rejected version may be deleted, what was found of it stays.
CREATE TABLE @extschema@.sira_evaluations (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    version integer NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('test', 'holdout', 'comparison', 'retraining', 'production')),
    query text,
    label text,
    weight text,
    threshold double precision,
    rows bigint NOT NULL CHECK (rows > 0),
    data_digest bytea NOT NULL CHECK (pg_catalog.length(data_digest) = 32),
    primary_metric text,
    primary_value double precision,
    metrics jsonb NOT NULL,
    intervals jsonb,
    slices jsonb,
    run_id uuid,
    evaluated_by text NOT NULL DEFAULT SESSION_USER,
    evaluated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX sira_evaluations_model_idx ON @extschema@.sira_evaluations (tenant_id, model_id, evaluated_at);
-- Which other versions met the same rows.
CREATE INDEX sira_evaluations_version_idx ON @extschema@.sira_evaluations (model_version_id, data_digest);
COMMENT ON TABLE @extschema@.sira_evaluations IS
    'how good a version was on which rows; the same rows have the same data_digest, whichever version met them; append-only';
COMMENT ON COLUMN @extschema@.sira_evaluations.id IS 'identity of the evaluation';
COMMENT ON COLUMN @extschema@.sira_evaluations.tenant_id IS 'the tenant whose rows they were';
COMMENT ON COLUMN @extschema@.sira_evaluations.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_evaluations.model_version_id IS 'the version that was evaluated';
COMMENT ON COLUMN @extschema@.sira_evaluations.version IS 'its number';
COMMENT ON COLUMN @extschema@.sira_evaluations.purpose IS
    'test (a training run''s own test part), holdout (sira_evaluate), comparison (sira_compare_versions), retraining or production';
COMMENT ON COLUMN @extschema@.sira_evaluations.query IS 'the query whose rows were scored; of purpose test the training query';
COMMENT ON COLUMN @extschema@.sira_evaluations.label IS 'its column that says what came true';
COMMENT ON COLUMN @extschema@.sira_evaluations.weight IS 'its column of weights, if any';
COMMENT ON COLUMN @extschema@.sira_evaluations.threshold IS 'from which score on a row counted as positive; of binary models';
COMMENT ON COLUMN @extschema@.sira_evaluations.rows IS 'labelled rows that were scored';
COMMENT ON COLUMN @extschema@.sira_evaluations.data_digest IS
    'SHA-256 over the content of those rows, in whatever order they came';
COMMENT ON COLUMN @extschema@.sira_evaluations.primary_metric IS 'the metric that decides for the model''s task: sira_primary_metric';
COMMENT ON COLUMN @extschema@.sira_evaluations.primary_value IS 'its value; NULL where the rows do not tell';
COMMENT ON COLUMN @extschema@.sira_evaluations.metrics IS 'every metric by name';
COMMENT ON COLUMN @extschema@.sira_evaluations.intervals IS
    'bootstrap intervals, {"auc": [low, high], …}, with confidence, resamples and seed';
COMMENT ON COLUMN @extschema@.sira_evaluations.slices IS 'metrics by the values of chosen columns, {"country": {"FR": {…}, …}, …}';
COMMENT ON COLUMN @extschema@.sira_evaluations.run_id IS 'the training run that it belongs to, if any';
COMMENT ON COLUMN @extschema@.sira_evaluations.evaluated_by IS 'who logged in and evaluated';
COMMENT ON COLUMN @extschema@.sira_evaluations.evaluated_at IS 'when';

CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_evaluations
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();

-- Which metric decides between two versions: the one place that says it. A multiclass test set may have classes that nobody
-- belongs to, and then no curve; the share of right answers is there always.
CREATE FUNCTION @extschema@.sira_primary_metric(
    task text, metrics jsonb DEFAULT NULL, OUT metric text, OUT higher_is_better boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    metric := CASE sira_primary_metric.task
        WHEN 'binary' THEN 'auc'
        WHEN 'anomaly' THEN 'auc'
        WHEN 'multiclass' THEN CASE WHEN metrics IS NULL OR jsonb_typeof(metrics -> 'auc_ovr_macro') = 'number'
                                    THEN 'auc_ovr_macro' ELSE 'accuracy' END
        WHEN 'regression' THEN 'rmse'
        WHEN 'ranking' THEN 'ndcg' END;
    higher_is_better := metric <> 'rmse';
END
$$;
COMMENT ON FUNCTION @extschema@.sira_primary_metric(text, jsonb) IS
    'The metric that decides for a task and whether more of it is better; given what was measured, of a multiclass model the accuracy where the area under the curve cannot be said. Example: SELECT * FROM sira_primary_metric(''binary'');';

CREATE FUNCTION @extschema@.sira_evaluate(
    model text, query text, label text, weight text DEFAULT NULL, threshold double precision DEFAULT NULL,
    capacity double precision DEFAULT NULL, slices text[] DEFAULT '{}', resamples integer DEFAULT 1000,
    confidence double precision DEFAULT 0.95, seed bigint DEFAULT 42, record boolean DEFAULT true,
    purpose text DEFAULT 'holdout')
RETURNS TABLE (metric text, value double precision, low double precision, high double precision)
LANGUAGE c VOLATILE ROWS 30 AS 'MODULE_PATHNAME', 'sira_evaluate_wrapper';
COMMENT ON FUNCTION @extschema@.sira_evaluate(text, text, text, text, double precision, double precision, text[], integer, double precision, bigint, boolean, text) IS
    'How good a version is on the rows of a query, read as the caller: every feature of the version must be a column, bound by name; rows without a label are left out and counted. Metrics of the task, each with a bootstrap interval where resamples are asked for; NULL is what the rows do not tell. threshold: else the policy''s, else 0.7. capacity: precision, recall and lift in the top share of scores. slices: the same by each value of these columns, as metric[column=value]. The result becomes a row of sira_evaluations unless record is false. Example: SELECT * FROM sira_evaluate(''fraud'', ''SELECT amount, channel, is_fraud FROM payments'', label => ''is_fraud'', slices => ''{channel}'');';

CREATE FUNCTION @extschema@.sira_compare_versions(
    a text, b text, query text, label text, weight text DEFAULT NULL, threshold double precision DEFAULT NULL,
    capacity double precision DEFAULT NULL, resamples integer DEFAULT 1000, confidence double precision DEFAULT 0.95,
    seed bigint DEFAULT 42, record boolean DEFAULT true)
RETURNS TABLE (metric text, value_a double precision, value_b double precision, difference double precision,
    low double precision, high double precision, better text, winner text)
LANGUAGE c VOLATILE ROWS 20 AS 'MODULE_PATHNAME', 'sira_compare_versions_wrapper';
COMMENT ON FUNCTION @extschema@.sira_compare_versions(text, text, text, text, text, double precision, double precision, integer, double precision, bigint, boolean) IS
    'Two versions on the same rows, metric by metric. difference is b less a, with an interval from resamples on which both are measured; better has the better value, winner is the same where the interval leaves 0 out. Both are written to sira_evaluations under one data_digest. Example: SELECT * FROM sira_compare_versions(''fraud@champion'', ''fraud@latest'', ''SELECT amount, channel, is_fraud FROM payments'', label => ''is_fraud'');';

CREATE FUNCTION @extschema@.sira_threshold_sweep(
    model text, query text, label text, cost_matrix jsonb DEFAULT NULL, weight text DEFAULT NULL, steps integer DEFAULT 100)
RETURNS TABLE (threshold double precision, tp double precision, fp double precision, tn double precision,
    fn double precision, "precision" double precision, recall double precision, f1 double precision, fpr double precision,
    cost double precision, best boolean, current boolean)
LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'sira_threshold_sweep_wrapper';
COMMENT ON FUNCTION @extschema@.sira_threshold_sweep(text, text, text, jsonb, text, integer) IS
    'What other thresholds would make of a query''s rows, from the highest down: the counts, and what a row costs on average by the cost matrix (else the policy''s; else a false answer costs 1). best marks the cheapest of all thresholds, current the one that holds; of more scores than steps as many are shown. Example: SELECT * FROM sira_threshold_sweep(''fraud'', ''SELECT amount, channel, is_fraud FROM payments'', label => ''is_fraud'', cost_matrix => ''{"fp": 1, "fn": 20}'');';
