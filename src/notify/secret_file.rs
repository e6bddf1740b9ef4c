use super::failure::unusable_file;
use crate::model::Secret;
use crate::port::DeliveryFailure;
use crate::telemetry::{remember_address, remember_token};
use std::path::Path;
use tokio::io::AsyncReadExt as _;

/// The longest file, in bytes: an address, a token or a key is one line of text.
const MAX_FILE: u64 = 4096;

/// Reads an address from a file.
///
/// # Errors
/// As [`read_word`].
pub(super) async fn read_address(path: &Path, what: &str) -> Result<Secret, DeliveryFailure> {
    let address = read_word(path, what).await?;
    remember_address(&address);
    Ok(address)
}

/// Reads one word from a file: a token or a key.
///
/// # Errors
/// The file cannot be read, or holds no single word of printable ASCII characters.
pub(super) async fn read_word(path: &Path, what: &str) -> Result<Secret, DeliveryFailure> {
    let unusable = |why: &str| unusable_file(path, what, why);
    let file = tokio::fs::File::open(path).await;
    let file = file.map_err(|error| unusable(&error.to_string()))?;
    let mut text = String::new();
    let read = file.take(MAX_FILE).read_to_string(&mut text).await;
    read.map_err(|error| unusable(&error.to_string()))?;
    let word = text.trim();
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable("the file does not contain one word of ASCII characters"));
    }
    let word = Secret::new(word);
    remember_token(&word);
    Ok(word)
}
