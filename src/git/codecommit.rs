//! What AWS CodeCommit wants of an address, told where the address is read and not by a refused login.
//!
//! Over SSH the user is the SSH key ID (`APKA…`) that IAM gave to the uploaded public key; over HTTPS the credentials are the
//! "HTTPS Git credentials" of an IAM user. Source: AWS CodeCommit user guide, "Setup steps for SSH connections", "Setup for
//! HTTPS users using Git credentials", "Regions and Git connection endpoints".

use super::url::Scheme;

/// Checks user and path of an address at one of CodeCommit's hosts; other hosts are none of its business.
pub(super) fn check(scheme: Scheme, user: &str, host: &str, path: &str) -> Result<(), &'static str> {
    if !is_host(host) {
        return Ok(());
    }
    let name = path.strip_prefix("/v1/repos/").unwrap_or_default();
    if name.is_empty() || name.contains('/') {
        return Err("CodeCommit's repositories are at /v1/repos/NAME");
    }
    if name.ends_with(".git") {
        return Err("CodeCommit's repository names do not end in .git");
    }
    if scheme == Scheme::Ssh && !is_key_id(user) {
        return Err(
            "CodeCommit wants the SSH key ID that IAM shows for the uploaded public key as the user, as in \
                    ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
        );
    }
    Ok(())
}

/// `git-codecommit[-fips].REGION.amazonaws.com[.cn]`, and the names of VPC endpoints for them.
pub(super) fn is_host(host: &str) -> bool {
    let ours = |label: &str| ["git-codecommit", "git-codecommit-fips"].contains(&label);
    let aws = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    aws && host.split('.').take(2).any(ours)
}

/// Unique IDs of IAM: four letters for the kind, then letters and digits; `APKA` is the kind of public keys.
fn is_key_id(user: &str) -> bool {
    user.starts_with("APKA") && user.len() >= 8 && user.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::git::RepoUrl;

    #[test]
    fn both_partitions_and_both_ways_are_read() {
        for (text, user, host) in [
            (
                "ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
                "APKAEIBAERJR2EXAMPLE",
                "git-codecommit.eu-west-1.amazonaws.com",
            ),
            (
                "ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/fleet",
                "APKAEIBAERJR2EXAMPLE",
                "git-codecommit.cn-north-1.amazonaws.com.cn",
            ),
            (
                "https://git-codecommit.cn-northwest-1.amazonaws.com.cn/v1/repos/fleet",
                "",
                "git-codecommit.cn-northwest-1.amazonaws.com.cn",
            ),
            (
                "https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/fleet",
                "",
                "git-codecommit-fips.us-gov-west-1.amazonaws.com",
            ),
        ] {
            let url = RepoUrl::parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((url.user(), url.host(), url.path()), (user, host, "/v1/repos/fleet"));
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn a_missing_key_id_is_asked_for() {
        for text in [
            "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
            "ssh://git@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
            "ssh://git@git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/fleet",
            "ssh://git@vpce-0a1b-2c3d.git-codecommit.eu-west-1.vpce.amazonaws.com/v1/repos/fleet",
        ] {
            let error = RepoUrl::parse(text).unwrap_err().to_string();
            assert!(
                error.contains("SSH key ID") && error.contains("APKAEXAMPLE@"),
                "{error}"
            );
        }
    }

    #[test]
    fn other_paths_are_told_before_the_server_does() {
        for path in ["fleet", "v1/repos", "v1/repos/", "v1/repos/a/b", "v1/repos/fleet.git"] {
            let text = format!("https://git-codecommit.eu-west-1.amazonaws.com/{path}");
            assert!(RepoUrl::parse(&text).is_err(), "{text}");
        }
        RepoUrl::parse("ssh://git@git-codecommit.acme.example/fleet.git").unwrap_or_else(|error| panic!("{error}"));
    }
}
