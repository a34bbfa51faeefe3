//! What used-up budgets say, from the table itself: where there is no slot that would say it, or not yet.

use crate::catalog::Home;
use crate::counters::record::Throttle;
use crate::error::{Failure, Result};
use crate::statement::{Arguments, Mode, Statement};
use crate::version::Resolved;
use pgrx::{PgSqlErrorCode, pg_sys};

thread_local! {
    static EXCEEDED: Statement = const {
        Statement::new(
            "SELECT on_exceeded, sample FROM {s}.sira_budgets WHERE tenant_id {=} $1 AND enabled AND state {=} 'exceeded' \
             AND on_exceeded IS NOT NULL AND (model_id IS NULL OR model_id {=} $2)",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
}

/// What a budget says, as it is declared.
pub fn declared(action: Option<&str>, share: Option<f64>) -> Result<Throttle> {
    match (action, share) {
        (Some("error"), _) => Ok(Throttle::Error),
        (Some("fallback"), _) => Ok(Throttle::Fallback),
        (Some("sampling"), Some(share)) if (0.0..=1.0).contains(&share) => {
            Ok(Throttle::Sampling((share * 1000.0).round() as u16))
        }
        _ => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("throttle \"{}\" is not known", action.unwrap_or("NULL")),
        )
        .hint("It is error, fallback, or sampling with a share between 0 and 1.")),
    }
}

/// The strongest that was found to be used up when budgets were checked last; none where the table cannot be asked.
pub fn exceeded(home: Home, resolved: &Resolved) -> Throttle {
    let of_model = Arguments::new().bind(resolved.caller.as_str()).bind(resolved.model_id);
    let mut strongest = 0;
    let _ = home.as_owner(|| {
        EXCEEDED.with(|exceeded| {
            exceeded.each(home, Mode::Read, of_model, |row| {
                let throttle = declared(row.get::<String>(1).as_deref(), row.get(2))?;
                strongest = throttle.word().max(strongest);
                Ok(())
            })
        })
    });
    Throttle::of_word(strongest)
}
