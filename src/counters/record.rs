//! What scoring counts.
//!
//! A prediction adds a handful of words when it is answered, an error when it was not; a scan of `sira_score` counts its
//! rows in the call state and adds them when the statement ends, however it ends. Of the rows that a session scores by
//! a version the 1st, 2nd, 4th and so on to the 64th and every 64th from there on is timed, in whichever statement it
//! comes, and stands for those since the one before: two looks at the clock a row would cost as much as small models
//! do, and a first row that finds everything cold speaks for itself alone.

use super::budget;
use super::file::Counters;
use super::slots::{self, Key};
use crate::catalog::Home;
use crate::features::POSTGRES_EPOCH_MICROS;
use crate::guc;
use crate::version::Resolved;
use pgrx::datum::Uuid;
use sira_core::latency;
use sira_core::policy::DECISIONS;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Of how many rows of plain scores one is timed, at least.
const TIMED: u64 = 64;

/// Of how many scores of a block one is sorted into its bin.
const SAMPLED: usize = 16;

/// For how many microseconds a session goes on with a file that may have been removed or cut off.
const TRUST: u64 = 100_000;

/// How many it waits before it tries again to make one.
const WAIT: u64 = 1_000_000;

/// How many slots a session knows by heart before it starts afresh.
const KEPT: usize = 256;

// Reads a variable of the backend and raises no error: the guard that pgrx puts around calls would cost more.
unsafe extern "C" {
    fn GetCurrentStatementStartTimestamp() -> i64;
}

/// When the statement that the client sent began, in microseconds since 1970: no look at the clock.
fn statement_began() -> u64 {
    // SAFETY: as said.
    let began = unsafe { GetCurrentStatementStartTimestamp() };
    u64::try_from(began.saturating_add(POSTGRES_EPOCH_MICROS)).unwrap_or(0)
}

/// A slot that the session knows, and which of its rows of plain scores is timed next.
struct Place {
    at: usize,
    begun: Cell<u64>,
    timed: Cell<u64>,
    next: Cell<u64>,
}

impl Place {
    fn new(at: usize) -> Rc<Self> {
        Rc::new(Self { at, begun: Cell::new(0), timed: Cell::new(0), next: Cell::new(1) })
    }

    /// A row begins: for how many it stands, if it is to be timed.
    fn begin(&self) -> Option<u64> {
        let begun = self.begun.get() + 1;
        self.begun.set(begun);
        if begun < self.next.get() {
            return None;
        }
        self.next.set(begun + begun.min(TIMED));
        Some(begun - self.timed.replace(begun))
    }
}

/// The slot that was asked for last: nearly every statement asks for the one that the statement before it asked for, and
/// a look at the key costs a tenth of making one and finding it.
struct Newest {
    model: Uuid,
    version: Option<Uuid>,
    tenant: String,
    place: Rc<Place>,
}

#[derive(Default)]
struct Session {
    counters: Option<Rc<Counters>>,
    known: HashMap<Key, Rc<Place>>,
    newest: Option<Newest>,
    /// The tenant that was given no slot, and when: whether there is one now is looked at again after a while.
    refused: Option<(String, u64)>,
    looked: Option<u64>,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
    /// Compiled models that were there, and such that had to be compiled, since somebody asked.
    static LOADED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    /// Predictions that were throttled without a file that would count them.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

impl Session {
    fn counters(&mut self) -> Option<Rc<Counters>> {
        let now = statement_began();
        let trusted = if self.counters.is_some() { TRUST } else { WAIT };
        if self.looked.is_none_or(|looked| looked.abs_diff(now) >= trusted) {
            self.looked = Some(now);
            if self.counters.as_ref().is_none_or(|counters| !counters.is_current()) {
                self.known.clear();
                self.newest = None;
                self.refused = None;
                self.counters = Counters::open().ok().map(Rc::new);
            }
        }
        self.counters.clone()
    }

    fn slot(&mut self, home: Home, resolved: &Resolved) -> Option<Slot> {
        let counters = self.counters()?;
        let (model, version, tenant) = (resolved.model_id, resolved.version_id, &resolved.caller);
        let newest = self
            .newest
            .as_ref()
            .filter(|newest| newest.model == model && newest.version == version && newest.tenant == *tenant);
        if let Some(newest) = newest {
            return Some(Slot { counters, place: Rc::clone(&newest.place) });
        }
        let place = self.find(&counters, home, resolved);
        // Where none was left, one may be free the next time.
        self.newest = (place.at != slots::OVERFLOW).then(|| Newest {
            model,
            version,
            tenant: tenant.clone(),
            place: Rc::clone(&place),
        });
        Some(Slot { counters, place })
    }

