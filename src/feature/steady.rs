//! What would give another answer to the same question, or do something besides answering.
//!
//! PostgreSQL knows which functions are volatile, and `contain_volatile_functions` finds them in calls, operators and
//! casts. Three ways lead past it: a domain's CHECK runs wherever a value becomes one of the domain, in array literals and
//! in functions that give the domain too; an aggregate is IMMUTABLE whatever its transition function is; and `'now'` is a
//! constant to the parser, of the moment at which it was parsed. All of these are read off the text of the analysed tree,
//! in which a node's fields have the same names in every version.
//!
//! What a definition calls can be replaced later. So plans are looked at when they are made, not definitions alone.

use crate::error::{Failure, Result};
use crate::feature::check::{Clause, length};
use pgrx::{PgMemoryContexts, PgSqlErrorCode, pg_sys};
use std::ffi::CStr;

/// Oids from here on are those of users' objects.
const FIRST_OF_USERS: u32 = 16_384;

/// now, transaction_timestamp, statement_timestamp, age(timestamptz), age(timestamp), current_user, session_user,
/// getpgusername, and the input functions that know the word now, called by name.
const CLOCK: [u32; 17] =
    [1299, 2647, 2648, 1386, 2059, 745, 746, 710, 1150, 1312, 1084, 1143, 1350, 750, 3834, 2290, 2597];

/// pg_backend_pid, inet_client_addr and _port, inet_server_addr and _port, pg_postmaster_start_time, pg_conf_load_time,
/// txid_current and _if_assigned, txid_current_snapshot, pg_current_xact_id and _if_assigned, pg_current_snapshot.
/// Not current_setting: policies of row-level security ask for settings, and are a part of the query here.
const SESSION: [u32; 13] = [2026, 2196, 2197, 2198, 2199, 2560, 2034, 2943, 3348, 2944, 5059, 5060, 5061];

/// table_to_xml, schema_to_xml, database_to_xml and their kin: what they read is not in the tree.
const HIDING: [u32; 9] = [2923, 2926, 2929, 2933, 2934, 2935, 2936, 2937, 2938];

/// Words in a literal that stand for a time which moves.
const MOVING: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

/// Types of nodes that only pass values on: nothing becomes one of the type there.
const PASSING: [&str; 2] = [":vartype", ":paramtype"];

/// Refuses what an analysed query or expression of `sql` must not hold.
///
/// # Safety
/// `node` is an analysed tree, or NULL.
pub unsafe fn refuse_unsteady(clause: Clause<'_>, sql: &str, node: *mut pg_sys::Node) -> Result<()> {
    // SAFETY: the caller's tree.
    let (volatile, tree) = unsafe { (pg_sys::contain_volatile_functions(node), text(node)) };
    let found = Found::of(&tree);
    if volatile || found.aggregates.iter().any(|aggregate| unsafe { acts(*aggregate) }) {
        return Err(clause
            .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "calls a volatile function")
            .hint("Only functions that are IMMUTABLE or STABLE give a past moment its value again."));
    }
    let mut seen = Vec::new();
    if found.types.iter().any(|type_oid| unsafe { checks_volatile(*type_oid, &mut seen) }) {
        return Err(clause
            .refuse(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "makes values of a domain whose CHECK calls a volatile function",
            )
            .hint("Cast to the domain's base type, or mark the function of its CHECK as IMMUTABLE or STABLE where it is."));
    }
    // The text of a tree holds constants as bytes and names with their spaces escaped, so what is found is a node.
    if tree.contains("{SQLVALUEFUNCTION") || found.functions.iter().any(|function| CLOCK.contains(function)) {
        return Err(asks_for_now(clause));
    }
    if tree.contains("{TABLESAMPLECLAUSE") {
        return Err(clause
            .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "takes a sample of rows")
            .hint("Which rows are in it changes with the table: take out TABLESAMPLE."));
    }
    if found.functions.iter().any(|function| SESSION.contains(function)) {
        return Err(clause
            .refuse(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "asks for the current session or transaction",
            )
            .hint("Another session asks for the same moment: the answer must be the same."));
    }
    if found.functions.iter().any(|function| HIDING.contains(function)) {
        return Err(clause
            .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "reads what it does not name")
            .hint("Select from the relation itself: what a function makes XML of cannot be looked at."));
    }
    if found.system_columns {
        return Err(clause
            .refuse(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "reads a system column")
            .hint("It changes when a row is rewritten or restored; use the relation's own columns."));
    }
    if found.constants.iter().any(|(type_oid, at)| unsafe { holds_time(*type_oid) } && moves(sql, *at)) {
        return Err(asks_for_now(clause)
            .detail("A literal such as 'now' or 'today' is the time at which it is read."));
    }
    if found.from_text.iter().any(|type_oid| unsafe { holds_time(*type_oid) }) {
        return Err(asks_for_now(clause)
            .detail("A text that is cast to a date or a time may be 'now' or 'today'.")
            .hint("Say what the text looks like: to_timestamp(text, 'YYYY-MM-DD HH24:MI:SS'), to_date(text, 'YYYY-MM-DD')."));
    }
    Ok(())
}

