//! `sira_predict_trigger`: a row is scored while it is being written, by the transaction that writes it.
//!
//! The trigger runs BEFORE, so that what it finds goes into the row itself; it decides by setting columns
//! and never by raising an error, which would take the audit row with it.

use crate::audit::{Answer, Entity};
use crate::catalog::Home;
use crate::error::{Failure, Result, SqlResult};
use crate::feature::offline::ids;
use crate::feature::row::NewRow;
use crate::feature::serving;
use crate::features::Features;
use crate::prediction::{self, Request};
use crate::relation::{self, Binding, Columns};
use crate::version;
use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, PgTupleDesc};
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::signature::Signature;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString};

/// What an answer can fill columns with, by the name used in `name=column`.
const PARTS: [&str; 8] =
    ["score", "class", "confidence", "decision", "prediction_id", "reasons", "version", "model"];

/// A trigger's arguments, read once a statement.
struct Setup {
    home: Home,
    model: String,
    entity_type: String,
    id: Column,
    explain: usize,
    /// The feature set that is computed for each row.
    set: Option<String>,
    /// Whether rows of the same entities wait for each other.
    serialize: bool,
    targets: Vec<(String, Column)>,
    binding: Option<(pgrx::datum::Uuid, Binding)>,
}

/// A column of the triggering table.
struct Column {
    attribute: i16,
    type_oid: pg_sys::Oid,
    typmod: i32,
}

/// One firing: the row being written.
struct Firing {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_sira_predict_trigger() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// `EXECUTE FUNCTION sira_predict_trigger(model, entity_type, id_column, 'score=column', …)`.
///
/// # Safety
/// Called by PostgreSQL's function manager alone.
#[unsafe(no_mangle)]
#[pgrx::pg_guard]
pub unsafe extern "C-unwind" fn sira_predict_trigger(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    let fired: SqlResult<pg_sys::HeapTuple> = unsafe { fire(fcinfo) }.map_err(Into::into);
    match fired {
        Ok(tuple) => pg_sys::Datum::from(tuple),
        Err(report) => {
            report.report(PgLogLevel::ERROR);
            pg_sys::Datum::from(0)
        }
    }
}

unsafe fn fire(fcinfo: pg_sys::FunctionCallInfo) -> Result<pg_sys::HeapTuple> {
    let trigger = unsafe { trigger_data(fcinfo) }?;
    // SAFETY: the data of a row-level trigger, valid while it runs.
    let (firing, row, setup) = unsafe {
        let updates = pgrx::trigger_support::trigger_fired_by_update(trigger.tg_event);
        let tuple = if updates { trigger.tg_newtuple } else { trigger.tg_trigtuple };
        let firing = Firing { tuple, descriptor: (*trigger.tg_relation).rd_att };
        let row = NewRow {
            relation: (*trigger.tg_relation).rd_id,
            tuple,
            descriptor: firing.descriptor,
            replaces: updates.then(|| (*trigger.tg_trigtuple).t_self),
        };
        (firing, row, setup(fcinfo, trigger)?)
    };
    let id = firing.text(&setup.id).ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_NOT_NULL_VIOLATION, "the row to score has no id")
            .hint("Give the id column a DEFAULT: it is read before the row is written.")
    })?;
    let request = Request {
        entity: Entity { kind: &setup.entity_type, id: &id },
        as_of: Cell::new(None),
        explain: setup.explain,
        request_id: None,
        context: None,
    };
    let resolved = version::resolve(setup.home, &setup.model)?;
    let (home, binding) = (setup.home, &mut setup.binding);
    let (set, serialize) = (setup.set.as_deref(), setup.serialize);
    let version_id = resolved.version_id;
    let answer = prediction::predict(home, &resolved, &request, |version| match set {
        Some(set) => {
            let pinned = serving::pinned(home, &resolved.tenant, version.id)?;
            let set = serving::named(pinned, &resolved.caller, set)?;
            let (features, moment) =
                serving::features_of_row(home, &set, &version.signature, &request.entity, &row, serialize)?;
            request.as_of.set(moment);
            Ok(features)
        }
        None => firing.features(&version.signature, binding, version_id),
    })?;
    firing.fill(&setup.targets, &answer)
}

