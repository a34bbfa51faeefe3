//! Defining features and sets: arguments in, checked, stored.

use crate::call;
use crate::catalog::{self, Home};
use crate::error::{Failure, Result, SqlResult, literal};
use crate::feature::definition::{self, Definition, Kind};
use crate::feature::derived;
use crate::feature::kinds::{self, Common, WindowAsk};
use crate::feature::offline::questions;
use crate::feature::prepared::explained;
use crate::feature::source::Relation;
use pgrx::PgSqlErrorCode;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where in the argument list the common parameters begin.
fn common(fcinfo: pg_sys::FunctionCallInfo, at: usize) -> Result<Common> {
    let text = |position| call::text_argument(fcinfo, position);
    let common = Common {
        name: need("name", text(0))?,
        entity_type: need("entity_type", text(1))?,
        value_type: text(at),
        unit: text(at + 1),
        category: text(at + 2),
        description: text(at + 3),
        owner: text(at + 4),
        max_age: call::argument(fcinfo, at + 5),
        rules: call::json_argument(fcinfo, at + 6)?,
        retention: call::argument(fcinfo, at + 7),
    };
    common.check_names()?;
    Ok(common)
}

fn need(name: &str, value: Option<String>) -> Result<String> {
    value.ok_or_else(|| call::null_argument(name, "Only parameters with a default may be left out."))
}

fn store(home: Home, tenant: &str, columns: kinds::Columns) -> Result<i32> {
    definition::store(home, tenant, &Json::Object(columns))
}

#[pg_extern(sql = false)]
fn sira_define_window_feature(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let text = |position| call::text_argument(fcinfo, position);
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    let common = common(fcinfo, 13)?;
    let ask = WindowAsk {
        relation: source(fcinfo)?,
        entity_column: need("entity_column", text(3))?,
        time_column: need("time_column", text(4))?,
        aggregate: need("aggregate", text(5))?,
        size: call::argument(fcinfo, 6),
        value: text(7),
        filter: text(8),
        delay: call::argument(fcinfo, 9).unwrap_or_else(|| Interval::from_micros(0)),
        include_current: call::argument(fcinfo, 10).unwrap_or(true),
        denominator: text(11),
        recorded_column: text(12),
    };
    Ok(store(home, &tenant, kinds::window(&common, &ask)?)?)
}

/// The relation: a regclass, or its name as text.
fn source(fcinfo: pg_sys::FunctionCallInfo) -> Result<Relation> {
    let datum = call::datum_argument(fcinfo, 2)
        .ok_or_else(|| call::null_argument("source", "Name the relation that the feature reads."))?;
    // SAFETY: the two overloads declare a regclass and a text.
    unsafe {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        pg_sys::get_func_signature((*(*fcinfo).flinfo).fn_oid, &mut types, &mut count);
        if *types.add(2) == pg_sys::REGCLASSOID {
            return Relation::of_oid(pg_sys::Oid::from(datum.value() as u32));
        }
    }
    let name = need("source", call::text_argument(fcinfo, 2))?;
    const HINT: &str = "Name a table or a view, with its schema where that is not in the search_path.";
    let malformed = format!("\"{name}\" is no relation's name");
    let found =
        explained(|raised| raised.cause_of(malformed.clone(), HINT.to_owned()), || Relation::named(&name))?;
    found.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, format!("relation \"{name}\" does not exist"))
            .hint(HINT)
    })
}

#[pg_extern(sql = false)]
fn sira_define_sql_feature(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    let common = common(fcinfo, 3)?;
    let query = need("query", call::text_argument(fcinfo, 2))?;
    Ok(store(home, &tenant, kinds::sql(&common, &query)?)?)
}

#[pg_extern(sql = false)]
fn sira_define_stored_feature(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    Ok(store(home, &tenant, common(fcinfo, 2)?.columns("stored", None)?)?)
}

#[pg_extern(sql = false)]
fn sira_define_derived_feature(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    let common = common(fcinfo, 3)?;
    let expression = need("expression", call::text_argument(fcinfo, 2))?;
    Ok(store(home, &tenant, kinds::derived(home, &tenant, &common, &expression)?)?)
}

#[pg_extern(sql = false)]
fn sira_define_request_feature(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    Ok(store(home, &tenant, common(fcinfo, 2)?.columns("request", None)?)?)
}

#[pg_extern(sql = false)]
fn sira_deprecate_feature(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    let name = need("name", call::text_argument(fcinfo, 0))?;
    let found = known(home, &tenant, &name)?;
    definition::deprecate(home, &tenant, found.id, call::text_argument(fcinfo, 1).as_deref())?;
    Ok(found.version)
}

fn known(home: Home, tenant: &str, reference: &str) -> Result<Definition> {
    definition::find(home, tenant, reference)?.ok_or_else(|| definition::unknown(home, tenant, reference))
}

