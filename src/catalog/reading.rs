use crate::manifest::{self, Document, Kustomization};
use crate::model::{BlobId, Finding, RepoPath, Severity};
use crate::port::TreeFile;
use std::sync::Arc;

/// The largest file that is read; etcd takes no object over 1.5 MiB, so this holds a few of them.
pub const MAX_FILE_BYTES: usize = manifest::MAX_FILE_BYTES;

/// What a file says.
#[derive(Debug)]
pub struct FileReading {
    /// Its documents, shared with every commit that has the file as it is: who remembers something of a document may know
    /// it again by its address.
    pub documents: Vec<Arc<Document>>,
    /// What it has that is no object but holds image fields.
    pub values: Vec<Arc<Document>>,
    /// What it is made of, if it is a kustomization.
    pub kustomization: Option<Arc<Kustomization>>,
    /// The images that it sets if it is a patch of operations, as JSON pointers.
    pub operations: Arc<[String]>,
    /// What could not be used.
    pub findings: Vec<Finding>,
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
}

/// What files are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Objects,
    /// Image fields and what they are found by, nothing that is applied.
    Images,
}

pub(super) type Readings = Vec<((RepoPath, BlobId), Arc<FileReading>)>;

/// The files' readings, and how many of them took a parser.
pub(super) fn read_all(files: Vec<TreeFile>, contents: Vec<Option<Vec<u8>>>, what: Wanted) -> (Readings, usize) {
    let mut parsed = 0;
    let readings = files.into_iter().zip(contents).map(|(file, content)| {
        let reading = match content {
            Some(bytes) if what == Wanted::Images && manifest::can_skip_for_images(&file.path, &bytes) => {
                FileReading::of(manifest::Reading::default())
            }
            Some(bytes) => {
                parsed += 1;
                let path = file.path.clone();
                std::panic::catch_unwind(move || FileReading::of(manifest::read(&path, &bytes)))
                    .unwrap_or_else(|_| unread(&file.path, "it made the reader fail; please report the file as a bug"))
            }
            None => unread(&file.path, "it is larger than 4 MiB; split it"),
        };
        ((file.path, file.blob), Arc::new(reading))
    });
    (readings.collect(), parsed)
}

fn unread(path: &RepoPath, why: &str) -> FileReading {
    let finding = Finding {
        path: path.clone(),
        position: None,
        object: None,
        severity: Severity::Error,
        message: format!("not read: {why}"),
    };
    FileReading {
        documents: Vec::new(),
        values: Vec::new(),
        kustomization: None,
        operations: Arc::new([]),
        findings: vec![finding],
    }
}
