use super::Candidate;

/// Media types (or their beginnings) of what lives beside images in a repository but cannot be run: cosign and Sigstore,
/// in-toto, Notation, SBOM formats, Helm charts, Flux and OPA bundles, files pushed by ORAS, the OCI empty descriptor of
/// plain artefacts; and what is an image for another platform than containers: WebAssembly modules, Docker plugins.
const NOT_IMAGES: [(&str, &str); 18] = [
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

/// What the candidate is, if it is not a container image.
pub(super) fn not_an_image(candidate: &Candidate) -> Option<&'static str> {
    if let Some(what) = by_name(candidate.tag.as_str()) {
        return Some(what);
    }
    let media_type = candidate.media_type.as_deref()?.to_ascii_lowercase();
    NOT_IMAGES
        .iter()
        .find(|(start, _)| media_type.starts_with(start))
        .map(|(_, what)| *what)
}

/// `sha256-<64 hex digits>` alone is the referrers tag schema of the OCI distribution specification; with a suffix it is
/// cosign's naming.
fn by_name(tag: &str) -> Option<&'static str> {
    let rest = tag.strip_prefix("sha256-")?;
    let (hex, suffix) = rest.split_once('.').unwrap_or((rest, ""));
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(match suffix {
        "sig" => "a cosign signature",
        "att" => "a cosign attestation",
        "sbom" => "an SBOM",
        _ => "a list of referrers",
    })
}
