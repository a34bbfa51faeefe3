//! What the words of a slot mean, and which slot counts for whom.
//!
//! A slot belongs to a model, one of its versions (or none, where none is live), a tenant and a variant. It is found by a
//! hash of these and a few looks further on; it is given out once, under the file's lock, and never taken back. The hash
//! is written last: a slot whose owner died halfway is free. A tenant gets no more slots than it leaves to the others, so
//! that none can take them all. Where no slot is left, or a tenant's name is too long, one slot counts for all of those,
//! and `sira_doctor` says so; what their budgets say is then asked of the table.

use super::file::Counters;
use pgrx::datum::Uuid;
use sira_core::latency;
use sira_core::policy::DECISIONS;
use std::sync::atomic::{AtomicU64, Ordering};

/// Slots of the file, the two that are nobody's among them.
pub const SLOTS: usize = 2048;

/// Bins of scores between 0 and 1.
pub const SCORE_BINS: usize = 20;

/// What scores are multiplied with before they are added as whole numbers.
pub const SCORE_UNIT: f64 = 1e9;

/// Where a model could not be told: an unknown name, a role without tenant.
pub const UNRESOLVED: usize = 0;
/// Where no slot was left.
pub const OVERFLOW: usize = 1;
const FIRST: usize = 2;

/// How many slots are looked at before there is said to be none.
const LOOKS: usize = 128;

const KEY_BYTES: usize = 192;
const KEY_WORDS: usize = KEY_BYTES / 8;
const TENANT: usize = 34;
const TENANT_BYTES: usize = 94;
/// The words of the key that hold the tenant's name and its length.
const TENANT_WORDS: std::ops::Range<usize> = 4..(TENANT + TENANT_BYTES) / 8;
const VARIANT: usize = TENANT + TENANT_BYTES;
const VARIANT_BYTES: usize = KEY_BYTES - VARIANT;

// Places of words in a slot.
const HASH: usize = 0;
const KEY: usize = 1;
const COUNTS: usize = KEY + KEY_WORDS;
pub const CALLS: usize = COUNTS;
pub const ROWS: usize = COUNTS + 1;
pub const ERRORS: usize = COUNTS + 2;
pub const FALLBACKS: usize = COUNTS + 3;
pub const CACHE_HITS: usize = COUNTS + 4;
pub const CACHE_MISSES: usize = COUNTS + 5;
pub const NANOS: usize = COUNTS + 6;
pub const SCORE_SUM: usize = COUNTS + 7;
pub const LAST: usize = COUNTS + 8;
pub const THROTTLE: usize = COUNTS + 9;
pub const THROTTLED: usize = COUNTS + 10;
pub const DECIDED: usize = COUNTS + 11;
pub const LATENCIES: usize = DECIDED + DECISIONS.len();
pub const SCORES: usize = LATENCIES + latency::BUCKETS;
pub const SLOT_WORDS: usize = (SCORES + SCORE_BINS).next_multiple_of(8);

/// For whom a slot counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    pub model: [u8; 16],
    /// Zeros where no version is live.
    pub version: [u8; 16],
    pub tenant: String,
    pub variant: String,
}

impl Key {
    pub fn new(tenant: &str, model: Option<Uuid>, version: Option<Uuid>, variant: Option<&str>) -> Self {
        let bytes = |id: Option<Uuid>| id.map_or([0; 16], |id| *id.as_bytes());
        Self {
            model: bytes(model),
            version: bytes(version),
            tenant: tenant.to_owned(),
            variant: variant.unwrap_or_default().to_owned(),
        }
    }

    /// The key as a slot has it, unless it is too long for one.
    fn words(&self) -> Option<[u64; KEY_WORDS]> {
        let (tenant, variant) = (self.tenant.as_bytes(), self.variant.as_bytes());
        if tenant.len() > TENANT_BYTES || variant.len() > VARIANT_BYTES {
            return None;
        }
        let mut bytes = [0; KEY_BYTES];
        bytes.get_mut(..16)?.copy_from_slice(&self.model);
        bytes.get_mut(16..32)?.copy_from_slice(&self.version);
        *bytes.get_mut(32)? = u8::try_from(tenant.len()).ok()?;
        *bytes.get_mut(33)? = u8::try_from(variant.len()).ok()?;
        bytes.get_mut(TENANT..TENANT + tenant.len())?.copy_from_slice(tenant);
        bytes.get_mut(VARIANT..VARIANT + variant.len())?.copy_from_slice(variant);
        let mut words = [0; KEY_WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Some(words)
    }

    fn read(words: &[u64; KEY_WORDS]) -> Option<Self> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let text = |from: usize, length: u8| {
            let bytes = bytes.get(from..from + usize::from(length))?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        Some(Self {
            model: bytes.get(..16)?.try_into().ok()?,
            version: bytes.get(16..32)?.try_into().ok()?,
            tenant: text(TENANT, *bytes.get(32)?)?,
            variant: text(VARIANT, *bytes.get(33)?)?,
        })
    }
}

/// A hash that is the same in every build, and never zero.
fn hash(words: &[u64; KEY_WORDS]) -> u64 {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    words.iter().for_each(|word| hasher.update(word.to_le_bytes()));
    let digest = hasher.finalize();
    digest.first_chunk::<8>().map_or(1, |bytes| u64::from_le_bytes(*bytes)) | 1
}

/// The words of a slot that may be anything, by their place.
pub fn word(slot: &[AtomicU64], at: usize) -> u64 {
    slot.get(at).map_or(0, |word| word.load(Ordering::Relaxed))
}

pub fn add(slot: &[AtomicU64], at: usize, amount: u64) {
    if let Some(word) = slot.get(at) {
        word.fetch_add(amount, Ordering::Relaxed);
    }
}

fn key_words(slot: &[AtomicU64]) -> [u64; KEY_WORDS] {
    std::array::from_fn(|at| word(slot, KEY + at))
}

/// Who owns a slot; `None` where nobody does, or where it is damaged.
pub fn owner(counters: &Counters, at: usize) -> Option<Key> {
    let slot = counters.slot(at);
    let found = slot.first()?.load(Ordering::Acquire);
    let words = key_words(slot);
    if found != 0 && found == hash(&words) { Key::read(&words) } else { None }
}

/// The slots that are somebody's.
pub fn owned(counters: &Counters) -> impl Iterator<Item = (usize, Key)> + '_ {
    (FIRST..SLOTS).filter_map(|at| owner(counters, at).map(|key| (at, key)))
}

