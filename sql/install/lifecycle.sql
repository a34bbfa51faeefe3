-- The gate. Whatever the way in, function or plain UPDATE, a change of status passes these triggers, in the order of their
-- names. They act on UPDATE only, so that a restore can bring versions back in the state they were in; INSERT is walled by
-- column privileges instead.
CREATE FUNCTION @extschema@.sira_allowed_statuses(from_status text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE from_status
        WHEN 'candidate' THEN ARRAY['validated', 'rejected']
        WHEN 'validated' THEN ARRAY['staging', 'rejected']
        WHEN 'staging' THEN ARRAY['production', 'rejected']
        WHEN 'production' THEN ARRAY['deprecated']
        WHEN 'deprecated' THEN ARRAY['archived', 'production']
        ELSE ARRAY[]::text[]
    END
$$;

-- What a signature covers and a transition records. A change of artifact, metrics or decision policy changes it.
CREATE FUNCTION @extschema@.sira_version_digest(tenant text, model uuid, artifact bytea, metrics jsonb) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(jsonb_build_object(
        'artifact', encode(artifact, 'hex'),
        'metrics', metrics,
        'policy', (SELECT jsonb_build_object('version', p.version, 'bands', p.bands, 'cost_matrix', p.cost_matrix,
                                             'threshold', p.threshold, 'fallback', p.fallback)
                   FROM @extschema@.sira_decision_policies p
                   WHERE p.tenant_id = tenant AND p.model_id = model ORDER BY p.version DESC LIMIT 1))::text, 'UTF8'));
END
$$;

-- Whether a role is a member of another by what was granted: to pg_has_role a superuser is a member of every role, and a signature
-- in place of somebody who was asked for would be a bypass that nobody sees. From 16 on, a role that may only grant a membership
-- on has none.
CREATE FUNCTION @extschema@.sira_is_member(member text, wanted text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        WITH RECURSIVE held (role) AS (
            SELECT r.oid FROM pg_roles r WHERE r.rolname = member
            UNION
            SELECT g.roleid FROM held h JOIN pg_auth_members g ON g.member = h.role
            WHERE coalesce((to_jsonb(g) ->> 'set_option')::boolean OR (to_jsonb(g) ->> 'inherit_option')::boolean, true))
        SELECT 1 FROM held h JOIN pg_roles r ON r.oid = h.role WHERE r.rolname = wanted);
END
$$;

