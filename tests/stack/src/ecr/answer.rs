//! The errors of the API with the texts of ECR, and JSON responses.

use std::fmt;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};

/// The error codes of the field `__type`.
///
/// The AWS front end returns some errors before the service receives the request. Their codes have a namespace, which SDKs
/// strip.
pub(super) mod codes {
    pub(in crate::ecr) const ACCESS_DENIED: &str = "AccessDeniedException";
    pub(in crate::ecr) const DIGEST_MISMATCH: &str = "ImageDigestDoesNotMatchException";
    pub(in crate::ecr) const EXPIRED_TOKEN: &str = "com.amazon.coral.service#ExpiredTokenException";
    pub(in crate::ecr) const IMAGE_EXISTS: &str = "ImageAlreadyExistsException";
    pub(in crate::ecr) const IMAGE_NOT_FOUND: &str = "ImageNotFoundException";
    pub(in crate::ecr) const INCOMPLETE_SIGNATURE: &str = "com.amazon.coral.service#IncompleteSignatureException";
    pub(in crate::ecr) const INVALID_PARAMETER: &str = "InvalidParameterException";
    pub(in crate::ecr) const INVALID_SIGNATURE: &str = "com.amazon.coral.service#InvalidSignatureException";
    pub(in crate::ecr) const MISSING_TOKEN: &str = "com.amazon.coral.service#MissingAuthenticationTokenException";
    pub(in crate::ecr) const REFERENCED_NOT_FOUND: &str = "ReferencedImagesNotFoundException";
    pub(in crate::ecr) const REPOSITORY_EXISTS: &str = "RepositoryAlreadyExistsException";
    pub(in crate::ecr) const REPOSITORY_NOT_FOUND: &str = "RepositoryNotFoundException";
    pub(in crate::ecr) const SERIALIZATION: &str = "com.amazon.coral.service#SerializationException";
    pub(in crate::ecr) const SERVER: &str = "ServerException";
    pub(in crate::ecr) const TAG_EXISTS: &str = "ImageTagAlreadyExistsException";
    pub(in crate::ecr) const THROTTLING: &str = "ThrottlingException";
    pub(in crate::ecr) const UNKNOWN_OPERATION: &str = "com.amazon.coral.service#UnknownOperationException";
    pub(in crate::ecr) const UNRECOGNIZED_CLIENT: &str = "com.amazon.coral.service#UnrecognizedClientException";
}

/// An error response of the API. As a Rust error, its text is `Code: message`.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// An error with status 400. ECR uses this status for everything except its own faults.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn invalid(parameter: &str, constraint: &str) -> Self {
        let message = format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'");
        Self::new(codes::INVALID_PARAMETER, message)
    }

    pub(super) fn no_repository(name: &str, account: &str) -> Self {
        let message = format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        Self::new(codes::REPOSITORY_NOT_FOUND, message)
    }

    pub(super) fn denied(principal: &str, operation: &str, resource: &str, policy: &str) -> Self {
        let message = format!(
            "User: {principal} is not authorized to perform: ecr:{operation} on resource: {resource} \
             because no {policy} policy allows the ecr:{operation} action"
        );
        Self::new(codes::ACCESS_DENIED, message)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        if matches!(self.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) {
            let page = format!("<html><body><h1>{}</h1></body></html>", self.status);
            return respond(self.status, "text/html", page);
        }
        amz_json(self.status, &json!({ "__type": self.code, "message": self.message }))
    }
}

pub(super) fn amz_json(status: StatusCode, body: &Value) -> Response<Body> {
    respond(status, "application/x-amz-json-1.1", body.to_string())
}

/// A complete response with its type and length.
pub(super) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
