//! Signatures of commits in OpenSSH's format (`gpg.format=ssh`): made, and verified.

use super::error::Error;
use crate::git::keys::deploy_key::DeployKey;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::trust::{AllowedSigners, NAMESPACE, describe};
use crate::model::Printable;
use git2::{Commit, ObjectType, Oid, Repository};
use jiff::Timestamp;
use ssh_key::{HashAlg, LineEnding, PublicKey, SshSig};

const HEADER: &[u8] = b"gpgsig";
const ARMOUR: &str = "-----BEGIN SSH SIGNATURE-----";

/// Writes a commit with the key's signature. The same inputs give the same commit: Ed25519 and RSA signatures use no
/// randomness, and ECDSA derives it from key and text (RFC 6979).
pub(crate) fn signed(repo: &Repository, unsigned: &[u8], key: &DeployKey) -> Result<Oid, Error> {
    let text = std::str::from_utf8(unsigned).map_err(|_| Error::plan("its author or message is not UTF-8"))?;
    let signature = key
        .private_key()
        .sign(NAMESPACE, HashAlg::Sha512, unsigned)
        .and_then(|signature| signature.to_pem(LineEnding::LF))
        .map_err(Error::Signing)?;
    let written = repo.commit_signed(text, signature.trim_end(), None);
    Ok(written.map_err(Libgit2Error::doing("write the signed commit"))?)
}

/// The principals whose key has signed the commit, or the reason why the signature is not accepted.
pub(crate) fn verify(repo: &Repository, commit: &Commit<'_>, allowed: &AllowedSigners) -> Result<String, String> {
    let raw = repo.odb().and_then(|odb| {
        let object = odb.read(commit.id())?;
        Ok((object.kind(), object.data().to_vec()))
    });
    let raw = match raw {
        Ok((ObjectType::Commit, raw)) => raw,
        Ok(_) => return Err("it is no commit".to_owned()),
        Err(error) => return Err(format!("it cannot be read: {}", error.message())),
    };
    let (signature, signed) = split(&raw)?;
    let signature = parse(&signature)?;
    let key = signature.public_key();
    let by = describe(key);
    if signature.namespace() != NAMESPACE {
        let other = Printable::new(signature.namespace()).dropping().at_most(40).to_string();
        return Err(format!("its signature by {by} was made for {other:?}, not for git"));
    }
    PublicKey::from(key.clone())
        .verify(NAMESPACE, &signed, &signature)
        .map_err(|_| format!("its signature by {by} does not match its content"))?;
    let at = Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH);
    match allowed.principals(key, at) {
        Ok(principals) => Ok(principals.to_owned()),
        Err(why) => Err(format!("it is signed by {by}: {why}")),
    }
}

fn parse(signature: &str) -> Result<SshSig, String> {
    match signature.lines().next() {
        Some(ARMOUR) => SshSig::from_pem(signature.as_bytes()).map_err(|_| "its signature is damaged".to_owned()),
        Some("-----BEGIN PGP SIGNATURE-----" | "-----BEGIN PGP MESSAGE-----") => {
            Err("it is signed with GPG; sign with an SSH key (git config gpg.format ssh)".to_owned())
        }
        Some("-----BEGIN SIGNED MESSAGE-----") => {
            Err("it is signed with X.509; sign with an SSH key (git config gpg.format ssh)".to_owned())
        }
        _ => Err("its signature is of an unknown kind".to_owned()),
    }
}

