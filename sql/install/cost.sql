-- What it costs, and what it may.
--
-- Seconds of scoring and training and bytes kept are measured and booked by the library; whatever is bought elsewhere is recorded
-- by whoever buys it. A rate that nobody has set is zero: units are counted, no price is made up.
COMMENT ON TABLE @extschema@.sira_cost_tracking IS 'what was used and what it cost';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.id IS 'identity of the row';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.tenant_id IS 'the tenant that pays; * for what all of them share';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.created_at IS 'when it was booked';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.cost_type IS 'compute, storage, llm_api, vector_ops or a free one';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.service IS 'what was used, such as scoring, training, artifacts or the name of a provider';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.model_id IS 'the model it was used for, if for one';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.units IS 'how much was used';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.unit IS 'of what: second, gigabyte day, token';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.unit_cost IS 'what one costs';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.currency IS 'three letters, such as USD';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.billing_period IS 'first day of the month (UTC) that it is billed in';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.source IS 'sira for what the library measured, external for what was recorded';
COMMENT ON COLUMN @extschema@.sira_cost_tracking.labels IS 'whatever else tells it apart';

CREATE TABLE @extschema@.sira_cost_rates (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    cost_type text NOT NULL,
    service text NOT NULL,
    -- So that no second and no gigabyte can book more than a row of costs may be.
    unit_cost double precision NOT NULL CHECK (unit_cost BETWEEN 0 AND 1e6),
    currency text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (tenant_id, cost_type, service)
);
COMMENT ON TABLE @extschema@.sira_cost_rates IS 'what a unit of what the library measures costs; none is as good as zero';
COMMENT ON COLUMN @extschema@.sira_cost_rates.tenant_id IS 'the tenant; * for all that have no rate of their own';
COMMENT ON COLUMN @extschema@.sira_cost_rates.cost_type IS 'compute or storage';
COMMENT ON COLUMN @extschema@.sira_cost_rates.service IS 'scoring and training by the second, artifacts and tables by the gigabyte and day';
COMMENT ON COLUMN @extschema@.sira_cost_rates.unit_cost IS 'what one unit costs';
COMMENT ON COLUMN @extschema@.sira_cost_rates.currency IS 'three letters, such as USD';

