//! Stand-ins on loopback for the APIs of forges that cannot run locally: [`GitHub`], [`GitLab`], [`CodeCommit`].
//!
//! They keep requests, labels and comments in memory and respond like the forges. Every call and every response is compared
//! with the API description that the forge publishes ([`Description`]). A test reads the
//! [`faults`](ForgeServer::faults) at its end. The sources and licences of the descriptions are listed in
//! `tests/fixtures/forges`.
//!
//! Deliberately absent: repositories. A real forge with one is [`crate::gitea`].

mod codecommit;
mod description;
mod github;
mod gitlab;
mod schema;
mod server;

pub use codecommit::{ACCESS_KEY, CodeCommit, SECRET_KEY};
pub use description::Description;
pub use github::GitHub;
pub use gitlab::GitLab;
pub use server::{Api, Ask, ForgeServer, Instead};

use serde_json::Value;

/// The token of the callers.
pub const TOKEN: &str = "a-token-of-the-forge";

/// The state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// The request is open.
    #[default]
    Open,
    /// The request was closed.
    Closed,
    /// The request was merged.
    Merged,
}

/// A request in the forge's memory.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The number; numbers count up.
    pub number: u64,
    /// The branch that the request merges from.
    pub from: String,
    /// The branch that the request merges into.
    pub into: String,
    /// Whether the source branch belongs to another repository.
    pub is_fork: bool,
    /// The title.
    pub title: String,
    /// The description.
    pub body: String,
    /// The state.
    pub state: State,
    /// The labels.
    pub labels: Vec<String>,
    /// The comments.
    pub comments: Vec<String>,
}

impl Kept {
    fn change(&mut self, title: Option<&Value>, body: Option<&Value>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.title = title.map_or_else(|| self.title.clone(), text);
        self.body = body.map_or_else(|| self.body.clone(), text);
    }
}

/// The requests of a repository.
#[derive(Debug, Default)]
pub struct Stand {
    requests: Vec<Kept>,
}

/// A stand-in that keeps requests.
pub trait Stands {
    /// The requests.
    fn stand(&mut self) -> &mut Stand;
}

impl Stand {
    /// Opens a request, and returns its number.
    pub fn open(&mut self, from: &str, into: &str, title: &str, body: &str) -> u64 {
        let number = self.requests.len() as u64 + 1;
        self.requests.push(Kept {
            number,
            from: from.to_owned(),
            into: into.to_owned(),
            title: title.to_owned(),
            body: body.to_owned(),
            ..Kept::default()
        });
        number
    }

    /// The request with this number.
    pub fn get(&mut self, number: u64) -> Option<&mut Kept> {
        self.requests.iter_mut().find(|kept| kept.number == number)
    }

    fn numbered(&mut self, number: &str) -> Option<&mut Kept> {
        self.get(number.parse().ok()?)
    }

    fn newest(&self) -> impl Iterator<Item = &Kept> {
        self.requests.iter().rev()
    }

    fn is_open(&self, from: &str, into: &str) -> bool {
        let mut all = self.requests.iter();
        all.any(|kept| kept.state == State::Open && !kept.is_fork && kept.from == from && kept.into == into)
    }
}

fn text(ask: &Ask, name: &str) -> String {
    ask.member(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A page of a listing, counted from 1.
fn page<'a, T>(all: &'a [T], page: &str, size: &str, usual: usize) -> &'a [T] {
    let size = size.parse().unwrap_or(usual).min(100);
    let from = page
        .parse::<usize>()
        .unwrap_or(1)
        .saturating_sub(1)
        .saturating_mul(size)
        .min(all.len());
    let to = from.saturating_add(size).min(all.len());
    all.get(from..to).unwrap_or_default()
}