-- Which policy each signature is given to: one person's one signature is one policy's, so that policies of two roles ask for two
-- people even where somebody holds both. Policies and signers are numbered; a pair is a signer whom a policy takes. Each signer
-- in turn is placed where there is room, or where moving others on makes some: whom nothing makes room for, none of them needs.
CREATE FUNCTION @extschema@.sira_place_signatures(needed integer[], signers integer[], policies integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    placed integer[] := array_fill(0, ARRAY[coalesce((SELECT max(s.signer) FROM unnest(signers) s (signer)), 0)]);
    room integer[] := needed;
    -- The signer through whom a policy was come to.
    reached integer[];
    waiting integer[];
    signer integer;
    policy integer;
    before integer;
BEGIN
    FOR newcomer IN 1 .. cardinality(placed) LOOP
        reached := array_fill(0, ARRAY[cardinality(needed)]);
        waiting := ARRAY[newcomer];
        <<search>>
        WHILE cardinality(waiting) > 0 LOOP
            signer := waiting[1];
            waiting := waiting[2:];
            FOR pair IN 1 .. cardinality(signers) LOOP
                policy := policies[pair];
                CONTINUE WHEN signers[pair] <> signer OR reached[policy] > 0;
                reached[policy] := signer;
                IF room[policy] > 0 THEN
                    room[policy] := room[policy] - 1;
                    -- Back to the newcomer, everybody one policy on.
                    LOOP
                        signer := reached[policy];
                        before := placed[signer];
                        placed[signer] := policy;
                        EXIT search WHEN before = 0;
                        policy := before;
                    END LOOP;
                END IF;
                waiting := waiting || ARRAY(
                    SELECT p.signer::integer FROM unnest(placed) WITH ORDINALITY p (policy, signer)
                    WHERE p.policy = sira_place_signatures.policies[pair]);
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN placed;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_place_signatures(integer[], integer[], integer[]) IS
    'Which policy each signer''s one signature is given to, 0 for none: needed of each policy, and pairs of a signer and a policy that takes them. Example: SELECT sira_place_signatures(''{1, 1}'', ''{1, 1, 2}'', ''{1, 2, 1}'');';

-- Signatures given and needed for a version and a stage, by policy. A signer's newest word counts. An approval counts for one
-- policy; the author's, an expired one, one over another digest and one of somebody outside the required role count for none. An
-- objection of anybody who may sign counts, whether or not a policy asks for theirs: it would stand there without effect.
CREATE FUNCTION @extschema@.sira_signatures(
    tenant text, version_id uuid, model uuid, author text, signed_digest bytea, wanted_stage text,
    OUT policy_id uuid, OUT required_role text, OUT given integer, OUT needed integer, OUT rejected integer)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH policies AS MATERIALIZED (
        SELECT o.id, o.required_role, o.required_signatures, o.valid_for,
               row_number() OVER (ORDER BY o.created_at, o.id)::integer AS place
        FROM @extschema@.sira_approval_policies o
        WHERE o.tenant_id = tenant AND o.stage = wanted_stage
          AND (o.model_id IS NULL OR o.model_id = model)
          AND (o.model_type IS NULL OR o.model_type = (SELECT m.model_type FROM @extschema@.sira_models m WHERE m.id = model))
    ), words AS MATERIALIZED (
        SELECT DISTINCT ON (a.signer) a.signer, a.decision, a.at
        FROM @extschema@.sira_approvals a
        WHERE a.tenant_id = tenant AND a.model_version_id = version_id AND a.stage = wanted_stage AND a.digest = signed_digest
        ORDER BY a.signer, a.id DESC
    ), objections AS MATERIALIZED (
        SELECT w.at FROM words w JOIN pg_roles r ON r.rolname = w.signer
        WHERE w.decision = 'reject' AND has_column_privilege(r.oid, '@extschema@.sira_approvals', 'decision', 'INSERT')
    ), pairs AS MATERIALIZED (
        SELECT dense_rank() OVER (ORDER BY w.signer)::integer AS signer, p.place
        FROM policies p JOIN words w
          ON w.decision = 'approve' AND w.signer <> author
         AND (p.valid_for IS NULL OR w.at + p.valid_for > clock_timestamp())
         AND (p.required_role IS NULL OR @extschema@.sira_is_member(w.signer, p.required_role))
    ), placed AS MATERIALIZED (
        SELECT @extschema@.sira_place_signatures(
            ARRAY(SELECT p.required_signatures FROM policies p ORDER BY p.place),
            ARRAY(SELECT q.signer FROM pairs q ORDER BY q.signer, q.place),
            ARRAY(SELECT q.place FROM pairs q ORDER BY q.signer, q.place)) AS policy_of
    ), told AS (
        SELECT p.place, p.id, p.required_role,
               -- Those that are given to it, and those that no policy needs.
               (SELECT count(*) FROM pairs q WHERE q.place = p.place AND d.policy_of[q.signer] IN (0, p.place)) AS given,
               p.required_signatures AS needed,
               (SELECT count(*) FROM objections b WHERE p.valid_for IS NULL OR b.at + p.valid_for > clock_timestamp()) AS rejected
        FROM policies p CROSS JOIN placed d
        UNION ALL
        -- Without a policy only an objection is told.
        SELECT 0, NULL, NULL, 0, 0, count(*) FROM objections HAVING count(*) > 0 AND NOT EXISTS (SELECT 1 FROM policies)
    )
    SELECT t.id, t.required_role, t.given::integer, t.needed, t.rejected::integer FROM told t ORDER BY t.place;
END
$$;

-- An UPDATE that names status_reason gives a reason; one that does not must not inherit the reason of the step before. Only a
-- trigger bound to the column can tell the two apart: it leaves an empty status_set_by for the next one to see.
CREATE FUNCTION @extschema@.sira_version_reason() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.status IS DISTINCT FROM OLD.status THEN
        NEW.status_set_by := NULL;
    END IF;
    RETURN NEW;
END
$$;

-- What a version that does not pass is told: each gate with what was wanted and found, and what to type. A superuser may pass by
-- (session_user, which no SET ROLE changes, and nobody to whom the setting was lent); what was not met stays in the history.
CREATE FUNCTION @extschema@.sira_refuse_step(step @extschema@.sira_model_versions, unmet jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := (SELECT m.name FROM @extschema@.sira_models m WHERE m.id = step.model_id);
    reference text := format('%s/%s', name, step.version);
    champion integer;
    list text;
    lacking record;
BEGIN
    SELECT string_agg(concat_ws(' ', u.gate, u.metric) || format(': wanted %s, found %s', u.wanted, coalesce(u.found, 'nothing'))
                      || coalesce(format(' (%s)', u.detail), ''), E'\n' ORDER BY u.place) INTO list
    FROM ROWS FROM (jsonb_to_recordset(unmet) AS (gate text, metric text, wanted text, found text, detail text))
        WITH ORDINALITY u (gate, metric, wanted, found, detail, place);
    IF @extschema@.sira_gate_setting('bypass_gates') = 'on'
       AND EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = SESSION_USER AND r.rolsuper) THEN
        RAISE WARNING USING MESSAGE = format('version %s of model "%s" goes to "%s" past its gates', step.version, name, step.status),
            DETAIL = list, HINT = 'It is recorded in sira_model_transitions.';
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM jsonb_array_elements(unmet) u WHERE u ->> 'gate' <> 'signatures') THEN
        SELECT s.* INTO lacking
        FROM @extschema@.sira_signatures(step.tenant_id, step.id, step.model_id, step.created_by,
            @extschema@.sira_version_digest(step.tenant_id, step.model_id, step.artifact_digest, step.metrics), step.status) s
        WHERE s.given < s.needed OR s.rejected > 0 LIMIT 1;
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format(CASE WHEN lacking.given < lacking.needed THEN 'version %s lacks signatures for "%s"'
                                  ELSE 'version %s stands rejected for "%s"' END, step.version, step.status),
            DETAIL = format('Given %s, needed %s%s, rejections %s.', lacking.given, lacking.needed,
                coalesce(' of "' || lacking.required_role || '"', ''), lacking.rejected),
            HINT = format('SELECT * FROM sira_approve(%L, %L);', reference, step.status);
    END IF;
    SELECT c.champion INTO champion FROM @extschema@.sira_against_champion(step.tenant_id, step.model_id, step.id, 0) c;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('version %s of model "%s" does not pass the gates for "%s"', step.version, name, step.status),
        DETAIL = list,
        HINT = CASE
            WHEN EXISTS (SELECT 1 FROM jsonb_array_elements(unmet) u WHERE u ->> 'gate' = 'improvement' AND u -> 'found' = 'null')
                THEN format('SELECT * FROM sira_compare_versions(%L, %L, ''SELECT ...'', ''label'');',
                            format('%s/%s', name, champion), reference)
            WHEN EXISTS (SELECT 1 FROM jsonb_array_elements(unmet) u WHERE u ->> 'gate' = 'slice' AND u -> 'found' = 'null')
                THEN format('SELECT * FROM sira_evaluate(%L, ''SELECT ...'', ''label'', slices => ''{...}'');', reference)
            WHEN EXISTS (SELECT 1 FROM jsonb_array_elements(unmet) u WHERE u ->> 'gate' = 'metric' AND u ->> 'detail' LIKE '%not measured%')
                THEN format('SELECT * FROM sira_evaluate(%L, ''SELECT ...'', ''label'');', reference)
            ELSE format('SELECT * FROM sira_check_gates(%L, %L); and register a better version: sira_train or sira_import_version.',
                        reference, step.status) END;