/// Whether more models, versions and tenants are counted than there are slots for.
pub fn is_full(counters: &Counters) -> bool {
    word(counters.slot(OVERFLOW), CALLS) + word(counters.slot(OVERFLOW), ERRORS) > 0
}

/// A key's slot, where it has one already.
pub fn known(counters: &Counters, key: &Key) -> Option<usize> {
    look(counters, &key.words()?).ok()
}

/// A key's slot, given out where it has none yet, with a throttle that holds from then on: a new file knows of none.
pub fn give(counters: &Counters, key: &Key, throttle: u64) -> Option<usize> {
    let words = key.words()?;
    counters.locked(|| claim(counters, key, &words, throttle)).ok().flatten()
}

/// The slot of a key, or the first free one, if any.
fn look(counters: &Counters, words: &[u64; KEY_WORDS]) -> Result<usize, Option<usize>> {
    let wanted = hash(words);
    let places = SLOTS - FIRST;
    let start = (wanted % places as u64) as usize;
    for step in 0..LOOKS {
        let at = FIRST + (start + step) % places;
        let slot = counters.slot(at);
        match slot.get(HASH).map_or(0, |hash| hash.load(Ordering::Acquire)) {
            0 => return Err(Some(at)),
            found if found == wanted && key_words(slot) == *words => return Ok(at),
            _ => {}
        }
    }
    Err(None)
}

/// Whether a tenant may have one slot more: not if it has more than are free.
fn leaves_others_room(counters: &Counters, words: &[u64; KEY_WORDS]) -> bool {
    let tenant = words.get(TENANT_WORDS).unwrap_or_default();
    let (mut free, mut theirs) = (0, 0);
    for slot in (FIRST..SLOTS).map(|at| counters.slot(at)) {
        if word(slot, HASH) == 0 {
            free += 1;
        } else if (KEY + TENANT_WORDS.start..).zip(tenant).all(|(at, wanted)| {
            // The variant's length stands between the tenant's and its name.
            let mask = if at == KEY + TENANT_WORDS.start { !0xFF00 } else { !0 };
            (word(slot, at) ^ wanted) & mask == 0
        }) {
            theirs += 1;
        }
    }
    theirs <= free
}

/// Gives out a slot; the caller holds the lock.
fn claim(counters: &Counters, key: &Key, words: &[u64; KEY_WORDS], throttle: u64) -> Option<usize> {
    let at = match look(counters, words) {
        Ok(at) => return Some(at),
        Err(free) => free?,
    };
    if !leaves_others_room(counters, words) {
        return None;
    }
    let slot = counters.slot(at);
    // What a claim left that ended halfway.
    slot.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    for (place, word) in slot.iter().skip(KEY).zip(words) {
        place.store(*word, Ordering::Relaxed);
    }
    let inherited = inherited_throttle(counters, key);
    slot.get(THROTTLE)?.store(inherited.max(throttle), Ordering::Relaxed);
    slot.get(HASH)?.store(hash(words), Ordering::Release);
    Some(at)
}

/// The throttle of a new slot: that of its model, or of its tenant.
fn inherited_throttle(counters: &Counters, key: &Key) -> u64 {
    let of = |model: [u8; 16]| {
        let above = Key { model, tenant: key.tenant.clone(), ..Key::default() };
        let at = look(counters, &above.words()?).ok()?;
        Some(word(counters.slot(at), THROTTLE)).filter(|throttle| *throttle != 0)
    };
    of(key.model).or_else(|| of([0; 16])).unwrap_or(0)
}

/// A budget that is used up: what answers get now. A model of zeros stands for all of the tenant's.
pub struct Limit {
    pub tenant: String,
    pub model: [u8; 16],
    pub throttle: u64,
}

/// Lets exactly these limits hold. A slot gets the strongest that meets it, in one step. Each has a slot of its own where
/// there is room, from which the slots of later versions inherit before the table says the same.
pub fn limit(counters: &Counters, limits: &[Limit]) -> std::io::Result<()> {
    counters.locked(|| {
        for limit in limits {
            let key = Key { model: limit.model, tenant: limit.tenant.clone(), ..Key::default() };
            let _ = key.words().and_then(|words| claim(counters, &key, &words, limit.throttle));
        }
        for (at, key) in owned(counters) {
            let strongest = limits
                .iter()
                .filter(|limit| {
                    limit.tenant == key.tenant && (limit.model == [0; 16] || limit.model == key.model)
                })
                .map(|limit| limit.throttle)
                .max()
                .unwrap_or(0);
            if let Some(place) = counters.slot(at).get(THROTTLE) {
                place.store(strongest, Ordering::Relaxed);
            }
        }
    })
}