/// The trigger's data, where the function was called as a trigger that can work.
unsafe fn trigger_data<'a>(fcinfo: pg_sys::FunctionCallInfo) -> Result<&'a pg_sys::TriggerData> {
    let misuse = |message: &str| {
        Failure::new(PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, message).hint(
            "CREATE TRIGGER … BEFORE INSERT ON … FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('model', 'entity type', 'id column', 'score=column');",
        )
    };
    // SAFETY: called_as_trigger checks the node type before the context is taken for trigger data.
    let trigger = unsafe {
        if !pgrx::trigger_support::called_as_trigger(fcinfo) {
            return Err(misuse("sira_predict_trigger was not called as a trigger"));
        }
        &*((*fcinfo).context as *const pg_sys::TriggerData)
    };
    let event = trigger.tg_event;
    let writes = pgrx::trigger_support::trigger_fired_by_insert(event)
        || pgrx::trigger_support::trigger_fired_by_update(event);
    if pgrx::trigger_support::trigger_fired_before(event)
        && pgrx::trigger_support::trigger_fired_for_row(event)
        && writes
    {
        Ok(trigger)
    } else {
        Err(misuse("sira_predict_trigger works BEFORE INSERT or UPDATE, FOR EACH ROW"))
    }
}

/// The setup kept in the call state: PostgreSQL keeps one for each trigger and statement. Between statements the
/// session keeps it, for as long as it is that of the same trigger on the same columns.
unsafe fn setup(
    fcinfo: pg_sys::FunctionCallInfo,
    trigger: &pg_sys::TriggerData,
) -> Result<&'static mut Setup> {
    // SAFETY: fn_extra is ours, and lives in fn_mcxt as long as flinfo does.
    unsafe {
        let flinfo = (*fcinfo).flinfo;
        if let Some(lent) = (*flinfo).fn_extra.cast::<Lent>().as_mut() {
            return Ok(&mut lent.setup);
        }
        let home = Home::of_call(fcinfo)?;
        let arguments = trigger_arguments(trigger.tg_trigger);
        let oid = (*trigger.tg_trigger).tgoid;
        let columns = Columns::of((*(*trigger.tg_relation).rd_rel).reltype);
        let kept = SETUPS
            .with_borrow_mut(|kept| kept.remove(&oid))
            .filter(|kept| kept.columns == columns && kept.arguments == arguments && kept.setup.home == home);
        let lent = match kept {
            Some(lent) => lent,
            None => {
                let descriptor = PgTupleDesc::from_pg_copy((*trigger.tg_relation).rd_att);
                let setup = Setup::read(home, &arguments, &descriptor)?;
                Lent { trigger: oid, arguments, columns, setup }
            }
        };
        let kept = PgMemoryContexts::For((*flinfo).fn_mcxt).leak_and_drop_on_delete(Returning(Some(lent)));
        (*flinfo).fn_extra = (*kept).0.as_mut().map_or(std::ptr::null_mut(), |lent| (&raw mut *lent).cast());
        match (*kept).0.as_mut() {
            Some(lent) => Ok(&mut lent.setup),
            None => Err(Failure::internal("a trigger's setup is gone")),
        }
    }
}

thread_local! {
    /// The setups of triggers that fired before, by the trigger. One that is in use is not here: a trigger that fires
    /// within its own statement makes another.
    static SETUPS: RefCell<HashMap<pg_sys::Oid, Lent>> = RefCell::default();
}

/// A setup and what it was made from.
struct Lent {
    trigger: pg_sys::Oid,
    arguments: Vec<String>,
    columns: Columns,
    setup: Setup,
}

/// A setup that goes back to the session when its statement is over.
struct Returning(Option<Lent>);

impl Drop for Returning {
    fn drop(&mut self) {
        if let Some(lent) = self.0.take() {
            // At the end of a session there may be nowhere left to put it.
            let _ = SETUPS.try_with(|kept| kept.borrow_mut().insert(lent.trigger, lent));
        }
    }
}

unsafe fn trigger_arguments(trigger: *const pg_sys::Trigger) -> Vec<String> {
    // SAFETY: tgargs holds tgnargs C strings.
    unsafe {
        (0..usize::try_from((*trigger).tgnargs).unwrap_or(0))
            .map(|index| CStr::from_ptr(*(*trigger).tgargs.add(index)).to_string_lossy().into_owned())
            .collect()
    }
}

impl Setup {
    fn read(home: Home, arguments: &[String], descriptor: &PgTupleDesc<'_>) -> Result<Self> {
        let [model, entity_type, id, options @ ..] = arguments else {
            return Err(invalid("sira_predict_trigger takes a model, an entity type and an id column")
                .detail(format!("It got {} arguments.", arguments.len()))
                .hint("EXECUTE FUNCTION sira_predict_trigger('model', 'entity type', 'id column', 'score=column');"));
        };
        let mut setup = Self {
            home,
            model: model.clone(),
            entity_type: entity_type.clone(),
            id: Column::named(descriptor, id)?,
            explain: 0,
            set: None,
            serialize: false,
            targets: Vec::new(),
            binding: None,
        };
        for option in options {
            match option.split_once('=') {
                Some(("explain", count)) => {
                    setup.explain = count.parse().map_err(|_| {
                        invalid(&format!("\"{option}\" does not name a number of reasons"))
                            .hint("Write explain=3 for the three largest.")
                    })?;
                }
                Some(("features", set)) => setup.set = Some(set.to_owned()),
                Some(("serialize", "on")) => setup.serialize = true,
                Some((part, column)) if PARTS.contains(&part) => {
                    setup.targets.push((part.to_owned(), Column::named(descriptor, column)?));
                }
                _ => {
                    return Err(invalid(&format!("trigger option \"{option}\" is not known")).hint(format!(
                        "Options are explain=N, features=SET, serialize=on and, each with a column, {}.",
                        PARTS.join(", ")
                    )));
                }
            }
        }
        Ok(setup)
    }
}

