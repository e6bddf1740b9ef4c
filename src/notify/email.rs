use super::address::leads_to_the_link;
use super::chat::{lines, title};
use super::failure::unreachable_host;
use super::mailbox::mailbox;
use super::secret_file::read_word;
use super::settings::{EmailSettings, EmailTls};
use crate::model::{Printable, with_causes};
use crate::port::{DeliveryFailure, Message, Retry};
use crate::telemetry::{redacted, remember_login};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport as _, Tokio1Executor};
use std::time::Duration;

/// The longest silence of the mail server.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest part of the server's own words that is shown, in characters.
const MAX_TEXT: usize = 300;

/// Sends a message as one mail to all receivers.
pub(super) async fn send(settings: &EmailSettings, message: &Message) -> Result<(), DeliveryFailure> {
    if leads_to_the_link(&settings.server).await {
        return Err(unreachable_host());
    }
    let (envelope, mail) = mail(settings, message).ok_or_else(|| DeliveryFailure {
        message: "no mail can be made: check from and to".to_owned(),
        retry: Retry::Never,
    })?;
    let parameters = || TlsParameters::new(settings.server.clone()).map_err(|error| not_sent(&error));
    let tls = match settings.tls {
        EmailTls::StartTls => Tls::Required(parameters()?),
        EmailTls::Implicit => Tls::Wrapper(parameters()?),
        EmailTls::None => Tls::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.server.clone())
        .port(settings.port)
        .tls(tls)
        .timeout(Some(TIMEOUT));
    if let Some((user, password_file)) = &settings.login {
        let password = read_word(password_file, "the password for the mail server").await?;
        remember_login(user, &password);
        transport = transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    let sent = transport.build().send_raw(&envelope, mail.as_bytes()).await;
    sent.map(drop).map_err(|error| not_sent(&error))
}

/// The envelope and the mail (RFC 5322): its lines are ASCII, and none is longer than 76 characters but for the headers of many
/// receivers, which are folded.
fn mail(settings: &EmailSettings, message: &Message) -> Option<(Envelope, String)> {
    let from = mailbox(&settings.from)?;
    let to: Vec<_> = settings.to.iter().map(|to| mailbox(to)).collect::<Option<_>>()?;
    let receivers: Vec<String> = to.iter().map(written).collect();
    let envelope = Envelope::new(
        Some(from.1.clone()),
        to.into_iter().map(|(_, address)| address).collect(),
    )
    .ok()?;
    let date = jiff::fmt::rfc2822::to_string(&Timestamp::now().to_zoned(TimeZone::UTC)).ok()?;
    let lines = lines(message, str::to_owned).join("\r\n");
    let body = BASE64_STANDARD.encode(format!("{}\r\n\r\n{lines}\r\n", title(message)));
    let body: Vec<&str> = body
        .as_bytes()
        .chunks(76)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let headers = [
        ("From", written(&from)),
        ("To", receivers.join(",\r\n ")),
        ("Subject", subject(message)),
        ("Date", date),
        ("Message-ID", format!("<{}@tidegate.dev>", message.id)),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("Content-Transfer-Encoding", "base64".to_owned()),
    ];
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    Some((envelope, format!("{headers}\r\n{}\r\n", body.join("\r\n"))))
}

/// A mailbox in a header. A name is an encoded word (RFC 2047), whatever its characters are.
fn written((name, address): &(&str, Address)) -> String {
    match *name {
        "" => address.to_string(),
        name => format!("=?utf-8?B?{}?= <{address}>", BASE64_STANDARD.encode(name)),
    }
}

/// `Tidegate: warning: 3 events: bumped, healthy`.
fn subject(message: &Message) -> String {
    let mut kinds: Vec<&str> = message.notifications.iter().map(|one| one.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let count = match message.count() {
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    };
    format!(
        "Tidegate: {}: {count}: {}",
        message.severity().as_str(),
        kinds.join(", ")
    )
}

/// A server that refuses for good (5xx) refuses the same mail again, except for a login that a person may repair.
fn not_sent(error: &Error) -> DeliveryFailure {
    let code = error.status().map(u16::from);
    let remedy = match code {
        Some(530 | 534 | 535 | 538) => "the mail server refuses the login: check user, passwordFile and tls",
        Some(550..=554) => "the mail server refuses the mail: check from and to",
        Some(_) => "the mail server refuses",
        None => "the mail server cannot be reached, or the connection broke: check server, port and tls",
    };
    let text = redacted(&with_causes(error).to_string());
    let text = Printable::new(&text).with_blanks().at_most(MAX_TEXT).to_string();
    DeliveryFailure {
        message: format!("{remedy}: {text}"),
        retry: match code {
            Some(550..=554) => Retry::Never,
            _ => Retry::Later,
        },
    }
}
