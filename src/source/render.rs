use super::reading::{UnitKey, unreadable};
use crate::manifest::MAX_FILE_BYTES;
use crate::model::{Finding, RepoPath, Severity};
use crate::port::{ConfigRepo, Renderer, Rendering, RepoFailure, TreeFile, Unit, UnitKind};
use std::collections::HashMap;
use std::sync::Arc;

/// A unit of a tree listing that a renderer takes.
pub(super) struct Pending {
    pub(super) kind: UnitKind,
    pub(super) path: RepoPath,
    pub(super) files: Vec<TreeFile>,
    pub(super) renderer: Arc<dyn Renderer>,
}

/// The renderings of the last commit that was read.
#[derive(Debug, Default)]
pub(super) struct Renderings(HashMap<UnitKey, Arc<Rendering>>);

impl Renderings {
    /// Renders the units that changed. A failure leaves a finding with the unit's path, and the unit is rendered again when
    /// a commit is read the next time.
    pub(super) async fn render(
        &mut self,
        repo: &impl ConfigRepo,
        units: Vec<Pending>,
    ) -> Result<Vec<Arc<Rendering>>, RepoFailure> {
        let mut current = HashMap::new();
        let mut renderings = Vec::new();
        for unit in units {
            let key = UnitKey::of(unit.renderer.version(), &unit.files);
            if let Some(rendering) = self.0.get(&key) {
                current.insert(key, Arc::clone(rendering));
                renderings.push(Arc::clone(rendering));
                continue;
            }
            match rendered(repo, unit).await? {
                Ok(rendering) => {
                    let rendering = Arc::new(rendering);
                    current.insert(key, Arc::clone(&rendering));
                    renderings.push(rendering);
                }
                Err(finding) => renderings.push(Arc::new(Rendering {
                    objects: Vec::new(),
                    findings: vec![finding],
                })),
            }
        }
        self.0 = current;
        Ok(renderings)
    }
}

async fn rendered(repo: &impl ConfigRepo, unit: Pending) -> Result<Result<Rendering, Finding>, RepoFailure> {
    let Pending {
        kind,
        path,
        files,
        renderer,
    } = unit;
    let failed = |path: RepoPath, reason: String| Finding {
        path,
        position: None,
        object: None,
        severity: Severity::Error,
        message: format!("not rendered: {reason}"),
    };
    let blobs = files.iter().map(|file| file.blob).collect();
    let contents = repo.blobs(blobs, MAX_FILE_BYTES).await?;
    if contents.len() != files.len() {
        return Err(unreadable(
            &path,
            "the repository gave another number of files than was asked for",
        ));
    }
    let mut read = Vec::new();
    for (file, content) in files.into_iter().zip(contents) {
        match content {
            Some(bytes) => read.push((file.path, bytes)),
            None => {
                let limit = MAX_FILE_BYTES >> 20;
                let reason = format!("{} is larger than {limit} MiB; split it", file.path);
                return Ok(Err(failed(path, reason)));
            }
        }
    }
    let unit = Unit {
        kind,
        path: path.clone(),
        files: read,
    };
    let rendering = renderer.render(unit).await;
    Ok(rendering.map_err(|failure| failed(path, failure.message)))
}
