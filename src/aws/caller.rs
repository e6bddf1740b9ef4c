//! Who the agent is at AWS, and what to write into policies for that identity.

use super::ecr_host::EcrHost;
use super::endpoint::Endpoint;
use super::failure::CredentialsFailure;
use super::identity::Identity;
use super::sdk::Sdk;
use super::text::{chain, source};
use super::trust::principal_of;

/// Who signs the requests of an identity, as AWS names it: `arn:aws:sts::111122223333:assumed-role/tidegate/tidegate`.
///
/// # Errors
/// The identity has no credentials, or STS did not answer. The text says what to do.
pub async fn caller(sdk: &Sdk, identity: &Identity, endpoint: &Endpoint) -> Result<String, String> {
    let config = sdk.load(identity, endpoint).await;
    let answer = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    match answer {
        Ok(answer) => Ok(answer.arn.unwrap_or_default()),
        Err(error) => Err(match source::<CredentialsFailure>(&error) {
            Some(failure) => failure.to_string(),
            None => format!(
                "sts:GetCallerIdentity in {} failed: {}; check that the agent reaches the STS of the region",
                endpoint.region,
                chain(&error)
            ),
        }),
    }
}

/// What to add so that a caller may read a repository: a statement for the policies of its role and, if the registry belongs to
/// another account, a statement for the repository's own policy.
pub fn statements_for_reading(caller: &str, host: &EcrHost, repository: &str) -> Vec<(String, String)> {
    let action = "ecr:DescribeImages";
    let who = principal_of(caller).unwrap_or_else(|| caller.to_owned());
    let own = serde_json::json!({"Effect": "Allow", "Action": action, "Resource": host.arn(repository)});
    let mut statements = vec![(format!("the policies of {who}"), own.to_string())];
    if caller.split(':').nth(4) != Some(host.account.as_str()) {
        let shared = serde_json::json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": action});
        let place = format!("the repository policy of {}", host.arn(repository));
        statements.push((place, shared.to_string()));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_name_the_partition_and_of_another_account_both_policies() {
        let host = EcrHost::parse("444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn").unwrap();
        let own = statements_for_reading("arn:aws-cn:sts::444455556666:assumed-role/a/b", &host, "shop/web");
        assert_eq!(own.len(), 1);
        assert!(
            own[0]
                .1
                .contains("arn:aws-cn:ecr:cn-north-1:444455556666:repository/shop/web"),
            "{own:?}"
        );
        let other = statements_for_reading("arn:aws-cn:sts::111122223333:assumed-role/a/b", &host, "shop/web");
        assert!(other[1].1.contains("arn:aws-cn:iam::111122223333:role/a"), "{other:?}");
    }
}
