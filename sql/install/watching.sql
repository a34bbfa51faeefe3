-- Watching: what drift runs and evaluations found.
CREATE TABLE @extschema@.sira_data_drift (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    -- Whose the model is: the tenant's own, or shared.
    model_tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid,
    drift_type text NOT NULL DEFAULT 'data' CHECK (drift_type IN ('data', 'prediction', 'concept', 'overall')),
    feature_key text,
    method text NOT NULL,
    statistic double precision,
    p_value double precision,
    effect_size double precision,
    threshold double precision,
    drift_score double precision CHECK (drift_score BETWEEN 0 AND 1),
    drift_detected boolean NOT NULL DEFAULT false,
    severity text CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    segment jsonb,
    reference_start timestamptz,
    reference_end timestamptz,
    period_start timestamptz,
    period_end timestamptz,
    reference_size bigint,
    current_size bigint,
    details jsonb,
    CHECK (model_tenant_id IN (tenant_id, '*')),
    FOREIGN KEY (model_tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
CREATE INDEX sira_data_drift_model_idx ON @extschema@.sira_data_drift (model_id, created_at);
-- A version's newest run, and how much was found in all of them: Prometheus asks every few seconds.
CREATE INDEX sira_data_drift_version_idx ON @extschema@.sira_data_drift (model_version_id, created_at);
CREATE INDEX sira_data_drift_found_idx ON @extschema@.sira_data_drift (model_version_id) WHERE drift_detected;
CREATE INDEX sira_data_drift_created_idx ON @extschema@.sira_data_drift USING brin (created_at);

CREATE TABLE @extschema@.sira_model_performance (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    model_id uuid NOT NULL,
    model_version_id uuid,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    sample_size bigint,
    auc double precision,
    accuracy double precision,
    mape double precision,
    smape double precision,
    mae double precision,
    rmse double precision,
    metrics jsonb NOT NULL DEFAULT '{}',
    drift_score double precision CHECK (drift_score BETWEEN 0 AND 1),
    ks_statistic double precision,
    psi double precision,
    drift_detected boolean NOT NULL DEFAULT false,
    estimated boolean NOT NULL DEFAULT false,
    segment jsonb
) PARTITION BY RANGE (created_at);

-- How the system itself did, and what was recorded of things outside: a row with counts for each version, tenant and variant
-- that was used in a while, and a row with a value for each other metric.
CREATE TABLE @extschema@.sira_system_metrics (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    metric text NOT NULL CHECK (metric <> ''),
    value double precision,
    labels jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(labels) = 'object'),
    hour timestamptz NOT NULL,
    period_start timestamptz,
    period_end timestamptz,
    model_id uuid,
    model_version_id uuid,
    variant text,
    calls bigint,
    row_count bigint,
    errors bigint,
    fallbacks bigint,
    cache_hits bigint,
    cache_misses bigint,
    seconds double precision,
    score_sum double precision,
    decisions bigint[],
    latencies bigint[],
    scores bigint[],
    source text NOT NULL DEFAULT 'external' CHECK (source IN ('sira', 'external'))
) PARTITION BY RANGE (created_at);

CREATE TABLE @extschema@.sira_cost_tracking (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    cost_type text NOT NULL CHECK (cost_type <> ''),
    service text NOT NULL CHECK (service <> ''),
    model_id uuid,
    units double precision NOT NULL,
    unit text,
    unit_cost double precision NOT NULL,
    currency text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    billing_period date NOT NULL CHECK (pg_catalog.isfinite(billing_period)),
    source text NOT NULL DEFAULT 'external' CHECK (source IN ('sira', 'external')),
    labels jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(labels) = 'object'),
    -- What one row may cost, so that no sum of them overflows.
    -- One bound each: a restored month's checks must read as the parent's, and PostgreSQL flattens a chain of ANDs.
    CHECK (units BETWEEN 0 AND 1e15),
    CHECK (unit_cost BETWEEN 0 AND 1e15),
    CHECK (units * unit_cost <= 1e15)
) PARTITION BY RANGE (created_at);
