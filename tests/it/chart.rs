//! `charts/tidegate` as helm and the API server see it, and an agent that has exactly what the chart gives it: the rendered
//! configuration, the generated token, and the rights of its service account.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Api, ObjectMeta, PostParams};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tidegate_stack::agent::{NAMESPACE, Options as AgentOptions};
use tidegate_stack::control_plane::{ControlPlane, Options};
use tidegate_stack::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, EcrServer};
use tidegate_stack::git::{Access, GitServer};
use tidegate_stack::port::Port;
use tidegate_stack::receiver::{Received, Receiver};
use tidegate_stack::{Agent, Tools};

const URL: &str = "repo.url=ssh://git@git.acme.example/fleet.git";
const RELEASE: &str = "tidegate";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The helm program with its own home folder.
struct Helm {
    home: TempDir,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    fn offline() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            kubeconfig: None,
        }
    }

    fn on(control_plane: &ControlPlane) -> Self {
        Self {
            kubeconfig: Some(control_plane.kubeconfig().to_owned()),
            ..Self::offline()
        }
    }

    /// Standard output, or both outputs if it failed.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(Tools::get("helm").unwrap());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/nonexistent");
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        let output = command.output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(out)
        } else {
            Err(out + &String::from_utf8_lossy(&output.stderr))
        }
    }

    fn template(&self, values: &[&str]) -> Result<String, String> {
        let chart = folder("charts/tidegate");
        let mut arguments = vec!["template", RELEASE, chart.to_str().unwrap(), "--namespace", NAMESPACE];
        arguments.extend(values.iter().flat_map(|value| ["--set", value]));
        self.run(&arguments)
    }
}

/// The only object of a kind in the output of helm.
fn rendered<K: serde::de::DeserializeOwned>(kind: &str, text: &str) -> K {
    let start = format!("kind: {kind}\n");
    let mut found = text.split("\n---\n").filter(|document| document.contains(&start));
    let document = found.next().unwrap_or_else(|| panic!("no {kind} in:\n{text}"));
    assert!(found.next().is_none(), "more than one {kind}");
    serde_yaml::from_str(document).unwrap()
}

fn config(text: &str) -> String {
    rendered::<ConfigMap>("ConfigMap", text).data.unwrap()["tidegate.yaml"].clone()
}

#[test]
fn the_charts_pass_lint() {
    let helm = Helm::offline();
    for chart in ["charts/tidegate", "config-repo-example/charts/web-chart"] {
        let chart = folder(chart);
        helm.run(&["lint", "--strict", chart.to_str().unwrap(), "--set", URL])
            .unwrap();
    }
}

#[test]
fn the_repositorys_address_is_the_only_required_value() {
    let helm = Helm::offline();
    let complaint = helm.template(&[]).unwrap_err();
    assert!(
        complaint.contains("repo.url is missing: set it to the config repo's address"),
        "{complaint}"
    );
    helm.template(&[URL]).unwrap();
}

#[test]
fn the_charts_definition_of_helmreleases_is_that_of_the_example() {
    let read =
        |path: &str| std::fs::read_to_string(folder(path).join("crds/helmreleases.helm.fluxcd.io.yaml")).unwrap();
    assert_eq!(read("charts/tidegate"), read("config-repo-example"));
}

#[test]
fn the_right_to_write_statuses_of_helmreleases_comes_with_the_loop() {
    let helm = Helm::offline();
    let has = |values: &[&str]| helm.template(values).unwrap().contains("helmreleases/status");
    assert!(has(&[URL]) && has(&[URL, "sync.namespaces={shop}"]));
    assert!(!has(&[URL, "releases.enabled=false"]));
}

#[test]
fn the_rights_and_the_alerts_for_pull_secrets_come_with_their_rules() {
    let helm = Helm::offline();
    let rule = [
        "pullSecrets[0].registries={111122223333.dkr.ecr.eu-west-1.amazonaws.com}",
        "pullSecrets[0].namespaces={shop-*}",
        "pullSecrets[0].serviceAccounts={builder}",
        "alerts.enabled=true",
        // Nothing but what the feature takes.
        "rbac.rules[0].apiGroups={apps}",
        "rbac.rules[0].resources={deployments}",
        "rbac.rules[0].verbs={get}",
    ];
    let with = |more: &[&str]| helm.template(&[&[URL], more].concat()).unwrap();
    let on = with(&rule);
    let settings = tidegate::config::read("tidegate.yaml", &config(&on)).unwrap();
    assert_eq!(settings.pull_secrets.len(), 1);
    assert!(granted(&on).contains("secrets.") && granted(&on).contains("serviceaccounts."));
    assert!(on.contains("resourceNames: [\"builder\"]") && on.contains("TidegatePullSecretOld"));
    let off = with(&rule[3..]);
    assert!(!granted(&off).contains("serviceaccounts.") && !off.contains("TidegatePullSecretOld"));
    assert!(off.contains("TidegateLoopStands") && !with(&[]).contains("PrometheusRule"));
    let in_namespaces = with(&[&rule[..], &["sync.namespaces={shop}"]].concat());
    assert!(!granted(&in_namespaces).contains("namespaces."), "{in_namespaces}");
}

