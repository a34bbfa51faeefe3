//! How a set is computed: its features by kind, with the plans that a session keeps.
//!
//! Sets never change, so a plan is kept by the set's id. What it reads may change: windows look whether their relation is
//! still the one they know, and PostgreSQL plans again what it must.

use crate::catalog::{self, Home};
use crate::error::Result;
use crate::feature::definition::{Definition, Kind};
use crate::feature::derived::{self, Derived};
use crate::feature::query::Query;
use crate::feature::set::{self, Set};
use crate::feature::trust;
use crate::feature::window::{self, Group};
use pgrx::datum::Uuid;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How many sets a session keeps plans of before it starts afresh.
const KEPT: usize = 64;

/// A set, taken apart by where its values come from.
pub struct Plan {
    pub set: Rc<Set>,
    pub windows: Vec<Group>,
    pub queries: Vec<Query>,
    pub stored: Vec<StoredGroup>,
    /// In an order in which each finds its inputs computed.
    pub derived: Vec<Derived>,
    /// One definition of each author whose text is run.
    authored: Vec<Rc<Definition>>,
}

/// Stored features of one entity, asked for together.
pub struct StoredGroup {
    pub entity_type: String,
    pub keys: Vec<String>,
    pub places: Vec<usize>,
}

impl Plan {
    pub fn new(set: Rc<Set>) -> Result<Self> {
        Ok(Self {
            windows: window::groups(&set.features),
            queries: set
                .features
                .iter()
                .enumerate()
                .filter(|(_, feature)| matches!(feature.kind, Kind::Sql(_)))
                .map(|(place, feature)| Query::new(place, feature.clone()))
                .collect(),
            stored: stored(&set.features),
            derived: derived::ordered(&set.name, &set.features)?,
            authored: authored(&set.features),
            set,
        })
    }

    /// Refuses to run the set with rights that an author of its definitions could take.
    pub fn require_trust(&self, home: Home) -> Result<()> {
        self.authored.iter().try_for_each(|definition| trust::require(home, definition))
    }
}

fn authored(features: &[Rc<Definition>]) -> Vec<Rc<Definition>> {
    let mut authored: Vec<Rc<Definition>> = Vec::new();
    for feature in features.iter().filter(|feature| !matches!(feature.kind, Kind::Stored | Kind::Request)) {
        if !authored.iter().any(|known| known.author == feature.author) {
            authored.push(feature.clone());
        }
    }
    authored
}

fn stored(features: &[Rc<Definition>]) -> Vec<StoredGroup> {
    let mut groups: Vec<StoredGroup> = Vec::new();
    for (place, feature) in features.iter().enumerate() {
        if !matches!(feature.kind, Kind::Stored) {
            continue;
        }
        let at =
            groups.iter().position(|group| group.entity_type == feature.entity_type).unwrap_or_else(|| {
                groups.push(StoredGroup {
                    entity_type: feature.entity_type.clone(),
                    keys: Vec::new(),
                    places: Vec::new(),
                });
                groups.len() - 1
            });
        if let Some(group) = groups.get_mut(at) {
            group.keys.push(feature.name.clone());
            group.places.push(place);
        }
    }
    groups
}

thread_local! {
    static PLANS: RefCell<HashMap<(Home, Uuid), Plan>> = RefCell::default();
}

/// Does `work` with the plan of the set that `reference` means to the caller.
pub fn with<T>(home: Home, reference: &str, work: impl FnOnce(&mut Plan) -> Result<T>) -> Result<T> {
    with_in(home, &catalog::require_tenant(home)?, reference, work)
}

/// Does `work` with the plan of a set of that tenant: a shared model brings its own sets.
///
/// The plan is taken out while it is used: a source that is itself computed by SIRA may come here again.
pub fn with_in<T>(
    home: Home,
    tenant: &str,
    reference: &str,
    work: impl FnOnce(&mut Plan) -> Result<T>,
) -> Result<T> {
    let id = set::find(home, tenant, reference)?;
    let kept = PLANS.with_borrow_mut(|plans| plans.remove(&(home, id)));
    let mut plan = match kept {
        Some(plan) => plan,
        None => Plan::new(Rc::new(set::read(home, tenant, id)?))?,
    };
    let result = work(&mut plan)?;
    PLANS.with_borrow_mut(|plans| {
        if plans.len() >= KEPT {
            plans.clear();
        }
        plans.insert((home, plan.set.id), plan);
    });
    Ok(result)
}
