-- The feature store: definitions and sets are versioned, values are bitemporal (sample_ts: when it was true, recorded_at: when
-- the database learnt of it), snapshots are vectors ready to serve.
-- A definition is what a person wrote, with the path under which its names were understood. Rows are written by the
-- sira_define_*_feature functions alone, which check every part first, and never change but for their status.
CREATE TABLE @extschema@.sira_feature_definitions (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    entity_type text NOT NULL CHECK (entity_type = pg_catalog.lower(entity_type)),
    kind text NOT NULL CHECK (kind IN ('window', 'sql', 'stored', 'derived', 'request')),
    source_relation text,
    entity_column text,
    time_column text,
    recorded_column text,
    aggregate text,
    value_expression text,
    denominator text,
    filter text,
    window_size interval,
    delay interval NOT NULL DEFAULT '0',
    include_current boolean NOT NULL DEFAULT true,
    query text,
    expression text,
    inputs text[],
    source_columns text[],
    search_path text,
    value_type text NOT NULL DEFAULT 'numeric' CHECK (value_type IN ('numeric', 'boolean', 'text', 'json')),
    unit text,
    category text,
    description text,
    owner text NOT NULL DEFAULT SESSION_USER,
    lookback interval GENERATED ALWAYS AS (window_size + delay) STORED,
    max_age interval,
    retention interval,
    rules jsonb,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deprecated')),
    status_reason text,
    deprecated_at timestamptz,
    deprecated_by text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    UNIQUE (tenant_id, name, version)
);

CREATE TABLE @extschema@.sira_feature_sets (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    entity_type text NOT NULL CHECK (entity_type = pg_catalog.lower(entity_type)),
    features text[] NOT NULL,
    definition_ids uuid[],
    keys jsonb,
    description text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    UNIQUE (tenant_id, name, version)
);

-- A sequence of its own: identity columns on partitioned tables exist only from PostgreSQL 17 on.
CREATE SEQUENCE @extschema@.sira_features_id_seq AS bigint;

CREATE TABLE @extschema@.sira_features (
    id bigint NOT NULL DEFAULT pg_catalog.nextval('@extschema@.sira_features_id_seq'),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    entity_type text NOT NULL CHECK (entity_type = pg_catalog.lower(entity_type)),
    entity_id text NOT NULL,
    feature_key text NOT NULL,
    feature_value double precision,
    value_text text,
    value_json jsonb,
    sample_ts timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    source text
) PARTITION BY RANGE (sample_ts);

CREATE TABLE @extschema@.sira_feature_snapshots (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    entity_type text NOT NULL CHECK (entity_type = pg_catalog.lower(entity_type)),
    entity_id text NOT NULL,
    feature_set text NOT NULL DEFAULT '',
    feature_set_version integer,
    snapshot_ts timestamptz NOT NULL,
    features jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz,
    -- The key is the look-up: the newest snapshot of an entity is one probe from its end.
    PRIMARY KEY (tenant_id, entity_type, entity_id, feature_set, snapshot_ts)
);
CREATE INDEX sira_feature_snapshots_entity_idx
    ON @extschema@.sira_feature_snapshots (entity_type, entity_id, snapshot_ts);
