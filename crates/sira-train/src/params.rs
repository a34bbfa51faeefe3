//! Which LightGBM parameters a user may set, and what they become.
//!
//! LightGBM takes some 150 parameters, among them ones that read and write files, open sockets, choose devices
//! or make it give up with a message on stderr. So this is an allow-list: [`Params::from_json`] knows names,
//! types and ranges, [`Params::validate`] knows what excludes what and fills in the defaults, and only a
//! [`ValidParams`] can be trained with. What is rendered for LightGBM is built from typed values alone, so no
//! text of the user's ever reaches its parser.

use std::collections::BTreeMap;

use serde_json::Value;
use sira_core::signature::Task;
use sira_core::{Error, ErrorKind, Result};

use crate::Column;
use crate::catalogue::{self, Kind, Spec};
use crate::named::{ClassWeight, Monotone};

/// Parameters by canonical name, each known and within its range, their combination not yet checked.
#[derive(Clone, Debug)]
pub struct Params {
    task: Task,
    classes: usize,
    values: BTreeMap<&'static str, Setting>,
    monotone: Option<Monotone>,
    class_weight: Option<ClassWeight>,
}

/// A parameter's value in the one type that its specification asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Setting {
    Int(i64),
    Real(f64),
    Bool(bool),
    Word(&'static str),
}

impl Setting {
    fn render(&self) -> String {
        match self {
            Self::Int(v) => v.to_string(),
            Self::Real(v) => v.to_string(),
            Self::Bool(v) => v.to_string(),
            Self::Word(v) => (*v).to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Int(v) => Value::from(*v),
            Self::Real(v) => Value::from(*v),
            Self::Bool(v) => Value::from(*v),
            Self::Word(v) => Value::from(*v),
        }
    }
}

/// A set of parameters that LightGBM accepts and that cannot make it abort, exit, or touch file or network.
#[derive(Clone, Debug)]
pub struct ValidParams {
    task: Task,
    classes: usize,
    values: BTreeMap<&'static str, Setting>,
    monotone: Option<Monotone>,
    class_weight: Option<ClassWeight>,
    early_stopping_asked: bool,
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidParameter, message)
}

impl Params {
    /// Reads a JSON object of parameters; `null` means none. Aliases of LightGBM's are understood.
    ///
    /// `classes` counts the distinct labels of a multiclass task; other tasks ignore it.
    pub fn from_json(task: Task, classes: usize, json: &Value) -> Result<Self> {
        if task == Task::Anomaly {
            return Err(invalid("task \"anomaly\" cannot be trained".to_owned())
                .with_hint("Use one of the tasks binary, multiclass, regression, ranking."));
        }
        let mut values = BTreeMap::new();
        let (mut monotone, mut class_weight) = (None, None);
        match json {
            Value::Null => {}
            Value::Object(object) => {
                for (key, value) in object {
                    match key.as_str() {
                        "monotone_constraints" => {
                            monotone = Monotone::from_json(value)?;
                            continue;
                        }
                        "class_weight" => {
                            class_weight = ClassWeight::from_json(value)?;
                            continue;
                        }
                        _ => {}
                    }
                    let spec = catalogue::find(key).ok_or_else(|| unknown(key))?;
                    if values.insert(spec.name, read(spec, task, key, value)?).is_some() {
                        let names: Vec<String> = object
                            .keys()
                            .filter(|name| catalogue::find(name).is_some_and(|known| known.name == spec.name))
                            .map(|name| format!("\"{name}\""))
                            .collect();
                        return Err(invalid(format!("parameter \"{}\" is given twice", spec.name))
                            .with_detail(format!("It is named {}.", names.join(" and ")))
                            .with_hint("Give one of the two."));
                    }
                }
            }
            other => {
                return Err(invalid("parameters are not a JSON object".to_owned())
                    .with_detail(format!("Got {other}."))
                    .with_hint("Write them like {\"num_leaves\": 15, \"learning_rate\": 0.05}."));
            }
        }
        Ok(Self { task, classes, values, monotone, class_weight })
    }

