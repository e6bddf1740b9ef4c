/// The state that the probes of Kubernetes ask for. Both methods are called often and answer from memory.
pub trait Probes: Send + Sync + 'static {
    /// The loops without progress for too long, with the time. Empty if no loop is stuck.
    fn stuck(&self) -> Vec<String>;

    /// The names of the conditions that the agent still waits for. Empty if the agent is ready. Names only: everybody who
    /// reaches the port may ask, and a reason may quote what a server said. The reasons are in the log and in `/v1/status`.
    fn not_ready(&self) -> Vec<String>;

    /// The loops whose last pass did a part of its work only. They do not make the agent unready.
    fn partial(&self) -> Vec<String>;
}

impl Probes for crate::driver::Health {
    fn stuck(&self) -> Vec<String> {
        Self::stuck(self, std::time::Instant::now())
    }

    fn not_ready(&self) -> Vec<String> {
        Self::not_ready(self).into_keys().map(|name| name.to_string()).collect()
    }

    fn partial(&self) -> Vec<String> {
        Self::partial(self)
    }
}
