//! Three clusters: the agent's own, one by a kubeconfig in a Secret, and one of EKS in another account.

use super::world::{SOON, namespace_file};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, DeleteParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use std::path::PathBuf;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::aws::{AwsServer, Cluster, Trust};
use tidegate_stack::control_plane::{Options, TokenWebhook};
use tidegate_stack::git::{Access, GitServer, Repo};
use tidegate_stack::relay::{Direction, Ending};
use tidegate_stack::{ControlPlane, Relay};

const DEPLOYER: &str = "arn:aws:iam::444455556666:role/deployer";

async fn create<K>(api: Api<K>, value: Value)
where
    K: kube::Resource + serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(value).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn map(namespace: &str, name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{value: \"{value}\"}}\n"
    )
}

/// Waits until the map has the value.
async fn shows(client: &Client, namespace: &str, name: &str, value: Option<&str>) {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let found = api.get_opt(name).await.ok().flatten();
        let found = found.and_then(|map| map.data.and_then(|data| data.get("value").cloned()));
        if found.as_deref() == value {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{namespace}/{name} is {found:?}, not {value:?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

struct Scene {
    repo: Repo,
    agent: Agent,
    _git: GitServer,
}

impl Scene {
    async fn start(home: &ControlPlane, env: Vec<(String, String)>, targets: &str, files: &[(&str, String)]) -> Self {
        let git = GitServer::start().unwrap();
        let repo = git.create_repo("fleet").unwrap();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        repo.seed(&files).unwrap();
        let agent = Agent::prepare(agent::Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(home.kubeconfig().to_owned()),
            env,
            poll: "1s".to_owned(),
            more: format!("automation: {{enabled: false}}\ntargets:\n{targets}"),
            ..agent::Options::default()
        })
        .unwrap();
        git.authorize(&agent.identity().await.unwrap(), Access::ReadWrite)
            .unwrap();
        Self { repo, agent, _git: git }
    }

    /// Waits until the status of a target has the text.
    async fn reports(&mut self, target: &str, part: &str) -> Value {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            // A pass that failed is tried again later and later.
            let _ = self.agent.call(&["sync"]).await.unwrap();
            // The exit code says that something is wrong.
            let status = self.agent.call(&["status", "-o", "json"]).await.unwrap();
            let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            let found = &status["targets"][target];
            if found.to_string().contains(part) {
                return found.clone();
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{part} is not in {found} of {status}\n{}",
                self.agent.log()
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn three_clusters_are_applied_to_and_one_that_is_cut_off_disturbs_no_other() {
    let aws = AwsServer::start().unwrap();
    let tokens = Some(TokenWebhook {
        port: aws.port(),
        cluster: "c",
    });
    let (home, b, c) = tokio::join!(
        ControlPlane::start(Options::default()),
        ControlPlane::start(Options::default()),
        ControlPlane::start(Options {
            tokens,
            ..Options::default()
        }),
    );
    let (home, b, c) = (home.unwrap(), b.unwrap(), c.unwrap());
    let (in_home, in_b, in_c) = (
        home.client_named("somebody").await.unwrap(),
        b.client_named("somebody").await.unwrap(),
        c.client_named("somebody").await.unwrap(),
    );
    agent::make_namespace(&in_home).await.unwrap();
    let relay = Relay::start(b.address()).unwrap();
    let kubeconfig = std::fs::read_to_string(b.kubeconfig()).unwrap();
    let kubeconfig = kubeconfig.replace(&b.address().to_string(), &relay.addr().to_string());
    let secrets: Api<Secret> = Api::namespaced(in_home.clone(), "tidegate");
    create(
        secrets.clone(),
        json!({"metadata": {"name": "cluster-b"}, "stringData": {"kubeconfig": kubeconfig}}),
    )
    .await;

    aws.set_role(DEPLOYER, Trust::of(&aws.user()).with_external_id("shop-7"));
    let cluster = Cluster {
        endpoint: format!("https://{}", c.address()),
        authority: c.authority().to_owned(),
        status: "ACTIVE".to_owned(),
    };
    aws.set_cluster("eu-west-1", "c", cluster);
    aws.allow_describing(DEPLOYER);
    aws.set_access(DEPLOYER, Some(&["system:masters"]));

    let targets = format!(
        "- {{name: here, paths: [home]}}\n- {{name: b, paths: [b], kubeconfig: {{secret: cluster-b}}}}\n\
         - {{name: c, paths: [c], eks: {{cluster: c, region: eu-west-1, roleArn: \"{DEPLOYER}\", externalId: shop-7}}}}\n"
    );
    let files = ["home", "b", "c"].map(|name| {
        let text = format!("{}---\n{}", namespace_file("shop"), map("shop", "of", name));
        (format!("{name}/all.yaml"), text)
    });
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let mut scene = Scene::start(&home, aws.env(), &targets, &files).await;
    scene.agent.run().await.unwrap();
    for (client, name) in [(&in_home, "home"), (&in_b, "b"), (&in_c, "c")] {
        shows(client, "shop", "of", Some(name)).await;
    }
    let records: Api<ConfigMap> = Api::namespaced(in_home.clone(), "tidegate");
    for set in ["tidegate", "tidegate-b", "tidegate-c"] {
        assert!(
            records.get(set).await.unwrap().data.unwrap().contains_key("commit"),
            "{set}"
        );
    }
    let calls = aws.calls();
    let described = calls.iter().find(|call| call.operation == "DescribeCluster").unwrap();
    assert!(
        described.caller.contains("assumed-role/deployer/tidegate"),
        "{described:?}"
    );

    // One cluster is cut off. The others get the next commit; the first gets it when it is back.
    relay.cut_every(Direction::ToTarget, 0, Ending::Reset);
    relay.reset();
    let copy = scene.repo.work_copy().unwrap();
    for name in ["home", "b", "c"] {
        let text = format!(
            "{}---\n{}",
            namespace_file("shop"),
            map("shop", "of", &format!("{name}-2"))
        );
        copy.write(&format!("{name}/all.yaml"), &text).unwrap();
    }
    copy.commit("second").unwrap();
    copy.push().unwrap();
    shows(&in_home, "shop", "of", Some("home-2")).await;
    shows(&in_c, "shop", "of", Some("c-2")).await;
    shows(&in_b, "shop", "of", Some("b")).await;
    scene.reports("b", "target b cannot be reached").await;
    assert_eq!(
        scene.agent.get("/readyz").await.unwrap().0,
        200,
        "the agent is ready without the other cluster"
    );
    relay.heal();
    shows(&in_b, "shop", "of", Some("b-2")).await;

    // A target that leaves the configuration deletes nothing.
    scene.agent.stop().await.unwrap();
    let (first, _) = targets.split_once("- {name: b").unwrap();
    let more = format!("automation: {{enabled: false}}\ntargets:\n{first}");
    scene.agent.configure(|options| options.more = more).unwrap();
    scene.agent.run().await.unwrap();
    shows(&in_b, "shop", "of", Some("b-2")).await;
    shows(&in_c, "shop", "of", Some("c-2")).await;
    shows(&in_home, "shop", "of", Some("home-2")).await;
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_says_why_and_recovers_when_that_is_mended() {
    let aws = AwsServer::start().unwrap();
    let tokens = Some(TokenWebhook {
        port: aws.port(),
        cluster: "c",
    });
    let home = ControlPlane::start(Options {
        tokens,
        ..Options::default()
    })
    .await
    .unwrap();
    let client = home.client_named("somebody").await.unwrap();
    agent::make_namespace(&client).await.unwrap();
    let targets = format!(
        "- {{name: b, paths: [b], kubeconfig: {{secret: cluster-b}}}}\n\
         - {{name: c, paths: [c], eks: {{cluster: c, region: eu-west-1, roleArn: \"{DEPLOYER}\"}}}}\n"
    );
    let files = [
        ("b/a.yaml", map("default", "b", "1")),
        ("c/a.yaml", map("default", "c", "1")),
    ];
    let mut scene = Scene::start(&home, aws.env(), &targets, &files).await;
    scene.agent.run().await.unwrap();

    scene
        .reports("b", "Secret tidegate/cluster-b has no entry kubeconfig")
        .await;
    let exec = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                clusters: [{name: a, cluster: {server: \"https://127.0.0.1:1\"}}]\n\
                users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false, interactiveMode: Never}}}]\n";
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "tidegate");
    create(
        secrets.clone(),
        json!({"metadata": {"name": "cluster-b"}, "stringData": {"kubeconfig": exec}}),
    )
    .await;
    scene
        .reports(
            "b",
            "the agent starts no program for credentials; for EKS write targets[].eks",
        )
        .await;
    secrets.delete("cluster-b", &DeleteParams::default()).await.unwrap();
    let good = std::fs::read_to_string(home.kubeconfig()).unwrap();
    create(
        secrets,
        json!({"metadata": {"name": "cluster-b"}, "stringData": {"kubeconfig": good}}),
    )
    .await;
    shows(&client, "default", "b", Some("1")).await;

    // The doctor names each step, and what to add.
    let doctor = scene.agent.call(&["doctor"]).await.unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(1), "{text}");
    for part in [
        "ok     config repo ssh://",
        "git push: may push",
        &format!("failed AWS role {DEPLOYER} in eu-west-1: sts:GetCallerIdentity: sts:AssumeRole of {DEPLOYER}"),
        "\"Action\":\"sts:AssumeRole\"",
        "ok     target b: dry run of a pass",
        &format!("failed target c: dry run of a pass as {DEPLOYER}"),
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }

    // Step by step: the role, the permission, the cluster, the access entry.
    scene
        .reports("c", &format!("sts:AssumeRole of {DEPLOYER} in eu-west-1 failed"))
        .await;
    aws.allow_describing("nobody");
    aws.set_role(DEPLOYER, Trust::of(&aws.user()));
    scene.reports("c", "eks:DescribeCluster failed: HTTP 403").await;
    aws.allow_describing(DEPLOYER);
    scene.reports("c", "No cluster found for name: c").await;
    let cluster = Cluster {
        endpoint: format!("https://{}", home.address()),
        authority: home.authority().to_owned(),
        status: "ACTIVE".to_owned(),
    };
    aws.set_cluster(
        "eu-west-1",
        "c",
        Cluster {
            status: "CREATING".to_owned(),
            ..cluster.clone()
        },
    );
    scene.reports("c", "its status is CREATING").await;
    aws.set_cluster("eu-west-1", "c", cluster);
    scene.reports("c", "rejects the credentials (401").await;
    aws.set_access(DEPLOYER, Some(&["system:masters"]));
    shows(&client, "default", "c", Some("1")).await;
    let log = scene.agent.log();
    assert!(
        !log.contains("k8s-aws-v1.") && !log.contains("secret-of-"),
        "a secret is in the log"
    );
}

#[tokio::test]
async fn a_folder_writes_in_its_namespaces_only_and_with_the_rights_of_its_account_only() {
    let home = ControlPlane::start(Options::default()).await.unwrap();
    let client = home.client_named("somebody").await.unwrap();
    agent::make_namespace(&client).await.unwrap();
    for name in ["team-a", "team-b"] {
        create(
            Api::<Namespace>::all(client.clone()),
            json!({"metadata": {"name": name}}),
        )
        .await;
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "team-b");
    create(accounts, json!({"metadata": {"name": "deployer"}})).await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]);
    let roles: Api<Role> = Api::namespaced(client.clone(), "team-b");
    create(roles, json!({"metadata": {"name": "deployer"}, "rules": rules})).await;
    let binding = json!({
        "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": "team-b"}],
    });
    create(Api::<RoleBinding>::namespaced(client.clone(), "team-b"), binding).await;

    let targets = "- {name: a, paths: [a], namespaces: [team-a]}\n\
                   - {name: b, paths: [b], namespaces: [team-b], namespace: team-b, serviceAccount: team-b/deployer}\n";
    let cluster_role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\nrules: []\n";
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: r, namespace: team-a}\nspec: {chart: {path: x}}\n";
    let files = [
        ("a/own.yaml", map("team-a", "own", "a")),
        ("a/other.yaml", format!("# a comment\n{}", map("team-b", "stolen", "a"))),
        (
            "a/cluster.yaml",
            format!("{cluster_role}---\n{}", namespace_file("team-c")),
        ),
        ("a/release.yaml", release.to_owned()),
        (
            "b/own.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {value: \"b\"}\n".to_owned(),
        ),
        (
            "b/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n".to_owned(),
        ),
    ];
    let mut scene = Scene::start(&home, Vec::new(), targets, &files).await;
    scene.agent.start().unwrap();
    shows(&client, "team-a", "own", Some("a")).await;
    shows(&client, "team-b", "own", Some("b")).await;
    for part in [
        "a/other.yaml:2:1: ConfigMap team-b/stolen: the object is in namespace team-b, and this target may write in team-a only",
        "a/cluster.yaml:1:1: ClusterRole all: the object is cluster-wide",
        "a/cluster.yaml:6:1: Namespace team-c: the object is cluster-wide",
        "a/release.yaml:1:1: HelmRelease.helm.fluxcd.io team-a/r: the agent carries out HelmReleases in its own cluster only",
    ] {
        scene.reports("a", part).await;
    }
    scene.reports("b", "system:serviceaccount:team-b:deployer").await;
    shows(&client, "team-b", "stolen", None).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    assert!(namespaces.get_opt("team-c").await.unwrap().is_none());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "team-b");
    assert!(secrets.get_opt("s").await.unwrap().is_none());
    let own: Api<ConfigMap> = Api::namespaced(client, "team-b");
    let managers: Vec<_> = own
        .get("own")
        .await
        .unwrap()
        .managed_fields()
        .iter()
        .filter_map(|entry| entry.manager.clone())
        .collect();
    assert_eq!(managers, ["tidegate"]);
}
