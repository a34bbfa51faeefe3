-- The daily job's clock: pg_cron where this database has it, else the line for cron. Three entries: the run itself, the retries
-- of one that failed or crashed, and, for all sets, the partitions.

CREATE FUNCTION @extschema@.sira_has_pg_cron() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = 'pg_cron') $$;
COMMENT ON FUNCTION @extschema@.sira_has_pg_cron() IS 'Whether pg_cron is installed in this database. Example: SELECT sira_has_pg_cron();';

-- A daily schedule of a time zone as hours of UTC: all that it can be in a year, and the one that it is for those who ask at each.
CREATE FUNCTION @extschema@.sira_daily_schedule(schedule text, time_zone text, OUT in_utc text, OUT at_hour integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    daily text[] := regexp_match(btrim(schedule), '^([0-9]{1,2}) +([0-9]{1,2}) +\* +\* +\*$');
    offsets integer[];
    year timestamp := date_trunc('year', now() AT TIME ZONE 'UTC');
BEGIN
    IF schedule IS NULL OR array_length(regexp_split_to_array(btrim(schedule), '\s+'), 1) <> 5 OR schedule ~ '[^0-9*/, \tA-Za-z-]' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" is no cron schedule', coalesce(schedule, 'NULL')),
            HINT = 'Write minute, hour, day, month and weekday: ''0 2 * * *''.';
    END IF;
    BEGIN
        -- Minutes that the zone's clocks are ahead of UTC, in winter and summer.
        offsets := ARRAY(
            SELECT DISTINCT (extract(epoch FROM (t AT TIME ZONE 'UTC') AT TIME ZONE time_zone - t) / 60)::integer
            FROM (VALUES (year), (year + interval '6 months')) AS moment(t) ORDER BY 1);
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('time zone "%s" is not known', time_zone),
            HINT = 'SELECT name FROM pg_timezone_names;';
    END;
    IF offsets = '{0}' THEN
        in_utc := btrim(schedule);
        RETURN;
    END IF;
    IF daily IS NULL OR daily[1]::integer > 59 OR daily[2]::integer > 23 THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('schedule "%s" cannot be moved to time zone "%s"', schedule, time_zone),
            DETAIL = 'Only schedules of once a day can.', HINT = 'Give a schedule in UTC, or one such as ''0 2 * * *''.';
    END IF;
    SELECT format('%s %s * * *', string_agg(DISTINCT (minutes % 60)::text, ','), string_agg(DISTINCT (minutes / 60)::text, ','))
    INTO in_utc
    FROM (SELECT ((daily[2]::integer * 60 + daily[1]::integer - o) % 1440 + 1440) % 1440 AS minutes FROM unnest(offsets) o) m;
    IF cardinality(offsets) > 1 THEN
        at_hour := daily[2]::integer;
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_daily_schedule(text, text) IS
    'A schedule in UTC for one in a time zone; where the zone changes its clocks, with the local hour to look for. Example: SELECT * FROM sira_daily_schedule(''0 2 * * *'', ''Europe/Berlin'');';

-- What is to be scheduled, by name.
CREATE FUNCTION @extschema@.sira_schedule_entries(set text, schedule text, time_zone text)
RETURNS TABLE (job_name text, at text, command text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    daily record;
    whom text := coalesce(set, '*');
    named text := CASE WHEN set IS NULL THEN 'NULL' ELSE quote_literal(set) END;
BEGIN
    IF set IS NOT NULL THEN
        PERFORM @extschema@.sira_find_feature_set(set);
    END IF;
    SELECT * INTO daily FROM @extschema@.sira_daily_schedule(schedule, time_zone);
    RETURN QUERY VALUES
        (format('sira feature pipeline %s %s', @extschema@.sira_current_tenant(), whom), daily.in_utc,
         format('CALL @extschema@.sira_run_feature_pipeline(%s%s)', named,
                CASE WHEN daily.at_hour IS NOT NULL THEN format(', at_hour => %s, time_zone => %L', daily.at_hour, time_zone) ELSE '' END)),
        (format('sira feature pipeline %s %s retries', @extschema@.sira_current_tenant(), whom), '*/5 * * * *',
         format('CALL @extschema@.sira_run_feature_pipeline(%s, only_retries => true)', named));
    IF set IS NULL THEN
        RETURN QUERY VALUES ('sira partitions', '0 4 * * *', 'SELECT @extschema@.sira_maintain_partitions()'),
            (format('sira maintenance %s', @extschema@.sira_current_tenant()), '*/5 * * * *', 'CALL @extschema@.sira_run_maintenance()');
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_schedule_entries(text, text, text) IS
    'The entries that sira_schedule makes. Example: SELECT * FROM sira_schedule_entries(''cards'', ''0 2 * * *'', ''UTC'');';

CREATE FUNCTION @extschema@.sira_schedule(
    set text DEFAULT NULL, schedule text DEFAULT '0 2 * * *', time_zone text DEFAULT 'UTC')
RETURNS TABLE (job_name text, scheduled boolean, line text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry record;
    zone text;
BEGIN
    scheduled := @extschema@.sira_has_pg_cron();
    IF scheduled THEN
        -- Releases before 1.5 know GMT alone.
        zone := coalesce(nullif(current_setting('cron.timezone', true), ''), 'GMT');
        IF upper(zone) NOT IN ('GMT', 'UTC', 'ETC/UTC', 'ETC/GMT') THEN
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('pg_cron keeps the time of "%s"', zone),
                HINT = 'Set cron.timezone to GMT and restart, and give the time zone here.';
        END IF;
    ELSE
        RAISE NOTICE USING MESSAGE = 'pg_cron is not installed in this database: type the lines into the crontab of an account that may log in',
            DETAIL = 'cron reads them in the time zone of its machine: they are written for UTC.',
            HINT = 'CREATE EXTENSION pg_cron; where cron.database_name is this database.';
    END IF;
    FOR entry IN SELECT * FROM @extschema@.sira_schedule_entries(set, schedule, time_zone) LOOP
        job_name := entry.job_name;
        IF scheduled THEN
            EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING entry.job_name, entry.at, entry.command;
            line := format('%s %s', entry.at, entry.command);
        ELSE
            -- In double quotes the shell would still read these four, and cron takes a bare % for the end of the line.
            line := format('%s psql -X -d ''%s'' -c "%s"', entry.at, replace(current_database(), '''', '''\'''''),
                           replace(regexp_replace(entry.command, '(["\\$`])', '\\\1', 'g'), '%', '\%'));
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_schedule(text, text, text) IS
    'Schedules the feature pipeline of a set (NULL: of all sets, and the making of partitions) with pg_cron, again where it was; without pg_cron the lines to type into a crontab. Example: SELECT * FROM sira_schedule(''cards'', ''0 2 * * *'', ''Europe/Berlin'');';

CREATE FUNCTION @extschema@.sira_unschedule(set text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    removed integer := 0;
BEGIN
    IF NOT @extschema@.sira_has_pg_cron() THEN
        RAISE NOTICE USING MESSAGE = 'pg_cron is not installed in this database', HINT = 'Take the lines out of the crontab.';
        RETURN 0;
    END IF;
    FOR name IN EXECUTE
        'SELECT j.jobname::text FROM cron.job j WHERE j.username = SESSION_USER::text AND j.database = current_database()'
        ' AND (j.jobname = ANY ($1) OR $2 AND j.jobname IN (''sira partitions'', $3))'
        USING ARRAY(SELECT format('sira feature pipeline %s %s%s', @extschema@.sira_current_tenant(), coalesce(set, '*'), s)
                    FROM unnest('{""," retries"}'::text[]) s), set IS NULL,
              format('sira maintenance %s', @extschema@.sira_current_tenant())
    LOOP
        EXECUTE 'SELECT cron.unschedule($1)' USING name;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_unschedule(text) IS
    'Removes what sira_schedule scheduled with pg_cron and answers how many entries. Example: SELECT sira_unschedule(''cards'');';
