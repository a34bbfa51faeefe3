-- Signatures. sira_approvals is append-only and its INSERT privilege covers only version, stage, decision and comment: who
-- signed and what was signed is filled in here.
CREATE FUNCTION @extschema@.sira_approval_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stages CONSTANT text[] := ARRAY['validated', 'staging', 'production'];
    judged record;
BEGIN
    -- Nobody's tenant: row-level security answers.
    IF NEW.tenant_id IS NULL THEN
        RETURN NEW;
    END IF;
    -- The signer is who logged in. An index function that the server calls, or a function with its definer's rights, would sign
    -- in the name of whoever happens to run it.
    IF NOT @extschema@.sira_own_hand() THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'a signature is given by hand',
            DETAIL = format('This one would be given as "%s" by a function with the rights of "%s".', SESSION_USER, CURRENT_USER),
            HINT = 'Call sira_approve or sira_reject directly.';
    END IF;
    -- Nor does who reads a view, or calls a function with their own rights, know what else it does: what the client sent has to
    -- say itself that it signs. No backslash, which standard_conforming_strings could take away.
    IF NOT coalesce(current_query() ~* concat('(^|[^a-z0-9_])(sira_', NEW.decision, '"?[[:space:]]*[(]|insert[[:space:]]+into',
            '[[:space:]]+(("[^"]+"|[^[:space:]".]+)[[:space:]]*[.][[:space:]]*)?"?sira_approvals([^a-z0-9_]|$))'), false) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'a signature is given by hand',
            DETAIL = format('The statement that was sent in the name of "%s" does not say that it signs: something that it calls does.',
                            SESSION_USER),
            HINT = 'Call sira_approve or sira_reject directly.';
    END IF;
    IF NEW.decision = 'reject' THEN
        -- A promotion that is under way is waited for: what it has reached, nobody can object to any more.
        PERFORM @extschema@.sira_lock_model(v.model_id) FROM @extschema@.sira_model_versions v
        WHERE v.tenant_id = NEW.tenant_id AND v.id = NEW.model_version_id;
    END IF;
    SELECT v.model_id, v.version, v.created_by, v.artifact_digest, v.metrics, v.status,
           (SELECT m.name FROM @extschema@.sira_models m WHERE m.tenant_id = v.tenant_id AND m.id = v.model_id) AS model_name
    INTO judged
    FROM @extschema@.sira_model_versions v WHERE v.tenant_id = NEW.tenant_id AND v.id = NEW.model_version_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
            MESSAGE = format('version "%s" does not exist', NEW.model_version_id), HINT = 'SELECT id FROM sira_model_versions;';
    END IF;
    IF NEW.decision = 'approve' AND judged.created_by = SESSION_USER THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('"%s" registered version %s and may not approve it', SESSION_USER, judged.version),
            HINT = 'Ask somebody else to sign.';
    END IF;
    IF NEW.decision = 'reject'
       AND coalesce(array_position(stages, judged.status), CASE judged.status WHEN 'candidate' THEN 0 ELSE 3 END)
           >= array_position(stages, NEW.stage) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('version %s is "%s": an objection to "%s" would change nothing', judged.version, judged.status, NEW.stage),
            HINT = CASE judged.status
                WHEN 'production' THEN format('SELECT * FROM sira_rollback(%L, ''why'');', judged.model_name)
                WHEN 'deprecated' THEN format('SELECT * FROM sira_transition(%L, ''archived'', ''why'');',
                                              format('%s/%s', judged.model_name, judged.version))
                WHEN 'archived' THEN 'It does not come back.'
                WHEN 'rejected' THEN 'It does not come back.'
                ELSE format('SELECT * FROM sira_reject(%L, ''production'', ''why'');',
                            format('%s/%s', judged.model_name, judged.version)) END;
    END IF;
    NEW.model_id := judged.model_id;
    NEW.signer := SESSION_USER;
    -- A superuser may act as anybody: whom the server let in stays told.
    NEW.logged_in_as := (SELECT r.rolname FROM pg_stat_get_activity(pg_backend_pid()) s JOIN pg_roles r ON r.oid = s.usesysid
                         WHERE r.rolname <> SESSION_USER);
    NEW.digest := @extschema@.sira_version_digest(NEW.tenant_id, judged.model_id, judged.artifact_digest, judged.metrics);
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_approval_fill BEFORE INSERT ON @extschema@.sira_approvals
    FOR EACH ROW WHEN (NEW.digest IS NULL OR NEW.model_id IS NULL) EXECUTE FUNCTION @extschema@.sira_approval_fill();