impl Column {
    fn named(descriptor: &PgTupleDesc<'_>, name: &str) -> Result<Self> {
        if descriptor.iter().any(|attribute| relation::is_generated(attribute) && attribute.name() == name) {
            return Err(relation::not_computed_yet(name));
        }
        descriptor
            .iter()
            .find(|attribute| !attribute.attisdropped && attribute.name() == name)
            .map(|attribute| Self {
                attribute: attribute.attnum,
                type_oid: attribute.atttypid,
                typmod: attribute.atttypmod,
            })
            .ok_or_else(|| {
                Failure::new(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                    format!("column \"{name}\" of the trigger's arguments does not exist in the table"),
                )
                .hint("DROP TRIGGER, and CREATE it with the table's own columns.")
            })
    }

    /// A text as a datum of the column's type, by the type's own input function.
    fn datum(&self, text: &str) -> Result<pg_sys::Datum> {
        let text = CString::new(text).map_err(|_| Failure::internal("an answer holds a zero byte"))?;
        // SAFETY: an input function takes a C string, an oid and a typmod; what it refuses is an error.
        unsafe {
            let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            pg_sys::getTypeInputInfo(self.type_oid, &mut function, &mut parameter);
            Ok(pg_sys::OidInputFunctionCall(function, text.as_ptr().cast_mut(), parameter, self.typmod))
        }
    }
}

impl Firing {
    fn text(&self, column: &Column) -> Option<String> {
        let mut is_null = false;
        // SAFETY: the column is one of the table's, the row is the table's.
        unsafe {
            let datum =
                pg_sys::SPI_getbinval(self.tuple, self.descriptor, i32::from(column.attribute), &mut is_null);
            if is_null { None } else { Some(ids::text(column.type_oid, datum)) }
        }
    }

    fn features(
        &self,
        signature: &Signature,
        kept: &mut Option<(pgrx::datum::Uuid, Binding)>,
        version_id: Option<pgrx::datum::Uuid>,
    ) -> Result<Features> {
        let mut binding = match kept.take() {
            Some((version, binding)) if Some(version) == version_id => binding,
            // SAFETY: the table's descriptor; a copy is bound.
            _ => Binding::of_trigger(signature, &unsafe { PgTupleDesc::from_pg_copy(self.descriptor) })?,
        };
        let mut features = Features::default();
        // SAFETY: the binding was made for this table's rows.
        unsafe { binding.read(signature, self.tuple, self.descriptor, &mut features) }?;
        *kept = version_id.map(|version| (version, binding));
        Ok(features)
    }

    /// The row with the answer in its columns.
    fn fill(&self, targets: &[(String, Column)], answer: &Answer) -> Result<pg_sys::HeapTuple> {
        let mut attributes = Vec::with_capacity(targets.len());
        let mut values = Vec::with_capacity(targets.len());
        let mut nulls = Vec::with_capacity(targets.len());
        for (part, column) in targets {
            let text = part_of(answer, part);
            attributes.push(i32::from(column.attribute));
            nulls.push(text.is_none());
            values.push(match text {
                Some(text) => column.datum(&text)?,
                None => pg_sys::Datum::from(0),
            });
        }
        // SAFETY: as many attributes, values and nulls as said; the new row is allocated for the caller.
        Ok(unsafe {
            pg_sys::heap_modify_tuple_by_cols(
                self.tuple,
                self.descriptor,
                attributes.len() as i32,
                attributes.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            )
        })
    }
}

fn part_of(answer: &Answer, part: &str) -> Option<String> {
    match part {
        "score" => answer.score.map(|score| score.to_string()),
        "class" => answer.class.clone(),
        "confidence" => answer.confidence.map(|confidence| confidence.to_string()),
        "decision" => answer.decision.clone(),
        "prediction_id" => answer.id.map(|id| id.to_string()),
        "reasons" => answer.reasons.as_ref().map(ToString::to_string),
        "version" => answer.version.map(|version| version.to_string()),
        "model" => Some(answer.model.clone()),
        _ => None,
    }
}

fn invalid(message: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
