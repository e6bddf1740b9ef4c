use super::connection::Connection;
use super::resource_path::collection_path;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, Deletion, Dependents};
use crate::resource::{ObservedObject, ServedKind};
use kube::api::{DeleteParams, Preconditions};
use kube::core::Request;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);

/// Deletes one object, on the condition that its UID and version are those of `seen`.
pub(super) async fn delete(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    seen: &ObservedObject,
    dependents: Dependents,
) -> Result<Deletion, ClusterFailure> {
    let path = collection_path(kind, id)?;
    let params = match dependents {
        Dependents::After => DeleteParams::background(),
        Dependents::Before => DeleteParams::foreground(),
        Dependents::Stay => DeleteParams::orphan(),
    };
    let params = params.preconditions(Preconditions {
        uid: Some(seen.uid.clone()),
        resource_version: Some(seen.version.as_str().to_owned()),
    });
    let request = async {
        let request = Request::new(path)
            .delete(&id.name, &params)
            .map_err(kube::Error::BuildRequest)?;
        match connection.client.request_text(request).await {
            Ok(_) => Ok(Deletion::Accepted),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Deletion::Absent),
            Err(error) => Err(error),
        }
    };
    connection.within(DEADLINE, request).await
}
