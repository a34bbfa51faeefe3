//! One tree, once down and once up, for eight lanes at a time.
//!
//! A lane is a quadrature point of one row, or one row of several at a point: the arithmetic is the
//! same, and a register takes eight.

//!
//! Nodes come in depth-first order, so a loop over them is the walk: a node of level l is a child of
//! the last node of level l − 1, and whatever is deeper is done with. Where a node stands is known
//! from the compilation ([`Place`]). Leaves are counted at once when their node is met.

#![expect(clippy::needless_range_loop, reason = "loops over lanes and points are what becomes vector code")]

use crate::ensemble::codec::layout::Place;
use crate::predict::TreeView;

pub(super) const LANES: usize = 8;

/// Eight numbers that lie as a register takes them.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub [f64; LANES]);

impl Lanes {
    pub const ZERO: Self = Self::all(0.0);

    pub const fn all(value: f64) -> Self {
        Self([value; LANES])
    }
}

/// Factors below this are taken for it: products with them vanish, quotients stay finite.
const NOTHING: f64 = 1e-280;

/// By bits: 1 in the lanes whose bit is set, 0 in the others.
static ONES: [Lanes; 256] = {
    let mut ones = [Lanes::ZERO; 256];
    let mut bits = 0;
    while bits < 256 {
        let mut lane = 0;
        while lane < LANES {
            ones[bits].0[lane] = (bits >> lane & 1) as f64;
            lane += 1;
        }
        bits += 1;
    }
    ones
};

/// What the lanes are points of: where, what is left to 1, and the weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points {
    pub at: Lanes,
    pub rest: Lanes,
    pub weight: Lanes,
}

/// A node on the path, and the branch that led to it, for `K` points or chunks of points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level<const K: usize> {
    /// The product of all factors on the path but that of the node's own feature.
    others: [Lanes; K],
    /// One over the factor of the branch's feature.
    inverse: [Lanes; K],
    /// The sum over the leaves below.
    sum: [Lanes; K],
    /// The share of training rows that all branches on the branch's feature let pass.
    zero: f64,
    /// The lanes that pass all of them.
    passes: u8,
    /// The node's feature, and the level whose branch is the last one on it so far, or 0.
    feature: u32,
    earlier: u32,
    /// The share of the node's training rows that one of them is, or 0 where none came by.
    row_share: f64,
    node: u32,
}

impl<const K: usize> Level<K> {
    /// Before the root everything passes, which also makes it the earlier branch of features that
    /// have none.
    const ROOT: Self = Self {
        others: [Lanes::all(1.0); K],
        inverse: [Lanes::all(1.0); K],
        sum: [Lanes::ZERO; K],
        zero: 1.0,
        passes: u8::MAX,
        feature: 0,
        earlier: 0,
        row_share: 0.0,
        node: 0,
    };
}

/// Adds what the tree contributes at these points to `phi`, lanes a feature. `rights` says for a
/// node, a bit a lane, where the row goes right.
#[inline(always)]
pub(super) fn walk<const K: usize>(
    tree: &TreeView<'_>,
    places: &[Place],
    rights: impl Fn(u32) -> Option<u8>,
    points: &[Points; K],
    levels: &mut Vec<Level<K>>,
    phi: &mut [Lanes],
) -> Option<()> {
    if levels.is_empty() {
        levels.push(Level::ROOT);
    }
    let mut top = 0;
    for (at, place) in (0..).zip(places) {
        let (level, right) = place.level();
        while top >= level && top > 0 {
            close(levels, top, phi)?;
            top -= 1;
        }
        if level > top + usize::from(at > 0) {
            return None;
        }
        if level == levels.len() {
            levels.push(Level::ROOT);
        }
        if at > 0 {
            let (above, below) = levels.split_at_mut_checked(level)?;
            let parent = above.last()?;
            let taken = rights(parent.node)? ^ if right { 0 } else { u8::MAX };
            open(above, below.first_mut()?, taken, tree.node_cover(at)?, points)?;
        }
        top = level;
        meet(levels, top, place.earlier(), tree, at, points, &rights, phi)?;
    }
    while top > 0 {
        close(levels, top, phi)?;
        top -= 1;
    }
    Some(())
}

