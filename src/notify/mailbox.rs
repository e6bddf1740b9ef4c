use lettre::address::Address;

/// The longest name before an address, in bytes: an encoded word has at most 75 characters.
const LONGEST_NAME: usize = 45;

/// What is wrong with the address of a sender or receiver; `None` if nothing is.
pub fn mailbox_mistake(text: &str) -> Option<String> {
    mailbox(text)
        .is_none()
        .then(|| format!("{text:?} is not an e-mail address; write it like ops@acme.example or Ops <ops@acme.example>"))
}

/// The name, which may be empty, and the address of `Ops <ops@acme.example>` or `ops@acme.example`.
pub(super) fn mailbox(text: &str) -> Option<(&str, Address)> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>') {
        Some(text) => text.split_once('<')?,
        None => ("", text),
    };
    let is_plain = name.trim().len() <= LONGEST_NAME
        && !name.contains(['<', '>', ',', '"'])
        && !name.chars().any(char::is_control);
    Some((name.trim(), address.parse().ok()?)).filter(|_| is_plain)
}
