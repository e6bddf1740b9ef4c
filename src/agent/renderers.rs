//! The programs that make objects of folders and encrypted files, as far as they are there.

use super::AgentConfig;
use super::home::Home;
use crate::cluster::SecretStore;
use crate::port::{HomeSecrets as _, Renderer, SecretName};
use crate::program;
use crate::render::{FindError, Kustomize, Sops};
use std::sync::Arc;

const KUSTOMIZE: &str = "folders with a kustomization";
const SOPS: &str = "files that are encrypted with SOPS";

/// The renderers, with keys from the cluster of `home`. A program that is missing is no error: the folders and files that need it
/// are then reported.
pub(super) async fn renderers(config: &AgentConfig, home: Option<&Home>) -> Vec<Arc<dyn Renderer>> {
    let mut renderers: Vec<Arc<dyn Renderer>> = Vec::new();
    let path = config.settings.render.kustomize.as_deref();
    let (sops, kustomize) = tokio::join!(sops(config, home), Kustomize::find(path));
    if let Some(sops) = &sops {
        renderers.push(Arc::<Sops<SecretStore>>::clone(sops));
    }
    match kustomize {
        Ok(kustomize) => {
            found(KUSTOMIZE, kustomize.path(), kustomize.version());
            renderers.push(match sops {
                Some(sops) => Arc::new(kustomize.decrypting(sops, &config.settings.render.sops.memory)),
                None => Arc::new(kustomize),
            });
        }
        Err(error) => missing(KUSTOMIZE, matches!(error, FindError::Missing { .. }), &error),
    }
    renderers
}

async fn sops(config: &AgentConfig, home: Option<&Home>) -> Option<Arc<Sops<SecretStore>>> {
    let settings = &config.settings.render.sops;
    let secrets = home.map(Home::secrets).map(Arc::new);
    let secrets = secrets.map(|secrets| {
        let namespace = secrets.namespace().to_owned();
        let name = settings.secret.clone().map(|name| SecretName { namespace, name });
        (secrets, name)
    });
    match Sops::find(settings.program.as_deref(), secrets, &settings.memory).await {
        Ok(sops) => {
            if let Err(error) = program::forbid_core_dumps() {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "core dumps cannot be switched off"
                );
            }
            found(SOPS, sops.path(), sops.version());
            Some(Arc::new(sops))
        }
        Err(error) => {
            missing(SOPS, matches!(error, FindError::Missing { .. }), &error);
            None
        }
    }
}

fn found(what: &str, path: &std::path::Path, version: &str) {
    tracing::info!(path = %path.display(), %version, "{what} are rendered");
}

fn missing(what: &str, is_usual: bool, error: &(dyn std::error::Error + 'static)) {
    match is_usual {
        true => tracing::info!(reason = %error, "{what} are not rendered"),
        false => tracing::warn!(error, "{what} are not rendered"),
    }
}
