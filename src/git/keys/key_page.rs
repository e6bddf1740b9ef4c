//! The page on which a forge takes the public half of a deploy key, by the repository's address.

use super::key_kind::KeyKind;
use crate::git::url::RepoUrl;

/// Where to add the public half of the deploy key, and with which right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPage {
    /// The page, if it can be derived from the address.
    pub page: Option<String>,
    /// What to do there.
    pub advice: &'static str,
}

/// The forges that are recognised by the name of their host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forge {
    GitHub,
    GitLab,
    Bitbucket,
    Azure,
    CodeCommit,
    Gitea,
    Unknown,
}

const GITHUB: &str = "paste the line and tick \"Allow write access\"";
const GITLAB: &str = "under \"Deploy keys\" add the line and tick \"Grant write permissions to this key\"";
const GITEA: &str = "add the line as a deploy key and tick \"Enable write access\"";
const BITBUCKET: &str = "add the line as an SSH key of a user (best one made for this) with write access to the \
                         repository: Bitbucket's access keys of a repository can only read";
const AZURE: &str = "add the line as an SSH key of a user (best one made for this) that may write to the \
                     repository (\"Contribute\"): Azure DevOps has no deploy keys, and accepts RSA keys only";
const CODECOMMIT: &str = "choose an IAM user with codecommit:GitPull and codecommit:GitPush, then \"Security credentials\", \
                          \"SSH public keys for AWS CodeCommit\", upload the line (RSA only), and put the SSH key ID that \
                          is shown then (APKA…) into repo.url: ssh://APKA…@git-codecommit…";
const UNKNOWN: &str = "add the line to the repository's deploy keys with write access, or as an SSH key of a user that may \
                       write";

impl RepoUrl {
    /// Where to add the public half of a key that may write to this repository.
    pub fn key_page(&self) -> KeyPage {
        let (host, path) = (self.host(), self.path().trim_matches('/'));
        let path = path.strip_suffix(".git").unwrap_or(path);
        match self.forge() {
            Forge::GitHub => page(format!("https://github.com/{path}/settings/keys/new"), GITHUB),
            Forge::GitLab => {
                let web = if host == "altssh.gitlab.com" {
                    "gitlab.com"
                } else {
                    host
                };
                page(format!("https://{web}/{path}/-/settings/repository"), GITLAB)
            }
            Forge::Gitea => page(format!("https://{host}/{path}/settings/keys"), GITEA),
            Forge::Bitbucket => page("https://bitbucket.org/account/settings/ssh-keys/".to_owned(), BITBUCKET),
            Forge::Azure => {
                let organisation = path.strip_prefix("v3/").and_then(|rest| rest.split('/').next());
                let page = organisation.map(|name| format!("https://dev.azure.com/{name}/_usersSettings/keys"));
                KeyPage { page, advice: AZURE }
            }
            Forge::CodeCommit => {
                let console = match host.ends_with(".amazonaws.com.cn") {
                    true => "https://console.amazonaws.cn/iam/home#/users",
                    false => "https://console.aws.amazon.com/iam/home#/users",
                };
                page(console.to_owned(), CODECOMMIT)
            }
            Forge::Unknown => KeyPage {
                page: None,
                advice: UNKNOWN,
            },
        }
    }

    /// The kind of a new key for this host, if the configuration names none: RSA for forges that accept no other kind, otherwise
    /// Ed25519.
    pub fn key_kind(&self) -> KeyKind {
        match self.forge() {
            Forge::Azure | Forge::CodeCommit => KeyKind::Rsa,
            _ => KeyKind::Ed25519,
        }
    }

    /// Whether the user name belongs to the key, so that another key needs another user name.
    pub fn has_user_for_each_key(&self) -> bool {
        self.forge() == Forge::CodeCommit
    }

    fn forge(&self) -> Forge {
        let host = self.host();
        let is_label = |name: &str| host.split('.').any(|label| label == name);
        match host {
            "github.com" | "ssh.github.com" => Forge::GitHub,
            "gitlab.com" | "altssh.gitlab.com" => Forge::GitLab,
            "bitbucket.org" | "altssh.bitbucket.org" => Forge::Bitbucket,
            "ssh.dev.azure.com" | "vs-ssh.visualstudio.com" => Forge::Azure,
            "codeberg.org" => Forge::Gitea,
            _ if host.starts_with("git-codecommit.") || host.starts_with("git-codecommit-fips.") => Forge::CodeCommit,
            _ if is_label("gitlab") => Forge::GitLab,
            _ if is_label("gitea") || is_label("forgejo") => Forge::Gitea,
            _ => Forge::Unknown,
        }
    }
}

fn page(page: String, advice: &'static str) -> KeyPage {
    KeyPage {
        page: Some(page),
        advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_forge_has_its_page_and_its_kind_of_key() {
        for (url, expected, kind) in [
            (
                "git@github.com:acme/fleet.git",
                Some("https://github.com/acme/fleet/settings/keys/new"),
                KeyKind::Ed25519,
            ),
            (
                "ssh://git@ssh.github.com:443/acme/fleet.git",
                Some("https://github.com/acme/fleet/settings/keys/new"),
                KeyKind::Ed25519,
            ),
            (
                "git@gitlab.com:acme/ops/fleet.git",
                Some("https://gitlab.com/acme/ops/fleet/-/settings/repository"),
                KeyKind::Ed25519,
            ),
            (
                "ssh://git@gitlab.acme.example:2222/ops/fleet.git",
                Some("https://gitlab.acme.example/ops/fleet/-/settings/repository"),
                KeyKind::Ed25519,
            ),
            (
                "git@gitea.acme.example:ops/fleet.git",
                Some("https://gitea.acme.example/ops/fleet/settings/keys"),
                KeyKind::Ed25519,
            ),
            (
                "git@bitbucket.org:acme/fleet.git",
                Some("https://bitbucket.org/account/settings/ssh-keys/"),
                KeyKind::Ed25519,
            ),
            (
                "git@ssh.dev.azure.com:v3/acme/shop/fleet",
                Some("https://dev.azure.com/acme/_usersSettings/keys"),
                KeyKind::Rsa,
            ),
            (
                "ssh://APKA0123@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
                Some("https://console.aws.amazon.com/iam/home#/users"),
                KeyKind::Rsa,
            ),
            (
                "ssh://APKA0123@git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/fleet",
                Some("https://console.amazonaws.cn/iam/home#/users"),
                KeyKind::Rsa,
            ),
            ("git@git.acme.example:ops/fleet.git", None, KeyKind::Ed25519),
        ] {
            let url = RepoUrl::parse(url).unwrap();
            let page = url.key_page();
            assert_eq!(page.page.as_deref(), expected, "{url}");
            assert!(page.advice.contains("writ") || page.advice.contains("GitPush"), "{url}");
            assert_eq!(url.key_kind(), kind, "{url}");
        }
    }
}
