//! A typical config repo: mostly objects without images, Deployments of several shapes, HelmReleases.

use anyhow::Result;
use std::fmt::Write as _;
use tidegate::model::RepoPath;

/// A file of the config repo.
pub struct File {
    pub path: RepoPath,
    pub text: String,
    /// Whether it has an image field.
    pub editable: bool,
}

/// The repositories of the images. No name is a prefix of another.
pub fn repositories() -> impl Iterator<Item = String> {
    (0..5_000).map(repository)
}

fn repository(number: usize) -> String {
    format!(
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team-{}/service-{number:04}",
        number % 40
    )
}

/// Of ten files, three are Deployments, one is a HelmRelease, and six have no image.
pub fn generate(count: usize) -> Result<Vec<File>> {
    (0..count)
        .map(|number| {
            let (folder, text) = match number % 10 {
                0..3 => ("workloads", deployment(number)?),
                3 => ("releases", release(number)?),
                4..7 => ("settings", settings(number)?),
                _ => ("services", service(number)?),
            };
            let text = if number.is_multiple_of(7) {
                text.replace('\n', "\r\n")
            } else {
                text
            };
            Ok(File {
                path: RepoPath::parse(&format!("{folder}/{number:05}.yaml"))?,
                text,
                editable: number % 10 < 4,
            })
        })
        .collect()
}

fn image(number: usize) -> String {
    repository(number / 10 % 5_000)
}

fn head(out: &mut String, api: &str, kind: &str, number: usize) -> Result<()> {
    writeln!(
        out,
        "# Owned by team {}; see the runbook — ask before scaling.",
        number % 40
    )?;
    writeln!(
        out,
        "apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: app-{number:05}"
    )?;
    writeln!(
        out,
        "  namespace: team-{}\n  labels: {{app: app-{number:05}, tier: \"backend\"}}",
        number % 40
    )?;
    Ok(())
}

fn deployment(number: usize) -> Result<String> {
    let mut out = String::new();
    head(&mut out, "apps/v1", "Deployment", number)?;
    out.push_str(
        "  annotations:\n    fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.web: semver:~1.2   # patches only\n",
    );
    write!(
        out,
        "spec:\n  replicas: {}\n  selector:\n    matchLabels: &labels {{app: app-{number:05}}}\n",
        number % 5
    )?;
    out.push_str("  template:\n    metadata:\n      labels: *labels\n    spec:\n      containers:\n");
    let quote = if number.is_multiple_of(3) { "\"" } else { "" };
    writeln!(
        out,
        "      - name: web\n        image: {quote}{}:1.2.{}{quote}",
        image(number),
        number % 90
    )?;
    out.push_str("        args: ['--listen', ':8080']\n        env:\n");
    for variable in 0..number % 9 {
        writeln!(
            out,
            "        - {{name: SETTING_{variable}, value: \"{}\"}}",
            number * variable
        )?;
    }
    out.push_str("        - name: MODE\n          value: production\n        resources:\n          requests: {cpu: 50m, memory: 64Mi}\n");
    out.push_str("        readinessProbe:\n          httpGet:\n            path: /ready\n            port: 8080\n");
    Ok(out)
}

fn release(number: usize) -> Result<String> {
    let mut out = String::new();
    head(&mut out, "helm.fluxcd.io/v1", "HelmRelease", number)?;
    out.push_str("  annotations:\n    fluxcd.io/automated: \"true\"\nspec:\n  chart:\n    path: charts/app\n    git: ssh://git@git.example/charts\n");
    writeln!(
        out,
        "  values:\n    image:\n      repository: {}\n      tag: main-{number}",
        image(number)
    )?;
    out.push_str("    ingress: {enabled: true, hosts: [app.example]}\n    config: |\n      # not YAML to us\n      key = value\n");
    Ok(out)
}

fn settings(number: usize) -> Result<String> {
    let mut out = String::new();
    head(&mut out, "v1", "ConfigMap", number)?;
    out.push_str("data:\n  LOG_LEVEL: info\n  app.conf: |\n");
    for line in 0..10 + number % 30 {
        writeln!(out, "    option.{line} = {}  ; as measured", number * line)?;
    }
    Ok(out)
}

fn service(number: usize) -> Result<String> {
    let mut out = String::new();
    head(&mut out, "v1", "Service", number)?;
    writeln!(
        out,
        "spec:\n  selector: {{app: app-{number:05}}}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080"
    )?;
    if number.is_multiple_of(2) {
        out.push_str("---\n");
        head(&mut out, "v1", "ServiceAccount", number)?;
    }
    Ok(out)
}
