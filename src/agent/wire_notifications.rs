//! The receivers of notifications, and the tasks that send to them.

use super::AgentConfig;
use super::wiring::Base;
use crate::notice::{Origin, Outbox, test_message};
use crate::notify::Receiver;
use crate::port::Messenger;
use anyhow::Context as _;
use std::future::Future;
use std::sync::Arc;

/// Sends the messages, as a task.
pub(super) fn send(outboxes: Vec<Outbox>, base: &Base) -> anyhow::Result<impl Future<Output = ()> + Send + use<>> {
    let settings = &base.config.settings;
    let target = settings.sync.targets.first().context("sync: there is no target")?;
    let store = Arc::new(base.home.announced(target));
    let receivers = settings.notifications.iter().map(|notification| {
        let receiver: Arc<dyn Messenger> = Arc::new(Receiver::new(notification.receiver.clone())?);
        anyhow::Ok(receiver)
    });
    let receivers: Vec<_> = receivers.collect::<Result<_, _>>()?;
    let (origin, shutdown, jitter) = (origin(&base.config), base.shutdown.clone(), base.jitter);
    Ok(async move {
        let outboxes = outboxes.into_iter().zip(receivers).collect();
        Outbox::run_all(outboxes, store, origin, shutdown.clone(), jitter).await;
        // A task lives until the drain, also without a notification.
        shutdown.begun().await;
    })
}

fn origin(config: &AgentConfig) -> Origin {
    let repo = &config.settings.repo;
    Origin {
        repo: repo.url.to_string(),
        branch: repo.branch.to_string(),
    }
}

/// Sends a test message to the receiver of one notification.
///
/// # Errors
/// The notification is unknown, or its receiver did not take the message.
pub async fn test_notification(config: &AgentConfig, name: &str) -> anyhow::Result<()> {
    let all = &config.settings.notifications;
    let Some(found) = all.iter().find(|notification| notification.rule.name == name) else {
        let names: Vec<&str> = all.iter().map(|notification| notification.rule.name.as_str()).collect();
        match names.as_slice() {
            [] => anyhow::bail!("the configuration has no notifications"),
            names => anyhow::bail!("no notification has the name {name:?}; there are: {}", names.join(", ")),
        }
    };
    let receiver = Receiver::new(found.receiver.clone())?;
    let delivered = receiver.deliver(&test_message(name, &origin(config))).await;
    delivered.with_context(|| format!("notification {name}"))
}
