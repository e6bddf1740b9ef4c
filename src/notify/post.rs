use super::address::{NoLinkLocal, receiver};
use super::failure;
use super::request::Request;
use super::secret_file::{read_address, read_word};
use super::settings::{Address, ReceiverSettings};
use super::{commit_status, discord, email, pager_duty, slack, teams, webhook};
use crate::model::Secret;
use crate::port::{DeliveryFailure, Message, Messenger, Retry};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use std::sync::Arc;
use std::time::Duration;

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time for a request, up to the last byte of its response.
const TIMEOUT: Duration = Duration::from_secs(30);
/// As much of a response is read as an error shows, and room for escapes.
const MAX_RESPONSE: usize = 4096;

/// No HTTP client can be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot build an HTTP client")]
pub struct ClientError(#[source] reqwest::Error);

/// One receiver.
pub struct Receiver {
    client: Client,
    settings: ReceiverSettings,
}

impl Receiver {
    /// Sends nothing yet, and reads no file.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(settings: ReceiverSettings) -> Result<Self, ClientError> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .dns_resolver(Arc::new(NoLinkLocal))
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError)?;
        Ok(Self { client, settings })
    }

    /// The requests for a message, in their order.
    async fn requests(&self, message: &Message) -> Result<Vec<Request>, DeliveryFailure> {
        match &self.settings {
            ReceiverSettings::Webhook { address, secret_file } => {
                let url = match address {
                    Address::Url(url) => Secret::new(url.clone()),
                    Address::File(file) => read_address(file, "the receiver's address").await?,
                };
                let secret = match secret_file {
                    Some(file) => Some(read_word(file, "the secret that signs notifications").await?),
                    None => None,
                };
                Ok(vec![webhook::request(url, secret.as_ref(), message)])
            }
            ReceiverSettings::Slack { url_file } => {
                let url = read_address(url_file, "the address of Slack's webhook").await?;
                Ok(vec![Request::json(url, &slack::body(message))])
            }
            ReceiverSettings::Teams { url_file } => {
                let url = read_address(url_file, "the address of the workflow in Teams").await?;
                Ok(vec![Request::json(url, &teams::body(message))])
            }
            ReceiverSettings::Discord { url_file } => {
                let url = read_address(url_file, "the address of Discord's webhook").await?;
                Ok(vec![Request::json(url, &discord::body(message))])
            }
            ReceiverSettings::CommitStatus {
                forge,
                api,
                project,
                token_file,
                context,
            } => {
                let token = read_word(token_file, "the forge's token").await?;
                let site = commit_status::Site {
                    forge: *forge,
                    api,
                    project,
                    context,
                };
                Ok(commit_status::requests(&site, &token, message))
            }
            // Mail goes another way.
            ReceiverSettings::Email(_) => Ok(Vec::new()),
            ReceiverSettings::PagerDuty { key_file, api } => {
                let key = read_word(key_file, "PagerDuty's integration key").await?;
                Ok(pager_duty::requests(api, &key, message))
            }
        }
    }

    async fn send_all(&self, message: &Message) -> Result<(), DeliveryFailure> {
        if let ReceiverSettings::Email(settings) = &self.settings {
            return email::send(settings, message).await;
        }
        let mut refused = None;
        for request in self.requests(message).await? {
            match self.send(request).await {
                // The forge may not know one commit, and takes the statuses of others.
                Err(failure) if failure.retry == Retry::Never => refused = Some(failure),
                sent => sent?,
            }
        }
        refused.map_or(Ok(()), Err)
    }

    async fn send(&self, request: Request) -> Result<(), DeliveryFailure> {
        let url = receiver(request.url.expose()).ok_or_else(|| DeliveryFailure {
            message: "the receiver's address is not valid: expected one like https://chat.acme.example/hooks/1"
                .to_owned(),
            retry: Retry::Later,
        })?;
        let mut sent = self.client.post(url).header(CONTENT_TYPE, "application/json");
        for (name, value) in &request.headers {
            sent = sent.header(*name, value.expose());
        }
        let response = sent.body(request.body).send().await;
        let mut response = response.map_err(|error| failure::no_answer(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|wait| wait.to_str().ok()?.trim().parse::<f64>().ok());
        // Discord writes fractions.
        let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds.ceil()).ok());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MAX_RESPONSE {
                body.truncate(MAX_RESPONSE);
                break;
            }
        }
        if commit_status::is_known(&body) {
            return Ok(());
        }
        Err(failure::refused(status.as_u16(), &body, wait))
    }
}

impl Messenger for Receiver {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), DeliveryFailure>> {
        self.send_all(message).boxed()
    }
}