fn asks_for_now(clause: Clause<'_>) -> Failure {
    clause
        .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "asks for the current time or user")
        .hint("A feature is asked for other moments too: a query has $as_of, a window its time column.")
}

/// What the text of a tree names.
#[derive(Default)]
struct Found {
    functions: Vec<u32>,
    aggregates: Vec<u32>,
    /// Types of which values are made.
    types: Vec<u32>,
    /// Types that texts are read as.
    from_text: Vec<u32>,
    /// Constants: the type, and where in the SQL the literal stands.
    constants: Vec<(u32, usize)>,
    system_columns: bool,
}

impl Found {
    fn of(tree: &str) -> Self {
        let number = |token: Option<&&str>| token?.trim_end_matches(['}', ')']).parse::<u32>().ok();
        let tokens: Vec<&str> = tree.split_ascii_whitespace().collect();
        let mut found = Self::default();
        let mut constant = None;
        for (at, token) in tokens.iter().enumerate() {
            if !token.starts_with(':') {
                continue;
            }
            let value = number(tokens.get(at + 1));
            match *token {
                ":funcid" => found.functions.extend(value),
                ":aggfnoid" | ":winfnoid" => {
                    found.aggregates.extend(value.filter(|oid| *oid >= FIRST_OF_USERS));
                }
                ":consttype" => constant = value,
                ":varattno" => {
                    found.system_columns |= tokens.get(at + 1).is_some_and(|number| number.starts_with('-'));
                }
                ":location" => {
                    let place = value.and_then(|place| usize::try_from(place).ok());
                    found.constants.extend(constant.take().zip(place));
                }
                // Columns of a function in FROM: (o 25 16400).
                ":funccoltypes" => {
                    let listed = tokens.iter().skip(at + 2).map_while(|token| number(Some(token)));
                    found.types.extend(listed.filter(|oid| *oid >= FIRST_OF_USERS));
                }
                // Of the casts only the one by way of text says no typmod.
                ":resulttype" if tokens.get(at + 2) == Some(&":resultcollid") => {
                    found.from_text.extend(value);
                }
                _ => {}
            }
            if token.contains("type") && !PASSING.contains(token) {
                found.types.extend(value.filter(|oid| *oid >= FIRST_OF_USERS));
            }
        }
        found.types.sort_unstable();
        found.types.dedup();
        found
    }
}

/// The text of a tree, with the places of its nodes.
unsafe fn text(node: *mut pg_sys::Node) -> String {
    // SAFETY: gives a palloc'd C string.
    unsafe {
        #[cfg(any(feature = "pg17", feature = "pg18"))]
        let text = pg_sys::nodeToStringWithLocations(node.cast());
        #[cfg(not(any(feature = "pg17", feature = "pg18")))]
        let text = pg_sys::nodeToString(node.cast());
        let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        owned
    }
}

/// The columns of pg_aggregate that name functions: aggtransfn to aggmfinalfn.
const PARTS: std::ops::RangeInclusive<pg_sys::AttrNumber> = 4..=11;

/// Whether a function that an aggregate is made of is volatile.
unsafe fn acts(aggregate: u32) -> bool {
    let cache = pg_sys::SysCacheIdentifier::AGGFNOID as i32;
    // SAFETY: the tuple is read before it is released; its columns of functions are oids, 0 for none.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(pg_sys::Oid::from(aggregate)));
        if tuple.is_null() {
            return false;
        }
        let parts = PARTS.map(|column| {
            let mut is_null = false;
            let part = pg_sys::SysCacheGetAttr(cache, tuple, column, &mut is_null);
            pg_sys::Oid::from(part.value() as u32)
        });
        let parts: Vec<pg_sys::Oid> = parts.collect();
        pg_sys::ReleaseSysCache(tuple);
        parts.into_iter().any(|part| {
            part != pg_sys::InvalidOid && pg_sys::func_volatile(part) as u8 == pg_sys::PROVOLATILE_VOLATILE
        })
    }
}

