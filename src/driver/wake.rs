use super::Activator;
use std::fmt;
use std::sync::Arc;

/// Wakes one loop. A `Wake` does not name the type of the loop's reports, so that a loop can hold it without knowing the
/// loop that it wakes.
#[derive(Clone)]
pub struct Wake(Arc<dyn Fn() + Send + Sync>);

impl Wake {
    /// A handle that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Asks for a pass that begins after this call.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl<R: Clone + Send + Sync + 'static> From<&Activator<R>> for Wake {
    fn from(activator: &Activator<R>) -> Self {
        let activator = activator.clone();
        Self::new(move || activator.activate())
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}
