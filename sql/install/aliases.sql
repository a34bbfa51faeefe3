-- Aliases and what they named when. "champion" and "latest" follow from the versions and cannot be set. "challenger" is an alias
-- like a free one: it names the version that somebody set it to, and nothing before. Taking the newest version in staging for it
-- would let a training job decide what an experiment compares the champion with. An alias stays where it is whatever becomes of
-- its version, which it keeps from being deleted.
CREATE TABLE @extschema@.sira_model_alias_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    alias text NOT NULL,
    -- NULL: from here on it names nothing. No reference: what was done with a version that is deleted stays.
    version_id uuid,
    version integer,
    actor text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX sira_model_alias_history_alias_idx ON @extschema@.sira_model_alias_history (tenant_id, model_id, alias, at, id);
COMMENT ON TABLE @extschema@.sira_model_alias_history IS 'what every alias named when, append-only; written by the trigger on sira_model_aliases';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.id IS 'order of the changes';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.alias IS 'the alias';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.version_id IS 'the version that it named from then on; NULL where it was dropped';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.version IS 'its number';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.actor IS 'who: session_user';
COMMENT ON COLUMN @extschema@.sira_model_alias_history.at IS 'when; never earlier than the alias''s change before';
CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_model_alias_history
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();

CREATE FUNCTION @extschema@.sira_alias_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.set_at := now();
    NEW.set_by := SESSION_USER;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_alias_fill() IS 'Trigger: who set an alias, and when.';

-- SECURITY DEFINER: history is written by nobody directly. A row that comes back from a dump bears its own time and not that of
-- this transaction; its history comes back by itself.
CREATE FUNCTION @extschema@.sira_alias_record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed @extschema@.sira_model_aliases := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    named uuid := CASE WHEN TG_OP <> 'DELETE' THEN changed.version_id END;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.tenant_id, OLD.model_id, OLD.alias) IS DISTINCT FROM (NEW.tenant_id, NEW.model_id, NEW.alias) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('alias "%s" cannot become another', OLD.alias),
            HINT = 'SELECT sira_drop_alias(...), sira_set_alias(...);';
    END IF;
    INSERT INTO @extschema@.sira_model_alias_history (tenant_id, model_id, alias, version_id, version, actor, at)
    VALUES (changed.tenant_id, changed.model_id, changed.alias, named,
            (SELECT v.version FROM @extschema@.sira_model_versions v WHERE v.id = named), SESSION_USER,
            greatest(clock_timestamp(), (SELECT max(h.at) FROM @extschema@.sira_model_alias_history h
                                         WHERE h.tenant_id = changed.tenant_id AND h.model_id = changed.model_id AND h.alias = changed.alias)));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_alias_record() IS 'Trigger: writes the row of sira_model_alias_history.';

CREATE FUNCTION @extschema@.sira_alias_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('table "%s" is not truncated', TG_TABLE_NAME), DETAIL = 'The history of aliases would miss it.',
        HINT = format('DELETE FROM %I;', TG_TABLE_NAME);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_alias_keep() IS 'Trigger: aliases go one by one, so that their history is whole.';

CREATE TRIGGER sira_alias_10_fill BEFORE INSERT ON @extschema@.sira_model_aliases
    FOR EACH ROW WHEN (NEW.set_at IS NULL OR NEW.set_by IS NULL) EXECUTE FUNCTION @extschema@.sira_alias_fill();
CREATE TRIGGER sira_alias_20_fill BEFORE UPDATE ON @extschema@.sira_model_aliases
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_alias_fill();
CREATE TRIGGER sira_alias_30_record AFTER INSERT ON @extschema@.sira_model_aliases
    FOR EACH ROW WHEN (NEW.set_at = pg_catalog.now()) EXECUTE FUNCTION @extschema@.sira_alias_record();
CREATE TRIGGER sira_alias_40_record AFTER UPDATE OR DELETE ON @extschema@.sira_model_aliases
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_alias_record();
CREATE TRIGGER sira_alias_50_keep BEFORE TRUNCATE ON @extschema@.sira_model_aliases
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_alias_keep();

