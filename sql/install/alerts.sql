-- Alerts: what a run found, until somebody has looked at it. Whoever raises one says what about (model, type, subject); while an
-- alert about the same is open or within its cooldown, it is counted there and not raised anew.
CREATE TABLE @extschema@.sira_drift_alerts (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Whose the model is: the tenant's own, or shared.
    model_tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid,
    model_version_id uuid,
    alert_type text NOT NULL CHECK (alert_type IN ('drift_detected', 'performance_degradation', 'data_quality', 'budget',
                                                   'latency', 'job_failed')),
    subject text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    message text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'resolved')),
    cooldown interval NOT NULL DEFAULT '24 hours' CHECK (cooldown >= '0'),
    occurrences integer NOT NULL DEFAULT 1 CHECK (occurrences > 0),
    first_seen_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz,
    resolved_by text,
    note text,
    retrain_due timestamptz,
    retrain_job_id uuid,
    CHECK (model_tenant_id IN (tenant_id, '*')),
    FOREIGN KEY (model_tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
CREATE INDEX sira_drift_alerts_open_idx ON @extschema@.sira_drift_alerts (tenant_id, model_id, alert_type, subject)
    WHERE status <> 'resolved';
CREATE INDEX sira_drift_alerts_seen_idx ON @extschema@.sira_drift_alerts (tenant_id, last_seen_at);
COMMENT ON TABLE @extschema@.sira_drift_alerts IS 'what was found, how often, and whether somebody has looked at it';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.id IS 'identity of the alert';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.tenant_id IS 'the tenant that it concerns';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.created_at IS 'when it was raised';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.model_tenant_id IS 'the tenant that has the model; * where it is shared';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.model_id IS 'the model, where it is about one';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.model_version_id IS 'the version that it was seen in last';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.alert_type IS
    'drift_detected, performance_degradation, data_quality, budget, latency or job_failed';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.subject IS 'what of it, such as a segment or a job; empty for the model as a whole';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.severity IS 'low, medium, high or critical: the worst so far';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.message IS 'what was found, in a sentence';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.evidence IS 'the figures of the last time';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.status IS 'open, acknowledged or resolved';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.cooldown IS 'for how long after it was seen last, or resolved, the same raises no new alert';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.occurrences IS 'how often it was seen';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.first_seen_at IS 'when first';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.last_seen_at IS 'when last';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.acknowledged_at IS 'when somebody took it on';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.acknowledged_by IS 'who: the role that logged in';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.resolved_at IS 'when it was settled';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.resolved_by IS 'by whom: the role that logged in';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.note IS 'what they said';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.retrain_due IS 'by when the model is to be trained again, where drift is high or critical';
COMMENT ON COLUMN @extschema@.sira_drift_alerts.retrain_job_id IS 'the job that does it, once it is queued';

-- Who took an alert on or settled it, and when, is the session's to say and not the statement's. A settled one stays settled.
CREATE FUNCTION @extschema@.sira_alert_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.acknowledged_at := NULL;
        NEW.acknowledged_by := NULL;
        NEW.resolved_at := NULL;
        NEW.resolved_by := NULL;
    ELSE
        NEW.acknowledged_at := OLD.acknowledged_at;
        NEW.acknowledged_by := OLD.acknowledged_by;
        NEW.resolved_at := OLD.resolved_at;
        NEW.resolved_by := OLD.resolved_by;
        IF OLD.status = 'resolved' THEN
            NEW.status := 'resolved';
        END IF;
    END IF;
    IF NEW.status <> 'open' AND NEW.acknowledged_at IS NULL THEN
        NEW.acknowledged_at := clock_timestamp();
        NEW.acknowledged_by := SESSION_USER;
    END IF;
    IF NEW.status = 'resolved' AND NEW.resolved_at IS NULL THEN
        NEW.resolved_at := clock_timestamp();
        NEW.resolved_by := SESSION_USER;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_alert_fill() IS
    'Trigger of sira_drift_alerts: fills in who acknowledged and who resolved, and when. Example: SELECT tgname FROM pg_trigger WHERE tgfoid = ''sira_alert_fill''::regproc;';
CREATE TRIGGER sira_fill BEFORE INSERT OR UPDATE ON @extschema@.sira_drift_alerts
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_alert_fill();

-- Two sessions that find the same take turns, so that one alert comes of it.
CREATE FUNCTION @extschema@.sira_raise_alert(
    alert_type text, severity text, message text, model text DEFAULT NULL, evidence jsonb DEFAULT '{}', subject text DEFAULT '',
    cooldown interval DEFAULT '24 hours', retrain_due timestamptz DEFAULT NULL, seen_at timestamptz DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    grades text[] := '{low,medium,high,critical}';
    moment timestamptz := coalesce(sira_raise_alert.seen_at, clock_timestamp());
    concerned @extschema@.sira_models;
    version_id uuid;
    alert @extschema@.sira_drift_alerts;
    is_new boolean := false;
    ordered record;
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    IF sira_raise_alert.severity IS NULL OR sira_raise_alert.severity <> ALL (grades) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('severity "%s" is not known', coalesce(sira_raise_alert.severity, 'NULL')),
            HINT = 'Choose one of low, medium, high, critical.';
    END IF;
    IF sira_raise_alert.alert_type IS NULL OR sira_raise_alert.alert_type NOT IN ('drift_detected', 'performance_degradation',
        'data_quality', 'budget', 'latency', 'job_failed') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('alert type "%s" is not known', coalesce(sira_raise_alert.alert_type, 'NULL')),
            HINT = 'Choose one of drift_detected, performance_degradation, data_quality, budget, latency, job_failed.';
    END IF;
    IF sira_raise_alert.cooldown < interval '0' OR sira_raise_alert.cooldown > interval '100 years' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'argument "cooldown" is out of range',
            DETAIL = format('It is %s.', sira_raise_alert.cooldown), HINT = 'Give an interval from 0 to 100 years, such as ''24 hours''.';
    END IF;
    IF NOT isfinite(moment) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'argument "seen_at" is infinite',
            HINT = 'Give a moment, or leave it out: then it is now.';
    END IF;
    IF sira_raise_alert.model IS NOT NULL THEN
        concerned := @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_raise_alert.model)).name);
        IF sira_raise_alert.model LIKE '%/%' OR sira_raise_alert.model LIKE '%@%' THEN
            version_id := (@extschema@.sira_resolve_version(sira_raise_alert.model)).version_id;
        END IF;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws('|', 'sira alert', tenant, concerned.id, sira_raise_alert.alert_type, sira_raise_alert.subject), 0));
    SELECT a.* INTO alert FROM @extschema@.sira_drift_alerts a
    WHERE a.tenant_id = tenant AND a.model_id IS NOT DISTINCT FROM concerned.id AND a.alert_type = sira_raise_alert.alert_type
      AND a.subject = coalesce(sira_raise_alert.subject, '')
      -- What was settled is settled for a while from then on, however often it is seen, and never for what is graver.
      AND (a.status <> 'resolved' OR moment < a.resolved_at + a.cooldown
                                     AND array_position(grades, sira_raise_alert.severity) <= array_position(grades, a.severity))
    ORDER BY (a.status = 'resolved'), a.last_seen_at DESC LIMIT 1;
    IF FOUND THEN
        -- What got worse, or comes again after its cooldown, is told again.
        is_new := alert.status <> 'resolved' AND (array_position(grades, sira_raise_alert.severity) > array_position(grades, alert.severity)
                                                  OR moment >= alert.last_seen_at + alert.cooldown);
        -- A job that has ended did not end it: the next is ordered anew, but not before the cooldown has passed since.
        SELECT coalesce(j.finished_at, moment) AS at INTO ordered
        FROM (SELECT alert.retrain_job_id AS id) o LEFT JOIN @extschema@.sira_jobs j ON j.tenant_id = tenant AND j.id = o.id
        WHERE o.id IS NOT NULL AND sira_raise_alert.retrain_due IS NOT NULL AND alert.status <> 'resolved'
          AND coalesce(j.status, 'done') NOT IN ('queued', 'running');
        IF FOUND THEN
            alert.retrain_job_id := NULL;
            alert.retrain_due := greatest(sira_raise_alert.retrain_due, ordered.at + alert.cooldown);
        ELSE
            alert.retrain_due := least(alert.retrain_due, sira_raise_alert.retrain_due);
        END IF;
        UPDATE @extschema@.sira_drift_alerts a
        SET occurrences = a.occurrences + 1, last_seen_at = greatest(a.last_seen_at, moment),
            severity = grades[greatest(array_position(grades, a.severity), array_position(grades, sira_raise_alert.severity))],
            message = coalesce(sira_raise_alert.message, a.message), evidence = coalesce(sira_raise_alert.evidence, a.evidence),
            model_version_id = coalesce(version_id, a.model_version_id), retrain_due = alert.retrain_due,
            retrain_job_id = alert.retrain_job_id
        WHERE a.id = alert.id RETURNING a.* INTO alert;
    ELSE
        is_new := true;
        INSERT INTO @extschema@.sira_drift_alerts (tenant_id, model_tenant_id, model_id, model_version_id, alert_type, subject, severity,
            message, evidence, cooldown, first_seen_at, last_seen_at, retrain_due)
        VALUES (tenant, coalesce(concerned.tenant_id, tenant), concerned.id, version_id, sira_raise_alert.alert_type, coalesce(sira_raise_alert.subject, ''),
                sira_raise_alert.severity, coalesce(sira_raise_alert.message, sira_raise_alert.alert_type),
                coalesce(sira_raise_alert.evidence, '{}'), coalesce(sira_raise_alert.cooldown, interval '24 hours'), moment, moment,
                sira_raise_alert.retrain_due)
        RETURNING * INTO alert;
    END IF;
    IF is_new THEN
        -- Sent with the commit, and only then. Every role of the database may listen: what was found stands in the table alone,
        -- where row-level security says who reads it.
        PERFORM pg_notify('sira_alerts', jsonb_build_object('id', alert.id, 'tenant', tenant, 'type', alert.alert_type,
            'severity', alert.severity, 'model', concerned.name, 'status', alert.status)::text);
    END IF;
    RETURN alert.id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_raise_alert(text, text, text, text, jsonb, text, interval, timestamptz, timestamptz) IS
    'Raises an alert, or counts it in the one about the same that is open or within its cooldown; NOTIFY sira_alerts with the commit tells of new ones, of worse ones and of those that come again, by id, tenant, type, severity, model and status: every role may listen, so what was found is read from sira_drift_alerts. A worse one is raised anew within the cooldown of a resolved one. Once a retraining job has ended, retrain_due orders the next, a cooldown after it at the earliest. Example: SELECT sira_raise_alert(''latency'', ''high'', ''p99 is 40 ms'', evidence => ''{"p99_ms": 40}'');';

