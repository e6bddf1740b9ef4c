//! Tidegate keeps a Kubernetes cluster equal to a git repository, and writes the newest images into that repository.
//!
//! Each folder of `src` is a room. A room has one door, its `mod.rs`, whose header says what the room is for and what the
//! room must not know. The rooms stand on floors, and imports point down; `tests/it/house` checks the arrows.
//!
//! | floor | rooms |
//! | --- | --- |
//! | 7 | `cli`: one file for each verb |
//! | 6 | `agent`: makes the edges, starts the loops, decides nothing |
//! | 5 | `config`: `tidegate.yaml` |
//! | 4 | loops: `source` (fetches the branch, reads what it declares), `scan` (reads tags), `automation` (tag to commit), `sync` (commit to cluster), `releases` (HelmReleases to Helm releases), `pull_secrets` (logins of ECR to Secrets), `mirrors` (Secrets and ConfigMaps to namespaces), `deploy_key` (rotation and access checks), `leader` (which of several replicas works); commands: `holds` (lists and lifts holds) |
//! | 4 | edges: `git`, `forge` (pull requests), `registry` (ECR), `cluster` (the Kubernetes API), `helm` (the helm program), `http` (API, webhook, metrics), `notify` (receivers of notifications), `render` (kustomize) |
//! | 3 | `port` (what loops see of edges and of each other's results), `driver` (runs loops), `notice` (reports events), `status` (what the agent knows of itself), `aws`, `program` (child processes), `telemetry` |
//! | 2 | `plan`: which fields are bumped, and the commit that does so |
//! | 1 | `policy` (which tag is newest), `manifest` (reads and edits YAML), `resource` (Kubernetes objects), `release` (what a HelmRelease asks for, and what is next), `spread` (pull secrets and mirrors over namespaces), `history` (bumps and holds in git's history) |
//! | 0 | `model`: the words |
//!
//! Floors 0 to 2 are pure: no clock, no disk, no network, no async. Loops import neither loops nor edges.
//!
//! # The way of a tag to a commit
//!
//! 1. `scan::scanner` lists a repository through `port::Registry`; `registry::ecr` answers; the tags go to `port::ScanState`.
//! 2. `automation::pass` takes the published `port::DeclaredState` and asks `plan::decide_field` for a decision on each image field
//!    for which something changed: `policy::choose` takes the newest tag, `history` tells which are held.
//! 3. `manifest::edit` changes the bytes, `plan::message` writes the commit's text, `git` commits and pushes.
//!
//! # The way of a commit to an object
//!
//! 1. `source::follow` fetches the branch's head, or `automation` has pushed it.
//! 2. `source` discovers, renders (by `render`) and assigns the objects of each target, and publishes them.
//! 3. `sync::syncer` compares them with what `cluster::watches` sees, `sync::plan` decides, `sync::apply` and `sync::prune` write
//!    through `port::TargetApi`.
//!
//! # The way of a HelmRelease to a Helm release
//!
//! 1. `sync` applies the HelmRelease, as any object, and wakes `releases` when its pass has ended.
//! 2. `releases::release_loop` compares chart (at the commit that the cluster is at) and values with Helm's storage, through
//!    `port::ReleaseCluster`; `release::next` names one action.
//! 3. `releases::job` carries the action out through `port::HelmProgram`, and writes the status of the HelmRelease.
//!
//! # Glossary
//!
//! | word | meaning |
//! | --- | --- |
//! | followed branch, proposal branch | `repo.branch`; the branch from which people merge bumps |
//! | listing | all tags of one repository, from one complete reading |
//! | unit | the files that are rendered together: a file, a kustomization folder, an encrypted file, a chart |
//! | marker | a comment behind a value that asks for bumps |
//! | config repo | the git repository that declares the cluster; nothing else is written |
//! | head | the newest commit of the branch that may be used; an *unverified* head lacks an allowed signature |
//! | workload | an object whose YAML names container images |
//! | image field | the scalar that holds an image or its tag; identified by object and container, never by file |
//! | policy | how the newest tag is chosen for an image field |
//! | candidate | a tag that the policy lets in; *eligible* if nothing speaks against it |
//! | bump | one change of one image field, from an old tag to a new one |
//! | hold | an image field does not move to a tag that a person has taken back |
//! | finding | a fault in the config repo, with file and line; an `Error` makes the reading incomplete |
//! | declared state | the objects and image fields at one commit |
//! | target | a cluster to which some paths of the config repo are applied |
//! | set | all objects of one target (a Kubernetes ApplySet); its *record* is the ApplySet's parent, a ConfigMap |
//! | fingerprint | a hash of our entry in an object's `managedFields`; it changes when somebody changes a field of ours |
//! | drift | a live object whose fields that we own are no longer as we applied them |
//! | inputs | the chart's files and the values that a revision of a Helm release is made of |
//! | prune | delete an object of the set that is no longer declared (`sync.deletions` in the configuration) |
//! | pass | one run of a loop: read, decide, act, report |
//! | wake | ask a loop for a pass; a wake-up carries no data |
//! | notice | an event that the agent reports to log, metrics and Kubernetes |

pub mod agent;
pub mod automation;
pub mod aws;
pub mod cli;
pub mod cluster;
pub mod config;
pub(crate) mod deploy_key;
pub(crate) mod driver;
pub mod forge;
pub mod git;
pub mod helm;
pub mod history;
pub(crate) mod holds;
pub mod http;
pub(crate) mod leader;
pub mod manifest;
pub(crate) mod mirrors;
pub mod model;
pub(crate) mod notice;
pub(crate) mod notify;
pub mod plan;
pub mod policy;
pub mod port;
pub(crate) mod program;
pub(crate) mod pull_secrets;
pub mod registry;
pub mod release;
pub(crate) mod releases;
pub mod render;
pub mod resource;
pub(crate) mod scan;
pub(crate) mod source;
pub mod spread;
pub(crate) mod status;
pub mod sync;
pub mod telemetry;
