//! The programs that make pods live: controllers, scheduler, and kwok with one simulated node.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use super::access::{certificate_user, write_kubeconfig};
use super::certificates::Authority;
use super::servers::ControlPlane;
use crate::process::Process;
use crate::tools::Tools;

/// What happens to nodes and pods, in kwok's words.
const STAGES: &str = include_str!("stages.yaml");

/// Those that act on what people declare; no node, volume, certificate or autoscaling controllers, which would have nothing
/// to work on.
const CONTROLLERS: &str = "daemonset-controller,deployment-controller,replicaset-controller,statefulset-controller,\
    replicationcontroller-controller,job-controller,cronjob-controller,ttl-after-finished-controller,\
    endpoints-controller,endpointslice-controller,disruption-controller,garbage-collector-controller,\
    namespace-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,\
    clusterrole-aggregation-controller,resourcequota-controller";

/// Each is ready in about a second.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Starts them and waits until a pod could run: the node is ready and `default` has its service account.
pub(super) async fn start(plane: &ControlPlane, authority: &Authority) -> Result<Vec<Process>> {
    let dir = plane.dir();
    let spawn = |program: &str, flags: &[String], kubeconfig: &Path| {
        let mut command = Command::new(Tools::get(program)?);
        command
            .env_clear()
            .env("HOME", dir)
            .args(flags)
            .arg(format!("--kubeconfig={}", kubeconfig.display()));
        Process::spawn(program, command, &dir.join(format!("{program}.log")), Some(dir))
    };
    let kubeconfig = |program: &str, user: &str, group: Option<&str>| -> Result<_> {
        let path = dir.join(format!("{program}.kubeconfig"));
        let identity = authority.client(user, group)?;
        write_kubeconfig(&path, &plane.url(), plane.ca_pem(), &certificate_user(&identity))?;
        Ok(path)
    };
    let file = |name: &str| dir.join(name).display().to_string();
    let fast = [
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--leader-elect=false",
        "--secure-port=0",
    ];

    let mut controller_flags: Vec<String> = fast.map(str::to_owned).to_vec();
    controller_flags.push(format!("--controllers={CONTROLLERS}"));
    controller_flags.push(format!("--root-ca-file={}", file("ca.crt")));
    controller_flags.push(format!("--service-account-private-key-file={}", file("tokens.key")));
    let manager = "kube-controller-manager";
    let user = kubeconfig(manager, "system:kube-controller-manager", Some("system:masters"))?;
    let controllers = spawn(manager, &controller_flags, &user)?;

    let user = kubeconfig("kube-scheduler", "system:kube-scheduler", None)?;
    let scheduler = spawn("kube-scheduler", &fast.map(str::to_owned), &user)?;

    fs::write(dir.join("stages.yaml"), STAGES)?;
    let kwok_flags = [
        format!("--config={}", file("stages.yaml")),
        "--manage-all-nodes=true".to_owned(),
        "--cidr=10.128.0.0/16".to_owned(),
        "--node-ip=10.127.0.1".to_owned(),
        "--node-lease-duration-seconds=0".to_owned(),
    ];
    let kwok = spawn(
        "kwok",
        &kwok_flags,
        &kubeconfig("kwok", "kwok", Some("system:masters"))?,
    )?;

    let mut processes = vec![controllers, scheduler, kwok];
    ready(plane.client().await?, &mut processes).await?;
    Ok(processes)
}

async fn ready(client: Client, processes: &mut [Process]) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let node: Node = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "node-1",
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": "node-1", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
        },
    }))?;
    nodes
        .create(&PostParams::default(), &node)
        .await
        .context("cannot make the simulated node")?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
    let deadline = tokio::time::Instant::now() + READY_DEADLINE;
    loop {
        let node_ready = nodes.get("node-1").await.is_ok_and(|node| {
            let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
            conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        if node_ready && accounts.get_opt("default").await.is_ok_and(|account| account.is_some()) {
            return Ok(());
        }
        for process in &mut *processes {
            if let Some(code) = process.exit_code() {
                bail!("ended with code {code}: {process:?}\n{}", process.log_tail());
            }
        }
        if tokio::time::Instant::now() >= deadline {
            let tails: Vec<String> = processes.iter().map(|p| format!("{p:?}\n{}", p.log_tail())).collect();
            bail!("no pod could run after {READY_DEADLINE:?}:\n{}", tails.join("\n"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