END
$$;

-- SECURITY DEFINER: the walls must see every policy and signature and lock the model, whatever the caller may read or write. A
-- trigger function cannot be called, only fired, and nobody but the owner may bind it to a table.
-- The body names the schema of the installation. Once that is renamed, anybody may make one of the old name: every function that
-- can run with the owner's rights asks first whether the extension is still there. Only a superuser makes a function in C.
CREATE FUNCTION @extschema@.sira_version_gate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unmet jsonb;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- One step at a time for each model. NO KEY UPDATE lets new versions refer to the model meanwhile.
    PERFORM 1 FROM @extschema@.sira_models m WHERE m.id = NEW.model_id FOR NO KEY UPDATE;
    IF NOT NEW.status = ANY (@extschema@.sira_allowed_statuses(OLD.status)) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('version %s may not go from "%s" to "%s"', NEW.version, OLD.status, NEW.status),
            DETAIL = format('From "%s" it may go to %s.', OLD.status,
                coalesce(nullif(array_to_string(@extschema@.sira_allowed_statuses(OLD.status), ', '), ''), 'nothing')),
            HINT = CASE WHEN OLD.status IN ('candidate', 'validated', 'staging')
                THEN format('SELECT * FROM sira_promote(''%s/%s'');',
                            (SELECT m.name FROM @extschema@.sira_models m WHERE m.id = NEW.model_id), NEW.version)
                WHEN OLD.status IN ('archived', 'rejected') THEN 'Register a new version: sira_import_version or sira_train.'
                ELSE 'Choose one of those.' END;
    END IF;
    NEW.status_gates := NULL;
    -- Rejections and gates that others have committed meanwhile must be seen.
    IF OLD.status <> 'deprecated' AND NEW.status IN ('validated', 'staging', 'production')
       AND current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state',
            MESSAGE = 'a version is promoted in a transaction that is READ COMMITTED only',
            DETAIL = 'An older snapshot does not show what was rejected or asked for meanwhile.',
            HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED;';
    END IF;
    -- A rollback needs nothing new: what it brings back had passed, and it must work at night.
    IF OLD.status = 'deprecated' OR NEW.status NOT IN ('validated', 'staging', 'production') THEN
        RETURN NEW;
    END IF;
    -- The row as it is about to be: an UPDATE that changes the metrics too is judged by those.
    SELECT jsonb_agg(to_jsonb(j) - 'stage'), jsonb_agg(to_jsonb(j) - 'stage') FILTER (WHERE NOT j.passed)
    INTO NEW.status_gates, unmet
    FROM @extschema@.sira_judge(NEW.tenant_id, NEW.model_id, NEW.id, NEW.created_by, NEW.artifact_digest, NEW.metrics,
                                NEW.status) j;
    IF unmet IS NOT NULL THEN
        PERFORM @extschema@.sira_refuse_step(NEW, unmet);
    END IF;
    RETURN NEW;
