use crate::manifest::{self, Document, Kustomization, MAX_FILE_BYTES, Operation};
use crate::model::{Finding, RepoPath, Severity};
use crate::port::{RepoFailure, RepoProblem, TreeFile};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The files that are held in memory at once. In practice files have a few kilobytes, and a batch costs tens of microseconds
/// besides its parsing.
pub(super) const BATCH: usize = 16;

/// What a rendering depends on: a hash of the sorted paths and blobs of the unit's files, and of the renderer's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UnitKey([u8; 32]);

impl UnitKey {
    /// The key of a unit with these files, which are sorted by path.
    pub(super) fn of<'a>(version: &str, files: impl IntoIterator<Item = &'a TreeFile>) -> Self {
        let mut hash = Sha256::new();
        hash.update(version);
        for file in files {
            // No path and no version holds a zero byte, so that two different lists never give the same bytes.
            hash.update([0]);
            hash.update(file.path.as_str());
            hash.update([0]);
            hash.update(file.blob.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct FileReading {
    /// The file's documents. Every commit that has the file with these bytes shares the allocations, so that a reader may
    /// recognise a document by its address.
    pub(super) documents: Box<[Arc<Document>]>,
    /// Documents that are no objects but hold image fields.
    pub(super) values: Box<[Arc<Document>]>,
    /// What the kustomization is made of, if the file is one.
    pub(super) kustomization: Option<Arc<Kustomization>>,
    /// The operations, if the file is a patch of operations (RFC 6902).
    pub(super) operations: Arc<[Operation]>,
    /// Whether the file is encrypted with SOPS.
    pub(super) encrypted: bool,
    /// What could not be used.
    pub(super) findings: Vec<Finding>,
    /// About how many bytes of memory the reading takes.
    pub(super) weight: usize,
}

/// The bytes of a reading without its documents, findings and operations.
const READING: usize = 300;

impl FileReading {
    fn of(reading: manifest::Reading) -> Self {
        let documents = reading.documents.iter().chain(&reading.values);
        let texts = reading.findings.iter().map(|finding| finding.message.len() + READING);
        let operations = reading.operations.iter().map(Operation::weight);
        let weight = documents.map(manifest::Document::weight).sum::<usize>() + READING;
        Self {
            weight: weight + texts.chain(operations).sum::<usize>(),
            documents: shared(reading.documents),
            values: shared(reading.values),
            kustomization: reading.kustomization.map(Arc::new),
            operations: reading.operations.into(),
            encrypted: reading.encrypted,
            findings: reading.findings,
        }
    }

    /// The commit holds more than fits into memory.
    fn without_room(path: &RepoPath) -> Self {
        Self::failed(
            path,
            "what the files of the commit declare takes too much memory; split the repository, name fewer folders in \
             repo.paths, or raise the memory limit of the agent's container",
        )
    }

    fn failed(path: &RepoPath, reason: &str) -> Self {
        Self::of(manifest::Reading {
            findings: vec![Finding {
                path: path.clone(),
                position: None,
                object: None,
                severity: Severity::Error,
                message: format!("not read: {reason}"),
            }],
            ..manifest::Reading::default()
        })
    }
}

/// The documents, in a list without room for more. Collecting a list of documents anew would keep the allocation of the first one.
fn shared(documents: Vec<Document>) -> Box<[Arc<Document>]> {
    let mut list = Vec::with_capacity(documents.len());
    for mut document in documents {
        document.shrink();
        list.push(Arc::new(document));
    }
    list.into_boxed_slice()
}

/// What files are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Objects that are applied, and their image fields. Every file is parsed.
    Objects,
    /// Image fields only. A file without a word that images are found by is not parsed.
    Images,
}

impl Purpose {
    /// The version of the plain reading, as part of the cache key. A file that was read for its images may not have been
    /// parsed, so the two purposes share no reading.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Objects => "plain",
            Self::Images => "images",
        }
    }
}

/// What became of some files.
pub(super) struct Readings {
    /// The readings, in the order of the files.
    pub(super) read: Vec<(UnitKey, Arc<FileReading>)>,
    /// The readings of files for which there was no room. They hold a finding alone, and are not kept.
    pub(super) without_room: Vec<(UnitKey, Arc<FileReading>)>,
    /// How many of the files were parsed.
    pub(super) parsed: usize,
}

/// Reads files until what they hold takes more than `room` bytes of memory. A file larger than [`MAX_FILE_BYTES`] has no content
/// here and leaves a finding.
pub(super) fn read_all(
    files: Vec<(UnitKey, TreeFile)>,
    contents: Vec<Option<Vec<u8>>>,
    purpose: Purpose,
    mut room: usize,
) -> Readings {
    let mut readings = Readings {
        read: Vec::with_capacity(files.len()),
        without_room: Vec::new(),
        parsed: 0,
    };
    for ((key, file), content) in files.into_iter().zip(contents) {
        let reading = match content {
            Some(bytes) if purpose == Purpose::Images && can_skip(&file.path, &bytes) => {
                FileReading::of(manifest::Reading::default())
            }
            Some(_) if room == 0 => FileReading::without_room(&file.path),
            Some(bytes) => {
                readings.parsed += 1;
                parse(&file.path, bytes)
            }
            None => {
                let limit = MAX_FILE_BYTES >> 20;
                FileReading::failed(&file.path, &format!("the file is larger than {limit} MiB; split it"))
            }
        };
        let fits = reading.weight <= room;
        room = room.saturating_sub(reading.weight);
        let reading = match fits {
            true => reading,
            false => FileReading::without_room(&file.path),
        };
        let kept = if fits {
            &mut readings.read
        } else {
            &mut readings.without_room
        };
        kept.push((key, Arc::new(reading)));
    }
    readings
}

fn parse(path: &RepoPath, bytes: Vec<u8>) -> FileReading {
    let of_thread = path.clone();
    let read = std::panic::catch_unwind(move || FileReading::of(manifest::read(&of_thread, &bytes)));
    read.unwrap_or_else(|_| FileReading::failed(path, "the reader failed on the file; please report the file as a bug"))
}

/// Whether a file in a kustomization folder has no image, no workload that may get one, and no patch of a workload.
fn can_skip(path: &RepoPath, bytes: &[u8]) -> bool {
    manifest::can_skip_for_images(path, bytes) && manifest::names_no_workload(bytes)
}

/// A part of a commit could not be read through no fault of the part. Nothing may be concluded from the commit.
pub(super) fn unreadable(path: &RepoPath, reason: &str) -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Other,
        message: format!(
            "{path} of the config repo was not read: {reason}; nothing is applied from this reading, and the commit is read \
             again; please report this as a bug"
        ),
    }
}