#[test]
fn the_rights_for_mirrors_come_with_their_rules_and_for_their_kinds() {
    let helm = Helm::offline();
    let least = [
        URL,
        "rbac.rules[0].apiGroups={apps}",
        "rbac.rules[0].resources={deployments}",
        "rbac.rules[0].verbs={get}",
        "alerts.enabled=true",
    ];
    let with = |more: &[&str]| helm.template(&[&least[..], more].concat()).unwrap();
    let named = |kind: &str| {
        let kind = format!("mirrors[0].kind={kind}");
        with(&[
            "mirrors[0].from=cert-manager/tls",
            "mirrors[0].namespaces={shop}",
            if kind.ends_with('=') {
                "mirrors[0].adopt=true"
            } else {
                &kind
            },
        ])
    };
    let settings = tidegate::config::read("tidegate.yaml", &config(&named(""))).unwrap();
    assert_eq!(settings.mirrors.len(), 1);
    for (rendered, resources) in [
        (named(""), "[\"secrets\"]"),
        (named("ConfigMap"), "[\"configmaps\"]"),
        (
            with(&["mirrors[0].annotated={cert-manager}"]),
            "[\"secrets\",\"configmaps\"]",
        ),
        (
            with(&["mirrors[0].annotated={cert-manager}", "mirrors[0].kind=Secret"]),
            "[\"secrets\"]",
        ),
    ] {
        let rule = format!("resources: {resources}\n    verbs: [get, list, watch, create, patch, delete]");
        assert!(rendered.contains(&rule), "{resources} in {rendered}");
        assert!(rendered.contains("resources: [namespaces]") && rendered.contains("TidegateMirrorsFail"));
    }
    let off = with(&[]);
    assert!(!off.contains("resources: [namespaces]") && !off.contains("TidegateMirrorsFail"));
    // With `sync.namespaces` the rights are there only, and the one to tell clusters apart where there are several.
    let fenced = [
        "mirrors[0].from=shop/tls",
        "mirrors[0].namespaces={shop}",
        "sync.namespaces={shop}",
    ];
    let recognises = "resourceNames: [kube-system]";
    assert!(!with(&fenced).contains(recognises));
    assert!(with(&[&fenced[..], &["mirrors[0].targets={here}"]].concat()).contains(recognises));
}

#[test]
fn notifications_come_with_their_files_rights_and_alert() {
    let helm = Helm::offline();
    let rule = [
        URL,
        "alerts.enabled=true",
        "notificationsSecret=chats",
        "notifications[0].name=team",
        "notifications[0].slack.urlFile=/etc/tidegate/notifications/slack",
    ];
    let on = helm.template(&rule).unwrap();
    let settings = tidegate::config::read("tidegate.yaml", &config(&on)).unwrap();
    assert_eq!(settings.notifications.len(), 1);
    let own = format!("\"{}-announced\"", "tidegate");
    assert_eq!(on.matches(&own).count(), 2, "the Role and the guard name the ConfigMap");
    assert!(on.contains("mountPath: /etc/tidegate/notifications") && on.contains("secretName: chats"));
    assert!(on.contains("TidegateNotificationsLost"));
    let off = helm.template(&rule[..2]).unwrap();
    assert!(!off.contains("-announced") && !off.contains("TidegateNotificationsLost"));
    let wrong = helm.template(&[URL, "notifications[0].name=team", "notifications[0].slak.urlFile=x"]);
    assert!(wrong.unwrap_err().contains("slak"));
}

#[test]
fn several_replicas_come_with_an_election_and_one_with_none() {
    let helm = Helm::offline();
    let two = helm.template(&[URL, "replicas=2"]).unwrap();
    let settings = tidegate::config::read("tidegate.yaml", &config(&two)).unwrap();
    assert!(settings.leader_election.enabled && settings.leader_election.lease == RELEASE);
    let deployment: Deployment = rendered("Deployment", &two);
    let spec = deployment.spec;
    assert_eq!(spec.replicas, Some(2));
    assert_eq!(spec.strategy.unwrap().type_.as_deref(), Some("RollingUpdate"));
    assert!(two.contains("kind: PodDisruptionBudget") && granted(&two).contains("pods."));
    let one = helm.template(&[URL]).unwrap();
    let settings = tidegate::config::read("tidegate.yaml", &config(&one)).unwrap();
    assert!(!settings.leader_election.enabled);
    let deployment: Deployment = rendered("Deployment", &one);
    assert_eq!(deployment.spec.strategy.unwrap().type_.as_deref(), Some("Recreate"));
    assert!(!one.contains("PodDisruptionBudget") && !one.contains("tidegate.dev/leader"));
    for wrong in ["replicas=0", "replicas=two", "leaderElection.enabled=true"] {
        let refused = helm.template(&[URL, wrong]).unwrap_err();
        let key = wrong.split(['=', '.']).next().unwrap();
        assert!(refused.contains(key), "{wrong}: {refused}");
    }
}