CREATE FUNCTION @extschema@.sira_move_alert(alert_id uuid, to_status text, note text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    alert @extschema@.sira_drift_alerts;
BEGIN
    IF sira_move_alert.to_status IS NULL OR sira_move_alert.to_status NOT IN ('acknowledged', 'resolved') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('an alert cannot become "%s"', coalesce(sira_move_alert.to_status, 'NULL')), HINT = 'Choose acknowledged or resolved.';
    END IF;
    SELECT a.* INTO alert FROM @extschema@.sira_drift_alerts a
    WHERE a.id = sira_move_alert.alert_id AND a.tenant_id = @extschema@.sira_current_tenant() FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('alert %s does not exist', coalesce(sira_move_alert.alert_id::text, 'NULL')),
            HINT = 'SELECT id, alert_type, severity, message FROM sira_drift_alerts WHERE status = ''open'';';
    END IF;
    IF alert.status = 'resolved' OR alert.status = sira_move_alert.to_status THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('alert %s is %s', alert.id, alert.status),
            DETAIL = format('By "%s".', coalesce(alert.resolved_by, alert.acknowledged_by));
    END IF;
    UPDATE @extschema@.sira_drift_alerts a
    SET status = sira_move_alert.to_status, note = coalesce(sira_move_alert.note, a.note)
    WHERE a.id = alert.id;
    PERFORM pg_notify('sira_alerts', jsonb_build_object('id', alert.id, 'tenant', alert.tenant_id, 'type', alert.alert_type,
        'severity', alert.severity, 'model', (SELECT m.name FROM @extschema@.sira_models m WHERE m.id = alert.model_id),
        'status', sira_move_alert.to_status)::text);
    RETURN sira_move_alert.to_status;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_move_alert(uuid, text, text) IS
    'The step behind sira_acknowledge_alert and sira_resolve_alert. Example: SELECT sira_move_alert(id, ''acknowledged'') FROM sira_drift_alerts WHERE status = ''open'';';

CREATE FUNCTION @extschema@.sira_acknowledge_alert(alert_id uuid, note text DEFAULT NULL) RETURNS text
LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.sira_move_alert($1, 'acknowledged', $2) $$;
COMMENT ON FUNCTION @extschema@.sira_acknowledge_alert(uuid, text) IS
    'Takes an alert on, in the name of the role that logged in. Example: SELECT sira_acknowledge_alert(id, ''looking at it'') FROM sira_drift_alerts WHERE status = ''open'';';

CREATE FUNCTION @extschema@.sira_resolve_alert(alert_id uuid, note text DEFAULT NULL) RETURNS text
LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.sira_move_alert($1, 'resolved', $2) $$;
COMMENT ON FUNCTION @extschema@.sira_resolve_alert(uuid, text) IS
    'Settles an alert; the same within its cooldown is counted there still, later, or graver, it raises a new one. Example: SELECT sira_resolve_alert(id, ''the feed is back'') FROM sira_drift_alerts WHERE status = ''acknowledged'';';

-- Retraining that has become due; run by maintenance, and by a drift run itself where it is critical. The job reads its query
-- under the search_path that the champion's run kept: what is in force here is the library's.
CREATE FUNCTION @extschema@.sira_queue_due_retraining(as_of timestamptz DEFAULT pg_catalog.now()) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    due record;
    job_id uuid;
    queued integer := 0;
BEGIN
    FOR due IN
        SELECT a.id, a.severity, m.name,
               (SELECT r.options #>> '{settings,search_path}' FROM @extschema@.sira_model_versions v
                JOIN @extschema@.sira_training_runs r ON r.tenant_id = v.tenant_id AND r.id = v.training_run_id
                WHERE v.tenant_id = m.tenant_id AND v.model_id = m.id AND v.status = 'production') AS path
        FROM @extschema@.sira_drift_alerts a
        JOIN @extschema@.sira_models m ON m.tenant_id = a.tenant_id AND m.id = a.model_id
        WHERE a.tenant_id = tenant AND a.retrain_due <= as_of AND a.retrain_job_id IS NULL AND a.status <> 'resolved'
        ORDER BY a.retrain_due FOR UPDATE OF a SKIP LOCKED
    LOOP
        SELECT j.id INTO job_id FROM @extschema@.sira_jobs j
        WHERE j.tenant_id = tenant AND j.kind = 'retrain' AND j.subject = due.name AND j.status IN ('queued', 'running') LIMIT 1;
        IF NOT FOUND THEN
            job_id := @extschema@.sira_queue_job('retrain', due.name,
                search_path => coalesce(due.path, current_setting('search_path')));
            queued := queued + 1;
        END IF;
        UPDATE @extschema@.sira_drift_alerts a SET retrain_job_id = job_id WHERE a.id = due.id;
    END LOOP;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_queue_due_retraining(timestamptz) IS
    'Queues a retraining job for each model whose drift asks for one by now and that has none queued, under the search_path of its champion''s run, and gives how many. Example: SELECT sira_queue_due_retraining();';
