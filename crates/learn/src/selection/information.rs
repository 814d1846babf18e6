//! How much one column tells about another, in nats.

use crate::maths::{digamma, mean};

/// Mutual information of two continuous columns by distances to nearest neighbours (Kraskov, Stögbauer and Grassberger, 2004, the first
/// estimator): without bins, and without assuming a form. Never below 0.
pub fn neighbours(x: &[f64], y: &[f64], count: usize) -> f64 {
    let rows = x.len();
    if rows <= count {
        return 0.0;
    }
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then_with(|| y[*a].total_cmp(&y[*b])));
    let (x, y): (Vec<f64>, Vec<f64>) = order.iter().map(|row| (x[*row], y[*row])).unzip();
    let mut sorted_y = y.clone();
    sorted_y.sort_by(f64::total_cmp);
    let terms: Vec<f64> = (0..rows)
        .map(|row| {
            let radius = nearest(&x, &y, row, count);
            let (near_x, near_y) = (within(&x, x[row], radius), within(&sorted_y, y[row], radius));
            digamma(near_x as f64) + digamma(near_y as f64)
        })
        .collect();
    (digamma(rows as f64) + digamma(count as f64) - mean(&terms)).max(0.0)
}

/// The distance to the nearest neighbour of some rank, where the distance is the larger of both coordinates; `x` is sorted.
fn nearest(x: &[f64], y: &[f64], row: usize, rank: usize) -> f64 {
    let mut distances = vec![f64::INFINITY; rank];
    let (mut left, mut right) = (row, row + 1);
    loop {
        let farthest = distances[rank - 1];
        let to_left = left.checked_sub(1).map_or(f64::INFINITY, |left| x[row] - x[left]);
        let to_right = x.get(right).map_or(f64::INFINITY, |right| right - x[row]);
        if to_left.min(to_right) >= farthest || to_left.min(to_right) == f64::INFINITY {
            return farthest;
        }
        let (other, along) = if to_left <= to_right {
            left -= 1;
            (left, to_left)
        } else {
            right += 1;
            (right - 1, to_right)
        };
        let distance = along.max((y[other] - y[row]).abs());
        if distance < farthest {
            let place = distances.partition_point(|known| *known <= distance);
            distances[place..].rotate_right(1);
            distances[place] = distance;
        }
    }
}

/// How many sorted values are strictly nearer than a radius, the value itself included; at least that one.
fn within(sorted: &[f64], value: f64, radius: f64) -> usize {
    let from = sorted.partition_point(|other| *other < value && value - other >= radius);
    let until = sorted.partition_point(|other| *other <= value || other - value < radius);
    (until - from).max(1)
}

/// Mutual information of two columns of few values, less what chance makes of as many cells (Miller, 1955). Never below 0.
pub fn binned(x: &[u32], y: &[u32]) -> f64 {
    use std::collections::BTreeMap;
    if x.is_empty() {
        return 0.0;
    }
    let (mut joint, mut of_x, mut of_y) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (x, y) in x.iter().zip(y) {
        *joint.entry((*x, *y)).or_insert(0_usize) += 1;
        *of_x.entry(*x).or_insert(0_usize) += 1;
        *of_y.entry(*y).or_insert(0_usize) += 1;
    }
    let rows = x.len() as f64;
    let plain: f64 = joint
        .iter()
        .map(|((x, y), count)| {
            let count = *count as f64;
            count / rows * (count * rows / (of_x[x] as f64 * of_y[y] as f64)).ln()
        })
        .sum();
    let chance = ((of_x.len() - 1) * (of_y.len() - 1)) as f64 / (2.0 * rows);
    (plain - chance).max(0.0)
}
