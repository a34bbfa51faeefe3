//! Where the extension lives, whose it is, and for whom a call works.

use crate::error::{Failure, Result, literal};
use crate::guc;
use crate::probe::{self, Key, Order, Probe};
use crate::snapshot::View;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::{PgSqlErrorCode, pg_sys};
use std::cell::RefCell;
use std::ffi::{CStr, CString};

/// `pg_auth_members.roleid`: from 16 on an oid comes first.
const ROLEID: pg_sys::AttrNumber =
    if cfg!(any(feature = "pg13", feature = "pg14", feature = "pg15")) { 1 } else { 2 };

/// The predefined role `pg_database_owner`.
const DATABASE_OWNER: u32 = 6171;

/// The one tenant of an installation without listings.
const DEFAULT_TENANT: &str = "default";

/// Schema and owner of the extension, read from the function being called: they may differ from
/// database to database, and ALTER SCHEMA … RENAME or DROP and CREATE EXTENSION may change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Home {
    pub schema: pg_sys::Oid,
    pub owner: pg_sys::Oid,
}

impl Home {
    /// The home of the function that `fcinfo` calls.
    pub fn of_call(fcinfo: pg_sys::FunctionCallInfo) -> Result<Self> {
        // SAFETY: fcinfo and its flinfo are those PostgreSQL passed to the running function.
        let function = unsafe { (*(*fcinfo).flinfo).fn_oid };
        // SAFETY: the tuple is read before it is released.
        unsafe {
            let tuple = pg_sys::SearchSysCache1(
                pg_sys::SysCacheIdentifier::PROCOID as i32,
                pg_sys::Datum::from(function),
            );
            if tuple.is_null() {
                return Err(Failure::internal("a function of sira is called that pg_proc does not know"));
            }
            let form = pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_proc;
            let home = Self { schema: (*form).pronamespace, owner: (*form).proowner };
            pg_sys::ReleaseSysCache(tuple);
            Ok(home)
        }
    }

    /// The schema's name as an identifier.
    pub fn quoted_schema(self) -> Result<String> {
        // SAFETY: the result is NULL or a palloc'd C string.
        unsafe {
            let name = pg_sys::get_namespace_name(self.schema);
            if name.is_null() {
                return Err(Failure::internal("the schema of sira is gone"));
            }
            let quoted = pg_sys::quote_identifier(name);
            Ok(CStr::from_ptr(quoted).to_string_lossy().into_owned())
        }
    }

    /// Runs `work` with the rights of the extension's owner.
    ///
    /// Scoring roles have no privilege on any table; the few statements that read the registry or write
    /// the audit row run here, with the caller's tenant named in them. Never around the caller's SQL.
    pub fn as_owner<T>(self, work: impl FnOnce() -> T) -> T {
        let _identity = Identity::assume(self.owner);
        work()
    }
}

/// The user whom the session acts as, put back when dropped (on unwinding too).
struct Identity {
    user: pg_sys::Oid,
    context: i32,
}

impl Identity {
    fn assume(user: pg_sys::Oid) -> Self {
        let mut previous = Self { user: pg_sys::InvalidOid, context: 0 };
        // SAFETY: both calls only read and write two variables of the backend.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut previous.user, &mut previous.context);
            pg_sys::SetUserIdAndSecContext(
                user,
                previous.context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32,
            );
        }
        previous
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // SAFETY: restores what `assume` found.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) }
    }
}

thread_local! {
    static LISTED: Probe = const {
        Probe::new(c"sira_tenant_members", c"sira_tenant_members_member_idx", &[c"member"], &[c"tenant_id"])
    };
    static MEMBERS: Statement =
        const { Statement::new("SELECT tenant_id, member::pg_catalog.text FROM {s}.sira_tenant_members", &[]) };
    static LAST_TENANT: RefCell<Option<(Home, View, Option<String>)>> = const { RefCell::new(None) };
}

/// The tenant that the current role works for; `None` where it is listed for none and so sees nothing.
///
/// An empty `sira_tenant_members` means one tenant, `default`. Otherwise the tenants are those that list
/// the role or a role it inherits from: one is the answer; of several, `sira.tenant` must name one. A
/// superuser passes every wall anyway: for it `sira.tenant` counts as it stands, and without it the
/// listing that names it, or `default`.
pub fn current_tenant(home: Home) -> Result<Option<String>> {
    let view = View::current();
    let known = LAST_TENANT.with_borrow(|last| match last {
        Some((h, v, tenant)) if *h == home && *v == view => Some(tenant.clone()),
        _ => None,
    });
    if let Some(tenant) = known {
        return Ok(tenant);
    }
    let tenant = tenant_by_listing(home)?;
    LAST_TENANT.set(Some((home, view, tenant.clone())));
    Ok(tenant)
}

