//! The files that people commit.

use std::fmt::Write as _;

/// The registry of all images.
pub(super) const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// How many workloads a world may have. Each has a repository of its own.
pub(super) const WORKLOADS: u64 = 8;
/// How many ConfigMaps a world may have.
pub(super) const MAPS: u64 = 14;
/// How many Secrets a world may have.
pub(super) const SECRETS: u64 = 3;

/// How many HelmReleases a world may have.
pub(super) const RELEASES: u64 = 3;

/// A part of each value of a Secret. It must never come out of the agent.
pub(super) const CANARY: &str = "canary5f1d";

/// How the tags of a workload are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The newest push.
    Push,
    /// The highest version.
    Version,
    /// The highest number of a build.
    Number,
}

/// The order of a workload's tags, by the workload's number.
pub(super) fn order(workload: u64) -> Order {
    match workload % 4 {
        2 => Order::Version,
        3 => Order::Number,
        _ => Order::Push,
    }
}

/// The n-th tag of a workload.
pub(super) fn tag(workload: u64, n: u64) -> String {
    match order(workload) {
        Order::Push => format!("{:07x}", (n + 1).wrapping_mul(0x9E37_79B9) ^ workload)
            .chars()
            .rev()
            .take(7)
            .collect(),
        Order::Version => format!("1.{n}.0"),
        Order::Number => format!("build-{n}"),
    }
}

/// The repository of a workload.
pub(super) fn repository(workload: u64) -> String {
    format!("shop/w{workload}")
}

/// The image of a workload without its tag.
pub(super) fn image(workload: u64) -> String {
    format!("{HOST}/{}", repository(workload))
}

/// The manifest of a workload.
pub(super) fn workload(namespace: &str, number: u64, tag: &str) -> String {
    let policy = match order(number) {
        Order::Push => String::new(),
        Order::Version => "    tidegate.dev/policy.app: \"semver:*\"\n".to_owned(),
        Order::Number => "    fluxcd.io/tag.app: 'numeric:^build-([0-9]+)$'\n".to_owned(),
    };
    let (kind, automated) = match number % 3 {
        0 => ("Deployment", "tidegate.dev/automated"),
        1 => ("StatefulSet", "fluxcd.io/automated"),
        _ => ("DaemonSet", "tidegate.dev/automated"),
    };
    let more = match kind {
        // An autoscaler may set the number where git does not.
        "Deployment" if number.is_multiple_of(6) => "",
        "Deployment" => "  replicas: 0\n",
        "StatefulSet" => "  replicas: 0\n  serviceName: web\n",
        _ => "",
    };
    format!(
        "# Workload {number}.\napiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: w{number}\n  namespace: {namespace}\n  \
         annotations:\n    {automated}: \"true\"\n{policy}spec:\n{more}  selector:\n    matchLabels: {{app: w{number}}}\n  \
         template:\n    metadata:\n      labels: {{app: w{number}}}\n    spec:\n      containers:\n      - name: app\n        \
         image: {}:{tag}   # by CI\n        env:\n        - name: LEVEL\n          value: \"1\"\n",
        image(number)
    )
}

/// The manifest of a ConfigMap.
pub(super) fn map(namespace: &str, name: &str, value: u64) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  labels: {{team: shop}}\ndata:\n  \
         value: \"{value}\"\n  other: fixed\n"
    )
}

/// The manifest of a Secret, whose values are canaries.
pub(super) fn secret(namespace: &str, name: &str, value: u64) -> String {
    use base64::Engine as _;
    let value = base64::engine::general_purpose::STANDARD.encode(format!("{CANARY}-{value}"));
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\ntype: Opaque\ndata:\n  password: {value}\n"
    )
}

/// The manifest of a Service.
pub(super) fn service(namespace: &str, name: &str, port: u64) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  selector: {{app: w0}}\n  ports:\n  \
         - name: http\n    port: {port}\n"
    )
}

/// The name of a HelmRelease.
pub(super) fn release(number: u64) -> String {
    format!("r{number}")
}

/// The manifest of a HelmRelease.
pub(super) fn helm_release(namespace: &str, target: &str, name: &str, value: u64) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  \
         releaseName: {name}\n  targetNamespace: {target}\n  chart: {{path: charts/map}}\n  values:\n    value: \"{value}\"\n"
    )
}

/// The chart of the HelmReleases.
fn chart() -> [(String, String); 3] {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n  value: {{ .Values.value | quote }}\n  \
                    other: {{ .Values.other | quote }}\n";
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: map\nversion: 1.0.0\n"),
        ("values.yaml", "value: of the chart\nother: of the chart\n"),
        ("templates/map.yaml", template),
    ];
    files.map(|(path, text)| (format!("charts/map/{path}"), text.to_owned()))
}

/// The files that a world begins with.
pub(super) fn beginning(namespace: &str) -> Vec<(String, String)> {
    let mut files = vec![
        (
            "namespace.yaml".to_owned(),
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        ("README.md".to_owned(), "# Our fleet\n".to_owned()),
        ("apps/service.yaml".to_owned(), service(namespace, "web", 80)),
    ];
    files.extend(chart());
    for number in 0..WORKLOADS - 2 {
        let text = workload(namespace, number, &tag(number, 0));
        files.push((format!("apps/w{number}.yaml"), text));
    }
    for number in 0..MAPS / 2 {
        files.push((
            format!("config/m{number}.yaml"),
            map(namespace, &format!("m{number}"), 0),
        ));
    }
    files.push(("config/s0.yaml".to_owned(), secret(namespace, "s0", 0)));
    let mut bundle = String::new();
    for number in 0..3 {
        let _ = write!(bundle, "---\n{}", map(namespace, &format!("b{number}"), 0));
    }
    files.push(("config/bundle.yaml".to_owned(), bundle));
    files
}
