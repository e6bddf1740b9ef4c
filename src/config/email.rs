use super::report::Report;
use super::text::{FromText, NonEmpty, Text, choices};
use crate::notify::{EmailSettings, EmailTls, ReceiverSettings, mailbox_mistake};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A mail server, and who gets mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["server", "from", "to"]))]
pub(super) struct Email {
    /// Name of the mail server.
    server: Option<Text<ServerName>>,
    /// Port of the mail server. Default: 587 with `starttls`, 465 with `implicit`, 25 with `none`.
    port: Option<u16>,
    /// Encryption: `starttls`, `implicit` (from the first byte) or `none`.
    tls: Text<EmailTls>,
    /// Sender, e.g. `Tidegate <tidegate@acme.example>`.
    from: Option<Text<MailAddress>>,
    /// Receivers.
    to: Vec<Text<MailAddress>>,
    /// User's name, where the server asks for a login.
    user: Option<Text<NonEmpty>>,
    /// File with the user's password. The file may change at any time.
    password_file: Option<Text<PathBuf>>,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            server: None,
            port: None,
            tls: Text::known("starttls"),
            from: None,
            to: Vec::new(),
            user: None,
            password_file: None,
        }
    }
}

impl Email {
    pub(super) fn settings(self, report: &Report, path: &str) -> Option<ReceiverSettings> {
        if self.server.is_none() {
            report.missing(&format!("{path}.server"), "write the name of the mail server");
        }
        if self.from.is_none() {
            report.missing(&format!("{path}.from"), "write the sender's address");
        }
        if self.to.is_empty() {
            report.missing(&format!("{path}.to"), "write the receivers' addresses");
        }
        if self.user.is_some() != self.password_file.is_some() {
            report.mistake(path, "user and passwordFile belong together: write both or none");
        }
        if self.user.is_some() && self.tls.value == EmailTls::None {
            let message =
                "without encryption everybody on the network path can read the password: write starttls or implicit";
            report.mistake(&format!("{path}.tls"), message);
        }
        let user = self.user.map(|user| user.value.0);
        let port = match self.tls.value {
            EmailTls::StartTls => 587,
            EmailTls::Implicit => 465,
            EmailTls::None => 25,
        };
        Some(ReceiverSettings::Email(EmailSettings {
            server: self.server?.value.0,
            port: self.port.unwrap_or(port),
            tls: self.tls.value,
            from: self.from?.value.0,
            to: self.to.into_iter().map(|to| to.value.0).collect(),
            login: user.zip(self.password_file.map(|file| file.value)),
        }))
    }
}

choices!(EmailTls: "starttls" => Self::StartTls, "implicit" => Self::Implicit, "none" => Self::None);

/// An address that mail goes to or comes from.
#[derive(Debug)]
struct MailAddress(String);

impl FromText for MailAddress {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "@"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match mailbox_mistake(text) {
            None => Ok(Self(text.to_owned())),
            Some(mistake) => Err(mistake),
        }
    }
}

/// The name or IP address of a server, without scheme and port.
#[derive(Debug)]
struct ServerName(String);

impl FromText for ServerName {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[A-Za-z0-9.:-]+$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_name = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte));
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{text:?} is not the name of a server; write it like smtp.acme.example"
            )),
        }
    }
}
