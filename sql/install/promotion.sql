-- The calls that move versions. They run as the invoker: the column privilege on status and row-level security decide who may,
-- the triggers of lifecycle.sql decide what may.

-- A type, for PL/pgSQL does not let an argument and a column of the answer share the name "model".
CREATE TYPE @extschema@.sira_version_step AS (model text, version integer, from_status text, to_status text);

-- Taken before any version is touched, so that two sessions at one model wait for each other and cannot deadlock. As the invoker:
-- row-level security keeps the lock off another tenant's model.
CREATE FUNCTION @extschema@.sira_lock_model(model uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM @extschema@.sira_models m WHERE m.id = model FOR NO KEY UPDATE;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.sira_lock_model(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.sira_lock_model(uuid) TO sira_admin, finance_ops;

-- Asked first, so that who may not hears it in these words and not about a function they never called.
CREATE FUNCTION @extschema@.sira_claim_model(model uuid, model_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_column_privilege('@extschema@.sira_model_versions', 'status', 'UPDATE') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('no right to move versions of model "%s"', model_name),
            DETAIL = format('Role "%s" may not update status of sira_model_versions.', CURRENT_USER),
            HINT = format('GRANT finance_ops TO %I;', CURRENT_USER);
    END IF;
    PERFORM @extschema@.sira_lock_model(model);
END
$$;

-- One step of one version. False when another session took the version elsewhere in the meantime.
CREATE FUNCTION @extschema@.sira_take_step(target uuid, from_status text, to_status text, reason text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text;
BEGIN
    UPDATE @extschema@.sira_model_versions v
    SET status = sira_take_step.to_status, status_reason = sira_take_step.reason
    WHERE v.id = target AND v.status = sira_take_step.from_status;
    IF FOUND THEN
        RETURN true;
    END IF;
    SELECT v.tenant_id INTO tenant FROM @extschema@.sira_model_versions v
    WHERE v.id = target AND v.status = sira_take_step.from_status;
    IF FOUND THEN
        -- It is there and unchanged: row-level security kept the hand off it.
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'no right to change this version',
            DETAIL = format('It belongs to tenant "%s".', tenant),
            HINT = format('Act as a role that sira_tenant_members lists for tenant %L.', tenant);
    END IF;
    RETURN false;
END
$$;

-- The champion of a model, for the row that says it was retired.
CREATE FUNCTION @extschema@.sira_champion(tenant text, model uuid, OUT version_id uuid, OUT version integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT v.id, v.version INTO version_id, version FROM @extschema@.sira_model_versions v
    WHERE v.tenant_id = tenant AND v.model_id = model AND v.status = 'production';
END
$$;

-- The version that was in production last, of those that are there: where there is no champion, the next one is compared with it.
CREATE FUNCTION @extschema@.sira_former_champion(tenant text, model uuid, OUT version_id uuid, OUT version integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT v.id, v.version INTO version_id, version FROM @extschema@.sira_model_transitions t
    JOIN @extschema@.sira_model_versions v ON v.tenant_id = t.tenant_id AND v.model_id = t.model_id AND v.id = t.version_id
    WHERE t.tenant_id = tenant AND t.model_id = model AND t.from_status = 'production'
    ORDER BY t.id DESC LIMIT 1;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_former_champion(text, uuid) IS
    'The version of a model that was in production last, and is no more. Example: SELECT c.* FROM sira_models m, sira_former_champion(m.tenant_id, m.id) c;';

CREATE FUNCTION @extschema@.sira_promote(model text, reason text DEFAULT NULL) RETURNS SETOF @extschema@.sira_version_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed record;
    owner_model @extschema@.sira_models;
    champion record;
    target record;
    next_status text;
BEGIN
    SELECT * INTO parsed FROM @extschema@.sira_parse_model(sira_promote.model);
    owner_model := @extschema@.sira_find_model(parsed.name);
    PERFORM @extschema@.sira_claim_model(owner_model.id, owner_model.name);
    SELECT * INTO champion FROM @extschema@.sira_champion(owner_model.tenant_id, owner_model.id);
    IF parsed.version IS NULL AND parsed.alias IS NULL THEN
        -- Newer than the champion: a second session that says the same must not bring an older version to production.
        SELECT v.id AS version_id, v.version, v.status INTO target
        FROM @extschema@.sira_model_versions v
        WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id
          AND v.status IN ('candidate', 'validated', 'staging') AND v.artifact_digest IS NOT NULL
          AND v.version > coalesce(champion.version, 0)
        ORDER BY v.version DESC LIMIT 1;
        IF NOT FOUND AND champion.version IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('model "%s" has no version that may go to production', parsed.name),
                DETAIL = format('Versions: %s.', coalesce((
                    SELECT string_agg(format('%s %s%s', v.version, v.status,
                        CASE WHEN v.artifact_digest IS NULL THEN ' without artifact' END), ', ' ORDER BY v.version)
                    FROM @extschema@.sira_model_versions v
                    WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id), 'none')),
                HINT = 'Register one with sira_train or sira_import_version, or name one: name/3.';
        ELSIF NOT FOUND THEN
            SELECT champion.version_id, champion.version, 'production' AS status INTO target;
        END IF;
    ELSE
        SELECT r.version_id, r.version, r.status INTO target FROM @extschema@.sira_resolve_version(sira_promote.model) r;
        -- A plain UPDATE may still promote it: where the artifact lives elsewhere, something else scores.
        IF target.status IN ('candidate', 'validated', 'staging') AND NOT EXISTS (
            SELECT 1 FROM @extschema@.sira_model_versions v WHERE v.id = target.version_id AND v.artifact_digest IS NOT NULL)
        THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('version %s of model "%s" has no artifact', target.version, parsed.name),
                DETAIL = 'It could not score.',
                HINT = 'Register one with sira_train or sira_import_version.';
        END IF;
    END IF;
    IF target.status = 'production' THEN
        RAISE NOTICE USING MESSAGE = format('version %s of model "%s" is in production already', target.version, parsed.name);
        RETURN NEXT (parsed.name, target.version, 'production', 'production')::@extschema@.sira_version_step;
        RETURN;
    END IF;
    WHILE target.status <> 'production' LOOP
        next_status := CASE target.status WHEN 'candidate' THEN 'validated' WHEN 'validated' THEN 'staging' ELSE 'production' END;
        IF @extschema@.sira_take_step(target.version_id, target.status, next_status, sira_promote.reason) THEN
            IF next_status = 'production' AND champion.version_id IS NOT NULL THEN
                RETURN NEXT (parsed.name, champion.version, 'production', 'deprecated')::@extschema@.sira_version_step;
            END IF;
            RETURN NEXT (parsed.name, target.version, target.status, next_status)::@extschema@.sira_version_step;
            target.status := next_status;
        ELSE
            -- Someone took it on by a plain UPDATE that did not wait for the model: go on from where it is now.
            SELECT v.id AS version_id, v.version, v.status INTO target
            FROM @extschema@.sira_model_versions v WHERE v.id = target.version_id;
            IF NOT FOUND THEN
                RAISE EXCEPTION USING ERRCODE = 'undefined_object',
                    MESSAGE = format('version "%s" does not exist any more', sira_promote.model);
            END IF;
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION @extschema@.sira_transition(model text, to_status text, reason text DEFAULT NULL)
RETURNS SETOF @extschema@.sira_version_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner_model @extschema@.sira_models;
    champion record;
    target record;
    sources text[];
BEGIN
    SELECT coalesce(array_agg(s.status), '{}') INTO sources
    FROM unnest(ARRAY['candidate', 'validated', 'staging', 'production', 'deprecated', 'archived', 'rejected']) s (status)
    WHERE sira_transition.to_status = ANY (@extschema@.sira_allowed_statuses(s.status));
    IF sources = '{}' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no version may go to "%s"', coalesce(sira_transition.to_status, 'NULL')),
            HINT = 'Choose one of validated, staging, production, deprecated, archived, rejected.';
    END IF;
    owner_model := @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_transition.model)).name);
    PERFORM @extschema@.sira_claim_model(owner_model.id, owner_model.name);
    SELECT * INTO champion FROM @extschema@.sira_champion(owner_model.tenant_id, owner_model.id);
    SELECT * INTO target FROM @extschema@.sira_pick_version(sira_transition.model, sources);
    IF target.status = sira_transition.to_status THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('version %s of model "%s" is "%s" already', target.version, target.model_name, target.status),
            DETAIL = format('From "%s" it may go to %s.', target.status,
                coalesce(nullif(array_to_string(@extschema@.sira_allowed_statuses(target.status), ', '), ''), 'nothing'));
    END IF;
    IF NOT @extschema@.sira_take_step(target.version_id, target.status, sira_transition.to_status, sira_transition.reason) THEN
        RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
            MESSAGE = format('version %s of model "%s" was moved by another session', target.version, target.model_name),
            HINT = 'Try again.';
    END IF;
    IF sira_transition.to_status = 'production' AND champion.version_id IS NOT NULL THEN
        RETURN NEXT (target.model_name, champion.version, 'production', 'deprecated')::@extschema@.sira_version_step;
    END IF;
    RETURN NEXT (target.model_name, target.version, target.status, sira_transition.to_status)::@extschema@.sira_version_step;
END
$$;

-- Back to the version that was in production before; called again, forward once more.
CREATE FUNCTION @extschema@.sira_rollback(model text, reason text DEFAULT NULL) RETURNS SETOF @extschema@.sira_version_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed record;
    owner_model @extschema@.sira_models;
    wanted integer;
BEGIN
    SELECT * INTO parsed FROM @extschema@.sira_parse_model(sira_rollback.model);
    owner_model := @extschema@.sira_find_model(parsed.name);
    PERFORM @extschema@.sira_claim_model(owner_model.id, owner_model.name);
    IF parsed.version IS NULL AND parsed.alias IS NULL THEN
        SELECT v.version INTO wanted FROM @extschema@.sira_model_versions v
        JOIN @extschema@.sira_model_transitions t
          ON t.tenant_id = v.tenant_id AND t.model_id = v.model_id AND t.version_id = v.id AND t.to_status = 'production'
        WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id AND v.status = 'deprecated'
        ORDER BY t.id DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('model "%s" has no earlier version to go back to', parsed.name),
                HINT = 'SELECT * FROM sira_model_transitions ORDER BY id;';
        END IF;
    ELSE
        SELECT r.version INTO wanted FROM @extschema@.sira_resolve_version(sira_rollback.model) r WHERE r.status = 'deprecated';
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('version "%s" is not deprecated', sira_rollback.model),
                DETAIL = 'A rollback brings back what was in production before.',
                HINT = format('SELECT * FROM sira_promote(%L);', sira_rollback.model);
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM @extschema@.sira_transition(
        parsed.name || '/' || wanted, 'production', coalesce(sira_rollback.reason, 'rollback'));
END
$$;

CREATE FUNCTION @extschema@.sira_live_version(model text, at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner_model @extschema@.sira_models :=
        @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_live_version.model)).name);
    live integer;
BEGIN
    -- The last step that began or ended a production: a begun one is live, an ended one leaves nothing. now() is when the
    -- transaction began, and its own steps came after: whoever says now means what holds.
    SELECT CASE WHEN t.to_status = 'production' THEN t.version END INTO live
    FROM @extschema@.sira_model_transitions t
    WHERE t.tenant_id = owner_model.tenant_id AND t.model_id = owner_model.id
      AND (t.at <= sira_live_version.at OR sira_live_version.at = now())
      AND 'production' IN (t.from_status, t.to_status)
    ORDER BY t.at DESC, t.id DESC LIMIT 1;
    RETURN live;
END
$$;
