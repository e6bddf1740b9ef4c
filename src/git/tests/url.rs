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
fn an_address_that_could_become_an_option_or_a_command_is_refused() {
    for text in [
        "",
        "ftp://github.com/acme/fleet.git",
        "https://github.com",
        "https://github.com/",
        "https://me:secret@github.com/acme/fleet.git",
        "https://@github.com/acme/fleet.git",
        "https://bot@github.com/acme/fleet.git",
        "https://github.com/acme/@fleet.git",
        "https://github.com/acme%40fleet.git",
        "http://token@127.0.0.1:3000/x",
        "ssh://git:12/3@host/x",
        "https://github.com/acme/fleet.git?x",
        "https://github.com/acme/fleet.git#x",
        "https://github.com\\@evil.example/x",
        "ssh://@host/x",
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
    let long = format!("https://me:{}hunter2@github.com/acme/fleet.git", "x".repeat(250));
    for text in [
        "https://me:hunter2@github.com/acme/fleet.git",
        "https://hunter2@github.com/acme/fleet.git",
        "https://me:1/hunter2@github.com/acme/fleet.git",
        "https://me:hunter2%40github.com/acme/fleet.git",
        "HTTP://hunter2@127.0.0.1/x",
        &long,
    ] {
        let error = RepoUrl::parse(text).unwrap_err().to_string();
        assert!(!error.contains("hunter2") && !error.contains("xxx"), "{error}");
        assert!(error.contains("repo.http.credentials"), "{error}");
    }
    for text in [
        "ftp://hunter2@host/x",
        "https:/me:hunter2@host/x",
        "hunter2@host",
        "git:hunter2@host:x/y",
        "ssh://git:1/hunter2@host/x",
        "https://host/x?private_token=hunter2",
        "https://host/x#hunter2",
        "https://me:hunter2@ho st/x",
    ] {
        let error = RepoUrl::parse(text).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn the_remote_shell_sees_one_word() {
    let url = RepoUrl::parse("ssh://git@host/a'b!c;d$(e)`f").unwrap();
    assert_eq!(url.quoted_path(), r"'/a'\''b'\!'c;d$(e)`f'");
}

#[test]
fn https_addresses_are_read() {
    for (text, user, port, shown) in [
        (
            "https://GitHub.com/acme/fleet.git",
            "",
            443,
            "https://github.com/acme/fleet.git",
        ),
        (
            "https://git.acme.example:8443/x",
            "",
            8443,
            "https://git.acme.example:8443/x",
        ),
        ("http://[::1]:3000/x", "", 3000, "http://[::1]:3000/x"),
        (
            "HTTPS://dev.azure.com/acme/p%20q/_git/x",
            "",
            443,
            "https://dev.azure.com/acme/p%20q/_git/x",
        ),
    ] {
        let url = RepoUrl::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (url.user(), url.port(), url.to_string().as_str()),
            (user, port, shown),
            "{text}"
        );
    }
    assert!(RepoUrl::parse("http://127.0.0.1/x").is_ok_and(|url| url.is_loopback()));
    assert!(RepoUrl::parse("http://127.0.0.1.acme.example/x").is_ok_and(|url| !url.is_loopback()));
}

#[test]
fn the_address_of_a_clone_is_shown_without_its_login() {
    for (url, shown) in [
        (
            "https://hunter2@git.acme.example/fleet.git",
            "https://git.acme.example/fleet.git",
        ),
        (
            "https://me:hunter2@git.acme.example/fleet.git",
            "https://git.acme.example/fleet.git",
        ),
        ("HTTP://me:hun@ter2@git.acme.example", "HTTP://git.acme.example"),
        (
            "ssh://git:hunter2@git.acme.example/a.git",
            "ssh://git@git.acme.example/a.git",
        ),
        (
            "ssh://git@git.acme.example/a@b.git",
            "ssh://git@git.acme.example/a@b.git",
        ),
        ("git@git.acme.example:a.git", "git@git.acme.example:a.git"),
        ("/srv/fleet.git", "/srv/fleet.git"),
    ] {
        assert_eq!(crate::git::without_password(url), shown);
    }
}

#[test]
fn a_password_whose_at_sign_was_forgotten_is_not_shown() {
    for (text, shown) in [
        (
            "https://jo:pa55word.git.acme.example/fleet.git",
            "https://jo:…/fleet.git",
        ),
        ("ssh://jo:pa55word/fleet.git", "ssh://jo:…/fleet.git"),
        ("https://[::1]:pa55word/fleet.git", "https://[::1]:…/fleet.git"),
        ("https://jo:pa55word", "https://jo:…"),
        (
            "https://git.acme.example:99999/fleet.git",
            "https://git.acme.example:99999/fleet.git",
        ),
        ("https://[::1/fleet.git", "https://[::1/fleet.git"),
    ] {
        let error = RepoUrl::parse(text).unwrap_err().to_string();
        assert!(
            error.contains(&format!("{shown:?}")) && !error.contains("pa55"),
            "{error}"
        );
    }
}
