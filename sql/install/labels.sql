-- Labels: what turned out to be true, who says so, and since when it is known.
CREATE TABLE @extschema@.sira_labels (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    entity_type text NOT NULL CHECK (entity_type = pg_catalog.lower(entity_type)),
    entity_id text NOT NULL,
    label_name text NOT NULL DEFAULT 'label',
    label text,
    label_value double precision,
    label_json jsonb,
    source text NOT NULL DEFAULT 'human' CHECK (source IN ('human', 'rule', 'import')),
    weight double precision CHECK (weight >= 0),
    event_ts timestamptz,
    known_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    labelled_by text NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (tenant_id, entity_type, entity_id, label_name, source, recorded_at, id)
);
