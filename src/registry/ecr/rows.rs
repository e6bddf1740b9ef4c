//! The images of a page of DescribeImages, read from the response's body without copies.

use super::json::Json;
use aws_sdk_ecr::primitives::DateTime;
use std::borrow::Cow;
use std::ops::Range;

/// The images of a page.
pub(super) struct Rows<'a> {
    rows: Vec<Row<'a>>,
    tags: Vec<Cow<'a, str>>,
    /// Where the list of images stands in the body.
    span: Range<usize>,
}

/// An image of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Row<'a> {
    /// The tags' places in the list of all tags.
    tags: Range<usize>,
    pub(super) digest: Option<Cow<'a, str>>,
    pub(super) pushed_at: Option<DateTime>,
    pub(super) manifest_type: Option<Cow<'a, str>>,
    pub(super) artefact_type: Option<Cow<'a, str>>,
    pub(super) status: Option<Cow<'a, str>>,
}

impl<'a> Rows<'a> {
    /// Reads the list of images of a body. `None`: the body has something that is not expected, and the SDK must read it.
    ///
    /// What is read is what the SDK reads. Types are checked as the SDK checks them, with one exception: what stands inside
    /// of a result of a scan for vulnerabilities must be JSON and may be of any type.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut json = Json::new(std::str::from_utf8(body).ok()?);
        let mut read = None;
        json.object(|json, key| match key {
            "imageDetails" if read.is_none() => {
                json.peek()?;
                let start = json.place();
                let mut rows = Self {
                    rows: Vec::new(),
                    tags: Vec::new(),
                    span: start..start,
                };
                json.list(|json| rows.read_row(json))?;
                rows.span.end = json.place();
                read = Some(rows);
                Some(())
            }
            "imageDetails" => None,
            _ => json.skip(),
        })?;
        read.filter(|_| json.is_at_end())
    }

    /// Each image with its tags.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Row<'a>, &[Cow<'a, str>])> {
        self.rows.iter().map(|row| (row, &self.tags[row.tags.clone()]))
    }

    /// The body with an empty list in place of the images.
    pub(super) fn rest(&self, body: &[u8]) -> Vec<u8> {
        [&body[..self.span.start], b"[]", &body[self.span.end..]].concat()
    }

    fn read_row(&mut self, json: &mut Json<'a>) -> Option<()> {
        let mut row = Row::default();
        json.object(|json, key| {
            match key {
                "imageDigest" => row.digest = json.optional(Json::string)?,
                "imageTags" => row.tags = self.read_tags(json)?,
                "imagePushedAt" => row.pushed_at = json.optional(time)?,
                "imageManifestMediaType" => row.manifest_type = json.optional(Json::string)?,
                "artifactMediaType" => row.artefact_type = json.optional(Json::string)?,
                "imageStatus" => row.status = json.optional(Json::string)?,
                "registryId" | "repositoryName" | "subjectManifestDigest" => drop(json.optional(Json::string)?),
                "lastRecordedPullTime" | "lastArchivedAt" | "lastActivatedAt" => drop(json.optional(Json::number)?),
                "imageSizeInBytes" => drop(json.optional(size)?),
                "imageScanStatus" | "imageScanFindingsSummary" => {
                    json.optional(|json| (json.peek()? == b'{').then(|| json.skip())?)?;
                }
                _ => json.skip()?,
            }
            Some(())
        })?;
        self.rows.push(row);
        Some(())
    }

    fn read_tags(&mut self, json: &mut Json<'a>) -> Option<Range<usize>> {
        let start = self.tags.len();
        json.optional(|json| {
            json.list(|json| {
                self.tags.push(json.string()?);
                Some(())
            })
        })?;
        Some(start..self.tags.len())
    }
}

fn time(json: &mut Json<'_>) -> Option<DateTime> {
    json.number().map(|(_, seconds)| DateTime::from_secs_f64(seconds))
}

/// A size in bytes, as a whole number that the SDK reads, too.
fn size(json: &mut Json<'_>) -> Option<i64> {
    json.number()?.0.parse().ok()
}