END
$$;

-- Runs as the invoker, for two reasons: current_user is who acts, which a definer function could not see; and the champion is
-- retired with the caller's own rights.
CREATE FUNCTION @extschema@.sira_version_step() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.status_set_by IS NOT NULL THEN
        NEW.status_reason := NULL;
    END IF;
    NEW.status_set_by := CURRENT_USER;
    IF NEW.status = 'production' THEN
        UPDATE @extschema@.sira_model_versions v
        SET status = 'deprecated', status_reason = format('version %s became production', NEW.version)
        WHERE v.tenant_id = NEW.tenant_id AND v.model_id = NEW.model_id AND v.status = 'production' AND v.id <> NEW.id;
        NEW.promoted_at := now();
        -- A caller that acts for a person may say whom; the transition keeps the role that did it.
        IF NEW.promoted_by IS NULL OR NEW.promoted_by IS NOT DISTINCT FROM OLD.promoted_by THEN
            NEW.promoted_by := SESSION_USER;
        END IF;
    END IF;
    RETURN NEW;
END
$$;

-- SECURITY DEFINER: history is written by nobody directly. The acting role comes in status_set_by, which the trigger before has
-- just overwritten; session_user is the same inside.
CREATE FUNCTION @extschema@.sira_version_record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- The moment of the step itself: other sessions go on with the version before it until the transaction commits, and that should
    -- be told of as short a time as can be. Never before the model's last step, should the clock be set back.
    INSERT INTO @extschema@.sira_model_transitions
        (tenant_id, model_id, version_id, version, from_status, to_status, reason, actor, acted_as, digest, at, gates, bypassed)
    SELECT NEW.tenant_id, NEW.model_id, NEW.id, NEW.version, OLD.status, NEW.status, NEW.status_reason, SESSION_USER,
           NEW.status_set_by,
           @extschema@.sira_version_digest(NEW.tenant_id, NEW.model_id, NEW.artifact_digest, NEW.metrics),
           greatest(clock_timestamp(), (SELECT max(t.at) FROM @extschema@.sira_model_transitions t
                                        WHERE t.tenant_id = NEW.tenant_id AND t.model_id = NEW.model_id)),
           NEW.status_gates, nullif(jsonb_path_query_array(NEW.status_gates, '$[*] ? (@.passed == false)'), '[]');
    RETURN NULL;
