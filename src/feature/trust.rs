//! Whose definitions a role runs.
//!
//! What a definition names runs with the rights of whoever asks: its functions, and the views among its sources. Their
//! owner can replace them at any time, and a STABLE function may call a volatile one, so no check of the text makes it
//! safe. PostgreSQL leaves it to everybody whose functions they call; but a superuser that runs the pipeline calls
//! whatever any author has written. So a superuser, or a member of the extension's owner, runs what its likes have
//! defined, and refuses the rest. The session's user counts as well: SET ROLE is undone by whatever is called.

use crate::catalog::{Home, role_name};
use crate::error::{Failure, Result};
use crate::feature::definition::Definition;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::ffi::CString;

/// Refuses to run a definition with rights that its author could take.
pub fn require(home: Home, definition: &Definition) -> Result<()> {
    // SAFETY: reads variables of the backend.
    let (user, session, is_lent) =
        unsafe { (pg_sys::GetUserId(), pg_sys::GetSessionUserId(), pg_sys::InLocalUserIdChange()) };
    // Inside a function that runs as its owner nothing can be reset.
    let callers = if is_lent { [user, user] } else { [user, session] };
    match callers.into_iter().find(|caller| lends(home, *caller, &definition.author)) {
        None => Ok(()),
        Some(caller) => Err(refusal(definition, &role_name(caller))),
    }
}

/// Whether the caller has rights that the author would gain.
fn lends(home: Home, caller: pg_sys::Oid, author: &str) -> bool {
    // SAFETY: look-ups in the catalog.
    unsafe {
        let is_superuser = pg_sys::superuser_arg(caller);
        if !is_superuser && !pg_sys::is_member_of_role(caller, home.owner) {
            return false;
        }
        let Ok(author) = CString::new(author) else { return true };
        let author = pg_sys::get_role_oid(author.as_ptr(), true);
        author != caller
            && (author == pg_sys::InvalidOid
                || !(pg_sys::superuser_arg(author)
                    || !is_superuser && pg_sys::is_member_of_role(author, home.owner)))
    }
}

fn refusal(definition: &Definition, caller: &str) -> Failure {
    let (name, author) = (&definition.name, &definition.author);
    Failure::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("feature \"{name}\" of role \"{author}\" does not run with the rights of role \"{caller}\""),
    )
    .detail(format!("What it calls is {author}'s to replace, and would act as {caller}."))
    .hint(format!(
        "Connect as {author}, or as a role that is no superuser (SET ROLE can be undone by what is called); or read the \
         definition and define it, and its sets, again as {caller}."
    ))
}
