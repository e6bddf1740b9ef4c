use super::section::Section;
use super::settings::{ForgeKind, PullRequestSettings, Push, RepoSettings, path, some};
use crate::git::RepoUrl;
use crate::model::BranchName;

/// Kinds of forges, as they are written.
const KINDS: &str = "github, gitlab, gitea or codecommit";

/// `automation.push`, `automation.branch` and `automation.pullRequest`.
pub(super) fn read(section: &Section<'_>, repo: Option<&RepoSettings>) -> Push {
    let way = section.text("push", |text| match text {
        "direct" | "branch" | "pull-request" => Ok(text.to_owned()),
        _ => Err(format!(
            "{text:?} is no way to push: direct, branch or pull-request is wanted"
        )),
    });
    let way = way.as_deref().unwrap_or("direct");
    let branch = section.text("branch", |text| {
        BranchName::parse(text).map_err(|error| error.to_string())
    });
    let wanted = section.section("pullRequest");
    if way == "direct" && branch.is_some() {
        section.mistake("branch", "this branch is written only with push: branch or push: pull-request; repo.branch is the one that is followed");
    }
    if way != "pull-request" && section.has("pullRequest") {
        section.mistake("pullRequest", "requests are opened only with push: pull-request");
    }
    let followed = repo.map_or("main", |repo| repo.branch.as_str());
    let branch = branch
        .or_else(|| BranchName::parse(&format!("tidegate/{followed}")).ok())
        .or_else(|| BranchName::parse("tidegate/images").ok())
        .expect("tidegate/images is a branch name");
    if way != "direct" && branch.as_str() == followed {
        section.mistake(
            "branch",
            "this is repo.branch itself; name another one, which nobody else writes",
        );
    }
    let request = request(wanted, way == "pull-request", repo.map(|repo| &repo.url));
    match (way, request) {
        ("pull-request", Some(request)) => Push::PullRequest(branch, request),
        ("branch", _) => Push::Branch(branch),
        _ => Push::Direct,
    }
}

/// `None` where requests are not wanted, or something is missing, which is a mistake and noted as such.
fn request(section: Section<'_>, is_wanted: bool, url: Option<&RepoUrl>) -> Option<PullRequestSettings> {
    let host = url.map_or("", RepoUrl::host);
    let kind = section.text("forge", |text| match text {
        "github" | "gitlab" | "gitea" | "codecommit" => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no forge known here: {KINDS} is wanted")),
    });
    let kind = match kind {
        None if is_wanted && !section.has("forge") => {
            let known = known(host);
            if known.is_none() && url.is_some() {
                section.mistake(
                    "forge",
                    format!("missing, and not told by the host {host:?}; write {KINDS}"),
                );
            }
            known.map(str::to_owned)
        }
        kind => kind,
    };
    let api = section.text("api", |text| {
        let address = text.trim_end_matches('/');
        let plain = (address.starts_with("https://") || address.starts_with("http://"))
            && !address.contains(['?', '#', '@'])
            && !address.chars().any(|c| c.is_control() || c.is_whitespace());
        match plain {
            true => Ok(address.to_owned()),
            false => Err(format!(
                "{text:?} is not an address; write it like https://git.acme.example/api/v1"
            )),
        }
    });
    let project = section.text("project", some);
    let token_file = section.text("tokenFile", path);
    let labels = section.texts("labels", |text| match some(text)? {
        label if label.contains(',') => Err("a comma separates labels; write them as a list".to_owned()),
        label => Ok(label),
    });
    let has_labels = section.has("labels");
    if is_wanted && token_file.is_none() && !section.has("tokenFile") && kind.as_deref() != Some("codecommit") {
        section.mistake(
            "tokenFile",
            "missing; write the path of the file that holds the forge's API token",
        );
    }
    section.finish();
    if !is_wanted {
        return None;
    }
    let region = region(host);
    let path = url?.path().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let (forge, default_api, default_project) = match kind?.as_str() {
        "github" if host == "github.com" || host == "ssh.github.com" => {
            (ForgeKind::GitHub, "https://api.github.com".to_owned(), path)
        }
        "github" => (ForgeKind::GitHub, format!("https://{host}/api/v3"), path),
        "gitlab" => (
            ForgeKind::GitLab,
            format!("https://{}/api/v4", host.strip_prefix("altssh.").unwrap_or(host)),
            path,
        ),
        "gitea" => (ForgeKind::Gitea, format!("https://{host}/api/v1"), path),
        _ => (
            ForgeKind::CodeCommit(region.to_owned()),
            match region.starts_with("cn-") {
                true => format!("https://codecommit.{region}.amazonaws.com.cn"),
                false => format!("https://codecommit.{region}.amazonaws.com"),
            },
            path.rsplit('/').next().unwrap_or(path),
        ),
    };
    Some(PullRequestSettings {
        forge,
        api: api.unwrap_or(default_api),
        project: project.unwrap_or_else(|| default_project.to_owned()),
        token_file: token_file.unwrap_or_default(),
        labels: if has_labels {
            labels
        } else {
            vec!["tidegate".to_owned()]
        },
    })
}

fn known(host: &str) -> Option<&'static str> {
    match host {
        "github.com" | "ssh.github.com" => Some("github"),
        "gitlab.com" | "altssh.gitlab.com" => Some("gitlab"),
        "codeberg.org" | "gitea.com" => Some("gitea"),
        _ if host.starts_with("git-codecommit.") => Some("codecommit"),
        _ => None,
    }
}

/// Of `git-codecommit.<region>.amazonaws.com`, with or without `-fips`.
fn region(host: &str) -> &str {
    let rest = host
        .strip_prefix("git-codecommit-fips.")
        .or_else(|| host.strip_prefix("git-codecommit."));
    rest.and_then(|rest| rest.split('.').next()).unwrap_or_default()
}
