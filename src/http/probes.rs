/// The state that the probes of Kubernetes ask for. Both methods are called often and answer from memory.
pub trait Probes: Send + Sync + 'static {
    /// The loops without progress for too long, with the time. Empty if no loop is stuck.
    fn stuck(&self) -> Vec<String>;

    /// What must happen before the agent can do its work. Empty if the agent is ready.
    fn not_ready(&self) -> Vec<String>;
}

impl Probes for crate::driver::Health {
    fn stuck(&self) -> Vec<String> {
        Self::stuck(self, std::time::Instant::now())
    }

    fn not_ready(&self) -> Vec<String> {
        Self::not_ready(self)
    }
}