#[test]
fn an_umbrella_chart_switches_the_chart_on_and_off() {
    let helm = Helm::offline();
    let umbrella = tempfile::tempdir().unwrap();
    let chart = format!(
        "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n- name: tidegate\n  version: 0.1.0\n  \
         repository: file://{}\n  condition: tidegate.enabled\n",
        folder("charts/tidegate").display()
    );
    std::fs::write(umbrella.path().join("Chart.yaml"), chart).unwrap();
    std::fs::write(umbrella.path().join("values.yaml"), "tidegate: {enabled: true}\n").unwrap();
    std::fs::create_dir(umbrella.path().join("templates")).unwrap();
    let umbrella = umbrella.path().to_str().unwrap();
    helm.run(&["dependency", "build", umbrella]).unwrap();
    let url = format!("tidegate.{URL}");
    let template = |enabled: &str| {
        let enabled = format!("tidegate.enabled={enabled}");
        helm.run(&["template", "platform", umbrella, "--set", &url, "--set", &enabled])
            .unwrap()
    };
    assert!(config(&template("true")).contains("fleet.git"));
    assert!(!template("false").contains("kind: ConfigMap"));
    helm.run(&["lint", "--strict", umbrella, "--set", &url]).unwrap();
}

#[test]
fn mistyped_values_are_refused_by_name() {
    let helm = Helm::offline();
    for (value, place) in [
        ("repo.pol=3s", "'pol' not allowed"),
        ("repo.poll=fast", "/repo/poll"),
        ("http.listen=8080", "/http/listen"),
        ("registries[0].scan=1m", "missing property 'host'"),
        ("automation.author=Tidegate", "/automation/author"),
        ("sync.deletions.count=many", "/sync/deletions/count"),
    ] {
        let complaint = helm.template(&[URL, value]).unwrap_err();
        assert!(complaint.contains(place), "{value}: {complaint}");
    }
}

#[test]
fn unsafe_and_broken_values_are_refused_with_what_to_do() {
    let helm = Helm::offline();
    for (values, complaint) in [
        (vec!["serviceAccount.create=false"], "serviceAccount.name is missing"),
        (vec!["http.listen=127.0.0.1:8080"], "http.listen must not be"),
        (vec!["http.listen=127.1.2.3:8080"], "http.listen must not be"),
        (vec!["http.listen=[::1]:8080"], "http.listen must not be"),
        (vec!["http.listen=[0:0:0:0:0:0:0:1]:8080"], "http.listen must not be"),
        (vec!["http.listen=[::ffff:7f00:1]:8080"], "http.listen must not be"),
        (
            vec!["http.listen=localhost:8080"],
            "http.listen must be an IP address and a port",
        ),
        (vec!["http.probes=127.0.0.1:9090"], "http.probes must not be"),
        (vec!["http.probes=0.0.0.0:8080"], "http.probes must have another port"),
        (
            vec!["rbac.clusterAdmin=true", "sync.namespaces={shop}"],
            "exclude each other",
        ),
    ] {
        let refused = helm.template(&[&[URL][..], values.as_slice()].concat()).unwrap_err();
        assert!(refused.contains(complaint), "{values:?}: {refused}");
    }
    let own = [URL, "serviceAccount.create=false", "serviceAccount.name=deployer"];
    let text = helm.template(&own).unwrap();
    let pod = rendered::<Deployment>("Deployment", &text).spec.template.spec.unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("deployer"));
}

#[test]
fn two_renderings_of_the_same_values_are_the_same_text() {
    let helm = Helm::offline();
    let text = helm.template(&[URL]).unwrap();
    assert_eq!(text, helm.template(&[URL]).unwrap());
    assert!(!text.contains("kind: Secret\n"), "{text}");
}

