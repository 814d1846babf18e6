//! What is known of some values, such that one value can be added and two parts can be put together.

/// A summary of values that grows by a value or by another summary.
pub trait Aggregate: Copy {
    /// Of no values.
    fn empty() -> Self;
    /// Adds a value; `at` is when it happened.
    fn push(&mut self, at: i64, value: f64);
    /// Puts two together: first the earlier one.
    #[must_use]
    fn merge(self, later: Self) -> Self;
    /// How many values it is of.
    fn count(&self) -> u32;
}

/// Reciprocals are multiplied with instead of dividing: a division takes as long as four multiplications.
static RECIPROCALS: [f64; 2048] = {
    let mut table = [0.0; 2048];
    let mut count: u32 = 1;
    while count < 2048 {
        table[count as usize] = 1.0 / count as f64;
        count += 1;
    }
    table
};

/// One over a count, and 0 for none.
#[inline]
pub(crate) fn reciprocal(count: u32) -> f64 {
    match RECIPROCALS.get(count as usize) {
        Some(reciprocal) => *reciprocal,
        None => 1.0 / f64::from(count),
    }
}

/// Smallest and largest value.
#[derive(Clone, Copy, Debug)]
pub struct Extremes {
    count: u32,
    /// The smallest; infinite where there is none.
    pub min: f64,
    /// The largest; infinite where there is none.
    pub max: f64,
}

impl Aggregate for Extremes {
    #[inline]
    fn empty() -> Self {
        Self { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }

    #[inline]
    fn push(&mut self, _: i64, value: f64) {
        self.count += 1;
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
    }

    #[inline]
    fn merge(self, later: Self) -> Self {
        Self {
            count: self.count + later.count,
            min: if later.min < self.min { later.min } else { self.min },
            max: if later.max > self.max { later.max } else { self.max },
        }
    }

    #[inline]
    fn count(&self) -> u32 {
        self.count
    }
}

/// Mean and squared deviations, with the extremes.
///
/// Deviations are counted from the first value that came in, so a level of 1e9 costs no digits; parts are put together by the formula of
/// Chan, Golub and `LeVeque` (1979).
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    count: u32,
    /// The value that deviations are counted from.
    origin: f64,
    /// The sum of deviations from the origin.
    sum: f64,
    /// The mean of deviations from the origin.
    mean: f64,
    /// The sum of squared deviations from the mean.
    squares: f64,
    extremes: (f64, f64),
}

impl Spread {
    /// The mean.
    #[inline]
    pub fn mean(&self) -> f64 {
        self.origin + self.mean
    }

    /// The sum.
    #[inline]
    pub fn sum(&self) -> f64 {
        self.origin * f64::from(self.count) + self.sum
    }

    /// The standard deviation of a sample; missing for one value.
    #[inline]
    pub fn std(&self) -> f64 {
        if self.count < 2 { f64::NAN } else { (self.squares * reciprocal(self.count - 1)).sqrt() }
    }

    /// The smallest.
    #[inline]
    pub fn min(&self) -> f64 {
        self.extremes.0
    }

    /// The largest.
    #[inline]
    pub fn max(&self) -> f64 {
        self.extremes.1
    }

    /// The numbers that make it up.
    pub(crate) fn parts(&self) -> (u32, [f64; 6]) {
        let (min, max) = self.extremes;
        (self.count, [self.origin, self.sum, self.mean, self.squares, min, max])
    }

    /// The counterpart of [`Self::parts`].
    pub(crate) fn from_parts(count: u32, parts: [f64; 6]) -> Self {
        let [origin, sum, mean, squares, min, max] = parts;
        Self { count, origin, sum, mean, squares, extremes: (min, max) }
    }
}

impl Aggregate for Spread {
    #[inline]
    fn empty() -> Self {
        let extremes = (f64::INFINITY, f64::NEG_INFINITY);
        Self { count: 0, origin: 0.0, sum: 0.0, mean: 0.0, squares: 0.0, extremes }
    }

    #[inline]
    fn push(&mut self, _: i64, value: f64) {
        let (min, max) = self.extremes;
        self.extremes =
            (if value < min { value } else { min }, if value > max { value } else { max });
        if self.count == 0 {
            self.origin = value;
        }
        let deviation = value - self.origin;
        self.count += 1;
        self.sum += deviation;
        let mean = self.sum * reciprocal(self.count);
        self.squares += (deviation - self.mean) * (deviation - mean);
        self.mean = mean;
    }