#[pg_extern(sql = false)]
fn sira_define_feature_set(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    let name = need("name", call::text_argument(fcinfo, 0))?;
    let entity_type = need("entity_type", call::text_argument(fcinfo, 1))?;
    let features: Option<Vec<Option<String>>> = call::argument(fcinfo, 2);
    let features: Vec<String> = features.unwrap_or_default().into_iter().flatten().collect();
    kinds::check_name("feature set", &name)?;
    kinds::check_entity_type(&entity_type)?;
    let keys = keys(call::json_argument(fcinfo, 3)?)?;
    let members = members(home, &tenant, &name, &features)?;
    check_own_key(&name, &entity_type, &keys)?;
    check_entities(&name, &entity_type, &members, &keys)?;
    check_derived(&name, &members)?;
    let set = json!({
        "name": name,
        "entity_type": entity_type,
        "features": members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(),
        "definition_ids": members.iter().map(|member| member.id.to_string()).collect::<Vec<_>>(),
        "keys": if keys.is_empty() { Json::Null } else { json!(keys) },
        "description": call::text_argument(fcinfo, 4),
    });
    Ok(crate::feature::set::store(home, &tenant, &set)?)
}

/// Entity types and the columns that carry their ids.
fn keys(json: Option<Json>) -> Result<BTreeMap<String, String>> {
    let malformed = || {
        invalid("keys are not an object of entity types and column names".to_owned())
            .hint(r#"Write them like {"customer": "customer_id", "terminal": "terminal_id"}."#)
    };
    let object = match json {
        None | Some(Json::Null) => return Ok(BTreeMap::new()),
        Some(Json::Object(object)) => object,
        Some(_) => return Err(malformed()),
    };
    let mut keys = BTreeMap::new();
    for (entity_type, column) in object {
        kinds::check_entity_type(&entity_type)?;
        match column {
            Json::String(column) if questions::TAKEN.contains(&column.as_str()) => {
                return Err(invalid(format!(
                    "key column \"{column}\" of entity \"{entity_type}\" is reserved"
                ))
                .detail("Entity queries give the moment under that name.")
                .hint("Name the column that carries the entity's id, and rename it where it is called so."));
            }
            Json::String(column) if !column.is_empty() => keys.insert(entity_type, column),
            _ => return Err(malformed()),
        };
    }
    Ok(keys)
}

fn members(home: Home, tenant: &str, set: &str, features: &[String]) -> Result<Vec<Rc<Definition>>> {
    if features.is_empty() {
        return Err(invalid(format!("feature set \"{set}\" has no features"))
            .hint("Name them in the order in which models get them: '{spent_7d,amount}'."));
    }
    let mut members: Vec<Rc<Definition>> = Vec::with_capacity(features.len());
    for reference in features {
        let definition = known(home, tenant, reference)?;
        if members.iter().any(|member| member.name == definition.name) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
                format!("feature \"{}\" is in set \"{set}\" twice", definition.name),
            )
            .hint("Name each feature once; models bind features by name."));
        }
        if !definition.active {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("version {} of feature \"{}\" is deprecated", definition.version, definition.name),
            )
            .hint(format!("Define {} again, or leave it out.", literal(&definition.name))));
        }
        members.push(Rc::new(definition));
    }
    Ok(members)
}

/// The set's own entity is the one that whoever asks names by its id: a column beside it could name another.
fn check_own_key(set: &str, entity_type: &str, keys: &BTreeMap<String, String>) -> Result<()> {
    let Some(column) = keys.get(entity_type) else { return Ok(()) };
    Err(invalid(format!("a key of set \"{set}\" is about its own entity"))
        .detail(format!("A {entity_type} is what the set is about: its id is entity_id, not column \"{column}\"."))
        .hint("Leave the key out, and select the column AS entity_id. Keys are for the other entities of a row."))
}

/// Each feature must be about the set's entity or one that the keys lead to. What is derived, or comes with the row,
/// asks for no entity.
fn check_entities(
    set: &str,
    entity_type: &str,
    members: &[Rc<Definition>],
    keys: &BTreeMap<String, String>,
) -> Result<()> {
    for member in members {
        let needs = !matches!(member.kind, Kind::Derived { .. } | Kind::Request);
        if needs && member.entity_type != entity_type && !keys.contains_key(&member.entity_type) {
            return Err(invalid(format!(
                "feature \"{}\" of set \"{set}\" is about another entity",
                member.name
            ))
            .detail(format!("It is about {}, the set about {entity_type}.", member.entity_type))
            .hint(format!(
                "Say which column carries its id: keys => '{{\"{0}\": \"{0}_id\"}}'.",
                member.entity_type
            )));
        }
    }
    Ok(())
}

/// Derived features must find their inputs in the set, without a cycle, and fit the types that these have there: a
/// definition may have changed since the expression was written.
fn check_derived(set: &str, members: &[Rc<Definition>]) -> Result<()> {
    for derived in derived::ordered(set, members)? {
        let Kind::Derived { expression, .. } = &derived.definition.kind else { continue };
        let inputs: Vec<derived::Input<'_>> = derived
            .inputs
            .iter()
            .filter_map(|place| members.get(*place))
            .map(|input| (input.name.as_str(), input.value_type))
            .collect();
        let _pinned = crate::feature::pinned::Pinned::under(&derived.definition.search_path)?;
        let hint = "The types of its inputs have changed: define it again.";
        derived::analyse(&derived.definition.name, expression, &inputs, hint)?;
    }
    Ok(())
}

fn invalid(message: String) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
