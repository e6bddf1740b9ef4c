use super::carry_out::{Additions, generate};
use super::pending::Pending;
use super::reading::{BATCH, UnitKey, unreadable};
use crate::manifest::MAX_FILE_BYTES;
use crate::model::{Finding, RepoPath, Severity};
use crate::port::{ConfigRepo, RenderFailure, Rendering, RepoFailure, Unit};
use crate::telemetry::Metrics;
use futures::{StreamExt as _, stream};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The units that are rendered at the same time: as many programs in addition to the agent as a container with a small share of a node
/// carries.
const AT_ONCE: usize = 2;
/// The time that the renderings of one commit may take. The reading of a commit has 240 s. What is not rendered by then is
/// rendered at the next reading, which finds the rest in the cache.
const TIME: Duration = Duration::from_secs(150);
/// The most bytes of all files of a unit.
const MOST_BYTES: usize = 64 << 20;
/// The bytes of memory that an object takes besides its content: ids, paths, and what is allocated for them.
const OBJECT: usize = 500;

/// The renderings of the last commit that was read.
#[derive(Debug, Default)]
pub(super) struct Renderings(HashMap<UnitKey, Arc<Rendering>>);

/// What became of the units of a commit.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// The renderings, in the order of the units. A unit that was not rendered has a finding alone.
    pub(super) renderings: Vec<Arc<Rendering>>,
    /// Whether a failure may pass without a change of the unit's files.
    pub(super) may_pass: bool,
}

impl Renderings {
    /// Renders the units that changed. A failure leaves a finding with the unit's path. It is kept as a rendering is, unless it may
    /// pass by itself: such a unit is rendered again when a commit is read the next time. What the objects take together has
    /// `room` bytes of memory.
    pub(super) async fn render(
        &mut self,
        repo: &impl ConfigRepo,
        units: Vec<Pending>,
        room: usize,
        metrics: &Metrics,
    ) -> Result<Rendered, RepoFailure> {
        let end = Instant::now() + TIME;
        let key = |unit: &Pending| UnitKey::of(&version(unit), &unit.files);
        let keys: Vec<(UnitKey, RepoPath)> = units.iter().map(|unit| (key(unit), unit.path.clone())).collect();
        let unknown = units
            .into_iter()
            .zip(&keys)
            .filter(|(_, (key, _))| !self.0.contains_key(key));
        let unknown: Vec<(UnitKey, Pending)> = unknown.map(|(unit, (key, _))| (*key, unit)).collect();
        let mut failed = HashMap::new();
        let rendering = unknown
            .into_iter()
            .map(|(key, unit)| async move { (key, rendered(repo, unit, end).await) });
        let mut all = stream::iter(rendering).buffer_unordered(AT_ONCE);
        while let Some((key, outcome)) = all.next().await {
            metrics.rendered();
            match outcome? {
                Ok(rendering) => drop(self.0.insert(key, Arc::new(rendering))),
                Err((failure, finding)) => {
                    let rendering = Arc::new(Rendering {
                        objects: Vec::new(),
                        findings: vec![finding],
                    });
                    match failure.may_pass {
                        true => failed.insert(key, rendering),
                        false => self.0.insert(key, rendering),
                    };
                }
            }
        }
        drop(all);
        let current: HashSet<UnitKey> = keys.iter().map(|(key, _)| *key).collect();
        self.0.retain(|key, _| current.contains(key));
        let may_pass = !failed.is_empty();
        let rendering = |key: &UnitKey| self.0.get(key).or_else(|| failed.get(key)).cloned();
        let renderings = keys.iter().filter_map(|(key, path)| Some((path, rendering(key)?)));
        Ok(Rendered {
            renderings: within(room, renderings),
            may_pass,
        })
    }
}

