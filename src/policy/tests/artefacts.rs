use super::*;
use crate::policy::{INDEX_MEDIA_TYPES, is_image_index};

/// tag, media type as the registry tells it, what the tag's reason says (`-`: it is an image).
#[rustfmt::skip]
pub(super) const ARTEFACTS: &[(&str, &str, &str)] = &[
    ("b",                "",                                                                "-"),
    ("b",                "application/vnd.oci.image.manifest.v1+json",                      "-"),
    ("b",                "application/vnd.oci.image.index.v1+json",                         "-"),
    ("b",                "application/vnd.oci.image.config.v1+json",                        "-"),
    ("b",                "application/vnd.docker.distribution.manifest.v2+json",            "-"),
    ("b",                "application/vnd.docker.distribution.manifest.list.v2+json",       "-"),
    ("b",                "application/vnd.docker.distribution.manifest.v1+prettyjws",       "-"),
    ("b",                "application/vnd.docker.container.image.v1+json",                  "-"),
    ("b",                "Application/Vnd.Docker.Container.Image.v1+json",                  "-"),
    ("b",                "application/vnd.dev.cosign.artifact.sig.v1+json",                 "a cosign signature"),
    ("b",                "application/vnd.dev.cosign.simplesigning.v1+json",                "a cosign signature"),
    ("b",                "application/vnd.dev.sigstore.bundle.v0.3+json",                   "a Sigstore signature"),
    ("b",                "application/vnd.in-toto+json",                                    "an in-toto attestation"),
    ("b",                "application/vnd.dsse.envelope.v1+json",                           "an attestation"),
    ("b",                "application/vnd.cncf.notary.signature",                           "a Notation signature"),
    ("b",                "application/spdx+json",                                           "an SBOM"),
    ("b",                "text/spdx+json",                                                  "an SBOM"),
    ("b",                "application/vnd.cyclonedx+json",                                  "an SBOM"),
    ("b",                "application/vnd.cncf.helm.config.v1+json",                        "a Helm chart"),
    ("b",                "application/vnd.buildkit.cacheconfig.v0",                         "a build cache"),
    ("b",                "application/vnd.amazon.soci.index.v1+json",                       "a SOCI index"),
    ("b",                "application/vnd.wasm.config.v0+json",                             "a WebAssembly module"),
    ("b",                "application/vnd.docker.plugin.v1+json",                           "a Docker plugin"),
    ("b",                "application/vnd.cncf.flux.config.v1+json",                        "a bundle for Flux"),
    ("b",                "application/vnd.oci.empty.v1+json",                               "an artefact without an image"),
    ("b",                "application/vnd.unknown.config.v1+json",                          "an artefact without an image"),
    ("b",                "application/vnd.acme.notes",                                      "\"application/vnd.acme.notes\""),
    ("b",                "text/html",                                                       "\"text/html\""),
    (concat!("sha256-", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ".sig"),  "", "a cosign signature"),
    (concat!("sha256-", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ".att"),  "", "a cosign attestation"),
    (concat!("sha256-", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ".sbom"), "", "an SBOM"),
    (concat!("sha256-", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),          "", "a list of referrers"),
    (concat!("sha512-", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),          "", "a list of referrers"),
    ("sha256-0123abcd.sig",  "application/vnd.oci.image.manifest.v1+json",                  "a cosign signature"),
    ("sha256-0123abcd",      "",                                                            "-"),
    ("sha256-web.sig",       "",                                                            "-"),
    ("b.sig",                "",                                                            "-"),
];

#[test]
fn what_is_not_an_image_is_never_chosen() {
    for (name, media_type, want) in ARTEFACTS {
        let mut listing = candidates(&format!("a@1 {name}@2"));
        listing[1].media_type = Some((*media_type).to_owned()).filter(|text| !text.is_empty());
        let selection = selection("*", "a", &listing);
        let judged = selection
            .verdicts
            .iter()
            .find(|verdict| verdict.tag == tag(name))
            .unwrap();
        if *want == "-" {
            assert_eq!(chosen(&selection), *name, "{media_type}: {judged:?}");
        } else {
            assert_eq!(chosen(&selection), "-", "{media_type}");
            assert_eq!(selection.newest, Some(tag("a")), "{media_type}");
            assert_eq!(judged.eligibility, Eligibility::Unusable, "{media_type}");
            assert!(judged.reason.contains(want), "{media_type}: {judged:?}");
        }
    }
}

#[test]
fn what_cannot_be_pulled_is_never_chosen() {
    let mut listing = candidates("a@1 b@2 c@3");
    listing[2].pullable = false;
    let selection = selection("*", "a", &listing);
    assert_eq!(chosen(&selection), "b");
    assert_eq!(selection.verdicts[0].reason, "cannot be pulled now (archived)");
}

#[test]
fn an_image_index_is_known_by_its_media_type_in_any_version() {
    for known in INDEX_MEDIA_TYPES {
        assert!(is_image_index(known), "{known}");
    }
    for (media_type, is_index) in [
        ("application/vnd.oci.image.index.v2+json", true),
        ("application/vnd.Docker.Distribution.Manifest.List.v2+json", true),
        ("application/vnd.oci.image.manifest.v1+json", false),
        ("application/vnd.docker.distribution.manifest.v2+json", false),
        ("", false),
    ] {
        assert_eq!(is_image_index(media_type), is_index, "{media_type}");
    }
}
