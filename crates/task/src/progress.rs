//! Signs of life: how far the work is, and that it goes on at all.

use tokio::sync::watch;

/// How far an attempt is. Every change of it is a heartbeat, also when only [`Progress::beats`] changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// How often the work gave a sign.
    pub beats: u64,
    /// How much is done, from 0 to 1, where the work can tell.
    pub fraction: Option<f64>,
    /// What it does, in a few words.
    pub message: String,
}

impl Progress {
    /// A sign with news. A fraction that is not a number counts as unknown.
    pub(crate) fn report(sender: &watch::Sender<Self>, fraction: Option<f64>, message: String) {
        let fraction = fraction.filter(|share| !share.is_nan()).map(|share| share.clamp(0.0, 1.0));
        sender.send_modify(|progress| {
            *progress = Self { beats: progress.beats.wrapping_add(1), fraction, message };
        });
    }

    /// A sign without news.
    pub(crate) fn beat(sender: &watch::Sender<Self>) {
        sender.send_modify(|progress| progress.beats = progress.beats.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_a_change_that_keeps_the_news() {
        let (sender, mut receiver) = watch::channel(Progress::default());

        Progress::report(&sender, Some(1.5), "counting".to_owned());
        receiver.mark_unchanged();
        Progress::beat(&sender);

        let expected = Progress { beats: 2, fraction: Some(1.0), message: "counting".to_owned() };
        assert!(receiver.has_changed().unwrap());
        assert_eq!(*receiver.borrow(), expected);
    }

    #[test]
    fn a_fraction_that_is_not_a_number_is_unknown() {
        let (sender, receiver) = watch::channel(Progress::default());

        Progress::report(&sender, Some(f64::NAN), String::new());

        assert_eq!(receiver.borrow().fraction, None);
    }
}