CREATE FUNCTION @extschema@.sira_sign(
    model text, stage text, verdict text, remark text, OUT given integer, OUT needed integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target record;
BEGIN
    IF NOT has_column_privilege('@extschema@.sira_approvals', 'decision', 'INSERT') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('no right to sign versions of model "%s"', sira_sign.model),
            DETAIL = format('Role "%s" may not insert into sira_approvals.', CURRENT_USER),
            HINT = format('GRANT finance_ops TO %I;', CURRENT_USER);
    END IF;
    IF sira_sign.stage IS NULL OR sira_sign.stage NOT IN ('validated', 'staging', 'production') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('stage "%s" is not known', coalesce(sira_sign.stage, 'NULL')),
            HINT = 'Choose one of validated, staging, production.';
    END IF;
    SELECT p.*, v.created_by, v.artifact_digest, v.metrics INTO target
    FROM @extschema@.sira_pick_version(sira_sign.model, ARRAY['candidate', 'validated', 'staging']) p
    JOIN @extschema@.sira_model_versions v ON v.id = p.version_id;
    INSERT INTO @extschema@.sira_approvals (model_version_id, stage, decision, comment)
    VALUES (target.version_id, sira_sign.stage, verdict, remark);
    -- With several policies, the one that lacks most.
    SELECT s.given, s.needed INTO given, needed
    FROM @extschema@.sira_signatures(target.tenant_id, target.version_id, target.model_id, target.created_by,
        @extschema@.sira_version_digest(target.tenant_id, target.model_id, target.artifact_digest, target.metrics),
        sira_sign.stage) s
    ORDER BY s.needed - s.given DESC, s.needed DESC LIMIT 1;
    given := coalesce(given, 0);
    needed := coalesce(needed, 0);
END
$$;

CREATE FUNCTION @extschema@.sira_approve(
    model text, stage text, comment text DEFAULT NULL, OUT given integer, OUT needed integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT * INTO given, needed
    FROM @extschema@.sira_sign(sira_approve.model, sira_approve.stage, 'approve', sira_approve.comment);
END
$$;

CREATE FUNCTION @extschema@.sira_reject(model text, stage text, comment text, OUT given integer, OUT needed integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(sira_reject.comment, '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a rejection needs a comment',
            HINT = format('SELECT * FROM sira_reject(%L, %L, ''why'');', sira_reject.model, sira_reject.stage);
    END IF;
    SELECT * INTO given, needed
    FROM @extschema@.sira_sign(sira_reject.model, sira_reject.stage, 'reject', sira_reject.comment);
END
$$;

-- What waits for whom: every version under way, before each stage that lies ahead and whose policies are not met. A function, for
-- before PostgreSQL 15 a view reads with its owner's rights.
CREATE FUNCTION @extschema@.sira_waiting_approvals()
RETURNS TABLE (model text, version integer, status text, stage text, is_next boolean, required_role text, given integer,
               needed integer, rejected integer, signed_by text[], author text, waiting_since timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT m.name, v.version, v.status, s.stage, s.stage = (@extschema@.sira_allowed_statuses(v.status))[1], p.required_role,
           p.given, p.needed, p.rejected,
           ARRAY(SELECT DISTINCT a.signer FROM @extschema@.sira_approvals a
                 WHERE a.tenant_id = v.tenant_id AND a.model_version_id = v.id AND a.stage = s.stage AND a.digest = d.digest
                   AND a.decision = 'approve' ORDER BY a.signer),
           v.created_by,
           coalesce((SELECT max(t.at) FROM @extschema@.sira_model_transitions t
                     WHERE t.tenant_id = v.tenant_id AND t.model_id = v.model_id AND t.version_id = v.id), v.created_at)
    FROM @extschema@.sira_model_versions v
    JOIN @extschema@.sira_models m ON m.tenant_id = v.tenant_id AND m.id = v.model_id
    CROSS JOIN LATERAL @extschema@.sira_version_digest(v.tenant_id, v.model_id, v.artifact_digest, v.metrics) d (digest)
    JOIN (VALUES (1, 'validated'), (2, 'staging'), (3, 'production')) s (place, stage)
      ON s.place > array_position(ARRAY['candidate', 'validated', 'staging'], v.status) - 1
    CROSS JOIN LATERAL @extschema@.sira_signatures(v.tenant_id, v.id, v.model_id, v.created_by, d.digest, s.stage) p
    WHERE v.status IN ('candidate', 'validated', 'staging') AND v.tenant_id = @extschema@.sira_current_tenant()
      AND (p.given < p.needed OR p.rejected > 0)
    ORDER BY m.name, v.version, s.place, p.required_role;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_waiting_approvals() IS
    'The rows of sira_pending_approvals, read with the caller''s rights. Example: SELECT * FROM sira_waiting_approvals();';

CREATE VIEW @extschema@.sira_pending_approvals AS SELECT w.* FROM @extschema@.sira_waiting_approvals() w;
COMMENT ON VIEW @extschema@.sira_pending_approvals IS 'which versions wait for whose signatures, before which stage';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.version IS 'number of the version';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.status IS 'where it is';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.stage IS 'the state that needs the signatures';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.is_next IS 'whether that is its next step; signatures may be given ahead';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.required_role IS 'only members of this role count; NULL for anybody';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.given IS 'signatures that count';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.needed IS 'signatures that the policy asks for';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.rejected IS 'objections that stand';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.signed_by IS 'who has approved what it is now, whether or not it counts';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.author IS 'who registered it, and may not approve it';
COMMENT ON COLUMN @extschema@.sira_pending_approvals.waiting_since IS 'when it reached the state that it is in';
