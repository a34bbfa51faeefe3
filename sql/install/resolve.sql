-- From what people type (name, name@alias, name@latest, name@champion, name/3) to a row. The functions run as the invoker; they
-- name the tenant themselves all the same, for the owner and superusers are not held by row-level security.
CREATE FUNCTION @extschema@.sira_parse_model(model text, OUT name text, OUT alias text, OUT version integer)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[] := regexp_match(model, '^([^/@]+)(?:/([0-9]{1,9})|@([^/@]+))?$');
BEGIN
    IF parts IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = format('malformed model name "%s"', coalesce(model, 'NULL')),
            HINT = 'Write name, name@alias, name@latest, name@champion or name/3.';
    END IF;
    name := parts[1];
    version := parts[2]::integer;
    alias := parts[3];
END
$$;

CREATE FUNCTION @extschema@.sira_find_model(model_name text) RETURNS @extschema@.sira_models
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    found_model @extschema@.sira_models;
BEGIN
    -- Own models come before shared ones.
    SELECT m.* INTO found_model FROM @extschema@.sira_models m
    WHERE m.name = model_name AND tenant IS NOT NULL AND m.tenant_id IN (tenant, '*')
    ORDER BY (m.tenant_id = '*') LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('model "%s" does not exist', model_name),
            HINT = 'SELECT name FROM sira_models;';
    END IF;
    RETURN found_model;
END
$$;

-- The version that was named; a bare name is the one in production.
CREATE FUNCTION @extschema@.sira_resolve_version(
    model text, OUT tenant_id text, OUT model_id uuid, OUT model_name text, OUT version_id uuid, OUT version integer, OUT status text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed record;
    owner_model @extschema@.sira_models;
    hit record;
BEGIN
    SELECT * INTO parsed FROM @extschema@.sira_parse_model(model);
    owner_model := @extschema@.sira_find_model(parsed.name);
    SELECT v.id, v.version, v.status INTO hit
    FROM @extschema@.sira_model_versions v
    WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id
      AND CASE
            WHEN parsed.version IS NOT NULL THEN v.version = parsed.version
            WHEN parsed.alias = 'latest' THEN v.status NOT IN ('archived', 'rejected')
            WHEN parsed.alias IS NULL OR parsed.alias = 'champion' THEN v.status = 'production'
            ELSE v.id = (SELECT a.version_id FROM @extschema@.sira_model_aliases a
                         WHERE a.tenant_id = owner_model.tenant_id AND a.model_id = owner_model.id AND a.alias = parsed.alias)
          END
    ORDER BY v.version DESC LIMIT 1;
    IF NOT FOUND THEN
        IF parsed.version IS NULL AND coalesce(parsed.alias, 'champion') = 'champion' THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('model "%s" has no version in production', parsed.name),
                HINT = format('SELECT * FROM sira_promote(%L);', parsed.name);
        END IF;
        -- In the words that scoring uses for the same mistake.
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('model "%s" has no %s', parsed.name, CASE
                WHEN parsed.version IS NOT NULL THEN format('version %s', parsed.version)
                WHEN parsed.alias = 'latest' THEN 'version'
                ELSE format('alias "%s"', parsed.alias) END),
            HINT = CASE
                WHEN parsed.version IS NOT NULL THEN 'SELECT version, status FROM sira_model_versions ORDER BY version;'
                WHEN parsed.alias = 'latest' THEN 'Train one with sira_train, or import one with sira_import_version.'
                ELSE 'SELECT alias FROM sira_model_aliases;' END;
    END IF;
    tenant_id := owner_model.tenant_id;
    model_id := owner_model.id;
    model_name := owner_model.name;
    version_id := hit.id;
    version := hit.version;
    status := hit.status;
END
$$;

-- The same, but a bare name is the newest version in one of the given states: what a person means who says "promote fraud".
CREATE FUNCTION @extschema@.sira_pick_version(
    model text, wanted text[],
    OUT tenant_id text, OUT model_id uuid, OUT model_name text, OUT version_id uuid, OUT version integer, OUT status text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed record;
    owner_model @extschema@.sira_models;
    hit record;
BEGIN
    SELECT * INTO parsed FROM @extschema@.sira_parse_model(model);
    IF parsed.version IS NOT NULL OR parsed.alias IS NOT NULL THEN
        SELECT * INTO tenant_id, model_id, model_name, version_id, version, status FROM @extschema@.sira_resolve_version(model);
        RETURN;
    END IF;
    owner_model := @extschema@.sira_find_model(parsed.name);
    SELECT v.id, v.version, v.status INTO hit
    FROM @extschema@.sira_model_versions v
    WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id AND v.status = ANY (wanted)
    ORDER BY v.version DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('model "%s" has no version that is %s', parsed.name, array_to_string(wanted, ' or ')),
            DETAIL = format('Versions: %s.', coalesce((
                SELECT string_agg(format('%s %s', v.version, v.status), ', ' ORDER BY v.version)
                FROM @extschema@.sira_model_versions v
                WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id), 'none')),
            HINT = format('Name one, such as %L.', parsed.name || '/1');
    END IF;
    tenant_id := owner_model.tenant_id;
    model_id := owner_model.id;
    model_name := owner_model.name;
    version_id := hit.id;
    version := hit.version;
    status := hit.status;
END
$$;

CREATE FUNCTION @extschema@.sira_create_model(
    name text, model_type text, task text DEFAULT 'binary', owner text DEFAULT SESSION_USER,
    description text DEFAULT NULL, entity_type text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    new_id uuid;
    next_month text := to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', 'YYYYMM');
BEGIN
    IF sira_create_model.name IS NULL OR sira_create_model.name !~ '^[^/@]{1,200}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_name',
            MESSAGE = format('malformed model name "%s"', coalesce(sira_create_model.name, 'NULL')),
            HINT = 'A name has 1 to 200 characters, none of them "/" or "@".';
    END IF;
    IF sira_create_model.task IS NULL
       OR sira_create_model.task NOT IN ('binary', 'multiclass', 'regression', 'ranking', 'anomaly') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('task "%s" is not known', coalesce(sira_create_model.task, 'NULL')),
            HINT = 'Choose one of binary, multiclass, regression, ranking, anomaly.';
    END IF;
    IF coalesce(sira_create_model.model_type, '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = format('model "%s" needs a type', sira_create_model.name),
            HINT = 'Say what it answers, such as fraud_detection, churn_prediction or a word of your own.';
    END IF;
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    BEGIN
        INSERT INTO @extschema@.sira_models (name, model_type, task, owner, description, entity_type)
        VALUES (sira_create_model.name, sira_create_model.model_type, sira_create_model.task,
                coalesce(sira_create_model.owner, SESSION_USER), sira_create_model.description,
                lower(sira_create_model.entity_type))
        RETURNING id INTO new_id;
    EXCEPTION WHEN unique_violation THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = format('model "%s" already exists', sira_create_model.name),
            HINT = format('SELECT * FROM sira_models WHERE name = %L;', sira_create_model.name);
    END;
    -- Scoring never makes months (attaching locks the default partition), so whoever registers a model does: where that is the
    -- whole transaction. In a longer one the lock would keep others waiting until its end; maintenance makes them then.
    IF NOT @extschema@.sira_in_transaction_block() AND (to_regclass('@extschema@.sira_predictions_' || next_month) IS NULL
       OR to_regclass('@extschema@.sira_features_' || next_month) IS NULL) THEN
        PERFORM @extschema@.sira_maintain_partitions();
    END IF;
    RETURN new_id;
END
$$;
