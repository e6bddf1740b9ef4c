//! The service model's constraints on parameters, with ECR's words for their breach.

use super::{answer::Failure, store::Mutability};

const REPOSITORY_PATTERN: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";
const TAG_PATTERN: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}";
/// The model's bound on the text of a manifest, in bytes.
const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

pub(super) fn repository_name(name: Option<&str>) -> Result<&str, Failure> {
    let name = required("repositoryName", name)?;
    if name.len() < 2 {
        return Err(Failure::invalid(
            "repositoryName",
            "must have length greater than or equal to 2",
        ));
    }
    if name.len() > 256 {
        return Err(Failure::invalid(
            "repositoryName",
            "must have length less than or equal to 256",
        ));
    }
    if !name.split('/').all(is_path_component) {
        let constraint = format!("must satisfy regular expression '{REPOSITORY_PATTERN}'");
        return Err(Failure::invalid("repositoryName", &constraint));
    }
    Ok(name)
}

pub(super) fn registry_id(id: Option<&str>) -> Result<(), Failure> {
    match id {
        Some(id) if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) => Err(Failure::invalid(
            "registryId",
            "must satisfy regular expression '[0-9]{12}'",
        )),
        _ => Ok(()),
    }
}

pub(super) fn image_tag(tag: &str) -> Result<(), Failure> {
    let follows = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let good = tag.len() <= 300 && tag.bytes().all(follows) && !tag.is_empty() && !tag.starts_with(['.', '-']);
    if good {
        return Ok(());
    }
    Err(Failure::invalid(
        "imageTag",
        &format!("must satisfy regular expression '{TAG_PATTERN}'"),
    ))
}

pub(super) fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

pub(super) fn manifest(text: Option<&str>) -> Result<&str, Failure> {
    let text = required("imageManifest", text)?;
    match text.len() {
        0 => Err(Failure::invalid(
            "imageManifest",
            "must have length greater than or equal to 1",
        )),
        1..=LARGEST_MANIFEST => Ok(text),
        _ => Err(Failure::invalid(
            "imageManifest",
            "must have length less than or equal to 4194304",
        )),
    }
}

/// A list of 1 to `most` entries.
pub(super) fn count<'a, T>(parameter: &str, list: Option<&'a [T]>, most: usize) -> Result<&'a [T], Failure> {
    let list = required(parameter, list)?;
    match list.len() {
        0 => Err(Failure::invalid(
            parameter,
            "must have length greater than or equal to 1",
        )),
        length if length > most => Err(Failure::invalid(
            parameter,
            &format!("must have length less than or equal to {most}"),
        )),
        _ => Ok(list),
    }
}

/// One of the model's names, or the first of them where none is given.
pub(super) fn one_of<'a>(parameter: &str, given: Option<&'a str>, names: &[&'a str]) -> Result<&'a str, Failure> {
    match given {
        None => Ok(names.first().copied().unwrap_or_default()),
        Some(name) if names.contains(&name) => Ok(name),
        Some(_) => Err(Failure::invalid(
            parameter,
            &format!("must satisfy enum value set: [{}]", names.join(", ")),
        )),
    }
}

pub(super) fn mutability(given: Option<&str>) -> Result<Mutability, Failure> {
    let name = one_of("imageTagMutability", given, &["MUTABLE", "IMMUTABLE"])?;
    Ok(if name == "IMMUTABLE" {
        Mutability::Immutable
    } else {
        Mutability::Mutable
    })
}

pub(super) fn required<'a, T: ?Sized>(parameter: &str, value: Option<&'a T>) -> Result<&'a T, Failure> {
    value.ok_or_else(|| Failure::invalid(parameter, "must not be null"))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = String::new();
    let mut ended_well = false;
    for character in component.chars() {
        if u8::try_from(character).is_ok_and(alphanumeric) {
            let joined = ended_well || separator.is_empty();
            let known = matches!(separator.as_str(), "" | "." | "_" | "__") || separator.chars().all(|c| c == '-');
            if !joined || !known {
                return false;
            }
            separator.clear();
            ended_well = true;
        } else {
            separator.push(character);
        }
    }
    ended_well && separator.is_empty()
}
