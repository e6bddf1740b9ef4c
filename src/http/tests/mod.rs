mod api;
mod client;
mod scene;
mod server;
mod webhook;
