//! A stand-in for the two services of AWS that an agent of other accounts and clusters calls: STS (AssumeRole,
//! GetCallerIdentity, also presigned) and EKS (DescribeCluster).
//!
//! The path of a request: `server` -> `sigv4` (who signed, and is the signature right?) -> `sts` or `eks`, on the state that a
//! test has set. Access keys are those that the test added, and those of sessions that AssumeRole gave out; the key of a session
//! holds its account, as real keys do, so that the ECR stand-in knows the account without being told.
//!
//! `python/check_aws.py` drives the stand-in with boto3, whose service model and signatures are AWS's own.
//!
//! Deliberately absent: permission policies of the caller. A role has a trust policy: principals, and an external ID.

mod eks;
mod server;
mod sigv4;
mod state;
mod sts;

pub use server::AwsServer;
pub use state::{Call, Cluster, Trust};
