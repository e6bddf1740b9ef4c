use super::ApiServer;
use crate::port::{ClusterFailure, Happening};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
/// The server refuses longer notes.
const NOTE_LIMIT: usize = 1024;

impl ApiServer {
    /// Creates an event of its own for each happening: kube's recorder folds those of one reason into a series that
    /// shows the first note only, and here each note names another commit.
    pub(super) async fn publish(&self, happening: &Happening) -> Result<(), ClusterFailure> {
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", self.set.name)),
                namespace: Some(self.set.namespace.clone()),
                ..ObjectMeta::default()
            },
            type_: Some(if happening.warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(happening.reason.to_owned()),
            note: Some(cut(&happening.message).to_owned()),
            action: Some("Sync".to_owned()),
            event_time: Some(MicroTime(k8s_openapi::jiff::Timestamp::now())),
            reporting_controller: Some("tidegate.dev/agent".to_owned()),
            reporting_instance: Some(self.set.name.clone()),
            regarding: Some(ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("ConfigMap".to_owned()),
                namespace: Some(self.set.namespace.clone()),
                name: Some(self.set.name.clone()),
                ..ObjectReference::default()
            }),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.set.namespace);
        self.within(DEADLINE, api.create(&PostParams::default(), &event))
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
