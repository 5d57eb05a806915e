//! The same work for many items, on several threads. The result does not depend on how many there are.

use std::{
    sync::OnceLock,
    thread::{self, Builder},
};

/// Threads beside the one that asks, at most. Verifying signatures is all that costs time here; more than this wins little.
const HELPERS: usize = 3;

/// As many as there are cores for: more of them would only hold more memory.
fn helpers() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
    HELPERS.min(cores.saturating_sub(1))
}

/// `work` for each of `items`, in their order. A thread that cannot be had costs time and nothing else.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let all = |share: &[T]| share.iter().map(&work).collect::<Vec<R>>();
    let mut shares = items.chunks(items.len().div_ceil(helpers() + 1).max(1));
    let own = shares.next().unwrap_or_default();
    thread::scope(|scope| {
        let helpers: Vec<_> =
            shares.map(|share| (share, Builder::new().spawn_scoped(scope, || all(share)).ok())).collect();
        let mut results = all(own);
        for (share, helper) in helpers {
            let done = helper.and_then(|helper| helper.join().ok());
            results.extend(done.unwrap_or_else(|| all(share)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::in_parallel;

    #[test]
    fn the_results_stand_in_the_order_of_the_items_however_many_there_are() {
        for count in 0..20u32 {
            let items: Vec<u32> = (0..count).collect();
            assert_eq!(in_parallel(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
