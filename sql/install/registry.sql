-- The registry: a model is a named question, a version an immutable artifact with a state. Keys and references carry the
-- tenant, so that no row can point into another one's.
CREATE TABLE @extschema@.sira_models (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    -- "name/3" and "name@alias" name versions: neither sign may be part of a name.
    name text NOT NULL CHECK (name <> '' AND name !~ '[/@]' AND pg_catalog.length(name) <= 200),
    display_name text,
    description text,
    model_type text NOT NULL CHECK (model_type <> ''),
    task text NOT NULL DEFAULT 'binary' CHECK (task IN ('binary', 'multiclass', 'regression', 'ranking', 'anomaly')),
    owner text NOT NULL DEFAULT SESSION_USER,
    entity_type text CHECK (entity_type = pg_catalog.lower(entity_type)),
    enabled boolean NOT NULL DEFAULT true,
    label_maturity interval NOT NULL DEFAULT '0' CHECK (label_maturity >= '0'),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

CREATE FUNCTION @extschema@.sira_touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_touch BEFORE UPDATE ON @extschema@.sira_models
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_touch();

CREATE TABLE @extschema@.sira_model_artifacts (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    -- Caches on disk go by the digest, across tenants: it must be true whoever writes the row.
    digest bytea NOT NULL CHECK (digest = pg_catalog.sha256(content)),
    format text NOT NULL,
    size bigint NOT NULL CHECK (size = pg_catalog.length(content)),
    content bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (tenant_id, digest)
);
-- Model texts compress well and are read whole, once a version: the default storage is right, lz4 is not everywhere.

CREATE TABLE @extschema@.sira_training_runs (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    -- No reference: a run outlives the version it made, and the version refers to the run (a circle could not be restored).
    model_version_id uuid,
    experiment_name text,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    query text,
    label text,
    params jsonb NOT NULL DEFAULT '{}',
    split jsonb,
    embargo interval,
    feature_count integer,
    train_size bigint,
    validation_size bigint,
    test_size bigint,
    class_count integer,
    metrics jsonb,
    history jsonb,
    feature_importance jsonb,
    artifact_digest bytea,
    seed bigint,
    threads integer,
    library_version text,
    data_digest bytea,
    options jsonb,
    feature_set text,
    notes text,
    error_message text,
    -- The run that this one trained again to compare digests.
    reproduces uuid,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    finished_at timestamptz,
    started_by text NOT NULL DEFAULT SESSION_USER,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
CREATE INDEX sira_training_runs_model_idx ON @extschema@.sira_training_runs (model_id, started_at);

CREATE TABLE @extschema@.sira_model_versions (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    version_label text,
    status text NOT NULL DEFAULT 'candidate' CHECK (status IN
        ('candidate', 'validated', 'staging', 'production', 'deprecated', 'archived', 'rejected')),
    artifact_digest bytea,
    artifact_s3_key text NOT NULL,
    format text NOT NULL DEFAULT 'lightgbm',
    signature jsonb,
    metrics jsonb NOT NULL DEFAULT '{}',
    parameters jsonb NOT NULL DEFAULT '{}',
    training_run_id uuid,
    tags jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    promoted_at timestamptz,
    promoted_by text,
    status_reason text,
    status_set_by text,
    -- What the last step was asked and showed: the trigger that asks leaves it for the one that records.
    status_gates jsonb,
    UNIQUE (tenant_id, model_id, version),
    UNIQUE (tenant_id, model_id, version_label),
    UNIQUE (tenant_id, model_id, id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id),
    FOREIGN KEY (tenant_id, artifact_digest) REFERENCES @extschema@.sira_model_artifacts (tenant_id, digest),
    -- Deferred: whoever trains may write the run and the version in either order.
    FOREIGN KEY (tenant_id, training_run_id) REFERENCES @extschema@.sira_training_runs (tenant_id, id)
        DEFERRABLE INITIALLY DEFERRED
);
-- The last wall behind the guard: one version in production.
CREATE UNIQUE INDEX sira_model_versions_production_idx
    ON @extschema@.sira_model_versions (tenant_id, model_id) WHERE status = 'production';

-- A version was trained for its model's task, and its scores are read by it.
CREATE FUNCTION @extschema@.sira_model_task() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM @extschema@.sira_model_versions v WHERE v.model_id = OLD.id) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('model "%s" has versions: its task stays "%s"', OLD.name, OLD.task),
            HINT = format('SELECT sira_create_model(''...'', %L, %L);', NEW.model_type, NEW.task);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_model_task BEFORE UPDATE OF task ON @extschema@.sira_models
    FOR EACH ROW WHEN (OLD.task IS DISTINCT FROM NEW.task) EXECUTE FUNCTION @extschema@.sira_model_task();

-- Gates and approval policies hold for a type of models or for a model, and callers know a model by its name: whoever could change
-- either for the length of a promotion would go past them, or put another model's version where a guarded one is looked for.
CREATE FUNCTION @extschema@.sira_model_identity() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused text;
BEGIN
    IF pg_has_role(CURRENT_USER, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
    END IF;
    IF NEW.model_type IS DISTINCT FROM OLD.model_type
       AND EXISTS (SELECT 1 FROM @extschema@.sira_model_versions v WHERE v.tenant_id = OLD.tenant_id AND v.model_id = OLD.id) THEN
        refused := format('model "%s" has versions: its type stays "%s"', OLD.name, OLD.model_type);
    ELSIF NEW.name IS DISTINCT FROM OLD.name
       AND (EXISTS (SELECT 1 FROM @extschema@.sira_model_transitions t
                    WHERE t.tenant_id = OLD.tenant_id AND t.model_id = OLD.id AND t.to_status = 'production')
            OR EXISTS (SELECT 1 FROM @extschema@.sira_gates g WHERE g.tenant_id = OLD.tenant_id AND g.model_id = OLD.id)
            OR EXISTS (SELECT 1 FROM @extschema@.sira_approval_policies p
                       WHERE p.tenant_id = OLD.tenant_id AND p.model_id = OLD.id)) THEN
        refused := format('model "%s" was in production or is guarded: it keeps its name', OLD.name);
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = refused,
            DETAIL = 'Gates, approval policies and callers go by it.',
            HINT = 'Change display_name, create another model, or ask the owner of the extension.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_model_identity BEFORE UPDATE OF model_type, name ON @extschema@.sira_models
    FOR EACH ROW WHEN (OLD.model_type IS DISTINCT FROM NEW.model_type OR OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION @extschema@.sira_model_identity();
COMMENT ON FUNCTION @extschema@.sira_model_identity() IS 'Trigger: what gates and callers know a model by stays.';

CREATE TABLE @extschema@.sira_model_aliases (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    -- "champion" is the version in production and "latest" the highest number: both follow from the versions.
    alias text NOT NULL CHECK (alias <> '' AND alias !~ '[/@]' AND alias NOT IN ('champion', 'latest')),
    version_id uuid NOT NULL,
    -- No defaults: aliases.sql fills them in, and a row that comes back from a dump is whole.
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    PRIMARY KEY (tenant_id, model_id, alias),
    FOREIGN KEY (tenant_id, model_id, version_id) REFERENCES @extschema@.sira_model_versions (tenant_id, model_id, id)
);

-- History refers to versions without a foreign key: a rejected version may be deleted, what was done with it stays.
CREATE TABLE @extschema@.sira_model_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    version_id uuid NOT NULL,
    version integer NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    reason text,
    actor text NOT NULL,
    acted_as text NOT NULL,
    digest bytea NOT NULL,
    at timestamptz NOT NULL,
    gates jsonb,
    bypassed jsonb
);
CREATE INDEX sira_model_transitions_model_idx ON @extschema@.sira_model_transitions (tenant_id, model_id, at, id);

CREATE TABLE @extschema@.sira_approval_policies (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid,
    model_type text,
    stage text NOT NULL CHECK (stage IN ('validated', 'staging', 'production')),
    required_signatures integer NOT NULL DEFAULT 1 CHECK (required_signatures > 0),
    required_role text,
    -- A signature's end has to be a moment that can be told.
    valid_for interval CHECK (valid_for > '0' AND valid_for <= '100 years'),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    CHECK (model_id IS NULL OR model_type IS NULL),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);

CREATE TABLE @extschema@.sira_approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    stage text NOT NULL CHECK (stage IN ('validated', 'staging', 'production')),
    signer text NOT NULL DEFAULT SESSION_USER,
    decision text NOT NULL CHECK (decision IN ('approve', 'reject')),
    comment text,
    digest bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    logged_in_as text
);
CREATE INDEX sira_approvals_version_idx ON @extschema@.sira_approvals (model_version_id, stage);
