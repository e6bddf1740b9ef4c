use super::find::seeds;
use super::finish::finished;
use super::folder::Folder;
use super::order::{Outcomes, order};
use super::spec::{Carried, Key, Place, is_kustomization};
use crate::manifest::Variables;
use crate::model::{CommitId, Finding, RepoPath, Severity};
use crate::plan::FluxSources;
use crate::port::{ConfigRepo, InputObjects, Rendering, RepoFailure, TreeFile};
use crate::release::SourceObject;
use crate::resource::{Object, Suspended};
use crate::source::named::Named;
use crate::source::pending::{Pending, Renderers};
use crate::source::reach::Reach;
use crate::source::reach_paths::joined;
use crate::source::render::Renderings;
use crate::telemetry::Metrics;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Kustomizations that are declared by others, that are declared by others, and so on.
const ROUNDS: usize = 8;
/// The Kustomizations of one commit.
const MOST: usize = 1000;

/// Carries out the Kustomizations of a commit. What was rendered is kept from one commit to the next.
pub(in crate::source) struct CarryOut {
    /// The cluster that has the variables and the keys.
    inputs: Option<Arc<dyn InputObjects>>,
    /// By round: a Kustomization of a later round is rendered when those of earlier rounds are.
    renderings: Vec<(Named, Renderings)>,
}

/// What became of the Kustomizations of a commit.
#[derive(Debug, Default)]
pub(in crate::source) struct CarriedOut {
    /// The objects, with the files below `repo.paths` by which they are declared.
    pub(in crate::source) objects: Vec<(RepoPath, Vec<Arc<Object>>)>,
    pub(in crate::source) findings: Vec<Finding>,
    /// The folders of which nothing is applied by itself.
    pub(in crate::source) claimed: BTreeSet<RepoPath>,
    /// The folders and files that were looked at.
    pub(in crate::source) outside: Vec<RepoPath>,
    /// The files of these folders that kustomize sees, which are read for their images.
    pub(in crate::source) overlays: BTreeMap<RepoPath, TreeFile>,
    /// The files that are applied as they are.
    pub(in crate::source) plain: BTreeMap<RepoPath, TreeFile>,
    /// The folders whose images are set elsewhere.
    pub(in crate::source) sealed: BTreeSet<RepoPath>,
    /// The ConfigMaps and Secrets that the objects depend on.
    pub(in crate::source) sources: BTreeSet<SourceObject>,
    /// Stands for the variables.
    pub(in crate::source) variables: Option<[u8; 32]>,
    /// The Kustomizations whose objects stay as they are.
    pub(in crate::source) suspended: Suspended,
    /// Whether another reading of the same commit may say something else.
    pub(in crate::source) may_pass: bool,
}

/// The commit, and what reads and renders it.
pub(in crate::source) struct Scene<'a, G> {
    pub(in crate::source) repo: &'a G,
    pub(in crate::source) commit: CommitId,
    pub(in crate::source) renderers: &'a Renderers,
    pub(in crate::source) sources: &'a FluxSources<'a>,
    pub(in crate::source) room: usize,
    pub(in crate::source) metrics: &'a Metrics,
}

impl CarryOut {
    /// `inputs`: the cluster that has the variables, if there is one.
    pub(in crate::source) fn new(inputs: Option<Arc<dyn InputObjects>>) -> Self {
        Self {
            inputs,
            renderings: Vec::new(),
        }
    }

