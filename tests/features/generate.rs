//! Random histories and moments: out of order, tied, late, NULL, NaN, infinite, huge and tiny.

use sira_core::feature::{Codes, Column, Events, History, Numbers, Queries};

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Any float8 at all, by its bits.
    pub fn bits(&mut self) -> f64 {
        f64::from_bits(self.below(1 << 31) << 33 ^ self.below(1 << 31) << 16 ^ self.below(1 << 31))
    }
}

/// What a column's numbers are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Palette {
    Cents,
    Whole,
    Cancelling,
    Anything,
    Finite,
    Subnormal,
}

const PALETTES: [Palette; 6] = [
    Palette::Cents,
    Palette::Whole,
    Palette::Cancelling,
    Palette::Anything,
    Palette::Finite,
    Palette::Subnormal,
];

fn number(random: &mut Random, palette: Palette) -> Option<f64> {
    if random.below(6) == 0 {
        return None;
    }
    Some(match palette {
        Palette::Cents => random.below(100_000) as f64 / 100.0 - 200.0,
        Palette::Whole => random.below(5) as f64 - 2.0,
        Palette::Cancelling => random.pick(&[1e16, -1e16, 1.0, 1e-16, 3e100, -3e100, 0.1, -0.1, -0.0, 0.0]),
        Palette::Anything => match random.below(8) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => random.bits(),
            _ => random.pick(&[0.0, -0.0, 1.5, f64::MAX, -f64::MAX, 5e-324]),
        },
        Palette::Finite => Some(random.bits()).filter(|number| number.is_finite()).unwrap_or(-7.25),
        Palette::Subnormal => f64::from_bits(random.below(9)) * random.pick(&[1.0, -1.0]),
    })
}

/// Columns 0 and 1 are numbers, 2 is a text's codes, 3 a filter.
pub fn events(random: &mut Random, entities: u64) -> Events {
    let rows = random.pick(&[0, 1, 5, 30, 100, 200, 400]);
    let spread = random.pick(&[3, 40, 1000]);
    let palettes = [random.pick(&PALETTES), random.pick(&PALETTES)];
    let extreme = random.below(10) == 0;
    let sorted = random.below(3) == 0;
    let mut time: Vec<i64> = (0..rows)
        .map(|_| match random.below(if extreme { 6 } else { u64::MAX >> 33 }) {
            0 => i64::MIN,
            1 => i64::MAX,
            _ => random.below(spread) as i64 - spread as i64 / 2,
        })
        .collect();
    if sorted {
        time.sort_unstable();
    }
    let lag = random.pick(&[0, 1, 10]);
    let late = random.pick(&[0, 3, 50, 100]);
    let recorded = time.iter().map(|time| {
        let lag =
            random.below(lag + 1) as i64 + i64::from(random.below(100) < late) * random.below(2000) as i64;
        time.saturating_add(lag)
    });
    let recorded: Vec<i64> = recorded.collect();
    let recorded = (random.below(2) == 0).then_some(recorded);
    let numbers =
        |random: &mut Random, palette| -> Numbers { (0..rows).map(|_| number(random, palette)).collect() };
    let columns = vec![
        Column::Numbers(numbers(random, palettes[0])),
        Column::Numbers(numbers(random, palettes[1])),
        Column::Codes((0..rows).map(|_| random.pick(&[None, Some(0), Some(1), Some(9)])).collect::<Codes>()),
        Column::Numbers((0..rows).map(|_| random.pick(&[None, Some(0.0), Some(1.0), Some(1.0)])).collect()),
    ];
    let entity = (0..rows).map(|_| random.below(entities) as u32).collect();
    Events { entity, history: History { time, recorded, columns } }
}

pub fn queries(random: &mut Random, events: &Events, entities: u64) -> Queries {
    let rows = random.pick(&[0, 1, 40]);
    let times = &events.history.time;
    let near = |random: &mut Random| match random.below(12) {
        0 if random.below(3) == 0 => i64::MIN,
        1 => i64::MAX,
        2..9 if !times.is_empty() => random.pick(times),
        _ => random.below(1200) as i64 - 600,
    };
    let time: Vec<i64> = (0..rows).map(|_| near(random)).collect();
    let known = match random.below(4) {
        0 => None,
        1 => Some(time.clone()),
        2 => Some(vec![near(random); time.len()]),
        _ => Some((0..rows).map(|_| near(random)).collect()),
    };
    // One entity more than has events.
    Queries { entity: (0..rows).map(|_| random.below(entities + 1) as u32).collect(), time, known }
}
