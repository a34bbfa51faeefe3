-- pg_dump leaves out what belongs to an extension unless it is told that the rows are the user's. All of them are: the script
-- itself writes no row anywhere. One call for each table and sequence; the extension is found through its own table, whatever
-- it is called.
DO $dump$
DECLARE
    member regclass;
BEGIN
    FOR member IN
        SELECT c.oid::regclass
        FROM pg_catalog.pg_depend own
        JOIN pg_catalog.pg_depend d
          ON d.refclassid = own.refclassid AND d.refobjid = own.refobjid AND d.deptype = 'e' AND d.classid = own.classid
        JOIN pg_catalog.pg_class c ON c.oid = d.objid
        WHERE own.classid = 'pg_catalog.pg_class'::regclass AND own.objid = '@extschema@.sira_models'::regclass
          AND own.deptype = 'e' AND own.refclassid = 'pg_catalog.pg_extension'::regclass
          AND c.relkind IN ('r', 'p', 'S')
        ORDER BY c.oid
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(member, '');
    END LOOP;
END
$dump$;
