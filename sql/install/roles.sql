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
