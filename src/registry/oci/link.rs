use super::error::OciError;
use reqwest::Url;

/// The address of the next page: the target of the first link with `rel="next"` (RFC 8288), against the address of this page.
///
/// # Errors
/// The link leads to another server or to another list.
pub(super) fn next<'a>(links: impl Iterator<Item = &'a str>, page: &Url) -> Result<Option<Url>, OciError> {
    for link in links {
        let Some(target) = target(link) else { continue };
        let next = page
            .join(target)
            .map_err(|_| OciError::ForeignLink(target.to_owned()))?;
        if next.origin() != page.origin() || next.path() != page.path() {
            return Err(OciError::ForeignLink(target.to_owned()));
        }
        return Ok(Some(next));
    }
    Ok(None)
}

/// The target of the first link of a header whose relation is `next`.
fn target(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        if after[..end].split([';', ',']).any(is_next) {
            return Some(target.trim());
        }
        rest = after;
    }
    None
}

/// Whether a parameter of a link is the relation `next`. A relation may be a list of names.
fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let value = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel")
        && value
            .split_ascii_whitespace()
            .any(|rel| rel.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_every_form_of_the_header() {
        let page = Url::parse("https://ghcr.io/v2/shop/web/tags/list?n=1000").unwrap();
        for (header, expected) in [
            (r#"</v2/shop/web/tags/list?last=b&n=2>; rel="next""#, Some("last=b&n=2")),
            ("</v2/shop/web/tags/list?last=b>;rel=next", Some("last=b")),
            (
                r#"<?token=a%3D%2F>; title="x"; rel="first next""#,
                Some("token=a%3D%2F"),
            ),
            (
                r#"</a>; rel="prev", </v2/shop/web/tags/list?last=c>; rel="next""#,
                Some("last=c"),
            ),
            (
                r#"<https://ghcr.io/v2/shop/web/tags/list?last=d>; REL=NEXT"#,
                Some("last=d"),
            ),
            (r#"</v2/shop/web/tags/list?last=e>; rel="last""#, None),
            ("nonsense", None),
            ("<unclosed", None),
        ] {
            let next = next([header].into_iter(), &page).unwrap();
            assert_eq!(next.as_ref().and_then(Url::query), expected, "{header}");
        }
    }

    #[test]
    fn a_link_to_another_server_or_list_is_refused() {
        let page = Url::parse("https://ghcr.io/v2/shop/web/tags/list?n=1000").unwrap();
        for target in [
            "https://other.example/v2/shop/web/tags/list?last=b",
            "http://ghcr.io/v2/shop/web/tags/list?last=b",
            "https://ghcr.io:8443/v2/shop/web/tags/list",
            "//169.254.169.254/v2/shop/web/tags/list",
            "/v2/shop/api/tags/list?last=b",
        ] {
            let header = format!(r#"<{target}>; rel="next""#);
            assert!(next([&*header].into_iter(), &page).is_err(), "{target}");
        }
    }
}
