//! A canary: no secret comes out of the agent, by any channel, at the most talkative level of its log.
//!
//! The git server, its hooks and the API server give back what they were sent, in every encoding. A new channel is added to
//! [`everything`].

use crate::agent::world::{SOON, World};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::NAMESPACE;
use tidegate_stack::git::Access;

const PASSWORD: &str = "canary/of+the%login-7d1f";
const SECRET_VALUE: &str = "canary-in-a-secret-55e2";
const ENV_VALUE: &str = "918273645546372819";

/// The login as a server may repeat it.
fn spellings() -> [String; 10] {
    let login = format!("bot:{PASSWORD}");
    [
        PASSWORD.to_owned(),
        STANDARD.encode(&login),
        STANDARD.encode(PASSWORD),
        URL_SAFE_NO_PAD.encode(&login),
        STANDARD.encode(format!("Authorization: Basic {}", STANDARD.encode(&login))),
        PASSWORD
            .bytes()
            .fold(String::new(), |out, byte| format!("{out}{byte:02x}")),
        PASSWORD.replace('/', "\\/"),
        PASSWORD.replace('/', "&#x2F;"),
        "canary%2Fof%2Bthe%25login-7d1f".to_owned(),
        "canary%2fof%2bthe%25login-7d1f".to_owned(),
    ]
}

/// Everything that leaves the agent: log, probes, metrics, status, commands, events and records.
async fn everything(world: &World, cluster: &ControlPlane) -> String {
    let mut out = world.agent.log();
    for path in ["/healthz", "/readyz", "/metrics"] {
        out += &world.agent.get(path).await.unwrap_or_default().1;
    }
    let status = reqwest::Client::new().get(world.agent.server() + "/v1/status");
    let status = status.bearer_auth("a-token-of-the-test-stack").send().await.unwrap();
    out += &status.text().await.unwrap();
    for command in [
        &["sync"][..],
        &["plan"],
        &["plan", "-o", "json"],
        &["scan"],
        &["images"],
        &["identity"],
    ] {
        let output = world.agent.call(command).await.unwrap();
        out += &String::from_utf8_lossy(&output.stdout);
        out += &String::from_utf8_lossy(&output.stderr);
    }
    let client = cluster.client().await.unwrap();
    let events = Api::<Event>::namespaced(client.clone(), NAMESPACE);
    for event in events.list(&ListParams::default()).await.unwrap() {
        out += &serde_json::to_string(&event).unwrap();
    }
    let records = Api::<ConfigMap>::namespaced(client, NAMESPACE);
    for record in records.list(&ListParams::default()).await.unwrap() {
        out += &serde_json::to_string(&record).unwrap();
    }
    out
}

fn assert_silent(out: &str) {
    let secrets = spellings()
        .into_iter()
        .chain([SECRET_VALUE.to_owned(), ENV_VALUE.to_owned()]);
    for secret in secrets.chain([STANDARD.encode(SECRET_VALUE)]) {
        let at = out.find(&secret);
        let around = at.map(|at| out.get(at.saturating_sub(300)..at + secret.len()));
        assert!(at.is_none(), "{secret} came out: {around:?}");
    }
}

async fn logged(world: &World, parts: &[&str]) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !world
        .agent
        .log()
        .lines()
        .any(|line| parts.iter().all(|part| line.contains(part)))
    {
        let log = world.agent.log();
        assert!(tokio::time::Instant::now() < deadline, "no line with {parts:?}:\n{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Objects that the API server rejects with their values quoted.
fn rejected(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: nested, namespace: {namespace}}}\n\
         stringData:\n  config.yaml: {{password: {SECRET_VALUE}}}\ndata:\n  a: [{SECRET_VALUE}]\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: env, namespace: {namespace}}}\nspec:\n  \
         selector: {{matchLabels: {{app: env}}}}\n  template:\n    metadata: {{labels: {{app: env}}}}\n    spec:\n      \
         containers:\n      - name: main\n        image: shop/env:1\n        env: [{{name: PIN, value: {ENV_VALUE}}}]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_comes_out_by_any_channel() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "canary", "1111aaa").await;
    let copy = world.repo.work_copy().unwrap();
    copy.write("apps/rejected.yaml", &rejected(&world.namespace)).unwrap();
    copy.commit("Add what the API server rejects").unwrap();
    copy.push().unwrap();
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    let web = world.git.web(false).unwrap();
    web.only_user("bot", PASSWORD, Access::ReadWrite);
    let login = world.agent.dir().join("login");
    std::fs::create_dir_all(&login).unwrap();
    std::fs::write(login.join("username"), "bot\n").unwrap();
    std::fs::write(login.join("password"), PASSWORD).unwrap();
    world
        .agent
        .configure(|options| {
            options.repo_url = web.url("fleet");
            options.known_hosts.clear();
            options.poll = "1s".into();
            options.scan = "1s".into();
            options.repo_more = format!("  http: {{credentials: {}}}\n", login.display());
            options.env.push(("TIDEGATE_LOG".into(), "trace".into()));
        })
        .unwrap();
    world.agent.start().unwrap();
    world.runs("1111aaa").await;
    logged(&world, &["nested", "config.yaml"]).await;
    logged(&world, &["PIN", "expected string"]).await;
    assert_silent(&everything(&world, &cluster).await);

    // A hook prints its environment, and the push is rejected.
    let script = format!(
        "#!/bin/sh\nfor word in {}; do echo \"hook: $word\" >&2; done\nexit 1\n",
        spellings().map(|word| format!("'{word}'")).join(" ")
    );
    world.repo.hook("pre-receive", &script).unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    logged(&world, &["hook declined", "hook: <hidden>"]).await;
    assert_silent(&everything(&world, &cluster).await);

    for status in [401, 403, 500] {
        let page = format!("refused {status} for Authorization: Basic {}", spellings().join(" "));
        web.refuse(Some((status, "text/plain", &page)));
        logged(&world, &["fetch failed", &format!("refused {status} for"), "<hidden>"]).await;
        assert_silent(&everything(&world, &cluster).await);
        // The page is cut in the middle of the login.
        let padding = "x".repeat(3980 - spellings()[1].len() / 2);
        let page = format!("cut {status} {padding}{}", spellings()[1]);
        web.refuse(Some((status, "text/plain", &page)));
        logged(&world, &["fetch failed", &format!("cut {status} x")]).await;
        let out = everything(&world, &cluster).await;
        assert_silent(&out);
        assert!(
            !out.contains(&spellings()[1][..16]),
            "the beginning of the login came out"
        );
        web.refuse(None);
    }
}