    /// Carries out the Kustomizations among the objects of `repo.paths`.
    pub(in crate::source) async fn run<G: ConfigRepo>(
        &mut self,
        scene: &Scene<'_, G>,
        declared: Vec<Arc<Object>>,
    ) -> Result<CarriedOut, RepoFailure> {
        let mut out = CarriedOut::default();
        let seeds = seeds(&declared, scene.sources);
        let mut open = seeds.first;
        out.claimed.extend(seeds.claimed);
        out.findings.extend(seeds.findings);
        if open.is_empty() {
            self.renderings.clear();
            return Ok(out);
        }
        if let Some(reason) = self.running_flux().await {
            let (_, place) = open
                .first()
                .cloned()
                .unwrap_or_else(|| (Arc::clone(&declared[0]), Place::of(&declared[0])));
            out.may_pass = true;
            out.findings.push(Finding {
                path: place.path,
                position: place.position,
                object: None,
                severity: Severity::Error,
                message: format!("no Kustomization is carried out: {reason}"),
            });
            return Ok(out);
        }
        let (mut outcomes, mut round, mut hash) = (Outcomes::new(), 0, Sha256::new());
        while !open.is_empty() {
            let carried = read(std::mem::take(&mut open), &outcomes, &mut out);
            if round >= ROUNDS || outcomes.len() + carried.len() > MOST {
                let message =
                    "not carried out: too many Kustomizations, or too many that declare others; split the repository";
                out.findings.extend(
                    carried
                        .first()
                        .map(|first| first.finding(Severity::Error, message.to_owned())),
                );
                break;
            }
            if self.renderings.len() <= round {
                self.renderings.push(Default::default());
            }
            let rendered = self.render(scene, round, carried, &mut out).await?;
            for (carried, rendering) in rendered {
                let objects = self.finish(&carried, rendering, &mut hash, &mut out).await;
                let declares = objects.iter().flatten().filter(|object| is_kustomization(object));
                let own = declares.filter(|object| !scene.sources.is_elsewhere(&object.value.value(), None));
                open.extend(own.map(|object| (Arc::clone(object), carried.place.clone())));
                outcomes.insert(carried.key.clone(), (carried, objects));
            }
            round += 1;
        }
        self.renderings.truncate(round);
        order(&mut outcomes, &mut out.findings);
        out.suspended = Suspended::of(
            outcomes
                .iter()
                .map(|(key, (carried, _))| (key.to_string(), carried.spec.suspend)),
        );
        for (carried, objects) in outcomes.into_values() {
            out.objects.extend(objects.map(|objects| (carried.place.path, objects)));
        }
        out.variables = (!out.sources.is_empty()).then(|| hash.finalize().into());
        Ok(out)
    }

    /// Why nothing is carried out: Flux does.
    async fn running_flux(&self) -> Option<String> {
        let inputs = self.inputs.as_ref()?;
        match inputs.running_flux().await {
            Ok(None) => None,
            Ok(Some(deployment)) => Some(format!(
                "Flux runs in this cluster (Deployment {deployment}), and two programs must not apply the same objects; scale it to \
                 zero, or remove Flux (docs/migrate.md)"
            )),
            Err(failure) => Some(format!("whether Flux runs in this cluster is not known: {failure}")),
        }
    }

    /// Renders what can be rendered. Nothing is said of the others but their findings.
    async fn render<G: ConfigRepo>(
        &mut self,
        scene: &Scene<'_, G>,
        round: usize,
        carried: Vec<Carried>,
        out: &mut CarriedOut,
    ) -> Result<Vec<(Carried, Option<Arc<Rendering>>)>, RepoFailure> {
        let components = carried.iter().flat_map(|carried| {
            let named = carried.spec.components.iter();
            named.filter_map(|component| joined(&carried.path, component).ok())
        });
        let paths = carried.iter().map(|carried| carried.path.clone());
        let mut paths: Vec<RepoPath> = paths.chain(components).collect();
        paths.sort();
        paths.dedup();
        out.outside.extend(paths.iter().cloned());
        if paths.iter().any(|path| path.as_str().is_empty()) {
            paths.clear();
        }
        let listing = scene.repo.files(scene.commit, paths.clone()).await?;
        let folders: Vec<Folder> = carried.iter().map(|carried| Folder::of(carried, &listing)).collect();
        let roots: BTreeSet<RepoPath> = folders
            .iter()
            .flat_map(|folder| folder.reached.iter().cloned())
            .collect();
        let (named, renderings) = &mut self.renderings[round];
        let listed = (&*listing.files, &*listing.unread, &*paths);
        let reach = Reach::of(scene.repo, scene.commit, &roots, listed, named).await?;
        out.outside.extend(reach.outside.iter().cloned());
        let (mut pending, mut units, mut done) = (Vec::new(), Vec::new(), Vec::new());
        for (carried, folder) in carried.into_iter().zip(folders) {
            match folder.pending(&carried, &listing, &reach, scene.renderers) {
                Ok(unit) => {
                    note_images(&carried, &folder, &unit, out);
                    pending.push(unit);
                    units.push(carried);
                }
                Err(reason) => {
                    out.findings
                        .push(carried.finding(Severity::Error, format!("not carried out: {reason}")));
                    done.push((carried, None));
                }
            }
        }
        let rendered = renderings
            .render(scene.repo, pending, scene.room, scene.metrics)
            .await?;
        out.may_pass |= rendered.may_pass;
        for (carried, rendering) in units.into_iter().zip(rendered.renderings) {
            let findings = rendering.findings.iter();
            out.findings
                .extend(findings.map(|finding| {
                    carried.finding(finding.severity, format!("{}: {}", finding.path, finding.message))
                }));
            let is_failed = rendering.objects.is_empty() && rendering.findings.iter().any(Finding::is_error);
            done.push((carried, (!is_failed).then_some(rendering)));
        }
        Ok(done)
    }

