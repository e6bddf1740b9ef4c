//! The loop about the deploy key, or about the login of an HTTPS address.

use super::keys;
use super::wiring::Wiring;
use crate::deploy_key::{
    AccessCheck, CredentialPage, KeyReport, LoginLoop, RotationLoop, SignerCheck, SigningKey, wake_when_rejected,
};
use crate::driver::{Loop, Tasks, Wake};
use crate::git::{self, DeployKey, Signing};
use crate::status::{KeyStatus, Snapshot};
use std::sync::Arc;

/// Spawns the loop. `key` is the key in use.
pub(super) fn spawn(wiring: &Wiring, this: Loop<KeyReport>, key: Arc<DeployKey>, tasks: &mut Tasks) {
    let server = keys::server(&wiring.config, Arc::clone(&key));
    let access = access_check(wiring, Arc::clone(&server));
    let signer = signer_check(wiring);
    let (automate, follow) = (Wake::from(&wiring.wakes.automation), Wake::from(&wiring.wakes.source));
    let changed = move || {
        follow.wake();
        automate.wake();
    };
    if !keys::has_deploy_key(&wiring.config) {
        let work = LoginLoop {
            access,
            signer,
            key,
            changed,
            shutdown: wiring.shutdown.clone(),
        };
        wiring.spawn_loop(this, work, tasks);
        return;
    }
    let work = RotationLoop {
        store: keys::store_at(&wiring.config, &wiring.home),
        repo: Arc::clone(&wiring.repo),
        in_use: key,
        readiness: keys::readiness(&wiring.config, server),
        access,
        signer,
        changed,
        reporter: wiring.reporter.clone(),
        shutdown: wiring.shutdown.clone(),
    };
    wiring.spawn_loop(this, work, tasks);
    let wake = Wake::from(&wiring.wakes.deploy_key);
    let rejections = wake_when_rejected(Arc::clone(&wiring.repo), move || wake.wake(), wiring.shutdown.clone());
    tasks.spawn("key rejections", rejections);
}

fn access_check(wiring: &Wiring, server: Arc<git::Server>) -> AccessCheck<git::Server> {
    let settings = &wiring.config.settings;
    let url = &settings.repo.url;
    let page = if keys::has_deploy_key(&wiring.config) {
        let page = url.key_page();
        CredentialPage::DeployKey {
            page: page.page.unwrap_or_else(|| url.to_string()),
            remedy: page.advice,
        }
    } else {
        CredentialPage::Login {
            remedy: match settings.repo.http.credentials {
                Some(_) => {
                    "give the user or token in repo.http write access to the repository, or put another one there"
                }
                None => "put a user name and password, or a token, that may write into repo.http",
            },
        }
    };
    let must_write = settings.automation.enabled;
    AccessCheck::new(server, url.to_string(), page, must_write, wiring.reporter.clone())
}

fn signer_check(wiring: &Wiring) -> Option<SignerCheck<DeployKey>> {
    let signing = match wiring.signing.clone()? {
        Signing::DeployKey => SigningKey::DeployKey,
        Signing::Key(key) => SigningKey::Own(key),
    };
    let signers = keys::signers(&wiring.config)?;
    Some(SignerCheck::new(signers, signing, wiring.reporter.clone()))
}

/// What the loop adds to the status.
pub(super) fn status(report: &KeyReport, snapshot: &mut Snapshot) {
    snapshot.key = KeyStatus {
        key: report.key.clone(),
        next: report.next.clone(),
        may_read: report.may_read,
        may_write: report.may_write,
    };
}
