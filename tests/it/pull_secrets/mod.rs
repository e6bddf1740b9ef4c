//! Pull secrets: a running agent, a real API server, and the stand-in of ECR.

mod many;
mod refusals;
mod scene;
mod story;