    /// The objects of a Kustomization as they are applied; `None` if they are not known.
    async fn finish(
        &self,
        carried: &Carried,
        rendering: Option<Arc<Rendering>>,
        hash: &mut Sha256,
        out: &mut CarriedOut,
    ) -> Option<Vec<Arc<Object>>> {
        let variables = match self.variables(carried, hash, out).await {
            Ok(variables) => variables,
            Err(reason) => {
                out.may_pass = true;
                out.findings
                    .push(carried.finding(Severity::Error, format!("not carried out: {reason}")));
                return None;
            }
        };
        if carried.spec.suspend {
            let message = "suspended: nothing of it is applied or deleted until it is resumed; Kustomizations that it declares are \
                           carried out as git has them";
            out.findings
                .push(carried.finding(Severity::Warning, message.to_owned()));
        }
        let mut objects = Vec::new();
        for object in &rendering?.objects {
            match finished(object, carried, variables.as_ref()) {
                Ok(object) => objects.push(object),
                Err(reason) => {
                    out.findings
                        .push(carried.finding(Severity::Error, format!("not carried out: {}: {reason}", object.id)));
                    return None;
                }
            }
        }
        Some(objects)
    }

    async fn variables(
        &self,
        carried: &Carried,
        hash: &mut Sha256,
        out: &mut CarriedOut,
    ) -> Result<Option<Variables>, String> {
        let Some(substitute) = carried.substitute() else {
            return Ok(None);
        };
        out.sources.extend(substitute.objects(&carried.key.namespace));
        let variables = substitute.read(self.inputs.as_deref()).await?;
        hash.update(variables.fingerprint());
        Ok(Some(variables))
    }
}

fn read(open: Vec<(Arc<Object>, Place)>, known: &Outcomes, out: &mut CarriedOut) -> Vec<Carried> {
    let mut all: BTreeMap<Key, Carried> = BTreeMap::new();
    for (object, place) in open {
        let key = Key::of(&object);
        let same = known.get(&key).map(|(carried, _)| carried).or_else(|| all.get(&key));
        if let Some(same) = same {
            // A Kustomization may render the folder that it is declared in, and so declares itself.
            if same.place.path != place.path {
                out.findings.push(same.declared_again(&place));
            }
            continue;
        }
        match Carried::read(&object, &place, &mut out.findings) {
            Ok(carried) => {
                out.claimed.insert(carried.path.clone());
                all.insert(key, carried);
            }
            Err(finding) => out.findings.push(finding),
        }
    }
    all.into_values().collect()
}

fn note_images(carried: &Carried, folder: &Folder, unit: &Pending, out: &mut CarriedOut) {
    if carried.changes_images() {
        out.sealed.insert(carried.path.clone());
        let message = format!(
            "images in {} are not bumped: spec.images or a patch of the Kustomization sets images; write the tags in the \
             kustomization.yaml of the folder",
            carried.path
        );
        out.findings.push(carried.finding(Severity::Notice, message));
        return;
    }
    for file in &unit.files {
        let files = match folder.plain.contains(&file.path) {
            true => &mut out.plain,
            false => &mut out.overlays,
        };
        files.insert(file.path.clone(), file.clone());
    }
}
