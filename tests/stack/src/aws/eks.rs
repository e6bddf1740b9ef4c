//! EKS: REST with JSON. One operation, `GET /clusters/NAME`.

use base64::Engine as _;
use serde_json::json;

use super::server::Answer;
use super::state::{Principal, State};

pub(super) fn failure(status: u16, code: &str, message: &str) -> Answer {
    Answer {
        status,
        kind: "application/json",
        body: json!({"__type": code, "message": message}).to_string(),
    }
}

pub(super) fn answer(state: &mut State, path: &str, caller: &Principal, region: &str) -> Answer {
    let Some(name) = path.strip_prefix("/clusters/").filter(|name| !name.contains('/')) else {
        return failure(404, "UnknownOperationException", "");
    };
    state.note("DescribeCluster", region, caller, name, "");
    if state.out_of_order.contains("DescribeCluster") {
        return failure(503, "ServerException", "the service is out of order");
    }
    let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
    let arn = format!("arn:{partition}:eks:{region}:{}:cluster/{name}", caller.account);
    if !state.may_describe.is_empty() && !state.may_describe.contains(&caller.iam_arn) {
        let message = format!(
            "User: {} is not authorized to perform: eks:DescribeCluster on resource: {arn}",
            caller.arn
        );
        return failure(403, "AccessDeniedException", &message);
    }
    let Some(cluster) = state.clusters.get(&(region.to_owned(), name.to_owned())) else {
        return failure(
            404,
            "ResourceNotFoundException",
            &format!("No cluster found for name: {name}."),
        );
    };
    let mut found = json!({
        "name": name, "arn": arn, "version": "1.35", "status": cluster.status,
        "createdAt": 1_700_000_000.5, "roleArn": format!("arn:{partition}:iam::{}:role/eks", caller.account),
        "resourcesVpcConfig": {"subnetIds": [], "securityGroupIds": [], "endpointPublicAccess": true,
            "endpointPrivateAccess": false, "publicAccessCidrs": ["0.0.0.0/0"]},
        "tags": {}, "platformVersion": "eks.1",
    });
    if cluster.status == "ACTIVE" {
        found["endpoint"] = json!(cluster.endpoint);
        let data = base64::engine::general_purpose::STANDARD.encode(&cluster.authority);
        found["certificateAuthority"] = json!({"data": data});
    }
    Answer {
        status: 200,
        kind: "application/json",
        body: json!({"cluster": found}).to_string(),
    }
}
