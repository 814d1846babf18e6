//! Small numerics that several parts share.

/// A sum that loses nothing to rounding on the way (Neumaier, 1974).
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() {
            (total - next) + value
        } else {
            (value - next) + total
        };
        total = next;
    }
    total + lost
}

/// The mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    sum(values.iter().copied()) / values.len() as f64
}

/// The standard deviation over all values (no correction); NaN of nothing.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (sum(values.iter().map(|value| (value - mean).powi(2))) / values.len() as f64).sqrt()
}

/// The digamma function for x > 0: recurrence up to 10, then the asymptotic series (Abramowitz and Stegun, 6.3.5 and 6.3.18).
pub(crate) fn digamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square
        * (1.0 / 12.0
            - square
                * (1.0 / 120.0
                    - square
                        * (1.0 / 252.0
                            - square
                                * (1.0 / 240.0
                                    - square * (1.0 / 132.0 - square * 691.0 / 32760.0)))));
    shift + x.ln() - 0.5 / x - series
}

/// The chance of `hits` or more of `trials` coin tosses with chance one half.
pub(crate) fn binomial_tail_of_half(hits: usize, trials: usize) -> f64 {
    // Terms relative to the middle one, which is far from underflow; their sum is known to be 2^trials.
    let middle = trials / 2;
    let mut relative = vec![0.0_f64; trials + 1];
    relative[middle] = 1.0;
    for k in middle + 1..=trials {
        relative[k] = relative[k - 1] * (trials - k + 1) as f64 / k as f64;
    }
    for k in (0..middle).rev() {
        relative[k] = relative[k + 1] * (k + 1) as f64 / (trials - k) as f64;
    }
    let tail = sum(relative.iter().skip(hits).copied());
    (tail / sum(relative.iter().copied())).min(1.0)
}

/// Which p-values are rejected where the chance of any false one is at most `level` (Holm, 1979).
pub(crate) fn holm(p_values: &[f64], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut rejected = vec![false; p_values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        if p_values[index] > level / (p_values.len() - rank) as f64 {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_what_is_small() {
        assert!((sum([1e100, 1.0, -1e100]) - 1.0).abs() < 1e-15);
        assert!(mean(&[]).is_nan());
    }

    #[test]
    fn digamma_has_its_known_values() {
        // minus Euler's constant; Abramowitz and Stegun, 6.3.2 and 6.3.3.
        let euler = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + euler).abs() < 1e-13);
        assert!((digamma(0.5) + euler + 2.0 * std::f64::consts::LN_2).abs() < 1e-13);
        assert!((digamma(100.0) - 4.600_161_852_738_087).abs() < 1e-13);
    }

    #[test]
    fn coin_tosses_have_their_known_chances() {
        assert!((binomial_tail_of_half(0, 10) - 1.0).abs() < 1e-15);
        assert!((binomial_tail_of_half(8, 10) - 56.0 / 1024.0).abs() < 1e-15);
        assert!((binomial_tail_of_half(10, 10) - 1.0 / 1024.0).abs() < 1e-18);
        assert!((binomial_tail_of_half(1001, 2000) - 0.491_081).abs() < 1e-5);
    }

    #[test]
    fn holm_goes_on_until_the_first_that_holds() {
        let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
        let rejected = |flags: Vec<bool>| flags.iter().filter(|flag| **flag).count();

        // 0.001 <= 0.05 / 10, and 0.008 > 0.05 / 9.
        assert_eq!(rejected(holm(&p, 0.05)), 1);
        assert_eq!(rejected(holm(&p, 0.08)), 2);
    }
}
