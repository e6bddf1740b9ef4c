use super::snapshot::{LoopState, Snapshot};
use crate::driver::LoopStatus;
use std::fmt;
use tokio::sync::watch;

type Section = Box<dyn Fn(&mut Snapshot) + Send + Sync>;

/// Gathers a [`Snapshot`] from the sections that were registered.
#[derive(Default)]
pub struct StatusBoard {
    sections: Vec<Section>,
}

impl StatusBoard {
    /// Registers a section: `write` is called for each snapshot, from any thread, and does nothing slow.
    pub fn add(&mut self, write: impl Fn(&mut Snapshot) + Send + Sync + 'static) {
        self.sections.push(Box::new(write));
    }

    /// Registers a loop under its name. `write` gets the report of the last pass, once a pass has ended.
    pub fn add_loop<R: Send + Sync + 'static>(
        &mut self,
        name: impl Into<String>,
        status: watch::Receiver<LoopStatus<R>>,
        write: impl Fn(&R, &mut Snapshot) + Send + Sync + 'static,
    ) {
        let name = name.into();
        self.add(move |snapshot| {
            let status = status.borrow();
            let last = status.last.as_ref();
            let state = LoopState {
                running: status.running,
                passes: status.passes,
                outcome: last.map(|pass| pass.result.as_str()),
                started: last.map(|pass| pass.started),
                took_seconds: last.map(|pass| pass.took.as_secs_f64()),
            };
            snapshot.loops.insert(name.clone(), state);
            if let Some(pass) = last {
                write(&pass.report, snapshot);
            }
        });
    }

    /// What all sections say now.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for write in &self.sections {
            write(&mut snapshot);
        }
        snapshot.conclude();
        snapshot
    }
}

impl fmt::Debug for StatusBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusBoard")
            .field("sections", &self.sections.len())
            .finish()
    }
}
