use crate::manifest::document::{Document, Reading};
use crate::manifest::markers::comment;
use crate::manifest::read::file::{File, FileObject};
use crate::manifest::read::reader::Reader;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::events::{EventKind, ParseError};
use crate::manifest::yaml::limits::{self, FileError, SourceText, TEMPLATE_ADVICE};
use crate::manifest::yaml::parse;
use crate::manifest::yaml::tree::{self, Tree};
use crate::model::{RepoPath, Severity};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Reads a file of the config repo: YAML with any number of documents, or JSON.
///
/// Nothing is an error: a part of the file that cannot be used becomes a finding, and the rest is read.
pub fn read(path: &RepoPath, bytes: &[u8]) -> Reading {
    let file = open(path, bytes);
    let (objects, values): (Vec<FileObject>, Vec<FileObject>) =
        file.objects.into_iter().partition(|object| object.applied);
    let documents = |objects: Vec<FileObject>| -> Vec<Document> {
        let documents = objects.into_iter().map(|object| object.document);
        documents.collect()
    };
    Reading {
        documents: documents(objects),
        values: documents(values),
        kustomization: file.kustomization,
        operations: file.operations,
        encrypted: file.encrypted,
        findings: file.findings,
    }
}

/// A file of this size, in bytes, may take a hundred megabytes while it is parsed.
const LARGE: usize = 256 << 10;
/// Large files are parsed one at a time, whoever asks.
static TURN: Mutex<()> = Mutex::new(());

/// Reads a file, and keeps what the editor needs.
pub(crate) fn open(path: &RepoPath, bytes: &[u8]) -> File {
    let is_large = bytes.len() > LARGE;
    let _turn = is_large.then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
    let mut reader = Reader::new(path);
    let parsed = limits::decode(bytes).and_then(|text| {
        let parsed = parse_text(&text)?;
        Ok((text, parsed))
    });
    match parsed {
        Err(error) => {
            let mut message = error.reason.clone();
            if message.starts_with("does not parse") {
                message.push_str(&advice(bytes));
            }
            reader.report(Severity::Error, error.position, None, message);
            reader.file.error = Some(error);
        }
        Ok((text, (trees, tokens))) => {
            reader.tokens = tokens;
            if comment::may_have_markers(bytes) {
                reader.find_markers(&text);
            }
            for (index, tree) in trees.iter().enumerate() {
                reader.document(index, &Cursor::root(tree));
            }
            reader.file.trees = trees;
            reader.report_unused_markers();
        }
    }
    reader.finish()
}

/// The trees of a text, and the bytes of each scalar's token in the file. The range of other events is empty.
pub(crate) fn parse_text(text: &SourceText<'_>) -> Result<(Vec<Tree>, Vec<Range<usize>>), FileError> {
    let events = parse::parse(&text.text).map_err(ParseError::into_file_error)?;
    let in_file = |token: &Range<usize>| token.start + text.offset..token.end + text.offset;
    let tokens = events
        .iter()
        .map(|event| match event.kind {
            EventKind::Scalar(_) => in_file(&event.token),
            _ => 0..0,
        })
        .collect();
    Ok((tree::build(events)?, tokens))
}

/// What to do about a file that does not parse.
fn advice(bytes: &[u8]) -> String {
    if bytes.windows(2).any(|pair| pair == b"{{") {
        return format!("; it looks like a template, {TEMPLATE_ADVICE}");
    }
    let mut json = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    if json.next().is_some_and(|first| first.is_ok()) && json.next().is_some() {
        return "; to keep several JSON objects in one file, make them the items of a List".to_owned();
    }
    "; correct it, until then nothing of this file is applied".to_owned()
}

impl Reader<'_> {
    fn find_markers(&mut self, text: &SourceText<'_>) {
        let (comments, problems) = comment::find(&text.text, text.offset);
        self.comments = comments;
        for problem in problems {
            self.report_problem(Severity::Warning, None, &problem);
        }
    }

    /// Reports the markers that stand behind no value. A file with an encrypted document is not searched for values.
    fn report_unused_markers(&mut self) {
        if self.file.encrypted {
            return;
        }
        for problem in comment::unused(&self.comments) {
            self.report_problem(Severity::Warning, None, &problem);
        }
    }
}
