use crate::manifest::{self, Document, Kustomization, MAX_FILE_BYTES};
use crate::model::{Finding, RepoPath, Severity};
use crate::port::{RepoFailure, RepoProblem, TreeFile};
use sha2::{Digest, Sha256};
use std::sync::Arc;

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
    pub(super) documents: Vec<Arc<Document>>,
    /// Documents that are no objects but hold image fields.
    pub(super) values: Vec<Arc<Document>>,
    /// What the kustomization is made of, if the file is one.
    pub(super) kustomization: Option<Arc<Kustomization>>,
    /// The images that the file sets if it is a patch of operations, as JSON pointers.
    pub(super) operations: Arc<[String]>,
    /// What could not be used.
    pub(super) findings: Vec<Finding>,
}

impl FileReading {
    fn of(reading: manifest::Reading) -> Self {
        Self {
            documents: reading.documents.into_iter().map(Arc::new).collect(),
            values: reading.values.into_iter().map(Arc::new).collect(),
            kustomization: reading.kustomization.map(Arc::new),
            operations: reading.operations.into(),
            findings: reading.findings,
        }
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

/// The readings of some files, and how many of the files were parsed.
pub(super) type Readings = (Vec<(UnitKey, Arc<FileReading>)>, usize);

/// Reads files. A file larger than [`MAX_FILE_BYTES`] has no content here and leaves a finding.
pub(super) fn read_all(files: Vec<(UnitKey, TreeFile)>, contents: Vec<Option<Vec<u8>>>, purpose: Purpose) -> Readings {
    let mut parsed = 0;
    let readings = files.into_iter().zip(contents).map(|((key, file), content)| {
        let reading = match content {
            Some(bytes) if purpose == Purpose::Images && manifest::can_skip_for_images(&file.path, &bytes) => {
                FileReading::of(manifest::Reading::default())
            }
            Some(bytes) => {
                parsed += 1;
                let path = file.path.clone();
                std::panic::catch_unwind(move || FileReading::of(manifest::read(&path, &bytes))).unwrap_or_else(|_| {
                    FileReading::failed(
                        &file.path,
                        "the reader failed on the file; please report the file as a bug",
                    )
                })
            }
            None => {
                let limit = MAX_FILE_BYTES >> 20;
                FileReading::failed(&file.path, &format!("the file is larger than {limit} MiB; split it"))
            }
        };
        (key, Arc::new(reading))
    });
    (readings.collect(), parsed)
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