#[test]
fn with_namespaces_the_agent_has_no_rights_elsewhere() {
    let helm = Helm::offline();
    let text = helm.template(&[URL, "sync.namespaces={shop,ops}"]).unwrap();
    for cluster_wide in [
        "kind: ClusterRole",
        "ValidatingAdmissionPolicy",
        "customresourcedefinitions",
    ] {
        assert!(!text.contains(cluster_wide), "{cluster_wide}: {text}");
    }
    let roles = text.split("\n---\n").filter(|text| text.contains("\nkind: Role\n"));
    let roles: Vec<serde_yaml::Value> = roles.map(|text| serde_yaml::from_str(text).unwrap()).collect();
    let mut namespaces: Vec<_> = roles
        .iter()
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect();
    namespaces.sort_unstable();
    assert_eq!(namespaces, ["ops", "shop", NAMESPACE]);
    let settings = tidegate::config::read("tidegate.yaml", &config(&text)).unwrap();
    assert_eq!(settings.sync.targets[0].namespaces, ["shop", "ops"]);
}

#[test]
fn events_are_written_in_the_agents_own_namespace_only() {
    let text = Helm::offline().template(&[URL]).unwrap();
    // The rule behind `[events]` ends where the next one starts.
    let rule = |text: &'static str| text.split("- apiGroups").find(|rule| rule.contains("[events]"));
    let text: &'static str = text.leak();
    let rules: Vec<_> = text
        .split("\n---\n")
        .filter_map(|document| Some((document.contains("\nkind: Role\n"), rule(document)?)))
        .collect();
    assert_eq!(rules.len(), 2, "{rules:?}");
    for (is_own_namespace, rule) in rules {
        let writes = ["create", "update", "patch", "delete"]
            .iter()
            .any(|verb| rule.contains(verb));
        assert_eq!(writes, is_own_namespace, "{rule}");
    }
}

