use crate::git::KnownHosts;
use crate::git::transport::ssh::connect::safe_algorithms;
use crate::git::trust::known_hosts::Verdict;
use russh::keys::key::safe_rng;
use ssh_key::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};

const ECDSA: Algorithm = Algorithm::Ecdsa {
    curve: EcdsaCurve::NistP256,
};

fn key(kind: Algorithm) -> PublicKey {
    let mut public = PrivateKey::random(&mut safe_rng(), kind).unwrap().public_key().clone();
    public.set_comment("");
    public
}

fn line(hosts: &str, key: &PublicKey) -> String {
    format!("{hosts} {}", key.to_openssh().unwrap())
}

fn verdict(text: &str, host: &str, port: u16, key: &PublicKey) -> Verdict {
    KnownHosts::parse(text).unwrap().judge_key(host, port, key.key_data())
}

#[test]
fn several_keys_and_names_for_a_host_are_all_trusted() {
    let (one, two, other) = (key(Algorithm::Ed25519), key(ECDSA), key(Algorithm::Ed25519));
    let text = format!(
        "# ours\n\n{}\n{} a comment\n",
        line("git.acme.example,10.0.0.7", &one),
        line("git.acme.example", &two)
    );
    assert_eq!(verdict(&text, "git.acme.example", 22, &one), Verdict::Trusted);
    assert_eq!(verdict(&text, "git.acme.example", 22, &two), Verdict::Trusted);
    assert_eq!(verdict(&text, "10.0.0.7", 22, &one), Verdict::Trusted);
    assert_eq!(verdict(&text, "10.0.0.8", 22, &one), Verdict::Unknown);
    let Verdict::Changed { known } = verdict(&text, "git.acme.example", 22, &other) else {
        panic!("another key")
    };
    assert_eq!(known.len(), 2);
    assert!(known[0].contains("(line 3)"), "{}", known[0]);
}

#[test]
fn a_port_of_its_own_has_a_line_of_its_own_or_the_hosts() {
    let (plain, special) = (key(Algorithm::Ed25519), key(Algorithm::Ed25519));
    let text = format!("{}\n{}\n", line("host", &plain), line("[host]:2222", &special));
    assert_eq!(verdict(&text, "host", 2222, &special), Verdict::Trusted);
    assert!(matches!(verdict(&text, "host", 2222, &plain), Verdict::Changed { .. }));
    assert!(matches!(verdict(&text, "host", 22, &special), Verdict::Changed { .. }));
    assert_eq!(verdict(&text, "host", 2200, &plain), Verdict::Trusted);
}

#[test]
fn patterns_and_negations_are_openssh_s() {
    let one = key(Algorithm::Ed25519);
    let text = line("*.acme.example,!bad.acme.example,h?st", &one);
    for (host, expected) in [
        ("git.acme.example", true),
        ("bad.acme.example", false),
        ("host", true),
        ("hoost", false),
    ] {
        assert_eq!(verdict(&text, host, 22, &one) == Verdict::Trusted, expected, "{host}");
    }
}

#[test]
fn a_revoked_key_is_never_trusted() {
    let one = key(Algorithm::Ed25519);
    let text = format!("{}\n@revoked {}\n", line("host", &one), line("*", &one));
    assert_eq!(verdict(&text, "host", 22, &one), Verdict::Revoked { line: 2 });
}

#[test]
fn names_hashed_by_ssh_keygen_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    let (one, two) = (key(Algorithm::Ed25519), key(ECDSA));
    std::fs::write(
        &path,
        format!("{}\n{}\n", line("github.com", &one), line("[10.0.0.7]:2222", &two)),
    )
    .unwrap();
    let hashed = std::process::Command::new("ssh-keygen")
        .args(["-H", "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(hashed.status.success());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("|1|") && !text.contains("github.com"), "{text}");
    assert_eq!(verdict(&text, "github.com", 22, &one), Verdict::Trusted);
    assert_eq!(verdict(&text, "10.0.0.7", 2222, &two), Verdict::Trusted);
    assert_eq!(verdict(&text, "gitlab.com", 22, &one), Verdict::Unknown);
}

#[test]
fn the_known_key_types_of_a_host_are_offered_first() {
    let known = KnownHosts::parse(&line("host", &key(ECDSA))).unwrap();
    let offered = known.algorithms("host", 22, safe_algorithms());
    assert_eq!(offered.first(), Some(&ECDSA));
    assert!(offered.contains(&Algorithm::Ed25519));
    let unknown = known.algorithms("other", 22, safe_algorithms());
    assert_eq!(unknown.first(), Some(&Algorithm::Ed25519));
    assert!(
        !offered.contains(&Algorithm::Rsa { hash: None }),
        "SHA-1 signatures are never asked for"
    );
}

#[test]
fn an_invalid_line_is_named() {
    let good = line("host", &key(Algorithm::Ed25519));
    for bad in [
        "host ssh-ed25519",
        "host ssh-ed25519 AAAA",
        "|1|x host ssh-ed25519 AAAA",
        "@other host ssh-rsa AAAA",
        "@revoked",
        "@revoked # nothing",
        &good.replacen(' ', "\u{c}", 1),
        &good.replacen(' ', "\u{a0}", 1),
    ] {
        let error = KnownHosts::parse(&format!("{good}\n{bad}\n")).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of known_hosts"), "{error}");
    }
}
