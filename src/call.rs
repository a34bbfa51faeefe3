//! The call state of a scoring function: what is found once and used for every row of a statement.

use crate::catalog::Home;
use crate::counters::record::{self, Tally};
use crate::error::{Failure, Result};
use crate::features::{self, Features};
use crate::guc;
use crate::jsonb;
use crate::relation::{self, Binding, Composite};
use crate::scoring::{self, Scorer};
use crate::snapshot::View;
use crate::version::{self, Resolved, Version};
use pgrx::{FromDatum, PgMemoryContexts};
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::Value;
use std::ffi::CStr;
use std::rc::Rc;

/// In which of its shapes a caller hands over features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Row,
    Jsonb,
    /// `json` and `text` holding JSON: the same bytes.
    Text,
    Array,
}

impl Shape {
    /// The shape that the called overload declares for argument `position`.
    pub fn declared(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Result<Self> {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: the function is the one being called; PostgreSQL allocates the array it points to.
        let declared = unsafe {
            pg_sys::get_func_signature((*(*fcinfo).flinfo).fn_oid, &mut types, &mut count);
            usize::try_from(count)
                .ok()
                .filter(|count| position < *count)
                .map(|count| std::slice::from_raw_parts(types, count)[position])
        };
        match declared {
            Some(pg_sys::JSONBOID) => Ok(Self::Jsonb),
            Some(pg_sys::JSONOID | pg_sys::TEXTOID) => Ok(Self::Text),
            Some(pg_sys::FLOAT8ARRAYOID) => Ok(Self::Array),
            Some(pg_sys::RECORDOID) => Ok(Self::Row),
            _ => Err(Failure::internal("a scoring function is declared with features of an unknown type")),
        }
    }
}

/// Reads features of one shape; keeps the row type's binding between rows.
pub struct FeatureReader {
    shape: Shape,
    binding: Option<Binding>,
}

impl FeatureReader {
    pub fn new(shape: Shape) -> Self {
        Self { shape, binding: None }
    }

    /// Reads one input's features into `features`, whatever was there.
    ///
    /// # Safety
    /// `datum` must be a non-null value of the reader's shape.
    pub unsafe fn read(
        &mut self,
        version: &Version,
        datum: pg_sys::Datum,
        features: &mut Features,
    ) -> Result<()> {
        let signature = &version.signature;
        match self.shape {
            Shape::Row => unsafe { Composite::open(datum) }.read(signature, &mut self.binding, features)?,
            Shape::Jsonb => unsafe { read_jsonb(version, datum, features) }?,
            Shape::Text => {
                let text = unsafe { String::from_datum(datum, false) }.unwrap_or_default();
                *features = features::from_json(signature, &features::parse_json(&text)?)?;
            }
            Shape::Array => {
                *features = features::from_array(signature, &unsafe { relation::float_array(datum) }?)?;
            }
        }
        Ok(())
    }
}

/// # Safety
/// `datum` must be a non-null jsonb.
unsafe fn read_jsonb(version: &Version, datum: pg_sys::Datum, features: &mut Features) -> Result<()> {
    let (signature, strict) = (&version.signature, guc::STRICT_FEATURES.get());
    features.clear(signature);
    // SAFETY: a jsonb is of variable length; detoasted, its bytes begin after a length of four.
    let found = unsafe {
        let value: *mut pg_sys::varlena = datum.cast_mut_ptr();
        let whole = if pgrx::varatt_is_4b_u(value) { value } else { pg_sys::pg_detoast_datum(value) };
        let found =
            jsonb::read(signature, &version.keys, pgrx::varlena_to_byte_slice(whole), strict, features);
        if whole != value {
            pg_sys::pfree(whole.cast());
        }
        found
    };
    match found {
        Some(found) if found == signature.features.len() || (found > 0 && !strict) => Ok(()),
        _ => {
            *features = features::from_json(signature, &features::parse_json(&unsafe { json_text(datum) })?)?;
            Ok(())
        }
    }
}

/// The state kept between rows: the model as written, the view it was resolved under, and what it means.
pub struct CallState {
    home: Home,
    model: String,
    view: View,
    resolved: Rc<Resolved>,
    pub scorer: Scorer,
    pub tally: Tally,
    reader: FeatureReader,
    features: Features,
}

impl CallState {
    /// The state of this call, made anew where the model or what the statement sees has changed.
    pub fn of(fcinfo: pg_sys::FunctionCallInfo) -> Result<&'static mut Self> {
        let datum = datum_argument(fcinfo, 0)
            .ok_or_else(|| null_argument("model", "Name a model: sira_score('fraud', …)."))?;
        let view = View::current();
        // SAFETY: fn_extra is ours: nothing but this function sets it, and what it points to lives in
        // fn_mcxt as long as flinfo does. The argument is a text.
        unsafe {
            let flinfo = (*fcinfo).flinfo;
            if let Some(state) = (*flinfo).fn_extra.cast::<Self>().as_mut() {
                let same = state.view == view
                    && relation::inline(datum).is_some_and(|model| model == state.model.as_bytes());
                if !same {
                    state.renew(text_of(datum), view)?;
                }
                scoring::check_enabled(&state.resolved)
                    .inspect_err(|_| record::failed(state.home, &state.resolved))?;
                return Ok(state);
            }
            let (home, model) = (Home::of_call(fcinfo)?, text_of(datum));
            let resolved = version::resolve(home, &model)?;
            let (scorer, tally) = Self::begin(home, &resolved)?;
            let state = Self {
                home,
                scorer,
                tally,
                resolved,
                model,
                view,
                reader: FeatureReader::new(Shape::declared(fcinfo, 1)?),
                features: Features::default(),
            };
            let kept = PgMemoryContexts::For((*flinfo).fn_mcxt).leak_and_drop_on_delete(state);
            (*flinfo).fn_extra = kept.cast();
            Ok(&mut *kept)
        }
    }