/// Whether making a value of the type runs a CHECK that calls a volatile function: its own, or that of what it is made of.
unsafe fn checks_volatile(type_oid: u32, seen: &mut Vec<u32>) -> bool {
    if type_oid < FIRST_OF_USERS || seen.contains(&type_oid) {
        return false;
    }
    seen.push(type_oid);
    let oid = pg_sys::Oid::from(type_oid);
    // SAFETY: look-ups in the catalog; a row type's descriptor is released.
    unsafe {
        let mut parts: Vec<pg_sys::Oid> = vec![pg_sys::get_element_type(oid)];
        match pg_sys::get_typtype(oid) as u8 {
            b'd' => {
                if constraints_are_volatile(oid) {
                    return true;
                }
                parts.push(pg_sys::getBaseType(oid));
            }
            b'r' => parts.push(pg_sys::get_range_subtype(oid)),
            #[cfg(not(feature = "pg13"))]
            b'm' => parts.push(pg_sys::get_multirange_range(oid)),
            b'c' => {
                let row = pgrx::PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(oid, -1));
                parts.extend(row.iter().filter(|column| !column.attisdropped).map(|column| column.atttypid));
            }
            _ => {}
        }
        parts.into_iter().any(|part| checks_volatile(u32::from(part), seen))
    }
}

/// Whether a CHECK of a domain, or of one that it is made from, calls a volatile function.
unsafe fn constraints_are_volatile(domain: pg_sys::Oid) -> bool {
    // The reference is declared before the context that lets go of it.
    let mut reference = pg_sys::DomainConstraintRef::default();
    let context = PgMemoryContexts::new("sira constraints of a domain");
    // SAFETY: the type is a domain; its constraints live as long as the context.
    unsafe {
        pg_sys::InitDomainConstraintRef(domain, &mut reference, context.value(), false);
        (0..length(reference.constraints)).any(|at| {
            let constraint =
                pg_sys::list_nth(reference.constraints, at).cast::<pg_sys::DomainConstraintState>();
            pg_sys::contain_volatile_functions((*constraint).check_expr.cast())
        })
    }
}

/// Whether reading a text as the type can give a date or a time: those, and arrays, ranges and rows.
unsafe fn holds_time(type_oid: u32) -> bool {
    // SAFETY: look-ups in the catalog.
    unsafe {
        let base = pg_sys::getBaseType(pg_sys::Oid::from(type_oid));
        let element = pg_sys::get_base_element_type(base);
        let of = if element == pg_sys::InvalidOid { base } else { pg_sys::getBaseType(element) };
        let (mut category, mut preferred) = (0, false);
        pg_sys::get_type_category_preferred(of, &mut category, &mut preferred);
        category as u8 == pg_sys::TYPCATEGORY_DATETIME
            || matches!(pg_sys::get_typtype(of) as u8, b'r' | b'm' | b'c')
    }
}

/// Whether the literal at a place of the SQL holds a word for a time that moves, or hides what it holds.
fn moves(sql: &str, at: usize) -> bool {
    let Some(rest) = sql.get(at..) else { return false };
    let Some((literal, plain)) = literal(rest) else { return false };
    let mut words = literal.split(|c: char| !c.is_ascii_alphabetic());
    !plain && literal.contains('\\') || words.any(|word| MOVING.contains(&word.to_ascii_lowercase().as_str()))
}

/// What a string literal at the beginning of a text holds, and whether a backslash in it is one.
fn literal(text: &str) -> Option<(String, bool)> {
    if let Some(after) = text.strip_prefix('$') {
        let (tag, body) = after.split_once('$')?;
        return Some((body.split(&format!("${tag}$")).next()?.to_owned(), true));
    }
    let open = text.find('\'')?;
    let plain = match text.get(..open)?.to_ascii_lowercase().as_str() {
        "" => true,
        "e" | "u&" => false,
        _ => return None,
    };
    let mut content = String::new();
    let mut rest = text.get(open + 1..)?;
    loop {
        let (piece, after) = rest.split_once('\'')?;
        content.push_str(piece);
        // A doubled quote, or a string that goes on in the next line.
        rest = match after.strip_prefix('\'') {
            Some(after) => after,
            None => {
                let gap = after.trim_start();
                let broken =
                    after.len() > gap.len() && after.get(..after.len() - gap.len())?.contains(['\n', '\r']);
                match gap.strip_prefix('\'') {
                    Some(after) if broken => after,
                    _ => return Some((content, plain)),
                }
            }
        };
    }
}
