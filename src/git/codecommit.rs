//! AWS CodeCommit's rules for an address. They are checked when the address is read, so that a mistake does not show up as a
//! rejected login.
//!
//! Over SSH the user is the SSH key ID (`APKA…`) that IAM gave to the uploaded public key. Over HTTPS the credentials are the
//! "HTTPS Git credentials" of an IAM user. Source: AWS CodeCommit user guide, "Setup steps for SSH connections", "Setup for
//! HTTPS users using Git credentials", "Regions and Git connection endpoints".

/// Checks the user and path of an address of CodeCommit. Addresses of other hosts pass.
pub(crate) fn check(is_ssh: bool, user: &str, host: &str, path: &str) -> Result<(), &'static str> {
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
    if is_ssh && !is_key_id(user) {
        return Err(
            "the user must be the SSH key ID that IAM shows for the public key uploaded to CodeCommit, as in \
                    ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
        );
    }
    Ok(())
}

/// Whether the host is `git-codecommit[-fips].REGION.amazonaws.com[.cn]`, or a VPC endpoint for it.
fn is_host(host: &str) -> bool {
    let ours = |label: &str| ["git-codecommit", "git-codecommit-fips"].contains(&label);
    let aws = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    aws && host.split('.').take(2).any(ours)
}

/// Whether the user is a unique ID of IAM for a public key: `APKA`, then letters and digits.
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
    fn a_missing_key_id_is_reported() {
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
    fn other_paths_are_rejected_before_the_server_is_asked() {
        for path in ["fleet", "v1/repos", "v1/repos/", "v1/repos/a/b", "v1/repos/fleet.git"] {
            let text = format!("https://git-codecommit.eu-west-1.amazonaws.com/{path}");
            assert!(RepoUrl::parse(&text).is_err(), "{text}");
        }
        RepoUrl::parse("ssh://git@git-codecommit.acme.example/fleet.git").unwrap_or_else(|error| panic!("{error}"));
    }
}
