//! A thousand objects, half ConfigMaps and half Deployments without pods, one file each.

use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;

pub const COUNT: usize = 1000;
const EACH: usize = COUNT / 2;
/// The first tag of every image.
pub const FIRST: &str = "1";

/// An object.
pub struct Manifest {
    pub path: String,
    pub api: &'static str,
    pub plural: &'static str,
    pub name: String,
    pub body: Value,
}

/// All objects, in a namespace.
pub fn all(namespace: &str) -> Vec<Manifest> {
    let config_maps = (0..EACH).map(|number| config_map(namespace, number));
    config_maps
        .chain((0..EACH).map(|number| deployment(namespace, number, FIRST)))
        .collect()
}

fn config_map(namespace: &str, number: usize) -> Manifest {
    let name = format!("settings-{number:03}");
    let body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"LOG_LEVEL": "info", "NUMBER": number.to_string()},
    });
    manifest("api/v1", "configmaps", name, body)
}

pub fn deployment(namespace: &str, number: usize, tag: &str) -> Manifest {
    let name = format!("app-{number:03}");
    let labels = json!({"app.kubernetes.io/name": name});
    let body = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{
                    "name": "app",
                    "image": format!("registry.example/{name}:{tag}"),
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [{"name": "NUMBER", "value": number.to_string()}],
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                }]},
            },
        },
    });
    manifest("apis/apps/v1", "deployments", name, body)
}

fn manifest(api: &'static str, plural: &'static str, name: String, body: Value) -> Manifest {
    Manifest {
        path: format!("workloads/{plural}/{name}.yaml"),
        api,
        plural,
        name,
        body,
    }
}

impl Manifest {
    /// The object as YAML, as a person would write it in a file.
    pub fn text(&self) -> Result<String> {
        Ok(serde_yaml::to_string(&self.body)?)
    }

    pub fn write_below(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, self.text()?)?)
    }
}

/// The Namespace object.
pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}
