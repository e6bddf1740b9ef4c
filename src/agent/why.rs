//! Why the images of an object move to a tag, and to no other: `tidegate why`.

use super::AgentConfig;
use super::preview::{Previewer, with_clone, write_finding};
use crate::holds::ObjectName;
use crate::model::{CommitId, FieldId, Finding, ObjectId, RepoPath, table};
use crate::plan::{Decision, JudgedTag};
use crate::policy::Eligibility;
use crate::port::{ConfigRepo as _, DeclaredState, ScanState};
use crate::resource::Health;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What is decided about the image fields of an object, and what every tag has for or against it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The branch's head, which the answer is about.
    pub commit: CommitId,
    /// The image fields that are kept up to date.
    pub fields: Vec<FieldWhy>,
    /// The objects of that name of which no image is kept up to date.
    pub not_automated: Vec<NotAutomated>,
    /// How the live objects are, where the agent knows that.
    pub health: Vec<ObjectHealthNow>,
    /// What could not be used of the objects' files.
    pub findings: Vec<Finding>,
    /// Why repositories could not be listed, one sentence each.
    pub scan_problems: Vec<String>,
    /// How many tags of each field the text shows at most; 0: all.
    #[serde(skip)]
    shown: usize,
}

/// One image field.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldWhy {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// Every tag of the repository, in the policy's order, newest first.
    pub tags: Vec<JudgedTag>,
}

/// An object of which no image is kept up to date.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotAutomated {
    /// The object.
    pub object: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// The images that its file names.
    pub images: Vec<String>,
}

/// The health of a live object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectHealthNow {
    /// The target.
    pub target: String,
    /// The object.
    pub object: ObjectId,
    /// Its health.
    #[serde(flatten)]
    pub health: Health,
}

/// Answers from a clone in a temporary folder.
///
/// # Errors
/// The config repo could not be read, or declares no such object.
pub async fn why(config: AgentConfig, object: &ObjectName, shown: usize) -> anyhow::Result<Why> {
    with_clone(&config, async |previewer| previewer.why(object, shown).await).await
}

impl Previewer<'_> {
    /// Why the images of an object move to a tag, and to no other.
    pub(super) async fn why(&self, object: &ObjectName, shown: usize) -> anyhow::Result<Why> {
        let commit = self.repo.fetch().await?;
        let declared = self.source.at(commit).await?;
        let (scan_state, rules) = (ScanState::default(), self.config.scan_rules());
        let (preview, plan, scan_problems) = self.decided(&declared, (&scan_state, &rules)).await?;
        let decisions: Vec<Arc<Decision>> = plan
            .decisions
            .into_iter()
            .filter(|decision| object.names(&decision.field.object, None))
            .collect();
        let named = named(&declared, object);
        if decisions.is_empty() && named.is_empty() {
            anyhow::bail!(unknown(&declared, object));
        }
        let is_meant = |field: &FieldId| object.names(&field.object, None);
        let mut judged = preview.judged_tags(self.repo, self.history, is_meant).await?;
        let automated: BTreeSet<&ObjectId> = decisions.iter().map(|decision| &decision.field.object).collect();
        let paths: BTreeSet<&RepoPath> = named
            .values()
            .chain(decisions.iter().map(|decision| &decision.path))
            .collect();
        let is_about = |finding: &&Finding| {
            paths.contains(&finding.path) && finding.object.as_ref().is_none_or(|about| object.names(about, None))
        };
        Ok(Why {
            commit,
            findings: declared.findings.iter().filter(is_about).cloned().collect(),
            not_automated: named
                .iter()
                .filter(|(id, _)| !automated.contains(id))
                .map(|(id, path)| NotAutomated {
                    object: id.clone(),
                    path: path.clone(),
                    images: images(&declared, id),
                })
                .collect(),
            health: self.health_of(named.keys()),
            fields: decisions
                .into_iter()
                .map(|decision| FieldWhy {
                    tags: judged
                        .remove(&(decision.path.clone(), decision.field.clone()))
                        .unwrap_or_default(),
                    decision: Arc::unwrap_or_clone(decision),
                })
                .collect(),
            scan_problems,
            shown,
        })
    }

    fn health_of<'b>(&self, objects: impl Iterator<Item = &'b ObjectId> + Clone) -> Vec<ObjectHealthNow> {
        let targets = &self.config.settings.sync.targets;
        let pairs = targets
            .iter()
            .flat_map(|target| objects.clone().map(move |id| (target, id)));
        let known = pairs.filter_map(|(target, id)| {
            Some(ObjectHealthNow {
                target: target.id.to_string(),
                object: id.clone(),
                health: self.healths.object(&target.id, id)?.health,
            })
        });
        known.collect()
    }
}

/// The declared objects of that name, with their files.
fn named(declared: &DeclaredState, object: &ObjectName) -> BTreeMap<ObjectId, RepoPath> {
    let objects = declared.targets.values().flat_map(|target| &target.objects);
    let named = objects.filter(|declared| object.names(&declared.id, None));
    named
        .map(|found| (found.id.clone(), found.origin.path().clone()))
        .collect()
}

