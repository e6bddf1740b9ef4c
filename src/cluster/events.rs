use super::ApiServer;
use crate::port::{ClusterFailure, Happening};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
/// The server refuses longer notes.
const NOTE_LIMIT: usize = 1024;

pub(super) fn recorder(client: &Client) -> Recorder {
    Recorder::new(
        client.clone(),
        Reporter {
            controller: "tidegate.dev/sync".to_owned(),
            instance: None,
        },
    )
}

impl ApiServer {
    pub(super) async fn publish(&self, happening: &Happening) -> Result<(), ClusterFailure> {
        let event = Event {
            type_: if happening.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: happening.reason.to_owned(),
            note: Some(cut(&happening.message).to_owned()),
            action: "Sync".to_owned(),
            secondary: None,
        };
        let record = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("ConfigMap".to_owned()),
            namespace: Some(self.set.namespace.clone()),
            name: Some(self.set.name.clone()),
            ..ObjectReference::default()
        };
        self.within(DEADLINE, self.events.publish(&event, &record)).await
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
