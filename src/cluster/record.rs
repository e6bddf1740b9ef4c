use super::ApiServer;
use crate::model::{CommitId, ObjectId};
use crate::port::{ClusterFailure, Mode, Record};
use crate::resource::{GROUP_KINDS_ANNOTATION, GroupKind, ID_LABEL, KindVersion, ServedKind, TOOLING_ANNOTATION};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::json;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(15);
/// Records stay far below etcd's 1.5 MB an object.
const PROBLEMS_LIMIT: usize = 32 * 1024;

impl ApiServer {
    pub(super) async fn load_record(&self) -> Result<Option<Record>, ClusterFailure> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.set.namespace);
        let Some(found) = self.within(DEADLINE, api.get_opt(&self.set.name)).await? else {
            return Ok(None);
        };
        let annotations = found.metadata.annotations.unwrap_or_default();
        let mut data = found.data.unwrap_or_default();
        let kinds = annotations.get(GROUP_KINDS_ANNOTATION).map_or("", String::as_str);
        Ok(Some(Record {
            commit: data.get("commit").and_then(|text| CommitId::parse(text).ok()),
            kinds: kinds.split(',').filter_map(GroupKind::parse).collect(),
            status: data.remove("status").unwrap_or_default(),
            problems: data
                .remove("problems")
                .map(|text| text.lines().map(str::to_owned).collect())
                .unwrap_or_default(),
        }))
    }

    pub(super) async fn store_record(&self, record: &Record) -> Result<(), ClusterFailure> {
        let kinds: Vec<String> = record.kinds.iter().map(ToString::to_string).collect();
        let body = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.set.name,
                "namespace": self.set.namespace,
                "labels": {
                    ID_LABEL: self.set.id().as_str(),
                    "app.kubernetes.io/managed-by": "tidegate",
                },
                "annotations": {
                    TOOLING_ANNOTATION: concat!("tidegate/", env!("CARGO_PKG_VERSION")),
                    GROUP_KINDS_ANNOTATION: kinds.join(","),
                },
            },
            "data": {
                "commit": record.commit.as_ref().map(ToString::to_string).unwrap_or_default(),
                "status": record.status,
                "problems": bounded(&record.problems),
            },
        });
        let kind = ServedKind {
            kind: KindVersion::new("v1", "ConfigMap"),
            plural: "configmaps".to_owned(),
            namespaced: true,
        };
        let id = ObjectId::new("v1", "ConfigMap", Some(&self.set.namespace), &self.set.name);
        let written = self.apply_object(&kind, &id, &body, Mode::Write).await;
        written.map(drop).map_err(|failure| self.at_home(failure))
    }
}

fn bounded(problems: &[String]) -> String {
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        if text.len() + problem.len() > PROBLEMS_LIMIT {
            text.push_str(&format!("… and {} more\n", problems.len() - index));
            break;
        }
        text.push_str(&problem.replace('\n', " "));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_problems_is_cut_with_its_count() {
        let many: Vec<String> = (0..10_000).map(|n| format!("object {n}: refused")).collect();
        let text = bounded(&many);
        assert!(text.len() < PROBLEMS_LIMIT + 64);
        let last = text.lines().last().unwrap();
        let kept = text.lines().count() - 1;
        assert_eq!(last, format!("… and {} more", 10_000 - kept));
        assert_eq!(bounded(&["a\nb".into()]), "a b\n");
    }
}