END
$$;

-- Each row's own trigger would retire the version that the row before has just promoted; such a statement has no sense.
CREATE FUNCTION @extschema@.sira_version_single() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM promoted_after a JOIN promoted_before b ON b.id = a.id
               WHERE a.status = 'production' AND b.status <> 'production'
               GROUP BY a.tenant_id, a.model_id HAVING count(*) > 1) THEN
        RAISE EXCEPTION USING ERRCODE = 'cardinality_violation',
            MESSAGE = 'one statement may not make two versions of a model production',
            HINT = 'Promote one of them.';
    END IF;
    RETURN NULL;
END
$$;

-- Who promoted a version and when goes with the step into production, and stays what it was said to be.
CREATE FUNCTION @extschema@.sira_version_promoted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_has_role(CURRENT_USER, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('who promoted version %s, and when, is said with its step to "production"', OLD.version),
        HINT = 'UPDATE sira_model_versions SET status = ''production'', promoted_by = ''...'' WHERE ...;';
END
$$;
COMMENT ON FUNCTION @extschema@.sira_version_promoted() IS 'Trigger: who promoted a version is said with its step.';

CREATE FUNCTION @extschema@.sira_version_immutable() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('version %s is immutable', OLD.version),
        DETAIL = 'Artifact, signature, format, model, number, run and author are fixed when a version is registered.',
        HINT = 'Register a new version: sira_import_version or sira_train.';
END
$$;

-- SECURITY DEFINER: other tenants' predictions with a shared version count, and so do those of transactions that are still under
-- way. The lock waits for them, not for long, and what they wrote is seen by the query after it, unless its snapshot is older.
-- A prediction that had found the version but not written yet is the writer's to stop: a trigger here would cost each one.
CREATE FUNCTION @extschema@.sira_version_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    IF OLD.status NOT IN ('candidate', 'rejected', 'archived') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('version %s is "%s" and may not be deleted', OLD.version, OLD.status),
            DETAIL = 'Only candidates, rejected and archived versions without predictions may be deleted.';
    END IF;
    -- The next version has to be better than this one.
    IF OLD.id = (SELECT f.version_id FROM @extschema@.sira_former_champion(OLD.tenant_id, OLD.model_id) f)
       AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_model_versions v
                       WHERE v.tenant_id = OLD.tenant_id AND v.model_id = OLD.model_id AND v.status = 'production') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('version %s was the last in production and may not be deleted', OLD.version),
            DETAIL = 'The next version for production is compared with it.',
            HINT = 'Promote another version first.';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state',
            MESSAGE = 'a version is deleted in a transaction that is READ COMMITTED only',
            HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED;';
    END IF;
    BEGIN
        LOCK TABLE @extschema@.sira_predictions IN SHARE ROW EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = format('version %s was not deleted: predictions are being written', OLD.version), HINT = 'Try again.';
    END;
    IF EXISTS (SELECT 1 FROM @extschema@.sira_predictions p WHERE p.model_version_id = OLD.id) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('version %s has predictions and may not be deleted', OLD.version),
            DETAIL = 'Only candidates, rejected and archived versions without predictions may be deleted.';
    END IF;
    RETURN OLD;
END
$$;