CREATE FUNCTION @extschema@.sira_cost_rate(tenant text, cost_type text, service text, OUT unit_cost double precision, OUT currency text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    SELECT r.unit_cost, r.currency INTO unit_cost, currency FROM @extschema@.sira_cost_rates r
    WHERE r.tenant_id IN (tenant, '*') AND r.cost_type = sira_cost_rate.cost_type AND r.service = sira_cost_rate.service
    ORDER BY r.tenant_id = '*' LIMIT 1;
    unit_cost := coalesce(unit_cost, 0);
    currency := coalesce(currency, 'USD');
END
$$;
COMMENT ON FUNCTION @extschema@.sira_cost_rate(text, text, text) IS
    'What a unit costs a tenant; zero where no rate was set. Example: SELECT * FROM sira_cost_rate(''default'', ''compute'', ''scoring'');';

CREATE FUNCTION @extschema@.sira_set_cost_rate(cost_type text, service text, unit_cost double precision, currency text DEFAULT 'USD') RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    IF NOT coalesce(sira_set_cost_rate.unit_cost BETWEEN 0 AND 1e6, false) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a rate is a number between 0 and 1000000',
            DETAIL = format('It is %s.', coalesce(sira_set_cost_rate.unit_cost::text, 'NULL')), HINT = 'Say what one second, or one gigabyte and day, costs.';
    END IF;
    IF sira_set_cost_rate.currency IS NULL OR sira_set_cost_rate.currency !~ '^[A-Z]{3}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" is no currency', coalesce(sira_set_cost_rate.currency, 'NULL')), HINT = 'Write three capital letters, such as USD.';
    END IF;
    IF coalesce(sira_set_cost_rate.cost_type, '') = '' OR coalesce(sira_set_cost_rate.service, '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a rate needs a type and a service',
            HINT = 'SELECT sira_set_cost_rate(''compute'', ''scoring'', 0.00002);';
    END IF;
    INSERT INTO @extschema@.sira_cost_rates (cost_type, service, unit_cost, currency)
    VALUES (sira_set_cost_rate.cost_type, sira_set_cost_rate.service, sira_set_cost_rate.unit_cost, sira_set_cost_rate.currency)
    ON CONFLICT (tenant_id, cost_type, service) DO UPDATE SET unit_cost = excluded.unit_cost, currency = excluded.currency;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_set_cost_rate(text, text, double precision, text) IS
    'Says what a second of scoring or training, or a gigabyte kept for a day, costs from now on. Example: SELECT sira_set_cost_rate(''compute'', ''scoring'', 0.00002);';

CREATE FUNCTION @extschema@.sira_record_cost(
    cost_type text, service text, units double precision, unit_cost double precision, model text DEFAULT NULL,
    currency text DEFAULT 'USD', unit text DEFAULT NULL, labels jsonb DEFAULT '{}', billing_period date DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    recorded uuid;
    model_id uuid;
BEGIN
    IF sira_record_cost.units IS NULL OR NOT (sira_record_cost.units >= 0 AND sira_record_cost.units < 'Infinity')
       OR sira_record_cost.unit_cost IS NULL OR NOT (sira_record_cost.unit_cost >= 0 AND sira_record_cost.unit_cost < 'Infinity') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a cost needs units and what one of them costs',
            DETAIL = format('There are %s units at %s.', coalesce(sira_record_cost.units::text, 'NULL'), coalesce(sira_record_cost.unit_cost::text, 'NULL')),
            HINT = 'Give finite numbers that are not negative.';
    END IF;
    -- Each first: the product of two large ones is an error of its own.
    IF sira_record_cost.units > 1e15 OR sira_record_cost.unit_cost > 1e15
       OR sira_record_cost.units::numeric * sira_record_cost.unit_cost::numeric > 1e15 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a cost is more than can be added up',
            DETAIL = format('There are %s units at %s; units, their cost and the product may be 1e15.', sira_record_cost.units, sira_record_cost.unit_cost),
            HINT = 'Count in larger units, such as a thousand tokens.';
    END IF;
    IF sira_record_cost.currency IS NULL OR sira_record_cost.currency !~ '^[A-Z]{3}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" is no currency', coalesce(sira_record_cost.currency, 'NULL')), HINT = 'Write three capital letters, such as USD.';
    END IF;
    IF coalesce(sira_record_cost.cost_type, '') = '' OR coalesce(sira_record_cost.service, '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a cost needs a type and a service',
            HINT = 'Types are compute, storage, llm_api, vector_ops and free ones.';
    END IF;
    IF NOT isfinite(sira_record_cost.billing_period) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a billing period has a first day',
            DETAIL = format('It is %s.', sira_record_cost.billing_period), HINT = 'Give a day of the month that it is billed in, or leave it out.';
    END IF;
    IF sira_record_cost.model IS NOT NULL THEN
        model_id := (@extschema@.sira_find_model((@extschema@.sira_parse_model(sira_record_cost.model)).name)).id;
    END IF;
    INSERT INTO @extschema@.sira_cost_tracking (cost_type, service, model_id, units, unit, unit_cost, currency, billing_period, labels)
    VALUES (sira_record_cost.cost_type, sira_record_cost.service, model_id, sira_record_cost.units, sira_record_cost.unit,
            sira_record_cost.unit_cost, sira_record_cost.currency,
            date_trunc('month', coalesce(sira_record_cost.billing_period::timestamp, now() AT TIME ZONE 'UTC'))::date,
            coalesce(sira_record_cost.labels, '{}'))
    RETURNING id INTO recorded;
    RETURN recorded;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_record_cost(text, text, double precision, double precision, text, text, text, jsonb, date) IS
    'Records a cost of something outside. Example: SELECT sira_record_cost(''llm_api'', ''summaries'', 1200, 0.000002, model => ''fraud'', unit => ''token'');';

-- Trainings that ended since the last time, the failed ones too: they used the machine.
CREATE FUNCTION @extschema@.sira_book_training() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    until timestamptz := now();
    since timestamptz := @extschema@.sira_move_mark('training', until);
    booked bigint;
BEGIN
    INSERT INTO @extschema@.sira_cost_tracking (tenant_id, cost_type, service, model_id, units, unit, unit_cost, currency, billing_period, source)
    SELECT t.tenant_id, 'compute', 'training', t.model_id, extract(epoch FROM t.finished_at - t.started_at), 'second', r.unit_cost, r.currency,
           date_trunc('month', t.finished_at AT TIME ZONE 'UTC')::date, 'sira'
    FROM @extschema@.sira_training_runs t CROSS JOIN LATERAL @extschema@.sira_cost_rate(t.tenant_id, 'compute', 'training') r
    WHERE t.finished_at > since AND t.finished_at <= until AND t.finished_at > t.started_at;
    GET DIAGNOSTICS booked = ROW_COUNT;
    RETURN booked;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_book_training() IS
    'Books the seconds of trainings that ended since the last time, and answers how many. For sira_aggregate_hourly_metrics. Example: SELECT sira_book_training();';

-- Once a day at most. Artifacts are a tenant's; a partition holds all tenants' rows.
CREATE FUNCTION @extschema@.sira_book_storage() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    booked integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('@extschema@.sira_book_storage', 0));
    IF EXISTS (SELECT 1 FROM @extschema@.sira_metric_marks m
               WHERE m.name = 'storage' AND (m.at AT TIME ZONE 'UTC')::date >= today) THEN
        RETURN 0;
    END IF;
    PERFORM @extschema@.sira_move_mark('storage', now());
    INSERT INTO @extschema@.sira_cost_tracking (tenant_id, cost_type, service, units, unit, unit_cost, currency, billing_period, source)
    SELECT u.tenant_id, 'storage', u.service, u.bytes / 1e9, 'gigabyte day', r.unit_cost, r.currency, date_trunc('month', today)::date, 'sira'
    FROM (SELECT a.tenant_id, 'artifacts' AS service, sum(a.size)::float8 AS bytes FROM @extschema@.sira_model_artifacts a GROUP BY 1
          UNION ALL
          SELECT '*', 'tables', sum(pg_total_relation_size(p.relid))::float8
          FROM @extschema@.sira_partitioned_tables() t CROSS JOIN LATERAL pg_partition_tree(('@extschema@.' || t.relation)::regclass) p
          WHERE p.isleaf) u
    CROSS JOIN LATERAL @extschema@.sira_cost_rate(u.tenant_id, 'storage', u.service) r;
    GET DIAGNOSTICS booked = ROW_COUNT;
    RETURN booked;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_book_storage() IS
    'Books what is kept today, artifacts by tenant and the growing tables for all, and answers how many rows; a second call of a day books nothing. Example: SELECT sira_book_storage();';

CREATE TABLE @extschema@.sira_budgets (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid,
    period text NOT NULL DEFAULT 'month' CHECK (period IN ('day', 'week', 'month')),
    amount double precision NOT NULL CHECK (amount BETWEEN 1e-6 AND 1e15),
    currency text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    on_exceeded text CHECK (on_exceeded IN ('error', 'sampling', 'fallback')),
    sample double precision NOT NULL DEFAULT 0.1 CHECK (sample BETWEEN 0 AND 1),
    enabled boolean NOT NULL DEFAULT true,
    spent double precision,
    state text NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'warning', 'critical', 'exceeded')),
    checked_at timestamptz,
    created_by text NOT NULL DEFAULT SESSION_USER,
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
CREATE UNIQUE INDEX sira_budgets_key ON @extschema@.sira_budgets
    (tenant_id, (coalesce(model_id, '00000000-0000-0000-0000-000000000000')), period, currency);
