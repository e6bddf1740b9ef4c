use super::assign::{Read, TargetPaths, assign};
use super::carry_out::{CarriedOut, CarryOut, Scene};
use super::discover::{Folders, Units, discover};
use super::flux_v1;
use super::incremental::{Changed, Snapshot};
use super::named::Named;
use super::pending::{Plan, Renderers};
use super::reading::{BATCH, FileReading, Purpose, Readings, UnitKey, read_all, unreadable};
use super::render::{Rendered, Renderings};
use super::substitute::Substitute;
use super::substitution::{Fingerprint, Substitution};
use super::unread;
use crate::driver::blocking;
use crate::manifest::MAX_FILE_BYTES;
use crate::model::{CommitId, ConfigBranch, RepoPath};
use crate::plan::FluxSources;
use crate::port::{ConfigRepo, DeclaredState, FileChange, InputObjects, Renderer, Rendering, RepoFailure, TreeFile};
use crate::resource::Object;
use crate::telemetry::Metrics;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Reads commits, and keeps what the last commit is made of.
pub struct Reader {
    targets: Vec<TargetPaths>,
    renderers: Renderers,
    pub(super) files: HashMap<UnitKey, Arc<FileReading>>,
    renderings: Renderings,
    /// What the kustomizations of the last commit name.
    named: Named,
    /// The paths outside of the targets' that kustomizations name.
    outside: Vec<RepoPath>,
    pub(super) latest: Option<Snapshot>,
    /// Whether the latest commit has a unit whose rendering failed and may succeed at another reading.
    may_pass: bool,
    folders: Folders,
    metrics: Metrics,
    pub(super) parse: Parse,
    /// The bytes of memory that the readings of one commit may take.
    room: usize,
    /// The bytes that `files` takes.
    weight: usize,
    /// The branch that is read, if it is known.
    own: Option<Arc<ConfigBranch>>,
    pub(super) substitution: Substitution,
    /// The variables of the substitution at the latest reading.
    variables: Fingerprint,
    /// The cluster that variables are read from.
    inputs: Option<Arc<dyn InputObjects>>,
    /// Carries out the Kustomizations of Flux v2, if that is asked for.
    carry_out: Option<CarryOut>,
    /// Whether the variables may be others than at the latest reading.
    inputs_changed: bool,
}

/// Parses files from their contents. Tests put in one that fails.
pub(super) type Parse = fn(Vec<(UnitKey, TreeFile)>, Vec<Option<Vec<u8>>>, Purpose, usize) -> Readings;

/// The bytes of memory that the readings of one commit may take: those of 60,000 Deployments or 150,000 ConfigMaps, in a container of 512 MiB that also
/// holds the commit before and parses a file. Commits that use all of it were measured at 380 MiB.
const ROOM: usize = 160 << 20;

/// The changed files that are worth a reading of the changes alone.
const MOST_CHANGES: usize = 256;

/// The bytes of a small file. An ordinary manifest has some kilobytes.
const SMALL: usize = 64 << 10;

/// The large files that are held in memory at once: 4 of at most 4 MiB.
const LARGE_BATCH: usize = 4;

impl Reader {
    /// A reader of what these targets apply. The first renderer that takes a kind of unit gets the units of that kind.
    pub fn new(targets: Vec<TargetPaths>, renderers: Vec<Arc<dyn Renderer>>, metrics: Metrics) -> Self {
        Self {
            targets,
            renderers: Renderers(renderers),
            files: HashMap::new(),
            renderings: Renderings::default(),
            named: Named::default(),
            outside: Vec::new(),
            latest: None,
            may_pass: false,
            folders: Folders::default(),
            metrics,
            parse: read_all,
            room: ROOM,
            weight: 0,
            own: None,
            substitution: Substitution::default(),
            variables: None,
            inputs: None,
            carry_out: None,
            inputs_changed: false,
        }
    }