/// The images of an object, as its files name them.
fn images(declared: &DeclaredState, id: &ObjectId) -> Vec<String> {
    let of_object = declared.images.documents().filter(|document| document.object.id == *id);
    let images = of_object.flat_map(|document| &document.images);
    images.map(|field| field.image.to_string()).collect()
}

/// At most so many objects are named in place of one that is not there.
const NEARBY: usize = 5;

fn unknown(declared: &DeclaredState, object: &ObjectName) -> String {
    let objects = declared.targets.values().flat_map(|target| &target.objects);
    let of_name: BTreeSet<String> = objects
        .filter(|found| found.id.name == object.name)
        .map(|found| found.id.to_string())
        .take(NEARBY)
        .collect();
    let namespace = object.namespace.as_ref();
    let namespace = namespace.map_or(String::new(), |namespace| format!(" in the namespace {namespace}"));
    let others = match of_name.is_empty() {
        true => "`tidegate images` lists what has images".to_owned(),
        false => format!(
            "of that name are: {}",
            of_name.into_iter().collect::<Vec<_>>().join(", ")
        ),
    };
    format!(
        "the config repo declares no {}/{}{namespace} at commit {}; {others}",
        object.kind, object.name, declared.commit
    )
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "commit {}", self.commit)?;
        for problem in &self.scan_problems {
            writeln!(f, "error  {problem}")?;
        }
        for finding in &self.findings {
            write_finding(f, finding)?;
        }
        for live in &self.health {
            writeln!(f, "{}: {} is {}", live.target, live.object, live.health)?;
        }
        for object in &self.not_automated {
            writeln!(f, "\n{} ({})", object.object, object.path)?;
            for image in &object.images {
                writeln!(f, "  image   {image}")?;
            }
            writeln!(f, "  {}", object.remedy())?;
        }
        for field in &self.fields {
            field.write(f, self.shown)?;
        }
        Ok(())
    }
}

impl NotAutomated {
    fn remedy(&self) -> &'static str {
        match self.images.is_empty() {
            true => "the object names no image that Tidegate knows",
            false => "no image is kept up to date: annotate the object with tidegate.dev/automated: \"true\"",
        }
    }
}

impl FieldWhy {
    fn write(&self, f: &mut fmt::Formatter<'_>, shown: usize) -> fmt::Result {
        let decision = &self.decision;
        writeln!(f, "\n{} ({}:{})", decision.field, decision.path, decision.position)?;
        writeln!(f, "  image   {}", decision.image)?;
        writeln!(
            f,
            "  policy  {}",
            decision.policy.as_deref().unwrap_or("none that can be used")
        )?;
        if let Some(group) = &decision.group {
            writeln!(f, "  group   {group}")?;
        }
        writeln!(f, "  {}", decision.reason)?;
        if self.tags.is_empty() {
            return Ok(());
        }
        let ordered = self.in_order_of_interest();
        let limit = if shown == 0 {
            ordered.len()
        } else {
            shown.min(ordered.len())
        };
        let (first, rest) = ordered.split_at(limit);
        let chosen = ordered.iter().find(|tag| tag.standing == Eligibility::Eligible);
        let is_chosen = |tag: &&JudgedTag| chosen.is_some_and(|chosen| std::ptr::eq(*chosen, *tag));
        let rows: Vec<[String; 5]> = first.iter().map(|tag| row(tag, is_chosen(tag))).collect();
        for line in table(&rows).lines() {
            writeln!(f, "{}", format!("  {line}").trim_end())?;
        }
        match rest.len() {
            0 => Ok(()),
            more => writeln!(f, "  {more} more tags ({}); --tags 0 shows all", counts(rest)),
        }
    }

    /// First the tags that the policy matches, then those that it does not.
    fn in_order_of_interest(&self) -> Vec<&JudgedTag> {
        let is_kept_out = |tag: &&JudgedTag| {
            matches!(
                tag.standing,
                Eligibility::Unmatched | Eligibility::Excluded | Eligibility::Unusable
            )
        };
        let (out, matched): (Vec<_>, Vec<_>) = self.tags.iter().partition(is_kept_out);
        matched.into_iter().chain(out).collect()
    }
}

fn row(tag: &JudgedTag, is_chosen: bool) -> [String; 5] {
    let pushed = tag
        .pushed_at
        .map_or("-".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    [
        if is_chosen { "->" } else { "" }.to_owned(),
        tag.tag.to_string(),
        pushed,
        tag.standing.to_string(),
        tag.reason.clone(),
    ]
}

/// `800 no match, 12 not newer`.
fn counts(tags: &[&JudgedTag]) -> String {
    let mut counts: BTreeMap<Eligibility, usize> = BTreeMap::new();
    for tag in tags {
        *counts.entry(tag.standing).or_default() += 1;
    }
    let counts = counts
        .into_iter()
        .map(|(standing, count)| format!("{count} {standing}"));
    counts.collect::<Vec<_>>().join(", ")
}
