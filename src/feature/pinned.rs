//! The settings under which users' SQL is understood and run: those of its definition.
//!
//! A session's search_path decides what `score(amount)` calls, its TimeZone what hour a payment has, and
//! standard_conforming_strings where a string ends. Training and serving are other sessions, so all of these are fixed:
//! names by the path of whoever defined the feature, times in UTC.

use crate::error::Result;
use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// What else than names changes what an expression means.
const FIXED: [(&CStr, &CStr); 6] = [
    (c"TimeZone", c"UTC"),
    (c"DateStyle", c"ISO, MDY"),
    (c"IntervalStyle", c"postgres"),
    (c"standard_conforming_strings", c"on"),
    (c"transform_null_equals", c"off"),
    (c"extra_float_digits", c"1"),
];

/// Holds the settings until it is dropped.
pub struct Pinned {
    level: Option<i32>,
}

impl Pinned {
    /// Puts in force what differs; a session that has it all already pays for a comparison.
    pub fn under(search_path: &str) -> Result<Self> {
        let path = CString::new(search_path).unwrap_or_default();
        let mut pinned = Self { level: None };
        pinned.set(c"search_path", &path);
        for (name, value) in FIXED {
            pinned.set(name, value);
        }
        Ok(pinned)
    }

    /// Puts other settings in force, that the caller has kept; each is one that any role may set.
    pub fn with<'a>(settings: impl Iterator<Item = (&'a CStr, &'a CStr)>) -> Self {
        let mut pinned = Self { level: None };
        settings.for_each(|(name, value)| pinned.set(name, value));
        pinned
    }

    fn set(&mut self, name: &CStr, value: &CStr) {
        // SAFETY: names of settings that every server has; the current value is read before anything changes it.
        unsafe {
            let current = pg_sys::GetConfigOption(name.as_ptr(), true, false);
            if !current.is_null() && CStr::from_ptr(current) == value {
                return;
            }
            self.level.get_or_insert_with(|| pg_sys::NewGUCNestLevel());
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(level) = self.level {
            // SAFETY: ends the nest level that `set` began; levels inside it have ended before.
            unsafe { pg_sys::AtEOXact_GUC(true, level) };
        }
    }
}

/// The session's path as a definition keeps it: schemas that exist, without those of temporary tables, which come last
/// and only so that they do not come first.
pub fn search_path() -> String {
    let mut names = Vec::new();
    // SAFETY: a list of schema ids, each of which exists; names are palloc'd C strings.
    unsafe {
        let schemas = pg_sys::fetch_search_path(false);
        let count = if schemas.is_null() { 0 } else { (*schemas).length };
        for position in 0..count {
            let schema = pg_sys::list_nth_oid(schemas, position);
            let name = pg_sys::get_namespace_name(schema);
            if !name.is_null() && !pg_sys::isAnyTempNamespace(schema) {
                names.push(CStr::from_ptr(pg_sys::quote_identifier(name)).to_string_lossy().into_owned());
            }
        }
    }
    names.push("pg_temp".to_owned());
    names.join(", ")
}