    fn find(&mut self, counters: &Counters, home: Home, resolved: &Resolved) -> Rc<Place> {
        let key = Key::new(&resolved.caller, Some(resolved.model_id), resolved.version_id, None);
        if let Some(place) = self.known.get(&key) {
            return Rc::clone(place);
        }
        let now = statement_began();
        let refused = self
            .refused
            .as_ref()
            .is_some_and(|(tenant, at)| *tenant == key.tenant && at.abs_diff(now) < WAIT);
        let found = match slots::known(counters, &key) {
            None if !refused => slots::give(counters, &key, budget::exceeded(home, resolved).word()),
            found => found,
        };
        let Some(at) = found else {
            if !refused {
                self.refused = Some((key.tenant, now));
            }
            return Place::new(slots::OVERFLOW);
        };
        let place = Place::new(at);
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(key, Rc::clone(&place));
        place
    }
}

/// The counters of this database as they stand; an error says why there are none.
pub fn counters() -> std::io::Result<Rc<Counters>> {
    SESSION.with_borrow_mut(|session| {
        session.looked = None;
        match session.counters() {
            Some(counters) => Ok(counters),
            None => Counters::open().map(Rc::new),
        }
    })
}

/// A place to count in.
#[derive(Clone)]
pub struct Slot {
    counters: Rc<Counters>,
    place: Rc<Place>,
}

impl Slot {
    /// The slot of what a call has resolved to. At the end of a session there is none.
    fn of(home: Home, resolved: &Resolved) -> Option<Self> {
        SESSION.try_with(|session| session.try_borrow_mut().ok()?.slot(home, resolved)).ok().flatten()
    }

    /// Whether it is one model version's alone.
    fn is_own(&self) -> bool {
        self.place.at != slots::OVERFLOW
    }

    fn words(&self) -> &[AtomicU64] {
        self.counters.slot(self.place.at)
    }

    fn add(&self, at: usize, amount: u64) {
        if amount > 0 {
            slots::add(self.words(), at, amount);
        }
    }

    fn time(&self, taken: Duration, weight: u64) {
        let nanos = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX);
        self.add(slots::NANOS, nanos.saturating_mul(weight));
        self.add(slots::LATENCIES + latency::bucket(nanos), weight);
    }

    /// Scores that are no probabilities have no place between 0 and 1.
    fn score(&self, score: f64, weight: u64) {
        if (0.0..=1.0).contains(&score) {
            let bin = ((score * slots::SCORE_BINS as f64) as usize).min(slots::SCORE_BINS - 1);
            self.add(slots::SCORES + bin, weight);
            self.add(slots::SCORE_SUM, ((score * slots::SCORE_UNIT) as u64).saturating_mul(weight));
        }
    }

    fn score_all(&self, scores: &[f64]) {
        let (mut bins, mut sum) = ([0_u64; slots::SCORE_BINS], 0.0);
        for rows in scores.chunks(SAMPLED) {
            let Some(score) = rows.first().filter(|score| (0.0..=1.0).contains(*score)) else { continue };
            // The last of them stands for fewer.
            bins[((score * slots::SCORE_BINS as f64) as usize).min(slots::SCORE_BINS - 1)] +=
                rows.len() as u64;
            sum += score * rows.len() as f64;
        }
        bins.iter().enumerate().for_each(|(bin, count)| self.add(slots::SCORES + bin, *count));
        self.add(slots::SCORE_SUM, (sum * slots::SCORE_UNIT) as u64);
    }

    /// Whoever writes at the same moment may be a statement ahead: which of them stays makes no difference.
    fn note_time(&self) {
        let began = statement_began();
        if let Some(last) = self.words().get(slots::LAST)
            && last.load(Ordering::Relaxed) < began
        {
            last.store(began, Ordering::Relaxed);
        }
    }

    fn note_loads(&self) {
        let (hits, misses) = LOADED.take();
        self.add(slots::CACHE_HITS, hits);
        self.add(slots::CACHE_MISSES, misses);
    }
}

/// Notes that a compiled model was there, or was not.
pub fn loaded(found: bool) {
    let (hits, misses) = LOADED.get();
    LOADED.set(if found { (hits + 1, misses) } else { (hits, misses + 1) });
}

/// Notes an error about a model that could not be told.
pub fn unresolved() {
    if guc::MONITORING.get() {
        let counters = SESSION.try_with(|session| session.try_borrow_mut().ok()?.counters());
        if let Ok(Some(counters)) = counters {
            Slot { counters, place: Place::new(slots::UNRESOLVED) }.add(slots::ERRORS, 1);
        }
    }
}

/// Notes an error of a plain score before its first row.
pub fn failed(home: Home, resolved: &Resolved) {
    if guc::MONITORING.get()
        && let Some(slot) = Slot::of(home, resolved)
    {
        slot.add(slots::ERRORS, 1);
    }
}

/// What a budget that is used up does to predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    None,
    /// So many of a thousand are scored, the others get the fallback decision.
    Sampling(u16),
    Fallback,
    Error,
}

impl Throttle {
    /// Larger is stronger; less of a sample is stronger than more.
    pub fn word(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Sampling(share) => 1_000_000 - u64::from(share.min(1000)),
            Self::Fallback => 2_000_000,
            Self::Error => 3_000_000,
        }
    }

    pub fn of_word(word: u64) -> Self {
        match word {
            999_000..=1_000_000 => Self::Sampling((1_000_000 - word) as u16),
            2_000_000 => Self::Fallback,
            3_000_000 => Self::Error,
            _ => Self::None,
        }
    }

    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Sampling(_) => Some("sampling"),
            Self::Fallback => Some("fallback"),
            Self::Error => Some("error"),
        }
    }
}

