//! States as bytes: small, versioned, and equal for equal states.

/// What is wrong with the bytes of a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// They end before the state does.
    #[error("the state ends too early; save it again from the full history")]
    Short,
    /// There is more than the state.
    #[error("{0} bytes follow the state; save it again from the full history")]
    Long(usize),
    /// They do not fit together.
    #[error("the state is damaged: {0}; save it again from the full history")]
    Damaged(&'static str),
    /// Another version of the program wrote it.
    #[error(
        "the state has version {found}, this program reads version {known}; save it again from the full history"
    )]
    Version {
        /// What the bytes say.
        found: u32,
        /// What is read here.
        known: u32,
    },
    /// Another pipeline, or another fit, wrote it.
    #[error("the state was saved by another pipeline; save it again from the full history")]
    OtherPlan,
}

/// Collects the bytes of a state.
#[derive(Debug, Default)]
pub struct StateWriter(pub(crate) Vec<u8>);

impl StateWriter {
    /// Adds a count.
    pub fn count(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    /// Adds a length.
    pub(crate) fn length(&mut self, value: usize) {
        self.count(u32::try_from(value).expect("a state is small"));
    }

    /// Adds an instant or another whole number.
    pub fn whole(&mut self, value: i64) {
        self.0.extend(value.to_le_bytes());
    }

    /// Adds a number, to the bit.
    pub fn number(&mut self, value: f64) {
        self.0.extend(value.to_bits().to_le_bytes());
    }

    /// Adds some numbers whose count the reader knows.
    pub fn numbers(&mut self, values: &[f64]) {
        for value in values {
            self.number(*value);
        }
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    /// Adds observations: differences of times take two bytes where they are regular.
    pub fn series(&mut self, at: &[i64], values: &[f64]) {
        self.length(at.len());
        let Some(first) = at.first() else { return };
        self.whole(*first);
        let steps: Vec<i64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let runs: Vec<&[i64]> = steps.chunk_by(|left, right| left == right).collect();
        self.length(runs.len());
        for run in runs {
            self.length(run.len());
            self.whole(run[0]);
        }
        self.numbers(values);
    }
}

/// Reads what a [`StateWriter`] wrote, in the same order.
#[derive(Debug)]
pub struct StateReader<'a>(pub(crate) &'a [u8]);

impl<'a> StateReader<'a> {
    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], BadState> {
        let (taken, rest) = self.0.split_first_chunk::<SIZE>().ok_or(BadState::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Reads a count.
    pub fn count(&mut self) -> Result<u32, BadState> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    /// Reads a length that at least as many bytes of the state follow.
    pub(crate) fn length(&mut self) -> Result<usize, BadState> {
        let length = self.count()? as usize;
        if length > self.0.len() { Err(BadState::Short) } else { Ok(length) }
    }

    /// Reads an instant or another whole number.
    pub fn whole(&mut self) -> Result<i64, BadState> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    /// Reads a number.
    pub fn number(&mut self) -> Result<f64, BadState> {
        Ok(f64::from_bits(u64::from_le_bytes(self.take()?)))
    }

    /// Reads so many numbers.
    pub fn numbers<const SIZE: usize>(&mut self) -> Result<[f64; SIZE], BadState> {
        let mut values = [0.0; SIZE];
        for value in &mut values {
            *value = self.number()?;
        }
        Ok(values)
    }

    /// Reads a text.
    pub fn text(&mut self) -> Result<&'a str, BadState> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| BadState::Damaged("a name is not text"))
    }

    /// Reads observations.
    pub fn series(&mut self) -> Result<(Vec<i64>, Vec<f64>), BadState> {
        let length = self.length()?;
        if length == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut at = vec![self.whole()?];
        for _ in 0..self.length()? {
            let (count, step) = (self.count()? as usize, self.whole()?);
            if step <= 0 || count >= length {
                return Err(BadState::Damaged("times are out of order"));
            }
            for _ in 0..count {
                let last = at.last().copied().unwrap_or_default();
                at.push(last.checked_add(step).ok_or(BadState::Damaged("a time is out of range"))?);
            }
            if at.len() > length {
                return Err(BadState::Damaged("there are too many times"));
            }
        }
        if at.len() != length {
            return Err(BadState::Damaged("there are too few times"));
        }
        let values: Result<Vec<f64>, BadState> = (0..length).map(|_| self.number()).collect();
        Ok((at, values?))
    }

    /// Makes sure that nothing follows.
    pub fn end(&self) -> Result<(), BadState> {
        if self.0.is_empty() { Ok(()) } else { Err(BadState::Long(self.0.len())) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn observations_come_back_as_they_were(times in proptest::collection::btree_set(-1000..1000i64, 0..40)) {
            let at: Vec<i64> = times.into_iter().collect();
            let values: Vec<f64> = at.iter().map(|at| *at as f64 / 7.0).collect();
            let mut writer = StateWriter::default();
            writer.series(&at, &values);

            let mut reader = StateReader(&writer.0);

            prop_assert_eq!(reader.series().unwrap(), (at, values));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn damaged_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = StateReader(&bytes);

            while reader.series().is_ok() && reader.text().is_ok() && !reader.0.is_empty() {}
        }
    }
}