/// The text of the signature, and the bytes that it signs: the commit without the signature's header.
fn split(raw: &[u8]) -> Result<(String, Vec<u8>), String> {
    let (mut signature, mut signed) = (Vec::new(), Vec::with_capacity(raw.len()));
    let (mut inside, mut found) = (false, 0);
    let mut rest = raw;
    loop {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if line.is_empty() || line == b"\n" {
            break;
        }
        let value = line.strip_prefix(HEADER).and_then(|line| line.strip_prefix(b" "));
        match (value, line.strip_prefix(b" ")) {
            (Some(value), _) => {
                (inside, found) = (true, found + 1);
                signature.extend_from_slice(value);
            }
            (None, Some(more)) if inside => signature.extend_from_slice(more),
            _ => {
                inside = false;
                signed.extend_from_slice(line);
            }
        }
        rest = after;
    }
    signed.extend_from_slice(rest);
    match found {
        0 => Err("it is not signed".to_owned()),
        1 => String::from_utf8(signature)
            .map(|signature| (signature, signed))
            .map_err(|_| "its signature is damaged".to_owned()),
        _ => Err("it has more than one signature".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::KeyKind;

    const COMMIT: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor Jo <jo@acme.example> 1790000000 +0000\n\
                          committer Jo <jo@acme.example> 1790000000 +0000\n\nNothing yet\n";

    fn repository() -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repository::init_bare(folder.path()).unwrap();
        repo.treebuilder(None).unwrap().write().unwrap();
        (folder, repo)
    }

    fn key(kind: KeyKind) -> DeployKey {
        DeployKey::generate_kind(kind).unwrap_or_else(|error| panic!("{error}"))
    }

    fn allowed(key: &DeployKey) -> AllowedSigners {
        AllowedSigners::parse(&key.allowed_signer_line("jo@acme.example")).unwrap()
    }

    #[test]
    fn a_signature_is_verified_and_signing_again_gives_the_same_commit() {
        let (_folder, repo) = repository();
        for kind in [KeyKind::Ed25519, KeyKind::Ecdsa, KeyKind::EcdsaP384] {
            let key = key(kind);
            let first = signed(&repo, COMMIT.as_bytes(), &key).unwrap();
            assert_eq!(first, signed(&repo, COMMIT.as_bytes(), &key).unwrap(), "{kind:?}");
            let commit = repo.find_commit(first).unwrap();
            assert_eq!(
                verify(&repo, &commit, &allowed(&key)),
                Ok("jo@acme.example".to_owned()),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_changed_commit_a_foreign_key_and_a_missing_signature_are_not_accepted() {
        let (_folder, repo) = repository();
        let (jo, al) = (key(KeyKind::Ed25519), key(KeyKind::Ed25519));
        let good = signed(&repo, COMMIT.as_bytes(), &jo).unwrap();
        let raw = repo.odb().unwrap().read(good).unwrap().data().to_vec();
        let raw = String::from_utf8(raw).unwrap();
        let unsigned = COMMIT.to_owned();
        let block = raw[raw.find("gpgsig").unwrap()..raw.find("\n\nNothing").unwrap()].to_owned();
        let inside_the_message = format!("{COMMIT}\n{block}\n");
        for (text, by, why) in [
            (raw.clone(), &al, "not among the allowed signers"),
            (
                raw.replace("Nothing yet", "Nothing now"),
                &jo,
                "does not match its content",
            ),
            (raw.replace("author Jo", "author Al"), &jo, "does not match its content"),
            (unsigned, &jo, "not signed"),
            (inside_the_message, &jo, "not signed"),
            (
                raw.replace("\n\nNothing", &format!("\n{block}\n\nNothing")),
                &jo,
                "more than one signature",
            ),
            (raw.replace("SSH SIGNATURE", "PGP SIGNATURE"), &jo, "GPG"),
            (raw.replace("SSH SIGNATURE", "SIGNED MESSAGE"), &jo, "X.509"),
            (raw.replace("SSH SIGNATURE", "NOTE"), &jo, "unknown kind"),
            (raw.replace("U1NIU0lH", "U1NIU0lI"), &jo, "damaged"),
        ] {
            let id = repo.odb().unwrap().write(ObjectType::Commit, text.as_bytes()).unwrap();
            let commit = repo.find_commit(id).unwrap();
            let reason = verify(&repo, &commit, &allowed(by)).unwrap_err();
            assert!(reason.contains(why), "{why}: {reason}\n{text}");
        }
    }

    #[test]
    fn a_signature_for_another_purpose_is_not_accepted() {
        let (_folder, repo) = repository();
        let key = key(KeyKind::Ed25519);
        let signature = key
            .private_key()
            .sign("file", HashAlg::Sha512, COMMIT.as_bytes())
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .unwrap();
        let id = repo.commit_signed(COMMIT, signature.trim_end(), None).unwrap();
        let reason = verify(&repo, &repo.find_commit(id).unwrap(), &allowed(&key)).unwrap_err();
        assert!(reason.contains("made for \"file\""), "{reason}");
    }
}
