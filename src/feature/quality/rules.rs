//! What a definition's `rules` may say.
//!
//! A rule is its own parameter, `{"null_rate": 0.05}`, or an object that also says how bad a breach is,
//! `{"null_rate": {"max": 0.05, "severity": "warning"}}`; without one it is an error. Rules are read when the feature is
//! defined, so that a misspelt one is refused by the person who wrote it and not skipped for years.

use crate::error::{Failure, Result};
use crate::feature::check::{self, Clause};
use crate::feature::definition::ValueType;
use crate::feature::derived::short;
use crate::feature::prepared::explained;
use crate::feature::source::{self, Relation};
use pgrx::PgSqlErrorCode;
use serde_json::{Map, Value as Json, json};

/// One demand on the values of a feature.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: &'static str,
    pub severity: Severity,
    pub check: Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug)]
pub enum Check {
    NotNull,
    /// The largest share of NULLs.
    NullRate(f64),
    Range {
        min: Option<f64>,
        max: Option<f64>,
    },
    Type(Form),
    /// How many different values there may be.
    Distinct {
        min: Option<f64>,
        max: Option<f64>,
    },
    /// The largest population stability index against the last accepted statistics.
    Distribution(f64),
    Unique,
    AcceptedValues(Vec<Json>),
    References {
        relation: String,
        column: String,
    },
    /// An expression over `value`, `entity_id` and `as_of` that must not be false.
    Sql(String),
}

/// What the type rule can ask for beyond the value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Integer,
    Finite,
    Number,
    Boolean,
    Uuid,
}

