use super::reach::{Reach, Remote};
use super::service_account::ServiceAccount;
use crate::cluster::secrets::SecretStore;
use crate::model::with_causes;
use crate::port::{HomeSecrets as _, SecretName};
use futures::future::{BoxFuture, FutureExt as _};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use sha2::{Digest as _, Sha256};

/// A server by a kubeconfig in a Secret of the agent's own namespace.
pub(in crate::cluster) struct KubeconfigSecret {
    pub(in crate::cluster) secrets: SecretStore,
    pub(in crate::cluster) secret: String,
    pub(in crate::cluster) entry: String,
    pub(in crate::cluster) context: Option<String>,
    pub(in crate::cluster) account: Option<ServiceAccount>,
}

impl KubeconfigSecret {
    async fn look_up(&self) -> Result<Reach, String> {
        let (secret, entry) = (&self.secret, &self.entry);
        let name = SecretName {
            namespace: self.secrets.namespace().to_owned(),
            name: secret.clone(),
        };
        let found = self.secrets.read(&name).await;
        let entries = found.map_err(|failure| format!("{name} cannot be read: {failure}"))?;
        let bytes = entries
            .get(entry)
            .ok_or_else(|| format!("{name} has no entry {entry}; create it with a kubeconfig in {entry}"))?;
        let wrong = |why: String| format!("the kubeconfig in {name}, entry {entry}, cannot be used: {why}");
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        // The reader's own message may quote the text, which holds keys.
        let file = Kubeconfig::from_yaml(text).map_err(|_| wrong("it is not a kubeconfig".to_owned()))?;
        check(&file, self.context.as_deref()).map_err(wrong)?;
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(|error| wrong(with_causes(&error)))?;
        if let Some(account) = &self.account {
            config.auth_info.impersonate = Some(account.user());
        }
        Ok(Reach {
            config,
            version: hex::encode(Sha256::digest(bytes.expose())),
        })
    }
}

/// Refuses what would start a program or read a file of the agent's own container.
fn check(file: &Kubeconfig, context: Option<&str>) -> Result<(), String> {
    let context = context.or(file.current_context.as_deref());
    let context = context.ok_or("it has no current-context; name one in the configuration, with kubeconfig.context")?;
    let found = file.contexts.iter().find(|named| named.name == context);
    let found = found.and_then(|named| named.context.as_ref());
    let found = found.ok_or_else(|| format!("it has no context {context:?}"))?;
    let cluster = file.clusters.iter().find(|named| named.name == found.cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| format!("it has no cluster {:?}", found.cluster))?;
    if cluster.certificate_authority.is_some() {
        return Err(
            "it names a file in certificate-authority; write the content into certificate-authority-data".to_owned(),
        );
    }
    let users = file
        .auth_infos
        .iter()
        .filter(|user| found.user.as_ref() == Some(&user.name));
    for user in users.filter_map(|user| user.auth_info.as_ref()) {
        if user.exec.is_some() {
            return Err("its user has an exec plugin, and the agent starts no program for credentials; for EKS write targets[].eks, \
                        else use the token of a service account or a client certificate"
                .to_owned());
        }
        if user.auth_provider.is_some() {
            return Err(
                "its user has an auth-provider, which the agent does not run; use the token of a service account"
                    .to_owned(),
            );
        }
        for (is_set, key, instead) in [
            (user.token_file.is_some(), "tokenFile", "token"),
            (
                user.client_certificate.is_some(),
                "client-certificate",
                "client-certificate-data",
            ),
            (user.client_key.is_some(), "client-key", "client-key-data"),
        ] {
            if is_set {
                return Err(format!("it names a file in {key}; write the content into {instead}"));
            }
        }
    }
    Ok(())
}

impl Remote for KubeconfigSecret {
    fn reach(&self) -> BoxFuture<'_, Result<Reach, String>> {
        self.look_up().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> Kubeconfig {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
             clusters: [{{name: a, cluster: {{server: \"https://127.0.0.1:1\"{cluster}}}}}]\nusers: [{{name: a, user: {{{user}}}}}]\n"
        );
        Kubeconfig::from_yaml(&text).unwrap()
    }

    #[test]
    fn programs_and_files_are_refused_with_what_to_write() {
        for (cluster, user, part) in [
            (
                "",
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}",
                "write targets[].eks",
            ),
            ("", "auth-provider: {name: gcp}", "auth-provider"),
            ("", "tokenFile: /var/run/token", "write the content into token"),
            ("", "client-certificate: /a.crt", "client-certificate-data"),
            ("", "client-key: /a.key", "client-key-data"),
            (
                ", certificate-authority: /ca.crt",
                "token: t",
                "certificate-authority-data",
            ),
        ] {
            let error = check(&kubeconfig(cluster, user), None).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(check(&kubeconfig("", "token: t"), None).is_ok());
        assert!(
            check(&kubeconfig("", "token: t"), Some("b"))
                .unwrap_err()
                .contains("no context \"b\"")
        );
    }
}
