//! CodeCommit's pull requests over AWS's JSON protocol; each call's signature is worked out again, without AWS's code.

use std::fmt::Write as _;

use anyhow::Result;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::description::Description;
use super::server::{Api, Ask, ForgeServer};
use super::{Kept, Stand, State, text};

/// Pull requests of `fleet` in `eu-west-1`.
#[derive(Debug, Default)]
pub struct CodeCommit {
    stand: Stand,
}

/// The access key that callers have.
pub const ACCESS_KEY: &str = "AKIDOFTHESTACK";
/// Its secret half.
pub const SECRET_KEY: &str = "a-secret-key-of-the-test-stack";

const REGION: &str = "eu-west-1";
/// Ids of one page; CodeCommit's own choice is larger.
const PAGE: usize = 7;

impl CodeCommit {
    /// Serves it; `model` is AWS's own.
    ///
    /// # Errors
    /// When the model cannot be read, or there is no port.
    pub async fn start(model: &str) -> Result<ForgeServer<CodeCommit>> {
        ForgeServer::start(Description::aws(model)?, CodeCommit::default()).await
    }
}

fn pull(kept: &Kept) -> Value {
    let merged = kept.state == State::Merged;
    let mut merge = json!({"isMerged": merged});
    if merged {
        merge["mergeCommitId"] = "3333333333333333333333333333333333333333".into();
    }
    let target = json!({
        "repositoryName": if kept.is_fork { "another" } else { "fleet" },
        "sourceReference": format!("refs/heads/{}", kept.from),
        "destinationReference": format!("refs/heads/{}", kept.into),
        "sourceCommit": "1111111111111111111111111111111111111111",
        "destinationCommit": "2222222222222222222222222222222222222222",
        "mergeMetadata": merge,
    });
    let mut pull = json!({
        "pullRequestId": kept.number.to_string(), "title": kept.title, "creationDate": 1_767_323_045.5,
        "lastActivityDate": 1_767_323_045.5, "pullRequestStatus": if kept.state == State::Open { "OPEN" } else { "CLOSED" },
        "authorArn": "arn:aws:iam::111122223333:role/tidegate", "pullRequestTargets": [target],
    });
    if !kept.body.is_empty() {
        pull["description"] = kept.body.as_str().into();
    }
    pull
}

fn failure(kind: &str) -> (u16, Value) {
    (
        400,
        json!({"__type": kind, "message": format!("the stack says {kind}")}),
    )
}

impl super::Stands for CodeCommit {
    fn stand(&mut self) -> &mut Stand {
        &mut self.stand
    }
}