/// The rules there are, each with how it is written.
const RULES: [(&str, &str); 12] = [
    ("not_null", "true"),
    ("null_rate", "0.05"),
    ("min", "0"),
    ("max", "100"),
    ("range", r#"{"min": 0, "max": 100}"#),
    ("type", r#""integer""#),
    ("distinct", r#"{"min": 2, "max": 50}"#),
    ("distribution", "0.2"),
    ("unique", "true"),
    ("accepted_values", r#"["web", "shop"]"#),
    ("references", r#"{"relation": "shops", "column": "id"}"#),
    ("sql", r#""value >= 0""#),
];

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Form {
    const ALL: [(&'static str, Self); 5] = [
        ("integer", Self::Integer),
        ("finite", Self::Finite),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("uuid", Self::Uuid),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, form)| *form == self).map_or("", |(name, _)| name)
    }

    /// Numbers can only be whole or finite; what a text may hold is more.
    fn fits(self, value_type: ValueType) -> bool {
        matches!(self, Self::Integer | Self::Finite) && value_type.is_number()
            || self != Self::Finite && value_type == ValueType::Text
    }
}

/// The rules of a definition; which feature it is only errors say.
pub fn read(feature: &str, value_type: ValueType, rules: &Json) -> Result<Vec<Rule>> {
    let Json::Object(rules) = rules else {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "rules are not a JSON object",
        )
        .hint(r#"Write them like {"not_null": true, "min": 0}."#));
    };
    let mut read = Vec::with_capacity(rules.len());
    for (name, given) in rules {
        let Some((name, example)) = RULES.iter().find(|(known, _)| known == name) else {
            let known: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
            return Err(refuse(format!("rule \"{name}\" of feature \"{feature}\" is not known"))
                .hint(format!("Choose from {}.", known.join(", "))));
        };
        let reading = Reading { feature, name, example, value_type };
        let (severity, parameters) = reading.severity(given)?;
        if let Some(check) = reading.check(&parameters)? {
            read.push(Rule { name, severity, check });
        }
    }
    Ok(read)
}

/// The rules as they are stored: relations qualified, expressions analysed; and whether names in them need a path.
pub fn checked(feature: &str, value_type: ValueType, rules: &Json) -> Result<(Json, bool)> {
    let mut stored = rules.clone();
    let mut needs_path = false;
    for rule in read(feature, value_type, rules)? {
        match &rule.check {
            Check::Sql(expression) => {
                let clause = Clause { feature, part: "rule \"sql\"" };
                let given = format!(
                    "(SELECT NULL::pg_catalog.{} AS value, NULL::pg_catalog.text AS entity_id, \
                     NULL::pg_catalog.timestamptz AS as_of) AS given",
                    short(value_type)
                );
                let analysed =
                    check::expression(clause, expression, &given, "It reads value, entity_id and as_of.")?;
                check::boolean(clause, &analysed)?;
                needs_path = true;
            }
            Check::References { relation, column } => {
                let found = named(feature, relation)?;
                found.check_kind()?;
                source::equality(source::column(&found, &found.columns()?, column)?)?;
                if let Some(place) = stored.get_mut(rule.name).and_then(|rule| rule.get_mut("relation")) {
                    *place = json!(found.name);
                }
            }
            _ => {}
        }
    }
    Ok((stored, needs_path))
}

/// The relation that a rule names.
pub fn named(feature: &str, relation: &str) -> Result<Relation> {
    const HINT: &str = "Name a table or a view, with its schema where that is not in the search_path.";
    let unusable = format!("rule \"references\" of feature \"{feature}\" names no relation");
    let found =
        explained(|raised| raised.cause_of(unusable.clone(), HINT.to_owned()), || Relation::named(relation))?;
    found.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, unusable.clone())
            .detail(format!("Relation \"{relation}\" does not exist."))
            .hint(HINT)
    })
}

/// A rule while it is read.
struct Reading<'a> {
    feature: &'a str,
    name: &'static str,
    example: &'a str,
    value_type: ValueType,
}

impl Reading<'_> {
    fn malformed(&self, why: &str) -> Failure {
        refuse(format!("rule \"{}\" of feature \"{}\" {why}", self.name, self.feature))
            .hint(format!(r#"Write it like {{"{}": {}}}."#, self.name, self.example))
    }

    /// How bad a breach is, and what is left of an object that says so.
    fn severity(&self, given: &Json) -> Result<(Severity, Json)> {
        let Json::Object(object) = given else { return Ok((Severity::Error, given.clone())) };
        let mut rest = object.clone();
        let severity = match rest.remove("severity").as_ref().map(Json::as_str) {
            None | Some(Some("error")) => Severity::Error,
            Some(Some("warning")) => Severity::Warning,
            Some(_) => return Err(self.malformed("has a severity that is neither \"error\" nor \"warning\"")),
        };
        Ok((severity, Json::Object(rest)))
    }

    /// The check; none for a rule that is switched off.
    fn check(&self, given: &Json) -> Result<Option<Check>> {
        let check = match self.name {
            "not_null" if self.is_off(given)? => return Ok(None),
            "not_null" => Check::NotNull,
            "unique" if self.is_off(given)? => return Ok(None),
            "unique" => Check::Unique,
            "null_rate" => Check::NullRate(self.share(given)?),
            "min" => Check::Range { min: Some(self.number(self.sole(given, "value")?)?), max: None },
            "max" => Check::Range { min: None, max: Some(self.number(self.sole(given, "value")?)?) },
            "range" => {
                let (min, max) = self.bounds(given)?;
                Check::Range { min, max }
            }
            "distinct" => {
                let (min, max) = self.bounds(given)?;
                Check::Distinct { min, max }
            }
            "distribution" => {
                let most = self.number(self.sole(given, "psi")?)?;
                if most <= 0.0 {
                    return Err(self.malformed("needs a positive threshold"));
                }
                Check::Distribution(most)
            }
            "type" => Check::Type(self.form(self.sole(given, "is")?)?),
            "accepted_values" => Check::AcceptedValues(self.values(self.sole(given, "values")?)?),
            "references" => {
                let object = self.object(given, &["relation", "column"])?;
                let text = |key: &str| object.get(key).and_then(Json::as_str).map(ToOwned::to_owned);
                let both = text("relation").zip(text("column"));
                let (relation, column) =
                    both.ok_or_else(|| self.malformed("needs a relation and a column"))?;
                Check::References { relation, column }
            }
            _ => {
                let text = self.sole(given, "expression")?.as_str();
                Check::Sql(text.ok_or_else(|| self.malformed("is not an expression"))?.to_owned())
            }
        };
        if matches!(check, Check::Range { .. }) && !self.value_type.is_number() {
            return Err(self.malformed(&format!("does not fit values of type {}", self.value_type.name())));
        }
        Ok(Some(check))
    }

    /// `true`, an object with a severity alone, or `false`.
    fn is_off(&self, given: &Json) -> Result<bool> {
        match given {
            Json::Bool(on) => Ok(!on),
            Json::Object(object) if object.is_empty() => Ok(false),
            _ => Err(self.malformed("is neither true nor false")),
        }
    }

    fn object<'j>(&self, given: &'j Json, keys: &[&str]) -> Result<&'j Map<String, Json>> {
        let Json::Object(object) = given else { return Err(self.malformed("is not a JSON object")) };
        match object.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(object),
            Some(key) => Err(self
                .malformed(&format!("has no parameter \"{key}\""))
                .detail(format!("It has {} and severity.", keys.join(", ")))),
        }
    }

    /// The parameter itself, or the one of that name in an object.
    fn sole<'j>(&self, given: &'j Json, key: &str) -> Result<&'j Json> {
        match given {
            Json::Object(_) => {
                let value = self.object(given, &[key])?.get(key);
                value.ok_or_else(|| self.malformed(&format!("lacks the parameter \"{key}\"")))
            }
            other => Ok(other),
        }
    }

    fn number(&self, given: &Json) -> Result<f64> {
        given.as_f64().ok_or_else(|| self.malformed("is not a number"))
    }

    fn share(&self, given: &Json) -> Result<f64> {
        let share = self.number(self.sole(given, "max")?)?;
        if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(self.malformed("is not between 0 and 1")) }
    }

    fn bounds(&self, given: &Json) -> Result<(Option<f64>, Option<f64>)> {
        let object = self.object(given, &["min", "max"])?;
        let bound = |key: &str| object.get(key).map(|bound| self.number(bound)).transpose();
        match (bound("min")?, bound("max")?) {
            (None, None) => Err(self.malformed("needs min, max or both")),
            (Some(min), Some(max)) if min > max => Err(self.malformed("has a min above its max")),
            bounds => Ok(bounds),
        }
    }

    fn form(&self, given: &Json) -> Result<Form> {
        let found = Form::ALL.iter().find(|(name, _)| given.as_str() == Some(name));
        match found {
            Some((_, form)) if form.fits(self.value_type) => Ok(*form),
            _ => {
                let fitting = Form::ALL.iter().filter(|(_, form)| form.fits(self.value_type));
                let names: Vec<&str> = fitting.map(|(name, _)| *name).collect();
                let fit = match names.as_slice() {
                    [] => "No type fits them".to_owned(),
                    some => format!("Types that fit them are {}", some.join(", ")),
                };
                Err(self
                    .malformed(&format!(
                        "names no type that values of type {} can have",
                        self.value_type.name()
                    ))
                    .detail(format!("{fit}.")))
            }
        }
    }

    fn values(&self, given: &Json) -> Result<Vec<Json>> {
        let Some(values) = given.as_array().filter(|values| !values.is_empty()) else {
            return Err(self.malformed("is not a list of values"));
        };
        let fits = |value: &Json| match self.value_type {
            ValueType::Numeric => value.is_number(),
            ValueType::Boolean => value.is_boolean(),
            ValueType::Text => value.is_string(),
            ValueType::Json => true,
        };
        match values.iter().find(|value| !fits(value)) {
            None => Ok(values.clone()),
            Some(value) => {
                Err(self
                    .malformed(&format!("lists {value}, which is not of type {}", self.value_type.name())))
            }
        }
    }
}

fn refuse(message: String) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
