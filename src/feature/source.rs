//! The relation that windows read: its name as SQL writes it, its columns, and what its entity and time columns are.

use crate::error::{Failure, Result, literal};
use crate::relation::type_name;
use pgrx::{PgRelation, PgSqlErrorCode, pg_sys};
use std::ffi::{CStr, CString};

/// Microseconds of a day, which has 24 hours.
pub const DAY: i64 = 86_400_000_000;

/// A relation that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub oid: pg_sys::Oid,
    /// Qualified and quoted, as a definition keeps it.
    pub name: String,
    /// Unqualified and quoted: what expressions may prefix columns with.
    pub alias: String,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub number: i16,
    pub name: String,
    pub type_oid: pg_sys::Oid,
    pub collation: pg_sys::Oid,
}

/// How a time column holds its times; what it reads as is microseconds since 2000-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeKind {
    /// `timestamptz`; and `timestamp`, which is read as UTC whatever the session's TimeZone.
    Micros,
    /// `date`: the first instant of the day.
    Days,
}

impl Relation {
    pub fn of_oid(oid: pg_sys::Oid) -> Result<Self> {
        // SAFETY: names are palloc'd C strings, or NULL where the relation is gone.
        unsafe {
            let bare = pg_sys::get_rel_name(oid);
            let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(oid));
            if bare.is_null() || schema.is_null() {
                return Err(Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, "the relation is gone")
                    .hint("Name a table or a view that exists."));
            }
            let text = |name: *const std::ffi::c_char| CStr::from_ptr(name).to_string_lossy().into_owned();
            Ok(Self {
                oid,
                name: text(pg_sys::quote_qualified_identifier(schema, bare)),
                alias: text(pg_sys::quote_identifier(bare)),
            })
        }
    }

    /// The relation of a name as SQL writes it, none where there is none.
    pub fn named(name: &str) -> Result<Option<Self>> {
        use pgrx::IntoDatum;
        // SAFETY: to_regclass takes a text and answers NULL for what does not exist.
        let oid: Option<pg_sys::Oid> =
            unsafe { pgrx::direct_function_call(pg_sys::to_regclass, &[name.into_datum()]) };
        oid.map(Self::of_oid).transpose()
    }

    /// Its columns, read under the lock that reading takes.
    pub fn columns(&self) -> Result<Vec<Column>> {
        // SAFETY: the relation exists; the lock is kept until the end of the transaction, as a query's is.
        let relation =
            unsafe { PgRelation::with_lock(self.oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
        Ok(relation
            .tuple_desc()
            .iter()
            .filter(|attribute| !attribute.attisdropped)
            .map(|attribute| Column {
                number: attribute.attnum,
                name: attribute.name().to_owned(),
                type_oid: attribute.atttypid,
                collation: attribute.attcollation,
            })
            .collect())
    }

    /// Whether it can be read, will be there for the next session, and is no index or sequence.
    pub fn check_kind(&self) -> Result<()> {
        // SAFETY: syscache look-ups.
        let (kind, temporary) = unsafe {
            (pg_sys::get_rel_relkind(self.oid) as u8, pg_sys::get_rel_persistence(self.oid) as u8 == b't')
        };
        if !matches!(kind, b'r' | b'p' | b'v' | b'm' | b'f') {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
                format!("{} is no table and no view", self.name),
            )
            .hint("Name a table, a view, a materialized view or a foreign table."));
        }
        if temporary {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
                format!("{} is temporary", self.name),
            )
            .hint("A definition outlives the session: name a table that does too."));
        }
        Ok(())
    }
}

/// A name as an identifier.
pub fn quoted(name: &str) -> String {
    let Ok(text) = CString::new(name) else { return String::new() };
    // SAFETY: gives its argument or a palloc'd C string.
    unsafe { CStr::from_ptr(pg_sys::quote_identifier(text.as_ptr())).to_string_lossy().into_owned() }
}

/// The column of that name, or the error that says which there are.
pub fn column<'c>(relation: &Relation, columns: &'c [Column], name: &str) -> Result<&'c Column> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
            format!("column \"{name}\" of relation {} does not exist", relation.name),
        )
        .hint(format!("Its columns are {}.", names(columns).join(", ")))
    })
}

pub fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

