//! The APIs of forges that cannot be run here, on loopback: [`GitHub`], [`GitLab`], [`CodeCommit`].
//!
//! They keep requests, labels and comments in memory and answer as those forges do; every call to them, and every answer of
//! theirs, is held against what the forge has published about its API ([`Description`]), and whoever uses them asks for the
//! [`faults`](ForgeServer::faults) at the end. Who published what, and under which licence, stands beside the descriptions in
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

/// What the callers' token is.
pub const TOKEN: &str = "a-token-of-the-forge";

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Waits.
    #[default]
    Open,
    /// Was closed.
    Closed,
    /// Was merged.
    Merged,
}

/// A request as the forge keeps it.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Its number, counted up.
    pub number: u64,
    /// The branch it is from.
    pub from: String,
    /// The branch it is for.
    pub into: String,
    /// The branch it is from is another repository's.
    pub is_fork: bool,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// How it stands.
    pub state: State,
    /// Its labels.
    pub labels: Vec<String>,
    /// What was said below it.
    pub comments: Vec<String>,
}

impl Kept {
    fn change(&mut self, title: Option<&Value>, body: Option<&Value>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.title = title.map_or_else(|| self.title.clone(), text);
        self.body = body.map_or_else(|| self.body.clone(), text);
    }
}

/// All requests of a repository.
#[derive(Debug, Default)]
pub struct Stand {
    requests: Vec<Kept>,
}

/// Whatever keeps requests.
pub trait Stands {
    /// Them.
    fn stand(&mut self) -> &mut Stand;
}

impl Stand {
    /// Opens one; its number.
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

    /// The one of that number.
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
