//! Ids and tenants.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{one, run, sqlstate};
    use crate::api::ids;
    use pgrx::datum::TimestampWithTimeZone;
    use pgrx::prelude::*;

    #[pg_test]
    fn an_id_gives_its_microsecond_back() {
        // From 1970 to 2100, and every microsecond of a millisecond.
        let day = 86_400_000_000_i64;
        let days =
            (-10_957..36_525).step_by(977).map(|day_number| i64::from(day_number) * day + 86_399_999_999);
        for micros in days.chain(800_000_000_000_000..800_000_000_001_000) {
            let id = ids::new_id(micros).ok().unwrap();
            let back = ids::time_of(id).map(TimestampWithTimeZone::into_inner);
            assert_eq!(back, Some(micros));
        }
    }

    #[pg_test]
    fn ids_sort_by_their_time() {
        let sorted: bool = one("SELECT bool_and(id > before) FROM (
            SELECT id, lag(id) OVER (ORDER BY n) AS before
            FROM (SELECT n, sira_uuid_v7(timestamptz '2026-01-01' + n * interval '1 microsecond') AS id
                  FROM generate_series(1, 3000) n) made) pairs WHERE before IS NOT NULL");
        assert!(sorted);
    }

    #[pg_test]
    fn ids_of_one_moment_differ() {
        assert_eq!(one::<i64>("SELECT count(DISTINCT sira_uuid_v7()) FROM generate_series(1, 1000)"), 1000);
    }

    #[pg_test]
    fn other_versions_carry_no_time() {
        assert!(one::<bool>(
            "SELECT bool_and(sira_uuid_v7_time(gen_random_uuid()) IS NULL) FROM generate_series(1, 20)"
        ));
        assert!(one::<bool>("SELECT sira_uuid_v7_time('00000000-0000-0000-0000-000000000000') IS NULL"));
    }

    #[pg_test]
    fn a_role_works_for_the_tenant_that_lists_it() {
        run("CREATE ROLE w_one; CREATE ROLE w_two; CREATE ROLE w_none");
        assert_eq!(one::<String>("SELECT sira_current_tenant()"), "default");
        run(
            "INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('a', 'w_one'), ('a', 'w_two'), ('b', 'w_two')",
        );
        run("SET LOCAL ROLE w_one");
        assert_eq!(one::<String>("SELECT sira_current_tenant()"), "a");
        run("SET LOCAL sira.tenant = 'b'");
        assert_eq!(one::<String>("SELECT sira_current_tenant()"), "a", "a wish does not open a door");
        run("SET LOCAL ROLE w_two");
        assert_eq!(one::<String>("SELECT sira_current_tenant()"), "b");
        run("SET LOCAL sira.tenant = ''");
        assert_eq!(sqlstate("SELECT sira_current_tenant()"), "55000");
        run("SET LOCAL ROLE w_none");
        assert!(one::<bool>("SELECT sira_current_tenant() IS NULL"));
        run("RESET ROLE");
    }
}