#[test]
fn a_login_in_the_repositorys_address_is_refused_and_not_shown() {
    let helm = Helm::offline();
    for url in [
        "repo.url=https://me:hunter2@git.acme.example/fleet.git",
        "repo.url=HTTPS://hunter2@git.acme.example/fleet.git",
        "repo.url=http://me:1/hunter2@git.acme.example/fleet.git",
    ] {
        let complaint = helm.template(&[url]).unwrap_err();
        assert!(complaint.contains("repo.http.secret"), "{complaint}");
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
    helm.template(&["repo.url=ssh://git@git.acme.example/fleet.git"])
        .unwrap();
}

#[test]
fn the_login_and_authorities_of_an_https_address_are_mounted_where_the_agent_reads_them() {
    let helm = Helm::offline();
    let values = [
        "repo.url=https://git.acme.example/fleet.git",
        "repo.http.secret=fleet-login",
        "repo.http.caConfigMap=acme-ca",
    ];
    let text = helm.template(&values).unwrap();
    let settings = tidegate::config::read("tidegate.yaml", &config(&text)).unwrap();
    let pod = rendered::<Deployment>("Deployment", &text).spec.template.spec.unwrap();
    let mounts = pod.containers[0].volume_mounts.clone().unwrap();
    let volumes = pod.volumes.unwrap();
    let holder = |path: &Path| {
        let mount = mounts
            .iter()
            .find(|mount| Path::new(&mount.mount_path) == path)
            .unwrap();
        let volume = volumes.iter().find(|volume| volume.name == mount.name).unwrap().clone();
        let secret = volume.secret.and_then(|secret| secret.secret_name);
        secret.or(volume.config_map.map(|map| map.name))
    };
    let http = settings.repo.http;
    assert_eq!(holder(&http.credentials.unwrap()).as_deref(), Some("fleet-login"));
    let authorities = http.ca_file.unwrap();
    assert_eq!(holder(authorities.parent().unwrap()).as_deref(), Some("acme-ca"));
    assert_eq!(authorities.file_name().unwrap(), "ca.crt");
    assert!(!http.plaintext);
}

#[test]
fn keys_are_read_by_the_name_of_their_secret_and_where_they_are_used() {
    let helm = Helm::offline();
    let of = |values: &[&str]| {
        let few = [
            "rbac.rules[0].apiGroups[0]=apps",
            "rbac.rules[0].resources[0]=deployments",
            "rbac.rules[0].verbs[0]=get",
        ];
        let text = helm.template(&[values, &few].concat()).unwrap();
        let documents = text.split("\n---\n").filter(|text| text.contains("\nrules:\n"));
        let rules: Vec<serde_yaml::Value> = documents
            .map(|text| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap())
            .flat_map(|role| role["rules"].as_sequence().unwrap().clone())
            .collect();
        let list = |value: &serde_yaml::Value| {
            let items = value.as_sequence().into_iter().flatten();
            items.map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let secrets = rules.iter().filter(|rule| list(&rule["resources"]).contains("secrets"));
        secrets
            .map(|rule| format!("{}: {}", list(&rule["resourceNames"]), list(&rule["verbs"])))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(&[URL]),
        ["tidegate-deploy-key tidegate-token: get update patch", ": create"]
    );
    let named = [URL, "repo.key.secret=mine", "automation.signing.secret=signing"];
    assert_eq!(
        of(&named),
        ["mine tidegate-token: get update patch", ": create", "signing: get"]
    );
    let variables = [
        URL,
        "sync.substitute.from[0].kind=Secret",
        "sync.substitute.from[0].name=vars",
        "sync.substitute.from[1].kind=Secret",
        "sync.substitute.from[1].name=others",
        "sync.substitute.from[1].namespace=elsewhere",
    ];
    assert_eq!(
        of(&variables),
        [
            "tidegate-deploy-key tidegate-token: get update patch",
            ": create",
            "vars: get list watch"
        ]
    );
    let https = [
        "repo.url=https://git.acme.example/fleet.git",
        "repo.http.secret=login",
        "http.token.existingSecret=api",
    ];
    assert_eq!(
        of(&https),
        Vec::<String>::new(),
        "a mounted login and a mounted token need no right, and the agent makes no key"
    );
}

#[test]
fn the_forges_token_and_the_webhooks_secret_are_mounted_where_the_agent_reads_them() {
    let helm = Helm::offline();
    let plain = helm.template(&[URL]).unwrap();
    assert!(
        !plain.contains("/etc/tidegate/webhook") && !plain.contains("/etc/tidegate/forge"),
        "{plain}"
    );
    let values = [
        "repo.url=ssh://git@github.com/acme/fleet.git",
        "automation.push=pull-request",
        "automation.pullRequest.secret=forge-token",
        "automation.pullRequest.labels={tidegate,images}",
        "http.webhook.existingSecret=forge-hook",
        "http.webhook.key=word",
    ];
    let text = helm.template(&values).unwrap();
    let settings = tidegate::config::read("tidegate.yaml", &config(&text)).unwrap();
    let pod = rendered::<Deployment>("Deployment", &text).spec.template.spec.unwrap();
    let mounts = pod.containers[0].volume_mounts.clone().unwrap();
    let volumes = pod.volumes.unwrap();
    let holder = |file: &Path| {
        let folder = file.parent().unwrap();
        let mount = mounts
            .iter()
            .find(|mount| Path::new(&mount.mount_path) == folder)
            .unwrap();
        assert_eq!(mount.read_only, Some(true));
        let volume = volumes.iter().find(|volume| volume.name == mount.name).unwrap().clone();
        let secret = volume.secret.unwrap();
        let items = secret.items.unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(Path::new(&items[0].path), Path::new(file.file_name().unwrap()));
        (secret.secret_name.unwrap(), items[0].key.clone())
    };
    let tidegate::config::Push::PullRequest(branch, request) = settings.automation.push else {
        panic!("{:?}", settings.automation.push)
    };
    assert_eq!(
        (branch.as_str(), request.project.as_str()),
        ("tidegate/main", "acme/fleet")
    );
    assert_eq!(request.labels, ["tidegate", "images"]);
    assert_eq!(holder(&request.token_file), ("forge-token".into(), "token".into()));
    let secret = settings.http.webhook_secret_file.unwrap();
    assert_eq!(holder(&secret), ("forge-hook".into(), "word".into()));

    let both = [values.as_slice(), &["automation.pullRequest.tokenFile=/t"]].concat();
    assert!(
        helm.template(&both)
            .unwrap_err()
            .contains("secret and tokenFile exclude each other")
    );
}

#[test]
fn the_agent_understands_every_configuration_that_the_chart_renders() {
    let helm = Helm::offline();
    let secret = tidegate::config::read("tidegate.yaml", &config(&helm.template(&[URL]).unwrap())).unwrap();
    assert_eq!(
        secret.repo.key,
        tidegate::config::KeySource::Secret("tidegate-deploy-key".into())
    );
    let all = [
        URL,
        "repo.branch=live",
        "repo.paths={workloads,releases}",
        "repo.poll=1m30s",
        "repo.key.secret=null",
        "repo.key.file=/etc/key/identity",
        "registries[0].host=*.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "registries[0].include={shop/**}",
        "registries[0].exclude={**/cache,shop/*:*-debug}",
        "registries[0].cron=*/2 8-18 * * MON-FRI",
        "automation.enabled=false",
        "sync.set=prod",
        "sync.deletions.confirm=0123456789abcdef0123456789abcdef01234567",
        "http.listen=[::]:9090",
    ];
    let settings = tidegate::config::read("tidegate.yaml", &config(&helm.template(&all).unwrap())).unwrap();
    assert_eq!(
        settings.repo.key,
        tidegate::config::KeySource::File("/etc/key/identity".into())
    );
    assert_eq!(settings.repo.paths.len(), 2);
    assert!(!settings.automation.enabled);
    assert_eq!(settings.http.listen.port(), 9090);
    let probes = settings.http.probes.unwrap();
    assert_eq!((probes.ip(), probes.port()), (settings.http.listen.ip(), 9091));
    assert!(settings.sync.confirm.is_some());
}

#[test]
fn the_container_finds_its_files_where_the_chart_mounts_them() {
    let text = Helm::offline().template(&[URL]).unwrap();
    let settings = tidegate::config::read("tidegate.yaml", &config(&text)).unwrap();
    let pod = rendered::<Deployment>("Deployment", &text).spec.template.spec.unwrap();
    let container = pod.containers.first().unwrap();
    let mounted = |path: &Path| {
        let mounts = container.volume_mounts.iter().flatten();
        mounts
            .filter(|mount| path.starts_with(&mount.mount_path))
            .map(|mount| mount.name.clone())
            .collect::<Vec<_>>()
    };
    let env: BTreeMap<_, _> = container
        .env
        .iter()
        .flatten()
        .filter_map(|variable| Some((variable.name.as_str(), variable.value.as_deref()?)))
        .collect();
    for probe in [&container.liveness_probe, &container.readiness_probe] {
        let get = probe.as_ref().and_then(|probe| probe.http_get.as_ref()).unwrap();
        assert_eq!(get.port, IntOrString::String("probes".into()));
    }
    let probes = container
        .ports
        .iter()
        .flatten()
        .find(|port| port.name.as_deref() == Some("probes"));
    let port = probes.and_then(|port| u16::try_from(port.container_port).ok());
    assert_eq!(port, settings.http.probes.map(|address| address.port()));
    assert_eq!(container.args.as_deref(), Some(&["run".to_owned()][..]));
    assert_eq!(mounted(Path::new(env["TIDEGATE_CONFIG"])), ["config"]);
    assert_eq!(
        settings.http.token_file.as_deref(),
        Some(Path::new(env["TIDEGATE_TOKEN_FILE"]))
    );
    assert_eq!(mounted(Path::new(env["TIDEGATE_TOKEN_FILE"])), ["token"]);
    assert_eq!(mounted(&settings.state_dir), ["state"]);
    assert_eq!(
        mounted(Path::new(env["TMPDIR"])),
        ["state"],
        "the container can write to no other folder"
    );
}

async fn new_namespace(client: &kube::Client, labels: &[(&str, &str)]) {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let metadata = ObjectMeta {
        name: Some(NAMESPACE.into()),
        labels: Some(labels),
        ..ObjectMeta::default()
    };
    let namespace = Namespace {
        metadata,
        ..Namespace::default()
    };
    Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
}

/// The namespaces in which the account may not write a ConfigMap of this name because of the chart's admission policy.
async fn guarded_writes(cluster: &ControlPlane, account: &str, name: &str) -> Vec<String> {
    let kubeconfig = kube::config::Kubeconfig::read_from(cluster.kubeconfig_for_token(account).unwrap()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let client = kube::Client::try_from(config.unwrap()).unwrap();
    let mut refused = Vec::new();
    for namespace in ["default", "kube-system", NAMESPACE, "shop"] {
        let metadata = ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        };
        let map = ConfigMap {
            metadata,
            ..ConfigMap::default()
        };
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let written = Api::namespaced(client.clone(), namespace).create(&params, &map).await;
        if let Err(error) = written {
            assert!(error.to_string().contains("rbac.guardedNamespaces"), "{error}");
            refused.push(namespace.to_owned());
        }
    }
    refused
}

/// Needs a server of its own: the release has cluster-wide objects, and the audit log is read whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_installed_agent_does_its_job_with_its_own_rights() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let client = cluster.client_named("test").await.unwrap();
    new_namespace(&client, &[("pod-security.kubernetes.io/enforce", "restricted")]).await;
    let git = GitServer::start().unwrap();
    let repo = git.create_repo("fleet").unwrap();
    repo.seed_from_dir(&folder("config-repo-example")).unwrap();
    let ecr = EcrServer::start().await.unwrap();
    for (repository, tag) in [
        ("shop/web", "3f9c2ab"),
        ("shop/api", "1.2.3"),
        ("shop/storefront", "9b1d4e7"),
    ] {
        ecr.create_repository(DEFAULT_ACCOUNT, DEFAULT_REGION, repository)
            .unwrap();
        ecr.push_tag(repository, tag).unwrap();
    }
    let mut agent = Agent::prepare(AgentOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
        kubeconfig: Some(cluster.dir().join("chart.kubeconfig")),
        env: [ecr.env(), vec![("POD_NAME".to_owned(), "agent".to_owned())]].concat(),
        ..AgentOptions::default()
    })
    .unwrap();

    let hook = Receiver::start().unwrap();
    // The next port, which the chart would take, may belong to another test.
    let probes = Port::reserve().unwrap();
    let helm = Helm::on(&cluster);
    let known_hosts = agent.dir().join("known_hosts");
    std::fs::write(&known_hosts, git.known_hosts_lines().join("\n") + "\n").unwrap();
    let chart = folder("charts/tidegate");
    let values = [
        format!("repo.url={}", repo.url()),
        format!("http.listen=0.0.0.0:{}", agent.server().rsplit_once(':').unwrap().1),
        format!("http.probes=0.0.0.0:{}", probes.number()),
        format!("stateDir={}", agent.dir().join("state").display()),
        format!("pullSecrets[0].registries[0]={}", ecr.default_host()),
        "pullSecrets[0].namespaces[0]=*".to_owned(),
        "mirrors[0].from=shop/spread".to_owned(),
        "mirrors[0].namespaces[0]=*".to_owned(),
        "replicas=2".to_owned(),
        "notifications[0].name=hook".to_owned(),
        "notifications[0].group=1s".to_owned(),
        format!("notifications[0].webhook.url={}", hook.url()),
    ];
    let known_hosts = format!("repo.knownHosts={}", known_hosts.display());
    let mut arguments = vec!["install", RELEASE, chart.to_str().unwrap(), "--namespace", NAMESPACE];
    arguments.extend(values.iter().flat_map(|value| ["--set", value.as_str()]));
    arguments.extend(["--set-file", &known_hosts]);
    helm.run(&arguments).unwrap();

    let pod = Api::<Deployment>::namespaced(client.clone(), NAMESPACE)
        .get(RELEASE)
        .await
        .unwrap()
        .spec
        .template;
    let metadata = ObjectMeta {
        name: Some("agent".into()),
        ..pod.metadata.unwrap()
    };
    let pod = Pod {
        metadata,
        spec: pod.spec,
        ..Pod::default()
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let created = pods.create(&PostParams::default(), &pod).await;
    created.expect("a restricted namespace accepts the pod");

    // As kubelet does: writes the ConfigMap to a file, and the service account's token.
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    assert!(
        secrets.get_opt("tidegate-token").await.unwrap().is_none(),
        "the agent makes the token"
    );
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let config = maps.get("tidegate-config").await.unwrap().data.unwrap()["tidegate.yaml"].clone();
    let token_file = agent.token_file();
    let config = config.replace("/etc/tidegate/token/token", token_file.to_str().unwrap());
    std::fs::write(agent.config_file(), config).unwrap();
    let account = cluster.service_account_token(NAMESPACE, RELEASE).await.unwrap();
    std::fs::copy(
        cluster.kubeconfig_for_token(&account).unwrap(),
        cluster.dir().join("chart.kubeconfig"),
    )
    .unwrap();

    let mark = cluster.audit_mark();
    let key = agent.identity().await.unwrap();
    assert!(secrets.get_opt("tidegate-deploy-key").await.unwrap().is_some());
    git.authorize(&key, Access::ReadWrite).unwrap();
    let plan = agent.ask(&["plan"]).await.unwrap();
    assert!(plan.contains("Deployment shop/web"), "{plan}");
    agent.run().await.unwrap();
    // As kubelet does once the agent has made the Secret.
    let service: Service = Api::namespaced(client.clone(), NAMESPACE).get(RELEASE).await.unwrap();
    let selected: BTreeMap<String, String> = service.spec.unwrap().selector.unwrap();
    let mut token = None;
    let made = async {
        while token.is_none() {
            token = secrets
                .get_opt("tidegate-token")
                .await
                .unwrap()
                .and_then(|secret| secret.data?.remove("token"));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), made).await;
    in_time.unwrap_or_else(|_| panic!("the agent does not lead and makes no token:\n{}", agent.log()));
    let token = token.unwrap();
    let labels = pods.get("agent").await.unwrap().metadata.labels.unwrap();
    assert!(selected.contains_key("tidegate.dev/leader"));
    assert!(
        selected.iter().all(|(key, value)| labels.get(key) == Some(value)),
        "the Service finds the leader: {labels:?}"
    );
    std::fs::write(agent.token_file(), &token.0).unwrap();
    // It was ready as one that stands by, and is ready again as the one that works.
    agent.ready().await.unwrap();
    ecr.push_tag("shop/web", "a1b2c3d").unwrap();
    agent.ask(&["scan"]).await.unwrap();
    agent.ask(&["sync"]).await.unwrap();
    let web = Api::<Deployment>::namespaced(client, "shop").get("web").await.unwrap();
    let image = web.spec.template.spec.unwrap().containers.remove(0).image.unwrap();
    assert!(image.ends_with("/shop/web:a1b2c3d"), "{image}");
    let source = Secret {
        metadata: ObjectMeta {
            name: Some("spread".into()),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    };
    let sources: Api<Secret> = Api::namespaced(cluster.client().await.unwrap(), "shop");
    sources.create(&PostParams::default(), &source).await.unwrap();
    // Pull secrets and copies reach the guarded namespaces, too: the rules name them.
    for namespace in ["shop", "kube-system", NAMESPACE] {
        let secrets: Api<Secret> = Api::namespaced(cluster.client().await.unwrap(), namespace);
        let waiting = async {
            for name in ["tidegate-pull", "spread"] {
                while secrets.get_opt(name).await.unwrap().is_none() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
        waited.unwrap_or_else(|_| panic!("no pull secret or no copy in {namespace}"));
    }
    sources
        .delete("spread", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    let copies: Api<Secret> = Api::namespaced(cluster.client().await.unwrap(), "kube-system");
    let gone = async {
        while copies.get_opt("spread").await.unwrap().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(std::time::Duration::from_secs(60), gone).await;
    gone.unwrap_or_else(|_| panic!("the copy in kube-system is left:\n{}", agent.log()));
    // What was announced is kept in the guarded namespace.
    let applied = |all: &[Received]| all.iter().any(|one| one.body.contains("\"event\":\"applied\""));
    hook.wait_for("message about an applied commit", applied).unwrap();
    let kept = async {
        while maps.get_opt("tidegate-announced").await.unwrap().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let kept = tokio::time::timeout(std::time::Duration::from_secs(120), kept).await;
    kept.unwrap_or_else(|_| panic!("what was announced is not kept:\n{}", agent.log()));
    assert_eq!(agent.stop().await.unwrap(), 0);
    let refused = guarded_writes(&cluster, &account, "written").await;
    assert_eq!(
        refused,
        ["kube-system", NAMESPACE],
        "the agent's account writes elsewhere only"
    );
    // What the agent keeps about its objects is the exception.
    for name in ["tidegate-applied-0", "tidegate-applied-f"] {
        assert_eq!(
            guarded_writes(&cluster, &account, name).await,
            ["kube-system"],
            "{name}"
        );
    }

    let user = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}");
    let requests = cluster.requests_since(&mark).await.unwrap();
    assert!(
        requests
            .iter()
            .any(|request| request.user == user && request.resource == "deployments")
    );
    let refused: Vec<_> = requests
        .iter()
        .filter(|request| request.user == user && request.code == 403)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");

    let upgrade = helm.run(&[
        "upgrade",
        RELEASE,
        chart.to_str().unwrap(),
        "--namespace",
        NAMESPACE,
        "--reuse-values",
    ]);
    upgrade.unwrap();
    let kept = secrets.get("tidegate-token").await.unwrap().data.unwrap()["token"].clone();
    assert_eq!(kept, token, "an upgrade changes the token that clients use");
}

/// The plural names of the kinds that a rendering grants to write, each with its group.
fn granted(text: &str) -> BTreeSet<String> {
    let roles = text.split("\n---\n").filter(|text| text.contains("\nrules:\n"));
    let roles = roles.map(|text| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap());
    let mut granted = BTreeSet::new();
    let texts = |list: &serde_yaml::Value| -> Vec<String> {
        let items = list.as_sequence().into_iter().flatten();
        items.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    for role in roles {
        for rule in role["rules"].as_sequence().unwrap() {
            let writes = texts(&rule["verbs"]).iter().any(|verb| verb == "patch");
            for group in texts(&rule["apiGroups"]).iter().filter(|_| writes) {
                granted.extend(texts(&rule["resources"]).iter().map(|name| format!("{name}.{group}")));
            }
        }
    }
    granted
}

#[test]
fn the_role_covers_what_config_repos_declare_and_not_the_policy_that_guards_namespaces() {
    let helm = Helm::offline();
    let (everywhere, in_namespaces) = (
        granted(&helm.template(&[URL]).unwrap()),
        granted(&helm.template(&[URL, "sync.namespaces={shop}"]).unwrap()),
    );
    for (name, is_namespaced) in [
        ("deployments.apps", true),
        ("helmreleases.helm.fluxcd.io", true),
        ("helmreleases.helm.toolkit.fluxcd.io", true),
        ("leases.coordination.k8s.io", true),
        ("gateways.gateway.networking.k8s.io", true),
        ("httproutes.gateway.networking.k8s.io", true),
        ("gatewayclasses.gateway.networking.k8s.io", false),
        ("mutatingwebhookconfigurations.admissionregistration.k8s.io", false),
        ("validatingwebhookconfigurations.admissionregistration.k8s.io", false),
        ("apiservices.apiregistration.k8s.io", false),
        ("runtimeclasses.node.k8s.io", false),
        ("namespaces.", false),
    ] {
        assert!(everywhere.contains(name), "{name}");
        assert_eq!(in_namespaces.contains(name), is_namespaced, "{name}");
    }
    for granted in everywhere.iter().chain(&in_namespaces) {
        assert!(
            !granted.contains("admissionpolic") && !granted.contains('*'),
            "{granted}"
        );
    }
}