/// Goes down a branch to a node, whose level is the one behind `above`.
#[inline(always)]
fn open<const K: usize>(
    above: &[Level<K>],
    own: &mut Level<K>,
    taken: u8,
    cover: f64,
    points: &[Points; K],
) -> Option<()> {
    let parent = above.last()?;
    let earlier = above.get(parent.earlier as usize)?;
    own.zero = share(parent.row_share, cover) * earlier.zero;
    own.passes = earlier.passes & taken;
    own.row_share = row_share(cover);
    let one = &ONES[usize::from(own.passes)];
    for k in 0..K {
        let (at, rest) = (&points[k].at, &points[k].rest);
        let (inverse, others) = (&mut own.inverse[k], &mut own.others[k]);
        for lane in 0..LANES {
            let factor = own.zero * rest.0[lane] + one.0[lane] * at.0[lane];
            let factor = if factor < NOTHING { NOTHING } else { factor };
            inverse.0[lane] = 1.0 / factor;
            others.0[lane] = parent.others[k].0[lane] * factor;
        }
        own.sum[k] = Lanes::ZERO;
    }
    Some(())
}

/// Notes what a node asks, takes the factor of its feature from the product, and counts its leaves.
#[inline(always)]
fn meet<const K: usize>(
    levels: &mut [Level<K>],
    top: usize,
    earlier: usize,
    tree: &TreeView<'_>,
    at: u32,
    points: &[Points; K],
    rights: &impl Fn(u32) -> Option<u8>,
    phi: &mut [Lanes],
) -> Option<()> {
    if earlier > top {
        return None;
    }
    let node = tree.node(at).ok()?;
    let earlier_inverse = levels.get(earlier)?.inverse;
    let (earlier_zero, earlier_passes) = (levels.get(earlier)?.zero, levels.get(earlier)?.passes);
    let own = levels.get_mut(top)?;
    if top == 0 {
        own.others = [Lanes::all(1.0); K];
        own.sum = [Lanes::ZERO; K];
        own.row_share = row_share(tree.node_cover(at)?);
    }
    own.node = at;
    own.feature = node.feature.get();
    own.earlier = earlier as u32;
    for k in 0..K {
        for lane in 0..LANES {
            own.others[k].0[lane] *= earlier_inverse[k].0[lane];
        }
    }
    for (child, right) in [(node.left.get(), false), (node.right.get(), true)] {
        if child >= 0 {
            continue;
        }
        let (value, cover) = tree.leaf_value_and_cover(!child as u32)?;
        let taken = rights(at)? ^ if right { 0 } else { u8::MAX };
        let zero = share(own.row_share, cover) * earlier_zero;
        let one = &ONES[usize::from(earlier_passes & taken)];
        let earlier_one = &ONES[usize::from(earlier_passes)];
        let phi = phi.get_mut(own.feature as usize)?;
        let mut total = *phi;
        for k in 0..K {
            for lane in 0..LANES {
                let others = value * points[k].weight.0[lane] * own.others[k].0[lane];
                let factor = zero * points[k].rest.0[lane] + one.0[lane] * points[k].at.0[lane];
                let loss = earlier_inverse[k].0[lane] * (earlier_one.0[lane] - earlier_zero);
                own.sum[k].0[lane] += others * factor;
                total.0[lane] += others * ((one.0[lane] - zero) - factor * loss);
            }
        }
        *phi = total;
    }
    Some(())
}

#[inline(always)]
fn row_share(cover: f64) -> f64 {
    if cover > 0.0 { 1.0 / cover } else { 0.0 }
}

/// The share of a node's training rows that a branch lets pass; halves where no row came by at all,
/// as [`super::baseline::fraction`] has it, but one division a node.
#[inline(always)]
fn share(row_share: f64, cover: f64) -> f64 {
    if row_share > 0.0 { cover * row_share } else { 0.5 }
}

/// Comes back up: books what the leaves below contribute to the branch's feature, takes it from the
/// earlier branch on the same feature, and hands the sum on.
#[inline(always)]
fn close<const K: usize>(levels: &mut [Level<K>], top: usize, phi: &mut [Lanes]) -> Option<()> {
    let (above, below) = levels.split_at_mut_checked(top)?;
    let own = below.first()?;
    let (parent_feature, parent_earlier) = above.last().map(|parent| (parent.feature, parent.earlier))?;
    let earlier = above.get(parent_earlier as usize)?;
    let phi = phi.get_mut(parent_feature as usize)?;
    let (one, earlier_one) = (&ONES[usize::from(own.passes)], &ONES[usize::from(earlier.passes)]);
    let mut total = *phi;
    for k in 0..K {
        for lane in 0..LANES {
            let gain = own.inverse[k].0[lane] * (one.0[lane] - own.zero);
            let loss = earlier.inverse[k].0[lane] * (earlier_one.0[lane] - earlier.zero);
            total.0[lane] += own.sum[k].0[lane] * (gain - loss);
        }
    }
    *phi = total;
    let parent = above.last_mut()?;
    for k in 0..K {
        for lane in 0..LANES {
            parent.sum[k].0[lane] += own.sum[k].0[lane];
        }
    }
    Some(())
}
