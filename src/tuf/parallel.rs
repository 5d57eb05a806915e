//! The same work for many items, on several threads. The result does not depend on how many there are.

use std::{
    sync::{Mutex, OnceLock, PoisonError, mpsc},
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

/// `work` for each item that `make` hands on, while it makes the next; the results stand in the order of the items. A thread that
/// cannot be had costs time and nothing else.
pub fn in_step<T: Send, R: Send>(make: impl FnOnce(&mut dyn FnMut(T)), work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (sender, receiver) = mpsc::channel::<(usize, T)>();
    let receiver = Mutex::new(receiver);
    let next = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
    let all = || std::iter::from_fn(|| next().map(|(place, item)| (place, work(item)))).collect::<Vec<_>>();
    let mut results = thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers()).filter_map(|_| Builder::new().spawn_scoped(scope, all).ok()).collect();
        let mut place = 0;
        make(&mut |item| {
            // The receiver lives as long as this does.
            drop(sender.send((place, item)));
            place += 1;
        });
        drop(sender);
        let mut results = all();
        for helper in helpers {
            results.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::{in_parallel, in_step};

    #[test]
    fn the_results_stand_in_the_order_of_the_items_however_many_there_are() {
        for count in 0..20u32 {
            let items: Vec<u32> = (0..count).collect();
            assert_eq!(in_parallel(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
    #[test]
    fn what_is_worked_on_while_more_is_made_stands_in_order_too() {
        for count in 0..50u32 {
            let doubled = in_step(|hand_on| (0..count).for_each(hand_on), |item| item * 2);
            assert_eq!(doubled, (0..count).map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