/// What a time column is; 42804 for one that holds no times.
pub fn time_kind(column: &Column, columns: &[Column]) -> Result<TimeKind> {
    let kind = of_time(column.type_oid);
    kind.ok_or_else(|| {
        let others: Vec<&str> = columns
            .iter()
            .filter(|other| of_time(other.type_oid).is_some())
            .map(|other| other.name.as_str())
            .collect();
        Failure::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            format!("column \"{}\" holds no times", column.name),
        )
        .detail(format!("It is of type {}.", type_name(column.type_oid)))
        .hint(match others.as_slice() {
            [] => "The relation has no timestamptz, timestamp or date column.".to_owned(),
            some => format!("Columns that hold times are {}.", some.join(", ")),
        })
    })
}

pub fn of_time(type_oid: pg_sys::Oid) -> Option<TimeKind> {
    // SAFETY: a syscache look-up.
    match unsafe { pg_sys::getBaseType(type_oid) } {
        pg_sys::TIMESTAMPTZOID | pg_sys::TIMESTAMPOID => Some(TimeKind::Micros),
        pg_sys::DATEOID => Some(TimeKind::Days),
        _ => None,
    }
}

impl TimeKind {
    /// A value of the column in microseconds; infinite dates stay at the ends.
    pub fn micros(self, datum: pg_sys::Datum) -> i64 {
        match self {
            Self::Micros => datum.value() as i64,
            Self::Days => match datum.value() as i32 {
                i32::MAX => i64::MAX,
                i32::MIN => i64::MIN,
                // Dates reach further than timestamps do.
                days => {
                    i64::from(days).checked_mul(DAY).unwrap_or(if days < 0 { i64::MIN } else { i64::MAX })
                }
            },
        }
    }

    /// The last microsecond that a value may mean: what was recorded on a day was not known before the day was over.
    pub fn last_micros(self, datum: pg_sys::Datum) -> i64 {
        match self {
            Self::Micros => self.micros(datum),
            Self::Days => self.micros(datum).saturating_add(DAY - 1),
        }
    }

    /// The last time that a value of a recording column can have, of those that are known at a moment.
    pub fn known_by(self, moment: i64) -> i64 {
        match self {
            Self::Micros => moment,
            Self::Days => moment.saturating_sub(DAY - 1),
        }
    }

    /// The least value of the column that is at or after a time.
    pub fn at_or_after(self, micros: i64) -> pg_sys::Datum {
        match self {
            Self::Micros => pg_sys::Datum::from(micros),
            Self::Days => days(-(micros.saturating_neg()).div_euclid(DAY)),
        }
    }

    /// The greatest value of the column that is at or before a time.
    pub fn at_or_before(self, micros: i64) -> pg_sys::Datum {
        match self {
            Self::Micros => pg_sys::Datum::from(micros),
            Self::Days => days(micros.div_euclid(DAY)),
        }
    }
}

/// Days as a date; 0 stands for no day of the infinite ones.
fn days(days: i64) -> pg_sys::Datum {
    pg_sys::Datum::from(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN + 1 } else { i32::MAX - 1 }))
}

/// A type for a cast that keeps values whole: char(n) as `bpchar`, for `character` alone would be char(1).
pub fn bare_type(type_oid: pg_sys::Oid) -> String {
    // SAFETY: gives a palloc'd C string, qualified where the search path does not find the type.
    unsafe { CStr::from_ptr(pg_sys::format_type_with_typemod(type_oid, -1)).to_string_lossy().into_owned() }
}

/// Whether equal values are written alike, so that ids may be compared as texts: not 1 and 1.0, nor 'a' and 'A' where
/// case does not count.
fn is_written_one_way(column: &Column) -> bool {
    // SAFETY: syscache look-ups.
    unsafe {
        let base = pg_sys::getBaseType(column.type_oid);
        let deterministic =
            column.collation == pg_sys::InvalidOid || pg_sys::get_collation_isdeterministic(column.collation);
        let plain = [
            pg_sys::INT2OID,
            pg_sys::INT4OID,
            pg_sys::INT8OID,
            pg_sys::OIDOID,
            pg_sys::TEXTOID,
            pg_sys::VARCHAROID,
            pg_sys::BPCHAROID,
            pg_sys::NAMEOID,
            pg_sys::UUIDOID,
            pg_sys::BOOLOID,
            pg_sys::BYTEAOID,
            pg_sys::DATEOID,
            pg_sys::TIMESTAMPOID,
            pg_sys::TIMESTAMPTZOID,
            pg_sys::INETOID,
            pg_sys::MACADDROID,
        ];
        deterministic && (plain.contains(&base) || pg_sys::type_is_enum(base))
    }
}