    /// The name of a parameter whose alias it may be.
    pub fn canonical(name: &str) -> &str {
        catalogue::find(name).map_or(name, |spec| spec.name)
    }

    /// Checks what excludes what and fills in the defaults.
    pub fn validate(self) -> Result<ValidParams> {
        let Self { task, classes, mut values, monotone, class_weight } = self;
        let early_stopping_asked = values.contains_key("early_stopping_rounds");
        if task == Task::Multiclass && !(2..=1000).contains(&classes) {
            return Err(Error::new(ErrorKind::BadLabel, "label does not fit the task \"multiclass\"")
                .with_detail(format!("{classes} classes; 2 to 1000 can be told apart."))
                .with_hint("Use the task regression for a number, or group rare classes."));
        }
        let mut default = |name, setting| {
            values.entry(name).or_insert(setting);
        };
        default("num_iterations", Setting::Int(100));
        default("learning_rate", Setting::Real(0.1));
        default("num_leaves", Setting::Int(31));
        default("min_data_in_leaf", Setting::Int(20));
        default("max_bin", Setting::Int(255));
        default("boosting", Setting::Word("gbdt"));
        default("early_stopping_rounds", Setting::Int(50));
        default("early_stopping_min_delta", Setting::Real(0.0));
        default("objective", Setting::Word(catalogue::default_objective(task)));
        let mut valid = ValidParams { task, classes, values, monotone, class_weight, early_stopping_asked };
        let metric = catalogue::default_metric(valid.objective());
        valid.values.entry("metric").or_insert(Setting::Word(metric));
        valid.settle_sampling()?;
        valid.settle_stopping()?;
        valid.check_objective()?;
        Ok(valid)
    }
}

impl ValidParams {
    pub fn task(&self) -> Task {
        self.task
    }

    /// Trees grown in each round, which is also the number of a model's outputs.
    pub fn outputs(&self) -> usize {
        if self.task == Task::Multiclass { self.classes } else { 1 }
    }

