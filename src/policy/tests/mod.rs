//! Tables that a person can read, one file for each question; each row is one case.

mod artefacts;
mod choices;
mod dialect;
mod digests;
mod filters;
mod image_policies;
mod order;
mod platforms;
mod properties;
mod text;
mod verdicts;

use super::{
    Candidate, Digests, Eligibility, Filter, InvalidPolicy, Policy, Question, Selection, Verdict, choose, select,
};
use crate::model::{Digest, Tag};
use jiff::Timestamp;

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

/// `name`, `name@minute` or `name@minute#image`: tags of one image share a digest.
fn candidate(text: &str) -> Candidate {
    let (text, image) = text
        .split_once('#')
        .map_or((text, None), |(text, image)| (text, Some(image)));
    let (name, minute) = text
        .split_once('@')
        .map_or((text, None), |(name, minute)| (name, Some(minute)));
    Candidate {
        tag: tag(name),
        digest: image.map(self::image),
        pushed_at: minute.map(|minute| Timestamp::from_second(minute.parse::<i64>().unwrap() * 60).unwrap()),
        media_type: None,
        pullable: true,
        unfit: None,
    }
}

fn candidates(listing: &str) -> Vec<Candidate> {
    listing.split_whitespace().map(candidate).collect()
}

fn image(text: &str) -> Digest {
    Digest::parse(&format!("sha256:{text:0>64}")).unwrap()
}

fn selection(policy: &str, current: &str, listing: &[Candidate]) -> Selection {
    selection_by(&Policy::parse(policy).unwrap(), current, listing)
}

/// `current` is `tag`, `tag#image` with that image's digest behind it in the file, `#image` or `-`.
fn selection_by(policy: &Policy, current: &str, listing: &[Candidate]) -> Selection {
    let (name, digest) = match current.split_once('#') {
        Some((name, at)) => (name, Some(image(at))),
        None => (current, None),
    };
    let current = (!["-", ""].contains(&name)).then(|| tag(name));
    select(&Question {
        digest: digest.as_ref(),
        ..Question::new(policy, current.as_ref(), listing)
    })
}

fn chosen(selection: &Selection) -> &str {
    selection.selected.as_ref().map_or("-", |choice| choice.tag.as_str())
}

#[test]
fn the_tables_have_two_hundred_rows() {
    let rows = [
        artefacts::ARTEFACTS.len(),
        choices::CHOICES.len(),
        choices::ONE_DIGEST.len(),
        dialect::EXPRESSIONS.len(),
        digests::DIGESTS.len(),
        image_policies::IMAGE_POLICIES.len(),
        platforms::PLATFORMS.len(),
        text::INVALID.len(),
        verdicts::OUTCOMES.len(),
        verdicts::REASONS.len(),
        verdicts::TYPED.len(),
        filters::FILTERS.len(),
    ];
    let rows: usize = rows.iter().sum();
    println!("{rows} rows");
    assert!(rows >= 200, "{rows} rows");
}
