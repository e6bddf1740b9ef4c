//! The programs that make objects of folders, as far as they are there.

use super::AgentConfig;
use crate::port::Renderer;
use crate::render::{Kustomize, KustomizeError};
use std::sync::Arc;

/// The renderers. A program that is missing is no error: the folders that need it are then reported.
pub(super) async fn renderers(config: &AgentConfig) -> Vec<Arc<dyn Renderer>> {
    let path = config.settings.render.kustomize.as_deref();
    match Kustomize::find(path).await {
        Ok(kustomize) => {
            let (path, version) = (kustomize.path().display().to_string(), kustomize.version().to_owned());
            tracing::info!(%path, %version, "folders with a kustomization are rendered");
            vec![Arc::new(kustomize)]
        }
        Err(error @ KustomizeError::Missing) => {
            tracing::info!(reason = %error, "folders with a kustomization are not rendered");
            Vec::new()
        }
        Err(error) => {
            let reason = &error as &dyn std::error::Error;
            tracing::warn!(error = reason, "folders with a kustomization are not rendered");
            Vec::new()
        }
    }
}