    pub fn objective(&self) -> &'static str {
        self.word("objective")
    }

    /// The measure that early stopping watches, by LightGBM's name.
    pub fn metric(&self) -> &'static str {
        self.word("metric")
    }

    pub fn rounds(&self) -> usize {
        self.size("num_iterations")
    }

    /// The same parameters with no more than so many rounds.
    pub fn within(mut self, rounds: usize) -> Self {
        let rounds = i64::try_from(self.rounds().min(rounds)).unwrap_or(i64::MAX);
        self.values.insert("num_iterations", Setting::Int(rounds));
        self
    }

    /// Rounds without improvement after which training stops; 0 is never.
    pub fn early_stopping_rounds(&self) -> usize {
        self.size("early_stopping_rounds")
    }

    /// Whether a greater value of the metric is better.
    pub fn greater_is_better(&self) -> bool {
        catalogue::greater_is_better(self.metric())
    }

    /// All parameters that hold, defaults included: what a run records and can be repeated with.
    pub fn to_json(&self) -> Value {
        let mut all: serde_json::Map<String, Value> =
            self.values.iter().map(|(name, v)| ((*name).to_owned(), v.json())).collect();
        if let Some(monotone) = &self.monotone {
            all.insert("monotone_constraints".to_owned(), monotone.to_json());
        }
        if let Some(class_weight) = &self.class_weight {
            all.insert("class_weight".to_owned(), class_weight.to_json());
        }
        Value::Object(all)
    }

    /// Whether a start takes the champion's trees as they stand and only learns their leaves anew.
    pub fn refits(&self) -> bool {
        self.word("start_mode") == "refit"
    }

    /// Whether the parameters say how to start from a champion.
    pub fn names_start(&self) -> bool {
        self.has("start_mode") || self.has("refit_decay_rate")
    }

    /// Whether trees only ever add to those before, so that a model can be gone on with.
    pub(crate) fn is_additive(&self) -> bool {
        !matches!(self.word("boosting"), "dart" | "rf")
    }

    pub(crate) fn class_weight(&self) -> Option<&ClassWeight> {
        self.class_weight.as_ref()
    }

    pub(crate) fn size(&self, name: &str) -> usize {
        match self.values.get(name) {
            Some(Setting::Int(v)) => usize::try_from(*v).unwrap_or(0),
            _ => 0,
        }
    }

    pub(crate) fn real(&self, name: &str, otherwise: f64) -> f64 {
        match self.values.get(name) {
            Some(Setting::Real(v)) => *v,
            Some(Setting::Int(v)) => *v as f64,
            _ => otherwise,
        }
    }

    fn word(&self, name: &str) -> &'static str {
        match self.values.get(name) {
            Some(Setting::Word(v)) => v,
            _ => "",
        }
    }

    fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The parameter string for LightGBM. A seed beyond its 31 bits is folded, a small one is passed as it is.
    ///
    /// Early stopping is left out: the loop is ours. Everything random derives from `seed` (LightGBM does that
    /// itself); histograms are built column by column, so that no timing decides between two orders of addition.
    pub(crate) fn render(&self, seed: u64, threads: usize, columns: &[Column]) -> Result<String> {
        let mut text = String::from("deterministic=true force_col_wise=true verbosity=0 device_type=cpu ");
        text.push_str("is_provide_training_metric=true ");
        text.push_str(&format!("seed={} num_threads={} ", fold_seed(seed), threads.max(1)));
        if self.task == Task::Multiclass {
            text.push_str(&format!("num_class={} ", self.classes));
        }
        if self.task == Task::Ranking {
            text.push_str(&format!("eval_at={} ", catalogue::RANKING_DEPTH));
        }
        for (name, setting) in &self.values {
            match *name {
                "early_stopping_rounds"
                | "early_stopping_min_delta"
                | "bin_construct_sample_cnt"
                | "start_mode" => {}
                "boosting" if *setting == Setting::Word("goss") => {
                    text.push_str("boosting=gbdt data_sample_strategy=goss ");
                }
                _ => text.push_str(&format!("{name}={} ", setting.render())),
            }
        }
        text.push_str(&format!("bin_construct_sample_cnt={}", self.sample_rows(columns.len())));
        let categorical = columns.iter().enumerate().filter(|(_, column)| column.categorical);
        let categorical: Vec<String> = categorical.map(|(at, _)| at.to_string()).collect();
        if !categorical.is_empty() {
            text.push_str(&format!(" categorical_feature={}", categorical.join(",")));
        }
        if let Some(monotone) = &self.monotone {
            text.push_str(&format!(" monotone_constraints={}", monotone.render(columns)?));
        }
        Ok(text)
    }

    /// How many rows LightGBM looks at to choose its bins: its own 200,000, fewer when there are many features.
    ///
    /// Finding the bins is the one step that cannot be interrupted, at some 5 million sampled values a second,
    /// so their number is held to 6 million, but never under 20,000 rows.
    pub(crate) fn sample_rows(&self, features: usize) -> usize {
        match self.size("bin_construct_sample_cnt") {
            0 => (6_000_000 / features.max(1)).clamp(20_000, 200_000),
            asked => asked,
        }
    }

    /// The shares of negatives and of positives (of all rows where the task knows none) that a round draws.
    pub(crate) fn drawn_shares(&self) -> (f64, f64) {
        if self.word("boosting") == "goss" {
            let share = self.real("top_rate", 0.2) + self.real("other_rate", 0.1);
            return (share, share);
        }
        if self.size("bagging_freq") == 0 {
            return (1.0, 1.0);
        }
        let (negative, positive) =
            (self.real("neg_bagging_fraction", 1.0), self.real("pos_bagging_fraction", 1.0));
        if negative < 1.0 || positive < 1.0 {
            // LightGBM then ignores the common fraction.
            return (negative, positive);
        }
        let share = self.real("bagging_fraction", 1.0);
        (share, share)
    }

    /// Fractions without a frequency would be silently ignored by LightGBM; here they mean "every round".
    fn settle_sampling(&mut self) -> Result<()> {
        let fractions = ["bagging_fraction", "pos_bagging_fraction", "neg_bagging_fraction"];
        let boosting = self.word("boosting");
        if boosting == "goss" {
            if let Some(name) = fractions.iter().chain(["bagging_freq"].iter()).find(|name| self.has(name)) {
                return Err(excludes("boosting goss", name)
                    .with_hint("Boosting goss samples by itself: leave it out."));
            }
            let (top, other) = (self.real("top_rate", 0.2), self.real("other_rate", 0.1));
            if top + other > 1.0 || top <= 0.0 || other <= 0.0 {
                return Err(invalid("\"top_rate\" and \"other_rate\" do not fit together".to_owned())
                    .with_detail(format!("\"top_rate\" is {top}, \"other_rate\" is {other}."))
                    .with_hint("Both must be above 0, and their sum at most 1."));
            }
        }
        if boosting == "rf" {
            self.values.entry("bagging_fraction").or_insert(Setting::Real(0.632));
            let fraction = self.real("bagging_fraction", 1.0);
            if fraction >= 1.0 {
                return Err(invalid("a random forest needs a bagging fraction below 1".to_owned())
                    .with_detail(format!("\"bagging_fraction\" is {fraction}."))
                    .with_hint("Set \"bagging_fraction\" to 0.632."));
            }
        }
        if fractions.iter().any(|name| self.has(name)) {
            self.values.entry("bagging_freq").or_insert(Setting::Int(1));
            if boosting == "rf" && self.size("bagging_freq") == 0 {
                return Err(excludes("boosting rf", "bagging_freq").with_hint("Set \"bagging_freq\" to 1."));
            }
        }
        let sides = ["pos_bagging_fraction", "neg_bagging_fraction"];
        if sides.iter().any(|name| self.has(name)) && self.objective() != "binary" {
            return Err(excludes(&format!("objective {}", self.objective()), "pos_bagging_fraction")
                .with_hint("Use \"bagging_fraction\"."));
        }
        Ok(())
    }

    /// A dart ensemble rescales old trees, so it cannot be cut back to an earlier round.
    fn settle_stopping(&mut self) -> Result<()> {
        if self.word("boosting") != "dart" {
            return Ok(());
        }
        if self.early_stopping_asked && self.early_stopping_rounds() > 0 {
            return Err(excludes("boosting dart", "early_stopping_rounds")
                .with_hint("Set \"early_stopping_rounds\" to 0, or use boosting gbdt."));
        }
        self.values.insert("early_stopping_rounds", Setting::Int(0));
        Ok(())
    }

    fn check_objective(&self) -> Result<()> {
        if self.objective() == "quantile" && self.real("alpha", 0.9) >= 1.0 {
            return Err(invalid("invalid value for parameter \"alpha\"".to_owned())
                .with_detail(format!("Got {}.", self.real("alpha", 0.9)))
                .with_hint("A quantile lies between 0 and 1, both excluded."));
        }
        let unbalance = self.values.get("is_unbalance") == Some(&Setting::Bool(true));
        if unbalance && self.has("scale_pos_weight") {
            return Err(excludes("is_unbalance", "scale_pos_weight").with_hint("Give one of the two."));
        }
        if self.class_weight.is_some() {
            if !matches!(self.task, Task::Binary | Task::Multiclass) {
                return Err(invalid(format!("\"class_weight\" does not go with task \"{}\"", self.task))
                    .with_hint("It is for classes: name a weight column instead."));
            }
            let other = if unbalance { Some("is_unbalance") } else { None };
            if let Some(other) = other.or_else(|| self.has("scale_pos_weight").then_some("scale_pos_weight"))
            {
                return Err(excludes("class_weight", other).with_hint("Give one of the two."));
            }
        }
        // These set the leaves' values anew when a tree is done, and do not look at the constraints then.
        if self.monotone.is_some() && matches!(self.objective(), "regression_l1" | "quantile" | "mape") {
            return Err(excludes(&format!("objective {}", self.objective()), "monotone_constraints")
                .with_hint("Use the objective regression or huber, which keep the constraints."));
        }
        Ok(())
    }
}