    /// The reader with this many bytes of memory for the readings of one commit.
    #[must_use]
    pub fn with_room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    /// The reader of this branch. Objects of Flux that follow another repository or branch are none of its business.
    #[must_use]
    pub fn of_branch(self, own: ConfigBranch) -> Self {
        Self {
            own: Some(Arc::new(own)),
            ..self
        }
    }

    /// The reader that replaces variables in objects. `inputs`: the cluster that has the variables, if there is one.
    #[must_use]
    pub fn substituting(self, settings: Substitute, inputs: Option<Arc<dyn InputObjects>>) -> Self {
        Self {
            substitution: Substitution::new(settings, inputs.clone()),
            inputs,
            ..self
        }
    }

    /// The reader that carries out the Kustomizations of Flux v2. `inputs`: the cluster that has their variables, if there is one.
    #[must_use]
    pub fn carrying_out(self, inputs: Option<Arc<dyn InputObjects>>) -> Self {
        Self {
            carry_out: Some(CarryOut::new(inputs.clone())),
            inputs,
            ..self
        }
    }

    /// What changes when one of the objects that variables come from changes; `None` without a cluster.
    pub(super) fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.inputs.as_ref()?.changes())
    }

    /// What a commit declares.
    ///
    /// # Errors
    /// The repository could not be read, or not as a whole. Files that are wrong are findings and no errors.
    pub async fn read(&mut self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Arc<DeclaredState>, RepoFailure> {
        if let Some(latest) = self.latest(commit).filter(|_| !self.inputs_changed) {
            return Ok(latest);
        }
        let may_differ = self.inputs_changed && self.carry_out.is_some();
        self.inputs_changed = false;
        let variables = self.substitution.read().await;
        if may_differ || self.variables != variables || self.substitution.may_pass() {
            self.latest = None;
        }
        self.variables = variables;
        if let Some(latest) = self.latest(commit) {
            return Ok(latest);
        }
        let snapshot = match self.read_changes(repo, commit).await? {
            Some(snapshot) => snapshot,
            None => self.read_all(repo, commit).await?,
        };
        tracing::debug!(%commit, files = snapshot.parsed, "read");
        Ok(Arc::clone(&self.latest.insert(snapshot).state))
    }

    fn latest(&self, commit: CommitId) -> Option<Arc<DeclaredState>> {
        let latest = self.latest.as_ref().filter(|latest| latest.state.commit == commit);
        latest.map(|latest| Arc::clone(&latest.state))
    }

    /// Has the variables read again when the latest commit is asked for the next time.
    pub(super) fn inputs_changed(&mut self) {
        self.inputs_changed = true;
    }

    /// Has the latest commit read again when it is asked for the next time, if a rendering failed that may succeed then. Returns
    /// whether there is one.
    pub(super) fn try_again(&mut self) -> bool {
        if self.may_pass {
            self.latest = None;
        }
        self.may_pass
    }

    async fn read_all(&mut self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Snapshot, RepoFailure> {
        let paths = self.paths();
        let mut listing = repo.files(commit, flux_v1::with_configs(&paths)).await?;
        let flux = flux_v1::read(repo, &mut listing, &paths).await?;
        let mut units = discover(&listing.files, |file| &file.path, &paths);
        units.leave_out(flux.left_out, |file| &file.path);
        let listed = (&listing, &*paths);
        let Plan {
            mut pending,
            findings,
            folders,
            outside,
        } = self
            .renderers
            .plan(repo, commit, &mut units, listed, &mut self.named)
            .await?;
        let mut not_read = units.not_rendered(|kind| self.renderers.of(kind).is_some());
        not_read.extend(findings);
        self.keep_only(&units);
        let (manifests, parsed) = self.load(repo, &units.manifests, Purpose::Objects).await?;
        let mut manifests = without_keys(manifests);
        let plain = manifests.clone();
        pending.extend(self.renderers.take_encrypted(&mut manifests));
        let room = self.room.saturating_sub(self.weight);
        let Rendered { renderings, may_pass } = self.renderings.render(repo, pending, room, &self.metrics).await?;
        self.may_pass = may_pass || self.substitution.may_pass();
        self.outside = outside;
        let declared = objects(&manifests, &renderings);
        let carried = self.carry_out(repo, commit, declared.clone(), room).await?;
        let files = carried.iter().flat_map(|carried| carried.plain.values().cloned());
        let files: Vec<TreeFile> = files.filter(|file| !listing.files.contains(file)).collect();
        let (carried_files, parsed_carried) = self.load(repo, &files, Purpose::Objects).await?;
        let carried_files = without_keys(carried_files);
        if let Some(carried) = &carried {
            let overlays = carried.overlays.values().filter(|file| !listing.files.contains(file));
            units.add_images_only(overlays.cloned().collect(), |file| &file.path);
            units.images_only.dedup();
        }
        let (images_only, parsed_too) = self.load(repo, &units.images_only, Purpose::Images).await?;
        let images_only = without_keys(images_only);
        let all = plain.iter().chain(&images_only).chain(&carried_files);
        let blobs = all.map(|(file, _)| (file.path.clone(), file.blob)).collect();
        self.folders = units.into_folders();
        not_read.extend(flux.findings);
        not_read.extend(unread::findings(&listing.unread, &self.folders));
        let made = self.substitution.make(declared).await;
        made.map_err(|error| {
            unreadable(
                &RepoPath::default(),
                &format!("its variables were not replaced: {error}"),
            )
        })?;
        let variables = both(
            self.substitution.fingerprint(),
            carried.as_ref().and_then(|carried| carried.variables),
        );
        let read = Read {
            commit,
            files: &listing.files,
            folders: &self.folders,
            manifests: &manifests,
            images_only: &images_only,
            renderings: &renderings,
            units: folders.into(),
            not_read,
            own: self.own.clone(),
            substitution: &self.substitution,
            carried: carried.as_ref(),
            carried_files: &carried_files,
        };
        Ok(Snapshot::of(
            commit,
            assign(&self.targets, read),
            blobs,
            variables,
            parsed + parsed_too + parsed_carried,
        ))
    }

    /// Carries out the Kustomizations of Flux v2 among what was read. `None` if that is not asked for.
    async fn carry_out(
        &mut self,
        repo: &impl ConfigRepo,
        commit: CommitId,
        declared: Vec<Arc<Object>>,
        room: usize,
    ) -> Result<Option<CarriedOut>, RepoFailure> {
        let Some(carry_out) = &mut self.carry_out else {
            if let Some(inputs) = &self.inputs {
                inputs.follow(&self.substitution.sources());
            }
            return Ok(None);
        };
        let mut sources = FluxSources::new(self.own.as_deref());
        declared.iter().for_each(|object| sources.add_object(object));
        let scene = Scene {
            repo,
            commit,
            renderers: &self.renderers,
            sources: &sources,
            room,
            metrics: &self.metrics,
        };
        let carried = carry_out.run(&scene, declared).await?;
        self.may_pass |= carried.may_pass;
        self.outside.extend(carried.outside.iter().cloned());
        if let Some(inputs) = &self.inputs {
            let own = self.substitution.sources();
            inputs.follow(&own.union(&carried.sources).cloned().collect());
        }
        Ok(Some(carried))
    }

    /// Reads a commit by the difference to the latest commit that was read, and reads only the files that differ. A push that
    /// races other pushes has no time to read twenty thousand files. `None` if the difference affects other files too.
    async fn read_changes(
        &mut self,
        repo: &impl ConfigRepo,
        commit: CommitId,
    ) -> Result<Option<Snapshot>, RepoFailure> {
        let Some(latest) = self.latest.clone() else {
            return Ok(None);
        };
        // A commit that is no longer in the mirror is not worth an error: all files are read then.
        let Ok(Some(changes)) = repo.changes(latest.state.commit, commit).await else {
            return Ok(None);
        };
        let is_named = |path: &RepoPath| self.outside.iter().any(|named| path.is_within(named));
        if changes
            .iter()
            .any(|change| flux_v1::is_config(&change.path) || is_named(&change.path))
        {
            return Ok(None);
        }
        let covered = |change: &FileChange| self.targets.iter().any(|target| target.covers(&change.path));
        let changes: Vec<FileChange> = changes.into_iter().filter(covered).collect();
        let complete = latest.state.targets.values().all(|target| target.complete);
        let is_local = |change: &FileChange| {
            let (is_new, is_gone) = (change.before.is_none(), change.after.is_none());
            let stays = !is_gone && (complete || !is_new);
            stays && !Folders::is_made_by(&change.path) && self.folders.are_clear_of(&change.path)
        };
        if changes.len() > MOST_CHANGES || !changes.iter().all(is_local) {
            return Ok(None);
        }
        let manifests: Vec<TreeFile> = changes
            .into_iter()
            .filter(|change| self.folders.has_manifest(&change.path))
            .filter_map(|change| {
                Some(TreeFile {
                    path: change.path,
                    blob: change.after?,
                })
            })
            .collect();
        let (read, parsed) = self.load(repo, &manifests, Purpose::Objects).await?;
        let mut changed = Vec::new();
        let mut replaced = Vec::new();
        for (key, file, after) in read {
            let old = latest.state.blobs.get(&file.path).map(|blob| TreeFile {
                path: file.path.clone(),
                blob: *blob,
            });
            let old = old.map(|old| UnitKey::of(Purpose::Objects.version(), [&old]));
            let before = old.and_then(|old| self.files.get(&old)).map(Arc::clone);
            replaced.extend(old.filter(|old| *old != key));
            changed.push(Changed { file, before, after });
        }
        let Some(snapshot) = latest.patched(&self.targets, commit, &changed, &self.substitution, parsed) else {
            return Ok(None);
        };
        for key in replaced {
            let old = self.files.remove(&key);
            self.weight -= old.map_or(0, |old| old.weight);
        }
        Ok(Some(snapshot))
    }

    /// The readings of files, and how many files were parsed for them.
    async fn load(
        &mut self,
        repo: &impl ConfigRepo,
        files: &[TreeFile],
        purpose: Purpose,
    ) -> Result<(Vec<Loaded>, usize), RepoFailure> {
        let keyed: Vec<(UnitKey, TreeFile)> = files
            .iter()
            .map(|file| (UnitKey::of(purpose.version(), [file]), file.clone()))
            .collect();
        let is_unknown = |(key, _): &&(UnitKey, TreeFile)| !self.files.contains_key(key);
        let unknown: Vec<(UnitKey, TreeFile)> = keyed.iter().filter(is_unknown).cloned().collect();
        let (mut parsed, mut large, mut without_room) = (0, Vec::new(), HashMap::new());
        // Small files come first, so that large ones do not take their room.
        for batch in unknown.chunks(BATCH) {
            let contents = contents(repo, batch, SMALL).await?;
            let (small, others): (Vec<_>, Vec<_>) = contents.into_iter().partition(|(_, bytes)| bytes.is_some());
            large.extend(others.into_iter().map(|(file, _)| file));
            parsed += self.parse_batch(small, purpose, &mut without_room).await?;
        }
        for batch in large.chunks(LARGE_BATCH) {
            let contents = contents(repo, batch, MAX_FILE_BYTES).await?;
            parsed += self.parse_batch(contents, purpose, &mut without_room).await?;
        }
        let reading = |key: &UnitKey| self.files.get(key).or_else(|| without_room.get(key));
        let loaded = keyed.into_iter().map(|(key, file)| match reading(&key) {
            Some(reading) => Ok((key, file, Arc::clone(reading))),
            None => Err(unreadable(&file.path, "its content was not given")),
        });
        Ok((loaded.collect::<Result<_, _>>()?, parsed))
    }

    /// Parses files and keeps their readings, as far as there is room. Returns how many were parsed.
    async fn parse_batch(
        &mut self,
        files: Vec<(Keyed, Option<Vec<u8>>)>,
        purpose: Purpose,
        without_room: &mut HashMap<UnitKey, Arc<FileReading>>,
    ) -> Result<usize, RepoFailure> {
        let Some(first) = files.first().map(|((_, file), _)| file.path.clone()) else {
            return Ok(0);
        };
        // Once a file had no room, none is parsed for nothing.
        let room = match without_room.is_empty() {
            true => self.room.saturating_sub(self.weight),
            false => 0,
        };
        let (files, contents) = files.into_iter().unzip();
        let parse = self.parse;
        let read = blocking(move || parse(files, contents, purpose, room)).await;
        let readings =
            read.map_err(|error| unreadable(&first, &format!("the task that read it and other files ended: {error}")))?;
        for (key, reading) in readings.read {
            self.weight += reading.weight;
            let same = self.files.insert(key, reading);
            self.weight -= same.map_or(0, |same| same.weight);
        }
        without_room.extend(readings.without_room);
        self.metrics.files_parsed(readings.parsed);
        Ok(readings.parsed)
    }

    /// Forgets the readings of files that the commit does not have.
    fn keep_only(&mut self, units: &Units<TreeFile>) {
        let objects = units.manifests.iter().map(|file| (Purpose::Objects, file));
        let images = units.images_only.iter().map(|file| (Purpose::Images, file));
        let keys = objects.chain(images);
        let current: HashSet<UnitKey> = keys
            .map(|(purpose, file)| UnitKey::of(purpose.version(), [file]))
            .collect();
        self.files.retain(|key, _| current.contains(key));
        self.weight = self.files.values().map(|reading| reading.weight).sum();
    }

    /// The paths of all targets; all of the config repo, if empty.
    fn paths(&self) -> Vec<RepoPath> {
        if self.targets.iter().any(|target| target.paths.is_empty()) {
            return Vec::new();
        }
        let paths = self.targets.iter().flat_map(|target| &target.paths);
        paths.cloned().collect()
    }
}

/// The objects that files declare, and those that are rendered.
fn objects(manifests: &[(TreeFile, Arc<FileReading>)], renderings: &[Arc<Rendering>]) -> Vec<Arc<Object>> {
    let documents = manifests.iter().flat_map(|(_, reading)| &reading.documents);
    let plain = documents.map(|document| &document.object);
    let rendered = renderings.iter().flat_map(|rendering| &rendering.objects);
    plain.chain(rendered).cloned().collect()
}

/// Stands for the variables of the configuration and for those of Kustomizations.
fn both(own: Fingerprint, carried: Fingerprint) -> Fingerprint {
    match (own, carried) {
        (Some(own), Some(carried)) => Some(Sha256::digest([own, carried].concat()).into()),
        (own, carried) => own.or(carried),
    }
}

type Keyed = (UnitKey, TreeFile);

/// The files with their contents; `None` for a file of more than `limit` bytes.
async fn contents(
    repo: &impl ConfigRepo,
    files: &[Keyed],
    limit: usize,
) -> Result<Vec<(Keyed, Option<Vec<u8>>)>, RepoFailure> {
    let blobs = files.iter().map(|(_, file)| file.blob).collect();
    let contents = repo.blobs(blobs, limit).await?;
    Ok(files.iter().cloned().zip(contents).collect())
}

type Loaded = (UnitKey, TreeFile, Arc<FileReading>);

fn without_keys(loaded: Vec<Loaded>) -> Vec<(TreeFile, Arc<FileReading>)> {
    loaded.into_iter().map(|(_, file, reading)| (file, reading)).collect()
}
