//! What the bus did since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use protocol::exposition::Exposition;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// The counters at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Snapshot { $($(#[doc = $doc])* pub $name: u64,)* }

        impl Snapshot {
            /// The numbers for Prometheus, `drawbridge_bus_…`.
            pub fn expose(&self, exposition: &mut Exposition) {
                $({
                    const HELP: &[&str] = &[$($doc),*];
                    exposition.counter(concat!("drawbridge_bus_", stringify!($name)), HELP.concat().trim(), self.$name);
                })*
            }
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Commands asked for by functions of this process.
    asked,
    /// Commands and hints that failed because the bus was down or got lost.
    failed,
    /// Commands that came for sessions of this process.
    commands,
    /// Commands answered "busy": a session had too many in hand.
    busy,
    /// Commands that came after their time and were not delivered.
    late,
    /// Messages that were not understood.
    unreadable,
    /// Messages dropped because a session's queue was full.
    dropped,
    /// Hints that came for sessions of this process.
    hints,
    /// Sessions of this process that ended because their device connected to another node.
    taken_over,
    /// Sessions let in before the server had confirmed them.
    unconfirmed,
    /// Answers and announcements that could not be sent in time.
    unsent,
    /// Connections to the bus that were lost.
    lost,
}