    #[inline]
    fn merge(self, later: Self) -> Self {
        if later.count == 0 {
            return self;
        }
        if self.count == 0 {
            return later;
        }
        let count = self.count + later.count;
        let (left, right) = (f64::from(self.count), f64::from(later.count));
        let apart = later.origin - self.origin;
        let between = apart + (later.mean - self.mean);
        let share = right * reciprocal(count);
        let (min, max) = self.extremes;
        Self {
            count,
            origin: self.origin,
            sum: joined_sum(self.sum, later.sum, apart, right),
            mean: joined_mean(self.mean, between, share),
            squares: joined_squares((self.squares, later.squares), between, left, share),
            extremes: (
                if later.min() < min { later.min() } else { min },
                if later.max() > max { later.max() } else { max },
            ),
        }
    }

    #[inline]
    fn count(&self) -> u32 {
        self.count
    }
}

/// The sum of two parts, of deviations from the origin of the earlier one; the later one's origin lies `apart` from it.
#[inline]
pub(super) fn joined_sum(earlier: f64, later: f64, apart: f64, later_count: f64) -> f64 {
    earlier + (later + apart * later_count)
}

/// The mean of two parts whose means lie `between`; the later one has a `share` of the values.
#[inline]
pub(super) fn joined_mean(earlier: f64, between: f64, share: f64) -> f64 {
    earlier + between * share
}

/// The squared deviations of two parts.
#[inline]
pub(super) fn joined_squares(
    (earlier, later): (f64, f64),
    between: f64,
    earlier_count: f64,
    share: f64,
) -> f64 {
    earlier + later + between * between * (earlier_count * share)
}

/// The third moment, for skewness; parts are put together by Pébay's formulas (Sandia report SAND2008-6212).
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    count: u32,
    mean: f64,
    squares: f64,
    cubes: f64,
}

impl Shape {
    /// The skewness of a sample, adjusted as Fisher and Pearson did; missing for fewer than three values, 0 where all are equal.
    pub fn skew(&self) -> f64 {
        if self.count < 3 {
            return f64::NAN;
        }
        let count = f64::from(self.count);
        let variance = self.squares / count;
        // Below that, the cubes are rounding of the mean.
        if variance <= (self.mean * f64::EPSILON).powi(2) {
            return 0.0;
        }
        let skew = (self.cubes / count) / (variance * variance.sqrt());
        (count * (count - 1.0)).sqrt() / (count - 2.0) * skew
    }

    /// The numbers that make it up.
    pub(crate) fn parts(&self) -> (u32, [f64; 3]) {
        (self.count, [self.mean, self.squares, self.cubes])
    }

    /// The counterpart of [`Self::parts`].
    pub(crate) fn from_parts(count: u32, [mean, squares, cubes]: [f64; 3]) -> Self {
        Self { count, mean, squares, cubes }
    }
}

impl Aggregate for Shape {
    fn empty() -> Self {
        Self { count: 0, mean: 0.0, squares: 0.0, cubes: 0.0 }
    }

    fn push(&mut self, _: i64, value: f64) {
        *self = self.merge(Self { count: 1, mean: value, squares: 0.0, cubes: 0.0 });
    }

    fn merge(self, later: Self) -> Self {
        if later.count == 0 {
            return self;
        }
        if self.count == 0 {
            return later;
        }
        let (left, right) = (f64::from(self.count), f64::from(later.count));
        let count = left + right;
        let between = later.mean - self.mean;
        let step = between / count;
        Self {
            count: self.count + later.count,
            mean: self.mean + step * right,
            squares: self.squares + later.squares + between * step * left * right,
            cubes: self.cubes
                + later.cubes
                + between * step * step * left * right * (left - right)
                + 3.0 * step * (left * later.squares - right * self.squares),
        }
    }

    fn count(&self) -> u32 {
        self.count
    }
}

/// Values over time, for the slope of their regression line.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    count: u32,
    /// When the first one came in: times are counted from there.
    origin: i64,
    mean: f64,
    mean_time: f64,
    /// The sums of products of deviations: of times with themselves, and with values.
    times: f64,
    products: f64,
}

