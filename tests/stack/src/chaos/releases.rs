//! HelmReleases of a chart in the repository, and what people do to what helm has made of them.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::json;

use super::manifests::{RELEASES, release};
use super::operation::{Kind, Operation};
use super::pulls::{delete_namespace, make_namespace};
use super::world::World;
use crate::tools::Tools;

/// What people did, which the agent has to respect.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Releases whose ConfigMap somebody deleted since the world was at rest.
    pub(super) moved: BTreeSet<String>,
}

/// The namespace of what helm makes. Other people do nothing there.
pub(super) fn namespace(world: &str) -> String {
    format!("{world}-rel")
}

/// The agent's configuration.
pub(super) fn section() -> Result<String> {
    Ok(format!("releases: {{program: {}}}\n", Tools::get("helm")?.display()))
}

/// Makes the definition of HelmReleases, and the namespace for what helm makes.
pub(super) async fn begin(client: &kube::Client, world: &str) -> Result<()> {
    let text = include_str!("../../../../charts/tidegate/crds/helmreleases.helm.fluxcd.io.yaml");
    let definition: CustomResourceDefinition = serde_yaml::from_str(text)?;
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    match api.create(&PostParams::default(), &definition).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        made => drop(made?),
    }
    make_namespace(client, &namespace(world), false).await
}

/// Removes what is left of a world.
pub(super) async fn end(world: &World<'_>) -> Result<()> {
    let patch = json!({"metadata": {"finalizers": null}});
    for name in names() {
        let params = PatchParams::default();
        let _ = api(world).patch(&name, &params, &Patch::Merge(&patch)).await;
        let _ = api(world).delete(&name, &DeleteParams::default()).await;
    }
    delete_namespace(&world.client, &namespace(&world.name)).await
}

/// The names of all HelmReleases.
pub(super) fn names() -> impl Iterator<Item = String> {
    (0..RELEASES).map(release)
}

/// The HelmReleases of a world.
pub(super) fn api(world: &World<'_>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("helm.fluxcd.io", "v1", "HelmRelease"));
    Api::namespaced_with(world.client.clone(), &world.name, &resource)
}

/// Carries an operation out; what was done, or `None` if there was nothing to do it to.
pub(super) async fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    let Operation { kind, a, b } = operation;
    if kind != Kind::KubeRelease {
        return Ok(None);
    }
    let name = release(a % RELEASES);
    match touch(world, &name, b).await {
        Err(error) if error.downcast_ref::<kube::Error>().is_some() => Ok(Some(format!("refused: {error:#}"))),
        done => done,
    }
}

async fn touch(world: &mut World<'_>, name: &str, b: u64) -> Result<Option<String>> {
    let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), &namespace(&world.name));
    if maps.get_opt(name).await?.is_none() {
        return Ok(None);
    }
    let what = match b % 4 {
        0 => {
            let patch = Patch::Merge(json!({"data": {"value": "edited"}}));
            maps.patch(name, &PatchParams::default(), &patch).await?;
            "kubectl edit the ConfigMap of"
        }
        1 => {
            world.touched.moved.insert(name.to_owned());
            maps.delete(name, &DeleteParams::default()).await?;
            "kubectl delete the ConfigMap of"
        }
        2 => {
            if api(world).get_opt(name).await?.is_none() {
                return Ok(None);
            }
            api(world).delete(name, &DeleteParams::default()).await?;
            "kubectl delete"
        }
        _ => {
            world.touched.moved.insert(name.to_owned());
            let mut helm = tokio::process::Command::new(Tools::get("helm")?);
            helm.args(["uninstall", name, "--namespace", &namespace(&world.name)])
                .env("KUBECONFIG", world.cluster.kubeconfig())
                .stdin(Stdio::null())
                .output()
                .await?;
            "helm uninstall"
        }
    };
    Ok(Some(format!("{what} HelmRelease {name}")))
}
