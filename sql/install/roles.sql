-- Features, texts and digests are UTF-8 on their way in and out: another encoding would change what they mean.
DO $encoding$
BEGIN
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = pg_catalog.format('database "%s" has encoding %s, not UTF8',
                                        pg_catalog.current_database(), pg_catalog.getdatabaseencoding()),
            HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0;';
    END IF;
END
$encoding$;

-- The roles of the vocabulary. They belong to the cluster, not to the database: several databases may carry SIRA, so the
-- script makes the ones that are missing, never touches one that is there, and DROP EXTENSION leaves them alone.
DO $roles$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['sira_admin', 'sira_user', 'sira_inference', 'finance_ops', 'pay_admin', 'sira_auditor']
    LOOP
        CONTINUE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION
            -- Another database of the cluster may be creating the extension at this very moment.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END
$roles$;