impl Line {
    /// The slope of the least-squares line, per second; missing for fewer than two values.
    pub fn slope(&self) -> f64 {
        if self.count < 2 { f64::NAN } else { self.products / self.times }
    }

    /// The numbers that make it up.
    pub(crate) fn parts(&self) -> (u32, i64, [f64; 4]) {
        (self.count, self.origin, [self.mean, self.mean_time, self.times, self.products])
    }

    /// The counterpart of [`Self::parts`].
    pub(crate) fn from_parts(count: u32, origin: i64, parts: [f64; 4]) -> Self {
        let [mean, mean_time, times, products] = parts;
        Self { count, origin, mean, mean_time, times, products }
    }
}

impl Aggregate for Line {
    fn empty() -> Self {
        Self { count: 0, origin: 0, mean: 0.0, mean_time: 0.0, times: 0.0, products: 0.0 }
    }

    fn push(&mut self, at: i64, value: f64) {
        *self = self.merge(Self { count: 1, origin: at, mean: value, ..Self::empty() });
    }

    fn merge(self, later: Self) -> Self {
        if later.count == 0 {
            return self;
        }
        if self.count == 0 {
            return later;
        }
        let (left, right) = (f64::from(self.count), f64::from(later.count));
        let count = left + right;
        let apart = (later.origin - self.origin) as f64 / 1e6;
        let between_times = apart + (later.mean_time - self.mean_time);
        let between = later.mean - self.mean;
        let weight = left * right / count;
        Self {
            count: self.count + later.count,
            origin: self.origin,
            mean: self.mean + between * right / count,
            mean_time: self.mean_time + between_times * right / count,
            times: self.times + later.times + between_times * between_times * weight,
            products: self.products + later.products + between_times * between * weight,
        }
    }

    fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of<A: Aggregate>(values: &[(i64, f64)]) -> A {
        let mut aggregate = A::empty();
        for (at, value) in values {
            aggregate.push(*at, *value);
        }
        aggregate
    }

    proptest! {
        #[test]
        fn two_parts_put_together_are_the_whole(
            values in proptest::collection::vec(-1e3..1e3f64, 2..60), cut in 0..60usize,
        ) {
            let values: Vec<(i64, f64)> = values.into_iter().enumerate().map(|(row, value)| (i64::try_from(row).unwrap() * 1_000_000, value)).collect();
            let (earlier, later) = values.split_at(cut.min(values.len()));
            let near = |left: f64, right: f64, scale: f64| (left - right).abs() <= 1e-9 * scale.max(1.0);

            let whole: Spread = of(&values);
            let both = of::<Spread>(earlier).merge(of(later));
            prop_assert!(near(whole.mean(), both.mean(), 1e3));
            prop_assert!(near(whole.std(), both.std(), 1e3));
            prop_assert!(near(whole.sum(), both.sum(), 1e5));
            prop_assert_eq!((whole.min(), whole.max()), (both.min(), both.max()));

            let whole: Line = of(&values);
            let both = of::<Line>(earlier).merge(of(later));
            prop_assert!(near(whole.slope(), both.slope(), 1e3));

            let whole: Shape = of(&values);
            let both = of::<Shape>(earlier).merge(of(later));
            if values.len() > 2 { prop_assert!(near(whole.skew(), both.skew(), 10.0)); }
        }
    }

    #[test]
    fn a_level_of_a_billion_costs_no_digits() {
        let values: Vec<(i64, f64)> = [1.0, 2.0, 4.0, 7.0].map(|value| (0, 1e9 + value)).into();

        let spread: Spread = of(&values);

        // By hand: mean 3.5, squares 6.25 + 2.25 + 0.25 + 12.25 = 21, over 3.
        assert!((spread.std() - 7.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_line_has_its_slope_and_equal_values_have_none() {
        let line: Vec<(i64, f64)> =
            (0..10).map(|row| (row * 1_000_000, 3.0 + 0.5 * row as f64)).collect();
        let flat: Vec<(i64, f64)> = (0..10).map(|row| (row * 1_000_000, 0.1)).collect();

        assert!((of::<Line>(&line).slope() - 0.5).abs() < 1e-14);
        assert!(of::<Line>(&flat).slope().abs() < 1e-16);
        assert!(of::<Shape>(&flat).skew().abs() < 1e-300);
        assert!(of::<Spread>(&flat).std().abs() < 1e-300);
    }
}
