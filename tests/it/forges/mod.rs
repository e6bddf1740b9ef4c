//! The forges that cannot be run here: each client talks to a stand-in over HTTP, and whatever either of them says is held
//! against what the forge has published.

mod failures;
mod scene;
mod story;