COMMENT ON TABLE @extschema@.sira_budgets IS 'what a tenant, or one of its models, may cost in a period, and what happens then';
COMMENT ON COLUMN @extschema@.sira_budgets.id IS 'identity of the budget';
COMMENT ON COLUMN @extschema@.sira_budgets.tenant_id IS 'the tenant';
COMMENT ON COLUMN @extschema@.sira_budgets.model_id IS 'the model; NULL for all of the tenant''s costs';
COMMENT ON COLUMN @extschema@.sira_budgets.period IS 'day, week or month (UTC)';
COMMENT ON COLUMN @extschema@.sira_budgets.amount IS 'what may be spent in a period';
COMMENT ON COLUMN @extschema@.sira_budgets.currency IS 'of which currency; costs in others do not count';
COMMENT ON COLUMN @extschema@.sira_budgets.on_exceeded IS 'what predictions get at 100 %: error, sampling or fallback; NULL only warns';
COMMENT ON COLUMN @extschema@.sira_budgets.sample IS 'of sampling, the share that is scored still';
COMMENT ON COLUMN @extschema@.sira_budgets.enabled IS 'whether it holds';
COMMENT ON COLUMN @extschema@.sira_budgets.spent IS 'what was spent in the period when it was checked last';
COMMENT ON COLUMN @extschema@.sira_budgets.state IS 'ok, warning, critical or exceeded, as checked last';
COMMENT ON COLUMN @extschema@.sira_budgets.checked_at IS 'when that was';
COMMENT ON COLUMN @extschema@.sira_budgets.created_by IS 'who set it';