/// Refuses a column whose values cannot tell entities apart.
pub fn check_identity(column: &Column) -> Result<()> {
    equality(column)?;
    if is_written_one_way(column) {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{}\" can identify no entity", column.name),
    )
    .detail(format!("Equal values of type {} may be written in several ways.", type_name(column.type_oid)))
    .hint("Read a view that casts it to bigint or text, or name a column of a text, uuid or integer type."))
}

/// The equality that a btree index on a column of the type answers, as SQL writes it.
pub fn equality(column: &Column) -> Result<String> {
    // SAFETY: the type cache's entries live for ever; names are palloc'd C strings.
    unsafe {
        let entry = pg_sys::lookup_type_cache(column.type_oid, pg_sys::TYPECACHE_EQ_OPR as i32);
        let operator = (*entry).eq_opr;
        let (name, schema) = (pg_sys::get_opname(operator), operator_schema(operator));
        if operator == pg_sys::InvalidOid || name.is_null() || schema.is_null() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                format!("column \"{}\" can identify no entity", column.name),
            )
            .detail(format!("Its type {} has no equality.", type_name(column.type_oid)))
            .hint("Name a column of a text, uuid or integer type."));
        }
        let schema = CStr::from_ptr(pg_sys::quote_identifier(schema)).to_string_lossy();
        Ok(format!("OPERATOR({schema}.{})", CStr::from_ptr(name).to_string_lossy()))
    }
}

unsafe fn operator_schema(operator: pg_sys::Oid) -> *mut std::ffi::c_char {
    unsafe {
        let tuple = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::OPEROID as i32,
            pg_sys::Datum::from(operator),
        );
        if tuple.is_null() {
            return std::ptr::null_mut();
        }
        let form = pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_operator;
        let schema = pg_sys::get_namespace_name((*form).oprnamespace);
        pg_sys::ReleaseSysCache(tuple);
        schema
    }
}

/// An entity's id as a value of the entity column's type, so that the column's index is used; none where the text is no
/// value of the type, and so no row can hold it.
///
/// Integers and uuids are judged here. Of any other type the type's own input function judges, and what it refuses is
/// its error.
pub fn entity(type_oid: pg_sys::Oid, id: &str) -> Result<Option<pg_sys::Datum>> {
    use pgrx::IntoDatum;
    // SAFETY: a syscache look-up.
    let base = unsafe { pg_sys::getBaseType(type_oid) };
    Ok(match base {
        pg_sys::INT2OID => id.trim().parse::<i16>().ok().and_then(IntoDatum::into_datum),
        pg_sys::INT4OID => id.trim().parse::<i32>().ok().and_then(IntoDatum::into_datum),
        pg_sys::INT8OID => id.trim().parse::<i64>().ok().and_then(IntoDatum::into_datum),
        pg_sys::TEXTOID | pg_sys::VARCHAROID => id.into_datum(),
        pg_sys::UUIDOID if !is_uuid(id) => None,
        _ => {
            let Ok(text) = CString::new(id) else { return Ok(None) };
            // SAFETY: an input function takes a C string, an oid and a typmod; what it refuses is an error.
            Some(unsafe {
                let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
                pg_sys::getTypeInputInfo(type_oid, &mut function, &mut parameter);
                pg_sys::OidInputFunctionCall(function, text.as_ptr().cast_mut(), parameter, -1)
            })
        }
    })
}

/// Whether a text is a uuid to PostgreSQL: 32 digits, braces around them, hyphens after groups of four.
fn is_uuid(id: &str) -> bool {
    let inner = id.strip_prefix('{').map_or(Some(id), |rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| {
        let mut digits = 0;
        let mut hyphen_before = true;
        for c in inner.chars() {
            match c {
                '-' if !hyphen_before && digits % 4 == 0 => hyphen_before = true,
                c if c.is_ascii_hexdigit() => {
                    digits += 1;
                    hyphen_before = false;
                }
                _ => return false,
            }
        }
        digits == 32 && !hyphen_before
    })
}

/// The error for a relation that a definition names and that is no longer there.
pub fn gone(feature: &str, relation: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!("relation {relation} of feature \"{feature}\" does not exist"),
    )
    .detail("It was dropped or renamed after the feature was defined.")
    .hint(format!(
        "Bring it back, or define {} again with the new name, and its sets with it.",
        literal(feature)
    ))
}