CREATE FUNCTION @extschema@.sira_set_alias(model text, alias text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target record;
BEGIN
    IF sira_set_alias.alias IS NULL OR sira_set_alias.alias !~ '^[^/@]+$' OR sira_set_alias.alias IN ('champion', 'latest') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_name',
            MESSAGE = format('alias "%s" cannot be set', coalesce(sira_set_alias.alias, 'NULL')),
            DETAIL = 'champion and latest follow from the versions; an alias holds neither "/" nor "@".',
            HINT = format('SELECT sira_set_alias(%L, ''challenger'');', sira_set_alias.model);
    END IF;
    SELECT r.* INTO target FROM @extschema@.sira_resolve_version(sira_set_alias.model) r;
    IF target.tenant_id IS DISTINCT FROM @extschema@.sira_current_tenant() THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('model "%s" belongs to tenant "%s"', target.model_name, target.tenant_id),
            HINT = format('Act as a role that sira_tenant_members lists for tenant %L.', target.tenant_id);
    END IF;
    INSERT INTO @extschema@.sira_model_aliases (model_id, alias, version_id)
    VALUES (target.model_id, sira_set_alias.alias, target.version_id)
    ON CONFLICT ON CONSTRAINT sira_model_aliases_pkey DO UPDATE SET version_id = EXCLUDED.version_id;
    RETURN target.version;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_set_alias(text, text) IS
    'Lets an alias name a version from now on, and answers its number; challenger and free names. Example: SELECT sira_set_alias(''fraud/3'', ''challenger'');';

CREATE FUNCTION @extschema@.sira_drop_alias(model text, alias text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner_model @extschema@.sira_models :=
        @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_drop_alias.model)).name);
BEGIN
    DELETE FROM @extschema@.sira_model_aliases a
    WHERE a.tenant_id = owner_model.tenant_id AND a.model_id = owner_model.id AND a.alias = sira_drop_alias.alias;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('model "%s" has no alias "%s"', owner_model.name, coalesce(sira_drop_alias.alias, 'NULL')),
            HINT = 'SELECT alias FROM sira_model_aliases;';
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_drop_alias(text, text) IS
    'Takes an alias away; its history stays. Example: SELECT sira_drop_alias(''fraud'', ''challenger'');';

-- What name@alias named at a moment: of champion the version that was live, of latest the highest number that was neither
-- archived nor rejected yet, of versions that are still there. now() is when the transaction began, and its own changes came
-- after: whoever says now means what holds.
CREATE FUNCTION @extschema@.sira_alias_version(model text, at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed record;
    owner_model @extschema@.sira_models;
    named integer;
BEGIN
    SELECT * INTO parsed FROM @extschema@.sira_parse_model(sira_alias_version.model);
    IF parsed.version IS NOT NULL THEN
        RETURN parsed.version;
    ELSIF coalesce(parsed.alias, 'champion') = 'champion' THEN
        RETURN @extschema@.sira_live_version(parsed.name, sira_alias_version.at);
    END IF;
    owner_model := @extschema@.sira_find_model(parsed.name);
    IF parsed.alias = 'latest' THEN
        SELECT max(v.version) INTO named FROM @extschema@.sira_model_versions v
        WHERE v.tenant_id = owner_model.tenant_id AND v.model_id = owner_model.id AND v.created_at <= sira_alias_version.at
          AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_model_transitions t
                          WHERE t.tenant_id = v.tenant_id AND t.model_id = v.model_id AND t.version_id = v.id
                            AND t.to_status IN ('archived', 'rejected')
                            AND (t.at <= sira_alias_version.at OR sira_alias_version.at = now()));
        RETURN named;
    END IF;
    SELECT h.version INTO named FROM @extschema@.sira_model_alias_history h
    WHERE h.tenant_id = owner_model.tenant_id AND h.model_id = owner_model.id AND h.alias = parsed.alias
      AND (h.at <= sira_alias_version.at OR sira_alias_version.at = now())
    ORDER BY h.at DESC, h.id DESC LIMIT 1;
    RETURN named;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_alias_version(text, timestamptz) IS
    'The version number that name@alias named at a moment, NULL when it named none. Example: SELECT sira_alias_version(''fraud@challenger'', now() - interval ''1 day'');';
