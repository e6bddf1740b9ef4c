mod fake_repo;
mod lost_history;
mod partial_history;
mod pass;
mod propose;
mod scene;
