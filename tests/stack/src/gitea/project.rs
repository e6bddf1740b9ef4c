//! A repository on the forge, and what people do to it there.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::server::{Gitea, OWNER};
use crate::git::{Access, Repo, WorkCopy};

/// A repository on a [`Gitea`]. Read by git from its folder; written as people do, through the server.
#[derive(Debug)]
pub struct Project<'a> {
    server: &'a Gitea,
    name: String,
    git: Repo,
    web: String,
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By a merge commit.
    Merge,
    /// As one new commit.
    Squash,
    /// Its commits on top of the branch.
    Rebase,
}

/// A pull request as the forge reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// The first line.
    pub title: String,
    /// The text.
    pub body: String,
    /// Neither merged nor closed.
    pub open: bool,
    /// Merged.
    pub merged: bool,
    /// The branch that it would merge.
    pub head: String,
    /// The labels, in order.
    pub labels: Vec<String>,
}

impl<'a> Project<'a> {
    pub(super) fn new(server: &'a Gitea, name: &str, path: PathBuf, ssh: String, web: String) -> Project<'a> {
        Project {
            server,
            name: name.to_owned(),
            git: Repo::new(path, ssh, "git".to_owned()),
            web,
        }
    }

    /// The bare repository on the server's disk, for reading, with its SSH address.
    #[must_use]
    pub fn git(&self) -> &Repo {
        &self.git
    }

    /// `acme/<name>`
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{OWNER}/{}", self.name)
    }

    /// A call below the repository's address; `path` begins with `/` or is empty.
    ///
    /// # Errors
    /// As [`Gitea::call`].
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let path = format!("/repos/{OWNER}/{}{path}", self.name);
        self.server.call(method, &path, body).await
    }

    /// Adds a deploy key.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn deploy_key(&self, public_key: &str, access: Access) -> Result<()> {
        let read_only = access == Access::ReadOnly;
        let key = json!({"title": "tidegate", "key": public_key.trim(), "read_only": read_only});
        self.call("POST", "/keys", Some(key)).await.map(drop)
    }

    /// Takes all deploy keys away.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn remove_deploy_keys(&self) -> Result<()> {
        for key in self.call("GET", "/keys", None).await?.as_array().into_iter().flatten() {
            self.call("DELETE", &format!("/keys/{}", key["id"]), None).await?;
        }
        Ok(())
    }

    /// Protects a branch: nobody pushes to it, changes come by pull request.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn protect(&self, branch: &str) -> Result<()> {
        let rule = json!({"rule_name": branch, "enable_push": false});
        self.call("POST", "/branch_protections", Some(rule)).await.map(drop)
    }

    /// Adds a webhook that sends pushes to an address, signed with a secret.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn webhook(&self, address: &str, secret: &str) -> Result<()> {
        let config = json!({"url": address, "content_type": "json", "secret": secret});
        let hook = json!({"type": "gitea", "active": true, "events": ["push"], "config": config});
        self.call("POST", "/hooks", Some(hook)).await.map(drop)
    }

    /// All pull requests, oldest first.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn pulls(&self) -> Result<Vec<Pull>> {
        let pulls = self.call("GET", "/pulls?state=all&sort=oldest&limit=50", None).await?;
        pulls.as_array().into_iter().flatten().map(pull).collect()
    }

    /// Merges a pull request with the message that the forge proposes.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn merge(&self, number: u64, how: How) -> Result<()> {
        let way = match how {
            How::Merge => "merge",
            How::Squash => "squash",
            How::Rebase => "rebase",
        };
        let path = format!("/pulls/{number}/merge");
        // Whether it can be merged is worked out behind the push; until then the forge says so and wants to be asked again.
        let mut tries = 0;
        loop {
            match self.call("POST", &path, Some(json!({"Do": way}))).await {
                Err(error) if tries < 100 && error.to_string().contains("try again") => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return other.map(drop),
            }
        }
    }

    /// Closes a pull request without merging it, or opens it again.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn set_open(&self, number: u64, open: bool) -> Result<()> {
        let state = if open { "open" } else { "closed" };
        let path = format!("/pulls/{number}");
        self.call("PATCH", &path, Some(json!({"state": state}))).await.map(drop)
    }

    /// The comments on a pull request.
    ///
    /// # Errors
    /// When the forge refuses.
    pub async fn comments(&self, number: u64) -> Result<Vec<String>> {
        let comments = self.call("GET", &format!("/issues/{number}/comments"), None).await?;
        let texts = comments.as_array().into_iter().flatten();
        Ok(texts.map(|comment| text(comment, "body")).collect())
    }

    /// A work copy over HTTP as the owner.
    ///
    /// # Errors
    /// When git cannot clone.
    pub fn work_copy(&self) -> Result<WorkCopy> {
        WorkCopy::clone_from(&self.web, None)
    }

    /// Commits the given files (path, text) on `main` and pushes; the commit.
    ///
    /// # Errors
    /// When git fails, or the forge does not notice.
    pub async fn seed(&self, files: &[(&str, &str)]) -> Result<String> {
        let copy = self.work_copy()?;
        for (path, text) in files {
            copy.write(path, text)?;
        }
        let id = copy.commit("Import the configuration")?;
        copy.push()?;
        // Pull requests are refused while the forge believes the repository to be empty; it learns of the push behind it.
        for _ in 0..1000 {
            if self.call("GET", "", None).await?["empty"] == false {
                return Ok(id);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("gitea still calls the repository empty")
    }
}

/// As at the end of a [`crate::GitServer`].
impl Drop for Project<'_> {
    fn drop(&mut self) {
        self.git.ends();
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn pull(value: &Value) -> Result<Pull> {
    let labels = value["labels"].as_array().into_iter().flatten();
    Ok(Pull {
        number: value["number"].as_u64().context("a pull request without a number")?,
        title: text(value, "title"),
        body: text(value, "body"),
        open: value["state"] == "open",
        merged: value["merged"] == true,
        head: text(&value["head"], "ref"),
        labels: labels.map(|label| text(label, "name")).collect(),
    })
}
