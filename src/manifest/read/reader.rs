use crate::manifest::markers::comment::MarkerComment;
use crate::manifest::read::file::File;
use crate::manifest::read::image_site::Problem;
use crate::manifest::yaml::limits::{self, MAX_FINDINGS};
use crate::model::{Finding, ObjectId, Position, RepoPath, Severity};
use crate::resource::Origin;
use std::collections::HashSet;
use std::ops::Range;

/// A file while it is read: the result so far, and what its documents share.
pub(crate) struct Reader<'a> {
    pub path: &'a RepoPath,
    pub file: File,
    /// The objects that were read so far.
    pub seen: HashSet<ObjectId>,
    /// The bytes of each event's token.
    pub tokens: Vec<Range<usize>>,
    /// The file's marker comments.
    pub comments: Vec<MarkerComment>,
    /// Findings beyond [`MAX_FINDINGS`]: their number and their highest severity.
    omitted: (usize, Option<Severity>),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(path: &'a RepoPath) -> Self {
        Self {
            path,
            file: File::default(),
            seen: HashSet::new(),
            tokens: Vec::new(),
            comments: Vec::new(),
            omitted: (0, None),
        }
    }

    /// The origin of an object at a position of the file.
    pub(crate) fn origin(&self, position: Position) -> Origin {
        Origin::File {
            path: self.path.clone(),
            position,
        }
    }

    /// Reports a finding.
    pub(crate) fn report(
        &mut self,
        severity: Severity,
        position: Option<Position>,
        object: Option<&ObjectId>,
        message: impl AsRef<str>,
    ) {
        if self.file.findings.len() >= MAX_FINDINGS {
            let (count, worst) = self.omitted;
            self.omitted = (count + 1, worst.max(Some(severity)));
            return;
        }
        self.file.findings.push(Finding {
            path: self.path.clone(),
            position,
            object: object.cloned(),
            severity,
            message: limits::safe_message(message.as_ref()),
        });
    }

    /// Reports a problem as a finding.
    pub(crate) fn report_problem(&mut self, severity: Severity, object: Option<&ObjectId>, problem: &Problem) {
        self.report(severity, Some(problem.position), object, &problem.message);
    }

    /// The file as read, with one more finding if findings were omitted.
    pub(crate) fn finish(mut self) -> File {
        if let (count, Some(severity)) = self.omitted {
            self.file.findings.push(Finding {
                path: self.path.clone(),
                position: None,
                object: None,
                severity,
                message: format!("has {count} more findings; fix the ones above first"),
            });
        }
        self.file
    }
}
