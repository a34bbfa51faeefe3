//! The border to LightGBM: return codes become errors, its messages stay off the server's log, and its threads
//! never see a signal.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use lightgbm3_sys as ffi;
use sira_core::{Error, ErrorKind, Result};

/// The library that is linked, as a run records it. It follows the version pinned in Cargo.toml.
pub const LIBRARY_VERSION: &str = "lightgbm 4.7.0";

/// Everything of this build and machine that the numbers of a training may depend on.
///
/// The C library is named because LightGBM takes its logarithms from there, and the instructions because the C library
/// chooses its code by them.
pub fn build() -> String {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the library's version is a static C string.
    let c_library = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }
        .to_str()
        .map_or_else(|_| String::new(), |v| format!(", glibc {v}"));
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let c_library = String::new();
    #[cfg(target_arch = "x86_64")]
    let instructions = match (std::is_x86_feature_detected!("avx512f"), std::is_x86_feature_detected!("fma"))
    {
        (true, _) => " avx512f",
        (false, true) => " fma",
        (false, false) => "",
    };
    #[cfg(not(target_arch = "x86_64"))]
    let instructions = "";
    format!(
        "sira {}, {LIBRARY_VERSION}, {}{instructions} {}{c_library}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    )
}

/// Messages kept for an error's detail; what comes after is dropped.
const LOG_LIMIT: usize = 4096;

thread_local! {
    /// LightGBM keeps callback and level by thread, so the buffer is one by thread, too.
    static LOG: RefCell<String> = const { RefCell::new(String::new()) };
}

unsafe extern "C" fn keep_message(text: *const c_char) {
    if text.is_null() {
        return;
    }
    // SAFETY: LightGBM hands over a NUL-terminated buffer that outlives the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    // Nothing here may unwind into C++: a buffer that is gone or borrowed loses the message instead.
    let _ = LOG.try_with(|log| {
        if let Ok(mut log) = log.try_borrow_mut()
            && log.len() + text.len() <= LOG_LIMIT
        {
            log.push_str(&text);
        }
    });
}

/// Registers the message buffer for this thread and empties it.
pub(crate) fn capture_messages() -> Result<()> {
    LOG.with(|log| log.borrow_mut().clear());
    // SAFETY: the callback is a plain function that neither unwinds nor ends.
    check("set up its messages", unsafe { ffi::LGBM_RegisterLogCallback(Some(keep_message)) })
}

/// Turns a return code into an error that carries LightGBM's own words.
pub(crate) fn check(what: &str, code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: LightGBM keeps the last message of this thread as a NUL-terminated string.
    let last = unsafe { CStr::from_ptr(ffi::LGBM_GetLastError()) }.to_string_lossy();
    // Where on some machine the library was built helps nobody.
    let last = last.split(" at /").next().unwrap_or_default().trim().trim_end_matches('.');
    let warnings = LOG.with(|log| log.borrow().trim().to_owned());
    let detail =
        if warnings.is_empty() { format!("{last}.") } else { format!("{last}. Before that: {warnings}") };
    Err(Error::new(ErrorKind::Training, format!("the training library could not {what}")).with_detail(detail))
}

/// A string for C; ours never hold a NUL, names from outside have it replaced before.
pub(crate) fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| {
        Error::new(ErrorKind::Training, "text for the training library holds a zero byte").with_detail(text)
    })
}

/// A count in the `int` that LightGBM counts with.
pub(crate) fn c_count(what: &str, n: usize) -> Result<i32> {
    i32::try_from(n).map_err(|_| {
        Error::new(ErrorKind::OutOfBudget, format!("too many {what} to train on"))
            .with_detail(format!("{n}; the training library counts to {}.", i32::MAX))
            .with_hint("Train on a sample.")
    })
}

/// Blocks every signal while it lives, so that threads born meanwhile inherit the block and leave the handling
/// to the host's own thread. With one thread nothing is born and nothing is blocked.
pub(crate) struct SignalsBlocked {
    old: Option<libc::sigset_t>,
    /// The mask belongs to the thread.
    _here: PhantomData<*const ()>,
}

impl SignalsBlocked {
    pub(crate) fn when(threads: usize) -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut old = MaybeUninit::<libc::sigset_t>::uninit();
        if threads <= 1 {
            return Self { old: None, _here: PhantomData };
        }
        // SAFETY: both sets are ours; sigfillset initialises the one, pthread_sigmask the other when it succeeds.
        let old = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            (libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr()) == 0)
                .then(|| old.assume_init())
        };
        Self { old, _here: PhantomData }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        if let Some(old) = &self.old {
            // SAFETY: restores the set that the same thread had before.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, old, std::ptr::null_mut()) };
        }
    }
}