/// The renderings, as far as their objects fit into memory.
fn within<'a>(
    mut room: usize,
    renderings: impl Iterator<Item = (&'a RepoPath, Arc<Rendering>)>,
) -> Vec<Arc<Rendering>> {
    let fitting = renderings.map(|(path, rendering)| {
        let weight: usize = rendering.objects.iter().map(|object| object.weight() + OBJECT).sum();
        if weight <= room {
            room -= weight;
            return rendering;
        }
        let message = "what the folders of the commit render takes too much memory; split the repository, name fewer folders in \
                       repo.paths, or raise the memory limit of the agent's container";
        Arc::new(Rendering {
            objects: Vec::new(),
            findings: vec![finding(path, message)],
        })
    });
    fitting.collect()
}

fn finding(path: &RepoPath, reason: &str) -> Finding {
    Finding {
        path: path.clone(),
        position: None,
        object: None,
        severity: Severity::Error,
        message: format!("not rendered: {reason}"),
    }
}

/// What a rendering depends on besides the unit's files.
fn version(unit: &Pending) -> String {
    let mut version = format!("{} of {}", unit.renderer.version(), unit.path);
    if let Some(additions) = &unit.additions {
        version += &additions.version();
    }
    if let Some(keys) = &unit.keys {
        version += &keys.to_string();
    }
    version
}

/// Puts what is added to a folder into its kustomization.
fn add(additions: &Additions, folder: &RepoPath, files: &mut Vec<(RepoPath, Vec<u8>)>) -> Result<(), String> {
    let path = folder
        .join(&additions.file)
        .and_then(Result::ok)
        .ok_or("its folder has an odd name")?;
    let own = files.iter_mut().find(|(known, _)| *known == path);
    let made = generate(additions, own.as_ref().map(|(_, bytes)| bytes.as_slice()))?;
    match own {
        Some((_, bytes)) => *bytes = made,
        None => files.push((path, made)),
    }
    files.sort();
    Ok(())
}

type Outcome = Result<Rendering, (RenderFailure, Finding)>;

async fn rendered(repo: &impl ConfigRepo, unit: Pending, end: Instant) -> Result<Outcome, RepoFailure> {
    let path = unit.path.clone();
    let outcome = match Instant::now() < end {
        true => attempt(repo, unit).await?,
        false => Err(RenderFailure {
            message: "the renderings of the commit took too long; it is rendered at the next reading".to_owned(),
            may_pass: true,
        }),
    };
    Ok(outcome.map_err(|failure| {
        let finding = finding(&path, &failure.message);
        (failure, finding)
    }))
}

async fn attempt(repo: &impl ConfigRepo, unit: Pending) -> Result<Result<Rendering, RenderFailure>, RepoFailure> {
    let Pending {
        kind,
        path,
        files,
        renderer,
        additions,
        keys,
    } = unit;
    let mut read = Vec::new();
    let mut bytes = 0;
    for batch in files.chunks(BATCH) {
        let blobs = batch.iter().map(|file| file.blob).collect();
        let contents = repo.blobs(blobs, MAX_FILE_BYTES).await?;
        if contents.len() != batch.len() {
            return Err(unreadable(
                &path,
                "the repository gave another number of files than was asked for",
            ));
        }
        for (file, content) in batch.iter().zip(contents) {
            let Some(content) = content else {
                let limit = MAX_FILE_BYTES >> 20;
                return Ok(Err(unchanging(format!(
                    "{} is larger than {limit} MiB; split it",
                    file.path
                ))));
            };
            bytes += content.len();
            read.push((file.path.clone(), content));
        }
        if bytes > MOST_BYTES {
            let limit = MOST_BYTES >> 20;
            return Ok(Err(unchanging(format!(
                "its files have more than {limit} MiB; split the folder"
            ))));
        }
    }
    if let Some(additions) = additions
        && let Err(reason) = add(&additions, &path, &mut read)
    {
        return Ok(Err(unchanging(reason)));
    }
    let unit = Unit {
        kind,
        path,
        files: read,
        keys,
    };
    Ok(renderer.render(unit).await)
}

fn unchanging(message: String) -> RenderFailure {
    RenderFailure {
        message,
        may_pass: false,
    }
}
