use super::request::Request;
use super::settings::StatusForge;
use crate::model::Secret;
use crate::port::{Message, Notification, NotificationKind as Kind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// The characters that are encoded in a path segment: all except letters, digits and `-._~` (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest description that all forges take, in characters: GitHub refuses more than 140.
const MOST: usize = 140;

/// The repository whose commits get statuses.
pub(super) struct Site<'a> {
    pub(super) forge: StatusForge,
    pub(super) api: &'a str,
    pub(super) project: &'a str,
    pub(super) context: &'a str,
}

/// A status of a commit.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    name: String,
    is_success: bool,
    description: String,
}

/// A status for each notification about a commit of a target. Others have no status, and are passed over.
pub(super) fn requests(site: &Site<'_>, token: &Secret, message: &Message) -> Vec<Request> {
    let of = |one: &Notification| Some((one.commit?.to_string(), status(site.context, one)?));
    let statuses = message.notifications.iter().filter_map(of);
    statuses
        .map(|(commit, status)| request(site, token, &commit, &status))
        .collect()
}

/// `tidegate/here/applied` and `tidegate/here/health`.
fn status(context: &str, one: &Notification) -> Option<Status> {
    let (part, is_success) = match one.kind {
        Kind::Applied => ("applied", true),
        Kind::AppliedInPart => ("applied", false),
        Kind::Healthy => ("health", true),
        Kind::Degraded => ("health", false),
        _ => return None,
    };
    let description = match one.text.chars().count() > MOST {
        true => one.text.chars().take(MOST - 1).chain(['…']).collect(),
        false => one.text.clone(),
    };
    Some(Status {
        name: format!("{context}/{}/{part}", one.target.as_deref()?),
        is_success,
        description,
    })
}

/// Whether GitLab refuses a status because the commit has that status already.
pub(super) fn is_known(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains("Cannot transition status")
}

fn request(site: &Site<'_>, token: &Secret, commit: &str, status: &Status) -> Request {
    let segment = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let (api, token) = (site.api, token.expose());
    let path: Vec<String> = site.project.split('/').map(segment).collect();
    let (url, header, state) = match site.forge {
        StatusForge::GitHub => (
            format!("{api}/repos/{}/statuses/{commit}", path.join("/")),
            ("Authorization", format!("Bearer {token}")),
            if status.is_success { "success" } else { "failure" },
        ),
        StatusForge::Gitea => (
            format!("{api}/repos/{}/statuses/{commit}", path.join("/")),
            ("Authorization", format!("token {token}")),
            if status.is_success { "success" } else { "failure" },
        ),
        StatusForge::GitLab => (
            format!("{api}/projects/{}/statuses/{commit}", segment(site.project)),
            ("PRIVATE-TOKEN", token.to_owned()),
            if status.is_success { "success" } else { "failed" },
        ),
    };
    let mut request = Request::json(Secret::new(url), &body(site.forge, state, status));
    request.headers.push((header.0, Secret::new(header.1)));
    if site.forge == StatusForge::GitHub {
        request
            .headers
            .push(("Accept", Secret::new("application/vnd.github+json")));
        request
            .headers
            .push(("X-GitHub-Api-Version", Secret::new("2022-11-28")));
    }
    request
}

fn body(forge: StatusForge, state: &str, status: &Status) -> Value {
    let (name, description) = (&status.name, &status.description);
    match forge {
        StatusForge::GitLab => json!({"state": state, "name": name, "description": description}),
        StatusForge::GitHub | StatusForge::Gitea => {
            json!({"state": state, "context": name, "description": description})
        }
    }
}