-- Only what an INSERT left out is filled in: a restored row is whole and passes untouched. sira_train and sira_import_version
-- fire it with the owner's rights.
CREATE FUNCTION @extschema@.sira_version_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- What the library registers it has asked for itself; a version by hand has no artifact here.
    IF NEW.artifact_digest IS NULL AND NOT @extschema@.sira_own_hand() THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = 'a version is registered by whoever logged in, not by a function with another''s rights',
            HINT = 'Call it directly, or from a function that is SECURITY INVOKER.';
    END IF;
    IF NEW.version IS NULL AND NEW.tenant_id IS NOT NULL THEN
        -- Two who register at once get two numbers: a training of hours must not end in a duplicate key.
        PERFORM 1 FROM @extschema@.sira_models m WHERE m.id = NEW.model_id FOR NO KEY UPDATE;
        -- What history tells of a number is told of one version, also after that was deleted.
        NEW.version := 1 + coalesce(greatest(
            (SELECT max(v.version) FROM @extschema@.sira_model_versions v
             WHERE v.tenant_id = NEW.tenant_id AND v.model_id = NEW.model_id),
            (SELECT max(t.version) FROM @extschema@.sira_model_transitions t
             WHERE t.tenant_id = NEW.tenant_id AND t.model_id = NEW.model_id),
            (SELECT max(h.version) FROM @extschema@.sira_model_alias_history h
             WHERE h.tenant_id = NEW.tenant_id AND h.model_id = NEW.model_id),
            (SELECT max(e.version) FROM @extschema@.sira_evaluations e
             WHERE e.tenant_id = NEW.tenant_id AND e.model_id = NEW.model_id)), 0);
    END IF;
    IF NEW.artifact_s3_key IS NULL AND NEW.artifact_digest IS NOT NULL THEN
        NEW.artifact_s3_key := 'sira:sha256/' || encode(NEW.artifact_digest, 'hex');
    END IF;
    RETURN NEW;
END
$$;

-- In words, before the unique key says it in its own.
CREATE FUNCTION @extschema@.sira_version_label() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bearer integer;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    SELECT v.version INTO bearer FROM @extschema@.sira_model_versions v
    WHERE v.tenant_id = NEW.tenant_id AND v.model_id = NEW.model_id AND v.version_label = NEW.version_label AND v.id <> NEW.id;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = format('version %s is labelled "%s" already', bearer, NEW.version_label),
            HINT = 'Give another version_label, or none.';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER sira_version_10_fill BEFORE INSERT ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN (NEW.version IS NULL OR NEW.artifact_s3_key IS NULL)
    EXECUTE FUNCTION @extschema@.sira_version_fill();
CREATE TRIGGER sira_version_15_label BEFORE INSERT OR UPDATE OF version_label ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN (NEW.version_label IS NOT NULL) EXECUTE FUNCTION @extschema@.sira_version_label();
CREATE TRIGGER sira_version_20_immutable
    BEFORE UPDATE OF id, tenant_id, model_id, version, artifact_digest, signature, format, training_run_id, created_at, created_by
    ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN ((OLD.id, OLD.tenant_id, OLD.model_id, OLD.version, OLD.artifact_digest, OLD.signature, OLD.format,
                        OLD.training_run_id, OLD.created_at, OLD.created_by)
        IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.model_id, NEW.version, NEW.artifact_digest, NEW.signature, NEW.format,
                          NEW.training_run_id, NEW.created_at, NEW.created_by))
    EXECUTE FUNCTION @extschema@.sira_version_immutable();
CREATE TRIGGER sira_version_30_reason BEFORE UPDATE OF status_reason ON @extschema@.sira_model_versions
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_version_reason();
CREATE TRIGGER sira_version_35_promoted BEFORE UPDATE OF promoted_at, promoted_by ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN ((OLD.promoted_at, OLD.promoted_by) IS DISTINCT FROM (NEW.promoted_at, NEW.promoted_by)
        AND (NEW.status <> 'production' OR OLD.status = 'production'))
    EXECUTE FUNCTION @extschema@.sira_version_promoted();
CREATE TRIGGER sira_version_40_gate BEFORE UPDATE OF status ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION @extschema@.sira_version_gate();
CREATE TRIGGER sira_version_50_step BEFORE UPDATE OF status ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION @extschema@.sira_version_step();
CREATE TRIGGER sira_version_60_record AFTER UPDATE OF status ON @extschema@.sira_model_versions
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION @extschema@.sira_version_record();
CREATE TRIGGER sira_version_70_single AFTER UPDATE ON @extschema@.sira_model_versions
    REFERENCING OLD TABLE AS promoted_before NEW TABLE AS promoted_after
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_version_single();
CREATE TRIGGER sira_version_80_delete BEFORE DELETE ON @extschema@.sira_model_versions
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_version_delete();
