//! Some repositories at once, told one after another: a worker has a connection of its own, works on one repository at a time, and what
//! came of each is handed out in the order of the list, whichever was ready first.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// How many repositories may be ready before the one that is told next, for each worker: what was fetched is held in memory until then.
const AHEAD: usize = 4;

struct State<R> {
    /// The next that nobody works on.
    next: usize,
    /// The next that is told.
    told: usize,
    ready: BTreeMap<usize, R>,
    stop: bool,
}

/// Does `work` for each of `items`, as many at once as there are `workers`, and hands each result to `tell` on this thread, in the order
/// of the items. The first error of `tell` stops the rest: what a worker is at is done to its end, and nothing new is begun.
///
/// # Errors
/// That of `tell`.
///
/// # Panics
/// Where `work` does, once the other workers came to their end.
pub fn in_order<W: Send, T: Sync, R: Send, E>(
    workers: Vec<W>,
    items: &[T],
    work: impl Fn(&W, &T) -> R + Sync,
    mut tell: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let ahead = AHEAD * workers.len();
    let state = Mutex::new(State { next: 0, told: 0, ready: BTreeMap::new(), stop: false });
    let changed = Condvar::new();
    let (state, changed, work) = (&state, &changed, &work);
    thread::scope(|scope| {
        let workers: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                scope.spawn(move || {
                    // Whoever panics lets the others, and the one who tells, come to their end.
                    let mut halts = Halts { state, changed, armed: true };
                    while let Some(number) = claimed(state, changed, items.len(), ahead) {
                        let result = work(&worker, &items[number]);
                        lock(state).ready.insert(number, result);
                        changed.notify_all();
                    }
                    halts.armed = false;
                })
            })
            .collect();
        let mut outcome = Ok(());
        for item in items {
            let Some(result) = next_ready(state, changed) else { break };
            outcome = tell(item, result);
            let mut now = lock(state);
            now.told += 1;
            now.stop |= outcome.is_err();
            drop(now);
            changed.notify_all();
            if outcome.is_err() {
                break;
            }
        }
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
        outcome
    })
}

/// The number of an item that nobody works on yet; waits where too many are ready already.
fn claimed<R>(state: &Mutex<State<R>>, changed: &Condvar, items: usize, ahead: usize) -> Option<usize> {
    let mut now = lock(state);
    loop {
        if now.stop || now.next >= items {
            return None;
        }
        if now.next < now.told + ahead {
            now.next += 1;
            return Some(now.next - 1);
        }
        now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
    }
}

/// What came of the item that is told next; `None` where nothing more will come.
fn next_ready<R>(state: &Mutex<State<R>>, changed: &Condvar) -> Option<R> {
    let mut now = lock(state);
    loop {
        let told = now.told;
        if let Some(result) = now.ready.remove(&told) {
            return Some(result);
        }
        if now.stop {
            return None;
        }
        now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock<R>(state: &Mutex<State<R>>) -> MutexGuard<'_, State<R>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Halts<'a, R> {
    state: &'a Mutex<State<R>>,
    changed: &'a Condvar,
    armed: bool,
}

impl<R> Drop for Halts<'_, R> {
    fn drop(&mut self) {
        if self.armed {
            lock(self.state).stop = true;
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[test]
    fn many_at_once_are_told_in_their_order_and_never_far_ahead() {
        let items: Vec<usize> = (0..200).collect();
        let (busy, most, told, furthest) =
            (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let mut seen = vec![];
        let done: Result<(), ()> = in_order(
            vec![(); 5],
            &items,
            |(), item| {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                furthest.fetch_max(item - told.load(Ordering::SeqCst).min(*item), Ordering::SeqCst);
                // The first of every few is the slowest.
                thread::sleep(Duration::from_micros(if item.is_multiple_of(7) { 3000 } else { 100 }));
                busy.fetch_sub(1, Ordering::SeqCst);
                item * 2
            },
            |item, result| {
                assert_eq!(result, item * 2);
                told.fetch_add(1, Ordering::SeqCst);
                seen.push(*item);
                Ok(())
            },
        );
        assert_eq!((done, seen), (Ok(()), items));
        assert!((2..=5).contains(&most.load(Ordering::SeqCst)), "{most:?} at once");
        assert!(furthest.load(Ordering::SeqCst) <= AHEAD * 5 + 1, "{furthest:?} ahead");
    }

    #[test]
    fn an_error_of_the_one_who_tells_stops_the_rest() {
        let items: Vec<usize> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let tell = |item: &usize, ()| if *item == 3 { Err("the disk is full") } else { Ok(()) };
        let work = |(): &(), _: &usize| {
            begun.fetch_add(1, Ordering::SeqCst);
        };
        assert_eq!(in_order(vec![(); 2], &items, work, tell), Err("the disk is full"));
        assert!(begun.load(Ordering::SeqCst) < 20, "{begun:?}");
        assert_eq!(in_order(vec![()], &[] as &[usize], work, tell), Ok(()));
    }

    #[test]
    fn a_panic_of_a_worker_is_not_swallowed() {
        let items = [0, 1, 2, 3];
        let run = || in_order(vec![(); 2], &items, |(), item| assert_ne!(*item, 1), |_, ()| Ok::<(), ()>(()));
        assert!(std::panic::catch_unwind(run).is_err());
    }
}
