use crate::git::RepoUrl;

#[test]
fn both_spellings_are_read() {
    for (text, user, host, port, path) in [
        (
            "ssh://git@github.com/acme/fleet.git",
            "git",
            "github.com",
            22,
            "/acme/fleet.git",
        ),
        (
            "ssh://GitHub.com/acme/fleet.git",
            "git",
            "github.com",
            22,
            "/acme/fleet.git",
        ),
        ("ssh://me@127.0.0.1:2222/srv/x", "me", "127.0.0.1", 2222, "/srv/x"),
        ("ssh://git@[::1]:2222/srv/x", "git", "::1", 2222, "/srv/x"),
        ("ssh://git@host/~me/x", "git", "host", 22, "~me/x"),
        (
            "git@github.com:acme/fleet.git",
            "git",
            "github.com",
            22,
            "acme/fleet.git",
        ),
        ("github.com:acme/fleet.git", "git", "github.com", 22, "acme/fleet.git"),
        ("git@[::1]:x", "git", "::1", 22, "x"),
        (
            "ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
            "APKAEIBAERJR2EXAMPLE",
            "git-codecommit.eu-west-1.amazonaws.com",
            22,
            "/v1/repos/fleet",
        ),
    ] {
        let url = RepoUrl::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (url.user(), url.host(), url.port(), url.path()),
            (user, host, port, path),
            "{text}"
        );
    }
}

#[test]
fn what_could_become_an_option_or_a_command_is_refused() {
    for text in [
        "",
        "https://github.com/acme/fleet.git",
        "file:///srv/x",
        "/srv/x",
        "acme/fleet",
        "ssh://-oProxyCommand=x/y",
        "ssh://git@-x/y",
        "ssh://-l@host/y",
        "-x@host:y",
        "git@host:-y",
        "git@host:",
        "ssh://git@host",
        "ssh://git@host/",
        "ssh://git:secret@host/x",
        "ssh://git@host:0/x",
        "ssh://git@host:99999/x",
        "ssh://git@ho st/x",
        "ssh://git@host/x\ny",
        "ssh://git@host/x\u{1b}",
        "ssh://git@[not-an-address]/x",
        "ssh://a b@host/x",
    ] {
        assert!(RepoUrl::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_password_in_the_address_is_not_repeated_in_the_error() {
    let error = RepoUrl::parse("https://me:hunter2@github.com/acme/fleet.git").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(error.to_string().contains("ssh://git@host"), "{error}");
}

#[test]
fn the_remote_shell_sees_one_word() {
    let url = RepoUrl::parse("ssh://git@host/a'b!c;d$(e)`f").unwrap();
    assert_eq!(url.quoted_path(), r"'/a'\''b'\!'c;d$(e)`f'");
}
