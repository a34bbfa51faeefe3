-- Tuning and reproduction: parameters tried on folds, and runs trained again.
CREATE TABLE @extschema@.sira_tuning_studies (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done')),
    query text NOT NULL,
    label text NOT NULL,
    params jsonb NOT NULL DEFAULT '{}',
    split jsonb NOT NULL,
    embargo interval NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    seed bigint NOT NULL,
    feature_set text,
    notes text,
    space jsonb NOT NULL,
    method text NOT NULL CHECK (method IN ('random', 'tpe', 'halving')),
    folds integer NOT NULL CHECK (folds > 0),
    trials integer NOT NULL CHECK (trials > 0),
    seconds double precision CHECK (seconds > 0),
    metric text,
    higher_is_better boolean,
    data_digest bytea,
    best_trial integer,
    run_id uuid,
    model_version_id uuid,
    version integer,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    started_by text NOT NULL DEFAULT SESSION_USER,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
COMMENT ON TABLE @extschema@.sira_tuning_studies IS 'searches for parameters: what is asked, and the best that was found';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.id IS 'identity of the study';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.model_id IS 'the model whose parameters are looked for';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.status IS 'running while trials are left, though nobody may be at it; done with its best version registered';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.query IS 'the training query';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.label IS 'the label column';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.params IS 'parameters that all trials have';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.split IS 'how rows are split; the test part is in no fold';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.embargo IS 'rows dropped before each border, of folds too';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.options IS 'time_column, weight, exclude, group_column, positive, calibration, and the settings under which the query runs';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.seed IS 'what the suggestions and the trainings draw from';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.feature_set IS 'the feature set to train on';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.notes IS 'free text, for the run of the best trial';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.space IS 'ranges and choices by parameter';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.method IS 'tpe, random or halving';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.folds IS 'trainings a trial';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.trials IS 'trials after which it ends; by halving, the parameters of the first rung';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.seconds IS 'seconds of trials after which it ends, whichever comes first';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.metric IS 'the measure, by the library''s name';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.higher_is_better IS 'whether more of it is better';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.data_digest IS 'digest of the rows; a study goes on only on the same ones';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.best_trial IS 'the trial whose parameters were trained';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.run_id IS 'the run that trained them';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.model_version_id IS 'the candidate that it registered';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.version IS 'its number';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.started_at IS 'when it was asked for';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.finished_at IS 'when its best version was registered';
COMMENT ON COLUMN @extschema@.sira_tuning_studies.started_by IS 'who logged in and asked for it; only that role goes on with it, or whoever sees it where that role is a superuser';

CREATE TABLE @extschema@.sira_tuning_trials (
    study_id uuid NOT NULL,
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    number integer NOT NULL,
    rung integer,
    rung_rounds integer,
    parameters jsonb NOT NULL,
    fold_values double precision[] NOT NULL DEFAULT '{}',
    value double precision,
    rounds integer[] NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('completed', 'failed')),
    error_message text,
    elapsed_seconds double precision NOT NULL,
    seed bigint NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (study_id, number),
    FOREIGN KEY (tenant_id, study_id) REFERENCES @extschema@.sira_tuning_studies (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE @extschema@.sira_tuning_trials IS 'every trial of every study';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.study_id IS 'the study it belongs to';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.number IS 'counts from 1 in the order of the trials';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.rung IS 'by halving: the rung, counted from 1; parameters that go on to the next have a trial there too';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.rung_rounds IS 'by halving: the rounds that the rung allows';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.parameters IS 'what was tried, beside the parameters of the study';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.fold_values IS 'the metric on each fold, at its best round';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.value IS 'their mean';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.rounds IS 'the best round of each fold';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.status IS 'completed or failed';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.error_message IS 'why it failed';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.elapsed_seconds IS 'how long it took';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.seed IS 'the seed of its trainings';
COMMENT ON COLUMN @extschema@.sira_tuning_trials.finished_at IS 'when it ended';

CREATE FUNCTION @extschema@.sira_tune(
    model text DEFAULT NULL, query text DEFAULT NULL, label text DEFAULT NULL, space jsonb DEFAULT NULL,
    trials integer DEFAULT 30, seconds double precision DEFAULT NULL,
    time_column text DEFAULT NULL, weight text DEFAULT NULL, exclude text[] DEFAULT '{}',
    group_column text DEFAULT NULL, positive text DEFAULT NULL, params jsonb DEFAULT '{}',
    split jsonb DEFAULT '{"method": "time", "train": 0.7, "validation": 0.1, "test": 0.2}', embargo interval DEFAULT '0',
    seed bigint DEFAULT 42, feature_set text DEFAULT NULL, notes text DEFAULT NULL, calibration text DEFAULT NULL,
    method text DEFAULT 'tpe', folds integer DEFAULT 3, resume uuid DEFAULT NULL)
RETURNS TABLE (trial integer, rung integer, parameters jsonb, value double precision, fold_values double precision[], rounds integer[],
    elapsed_seconds double precision, status text, error_message text, best boolean, study_id uuid, run_id uuid, version integer)
LANGUAGE c VOLATILE ROWS 30 AS 'MODULE_PATHNAME', 'sira_tune_wrapper';
COMMENT ON FUNCTION @extschema@.sira_tune(text, text, text, jsonb, integer, double precision, text, text, text[], text, text, jsonb, jsonb, interval, bigint, text, text, text, text, integer, uuid) IS
    'Tries parameters of a space on time-ordered folds of the rows before the test part, trains the best and registers it as a candidate; all trials as rows. Methods: tpe learns from the trials before, random does not, halving tries many with few rounds and the best third of each rung with three times as many, up to num_iterations. It is one transaction: sira_create_study and sira_run_tuning keep each trial. Example: SELECT * FROM sira_tune(''fraud'', ''SELECT paid_at, amount, channel, is_fraud FROM payments'', ''is_fraud'', ''{"num_leaves": {"low": 8, "high": 128, "log": true, "int": true}}'', trials => 20, time_column => ''paid_at'');';

CREATE FUNCTION @extschema@.sira_create_study(
    model text, query text, label text, space jsonb,
    trials integer DEFAULT 30, seconds double precision DEFAULT NULL,
    time_column text DEFAULT NULL, weight text DEFAULT NULL, exclude text[] DEFAULT '{}',
    group_column text DEFAULT NULL, positive text DEFAULT NULL, params jsonb DEFAULT '{}',
    split jsonb DEFAULT '{"method": "time", "train": 0.7, "validation": 0.1, "test": 0.2}', embargo interval DEFAULT '0',
    seed bigint DEFAULT 42, feature_set text DEFAULT NULL, notes text DEFAULT NULL, calibration text DEFAULT NULL,
    method text DEFAULT 'tpe', folds integer DEFAULT 3)
RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_create_study_wrapper';
COMMENT ON FUNCTION @extschema@.sira_create_study(text, text, text, jsonb, integer, double precision, text, text, text[], text, text, jsonb, jsonb, interval, bigint, text, text, text, text, integer) IS
    'Writes down what sira_tune would do, to be worked on in steps by sira_run_tuning. Example: SELECT sira_create_study(''fraud'', ''SELECT paid_at, amount, channel, is_fraud FROM payments'', ''is_fraud'', ''{"learning_rate": [0.05, 0.1]}'', time_column => ''paid_at'');';

CREATE FUNCTION @extschema@.sira_tuning_step(study_id uuid, slice_seconds double precision DEFAULT 0) RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_tuning_step_wrapper';
COMMENT ON FUNCTION @extschema@.sira_tuning_step(uuid, double precision) IS
    'Goes on with a study: trials for so many seconds and at least one, or, when the budget is spent, the training of the best; says whether there is more to do. Example: SELECT sira_tuning_step(id) FROM sira_tuning_studies WHERE status = ''running'';';

-- Runs as whoever calls it and commits, so that what was tried stays, whatever comes; it names all that it uses.
CREATE PROCEDURE @extschema@.sira_run_tuning(study_id uuid, slice_seconds double precision DEFAULT 0)
LANGUAGE plpgsql AS $$
BEGIN
    WHILE @extschema@.sira_tuning_step(study_id, slice_seconds) LOOP
        COMMIT;
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE @extschema@.sira_run_tuning(uuid, double precision) IS
    'Works on a study until its best version is registered, and commits after each step; called again after a crash it goes on. A step reads the rows once: slices of more seconds read them less often. Example: CALL sira_run_tuning(''01890a5d-ac96-774b-bcce-b302099a8057'', slice_seconds => 30);';

CREATE FUNCTION @extschema@.sira_reproduce(run_id uuid)
RETURNS TABLE (reproduction_id uuid, version integer, data_identical boolean, artifact_identical boolean, note text)
LANGUAGE c VOLATILE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_reproduce_wrapper';
COMMENT ON FUNCTION @extschema@.sira_reproduce(uuid) IS
    'Trains a run again from its record and compares digests: of the data first, then of the artifact. No version is registered; the repetition is a run of its own. Example: SELECT r.* FROM sira_training_runs t, sira_reproduce(t.id) r WHERE t.status = ''completed'';';

CREATE FUNCTION @extschema@.sira_run_obstacles(run_id uuid) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'sira_run_obstacles_wrapper';
COMMENT ON FUNCTION @extschema@.sira_run_obstacles(uuid) IS
    'What the record of a run says against training it again; NULL where nothing does. Example: SELECT sira_run_obstacles(id) FROM sira_training_runs;';

CREATE FUNCTION @extschema@.sira_run_reads_as_before(run_id uuid, check_data boolean DEFAULT true) RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sira_run_reads_as_before_wrapper';
COMMENT ON FUNCTION @extschema@.sira_run_reads_as_before(uuid, boolean) IS
    'Whether the query of a run still gives the rows it gave; without check_data, whether it can be run at all. Example: SELECT sira_run_reads_as_before(id) FROM sira_training_runs;';

CREATE FUNCTION @extschema@.sira_reproducible(run_id uuid, check_data boolean DEFAULT false)
RETURNS TABLE (reproducible boolean, reason text)
LANGUAGE plpgsql VOLATILE STRICT ROWS 1 AS $$
DECLARE
    obstacles text := @extschema@.sira_run_obstacles(run_id);
BEGIN
    IF obstacles IS NULL THEN
        BEGIN
            IF NOT @extschema@.sira_run_reads_as_before(run_id, check_data) THEN
                obstacles := 'the data changed: the query gives other rows';
            END IF;
        EXCEPTION WHEN OTHERS THEN
            obstacles := pg_catalog.concat('the query does not run any more: ', SQLERRM);
        END;
    END IF;
    reproducible := obstacles IS NULL;
    reason := pg_catalog.concat(obstacles, CASE WHEN obstacles IS NULL THEN CASE WHEN check_data
        THEN 'the same build, and the query gives the same rows'
        ELSE 'the same build, and the query runs; check_data => true compares its rows' END END);
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_reproducible(uuid, boolean) IS
    'Whether sira_reproduce can be expected to give the same artifact, and why not: another build, a query that no longer runs, and with check_data other rows. Threads do not matter: the library is told to add up in a fixed order. Example: SELECT t.id, r.* FROM sira_training_runs t, sira_reproducible(t.id) r;';
