-- Serving: what was answered, what to do about it, and what people said. The growing tables have neither key nor index on the
-- parent; each partition bears its own (partitions.sql), which is what lets pg_restore attach them again.
CREATE TABLE @extschema@.sira_decision_policies (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    bands jsonb NOT NULL,
    cost_matrix jsonb,
    threshold double precision CHECK (threshold >= 0 AND threshold <= 1),
    fallback text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    UNIQUE (tenant_id, model_id, version),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);

CREATE TABLE @extschema@.sira_predictions (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    model_id uuid NOT NULL,
    -- None where nothing could be scored and the declared fallback decided.
    model_version_id uuid CHECK (model_version_id IS NOT NULL OR fallback),
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    input_features jsonb NOT NULL DEFAULT '{}',
    feature_vector double precision[],
    features_digest bytea,
    prediction jsonb NOT NULL,
    raw_score double precision,
    score double precision,
    predicted_class text,
    confidence double precision,
    decision text,
    explanation jsonb,
    policy_id uuid,
    variant text,
    request_id text,
    context jsonb,
    as_of timestamptz,
    source text NOT NULL DEFAULT 'external' CHECK (source IN ('sira', 'external')),
    fallback boolean NOT NULL DEFAULT false,
    latency_us integer,
    erased_at timestamptz
) PARTITION BY RANGE (created_at);

-- What was answered stays. Personal data may be replaced: entity_id, input_features, feature_vector, explanation, context,
-- request_id, erased_at. Retention detaches and drops whole months, which no trigger is in the way of.
CREATE FUNCTION @extschema@.sira_prediction_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'a logged prediction may not be changed',
            DETAIL = 'An erasure may replace entity_id, input_features, feature_vector, explanation, context, request_id and erased_at.';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'a logged prediction may not be deleted',
        DETAIL = format('%s is refused.', TG_OP), HINT = 'Old months may be detached and dropped as a whole.';
END
$$;

CREATE TABLE @extschema@.sira_prediction_requests (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    request_id text NOT NULL,
    model_id uuid NOT NULL,
    prediction_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    PRIMARY KEY (tenant_id, entity_type, entity_id, request_id)
);

CREATE TABLE @extschema@.sira_feedback (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    prediction_id uuid,
    suggestion_id uuid,
    prediction_created_at timestamptz NOT NULL,
    model_id uuid,
    model_version_id uuid,
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    feedback_type text NOT NULL CHECK (feedback_type IN ('label', 'correction', 'flag', 'accept', 'reject', 'rating')),
    target text NOT NULL DEFAULT 'prediction' CHECK (target IN ('prediction', 'action', 'explanation')),
    label jsonb,
    rating smallint CHECK (rating BETWEEN 1 AND 5),
    sentiment text CHECK (sentiment IN ('positive', 'neutral', 'negative')),
    note text,
    reviewer_id text NOT NULL DEFAULT SESSION_USER,
    used_in_retraining boolean NOT NULL DEFAULT false,
    used_in_run uuid,
    needs_review boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processed', 'dismissed')),
    processed_at timestamptz,
    reviewed_by text,
    review_note text,
    CHECK (prediction_id IS NOT NULL OR suggestion_id IS NOT NULL),
    CHECK (feedback_type <> 'rating' OR rating IS NOT NULL)
) PARTITION BY RANGE (created_at);
