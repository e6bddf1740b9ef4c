//! Host certificates and known_hosts files, on a real sshd.

use super::scene::{Scene, failure};
use tidegate::git::{HostKeys, Repo};
use tidegate::port::{ConfigRepo, RepoProblem};
use tidegate_stack::git::SshKey;

#[tokio::test]
async fn a_host_certificate_is_trusted_by_its_authority_names_and_validity() {
    let scene = Scene::start();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let authority = SshKey::generate(&scene.folder.path().join(kind), kind).unwrap();
        let known = format!("@cert-authority [127.0.0.1]:* {}\n", authority.public);
        for (options, says) in [
            (&["-n", "127.0.0.1,git.acme.example"][..], None),
            (&["-n", "127.0.0.*"], None),
            (&["-n", "git.acme.example"], Some("it is for other host names")),
            (&["-n", "127.0.0.1", "-V", "20200101:20200102"], Some("it has expired")),
        ] {
            scene.server.certify(&authority, options).unwrap();
            let fetched = Repo::open(scene.ssh(scene.bare.url(), &known)).unwrap().fetch().await;
            match says {
                None => drop(fetched.unwrap_or_else(|failure| panic!("{kind} {options:?}: {failure}"))),
                Some(says) => {
                    let refused = failure(fetched);
                    assert_eq!(refused.problem, RepoProblem::ChangedHostKey, "{kind} {options:?}");
                    assert!(
                        refused.message.contains(says),
                        "{kind} {options:?}: {}",
                        refused.message
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn another_authority_is_unknown_and_a_revoked_one_is_reported() {
    let scene = Scene::start();
    let [ours, other] =
        ["ours", "other"].map(|name| SshKey::generate(&scene.folder.path().join(name), "ed25519").unwrap());
    scene.server.certify(&ours, &["-n", "127.0.0.1"]).unwrap();
    let known = format!("@cert-authority * {}\n", other.public);
    let unknown = failure(Repo::open(scene.ssh(scene.bare.url(), &known)).unwrap().fetch().await);
    assert_eq!(unknown.problem, RepoProblem::UnknownHostKey, "{}", unknown.message);
    let known = format!("@cert-authority * {0}\n@revoked * {0}\n", ours.public);
    let revoked = failure(Repo::open(scene.ssh(scene.bare.url(), &known)).unwrap().fetch().await);
    assert!(revoked.message.contains("is revoked by line 2"), "{}", revoked.message);
    let keys = scene.server.known_hosts_lines().join("\n");
    Repo::open(scene.ssh(scene.bare.url(), &keys))
        .unwrap()
        .fetch()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_changed_file_is_read_without_a_restart() {
    let scene = Scene::start();
    let mut settings = scene.ssh(scene.bare.url(), "");
    let path = scene.file("known_hosts", &scene.server.known_hosts_lines().join("\n"));
    settings.host_keys = HostKeys::File(path);
    let repo = Repo::open(settings).unwrap();
    repo.fetch().await.unwrap();
    scene.server.swap_host_keys().unwrap();
    assert_eq!(failure(repo.fetch().await).problem, RepoProblem::ChangedHostKey);
    scene.file("known_hosts", &scene.server.known_hosts_lines().join("\n"));
    repo.fetch().await.unwrap();
}