impl Api for CodeCommit {
    fn base(&self) -> &'static str {
        ""
    }

    /// The model knows an operation by its target.
    fn named(&self, ask: Ask) -> Ask {
        let path = match ask.path.as_str() {
            "/" => format!("/{}", ask.header("x-amz-target")),
            other => format!("{other}-is-not-where-operations-are"),
        };
        Ask { path, ..ask }
    }

    fn faults(&self, ask: &Ask) -> Vec<String> {
        let mut found = Vec::new();
        if ask.header("content-type") != "application/x-amz-json-1.1" {
            found.push(format!("content-type is {:?}", ask.header("content-type")));
        }
        if let Err(why) = signed(ask) {
            found.push(why);
        }
        found
    }

    fn answer(&mut self, ask: &Ask) -> (u16, Value) {
        let operation = ask.path.rsplit('.').next().unwrap_or_default();
        let given = text(ask, "pullRequestId");
        match operation {
            "ListPullRequests" => {
                let open = text(ask, "pullRequestStatus") == "OPEN";
                let all = self
                    .stand
                    .requests
                    .iter()
                    .filter(|kept| (kept.state == State::Open) == open);
                let ids: Vec<String> = all.map(|kept| kept.number.to_string()).collect();
                let from = text(ask, "nextToken").parse().unwrap_or(0).min(ids.len());
                let to = (from + PAGE).min(ids.len());
                let mut answer = json!({"pullRequestIds": ids.get(from..to)});
                if to < ids.len() {
                    answer["nextToken"] = to.to_string().into();
                }
                return (200, answer);
            }
            "CreatePullRequest" => {
                let target = ask
                    .member("targets")
                    .and_then(|targets| targets.get(0))
                    .cloned()
                    .unwrap_or_default();
                let branch = |name: &str| {
                    target[name]
                        .as_str()
                        .unwrap_or_default()
                        .trim_start_matches("refs/heads/")
                        .to_owned()
                };
                if target["repositoryName"] != "fleet" {
                    return failure("RepositoryDoesNotExistException");
                }
                let (from, into) = (branch("sourceReference"), branch("destinationReference"));
                let number = self
                    .stand
                    .open(&from, &into, &text(ask, "title"), &text(ask, "description"));
                return match self.stand.get(number) {
                    Some(kept) => (200, json!({"pullRequest": pull(kept)})),
                    None => failure("PullRequestDoesNotExistException"),
                };
            }
            _ => {}
        }
        let Some(kept) = self.stand.numbered(&given) else {
            return failure("PullRequestDoesNotExistException");
        };
        match operation {
            "GetPullRequest" => {}
            _ if kept.state != State::Open => return failure("PullRequestAlreadyClosedException"),
            "UpdatePullRequestTitle" => kept.change(ask.member("title"), None),
            "UpdatePullRequestDescription" => kept.change(None, ask.member("description")),
            "UpdatePullRequestStatus" => kept.state = State::Closed,
            "PostCommentForPullRequest" => {
                kept.comments.push(text(ask, "content"));
                let comment = json!({"commentId": "c-1", "content": text(ask, "content"), "deleted": false});
                let answer = json!({"repositoryName": "fleet", "pullRequestId": given, "comment": comment,
                    "beforeCommitId": ask.member("beforeCommitId"), "afterCommitId": ask.member("afterCommitId")});
                return (200, answer);
            }
            _ => return failure("InvalidActionException"),
        }
        (200, json!({"pullRequest": pull(kept)}))
    }
}

/// Checks the signature (version 4) by the algorithm of AWS's documentation.
fn signed(ask: &Ask) -> Result<(), String> {
    let time = ask.header("x-amz-date");
    let day = time.get(..8).unwrap_or_default();
    let sent =
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).map_err(|error| format!("x-amz-date: {error}"))?;
    let sent = sent
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|error| error.to_string())?
        .timestamp();
    let age = jiff::Timestamp::now().duration_since(sent).as_secs();
    if !(-300..=300).contains(&age) {
        return Err(format!("x-amz-date is {age} seconds old"));
    }
    let shown = ask.header("authorization");
    let rest = shown
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("no signature of version 4")?;
    let part = |name: &str| {
        let mut parts = rest.split(", ");
        parts.find_map(|part| part.strip_prefix(name)).unwrap_or_default()
    };
    let scope = format!("{day}/{REGION}/codecommit/aws4_request");
    if part("Credential=") != format!("{ACCESS_KEY}/{scope}") {
        return Err(format!("the scope is {}", part("Credential=")));
    }
    let names: Vec<&str> = part("SignedHeaders=").split(';').collect();
    for name in ["content-type", "host", "x-amz-date", "x-amz-target"] {
        if !names.contains(&name) {
            return Err(format!("{name} is not signed"));
        }
    }
    let mut canonical = "POST\n/\n\n".to_owned();
    for name in &names {
        let _ = writeln!(canonical, "{name}:{}", ask.header(name).trim());
    }
    let _ = write!(
        canonical,
        "\n{}\n{}",
        names.join(";"),
        hex::encode(Sha256::digest(&ask.bytes))
    );
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical.as_bytes()))
    );
    let key = [day, REGION, "codecommit", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| mac(&key, part));
    match hex::encode(mac(&key, &text)) == part("Signature=") {
        true => Ok(()),
        false => Err("the signature is another".to_owned()),
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
