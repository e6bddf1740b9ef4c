use super::connection::Connection;
use crate::port::{ClusterEvent, ClusterFailure, EventWriter};
use crate::resource::SetName;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
/// The server rejects longer notes.
const NOTE_LIMIT: usize = 1024;

/// Writes Kubernetes events about a target's record.
pub struct RecordEvents {
    connection: Arc<Connection>,
    record: SetName,
}

impl RecordEvents {
    /// Events about `record`, in the record's namespace.
    pub fn new(connection: Arc<Connection>, record: SetName) -> Self {
        Self { connection, record }
    }

    /// The wire object. Each event is an object of its own: kube's recorder would fold events of one reason into a series
    /// that shows the first note only, and here each note names another commit.
    fn body(&self, event: &ClusterEvent) -> Event {
        let SetName { namespace, name } = &self.record;
        Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{name}-")),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(event.reason.to_owned()),
            note: Some(cut(&event.message).to_owned()),
            action: Some("Sync".to_owned()),
            event_time: Some(MicroTime(k8s_openapi::jiff::Timestamp::now())),
            reporting_controller: Some("tidegate.dev/agent".to_owned()),
            reporting_instance: Some(name.clone()),
            regarding: Some(ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("ConfigMap".to_owned()),
                namespace: Some(namespace.clone()),
                name: Some(name.clone()),
                ..ObjectReference::default()
            }),
            ..Event::default()
        }
    }
}

impl EventWriter for RecordEvents {
    async fn write(&self, event: &ClusterEvent) -> Result<(), ClusterFailure> {
        let api: Api<Event> = Api::namespaced(self.connection.client.clone(), &self.record.namespace);
        let (params, body) = (PostParams::default(), self.body(event));
        self.connection
            .within(DEADLINE, api.create(&params, &body))
            .await
            .map(drop)
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(NOTE_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "é".repeat(1000);
        assert_eq!(cut(&long).len(), 1024);
        assert_eq!(cut(&format!("a{long}")).len(), 1023);
    }
}