CREATE FUNCTION @extschema@.sira_set_budget(
    amount double precision, model text DEFAULT NULL, period text DEFAULT 'month', currency text DEFAULT 'USD',
    on_exceeded text DEFAULT NULL, sample double precision DEFAULT 0.1)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    home @extschema@.sira_models;
    budget uuid;
BEGIN
    IF NOT coalesce(sira_set_budget.amount BETWEEN 1e-6 AND 1e15, false) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = CASE WHEN sira_set_budget.amount > 1e15 THEN 'a budget is at most 1e15' ELSE 'a budget is more than nothing' END,
            DETAIL = format('It is %s.', coalesce(sira_set_budget.amount::text, 'NULL')), HINT = 'UPDATE sira_budgets SET enabled = false; ends one.';
    END IF;
    IF sira_set_budget.period IS NULL OR sira_set_budget.period NOT IN ('day', 'week', 'month') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" is no period of a budget', coalesce(sira_set_budget.period, 'NULL')), HINT = 'Choose day, week or month.';
    END IF;
    IF sira_set_budget.currency IS NULL OR sira_set_budget.currency !~ '^[A-Z]{3}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('"%s" is no currency', coalesce(sira_set_budget.currency, 'NULL')), HINT = 'Write three capital letters, such as USD.';
    END IF;
    IF NOT coalesce(sira_set_budget.sample BETWEEN 0 AND 1, false) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'argument "sample" is no share',
            DETAIL = format('It is %s.', coalesce(sira_set_budget.sample::text, 'NULL')), HINT = 'Give a number between 0 and 1.';
    END IF;
    IF sira_set_budget.on_exceeded IS NOT NULL AND sira_set_budget.on_exceeded NOT IN ('error', 'sampling', 'fallback') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" is nothing that a budget can do', sira_set_budget.on_exceeded),
            HINT = 'Choose error, sampling or fallback, or NULL to be warned only.';
    END IF;
    IF sira_set_budget.model IS NOT NULL THEN
        home := @extschema@.sira_find_model(sira_set_budget.model);
        IF home.tenant_id IS DISTINCT FROM @extschema@.sira_current_tenant() THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('model "%s" is shared, and a budget is for a tenant''s own', home.name),
                DETAIL = format('It belongs to "%s".', home.tenant_id), HINT = 'Leave model out: a tenant''s budget holds for shared models too.';
        END IF;
    END IF;
    IF sira_set_budget.on_exceeded IN ('sampling', 'fallback') AND coalesce(current_setting('sira.fallback_decision', true), '') = ''
       AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_decision_policies p WHERE p.model_id = home.id AND p.fallback IS NOT NULL) THEN
        RAISE NOTICE USING MESSAGE = 'no fallback decision is declared: predictions that the budget stops will be errors',
            HINT = 'SELECT sira_set_policy(''model'', bands => ''...'', fallback => ''review'');';
    END IF;
    INSERT INTO @extschema@.sira_budgets (model_id, amount, period, currency, on_exceeded, sample)
    VALUES (home.id, sira_set_budget.amount, sira_set_budget.period, sira_set_budget.currency, sira_set_budget.on_exceeded, sira_set_budget.sample)
    ON CONFLICT (tenant_id, (coalesce(model_id, '00000000-0000-0000-0000-000000000000')), period, currency) DO UPDATE
    SET amount = excluded.amount, on_exceeded = excluded.on_exceeded, sample = excluded.sample, enabled = true
    RETURNING id INTO budget;
    RETURN budget;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_set_budget(double precision, text, text, text, text, double precision) IS
    'Sets what a tenant or a model may cost in a period, and what predictions get when it is used up; it holds from the next sira_check_budgets on. Example: SELECT sira_set_budget(100, model => ''fraud'', on_exceeded => ''fallback'');';

