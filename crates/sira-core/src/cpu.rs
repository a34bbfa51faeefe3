//! The one place with unsafe code: running a computation with the instructions that this processor
//! has beyond those that every processor of its kind has.
//!
//! A computation is written once, in safe Rust over arrays; the compiler turns it into vector code
//! of the width it is told. [`run`] has it compiled for AVX-512, for AVX2 and for the base, and
//! asks the processor which to take. No instruction that changes results (fused multiply-add) is
//! switched on, so all of them answer the same bits.
#![allow(unsafe_code)]

/// A computation. `run` and all it calls have to be `#[inline(always)]`: only what is inlined is
/// compiled for the wider instructions.
pub(crate) trait Work {
    type Answer;

    fn run(self) -> Self::Answer;
}

/// Does the work with the widest instructions that there are.
#[inline]
pub(crate) fn run<W: Work>(work: W) -> W::Answer {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has just been asked for each feature that the function is compiled for.
            return unsafe { with_avx512(work) };
        }
        if has_avx2() {
            // SAFETY: as above.
            return unsafe { with_avx2(work) };
        }
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2")]
fn with_avx512<W: Work>(work: W) -> W::Answer {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn with_avx2<W: Work>(work: W) -> W::Answer {
    work.run()
}

/// The work at a level of its own: 0 is the base. Nothing where the processor does not have it.
#[cfg(test)]
pub(crate) fn run_at<W: Work>(level: usize, work: W) -> Option<W::Answer> {
    match level {
        0 => Some(work.run()),
        // SAFETY: the processor has just been asked for each feature that the function is compiled for.
        #[cfg(target_arch = "x86_64")]
        1 if has_avx2() => Some(unsafe { with_avx2(work) }),
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        2 if has_avx512() => Some(unsafe { with_avx512(work) }),
        _ => None,
    }
}