fn excludes(one: &str, other: &str) -> Error {
    invalid(format!("\"{one}\" does not go with \"{other}\""))
}

fn unknown(key: &str) -> Error {
    let error = invalid(format!("unknown training parameter \"{key}\""));
    match key {
        "seed" | "random_state" | "num_threads" | "n_jobs" | "categorical_feature" | "num_class" => error
            .with_hint(
                "Seed, threads, classes and categories are no parameters of the library here: \
                 they follow from the call, the settings and the data.",
            ),
        "focal_loss" | "focal_gamma" | "focal_alpha" => error.with_hint(NO_FOCAL_LOSS),
        _ => error.with_hint(format!("Known parameters: {}.", catalogue::names().join(", "))),
    }
}

/// What the library has instead.
const NO_FOCAL_LOSS: &str = "The library has no focal loss. Rare classes are weighted by \"class_weight\", \
    \"scale_pos_weight\" or \"is_unbalance\"; easy rows are drawn less often with boosting goss.";

fn read(spec: &Spec, task: Task, key: &str, value: &Value) -> Result<Setting> {
    let refuse = |wanted: String| {
        Err(invalid(format!("invalid value for parameter \"{key}\""))
            .with_detail(format!("Got {value}."))
            .with_hint(format!("\"{}\" takes {wanted}.", spec.name)))
    };
    match &spec.kind {
        Kind::Int { min, max } => {
            let wanted = || refuse(format!("a whole number from {min} to {max}"));
            let whole = value
                .as_i64()
                .or_else(|| value.as_f64().filter(|v| v.fract() == 0.0 && v.abs() < 9e15).map(|v| v as i64));
            match whole {
                Some(v) if (*min..=*max).contains(&v) => Ok(Setting::Int(v)),
                _ => wanted(),
            }
        }
        Kind::Real { above, from, to } => {
            let low = if *above { format!("above {from}") } else { format!("from {from}") };
            match value.as_f64() {
                Some(v) if v <= *to && (v > *from || (!above && v == *from)) => Ok(Setting::Real(v)),
                _ => refuse(format!("a number {low} up to {to}")),
            }
        }
        Kind::Bool => match value.as_bool() {
            Some(v) => Ok(Setting::Bool(v)),
            None => refuse("true or false".to_owned()),
        },
        Kind::Word(words) => {
            let words = words(task);
            let given = value.as_str().unwrap_or_default();
            match words.iter().find(|(word, aliases)| *word == given || aliases.contains(&given)) {
                Some((word, _)) => Ok(Setting::Word(word)),
                None if spec.name == "objective" && given.contains("focal") => {
                    Err(invalid(format!("objective \"{given}\" is not known")).with_hint(NO_FOCAL_LOSS))
                }
                None => {
                    let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                    refuse(format!("for this task one of {}", list.join(", ")))
                }
            }
        }
    }
}

/// LightGBM's seed is an `int`: what fits is passed on, so that its own tools can repeat a run by hand.
fn fold_seed(seed: u64) -> u64 {
    if seed <= i32::MAX as u64 { seed } else { (seed ^ (seed >> 31) ^ (seed >> 62)) & i32::MAX as u64 }
}