/// A call that predicts, from its first moment to its answers. One that ends without them was an error, whether it was
/// returned or raised.
pub struct Watch {
    slot: Option<Slot>,
    /// What the table of budgets says, where there is no slot that does.
    budget: Option<Throttle>,
    counts: bool,
    done: bool,
}

impl Watch {
    pub fn begin(home: Home, resolved: &Resolved) -> Self {
        let slot = Slot::of(home, resolved);
        let knows = slot.as_ref().is_some_and(Slot::is_own);
        let budget = (!knows).then(|| budget::exceeded(home, resolved));
        Self { slot, budget, counts: guc::MONITORING.get(), done: false }
    }

    /// What a used-up budget says about the next prediction: `None` and it is scored. Samples are taken evenly.
    pub fn throttle(&self) -> Throttle {
        let words = self.slot.as_ref().map(Slot::words);
        let of_slot = || words.map_or(0, |words| slots::word(words, slots::THROTTLE));
        let throttle = self.budget.unwrap_or_else(|| Throttle::of_word(of_slot()));
        if throttle == Throttle::None {
            return throttle;
        }
        let asked = match words.and_then(|words| words.get(slots::THROTTLED)) {
            Some(asked) => asked.fetch_add(1, Ordering::Relaxed),
            None => ASKED.replace(ASKED.get().wrapping_add(1)),
        };
        match throttle {
            Throttle::Sampling(share) => {
                let scored = |asked: u64| asked.wrapping_mul(u64::from(share)) / 1000;
                if scored(asked.wrapping_add(1)) > scored(asked) { Throttle::None } else { throttle }
            }
            throttle => throttle,
        }
    }

    /// Counts one answer.
    pub fn answered(&self, taken: Duration, score: Option<f64>, decision: Option<&str>, fallback: bool) {
        let Some(slot) = self.slot.as_ref().filter(|_| self.counts) else { return };
        slot.add(slots::ROWS, 1);
        slot.add(slots::FALLBACKS, u64::from(fallback));
        slot.time(taken, 1);
        if let Some(score) = score {
            slot.score(score, 1);
        }
        if let Some(place) =
            decision.and_then(|decision| DECISIONS.iter().position(|known| *known == decision))
        {
            slot.add(slots::DECIDED + place, 1);
        }
    }

    /// Time that went by besides scoring: it is paid for, and no part of the latency.
    pub fn spent(&self, taken: Duration) {
        if let Some(slot) = self.slot.as_ref().filter(|_| self.counts) {
            slot.add(slots::NANOS, u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// The call has given its answers.
    pub fn end(mut self) {
        self.done = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(slot) = self.slot.as_ref().filter(|_| self.counts) else { return };
        slot.add(slots::CALLS, 1);
        slot.add(slots::ERRORS, u64::from(!self.done));
        slot.note_loads();
        slot.note_time();
    }
}

/// When a row that is timed began, and for how many rows it stands.
pub struct Began {
    at: Instant,
    weight: u64,
}

/// The rows of one statement's scan, counted when it is over.
pub struct Tally {
    slot: Option<Slot>,
    begun: u64,
    done: u64,
    /// Whether scores lie between 0 and 1.
    bounded: bool,
}

impl Tally {
    pub fn new(home: Home, resolved: &Resolved, bounded: bool) -> Self {
        let slot = if guc::MONITORING.get() { Slot::of(home, resolved) } else { None };
        Self { slot, begun: 0, done: 0, bounded }
    }

    /// A row begins; some are timed.
    pub fn begin(&mut self) -> Option<Began> {
        self.begun += 1;
        let weight = self.slot.as_ref()?.place.begin()?;
        Some(Began { at: Instant::now(), weight })
    }

    /// A row has its score.
    pub fn end(&mut self, began: Option<Began>, score: Option<f64>) {
        self.done += 1;
        if let (Some(began), Some(slot)) = (began, &self.slot) {
            slot.time(began.at.elapsed(), began.weight);
            if let Some(score) = score.filter(|_| self.bounded) {
                slot.score(score, began.weight);
            }
        }
    }

    /// Rows that were scored together.
    pub fn block(&mut self, began: Instant, scores: &[f64]) {
        let rows = scores.len() as u64;
        self.begun += rows;
        self.done += rows;
        if let (Some(slot), true) = (&self.slot, rows > 0) {
            slot.time(began.elapsed() / u32::try_from(rows).unwrap_or(u32::MAX), rows);
            if self.bounded {
                slot.score_all(scores);
            }
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.add(slots::CALLS, 1);
            slot.add(slots::ROWS, self.done);
            slot.add(slots::ERRORS, self.begun - self.done);
            slot.note_loads();
            slot.note_time();
        }
    }
}
