use super::candidate::Candidate;

/// Media types of image indexes, which list an image for each platform: the OCI image index and the Docker manifest list.
pub const INDEX_MEDIA_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Beginnings of the media types of container images: manifests, indexes, and the configuration that ECR names for an
/// artefact's type. Some builders write the configuration as mere bytes.
const IMAGES: [&str; 4] = [
    "application/vnd.oci.image.",
    "application/vnd.docker.distribution.manifest.",
    "application/vnd.docker.container.image.",
    "application/octet-stream",
];

/// Names of artefacts that repositories often hold besides images, by the beginning of the media type: cosign and Sigstore, in-toto, Notation,
/// SBOM formats, Helm charts, Flux and OPA bundles, build caches; WebAssembly modules and Docker plugins, which are
/// images for another platform than containers. Any other artefact is named by its media type.
const OTHERS: [(&str, &str); 20] = [
    ("application/vnd.dev.cosign.", "a cosign signature"),
    ("application/vnd.dev.sigstore.", "a Sigstore signature"),
    ("application/vnd.in-toto", "an in-toto attestation"),
    ("application/vnd.dsse.envelope", "an attestation"),
    ("application/vnd.cncf.notary.", "a Notation signature"),
    ("application/spdx", "an SBOM"),
    ("text/spdx", "an SBOM"),
    ("application/vnd.cyclonedx", "an SBOM"),
    ("application/vnd.syft", "an SBOM"),
    ("application/vnd.cncf.helm.", "a Helm chart"),
    ("application/vnd.buildkit.cacheconfig.", "a build cache"),
    ("application/vnd.amazon.soci.", "a SOCI index"),
    ("application/vnd.oci.empty.", "an artefact without an image"),
    ("application/vnd.unknown.", "an artefact without an image"),
    ("application/vnd.cncf.flux.", "a bundle for Flux"),
    (
        "application/vnd.cncf.openpolicyagent.",
        "a bundle for Open Policy Agent",
    ),
    ("application/vnd.wasm.", "a WebAssembly module"),
    ("application/wasm", "a WebAssembly module"),
    ("application/vnd.w3c.wasm", "a WebAssembly module"),
    ("application/vnd.docker.plugin.", "a Docker plugin"),
];

/// Longest media type that is shown.
const LONGEST_SHOWN: usize = 100;

/// Whether a media type is that of an image index, in any version of the format.
pub fn is_image_index(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    INDEX_MEDIA_TYPES.iter().any(|known| {
        let end_of_family = known.rfind(".v").map_or(known.len(), |version| version + 1);
        media_type.starts_with(&known[..end_of_family])
    })
}

/// What the candidate is, if it is not a container image.
pub(super) fn not_an_image(candidate: &Candidate) -> Option<String> {
    if let Some(what) = by_name(candidate.tag.as_str()) {
        return Some(what.to_owned());
    }
    let media_type = candidate.media_type.as_deref()?.trim();
    let is = |start: &str| {
        let beginning = media_type.as_bytes().get(..start.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start.as_bytes()))
    };
    if media_type.is_empty() || IMAGES.into_iter().any(is) {
        return None;
    }
    Some(match OTHERS.into_iter().find(|(start, _)| is(start)) {
        Some((_, what)) => what.to_owned(),
        None => {
            let shown: String = media_type.chars().take(LONGEST_SHOWN).collect();
            format!("of the type {:?}", shown.to_ascii_lowercase())
        }
    })
}

/// What a tag of the form `<algorithm>-<digest>` or `<algorithm>-<digest>.<suffix>` stands for.
///
/// Without a suffix the tag follows the referrers tag schema of the OCI distribution specification, which cuts the digest to 64
/// characters. With a suffix the tag follows cosign's naming. The length of the digest does not count where the suffix is
/// cosign's: nobody names an image by a digest and `.sig`.
fn by_name(tag: &str) -> Option<&'static str> {
    let rest = tag.strip_prefix("sha256-").or_else(|| tag.strip_prefix("sha512-"))?;
    let (hex, suffix) = rest.split_once('.').unwrap_or((rest, ""));
    if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    match suffix {
        "sig" => Some("a cosign signature"),
        "att" => Some("a cosign attestation"),
        "sbom" => Some("an SBOM"),
        _ if hex.len() >= 64 => Some("a list of referrers"),
        _ => None,
    }
}