-- SECURITY DEFINER: what is throttled stands in the file of counters, for all tenants together, and only the library writes it.
-- It goes there before the commit; a call that is rolled back is set right by the next one.
-- It answers nothing: whose budgets a caller may see is asked with the caller's rights, in sira_check_budgets.
--
-- A month's budget holds what is billed in the month, whenever it was booked; days and weeks have no billing period, and hold
-- what was booked in them. What cannot be added up is that budget's trouble alone.
CREATE FUNCTION @extschema@.sira_hold_budgets() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    budget record;
    setting text := current_setting('sira.tenant', true);
    warning float8 := current_setting('sira.cost_alert_threshold_percent')::float8;
    critical float8 := current_setting('sira.cost_critical_threshold_percent')::float8;
    now_spent float8;
    percent float8;
    throttle text;
    became text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    LOCK TABLE @extschema@.sira_budgets IN SHARE ROW EXCLUSIVE MODE;
    FOR budget IN
        SELECT b.*, m.name AS model
        FROM @extschema@.sira_budgets b LEFT JOIN @extschema@.sira_models m ON m.id = b.model_id
        WHERE b.enabled
        ORDER BY b.tenant_id, m.name, b.period
    LOOP
        BEGIN
            SELECT coalesce(sum(c.units * c.unit_cost), 0) INTO STRICT now_spent FROM @extschema@.sira_cost_tracking c
            WHERE c.tenant_id = budget.tenant_id AND (budget.model_id IS NULL OR c.model_id = budget.model_id) AND c.currency = budget.currency
              AND CASE budget.period WHEN 'month' THEN c.billing_period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
                       ELSE c.created_at >= date_trunc(budget.period, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' END;
            percent := 100 * now_spent / budget.amount;
        EXCEPTION WHEN data_exception THEN
            RAISE LOG 'sira: budget % of tenant "%" cannot be checked: %', budget.id, budget.tenant_id, SQLERRM;
            CONTINUE;
        END;
        became := CASE WHEN percent >= 100 THEN 'exceeded' WHEN percent >= critical THEN 'critical' WHEN percent >= warning THEN 'warning' ELSE 'ok' END;
        UPDATE @extschema@.sira_budgets b SET spent = now_spent, state = became, checked_at = clock_timestamp() WHERE b.id = budget.id;
        throttle := CASE WHEN became = 'exceeded' THEN budget.on_exceeded END;
        IF became <> budget.state AND became <> 'ok' THEN
            PERFORM set_config('sira.tenant', budget.tenant_id, true);
            PERFORM @extschema@.sira_raise_alert('budget',
                CASE became WHEN 'exceeded' THEN 'critical' WHEN 'critical' THEN 'high' ELSE 'medium' END,
                format('%s%% of the %s budget of %s %s%s are spent%s', floor(percent), budget.period, budget.amount, budget.currency,
                       CASE WHEN budget.model IS NULL THEN ' of the tenant' ELSE format(' of model "%s"', budget.model) END,
                       CASE throttle WHEN 'error' THEN ': predictions are errors' WHEN 'fallback' THEN ': predictions get the fallback decision'
                                     WHEN 'sampling' THEN format(': of predictions %s%% are scored', round((100 * budget.sample)::numeric, 1)) ELSE '' END),
                model => budget.model, subject => 'budget ' || budget.period || ' ' || budget.currency,
                evidence => jsonb_build_object('spent', now_spent, 'amount', budget.amount, 'percent', percent, 'throttle', throttle));
            PERFORM set_config('sira.tenant', coalesce(setting, ''), true);
            RAISE LOG 'sira: budget of tenant "%", model "%" is %: % of % % spent, throttle %', budget.tenant_id, coalesce(budget.model, '*'),
                became, now_spent, budget.amount, budget.currency, coalesce(throttle, 'none');
        END IF;
    END LOOP;
    UPDATE @extschema@.sira_budgets b SET state = 'ok' WHERE NOT b.enabled AND b.state <> 'ok';
    PERFORM @extschema@.sira_set_throttles(
        coalesce(array_agg(b.tenant_id), '{}'), coalesce(array_agg(b.model_id), '{}'), coalesce(array_agg(b.on_exceeded), '{}'),
        coalesce(array_agg(b.sample), '{}'))
    FROM @extschema@.sira_budgets b WHERE b.enabled AND b.state = 'exceeded' AND b.on_exceeded IS NOT NULL;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_hold_budgets() IS
    'Holds what was spent against all tenants'' budgets, alerts and throttles. For sira_check_budgets, which is the one to call. Example: SELECT sira_hold_budgets();';

CREATE VIEW @extschema@.sira_budget_status AS
SELECT b.tenant_id, m.name AS model, b.period, b.amount, b.currency, b.spent, 100 * b.spent / b.amount AS percent, b.state,
       CASE WHEN b.state = 'exceeded' THEN b.on_exceeded END AS throttle, b.checked_at
FROM @extschema@.sira_budgets b LEFT JOIN @extschema@.sira_models m ON m.id = b.model_id
WHERE b.enabled AND (b.tenant_id = (SELECT @extschema@.sira_current_tenant()) OR (SELECT pg_catalog.current_setting('is_superuser')::boolean));
COMMENT ON VIEW @extschema@.sira_budget_status IS 'budgets as they were checked last';
COMMENT ON COLUMN @extschema@.sira_budget_status.tenant_id IS 'the tenant';
COMMENT ON COLUMN @extschema@.sira_budget_status.model IS 'the model; NULL for all of the tenant';
COMMENT ON COLUMN @extschema@.sira_budget_status.period IS 'day, week or month (UTC)';
COMMENT ON COLUMN @extschema@.sira_budget_status.amount IS 'what may be spent in it';
COMMENT ON COLUMN @extschema@.sira_budget_status.currency IS 'of which currency';
COMMENT ON COLUMN @extschema@.sira_budget_status.spent IS 'what was spent';
COMMENT ON COLUMN @extschema@.sira_budget_status.percent IS 'of the amount';
COMMENT ON COLUMN @extschema@.sira_budget_status.state IS 'ok, warning, critical or exceeded';
COMMENT ON COLUMN @extschema@.sira_budget_status.throttle IS 'what predictions get: error, sampling, fallback, or NULL: what was asked';
COMMENT ON COLUMN @extschema@.sira_budget_status.checked_at IS 'when it was checked last';

CREATE FUNCTION @extschema@.sira_check_budgets()
RETURNS TABLE (tenant_id text, model text, period text, amount double precision, currency text, spent double precision,
               percent double precision, state text, throttle text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM @extschema@.sira_hold_budgets();
    RETURN QUERY SELECT s.tenant_id, s.model, s.period, s.amount, s.currency, s.spent, s.percent, s.state, s.throttle
    FROM @extschema@.sira_budget_status s ORDER BY s.tenant_id, s.model, s.period;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_check_budgets() IS
    'Holds what was spent against all budgets: alerts at 80 and 95 percent (settings), and lets what is declared happen to predictions at 100. Answers the caller''s own. Example: SELECT * FROM sira_check_budgets();';

CREATE VIEW @extschema@.sira_cost_summary_by_tenant AS
SELECT c.tenant_id, c.billing_period, c.cost_type, c.service, m.name AS model, c.source, c.currency, c.unit, c.entries, c.units, c.total_cost
FROM (SELECT t.tenant_id, t.billing_period, t.cost_type, t.service, t.model_id, t.source, t.currency, t.unit, count(*) AS entries,
             sum(t.units) AS units, sum(t.units * t.unit_cost) AS total_cost
      FROM @extschema@.sira_cost_tracking t
      WHERE t.tenant_id = (SELECT @extschema@.sira_current_tenant()) OR (SELECT pg_catalog.current_setting('is_superuser')::boolean)
      GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) c
LEFT JOIN @extschema@.sira_models m ON m.id = c.model_id;
COMMENT ON VIEW @extschema@.sira_cost_summary_by_tenant IS 'what each tenant used and what it cost, by billing period';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.tenant_id IS 'the tenant that pays';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.billing_period IS 'first day of the month (UTC)';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.cost_type IS 'compute, storage, llm_api, vector_ops or a free one';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.service IS 'what was used';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.model IS 'for which model, if for one';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.source IS 'sira for what the library measured, external for what was recorded';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.currency IS 'three letters';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.unit IS 'what is counted';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.entries IS 'how many entries';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.units IS 'how much was used';
COMMENT ON COLUMN @extschema@.sira_cost_summary_by_tenant.total_cost IS 'what it cost';
DO $views$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sira_budget_status', 'sira_cost_summary_by_tenant'] LOOP
        EXECUTE pg_catalog.format('ALTER VIEW @extschema@.%I SET (%s = true)', name,
            CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
    END LOOP;
END
$views$;
