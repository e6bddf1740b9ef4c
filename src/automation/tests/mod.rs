mod fake_repo;
mod lost_history;
mod names;
mod partial_history;
mod pass;
mod propose;
mod scene;