/// The tenant, or the error that a role without one gets from everything that must have one.
pub fn require_tenant(home: Home) -> Result<String> {
    current_tenant(home)?.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("role \"{}\" belongs to no tenant", current_user_name()),
        )
        .hint(format!(
            "INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('...', {}); as a superuser",
            literal(&current_user_name())
        ))
    })
}

fn tenant_by_listing(home: Home) -> Result<Option<String>> {
    // SAFETY: reads a variable of the backend.
    let user = unsafe { pg_sys::GetUserId() };
    let wish = guc::text(&guc::TENANT);
    // Mostly there is one tenant and no listing.
    let listed = probe::has_rows(home, c"sira_tenant_members") != Some(false);
    let mut mine = if listed { tenants_of(home, user)? } else { Vec::new() };
    // SAFETY: a syscache look-up.
    if unsafe { pg_sys::superuser_arg(user) } {
        return Ok(wish.or_else(|| if mine.len() == 1 { mine.pop() } else { Some(DEFAULT_TENANT.into()) }));
    }
    if !listed {
        return Ok(Some(DEFAULT_TENANT.into()));
    }
    if mine.len() <= 1 {
        return Ok(mine.pop());
    }
    match wish {
        Some(wish) if mine.contains(&wish) => Ok(Some(wish)),
        _ => {
            mine.sort();
            Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("role \"{}\" works for several tenants and none is chosen", current_user_name()),
            )
            .detail(format!("The tenants are {}.", mine.join(", ")))
            .hint(format!("SET sira.tenant = {};", literal(mine.first().map_or("", String::as_str)))))
        }
    }
}

/// The tenants that list a role, or one that it inherits from.
fn tenants_of(home: Home, user: pg_sys::Oid) -> Result<Vec<String>> {
    let mut tenants: Vec<String> = Vec::new();
    let mut note = |tenant: String| {
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    };
    for role in roles_of(user) {
        let name = role_name(role);
        if !inherits(user, &name) {
            continue;
        }
        let probed = LISTED.with(|listed| {
            listed.each(home, &[Key::Text(&name)], Order::Forward, |hit| {
                note(hit.need(0)?);
                Ok(true)
            })
        })?;
        if !probed {
            // Without the index: the whole listing.
            home.as_owner(|| {
                MEMBERS.with(|members| {
                    members.each(home, Mode::Read, Arguments::new(), |row| {
                        if inherits(user, &row.need::<String>(2)?) {
                            note(row.need(1)?);
                        }
                        Ok(())
                    })
                })
            })?;
            break;
        }
    }
    Ok(tenants)
}

/// A role, all that it is a member of in any way, and the role that stands for a database's owner: whoever it
/// inherits from is among them.
fn roles_of(user: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut roles = vec![user];
    let mut next = 0;
    while let Some(&member) = roles.get(next) {
        next += 1;
        // SAFETY: a syscache look-up whose list is released; its entries are rows of pg_auth_members.
        unsafe {
            let list = pg_sys::SearchSysCacheList(
                pg_sys::SysCacheIdentifier::AUTHMEMMEMROLE as i32,
                1,
                pg_sys::Datum::from(member),
                pg_sys::Datum::from(0),
                pg_sys::Datum::from(0),
            );
            for at in 0..usize::try_from((*list).n_members).unwrap_or(0) {
                let entry = *(*list).members.as_ptr().add(at);
                let mut is_null = false;
                let cache = pg_sys::SysCacheIdentifier::AUTHMEMMEMROLE as i32;
                let role = pg_sys::SysCacheGetAttr(cache, &mut (*entry).tuple, ROLEID, &mut is_null);
                let role = pg_sys::Oid::from(role.value() as u32);
                if !is_null && !roles.contains(&role) {
                    roles.push(role);
                }
            }
            pg_sys::ReleaseCatCacheList(list);
        }
    }
    // Only a member by being the database's owner, which no row says.
    roles.push(pg_sys::Oid::from(DATABASE_OWNER));
    roles
}

/// Whether `user` has the privileges of the role named `member`; superusers only where really granted.
fn inherits(user: pg_sys::Oid, member: &str) -> bool {
    let Ok(member) = CString::new(member) else { return false };
    // SAFETY: syscache look-ups.
    unsafe {
        let role = pg_sys::get_role_oid(member.as_ptr(), true);
        if role == pg_sys::InvalidOid {
            false
        } else if pg_sys::superuser_arg(user) {
            pg_sys::is_member_of_role_nosuper(user, role)
        } else {
            pg_sys::has_privs_of_role(user, role)
        }
    }
}

/// The name of the role that the session acts as.
pub fn current_user_name() -> String {
    // SAFETY: reads a variable of the backend.
    role_name(unsafe { pg_sys::GetUserId() })
}

/// The name of a role; empty where it is gone.
pub fn role_name(role: pg_sys::Oid) -> String {
    // SAFETY: the name is a palloc'd C string of an existing role, or NULL with noerr.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}
