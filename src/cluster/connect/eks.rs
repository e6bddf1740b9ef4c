use super::reach::{Reach, Remote};
use super::service_account::ServiceAccount;
use crate::aws::{EksAddress, EksCluster};
use crate::model::Secret;
use futures::future::{BoxFuture, FutureExt as _};

/// A cluster of EKS. Its address comes from EKS, unless the configuration has it; each request has a token of its identity.
pub(in crate::cluster) struct Eks {
    pub(in crate::cluster) cluster: EksCluster,
    pub(in crate::cluster) address: Option<EksAddress>,
    pub(in crate::cluster) account: Option<ServiceAccount>,
}

impl Eks {
    async fn look_up(&self) -> Result<Reach, String> {
        let address = match &self.address {
            Some(address) => address.clone(),
            None => self.cluster.describe().await.map_err(|error| error.to_string())?,
        };
        let url = address.endpoint.parse();
        let url = url.map_err(|_| format!("{}: {:?} is no address", self.cluster.shown(), address.endpoint))?;
        let mut config = kube::Config::new(url);
        let blocks = super::pem::blocks(&address.authority);
        config.root_cert =
            Some(blocks.ok_or_else(|| format!("{}: its certificate authority is not PEM", self.cluster.shown()))?);
        if let Some(account) = &self.account {
            config.auth_info.impersonate = Some(account.user());
        }
        let version = format!("{} {}", address.endpoint, hex::encode(&address.authority));
        Ok(Reach { config, version })
    }
}

impl Remote for Eks {
    fn reach(&self) -> BoxFuture<'_, Result<Reach, String>> {
        self.look_up().boxed()
    }

    fn bearer(&self) -> BoxFuture<'_, Result<Option<Secret>, String>> {
        async {
            let token = self.cluster.token().await;
            token.map(Some).map_err(|error| error.to_string())
        }
        .boxed()
    }

    fn forget(&self) {
        self.cluster.forget_token();
    }
}