    fn renew(&mut self, model: String, view: View) -> Result<()> {
        let resolved = version::resolve(self.home, &model)?;
        let (scorer, tally) = Self::begin(self.home, &resolved)?;
        if scorer.version.id != self.scorer.version.id {
            self.reader.binding = None;
        }
        (self.model, self.view, self.resolved, self.scorer) = (model, view, resolved, scorer);
        // What was counted until now goes to the version that it was counted for.
        self.tally = tally;
        Ok(())
    }

    fn begin(home: Home, resolved: &Resolved) -> Result<(Scorer, Tally)> {
        let scorer = Scorer::of(home, resolved).inspect_err(|_| record::failed(home, resolved))?;
        let tally = Tally::new(home, resolved, scorer.is_bounded());
        Ok((scorer, tally))
    }

    /// The features that this row of the statement hands over, ready to score.
    pub fn features(&mut self, fcinfo: pg_sys::FunctionCallInfo) -> Result<(&Scorer, &Features)> {
        let datum = datum_argument(fcinfo, 1).ok_or_else(null_features)?;
        // SAFETY: the argument is of the declared shape.
        unsafe { self.reader.read(&self.scorer.version, datum, &mut self.features) }?;
        Ok((&self.scorer, &self.features))
    }
}

/// # Safety
/// `datum` must be a non-null text.
unsafe fn text_of(datum: pg_sys::Datum) -> String {
    unsafe { String::from_datum(datum, false) }.unwrap_or_default()
}

/// The error for NULL instead of features: an answer would hide that nothing was scored.
pub fn null_features() -> Failure {
    null_argument("features", "Filter out NULL rows, or give missing values as NULL columns of a row.")
}

pub fn null_argument(name: &str, hint: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" is null"))
        .hint(hint)
}

/// An argument as it is, `None` where it is NULL or not declared.
pub fn datum_argument(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<pg_sys::Datum> {
    // SAFETY: positions below nargs exist.
    unsafe {
        if position >= usize::try_from((*fcinfo).nargs).unwrap_or(0) {
            return None;
        }
        let argument = pgrx::pg_get_nullable_datum(fcinfo, position);
        if argument.isnull { None } else { Some(argument.value) }
    }
}

/// A text argument.
pub fn text_argument(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<String> {
    argument(fcinfo, position)
}

/// A jsonb argument. It is parsed here: a number that no float8 can hold is an error with a name.
pub fn json_argument(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Result<Option<Value>> {
    // SAFETY: the SQL declarations give these positions the type jsonb.
    datum_argument(fcinfo, position)
        .map(|datum| features::parse_json(&unsafe { json_text(datum) }))
        .transpose()
}

/// The text of a jsonb.
///
/// # Safety
/// `datum` must be a non-null jsonb.
pub unsafe fn json_text(datum: pg_sys::Datum) -> String {
    let text = unsafe { pgrx::direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)]) };
    text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

/// An argument of any type that pgrx knows.
pub fn argument<T: FromDatum>(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<T> {
    // SAFETY: the SQL declaration gives the position the type that is asked for.
    datum_argument(fcinfo, position).and_then(|datum| unsafe { T::from_datum(datum, false) })
}
