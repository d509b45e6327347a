//! One flush for everybody who waits for one.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::Error;

/// Leader and followers around one costly operation.
///
/// A caller needs a run that *begins* after its call. If none is running it leads one; otherwise it waits for the
/// running one to end, and then one of the waiting callers leads a single run for all of them.
#[derive(Default)]
pub(crate) struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Runs begun and runs ended; equal when none is running.
    begun: u64,
    ended: u64,
    /// The first failure, kept: no later run can vouch for what that one lost.
    failed: Option<Error>,
}

impl Group {
    /// Returns the outcome of a run of `run` that began after this call, led by this thread or by another one.
    pub(crate) fn run(&self, run: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = state.begun + 1;
        while state.ended < needed && state.failed.is_none() {
            if state.begun == state.ended {
                state.begun += 1;
                drop(state);
                let outcome = run();
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.ended += 1;
                state.failed = state.failed.take().or(outcome.err());
                self.ended.notify_all();
                break;
            }
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failed.clone().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_callers_share_few_runs_and_each_is_covered() {
        let (group, written, flushed, runs) = (Group::default(), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
                        let outcome = group.run(|| {
                            let seen = written.load(Ordering::SeqCst);
                            std::thread::sleep(Duration::from_millis(1));
                            flushed.fetch_max(seen, Ordering::SeqCst);
                            runs.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        });
                        assert!(outcome.is_ok());
                        assert!(flushed.load(Ordering::SeqCst) >= mine);
                    }
                });
            }
        });
        let runs = runs.into_inner();
        assert!(runs < 160, "320 commits took {runs} flushes");
    }

    #[test]
    fn a_failure_stays() {
        let group = Group::default();
        let full = || Err(Error::Io { reason: "full".into(), disk_full: true });
        assert!(group.run(full).is_err());
        assert!(group.run(|| Ok(())).is_err_and(|error| error.is_disk_full()));
    }
}
