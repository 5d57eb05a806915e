//! How a verb ends: as every program here does, and as a ceremony ended.

pub use crate::program::{Exit, Stop};
use crate::runner::Ended;

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Closed | Ended::Abandoned => Self::Done,
            Ended::Paused => Self::Paused,
        }
    }
}
