-- Suggestions to people, and what came of them.
CREATE TABLE @extschema@.sira_suggestions (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('heuristic', 'model')),
    source text NOT NULL CHECK (source IN ('rule', 'model')),
    model_id uuid,
    model_version_id uuid,
    prediction_id uuid,
    candidates jsonb NOT NULL,
    features_hash text
) PARTITION BY RANGE (created_at);
