use super::error::Error;
use std::path::Path;

/// Lists of keys are a few kilobytes.
const LARGEST: u64 = 4 << 20;

/// The text of a file with known_hosts or allowed_signers.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let failed = |cause| Error::Read {
        path: path.to_owned(),
        cause,
    };
    if std::fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            limit: LARGEST,
        });
    }
    std::fs::read_to_string(path).map_err(failed)
}
