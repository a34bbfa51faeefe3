//! The session's settings that decide what a training query means.
//!
//! A run keeps them, so that whoever trains it again reads the same rows, whatever their own session says.

use crate::feature::pinned::{self, Pinned};
use pgrx::pg_sys;
use serde_json::{Map, Value};
use std::ffi::{CStr, CString};

/// By name: which objects a name means, how dates are read and shown, where a string ends.
const NAMES: [&CStr; 7] = [
    c"search_path",
    c"TimeZone",
    c"DateStyle",
    c"IntervalStyle",
    c"standard_conforming_strings",
    c"transform_null_equals",
    c"extra_float_digits",
];

/// Settings by name, as a run keeps them.
#[derive(Clone, Default)]
pub struct Settings(Vec<(&'static CStr, CString)>);

impl Settings {
    /// What is in force now.
    pub fn of_session() -> Self {
        let current = |name: &'static CStr| {
            if name == c"search_path" {
                return CString::new(pinned::search_path()).ok();
            }
            // SAFETY: a setting that every server has; its text is copied.
            unsafe {
                let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
                (!value.is_null()).then(|| CStr::from_ptr(value).to_owned())
            }
        };
        Self(NAMES.into_iter().filter_map(|name| Some((name, current(name)?))).collect())
    }

    /// What a run kept; other names are passed over.
    pub fn from_json(json: &Value) -> Self {
        let kept = |name: &'static CStr| {
            let value = json.get(name.to_str().ok()?)?.as_str()?;
            Some((name, CString::new(value).ok()?))
        };
        Self(NAMES.into_iter().filter_map(kept).collect())
    }

    pub fn to_json(&self) -> Value {
        let text = |value: &CStr| Value::from(value.to_string_lossy().into_owned());
        let all: Map<String, Value> =
            self.0.iter().map(|(name, value)| (name.to_string_lossy().into_owned(), text(value))).collect();
        Value::Object(all)
    }

    /// Puts them in force until the answer is dropped.
    pub fn hold(&self) -> Pinned {
        Pinned::with(self.0.iter().map(|(name, value)| (*name, value.as_c_str())))
    }
}
