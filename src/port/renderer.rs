use super::cluster::SecretName;
use crate::model::{Finding, RepoPath};
use crate::resource::Object;
use futures::future::BoxFuture;
use std::sync::Arc;

/// What a part of the config repo is made of, as its file names show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// A manifest that is encrypted with SOPS, as its content says.
    Encrypted,
    /// A folder with a kustomization file.
    Kustomization,
    /// A folder with a `Chart.yaml`.
    Chart,
}

/// A part of the config repo that becomes objects as a whole.
#[derive(Debug, Clone)]
pub struct Unit {
    /// What the unit is made of.
    pub kind: UnitKind,
    /// The unit's folder, or its file.
    pub path: RepoPath,
    /// The unit's files with their contents, ordered by path. Those of a kustomization may lie outside of its folder.
    pub files: Vec<(RepoPath, Vec<u8>)>,
    /// The Secret with the keys of its encrypted files; `None`: the one of the configuration.
    pub keys: Option<SecretName>,
}

/// The objects of a unit.
#[derive(Debug, Clone, Default)]
pub struct Rendering {
    /// The objects. Their origin names the unit's path.
    pub objects: Vec<Arc<Object>>,
    /// What could not be used. A finding of severity `Error` makes the targets that cover its path incomplete.
    pub findings: Vec<Finding>,
}

/// A unit could not be rendered. The message says why and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RenderFailure {
    /// What failed, where and what to do.
    pub message: String,
    /// Whether the failure may pass without a change of the unit: time ran out, or a program was killed.
    pub may_pass: bool,
}

/// Makes objects from units that are not plain manifests.
///
/// `source` caches a rendering under the unit's files and [`Renderer::version`]. A failure leaves the targets that cover the unit
/// incomplete; it is cached unless it may pass by itself. A renderer keeps deadlines and limits of its own.
pub trait Renderer: Send + Sync + 'static {
    /// The renderer's name and version. Another version renders every unit anew.
    fn version(&self) -> &str;

    /// Whether the renderer takes units of this kind.
    fn takes(&self, kind: UnitKind) -> bool;

    /// Renders a unit.
    fn render(&self, unit: Unit) -> BoxFuture<'_, Result<Rendering, RenderFailure>>;
}
