use super::endpoint::Endpoint;
use super::failure::{CredentialsFailure, RoleFailure};
use super::kept::Kept;
use super::role::Role;
use super::source::Source;
use super::text::{chain, plain, source};
use super::trust::{assume_statement, principal, trust_statement};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use futures::future::{BoxFuture, FutureExt as _};
use std::sync::Arc;
use std::time::SystemTime;

/// The session's name where the configuration gives none.
const SESSION: &str = "tidegate";
const EXPIRED: [&str; 2] = ["ExpiredToken", "ExpiredTokenException"];
const UNKNOWN_KEY: [&str; 3] = [
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
];

/// Assumes a role at the STS of a region, with the credentials of another identity.
pub(super) struct AssumeRole {
    role: Role,
    region: String,
    client: Client,
    base: Arc<Kept>,
}

impl AssumeRole {
    pub(super) fn new(role: Role, config: &SdkConfig, base: Arc<Kept>, endpoint: &Endpoint) -> Self {
        Self {
            role,
            region: endpoint.region.clone(),
            client: Client::new(config),
            base,
        }
    }

    /// One session. If AWS says that the credentials of the base ended, they are fetched anew once.
    async fn assume(&self) -> Result<Credentials, CredentialsFailure> {
        // Without this call the SDK would hide the failure of the base in an error about the connection.
        self.base.get().await?;
        let answer = match self.call().await {
            Err(SdkError::ServiceError(error)) if error.err().code().is_some_and(|code| EXPIRED.contains(&code)) => {
                self.base.forget();
                self.base.get().await?;
                self.call().await
            }
            answer => answer,
        };
        match answer {
            Ok(output) => self.credentials(output),
            Err(error) => Err(source::<CredentialsFailure>(&error)
                .cloned()
                .unwrap_or_else(|| self.failure(&error))),
        }
    }

    async fn call(&self) -> Result<AssumeRoleOutput, SdkError<AssumeRoleError>> {
        let session = self.role.session_name.as_ref().map_or(SESSION, |name| name.as_str());
        self.client
            .assume_role()
            .role_arn(self.role.arn.to_string())
            .role_session_name(session)
            .set_external_id(self.role.external_id.as_ref().map(|id| id.as_str().to_owned()))
            .send()
            .await
    }

    fn credentials(&self, output: AssumeRoleOutput) -> Result<Credentials, CredentialsFailure> {
        let found = output.credentials.ok_or_else(|| {
            let why = "the answer of STS has no credentials".to_owned();
            self.refused(false, why, "the next call tries again".to_owned())
        })?;
        let ends = SystemTime::try_from(found.expiration).ok();
        let (key, secret) = (found.access_key_id, found.secret_access_key);
        Ok(Credentials::new(
            key,
            secret,
            Some(found.session_token),
            ends,
            "AssumeRole",
        ))
    }

    fn failure(&self, error: &SdkError<AssumeRoleError>) -> CredentialsFailure {
        let SdkError::ServiceError(answer) = error else {
            let remedy = format!(
                "check that the agent reaches the STS of {} (route, proxy, security group, VPC endpoint sts)",
                self.region
            );
            return self.refused(false, chain(error), remedy);
        };
        let code = answer.err().code().map(plain).unwrap_or_default();
        let message = answer.err().message().map(plain).unwrap_or_default();
        let status = answer.raw().status().as_u16();
        let why = match (&*code, &*message) {
            ("", _) => format!("STS responded with HTTP {status}"),
            (code, "") => format!("STS reported {code}"),
            (code, message) => format!("STS reported {code}: {}", message.trim_end_matches('.')),
        };
        let is_throttled = code.contains("Throttl") || status == 429;
        self.refused(status < 500 && !is_throttled, why, self.remedy(&code, &message))
    }

    fn remedy(&self, code: &str, message: &str) -> String {
        let Role { arn, external_id, .. } = &self.role;
        if code.starts_with("AccessDenied") {
            let caller = principal(message);
            let whom = caller.as_deref().unwrap_or("<the role of the agent>");
            let asks = match external_id {
                Some(_) => "",
                None => "; if the trust policy asks for an external ID, set externalId",
            };
            return format!(
                "add to the trust policy of {arn}: {}; and to the policies of {whom}: {}{asks}",
                trust_statement(whom, external_id.as_ref()),
                assume_statement(arn)
            );
        }
        if code == "RegionDisabledException" {
            return format!("activate STS for {} in the account settings of IAM", self.region);
        }
        if EXPIRED.contains(&code) {
            return "the credentials that assume the role ended, and there are no newer ones; renew them at their source"
                .to_owned();
        }
        if UNKNOWN_KEY.contains(&code) {
            return format!(
                "STS does not know the credentials that assume the role; check that they belong to the partition {}, that the \
                 region is enabled and that the clock of the agent's node is right",
                arn.partition().name
            );
        }
        if code.contains("Validation") {
            return "correct roleArn, externalId and sessionName in the configuration".to_owned();
        }
        "the next call tries again".to_owned()
    }

    fn refused(&self, refused: bool, why: String, remedy: String) -> CredentialsFailure {
        CredentialsFailure::Role(Box::new(RoleFailure {
            role: self.role.arn.clone(),
            region: self.region.clone(),
            refused,
            why,
            remedy,
        }))
    }
}

impl Source for AssumeRole {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialsFailure>> {
        self.assume().boxed()
    }

    fn identity(&self) -> String {
        format!("the role {}", self.role.arn)
    }
}
