//! When objects are compared with dry runs, and which one is next.

use crate::model::ObjectId;
use std::time::Duration;
use tokio::time::Instant;

/// A process that has just started applies and looks at objects anyway.
const FIRST: Duration = Duration::from_secs(600);
/// One request for each pause, whatever the number of objects. No pass runs for the audit alone: where nothing happens, the loop's own
/// period sets the pace.
const PAUSE: Duration = Duration::from_secs(60);

/// Where the audit is.
#[derive(Debug)]
pub(super) struct FieldAudit {
    next: Instant,
    pause: Duration,
    /// The object that was compared or passed over last. The next one follows in the order of identities, and the first one follows the last.
    pub(super) last: Option<ObjectId>,
}

impl Default for FieldAudit {
    fn default() -> Self {
        Self {
            next: Instant::now() + FIRST,
            pause: PAUSE,
            last: None,
        }
    }
}

impl FieldAudit {
    /// An audit in each pass, however soon the next pass follows.
    pub(super) fn in_each_pass() -> Self {
        Self {
            next: Instant::now(),
            pause: Duration::ZERO,
            last: None,
        }
    }

    /// Whether a comparison is due. The next one follows after the pause.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + self.pause;
        }
        is_due
    }
}
